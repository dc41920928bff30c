"""A spec is read completely or refused with all its faults."""

import copy
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hpo.core.errors import InvalidSpec
from hpo.spec import SearchSpec, parse_spec, read_spec
from hpo.spec.interface import Interface

Toy = Mapping[str, Interface]


def test_a_shipped_spec_is_parsed_back_from_its_document() -> None:
    spec = read_spec("digits")
    assert isinstance(spec, SearchSpec)
    again = parse_spec(json.loads(json.dumps(spec.document, sort_keys=True)))
    assert again == spec
    assert again.digest == spec.digest
    assert [p.name for p in again.space.parameters] == [p.name for p in spec.space.parameters]


def test_an_unknown_name_lists_shipped_specs() -> None:
    with pytest.raises(InvalidSpec, match=r"did you mean digits.*legal: .*digits"):
        read_spec("digit")


def test_omitted_fields_have_their_defaults(document: dict[str, Any], toy: Toy) -> None:
    spec = parse_spec(document, trainables=toy)
    assert (spec.objective.metric, spec.objective.mode, spec.objective.at) == ("accuracy", "max", "best")
    assert (spec.scheduler.name, spec.scheduler.rungs, spec.horizon) == ("promote", (1, 3), 9)
    assert (spec.sampler.name, spec.resources.threads, spec.data.validation) == ("auto", 1, 0.2)
    assert (spec.budget.trials, spec.budget.epochs, spec.reserved_epochs) == (10, None, 81)
    assert (spec.name, spec.experiment, spec.seed, spec.patience) == ("search", "search", 0, None)


def test_short_forms(document: dict[str, Any], toy: Toy) -> None:
    document |= {"sampler": "random", "scheduler": "none", "recipe": {"epochs": 5}, "patience": 7}
    spec = parse_spec(document, trainables=toy)
    assert spec.sampler.name == "random"
    assert (spec.scheduler.rungs, spec.horizon) == ((), 5)
    assert spec.patience is not None
    assert spec.patience.trials == 7


def test_the_digest_depends_only_on_content(document: dict[str, Any], toy: Toy) -> None:
    spec = parse_spec(document, base=Path("/one"), trainables=toy)
    turned = {key: document[key] for key in reversed(document)}
    turned["space"] = {key: document["space"][key] for key in reversed(document["space"])}
    other = parse_spec(turned, base=Path("/two"), trainables=toy)
    assert other.digest == spec.digest
    assert other.space == spec.space
    assert parse_spec({**document, "seed": 1}, trainables=toy).digest != spec.digest


def test_a_recipe_is_complete_and_has_the_horizon(document: dict[str, Any], toy: Toy) -> None:
    document["recipe"] = {"epochs": 50, "width": 3, "optimizer": {"name": "adam", "beta": 0.8}}
    spec = parse_spec(document, trainables=toy)
    point = spec.space.sample(Random(0))
    recipe = spec.recipe_of(point)
    assert recipe == {
        "epochs": 9,
        "rate": point["rate"],
        "width": point["width"],
        "sizes": [8, 8],
        "optimizer": {"name": "adam", "beta": 0.8},
        "augment": {"strength": 1.0},
    }
    assert spec.overridden(point) == {"epochs": (50, 9), "width": (3, point["width"])}
    assert any("recipe.epochs" in warning for warning in spec.warnings)


def at(*steps: str | int) -> Callable[[dict[str, Any], Any], None]:
    """Return a function that puts a value at a field path, creating mappings on the way."""

    def put(document: dict[str, Any], value: Any) -> None:
        current: Any = document
        for step in steps[:-1]:
            current = current.setdefault(step, {})
        if value == GONE:
            del current[steps[-1]]
        else:
            current[steps[-1]] = value

    return put


GONE = "remove it"
RANGE = {"uniform": [0, 1]}

