"""Why a training lost its worker, from what Ray says and what is known of the node."""

from __future__ import annotations

from textwrap import shorten

from ray._private import state
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayActorError

from hpo.core.events import LossCause

NODE_WORDS = ("its node has died", "the actor's node was terminated", "Node is dead")
"""How Ray's messages on a dead worker say that its node died; it has no other sign of that."""

MOST = 500
"""Characters of a message on record."""


def loss_cause(error: Exception, *, draining: bool, gone: bool) -> LossCause:
    """Return the cause of a worker's end.

    Args:
        error: What Ray raised.
        draining: Whether the worker's node is being drained.
        gone: Whether the node is known to be no part of the cluster any more.
    """
    if draining or (isinstance(error, RayActorError) and error.preempted):
        return LossCause.PREEMPTED
    if isinstance(error, OutOfMemoryError):
        return LossCause.OUT_OF_MEMORY
    if gone or isinstance(error, NodeDiedError) or any(words in str(error) for words in NODE_WORDS):
        return LossCause.NODE_LOST
    return LossCause.WORKER_LOST


def node_of_dead_worker(error: Exception) -> str:
    """Return the id of the node on which a worker ran, as the head of the cluster remembers it.

    It asks the head, so it is for workers that died before they could say where they were.

    Args:
        error: What Ray raised.

    Returns:
        The id; empty if the head does not know it.
    """
    actor_id = getattr(error, "actor_id", None)
    if not actor_id:
        return ""
    try:
        node_id: str = state.actors(actor_id)["Address"]["NodeID"]
    except Exception:  # whatever Ray raises, there was no answer
        return ""
    return node_id if node_id.strip("f") else ""  # so Ray writes an id that is not set


def failure_message(error: Exception) -> str:
    """Return the last lines of Ray's message on a dead process, which contain the reason."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return shorten(" ".join(lines[-3:]), MOST, placeholder=" ...") or type(error).__name__
