"""Code from elsewhere is distinguished from the user's own without running it."""

import os
import sys

import pytest

from hpo.core.errors import UserError
from hpo.spec.trusted_code import UserCode, code_in, require_trust


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / "nets").mkdir(parents=True)
    (folder / "nets" / "__init__.py").touch()
    (folder / "nets" / "small.py").write_text("raise SystemExit('it ran')\n")
    (folder / "rows.py").write_text("raise SystemExit('it ran')\n")
    return folder


def codes(document, folder):
    return {(code.kind, code.name, code.file) for code in code_in(document, folder)}


def test_a_spec_names_a_trainable_and_a_data_source(project):
    document = {"trainable": "nets.small:Net", "data": {"source": "rows:load"}}
    assert codes(document, project) == {
        ("trainable", "nets.small:Net", project / "nets" / "small.py"),
        ("data source", "rows:load", project / "rows.py"),
    }


@pytest.mark.parametrize(
    "document",
    [{"trainable": "tabular", "data": {"source": "iris"}}, {"data": 1}, {"trainable": 1}, [], None],
)
def test_shipped_names_and_what_is_not_a_document_name_no_code(document, tmp_path):
    assert codes(document, tmp_path) == set()


def test_a_recipe_names_code_in_its_own_folder_and_in_the_one_of_its_search(project, tmp_path):
    recipe = {
        "trainable": "nets.small:Net",
        "provenance": {"base": str(project), "data": {"source": "rows:load"}},
    }
    assert codes(recipe, tmp_path) == {
        ("trainable", "nets.small:Net", project / "nets" / "small.py"),
        ("data source", "rows:load", project / "rows.py"),
    }
    (tmp_path / "rows.py").touch()
    assert ("data source", "rows:load", tmp_path / "rows.py") in codes(recipe, tmp_path)
    recipe["trainable"] = "json:loads"
    (project / "json.py").touch()
    assert {file for kind, _, file in codes(recipe, tmp_path) if kind == "trainable"} == {
        None,
        project / "json.py",
    }


@pytest.mark.parametrize("folder", [".", "below", "below/it"])
def test_code_in_the_working_folder_or_below_is_the_users_own(folder, tmp_path):
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    file = tmp_path / folder / "mine.py"
    file.touch()
    require_trust(UserCode("trainable", "mine:Net", file), tmp_path / "spec.yaml", tmp_path)


def test_code_elsewhere_is_named_and_refused(project, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    code = UserCode("data source", "rows:load", project / "rows.py")
    with pytest.raises(UserError) as refused:
        require_trust(code, project / "spec.yaml", here)
    for part in (
        f"{project}/spec.yaml",
        "rows:load",
        f"from {project}/rows.py",
        f"outside the working folder {here}",
        "--trust",
    ):
        assert part in str(refused.value)
    (here / "rows.py").symlink_to(project / "rows.py")
    assert "outside" in UserCode("data source", "rows:load", here / "rows.py").doubt(here)


@pytest.mark.parametrize("name", ["subprocess:run", "sys:exit", "os:system", "torch.nn:Linear"])
def test_a_function_of_python_or_of_a_library_is_not_code_of_the_user(name, tmp_path):
    assert UserCode("data source", name, None).doubt(tmp_path) == "is not code of yours"
    assert UserCode("data source", name, None).doubt(type(tmp_path)(sys.prefix)) == "is not code of yours"


def test_a_trainable_of_an_installed_package_needs_no_trust_and_one_of_python_does(tmp_path):
    assert UserCode("trainable", "torch.nn:Linear", None).doubt(tmp_path) == ""
    assert UserCode("trainable", "subprocess:Popen", None).doubt(tmp_path) == "is not code of yours"


def test_code_in_a_second_folder_of_the_user_is_the_users_own(project, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    assert UserCode("trainable", "rows:Net", project / "rows.py").doubt(here, project) == ""


def test_a_module_that_does_not_exist_is_left_to_the_error_that_says_so(tmp_path):
    assert UserCode("data source", "not_there:rows", None).doubt(tmp_path) == ""


def test_code_that_others_can_change_is_not_the_users_own(project):
    code = UserCode("data source", "rows:load", project / "rows.py")
    assert code.doubt(project) == ""
    project.chmod(0o777)
    assert f"can be changed by other users ({project})" in code.doubt(project)
    project.chmod(0o700)
    (project / "rows.py").chmod(0o666)
    assert "can be changed by other users" in code.doubt(project)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_code_of_another_user_is_not_the_users_own(project):
    os.chown(project / "rows.py", 65534, -1)
    assert "belongs to another user" in UserCode("data source", "rows:load", project / "rows.py").doubt(
        project
    )


def test_a_trainable_with_arguments_names_its_code(project):
    names = [code.name for code in code_in({"trainable": {"name": "mine:fit", "arguments": {}}}, project)]
    assert names == ["mine:fit"]
