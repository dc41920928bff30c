"""A signed account is verified without the home of its search, and every wrong signature is named."""

import json
import shutil
import subprocess

import pytest

from hpo.core.errors import UserError
from hpo.use_cases.account import account_of, sign_account
from hpo.use_cases.audit import audit_account, audit_search
from tests.use_cases.recorded_search import recorded, won

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH is not installed")


def new_key(path, passphrase=""):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path], check=True)
    kind, key, *_ = path.with_name(f"{path.name}.pub").read_text().split()
    return f"{kind} {key}"


@pytest.fixture
def signed(tmp_path, monkeypatch):
    """A home, the account of its search signed by me, and the file of signers."""
    monkeypatch.setenv("HPO_REGISTER", str(tmp_path / "register.db"))
    home = recorded(tmp_path, won())
    public, file = new_key(tmp_path / "key"), tmp_path / "account.json"
    signature = sign_account(account_of("digits", home=home), key=tmp_path / "key", out=file)
    assert signature == tmp_path / "account.json.sig"
    (tmp_path / "signers").write_text(f"me@example.org {public}\n")
    return home, file, tmp_path / "signers"


def test_it_is_verified_elsewhere_without_the_home(signed):
    home, file, signers = signed
    audit = audit_account(file, signers=signers)
    assert (audit.signer, audit.findings, audit.search) == ("me@example.org", (), "digits")
    assert audit_search("digits", home=home, account=file, signers=signers).signer == "me@example.org"
    assert audit_account(file).signer == ""


def test_it_is_a_signature_of_openssh(signed):
    _, file, signers = signed
    command = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "me@example.org", "-n", "hpo-account"]
    with file.open("rb") as content:
        subprocess.run([*command, "-s", f"{file}.sig"], stdin=content, check=True, capture_output=True)


def test_an_account_that_was_changed_after_it_was_signed_is_found(signed):
    _, file, signers = signed
    account = json.loads(file.read_text())
    account["numbers"]["test"]["accuracy"]["value"] = 0.99
    file.write_text(json.dumps(account))
    audit = audit_account(file, signers=signers)
    assert (audit.signer, audit.exit_code) == ("", 1)
    assert "was changed after it was signed" in audit.findings[0].text


def test_a_signature_of_another_purpose_is_not_accepted(signed, tmp_path):
    _, file, signers = signed
    command = ["ssh-keygen", "-Y", "sign", "-f", tmp_path / "key", "-n", "git", file]
    file.with_name("account.json.sig").unlink()
    subprocess.run(command, check=True, capture_output=True)
    assert audit_account(file, signers=signers).exit_code == 1


def test_an_unknown_signer_is_refused(signed, tmp_path):
    _, file, signers = signed
    signers.write_text(f"other@example.org {new_key(tmp_path / 'other')}\n")
    with pytest.raises(UserError, match=r"signed with a key that .*signers does not name"):
        audit_account(file, signers=signers)
    signers.write_text("not a file of signers\n")
    with pytest.raises(UserError, match="signers does not name"):
        audit_account(file, signers=signers)


@pytest.mark.parametrize("keep", [0, 10, 120])
def test_a_damaged_signature_is_refused(signed, keep):
    _, file, signers = signed
    signature = file.with_name("account.json.sig")
    signature.write_bytes(signature.read_bytes()[:keep])
    with pytest.raises(UserError, match="damaged: not a signature in OpenSSH's format"):
        audit_account(file, signers=signers)


def test_a_signature_with_a_flipped_bit_is_not_accepted(signed):
    _, file, signers = signed
    signature = file.with_name("account.json.sig")
    lines = signature.read_text().splitlines()
    lines[-2] = ("A" if lines[-2][0] != "A" else "B") + lines[-2][1:]
    signature.write_text("\n".join(lines) + "\n")
    assert audit_account(file, signers=signers).exit_code == 1


def test_missing_files_are_named(signed, tmp_path):
    home, file, signers = signed
    with pytest.raises(UserError, match=r"--signers .*nobody: there is no such file"):
        audit_account(file, signers=tmp_path / "nobody")
    with pytest.raises(UserError, match=r"--sign .*nokey: there is no such key file"):
        sign_account(account_of("digits", home=home), key=tmp_path / "nokey", out=file)
    with pytest.raises(UserError, match="--signers needs --account"):
        audit_search("digits", home=home, signers=signers)
    file.with_name("account.json.sig").unlink()
    with pytest.raises(UserError, match=r"there is no signature .*account\.json\.sig"):
        audit_account(file, signers=signers)
    with pytest.raises(UserError, match="--out"):
        sign_account(account_of("digits", home=home), key=tmp_path / "key", out=tmp_path / "no" / "file")


def test_a_file_that_is_not_a_key_is_refused_and_replaces_nothing(signed, tmp_path):
    home, file, signers = signed
    before = {path: path.read_bytes() for path in tmp_path.glob("account.json*")}
    (tmp_path / "text").write_text("not a key\n")
    with pytest.raises(UserError, match=r"--sign .*text: ssh-keygen cannot sign with it"):
        sign_account(account_of("digits", home=home), key=tmp_path / "text", out=file)
    assert {path: path.read_bytes() for path in tmp_path.glob("account.json*")} == before
    with pytest.raises(UserError, match="cannot sign"):
        sign_account(account_of("digits", home=home), key=tmp_path / "text", out=tmp_path / "new.json")
    assert not list(tmp_path.glob("*new.json*")) + list(tmp_path.glob(".signing*"))
    assert audit_account(file, signers=signers).signer == "me@example.org"


def test_without_openssh_a_sentence_says_so(signed, tmp_path, monkeypatch):
    home, file, signers = signed
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="ssh-keygen is not installed"):
        audit_account(file, signers=signers)
    with pytest.raises(UserError, match="ssh-keygen is not installed"):
        sign_account(account_of("digits", home=home), key=tmp_path / "key", out=file)