WRONG: list[tuple[Callable[[dict[str, Any], Any], None], Any, str, str]] = [
    (at("version"), GONE, "version", "is missing"),
    (at("version"), 2, "version", "2: .*legal: 1"),
    (at("spaze"), {}, "spaze", "did you mean space.*legal: version"),
    (at("data", "sorce"), "x", "data.sorce", "did you mean source"),
    (at("data"), GONE, "data", "is missing"),
    (at("data"), 7, "data", "7 is not a mapping; legal keys: source"),
    (at("data", "source"), "digit", "data.source", "legal: digits"),
    (at("data", "arguments"), {"root": "x"}, "data.arguments.root", "does not exist"),
    (at("data", "validation"), 1.5, "data.validation", r"1\.5: legal: a number above 0"),
    (
        at("data", "validation"),
        {"search": 0.5, "final": 0.5},
        "data.validation",
        "leaving nothing to train on",
    ),
    (at("data", "validation"), {"search": 0.5}, "data.validation.final", "is missing"),
    (
        at("data", "validation"),
        {"search": 0.5, "final": "x"},
        "data.validation.final",
        "'x': legal: a number",
    ),
    (at("data", "stratified"), "yes", "data.stratified", "'yes': legal: true or false"),
    (at("trainable"), "toi", "trainable", "did you mean toy.*or module:attribute"),
    (at("trainable"), GONE, "trainable", "is missing"),
    (at("name"), "../up", "name", "'../up': legal: at most 80 letters"),
    (at("name"), "x" * 81, "name", "legal: at most 80 letters"),
    (at("recipe", "wdth"), 3, "recipe.wdth", "3: .*did you mean width"),
    (at("recipe", "width"), 65, "recipe.width", "65 is not a whole number from 1 to 64"),
    (at("recipe", "optimizer"), "sdg", "recipe.optimizer", "'sdg' does not exist; legal: sgd"),
    (at("recipe", "optimizer"), {"name": "adam", "momentum": 0.9}, "recipe.optimizer.momentum", "under adam"),
    (at("recipe", "augment"), {"flop": True}, "recipe.augment.flop", "legal: strength, flip"),
    (at("space"), {}, "space", "is empty; legal: epochs"),
    (at("space"), GONE, "space", "is missing"),
    (
        at("space", "wdth"),
        RANGE,
        "space.wdth",
        "is not a hyperparameter of the trainable; did you mean width",
    ),
    (at("space", "rate"), {"uniform": [1, 1]}, "space.rate.uniform", "low 1 is not below high 1"),
    (at("space", "rate"), {"uniform": [2, 1]}, "space.rate.uniform", "low 2 is not below high 1"),
    (at("space", "rate"), {"uniform": [0, 11]}, "space.rate", "11 is not a number from 0 to 10"),
    (at("space", "rate"), {"uniform": [0]}, "space.rate.uniform", r"has 1 items; legal: \[low, high\]"),
    (at("space", "rate"), {"uniform": [0, "1"]}, "space.rate.uniform", "'1' is not a number"),
    (at("space", "rate"), {"uniform": [0, True]}, "space.rate.uniform", "true is not a number"),
    (at("space", "rate"), {"uniform": 3}, "space.rate.uniform", "3 is not a list"),
    (at("space", "rate"), {"loguniform": [0, 1]}, "space.rate.loguniform", "must start above 0, not at 0"),
    (at("space", "rate"), {"quniform": [0, 1, 0]}, "space.rate.quniform", "the step 0 must be above 0"),
    (at("space", "rate"), {"quniform": [0, 1, -1]}, "space.rate.quniform", "the step -1 must be above 0"),
    (
        at("space", "rate"),
        {"quniform": [0, 1, 2]},
        "space.rate.quniform",
        "the step 2 must be above 0 and at most 1",
    ),
    (at("space", "rate"), {"quniform": [0, 1, 1e-9]}, "space.rate.quniform", "use uniform"),
    (at("space", "rate"), {"choice": []}, "space.rate.choice", "legal: 1 to"),
    (at("space", "rate"), {"choice": [1, 1]}, "space.rate.choice", "a choice occurs twice"),
    (at("space", "rate"), {"choice": [1, "x"]}, "space.rate", "'x' is not a number"),
    (at("space", "rate"), {"unifrom": [0, 1]}, "space.rate.unifrom", "did you mean uniform"),
    (at("space", "rate"), {"uniform": [0, 1], "choice": [1]}, "space.rate", "has 2 ranges"),
    (at("space", "rate"), {"when": {"width": 3}}, "space.rate", "has no range; legal: exactly one"),
    (at("space", "rate"), 0.1, "space.rate", r"0\.1 is not a range; .* belongs under `recipe`"),
    (
        at("space", "rate"),
        {"low": 0.001, "high": 0.1, "log": True},
        "space.rate",
        r"write \{loguniform: \[0\.001, 0\.1\]\}",
    ),
    (at("space", "width"), {"low": 1, "high": 9}, "space.width", r"write \{randint: \[1, 9\]\}"),
    (
        at("space", "width"),
        {"lograndint": [0, 9]},
        "space.width.lograndint",
        "must start at 1 or above, not at 0",
    ),
    (at("space", "width"), {"randint": [1.5, 9]}, "space.width.randint", r"1\.5 is not a whole number"),
    (at("space", "width"), {"uniform": [1, 9]}, "space.width", "use randint"),
    (at("space", "optimizer"), RANGE, "space.optimizer", "needs choice"),
    (at("space", "optimizer"), {"choice": ["sgd", "sdg"]}, "space.optimizer", "'sdg' is not one of sgd"),
    (at("space", "optimizer.beta"), RANGE, "space.optimizer.beta", "only if optimizer is adam; .* 'sgd'"),
    (at("space", "augment.flip.p"), RANGE, "space.augment.flip.p", "only if augment.flip is on; .* false"),
    (at("space", "epochs"), {"randint": [1, 9]}, "space.epochs", "scheduler.max_epochs"),
    (at("space", "rate", "when"), {"wdth": 3}, "space.rate.when.wdth", "not a parameter.*did you mean width"),
    (at("space", "rate", "when"), {"width": 65}, "space.rate.when.width", "65 is never its value"),
    (at("space", "rate", "when"), {"width": {"low": 65}}, "space.rate.when.width", "has no value from 65"),
    (at("space", "rate", "when"), {"width": {"lo": 5}}, "space.rate.when.width.lo", "did you mean low"),
    (
        at("space", "rate", "when"),
        {"width": {"low": "a"}},
        "space.rate.when.width.low",
        "'a' is not a number",
    ),
    (
        at("space", "rate", "when"),
        {"width": {"low": 5, "high": 4}},
        "space.rate.when.width",
        "low 5 is above",
    ),
    (at("space", "rate", "when"), {"width": {}}, "space.rate.when.width", "{} is empty"),
    (at("space", "rate", "when"), {"width": []}, "space.rate.when.width", "matches nothing"),
    (at("space", "rate", "when"), {}, "space.rate.when", "is not a condition"),
    (at("space", "rate", "when"), {"rate": 0.1}, "space.rate.when", "form a cycle: rate -> rate"),
    (at("forbid"), [{"wdth": 3}], "forbid[0].wdth", "did you mean width"),
    (at("forbid"), [7], "forbid[0]", "7 is not a combination"),
    (at("forbid"), [{"width": {"low": 1}}], "forbid", "leaves nothing"),
    (at("forbid"), {"width": 3}, "forbid", "legal: a list"),
    (at("start_from"), [{"wdth": 3}], "start_from[0].wdth", "did you mean width"),
    (at("start_from"), [{"width": 65}], "start_from[0].width", "65 is not a whole number"),
    (at("start_from"), ["nowhere.yaml"], "start_from[0]", "'nowhere.yaml': .*does not exist"),
    (at("start_from"), [3], "start_from[0]", "neither a point nor the name of a recipe file"),
    (at("objective", "metric"), "acuracy", "objective.metric", "'acuracy': .*did you mean accuracy"),
    (at("objective", "metric"), "test/accuracy", "objective.metric", "the test part is sealed"),
    (at("objective", "metric"), "accuracy_on_test", "objective.metric", "the test part is sealed"),
    (at("objective", "mode"), "maximise", "objective.mode", "legal: max, min"),
    (at("objective", "at"), "first", "objective.at", "legal: best, last"),
    (at("sampler"), "tp", "sampler.name", "'tp': .*did you mean tpe"),
    (at("sampler"), "grid", "sampler.name", "grid does not support rate.*legal: auto, tpe, random"),
    (
        at("sampler"),
        {"name": "tpe", "options": {"startup": 3}},
        "sampler.options.startup",
        "legal: n_startup",
    ),
    (
        at("sampler"),
        {"name": "tpe", "options": {"group": 3}},
        "sampler.options.group",
        "3 is not true or false",
    ),
    (at("scheduler"), {"name": "median"}, "scheduler.name", "legal: asha, leaders, promote, hyperband, none"),
    (at("scheduler"), {}, "scheduler.max_epochs", "is missing: the epochs of a full training"),
    (at("scheduler", "max_epochs"), 0, "scheduler.max_epochs", "0: legal: a whole number of at least 1"),
    (at("scheduler", "first_rung"), 9, "scheduler.first_rung", "9 is not below max_epochs .9."),
    (at("scheduler", "reduction_factor"), 1, "scheduler.reduction_factor", "of at least 2"),
    (at("budget"), {}, "budget", "sets no limit; legal: at least one of trials"),
    (at("budget"), GONE, "budget", "is missing"),
    (at("budget", "trials"), -3, "budget.trials", "-3: legal: a whole number of at least 1"),
    (at("budget", "hours"), 0, "budget.hours", "0: legal: a number above 0"),
    (at("budget", "epochs"), 89, "budget.epochs", "89 is too small: .* takes 9 .* 81 .*legal: at least 90"),
    (at("budget", "gpu_hours"), 1, "budget.gpu_hours", "resources.gpus is 0"),
    (at("resources", "cpus"), 0, "resources.cpus", "0: legal: a number above 0"),
    (at("resources", "cpus"), 1e300, "resources.cpus", "1e.300: legal"),
    (at("resources", "cpus"), 1.5, "resources.cpus", "1.5: only .* legal: below 1, or whole"),
    (at("resources", "gpus"), 1.5, "resources.gpus", "legal: 1/k, or whole"),
    (
        at("resources", "gpus"),
        0.3,
        "resources.gpus",
        "0.3 does not divide a GPU.*1/3 .0.3333. and 1/4 .0.25.",
    ),
    (at("resources", "gpus"), 0.7, "resources.gpus", "0.7 does not divide.* nearest: 1 and 1/2 .0.5."),
    (at("resources", "labels"), {"-gpu": "a"}, "resources.labels.-gpu", "is not the name of a label"),
    (at("resources", "labels"), {"gpu": "a b"}, "resources.labels.gpu", "'a b' is not a label's value"),
    (at("resources", "labels"), {"gpu": []}, "resources.labels.gpu", "names no value"),
    (at("resources", "labels"), ["H100"], "resources.labels", "legal: a mapping"),
    (at("resources", "custom"), {"GPU": 1}, "resources.custom.GPU", "is not a custom resource"),
    (at("resources", "custom"), {"licence": 1.5}, "resources.custom.licence", "1.5: amounts above 1"),
    (at("resources", "custom"), {"licence": 0}, "resources.custom.licence", "greater than 0"),
    (at("finalists", "count"), 11, "finalists.count", "11 finalists cannot come from 10 trials"),
    (at("finalists", "seeds"), 0, "finalists.seeds", "0: legal"),
    (at("finalists", "folds"), 1, "finalists.folds", "1: legal: a whole number of at least 2"),
    (at("limits", "epoch_seconds"), -1, "limits.epoch_seconds", "-1: legal"),
    (at("patience"), 0, "patience", "0: input should be greater than or equal to 1"),
    (at("seed"), -1, "seed", "-1: legal: a whole number of at least 0"),
    (at("seed"), "0", "seed", "'0': legal: a whole number"),
    (at("warm_start"), [3], "warm_start[0]", "3: "),
]


