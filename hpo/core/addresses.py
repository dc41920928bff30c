"""Addresses of servers and databases as they may be shown: without passwords and tokens."""

from __future__ import annotations

import re

HIDDEN = "***"

USER = re.compile(r"(?<=://)[^\s'\"<>]*@(?=[^@\s'\"<>]*)")
"""What comes before the host, up to the last ``@``: a password may have any character."""

SECRET = re.compile(
    r"([?&;\s](?:[\w.%-]*(?:pass|pwd|token|secret|key|credential|signature)[\w.%-]*|sig)=)[^&;\s'\"<>]*", re.I
)
"""Parameters of an address by whose name they are secret."""


def without_secrets(text: str) -> str:
    """Return a text in which every address lacks its user, its password and its tokens."""
    return USER.sub(f"{HIDDEN}@", SECRET.sub(rf"\1{HIDDEN}", text))
