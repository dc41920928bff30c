"""Addresses of servers and databases as they may be shown: without passwords and tokens."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

HIDDEN = "***"

USER = re.compile(r"(?<=://)[^\s'\"<>]*@(?=[^@\s'\"<>]*)")
"""What comes before the host, up to the last ``@``: a password may have any character."""

SECRET = re.compile(
    r"([?&;\s](?:[\w.%-]*(?:pass|pwd|token|secret|key|credential|signature)[\w.%-]*|sig)=)[^&;\s'\"<>]*", re.I
)
"""Parameters of an address by whose name they are secret."""

VARIABLE = re.compile(r"\$(\w+|\{\w+\})")
"""An environment variable in an address."""


def without_secrets(text: str) -> str:
    """Return a text in which every address lacks its user, its password and its tokens."""
    return USER.sub(f"{HIDDEN}@", SECRET.sub(rf"\1{HIDDEN}", text))


def has_password(address: str) -> bool:
    """Return whether an address holds a password or a key, with or without a scheme before it."""
    user, at, _ = address.partition("://")[2 if "://" in address else 0].rpartition("@")
    return bool(at and ":" in user) or SECRET.search(address) is not None


def is_web_address(text: str) -> bool:
    """Return whether a text is an http or https address with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # such as an IPv6 host without its bracket, or a port that is not a number
        return False


def webhook_fault(address: str) -> str:
    """Return what is wrong with a webhook's address as a spec has it; empty if nothing is.

    Whatever is secret has to come from an environment variable, because a spec is recorded.
    """
    written = re.sub(rf"[\w.%-]+={VARIABLE.pattern}", "", address)
    if without_secrets(written) != written:
        return "the address holds a secret, which would be on record; put it into a variable, and write $NAME"
    if VARIABLE.match(address) or is_web_address(address):
        return ""
    return "a webhook is an address such as https://example.org/notify, or $NAME of a variable that holds one"