@pytest.mark.parametrize(
    ("put", "value", "path", "words"), WRONG, ids=[f"{w[2]}-{i}" for i, w in enumerate(WRONG)]
)
def test_a_fault_names_path_value_and_legal_choices(
    put: Callable[[dict[str, Any], Any], None],
    value: Any,
    path: str,
    words: str,
    document: dict[str, Any],
    toy: Toy,
) -> None:
    put(document, copy.deepcopy(value))
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(document, trainables=toy)
    found = {fault.path: fault.message for fault in caught.value.faults}
    assert list(found) == [path], caught.value
    assert re.search(words, found[path]), found[path]


def test_all_faults_are_reported_in_the_order_of_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(
        "version: 1\n"
        "data: {source: digits, validation: 2}\n"
        "trainable: image_classifier\n"
        "recipe:\n"
        "  modle: mlp\n"
        "space:\n"
        "  learning_rate:\n"
        "    uniform: [3, 1]\n"
        "  optimizer.momentum: {uniform: [0, 0.9]}\n"
        "objective: {metric: test_loss}\n"
        "objective: {metric: loss}\n"
        "budget: {epochs: 5}\n"
        "scheduler: {max_epochs: 9}\n"
    )
    with pytest.raises(InvalidSpec) as caught:
        read_spec(file)
    assert [(fault.line, fault.path) for fault in caught.value.faults] == [
        (2, "data.validation"),
        (5, "recipe.modle"),
        (8, "space.learning_rate.uniform"),
        (9, "space.optimizer.momentum"),
        (10, "objective.metric"),
        (11, "objective"),
        (12, "budget.epochs"),
    ]
    assert f"{file}:8: space.learning_rate.uniform: [3, 1]" in str(caught.value)
    assert caught.value.exit_code == 2


