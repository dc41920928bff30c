"""A script as a trainable: what is read from its command, and which faults are named."""

import pytest

from hpo.core.command import BY_COMMAND, ScriptCommand, filled
from hpo.spec import parse_spec
from hpo.spec.faults import InvalidSpec
from hpo.spec.json_schema import schema
from hpo.spec.recipe_files import RecipeFile, read_recipe, recipe_text
from hpo.spec.trusted_code import code_in

COMMAND = ["python", "fit.py", "--lr", "{rate}", "--out", "{folder}", ["--resume", "{resume}"]]


@pytest.fixture
def parsed(tmp_path):
    (tmp_path / "fit.py").write_text("import part\n")
    (tmp_path / "part.py").write_text("")

    def parse(space=None, data=None, recipe=None, **trainable):
        document = {
            "version": 1,
            "trainable": {"command": COMMAND, "metrics": {"loss": "min"}, **trainable},
            "space": space or {"rate": {"loguniform": [0.001, 1]}},
            "recipe": recipe or {},
            "scheduler": {"max_epochs": 3},
            "budget": {"trials": 4},
        }
        return parse_spec(document | ({"data": data} if data else {}), base=tmp_path)

    return parse


@pytest.fixture
def faults(parsed):
    def find(**trainable):
        with pytest.raises(InvalidSpec) as caught:
            parsed(**trainable)
        return {fault.path: fault.message for fault in caught.value.faults}

    return find


def test_the_placeholders_are_the_hyperparameters(parsed):
    spec = parsed()
    assert list(spec.grammar.slots) == ["rate"]
    assert [(metric.name, metric.mode) for metric in spec.metrics] == [("loss", "min")]
    assert (spec.data.source, spec.test) == (BY_COMMAND, "on_request")
    assert any("nothing is sealed" in warning for warning in spec.warnings)


def test_a_recorded_spec_and_a_recipe_keep_the_command(parsed, tmp_path):
    spec = parsed(grace_seconds=3)
    assert parse_spec(spec.document).trainable == spec.trainable
    file = tmp_path / "recipe.yaml"
    file.write_text(recipe_text(RecipeFile(spec.trainable, {"rate": 0.5}, {"base": str(tmp_path)})))
    assert read_recipe(file) == RecipeFile(spec.trainable, {"rate": 0.5}, {"base": str(tmp_path)})
    assert ScriptCommand.of(spec.trainable).grace_seconds == 3


@pytest.mark.parametrize(
    ("range_", "kind"),
    [
        ({"randint": [1, 4]}, "int"),
        ({"uniform": [1, 4]}, "float"),
        ({"choice": [1, 2]}, "int"),
        ({"choice": [1, 0.5]}, "float"),
        ({"choice": [True, False]}, "bool"),
        ({"choice": ["sgd", "adam"]}, "str"),
        ({"choice": [[8, 8], [16]]}, "list"),
        ({"choice": [["a"], ["a", "b"]]}, "names"),
    ],
)
def test_a_range_says_of_which_kind_an_argument_is(parsed, range_, kind):
    assert parsed(space={"rate": range_}).grammar.slots["rate"].hyperparameter.kind == kind


@pytest.mark.parametrize(
    ("trainable", "path", "words"),
    [
        ({"command": "python fit.py --lr {rate}"}, "trainable.command", "no shell"),
        ({"command": []}, "trainable.command", "not an argument list"),
        ({"command": ["python", 3, "{rate}"]}, "trainable.command[1]", "quotation marks"),
        ({"command": ["no-such-program-here", "{rate}"]}, "trainable.command", "no such program"),
        ({"command": ["python", "{rate}", "{rat}"]}, "trainable.command", "did you mean rate?"),
        ({"command": ["python", "fit.py"]}, "space.rate", "has no effect"),
        ({"metrics": {}}, "trainable.metrics", "legal"),
        ({"metrics": {"loss": "minimize"}}, "trainable.metrics.loss", "legal: max, min"),
        ({"pattern": "("}, "trainable.pattern", "regular expression"),
        ({"pattern": r"(?P<los>\S+)"}, "trainable.pattern", "no group for loss"),
        ({"checkpoint": "../x"}, "trainable.checkpoint", "inside {folder}"),
        ({"grace_seconds": 600}, "trainable.grace_seconds", "0 to 45"),
        ({"evaluate": ["python", "fit.py"]}, "trainable.evaluate", "needs {data}"),
        ({"shell": True}, "trainable.shell", "unknown"),
        ({"data": {"source": "digits"}}, "data", "no argument contains {data}"),
        (
            {"space": {"rate": {"uniform": [0, 1]}, "seed": {"randint": [1, 2]}}},
            "space.seed",
            "is set by the search",
        ),
        ({"command": [*COMMAND, "{seed}"], "recipe": {"seed": 3}}, "recipe.seed", "is set by the search"),
    ],
)
def test_faults_name_the_field_and_what_is_legal(faults, trainable, path, words):
    assert words in faults(**trainable)[path]


def test_the_source_is_for_commands_only():
    document = {"version": 1, "data": {"source": BY_COMMAND}, "trainable": "tabular", "budget": {"trials": 3}}
    with pytest.raises(InvalidSpec, match="only"):
        parse_spec({**document, "space": {"learning_rate": {"uniform": [0.1, 1]}}})


def test_nested_arguments_are_left_out_without_a_checkpoint_or_a_value():
    command = ScriptCommand(
        ("a", ("--resume", "{resume}"), ("--m", "{momentum}"), "{rate}", "{{x}}"), {"loss": "min"}
    )
    values = {"resume": "/c", "momentum": None, "rate": 0.5}
    assert filled(command.arguments, values, "resume") == ["a", "0.5", "{{x}}"]
    assert filled(command.arguments, {**values, "momentum": True}) == [
        "a", "--resume", "/c", "--m", "true", "0.5", "{{x}}",
    ]  # fmt: skip


def test_its_files_are_named_and_a_command_without_one_is_doubtful(tmp_path):
    (tmp_path / "fit.py").write_text("")
    (code,) = code_in({"trainable": {"command": COMMAND}}, tmp_path)
    assert code.file == tmp_path / "fit.py"
    assert not code.doubt(tmp_path)
    (code,) = code_in({"trainable": {"command": ["rm", "-rf", "x"]}}, tmp_path)
    assert code.doubt(tmp_path)


def test_the_schema_allows_a_command():
    assert any(
        "command" in form.get("properties", {}) for form in schema()["properties"]["trainable"]["anyOf"]
    )
