"""``--set key=value`` reaches every field of a spec."""

from typing import Any

import pytest

from hpo.core.errors import InvalidSpec
from hpo.spec import read_spec
from hpo.spec.faults import Faults
from hpo.spec.overrides import override


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("seed=3", {"seed": 3}),
        ("budget.trials=5", {"budget": {"trials": 5, "hours": 1}}),
        ("scheduler.max_epochs=3", {"scheduler": {"name": "asha", "max_epochs": 3}}),
        ("recipe.model=mlp", {"recipe": {"model": "mlp"}}),
        ("recipe.augment.flip.p=1e-1", {"recipe": {"augment": {"flip": {"p": 0.1}}}}),
        (
            "space.a.b={uniform: [0, 1e-4]}",
            {"space": {"a.b": {"uniform": [0, 1e-4]}, "c.d": {"choice": [1]}}},
        ),
        ("space.c.d.choice=[2]", {"space": {"c.d": {"choice": [2]}}}),
        ("forbid.0.c=7", {"forbid": [{"c": 7}]}),
        ("name=", {"name": None}),
        ("description=a=b", {"description": "a=b"}),
    ],
)
def test_values_are_put_at_their_keys(text: str, wanted: dict[str, Any]) -> None:
    document = {
        "budget": {"hours": 1},
        "scheduler": "asha",
        "space": {"c.d": {"choice": [1]}},
        "forbid": [{"c": 6}],
    }
    faults = Faults("x")
    changed = override(document, [text], faults)
    assert not faults.found
    assert {key: changed[key] for key in wanted} == wanted
    assert document["budget"] == {"hours": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed", "is not of the form key=value"),
        ("=3", "is not of the form key=value"),
        ("seed.x.y=3", "is not a mapping"),
        ("forbid.7=3", "is not an index"),
        ("seed=[1", "is not YAML"),
        ("seed=.nan", "not a finite number"),
        ("seed=!!python/name:os.system x", "YAML tags"),
    ],
)
def test_impossible_overrides_are_faults(text: str, words: str) -> None:
    with pytest.raises(InvalidSpec, match=words):
        read_spec("digits", [text])


def test_a_shipped_spec_with_other_values() -> None:
    spec = read_spec(
        "digits", ["seed=7", "budget.trials=12", "sampler=random", "space.batch_size={choice: [8, 32]}"]
    )
    assert (spec.seed, spec.budget.trials, spec.sampler.name) == (7, 12, "random")
    with pytest.raises(InvalidSpec, match=r"budget\.trials: 0: legal: a whole number of at least 1"):
        read_spec("digits", ["budget.trials=0"])