def test_too_many_faults_are_only_counted(document: dict[str, Any], toy: Toy) -> None:
    document |= {f"key{i}": i for i in range(1000)}
    with pytest.raises(InvalidSpec, match="and 800 more faults"):
        parse_spec(document, trainables=toy)


@pytest.mark.parametrize("document", [None, 3, "text", [1], True])
def test_a_document_that_is_not_a_mapping_is_refused(document: Any) -> None:
    with pytest.raises(InvalidSpec, match="is not a mapping"):
        parse_spec(document)


def test_harmless_problems_are_warnings(document: dict[str, Any], toy: Toy) -> None:
    document |= {"recipe": {"optimizer": "broken"}, "objective": {"metric": "loss", "mode": "max"}}
    assert parse_spec({**document}, trainables=toy).warnings == (
        "objective.mode is max, although min is the better direction for loss",
        "optimizer: broken is for demonstration: it never learns",
    )
    document["recipe"] = {}
    document["space"]["optimizer"] = {"choice": ["sgd", "broken"]}
    assert any("broken" in warning for warning in parse_spec(document, trainables=toy).warnings)


def test_folds_and_a_final_part_exclude_each_other(document: dict[str, Any], toy: Toy) -> None:
    document["data"] = {"source": "digits", "validation": {"search": 0.1, "final": 0.1}}
    document["finalists"] = {"folds": 5}
    with pytest.raises(
        InvalidSpec, match=r"5 folds and data.validation.final both rank .* legal: one of them"
    ):
        parse_spec(document, trainables=toy)


