"""Keep profiles in the user's configuration folder, and apply one to a command.

A profile is applied as environment variables, which the processes of a search inherit. A variable that is
set already stays, so that a single address can be replaced for one command.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpo.core.errors import Fault, InvalidSpec, UserError
from hpo.core.json_values import JsonFields
from hpo.core.private_files import replace_file
from hpo.core.profile import NAME, PASSWORD, Profile, faults_of
from hpo.running.process_state import environment

CHOSEN = "HPO_PROFILE"
"""Environment variable: name of the profile of every command without ``--profile``."""

SERVICE = "hpo"
"""Service under which a keyring has the password of a profile; its user is the profile's name."""


def profile_folder() -> Path:
    """Return the folder of the user's profiles."""
    import platformdirs

    return platformdirs.user_config_path("hpo") / "profiles"


def profile_names() -> list[str]:
    """Return the names of all profiles, in alphabetical order."""
    return sorted(file.stem for file in profile_folder().glob("*.yaml") if NAME.fullmatch(file.stem))


def add_profile(name: str, values: JsonFields, *, replace: bool = False) -> Path:
    """Keep a profile, readable by its owner only.

    Args:
        name: Its name.
        values: Its fields; see `Profile`.
        replace: Whether a profile of this name may be replaced.

    Returns:
        Its file.

    Raises:
        UserError: If a field is missing or wrong, or the name is taken; nothing is written then.
    """
    file = _file(name)
    faults = faults_of(values)
    if faults:
        options = (f"--{field.replace('_', '-')}: {fault}" for field, fault in faults.items())
        raise UserError("\n".join(options))
    if file.exists() and not replace:
        raise UserError(f"profile {name} already exists; --replace replaces it")
    from hpo.spec.recipe_files import yaml_text

    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(file, yaml_text(values))
    except OSError as error:
        raise UserError(f"profile {name} cannot be written: {error.strerror}: {file}") from error
    return file


def remove_profile(name: str) -> None:
    """Remove a profile.

    Raises:
        UserError: If there is no profile of that name.
    """
    _existing(name).unlink()


def load_profile(name: str) -> Profile:
    """Read a profile.

    Raises:
        UserError: If no profile has that name, other users can change it, or a field is missing or wrong.
    """
    from hpo.spec.yaml_text import read_text

    file = _existing(name)
    _require_private(file, f"profile {name}", stat.S_IWGRP | stat.S_IWOTH, "change")
    text = read_text(file)
    if text.faults:
        raise InvalidSpec(str(file), text.faults)
    values = text.value if isinstance(text.value, dict) else {}
    faults = [Fault(field, fault, text.lines.get((field,))) for field, fault in faults_of(values).items()]
    if faults:
        raise InvalidSpec(str(file), faults)
    return Profile(**values)


@contextmanager
def applied(name: str) -> Iterator[Profile]:
    """Set the environment variables of a profile while the block runs, except those that are set.

    Raises:
        UserError: If the profile cannot be read, or the database's password is not where it says.
    """
    profile = load_profile(name)
    settings = profile.settings()
    if profile.asks_for_password and not os.environ.get(PASSWORD):
        settings[PASSWORD] = _password(name, profile)
    new = {variable: value for variable, value in settings.items() if not os.environ.get(variable)}
    with environment(new):
        yield profile


def _password(name: str, profile: Profile) -> str:
    """Return the database's password from where the profile says that it is."""
    if profile.password_env:
        password = os.environ.get(profile.password_env, "")
        if not password:
            raise UserError(f"profile {name}: password_env names {profile.password_env}, which is not set")
        return password
    if profile.password_keyring:
        return _from_keyring(name)
    file = Path(profile.password_file).expanduser()
    try:
        _require_private(file, f"profile {name}: password_file {file}", stat.S_IRWXG | stat.S_IRWXO, "use")
        return file.read_text(encoding="utf-8").splitlines()[0]
    except (OSError, ValueError, IndexError) as error:
        reason = getattr(error, "strerror", None) or "it has no line of text"
        raise UserError(f"profile {name}: password_file {file} cannot be read: {reason}") from None


def _from_keyring(name: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ModuleNotFoundError:
        raise UserError(
            f"profile {name}: password_keyring needs a keyring; run pip install 'hpo-service[keyring]'"
        ) from None
    try:
        password = keyring.get_password(SERVICE, name)
    except KeyringError as error:
        raise UserError(f"profile {name}: the keyring cannot be read: {error}") from error
    if not password:
        raise UserError(
            f"profile {name}: the keyring has no password; `keyring set {SERVICE} {name}` adds it"
        )
    return str(password)


def _require_private(file: Path, what: str, rights: int, verb: str) -> None:
    """Refuse a file that somebody else owns, or on which others have some of these rights."""
    status = file.stat()
    if status.st_uid != os.geteuid() or status.st_mode & rights:
        raise UserError(
            f"{what}: other users can {verb} the file; `chmod 600 {file}` closes it, if it is yours"
        )


def _file(name: str) -> Path:
    if not NAME.fullmatch(name):
        raise UserError(f"profile {name[:80]!r}: legal: up to 40 letters, digits, dots, _ and -")
    return profile_folder() / f"{name}.yaml"


def _existing(name: str) -> Path:
    file = _file(name)
    if not file.is_file():
        names = ", ".join(profile_names()) or "none yet"
        raise UserError(
            f"there is no profile {name!r}; existing profiles: {names}; `hpo profile add` adds one"
        )
    return file
