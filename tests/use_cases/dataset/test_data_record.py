"""What goes on record of the data is what was read, with the card that the spec gives."""

import pytest

from hpo.core.data_account import DataFacts, LeaksSought
from hpo.core.errors import InvalidSpec, UserError
from hpo.core.home import Home
from hpo.spec import read_spec
from hpo.use_cases.dataset.data_record import card_text, described
from hpo.use_cases.dataset.leak_check import find_dataset_leaks, refuse_overlap
from hpo.use_cases.dataset.split_dataset import split_dataset_of

SPEC = """
version: 1
data:
  source: csv
  arguments: {file: rows.csv, target: y, ignore: [c]}
  card: card.md
trainable: tabular
space: {learning_rate: {loguniform: [1e-3, 0.3]}}
scheduler: {max_epochs: 3}
budget: {trials: 3}
"""


@pytest.fixture
def spec(tmp_path):
    rows = [f"{n / 7 if n % 5 else ''},{'pqr'[n * 7 % 3]},{n},{'ab'[n * 13 % 17 > 7]}" for n in range(100)]
    (tmp_path / "rows.csv").write_text("\n".join(["x,k,c,y", *rows]) + "\n")
    (tmp_path / "card.md").write_text("A hundred rows, made up.\n")
    (tmp_path / "spec.yaml").write_text(SPEC)
    return read_spec(str(tmp_path / "spec.yaml"), [])


def test_files_columns_parts_and_card_are_on_record(spec, tmp_path):
    dataset = split_dataset_of(spec.data, spec.base, Home(tmp_path / "home").create())
    facts = DataFacts.of_json(described(spec, dataset, ("x", 0.25)))
    assert (facts.card, facts.target, facts.dropped) == ("A hundred rows, made up.", "y", ("c",))
    assert (facts.columns, facts.categorical) == (("x", "k"), ("k",))
    assert (facts.files[0].name, len(facts.files[0].sha256)) == ("rows.csv", 64)
    train = facts.parts["train"]
    assert (train.n, sum(train.classes.values())) == (len(dataset.split.train),) * 2
    assert 0 < train.missing["x"] < train.n
    assert "test" not in facts.parts, "it is sealed"
    assert facts.test_part == "rows"


def test_what_was_looked_for_is_on_record(spec, tmp_path):
    dataset = split_dataset_of(spec.data, spec.base, Home(tmp_path / "home").create())
    leaks = LeaksSought.of_json(find_dataset_leaks(spec.data, spec.base, dataset, near=True).to_json())
    assert "columns, and pairs of columns, that reveal the target" in leaks.sought
    assert "groups in several parts (the data names no groups)" in leaks.not_sought
    assert "mislabelled rows of the test part" in leaks.not_sought


def test_a_card_is_a_file_or_a_text(spec, tmp_path):
    assert card_text("Collected in May.", tmp_path) == "Collected in May."
    assert card_text(None, tmp_path) == ""
    with pytest.raises(InvalidSpec, match=r"data.card.*nowhere.md.*is not a file"):
        read_spec(str(tmp_path / "spec.yaml"), ["data.card=nowhere.md"])


def test_groups_in_the_test_part_stop_a_search(spec, tmp_path):
    for name, first in (("rows.csv", 0), ("test.csv", 20)):
        rows = [f"{n / 7},{n % 11 / 3},{first + n // 4},{'ab'[n % 2]}" for n in range(100)]
        (tmp_path / name).write_text("\n".join(["x,z,g,y", *[f"{r[0]}{r}" for r in rows]]) + "\n")
    arguments = "{file: rows.csv, test_file: test.csv, target: y, groups: g}"
    spec = read_spec(str(tmp_path / "spec.yaml"), [f"data.arguments={arguments}"])
    dataset = split_dataset_of(spec.data, spec.base, Home(tmp_path / "home").create())
    leaks = find_dataset_leaks(spec.data, spec.base, dataset)
    assert leaks.groups_test == 5
    with pytest.raises(UserError, match=r"5 groups have rows both in the test part and outside it, so"):
        refuse_overlap(spec.data, leaks)
    refuse_overlap(spec.data.model_copy(update={"accept_overlap": True}), leaks)
