"""Signatures of accounts in OpenSSH's format, made and verified by ``ssh-keygen -Y``.

The format is that of ``PROTOCOL.sshsig`` in OpenSSH: the key is one that its owner already has, and the
file of allowed signers is the one that git uses.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from hpo.core.errors import HpoError, UserError

NAMESPACE = "hpo-account"
"""Namespace of the signatures, so that none made for another purpose is accepted."""

MARK = b"-----BEGIN SSH SIGNATURE-----"


class WrongSignature(HpoError):
    """The signature is not one of this file: the account was changed, or signed with another key."""


def signature_beside(file: Path) -> Path:
    """Return where the signature of a file is: ``FILE.sig``."""
    return file.with_name(f"{file.name}.sig")


def require_key(key: Path) -> None:
    """Refuse a key file that does not exist.

    Raises:
        UserError: If there is no such file.
    """
    if not key.is_file():
        raise UserError(f"--sign {key}: there is no such key file; `ssh-keygen -t ed25519` makes a key")


def sign_file(file: Path, key: Path) -> Path:
    """Sign a file, and return the path of the signature, which replaces an earlier one.

    Args:
        file: The file.
        key: A private SSH key, or a public one whose private key an SSH agent holds. A passphrase is
            asked for on the terminal.

    Raises:
        UserError: If the key cannot be used, or ``ssh-keygen`` is not installed.
    """
    require_key(key)
    program = _program()
    signature_beside(file).unlink(missing_ok=True)
    command = [program, "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(file)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode or not signature_beside(file).is_file():
        raise UserError(f"--sign {key}: ssh-keygen cannot sign with it: {_reason(done.stderr)}")
    return signature_beside(file)


def signer_of(file: Path, signers: Path) -> str:
    """Verify the signature beside a file, and return who signed it.

    Args:
        file: The file; its signature is beside it.
        signers: The signers that are accepted, in the format of ALLOWED SIGNERS in ``man ssh-keygen``:
            a name and a public key a line.

    Raises:
        UserError: If a file is missing or damaged, the signer is unknown, or ``ssh-keygen`` is not
            installed.
        WrongSignature: If the signature is not one of this file.
    """
    signature = signature_beside(file)
    if not signers.is_file():
        raise UserError(
            f"--signers {signers}: there is no such file; write one line `NAME KEYTYPE KEY` for each"
        )
    if not signature.is_file():
        raise UserError(
            f"--account {file}: there is no signature {signature}; `hpo account SEARCH --sign KEY` makes one"
        )
    if MARK not in signature.read_bytes():
        raise UserError(f"{signature}: damaged: not a signature in OpenSSH's format")
    program = _program()
    find = [program, "-Y", "find-principals", "-s", str(signature), "-f", str(signers)]
    process = subprocess.run(find, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if process.returncode or not process.stdout.strip():
        reason = _reason(process.stderr)
        if "armor" in process.stderr or "parse signature" in process.stderr:
            raise UserError(f"{signature}: damaged: not a signature in OpenSSH's format ({reason})")
        raise UserError(f"{signature}: signed with a key that {signers} does not name ({reason})")
    signer = process.stdout.splitlines()[0]
    verify = [
        program,
        "-Y",
        "verify",
        "-f",
        str(signers),
        "-I",
        signer,
        "-n",
        NAMESPACE,
        "-s",
        str(signature),
    ]
    with file.open("rb") as content:
        done = subprocess.run(verify, stdin=content, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WrongSignature(
            f"{signature} is not a signature of {file} by {signer}: the account was changed after it was "
            f"signed, or the signature is damaged or of another file ({_reason(done.stderr or done.stdout)})"
        )
    return signer


def _program() -> str:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise UserError("ssh-keygen is not installed; signatures need OpenSSH 8.2 or later")
    return program


def _reason(output: str) -> str:
    """Return the first line that ``ssh-keygen`` printed about an error."""
    lines = [line.strip().rstrip(".") for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if not line.startswith(("Signing file", "Write signature"))]
    return errors[0][:300] if errors else "it gave no reason"
