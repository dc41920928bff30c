"""Placement groups on nodes that passed their checks, and on no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray.air.execution import PlacementGroupResourceManager
from ray.util.placement_group import placement_group

NODE_ID = "ray.io/node-id"
"""Label that Ray gives every node."""


class CheckedNodeResources(PlacementGroupResourceManager):
    """Tune's placement groups, restricted to some nodes.

    Args:
        nodes: Returns the ids of nodes that may be given trainings.
    """

    def __init__(self, nodes: Callable[[], frozenset[str]] = frozenset, update_interval_s: float = 0.1):
        super().__init__(update_interval_s)
        self._nodes = nodes
        self._selected: frozenset[str] = nodes()

    def request_resources(self, resource_request: Any) -> None:
        """Request a placement group on one of the nodes."""
        self._selected = self._nodes()
        selector = {NODE_ID: f"in({','.join(sorted(self._selected)) or 'none'})"}
        bundles = resource_request.bundles
        group = placement_group(
            bundles, resource_request.strategy, bundle_label_selector=[selector] * len(bundles)
        )
        self._pg_to_request[group] = resource_request
        self._request_to_staged_pgs[resource_request].add(group)
        future = group.ready()
        self._staging_future_to_pg[future] = group
        self._pg_to_staging_future[group] = future

    def refresh(self, always: bool = False) -> None:
        """Repeat pending requests for workers if the nodes have changed."""
        if self._nodes() == self._selected and not always:
            return
        waiting = {request: len(groups) for request, groups in self._request_to_staged_pgs.items()}
        for request, count in waiting.items():
            for _ in range(count):
                self.cancel_resource_request(request)
                self.request_resources(request)
        self._selected = self._nodes()

    def clear(self) -> None:
        """Give back every placement group."""
        nodes = self._nodes
        self._nodes = frozenset
        super().clear()
        self._nodes = nodes
