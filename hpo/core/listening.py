"""Ports of this and of other machines: whether something listens on one, and which one is free."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"
"""Address on which only this machine reaches what listens."""

ANSWER_SECONDS = 2.0
"""Seconds in which whatever listens accepts a connection."""

GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""How a connection of HTTP/2 begins, with an empty frame of settings (RFC 9113, section 3.4)."""


def answers(host: str, port: int) -> bool:
    """Return whether something accepts connections.

    Args:
        host: Name or address of the machine.
        port: The port.
    """
    try:
        with socket.create_connection((host, port), ANSWER_SECONDS):
            return True
    except (OSError, OverflowError):
        return False


def replies(host: str, port: int, seconds: float = ANSWER_SECONDS) -> bool:
    """Return whether a server of HTTP/2 replies to a greeting; a suspended one only has it accepted.

    A server that refuses or closes the connection is not suspended either.

    Args:
        host: Name or address of the machine.
        port: The port.
        seconds: How long to wait.
    """
    try:
        with socket.create_connection((host, port), seconds) as connection:
            connection.sendall(GREETING)
            connection.recv(1)
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def is_free(port: int, host: str) -> bool:
    """Return whether a port of an address of this machine can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            return False
        return True


def free_port(usual: int, host: str) -> int:
    """Return the usual port if it is free, otherwise any free one.

    Raises:
        OSError: If this machine does not have the address.
    """
    if is_free(usual, host):
        return usual
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
