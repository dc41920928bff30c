"""Drain the Ray node of this machine and wait until the trials have left it, before the machine ends.

    python leave_node.py [--address ADDRESS] [--node-id ID] [--seconds N]

Run it as a pre-stop hook or from a notice of preemption. A trial writes its checkpoint after its current
epoch, and continues on another node. The script ends when no trial is left here, at the latest after N
seconds; Ray counts the node as preempted then.
"""

import argparse
import os
import re
import subprocess
import sys
import time

import psutil

WORKER = "TrainingActor"
"""Part of the name of a process that trains."""


def main() -> int:
    """Drain this machine's node; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--address", default=os.environ.get("RAY_ADDRESS"), help="of the head; RAY_ADDRESS")
    parser.add_argument("--node-id", help="of the node; by default the only one on this machine")
    parser.add_argument("--seconds", type=int, default=100, help="until the machine ends; 100 by default")
    options = parser.parse_args()
    nodes = servers()
    node_id = options.node_id or (next(iter(nodes)) if len(nodes) == 1 else None)
    if node_id not in nodes or not options.address:
        parser.error(f"give --address and --node-id; this machine runs {', '.join(nodes) or 'no node'}")
    deadline = time.monotonic() + options.seconds
    drain(options.address, node_id, options.seconds)
    while time.monotonic() < deadline and trains(nodes[node_id]):
        time.sleep(1)
    return 0


def servers() -> dict[str, psutil.Process]:
    """Return the servers of Ray's nodes on this machine, by node id."""
    found = {}
    for process in psutil.process_iter(["name", "cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        node = re.search(r"--node_id=([0-9a-f]{56})", line)
        if process.info["name"] == "raylet" and node:
            found[node.group(1)] = process
    return found


def drain(address: str, node_id: str, seconds: int) -> None:
    """Tell the head that a node will end after some seconds."""
    ray = os.path.join(os.path.dirname(sys.executable), "ray")
    command = [ray, "drain-node", f"--address={address}", f"--node-id={node_id}"]
    reason = ["--reason=DRAIN_NODE_REASON_PREEMPTION", "--reason-message=its machine is about to end"]
    subprocess.run([*command, *reason, f"--deadline-remaining-seconds={seconds}"], check=True)


def trains(server: psutil.Process) -> bool:
    """Return whether a process of a node trains."""
    try:
        return any(WORKER in " ".join(process.cmdline()) for process in server.children(recursive=True))
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    sys.exit(main())
