"""Lists and tables wrap on a terminal, but never inside a name, digest or address."""

import io

from rich.console import Console

from hpo.cli.session import Session
from hpo.cli.tables import grid, pairs, search_state_text, trial_state_text
from hpo.core.home import Home

DIGEST = "0123456789abcdef" * 6


def printed(shown, width=80, **options):
    stream = io.StringIO()
    Console(file=stream, width=width, highlight=False, **options).print(shown, crop=False)
    return stream.getvalue()


def test_pairs_wrap_only_between_words():
    lines = printed(pairs([("name", "word " * 25), ("digest", DIGEST)])).splitlines()
    assert max(map(len, lines[:-1])) <= 80
    assert [line[:8] for line in lines] == ["name    ", "        ", "digest  "]
    assert lines[-1] == f"digest  {DIGEST}"


def test_the_list_of_searches_fits_into_80_columns():
    head = ("search", "status", "trials", "objective", "test", "used", "opened")
    status = search_state_text("no_trial_succeeded")
    row = ("nofinished", status, "1,000", "accuracy (max)", "0.9200", "59 min CPU", "11-30 10:10")
    assert max(map(len, printed(grid(head, [row])).splitlines())) <= 80


def test_a_table_wraps_its_texts_and_keeps_its_names_whole():
    rows = [("cifar10_vit-a-name-that-is-long", "a text of several words " * 4, "https://host/" + "x" * 40)]
    text = printed(grid(("search", "about", "address"), rows))
    assert "cifar10_vit-a-name-that-is-long" in text
    assert "https://host/" + "x" * 40 in text
    assert len(text.splitlines()) > 3


def test_states_are_coloured_unless_no_color_is_set():
    coloured = printed(trial_state_text("failed"), force_terminal=True, _environ={"TERM": "xterm"})
    plain = printed(
        trial_state_text("failed"), force_terminal=True, _environ={"TERM": "xterm", "NO_COLOR": "1"}
    )
    assert coloured != plain == "failed\n"
    assert trial_state_text("stopped").plain == "stopped early"
    assert search_state_text("stopped").plain == "stopped"
    assert search_state_text("no_trial_succeeded").plain == "no trial succeeded"


def test_hints_repeat_the_home_option(tmp_path):
    assert Session(Home.at(tmp_path), False).command("ui") == "hpo ui"
    assert Session(Home.at("a b"), False, "a b").command("ui") == "hpo --home 'a b' ui"


def test_a_table_that_fits_has_a_line_a_row_with_aligned_columns():
    states = [search_state_text(state) for state in ("failed", "no_trial_succeeded")]
    rows = [("東京", "é", states[0]), ("second", "", states[1])]
    table = grid(("name", "letter", "state"), rows)
    assert table.width == 6 + 2 + 6 + 2 + len("no trial succeeded")
    assert printed(table, width=table.width).splitlines() == [
        "name    letter  state",
        "東京    é       failed",  # wide letters take two columns
        "second          no trial succeeded",
    ]
    narrow = printed(table, width=table.width - 1)
    assert "no trial " in narrow
    assert "no trial succeeded" not in narrow
    coloured = printed(table, force_terminal=True, _environ={"TERM": "xterm"})
    assert "\x1b[31mfailed\x1b[0m" in coloured
