"""Laws of ranges: their text form, what they draw and contain, and what is left of them when narrowed."""

import math
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.recipe import canonical
from hpo.core.space import Choice, Parameter, Space
from hpo.spec.domains import parse_domain
from hpo.spec.faults import Faults
from hpo.spec.narrowing import narrowed
from hpo.spec.recipe_files import RecipeFile, read_recipe, recipe_text, yaml_text
from hpo.spec.yaml_text import parse_text

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.floats(allow_nan=False, allow_infinity=False)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
JSON = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def pairs(numbers):
    return st.tuples(numbers, numbers).filter(lambda ends: ends[0] != ends[1]).map(sorted)


def steps(ends, count):
    low, high = ends
    return [low, high, (high - low) / count]


RANGES = st.one_of(
    pairs(st.floats(-1e6, 1e6)).map(lambda ends: {"uniform": ends}),
    pairs(st.floats(1e-9, 1e6)).map(lambda ends: {"loguniform": ends}),
    pairs(st.integers(-1000, 1000)).map(lambda ends: {"randint": ends}),
    pairs(st.integers(1, 2000)).map(lambda ends: {"lograndint": ends}),
    st.builds(steps, pairs(st.integers(-1000, 1000)), st.integers(1, 50)).map(lambda i: {"quniform": i}),
    st.builds(lambda low, step, n: [low, low + n * step, step], *[st.integers(1, 50)] * 3).map(
        lambda items: {"qrandint": items}
    ),
    st.lists(SCALARS | TEXTS, min_size=1, max_size=6, unique_by=canonical).map(lambda vs: {"choice": vs}),
)


def domain_of(written):
    faults = Faults("a test")
    domain = parse_domain(written, ("space", "x"), faults)
    assert faults.found == []
    return domain


@settings(max_examples=50)
@given(written=RANGES)
def test_a_range_is_read_back_from_its_text(written):
    text = yaml_text({"x": written})
    assert canonical(parse_text(text, "a test").value["x"]) == canonical(written)
    assert domain_of(parse_text(text, "a test").value["x"]) == domain_of(written)


@given(written=RANGES, seed=st.integers(0, 2**32))
def test_what_a_range_draws_it_contains(written, seed):
    domain, random = domain_of(written), Random(seed)
    assert all(domain.contains(domain.sample(random)) for _ in range(20))


@settings(max_examples=50)
@given(written=RANGES)
def test_a_grid_has_every_value_once(written):
    domain = domain_of(written)
    if math.isinf(domain.count()):
        return
    grid = domain.grid()
    assert len(grid) == domain.count() == len({canonical(value) for value in grid})
    assert all(domain.contains(value) for value in grid)


@settings(max_examples=50)
@given(written=RANGES, seed=st.integers(0, 2**32), trials=st.integers(4, 60))
def test_a_narrowed_range_lies_within_the_old_one_and_has_the_winner(written, seed, trials):
    domain, random = domain_of(written), Random(seed)
    space = Space((Parameter("x", domain),))
    points = [space.sample(random) for _ in range(trials)]
    scores = [random.random() for _ in points]
    winner = points[scores.index(max(scores))]
    for change in narrowed(space, points, scores, winner, {}):
        assert change.new.contains(winner["x"])
        if isinstance(change.new, Choice):
            kept = [canonical(value) for value in change.new.values]
            assert kept == [canonical(value) for value in domain.values if canonical(value) in kept]
        elif not change.edge:
            assert domain.low <= change.new.low < change.new.high <= domain.high


@settings(max_examples=50)
@given(note=JSON, format=st.sampled_from(["yaml", "json"]))
def test_whatever_provenance_says_is_read_back(note, format, tmp_path_factory, toy):
    recipe = RecipeFile("toy", toy["toy"].grammar.resolve({}), {"note": note})
    file = tmp_path_factory.mktemp("recipes") / f"recipe.{format}"
    file.write_text(recipe_text(recipe, format), encoding="utf-8")
    assert canonical(read_recipe(file, toy).provenance["note"]) == canonical(note)
