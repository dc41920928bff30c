"""Nodes on which workers die again and again, though the same trainings do well elsewhere."""

from __future__ import annotations

from collections import Counter

from hpo.core.training_state import Key

DEATHS = 3
"""Workers that have to die on a node in a row, of at least two trainings, before the node is suspected."""

LONGEST_SECONDS = 3600.0
"""Longest time for which a node is set aside at once."""


class NodeDeaths:
    """Counts the workers that died on each node since a training last ended well there.

    A training that kills its workers has only itself in the count, so two trainings are needed to suspect
    the node.
    """

    def __init__(self) -> None:
        self._died: dict[str, list[Key]] = {}
        self._suspected: Counter[str] = Counter()

    def lived(self, node_id: str) -> None:
        """Count a training that ended well on a node, or was paused there."""
        self._died.pop(node_id, None)

    def died(self, node_id: str, key: Key) -> bool:
        """Count a worker that died on a node; return whether the node is suspected now."""
        keys = self._died.setdefault(node_id, [])
        keys.append(key)
        if len(keys) < DEATHS or len(set(keys)) == 1:
            return False
        del self._died[node_id]
        self._suspected[node_id] += 1
        return True

    def seconds(self, node_id: str, first: float) -> float:
        """Return for how long a suspected node is set aside: longer each time.

        Args:
            node_id: The node.
            first: Seconds the first time.
        """
        return min(LONGEST_SECONDS, first * 2.0 ** (self._suspected[node_id] - 1))
