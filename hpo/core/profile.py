"""A profile: a team's addresses under one name, and the environment variables that they stand for."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from hpo.core.addresses import has_password
from hpo.core.home import LEDGER
from hpo.core.json_values import JsonFields

STORE, PRICE = "HPO_STORE", "HPO_PRICE_PER_GPU_HOUR"
"""Environment variables: address of a team's store, and what an hour of one GPU costs."""

JOBS, JOB_HOME = "RAY_API_SERVER_ADDRESS", "HPO_JOB_HOME"
"""Environment variables: job server of the cluster, and the home of searches that run as its jobs."""

PASSWORD = "PGPASSWORD"
"""Environment variable from which PostgreSQL's own library takes a password that an address lacks."""

VARIABLES: Mapping[str, str] = {
    "ledger": LEDGER,
    "store": STORE,
    "cluster": "RAY_ADDRESS",
    "tracking": "MLFLOW_TRACKING_URI",
    "jobs": JOBS,
    "job_home": JOB_HOME,
    "register": "HPO_REGISTER",
    "price_per_gpu_hour": PRICE,
}
"""Fields that set an environment variable, and its name."""

REQUIRED = ("ledger", "store", "cluster", "tracking")

LEGAL: Mapping[str, tuple[str, str]] = {
    "ledger": (r"(postgresql|postgres)://.+|sqlite:////.+", "postgresql://USER@HOST/DATABASE"),
    "store": (
        r"/.*|(file|s3|gs)://.+",
        "the path of a folder from / on, s3://BUCKET/PATH or gs://BUCKET/PATH",
    ),
    "cluster": (r"auto|[^/\s]+:\d+", "HOST:PORT of the cluster's head"),
    "tracking": (
        r"(https?|postgresql|mysql|mssql|sqlite)(\+\w+)?://.+",
        "http://HOST:PORT of an MLflow server",
    ),
    "jobs": (r"https?://[^\s/]+(/\S*)?", "http://HOST:PORT of the cluster's job server"),
    "job_home": (r"/.+", "the path of a folder from / on, which all nodes of the cluster share"),
    "register": (
        r"(postgresql|postgres|sqlite)://.+|/.+",
        "postgresql://USER@HOST/DATABASE, or the path of a file",
    ),
    "password_env": (r"[A-Za-z_]\w*", "the name of an environment variable"),
    "password_file": (r"[/~].+", "the path of a file from / or ~ on"),
}
"""Pattern of each address, and how a legal one is written."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
"""Pattern of a profile's name, which is also that of its file."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A team's addresses, none of which holds a password.

    Attributes:
        ledger: Database of the record of all searches.
        store: Where files are kept that outlive a machine.
        cluster: Ray cluster that runs the trials.
        tracking: MLflow tracking server.
        jobs: Ray's job server on that cluster; empty if searches do not run as jobs.
        job_home: Home of such searches, in a folder that the cluster's nodes share; empty likewise.
        register: Database or file of the openings of test parts; empty for the ledger's database.
        price_per_gpu_hour: What an hour of one GPU costs, in any currency; None if that is unknown.
        password_env: Environment variable that holds the database's password; empty for no password.
        password_file: File that has it, readable by its owner only; empty likewise.
        password_keyring: Whether it is in the user's keyring.

    Raises:
        ValueError: If a field is missing or wrong; `faults_of` lists all that is.
    """

    ledger: str
    store: str
    cluster: str
    tracking: str
    jobs: str = ""
    job_home: str = ""
    register: str = ""
    price_per_gpu_hour: float | None = None
    password_env: str = ""
    password_file: str = ""
    password_keyring: bool = False

    def __post_init__(self) -> None:
        faults = faults_of(self.to_json())
        if faults:
            raise ValueError("; ".join(f"{field}: {fault}" for field, fault in faults.items()))

    def to_json(self) -> dict[str, str | float | bool]:
        """Return the fields that have a value, in their order."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value not in ("", None, False)}

    def settings(self) -> dict[str, str]:
        """Return the environment variables that the profile stands for."""
        values = self.to_json()
        return {variable: str(values[name]) for name, variable in VARIABLES.items() if name in values}

    @property
    def asks_for_password(self) -> bool:
        """Whether it says where the database's password is."""
        return bool(self.password_env or self.password_file or self.password_keyring)


def faults_of(values: JsonFields) -> dict[str, str]:
    """Return what is wrong with the fields of a profile, each with the legal values; empty if nothing is.

    Args:
        values: Values by field; a field that is missing has none.
    """
    names = [field.name for field in fields(Profile)]
    faults = {name: f"is unknown; legal: {', '.join(names)}" for name in values if name not in names}
    faults |= {name: f"is missing; legal: {LEGAL[name][1]}" for name in REQUIRED if not values.get(name)}
    for name, value in values.items():
        fault = _fault(name, value) if name not in faults else ""
        if fault:
            faults[name] = fault
    ways = [name for name in names if name.startswith("password_") and values.get(name)]
    if len(ways) > 1:
        faults[ways[1]] = f"the password is already taken from {ways[0]}"
    return faults


def _fault(name: str, value: object) -> str:
    if name == "password_keyring":
        return "" if isinstance(value, bool) else "legal: true or false"
    if name == "price_per_gpu_hour":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if number and math.isfinite(value) and value >= 0 else "legal: a number from 0 on"  # type: ignore[operator, arg-type]
    pattern, legal = LEGAL[name]
    text = value if isinstance(value, str) else ""
    if has_password(text):
        return (
            "the address holds a password or key, which command lines and files would show; leave it out: a "
            "database's comes from --password-env, --password-file or --password-keyring, others from the "
            "variables and files of AWS, Google Cloud and MLflow"
        )
    return "" if re.fullmatch(pattern, text) else f"legal: {legal}"
