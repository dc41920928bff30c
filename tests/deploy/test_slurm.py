"""The Slurm job, with commands that behave like `srun` and `scontrol` and run every node on this machine."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hpo.core import events
from hpo.core.events import End
from tests.faults.promises import run_twice
from tests.faults.ray_cluster import PATIENT
from tests.faults.tiny_search import ROOT, Place, after, number

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(600)]

SRUN = """#!/bin/sh
# Runs a step on this machine; its options are checked, not obeyed.
echo $$ >> "$SLURM_STUB/steps"
while [ "${1#--}" != "$1" ]; do
    case $1 in
        --nodes=1|--ntasks=1|--overlap|--nodelist=node[12]) shift ;;
        *) echo "srun: unknown option $1" >&2; exit 2 ;;
    esac
done
[ "$1" = hostname ] && exec echo 127.0.0.1
exec "$@"
"""

SCONTROL = """#!/bin/sh
case "$1 $2" in
    "show hostnames") [ "$3" = "node[1-2]" ] && printf 'node1\\nnode2\\n' ;;
    "requeue $SLURM_JOB_ID") echo "$2" >> "$SLURM_STUB/requeued" ;;
    *) echo "scontrol: unknown arguments $*" >&2; exit 2 ;;
esac
"""


class Job:
    """A job on two nodes that can be started again, as Slurm does after a requeue."""

    def __init__(self, place, folder):
        self.place, self.folder, self.number = place, folder, os.getpid()
        self.name = f"slurm-{self.number}"
        for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    def start(self):
        bin = Path(sys.executable).parent
        environment = {
            "PATH": os.pathsep.join((str(self.folder), str(bin), os.environ["PATH"])),
            "PYTHONPATH": self.place.path(self.place.folder),
            "HPO_HOME": str(self.place.home.root),
            "SLURM_STUB": str(self.folder),
            "SLURM_JOB_ID": str(self.number),
            "SLURM_JOB_NODELIST": "node[1-2]",
            "SLURM_CPUS_PER_TASK": "1",
            "SLURM_SUBMIT_DIR": str(ROOT),
            "TINY_SECONDS": "0.2",
        }
        return subprocess.Popen(
            ["bash", str(ROOT / "deploy" / "slurm" / "search.sbatch"), str(self.place.folder / "tiny.yaml")],
            env={**os.environ, **PATIENT, **environment},
            cwd=self.place.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end_steps(self):
        """End what the steps still run, as Slurm does when a job ends."""
        for line in (self.folder / "steps").read_text().split():
            if not psutil.pid_exists(int(line)):
                continue
            step = psutil.Process(int(line))
            for process in (*step.children(recursive=True), step):
                process.kill()
        (self.folder / "steps").unlink()


@pytest.fixture
def job(tmp_path):
    (tmp_path / "place").mkdir()
    (tmp_path / "slurm").mkdir()
    job = Job(Place(tmp_path / "place"), tmp_path / "slurm")
    try:
        yield job
    finally:
        if (job.folder / "steps").exists():
            job.end_steps()
        job.place.end()


def test_a_job_that_reaches_its_time_limit_continues_its_search_when_it_starts_again(job):
    first = job.start()
    job.place.wait_for(first, after(events.Reported, 8))
    first.send_signal(signal.SIGUSR1)
    out, _ = first.communicate(timeout=200)
    assert first.returncode not in (0, 1, 2), out
    assert (job.folder / "requeued").read_text().split() == [str(job.number)]
    job.end_steps()
    second = job.start()
    out, _ = second.communicate(timeout=400)
    assert second.returncode == 0, out
    record = job.place.record(job.name)
    ends = [each.event for each in record if isinstance(each.event, events.TrialEnded)]
    assert sum(end.replicate == 0 for end in ends) == 12
    assert End.FAILED not in {end.end for end in ends}
    assert run_twice(record) == []
    assert (number(record, events.SearchResumed), number(record, events.TestScored)) == (1, 1)
    assert max(e.event.workers for e in record if isinstance(e.event, events.WorkersReady)) >= 1