def test_a_search_of_two_trials_has_two_finalists_unless_it_asks_for_more(
    document: dict[str, Any], toy: Toy
) -> None:
    document["budget"] = {"trials": 2}
    document.pop("finalists", None)
    assert parse_spec(document, trainables=toy).finalists.count == 2
    document["finalists"] = {"count": 3}
    with pytest.raises(InvalidSpec, match="3 finalists cannot come from 2 trials"):
        parse_spec(document, trainables=toy)


def test_a_race_needs_at_least_two_seeds(document: dict[str, Any], toy: Toy) -> None:
    document["finalists"] = {"rule": "race", "seeds": 1}
    with pytest.raises(InvalidSpec, match="legal: at least 2"):
        parse_spec(document, trainables=toy)
    document["finalists"] = {"rule": "race", "seeds": 3}
    (warning,) = parse_spec(document, trainables=toy).warnings
    assert "a race of 3 seeds saves hardly any trainings" in warning
    document["finalists"] = {"rule": "race", "seeds": 8, "alpha": 0.1, "prefer": "steadiest", "margin": 0.01}
    spec = parse_spec(document, trainables=toy)
    assert spec.warnings == ()
    assert parse_spec(spec.document, trainables=toy).finalists == spec.finalists


def test_race_settings_without_a_race_give_a_warning(document: dict[str, Any], toy: Toy) -> None:
    document["finalists"] = {"alpha": 0.1, "prefer": "steadiest"}
    warnings = parse_spec(document, trainables=toy).warnings
    assert warnings == (
        "finalists.alpha: 0.1 has no effect unless rule: race",
        "finalists.prefer: 'steadiest' has no effect unless rule: race",
    )


def test_folds_count_in_the_reserved_epochs(document: dict[str, Any], toy: Toy) -> None:
    document["finalists"] = {"count": 2, "seeds": 3, "folds": 4}
    assert parse_spec(document, trainables=toy).reserved_epochs == 2 * 3 * 4 * 9


def test_a_grid_gives_a_warning(document: dict[str, Any], toy: Toy) -> None:
    document |= {"sampler": "grid", "space": {"width": {"randint": [1, 8]}, "rate": {"choice": [0.1, 0.2]}}}
    (warning,) = parse_spec(document, trainables=toy).warnings
    assert (
        "grid has 16 points, of which the budget allows the first 10; it tries at most 8 values of each"
        in warning
    )


def test_files_to_warm_start_from_must_exist(document: dict[str, Any], toy: Toy, tmp_path: Path) -> None:
    document["warm_start"] = ["digits-3", "old.yaml"]
    with pytest.raises(InvalidSpec, match=r"warm_start\[1\]: 'old.yaml' is not a file"):
        parse_spec(document, base=tmp_path, trainables=toy)
    (tmp_path / "old.yaml").write_text("version: 1\n")
    assert parse_spec(document, base=tmp_path, trainables=toy).warm_start == ("digits-3", "old.yaml")


def test_a_file_cannot_set_its_base(tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text("base: /elsewhere\nversion: 1\n")
    with pytest.raises(InvalidSpec, match="base: is not allowed in a file"):
        read_spec(file)


def test_a_recipe_to_start_from_runs_no_code(document: dict[str, Any], toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')\n")
    (tmp_path / "theirs.yaml").write_text("version: 1\ntrainable: evil:x\nrecipe: {}\n")
    document["start_from"] = ["theirs.yaml"]
    with pytest.raises(InvalidSpec, match="is a different trainable"):
        parse_spec(document, base=tmp_path, trainables=toy)
    assert not (tmp_path / "canary").exists()
