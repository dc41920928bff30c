"""A user's script imports libraries as if nothing had to come before them."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from hpo.core.user_modules import import_user_module
sys.path.insert(0, {folder!r})
module = import_user_module("fine_tuning")
assert import_user_module("fine_tuning") is module
print(module.names, sum(type(finder).__name__ == "_Preceding" for finder in sys.meta_path))
"""


def test_torchvision_is_imported_beside_a_torch_without_cuda(tmp_path: Path) -> None:
    """In a process of its own: in this one torchvision may have been imported by another test."""
    (tmp_path / "fine_tuning.py").write_text("from torchvision import ops\nnames = ops.nms.__name__\n")
    script = SCRIPT.format(folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("nms 1\n", 0), done.stderr
