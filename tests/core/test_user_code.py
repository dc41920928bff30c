"""The digests of a user's code name the module and what it imports from its project, and nothing else."""

import hashlib

import pytest

from hpo.core.user_code import changed_files, code_digests

FILES = {
    "mine/__init__.py": "",
    "mine/train.py": "import math\nfrom . import layers\nfrom mine.score import f1\nimport side",
    "mine/layers.py": "def build():\n    from .deep import blocks\n    return blocks",
    "mine/deep/__init__.py": "from ..score import f1",
    "mine/deep/blocks.py": "",
    "mine/score.py": "f1 = 1",
    "mine/unused.py": "",
    "side.py": "import mine.train",
    "numbers_of.txt": "1",
}
IMPORTED = [
    "mine/__init__.py", "mine/deep/__init__.py", "mine/deep/blocks.py", "mine/layers.py", "mine/score.py",
    "mine/train.py", "side.py",
]  # fmt: skip


@pytest.fixture
def project(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_it_names_what_is_imported_from_the_project(project):
    digests = code_digests("mine.train:Mine", project)
    assert list(digests) == IMPORTED
    assert digests["mine/score.py"] == hashlib.sha256(b"f1 = 1").hexdigest()


def test_a_change_is_named_by_its_file(project):
    before = code_digests("mine.train:Mine", project)
    (project / "mine" / "score.py").write_text("f1 = 2")
    (project / "mine" / "unused.py").write_text("changed = True")
    (project / "side.py").unlink()
    (project / "mine" / "deep" / "blocks.py").write_text("from mine import unused")
    assert changed_files(before, code_digests("mine.train:Mine", project)) == [
        "mine/deep/blocks.py", "mine/score.py", "mine/unused.py", "side.py",
    ]  # fmt: skip


def test_a_namespace_package_is_a_project_as_well(tmp_path):
    (tmp_path / "space").mkdir()
    (tmp_path / "space" / "train.py").write_text("import space.part")
    (tmp_path / "space" / "part.py").write_text("")
    assert list(code_digests("space.train:Mine", tmp_path)) == ["space/part.py", "space/train.py"]


def test_a_project_in_the_src_layout_counts(tmp_path):
    (tmp_path / "src" / "mine").mkdir(parents=True)
    (tmp_path / "src" / "mine" / "train.py").write_text("from mine import score\nimport beside")
    (tmp_path / "src" / "mine" / "score.py").write_text("")
    (tmp_path / "beside.py").write_text("")
    assert list(code_digests("mine.train:Mine", tmp_path)) == ["beside.py", "mine/score.py", "mine/train.py"]


def test_of_installed_code_its_own_package_counts(tmp_path):
    digests = code_digests("hpo.core.seeds:derive", tmp_path)
    assert {"hpo/__init__.py", "hpo/core/__init__.py", "hpo/core/seeds.py"} <= digests.keys()
    assert all(name.startswith("hpo/") for name in digests)


def test_shipped_code_has_no_files(project):
    assert code_digests("image_classifier", project) == {}


@pytest.mark.parametrize("text", ["def broken(", "\x00", "from ..... import far\nfrom . import *"])
def test_source_that_cannot_be_read_has_a_digest_all_the_same(tmp_path, text):
    (tmp_path / "own.py").write_text(text)
    assert list(code_digests("own:Own", tmp_path)) == ["own.py"]


def test_a_module_that_does_not_exist_has_no_files(tmp_path):
    assert code_digests("nowhere_at_all:Own", tmp_path) == {}
    assert code_digests("nowhere.at.all:Own", tmp_path) == {}
