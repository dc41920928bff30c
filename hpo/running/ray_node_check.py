"""The checks of nodes as tasks of Ray, each in a process of its own on its node."""

from __future__ import annotations

from typing import Any

from hpo.running.environment import TrainingEnvironment
from hpo.running.node_check import NodeChecks, NodeGone
from hpo.running.node_faults import setup_fault
from hpo.running.node_supply import SuppliedChecks, Supply


def ray_checks(supply: Supply) -> NodeChecks:
    """Return the checks of the cluster to which this process is connected.

    Args:
        supply: The environment that they look at, and its copy for nodes that do not see the home.
    """
    import ray
    from ray.exceptions import NodeDiedError, TaskUnschedulableError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    # A process for each check: an earlier one would still have what it imported.
    remote = ray.remote(num_cpus=0, max_retries=0, max_calls=1)(setup_fault)
    shared: dict[int, Any] = {}

    def start(node_id: str, environment: TrainingEnvironment) -> Any:
        strategy = NodeAffinitySchedulingStrategy(node_id, soft=False)
        if id(environment) not in shared:
            shared[id(environment)] = ray.put(environment)
        return remote.options(scheduling_strategy=strategy).remote(shared[id(environment)])

    def poll(reference: Any) -> str | None:
        ready, _ = ray.wait([reference], timeout=0)
        if not ready:
            return None
        try:
            return str(ray.get(reference, timeout=5))
        except (TaskUnschedulableError, NodeDiedError) as error:
            raise NodeGone from error
        except Exception as error:  # it cannot even load this function
            last = str(error).strip().splitlines()[-1:]
            return f"it cannot run hpo: {last[0].strip() if last else type(error).__name__}"

    checks = SuppliedChecks(start, poll, supply)
    return NodeChecks(checks.start, checks.poll)
