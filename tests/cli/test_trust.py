"""Commands run code named by a spec or recipe from elsewhere only if they are asked to."""

import json

import pytest

from hpo.cli import main as command

SPEC = {
    "version": 1,
    "data": {"source": "digits"},
    "trainable": "image_classifier",
    "space": {"learning_rate": {"loguniform": [0.001, 0.1]}},
    "scheduler": {"max_epochs": 3},
    "budget": {"trials": 3},
}
RECIPE = {
    "version": 1,
    "trainable": "image_classifier",
    "recipe": {},
    "provenance": {"seed": 1, "objective": {"metric": "accuracy"}, "data": {"source": "digits"}},
}
SPEC_COMMANDS = ("check", "submit", "data", "try")
COMMANDS = {
    "check": ["check", "FILE", "--data"],
    "submit": ["submit", "FILE"],
    "data": ["data", "FILE"],
    "try": ["try", "FILE"],
    "train": ["train", "FILE"],
    "verify": ["verify", "FILE"],
    "predict": ["predict", "FILE", "rows.npy"],
    "ablate": ["ablate", "FILE"],
}


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder with a module that leaves a trace; the working folder is another one."""
    folder, here = tmp_path / "elsewhere", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    (here / "rows.npy").touch()
    (folder / "theirs.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\nraise OSError('ran')\n")
    monkeypatch.chdir(here)
    return folder


def run(words, file):
    with pytest.raises(SystemExit) as left:
        command.main([str(file) if word == "FILE" else word for word in words])
    return left.value.code


def documents(words):
    """Files that name code of others: beside a recipe, in another folder, or of Python itself."""
    shell = {"source": "subprocess:run", "arguments": {"shell": True, "executable": "/bin/true"}}
    if words[0] in SPEC_COMMANDS:
        yield SPEC | {"data": shell}
    else:
        yield RECIPE | {"trainable": "theirs:Net"}
        yield RECIPE | {"provenance": RECIPE["provenance"] | {"data": {"source": "theirs:rows"}}}
        yield RECIPE | {"provenance": RECIPE["provenance"] | {"data": shell}}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_code_from_elsewhere_is_named_and_not_run(words, elsewhere, tmp_path, capfd):
    for document in documents(words):
        (elsewhere / "file.json").write_text(json.dumps(document))
        assert run(words, elsewhere / "file.json") == 2
        shown = capfd.readouterr()
        assert "your code, which this command runs: " in shown.out + shown.err
        assert "read it, then repeat the command with --trust" in shown.err
        assert not (tmp_path / "ran").exists()


def test_a_recipe_here_names_code_in_another_folder(elsewhere, tmp_path, capfd):
    provenance = RECIPE["provenance"] | {"base": str(elsewhere)}
    (tmp_path / "here" / "recipe.json").write_text(
        json.dumps(RECIPE | {"trainable": "theirs:Net", "provenance": provenance})
    )
    assert run(COMMANDS["train"], "recipe.json") == 2
    assert str(elsewhere / "theirs.py") in capfd.readouterr().err
    assert not (tmp_path / "ran").exists()


RECIPE_COMMANDS = {name: words for name, words in COMMANDS.items() if name not in SPEC_COMMANDS}


@pytest.mark.parametrize("words", RECIPE_COMMANDS.values(), ids=RECIPE_COMMANDS)
def test_trusted_code_runs(words, elsewhere, tmp_path, capfd):
    (elsewhere / "file.json").write_text(json.dumps(next(documents(words))))
    assert run([*words, "--trust"], elsewhere / "file.json") == 2
    assert "OSError: ran" in capfd.readouterr().err
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("field", [{"trainable": "theirs:Net"}, {"data": {"source": "theirs:rows"}}])
@pytest.mark.parametrize("command", SPEC_COMMANDS)
def test_code_beside_a_spec_is_named_and_runs(command, field, elsewhere, tmp_path, capfd):
    (elsewhere / "file.json").write_text(json.dumps(SPEC | field))
    assert run(COMMANDS[command], elsewhere / "file.json") == 2
    shown = capfd.readouterr()
    assert f"{elsewhere / 'theirs.py'}" in shown.out + shown.err
    assert (tmp_path / "ran").exists()


def test_code_in_the_working_folder_runs_without_being_asked_for(elsewhere, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (elsewhere / "file.json").write_text(json.dumps(SPEC | {"trainable": "theirs:Net"}))
    assert run(COMMANDS["check"], elsewhere / "file.json") == 2
    assert (tmp_path / "ran").exists()


def test_the_command_of_on_end_is_named_and_needs_a_spec_that_only_its_owner_can_change(elsewhere, capfd):
    file = elsewhere / "file.json"
    file.write_text(
        json.dumps(SPEC | {"data": {"source": "nothing"}, "on_end": {"command": ["touch", "ran"]}})
    )
    named = f"which this command runs: on_end command 'touch ran' from {file}"
    assert run(["submit", "FILE"], file) == 2
    assert named in (shown := capfd.readouterr().err)
    assert "--trust" not in shown
    file.chmod(0o666)
    assert run(["submit", "FILE"], file) == 2
    assert "can be changed by other users" in (shown := capfd.readouterr().err)
    assert "--trust" in shown
    assert run(["check", "FILE"], file) == 2
    assert named not in capfd.readouterr().err
