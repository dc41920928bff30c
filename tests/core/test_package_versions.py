"""Which changes of packages count: those by which the trials' code may compute something else."""

import numpy as np
import pytest

from hpo.core.package_versions import changes, decisive, decisive_changes, versions

MODEL = "import numpy\nimport sklearn.linear_model\nfrom PIL import Image\nimport own_helpers\nimport json\n"


@pytest.fixture
def base(tmp_path):
    (tmp_path / "own_model.py").write_text(MODEL)
    (tmp_path / "own_helpers.py").write_text("import pyarrow\n")
    return tmp_path


def test_own_code_depends_on_what_its_files_import(base):
    assert decisive("own_model:Model", base) == ("numpy", "pillow", "pyarrow", "scikit-learn")
    assert {"pillow", "pyarrow"} <= versions("own_model:Model", base).keys()


def test_a_shipped_trainable_depends_on_torch_and_its_family(tmp_path):
    assert {"torch", "numpy"} <= set(decisive("image_classifier", tmp_path))


@pytest.mark.parametrize(
    ("version", "counts"),
    [("0.1.0", True), ("{0}.{1}.99", False), ("{0}.{1}.0+cpu", False), ("{0}.999.0", True)],
)
def test_another_minor_version_counts_and_a_patch_does_not(base, version, counts):
    before = {"numpy": version.format(*np.__version__.split("."))}
    found = decisive_changes(before, "own_model:Model", base)
    assert found == ([f"numpy {before['numpy']} -> {np.__version__}"] if counts else [])


def test_packages_that_the_code_does_not_use_or_that_are_not_on_record_do_not_count(base):
    assert decisive_changes({"torch": "0.1"}, "own_model:Model", base) == []
    assert decisive_changes({}, "own_model:Model", base) == []
    assert changes({"torch": "1"}, {"torch": "1", "pyarrow": "3"}) == []
    assert changes({"torch": "1", "pyarrow": "3"}, {"torch": "1"}) == ["pyarrow 3 -> absent"]
