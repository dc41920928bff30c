"""A profile holds a team's addresses without a password, and stands for environment variables."""

import os
import sys

import pytest

from hpo.core.errors import UserError
from hpo.core.profile import REQUIRED
from hpo.use_cases.profiles import add_profile, applied, load_profile, profile_names, remove_profile

TEAM = {
    "ledger": "postgresql://me@db.example:5432/hpo",
    "store": "s3://bucket/hpo",
    "cluster": "10.0.0.1:6379",
    "tracking": "http://mlflow.example:5000",
}
VARIABLES = ("HPO_LEDGER", "HPO_STORE", "RAY_ADDRESS", "MLFLOW_TRACKING_URI", "HPO_REGISTER", "PGPASSWORD")
SECRET = "Ge@heim-4711"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for variable in (*VARIABLES, "HPO_PRICE_PER_GPU_HOUR"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def test_a_profile_is_a_file_of_its_owner_alone(folder):
    file = add_profile("team", TEAM | {"price_per_gpu_hour": 2.5})
    assert (file.stat().st_mode & 0o777, profile_names()) == (0o600, ["team"])
    assert load_profile("team").to_json() == TEAM | {"price_per_gpu_hour": 2.5}
    with pytest.raises(UserError, match="profile team already exists; --replace replaces it"):
        add_profile("team", TEAM)
    add_profile("team", TEAM, replace=True)
    assert load_profile("team").price_per_gpu_hour is None
    remove_profile("team")
    with pytest.raises(UserError, match="there is no profile 'team'; existing profiles: none yet"):
        load_profile("team")


@pytest.mark.parametrize("missing", REQUIRED)
def test_half_a_profile_names_what_is_missing_and_is_not_written(missing):
    with pytest.raises(UserError, match=f"--{missing}: is missing; legal: "):
        add_profile("team", {field: value for field, value in TEAM.items() if field != missing})
    assert profile_names() == []


@pytest.mark.parametrize(
    ("field", "value", "legal"),
    [
        ("ledger", "mysql://db/hpo", "postgresql://USER@HOST/DATABASE"),
        ("ledger", "sqlite:///relative.db", "postgresql://USER@HOST/DATABASE"),
        ("store", "relative/folder", "the path of a folder from / on"),
        ("cluster", "ray://10.0.0.1:10001", "HOST:PORT of the cluster's head"),
        ("tracking", "mlflow.example:5000", "http://HOST:PORT of an MLflow server"),
        ("price_per_gpu_hour", float("nan"), "a number from 0 on"),
        ("price_per_gpu_hour", -1, "a number from 0 on"),
        ("password_env", "not a name", "the name of an environment variable"),
    ],
)
def test_a_value_that_is_wrong_is_refused_with_the_legal_ones(field, value, legal):
    with pytest.raises(UserError, match=f"--{field.replace('_', '-')}: legal: {legal}"):
        add_profile("team", TEAM | {field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ledger", f"postgresql://me:{SECRET}@db/hpo"),
        ("ledger", f"postgresql://db/hpo?user=me&password={SECRET}"),
        ("register", f"postgresql://me:{SECRET}@db/hpo"),
        ("store", f"s3://key:{SECRET}@bucket/hpo"),
        ("store", f"s3://bucket/hpo?secret_key={SECRET}"),
        ("cluster", f"me:{SECRET}@10.0.0.1:6379"),
        ("tracking", f"http://me:{SECRET}@mlflow:5000"),
    ],
)
def test_an_address_with_a_password_is_refused_and_shown_nowhere(field, value, folder):
    with pytest.raises(UserError, match="the address holds a password or key") as raised:
        add_profile("team", TEAM | {field: value})
    assert "4711" not in str(raised.value)
    file = add_profile("team", TEAM)
    file.write_text(file.read_text() + f"{field}: {value}\n" if field not in TEAM else f"{field}: {value}\n")
    with pytest.raises(UserError, match=f"{field}: the address holds a password") as raised:
        load_profile("team")
    assert "4711" not in str(raised.value)


def test_a_file_that_was_edited_names_every_fault_with_its_line():
    file = add_profile("team", TEAM)
    file.write_text("ledger: nothing\nsore: s3://bucket\n")
    with pytest.raises(UserError) as raised:
        load_profile("team")
    text = str(raised.value)
    assert ":1: ledger: legal: postgresql" in text
    assert ":2: sore: is unknown; legal: ledger, store, cluster" in text
    assert "tracking: is missing" in text


def test_a_profile_that_others_can_change_is_refused():
    file = add_profile("team", TEAM)
    file.chmod(0o620)
    with pytest.raises(UserError, match="profile team: other users can change the file; `chmod 600 "):
        load_profile("team")


@pytest.mark.parametrize("name", ["../up", "", "a b", "x" * 41, ".hidden"])
def test_a_name_is_never_a_path(name):
    with pytest.raises(UserError, match="legal: up to 40 letters"):
        add_profile(name, TEAM)


def test_it_stands_for_variables_and_those_that_are_set_win(monkeypatch):
    add_profile("team", TEAM)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://other:5000")
    with applied("team"):
        assert [os.environ.get(variable) for variable in VARIABLES] == [
            TEAM["ledger"],
            TEAM["store"],
            TEAM["cluster"],
            "http://other:5000",
            None,
            None,
        ]
    assert [os.environ.get(variable) for variable in VARIABLES] == [None] * 3 + [
        "http://other:5000",
        None,
        None,
    ]


def password():
    with applied("team"):
        return os.environ["PGPASSWORD"]


def test_the_password_comes_from_a_variable(monkeypatch):
    add_profile("team", TEAM | {"password_env": "TEAM_PASSWORD"})
    with pytest.raises(UserError, match="password_env names TEAM_PASSWORD, which is not set"):
        password()
    monkeypatch.setenv("TEAM_PASSWORD", SECRET)
    assert password() == SECRET
    monkeypatch.setenv("PGPASSWORD", "another")
    assert password() == "another"


def test_the_password_comes_from_a_file_of_its_owner_alone(folder):
    file = folder / "password"
    add_profile("team", TEAM | {"password_file": str(file)})
    with pytest.raises(UserError, match=r"password_file .* cannot be read: No such file"):
        password()
    file.write_text(f"{SECRET}\nmore\n")
    file.chmod(0o640)
    with pytest.raises(UserError, match=r"other users can use the file; `chmod 600 "):
        password()
    file.chmod(0o600)
    assert password() == SECRET
    file.write_text("")
    with pytest.raises(UserError, match="it has no line of text"):
        password()


def test_the_password_comes_from_one_source_only():
    with pytest.raises(UserError, match="--password-file: the password is already taken from password_env"):
        add_profile("team", TEAM | {"password_env": "A", "password_file": "/b"})


def test_without_a_keyring_the_package_is_named(monkeypatch):
    add_profile("team", TEAM | {"password_keyring": True})
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(UserError, match=r"needs a keyring; run pip install 'hpo-service\[keyring\]'"):
        password()


def test_the_password_comes_from_a_keyring(monkeypatch):
    keyring = pytest.importorskip("keyring", reason="no keyring is installed")
    from keyring.backend import KeyringBackend

    class InMemory(KeyringBackend):
        priority = 1

        def __init__(self):
            self.kept = {}

        def get_password(self, service, username):
            return self.kept.get((service, username))

        def set_password(self, service, username, password):
            self.kept[service, username] = password

    former = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    try:
        add_profile("team", TEAM | {"password_keyring": True})
        with pytest.raises(UserError, match="the keyring has no password; `keyring set hpo team` adds it"):
            password()
        keyring.set_password("hpo", "team", SECRET)
        assert password() == SECRET
    finally:
        keyring.set_keyring(former)
