"""The scaling benchmark runs, and a suggestion uses a bounded number of trials."""

from benchmarks.scaling import SAMPLERS, machinery, space_of, suggestions


def test_both_parts_run_and_count(tmp_path):
    rows = [*suggestions("auto", 8, 120), *machinery("auto", 120, tmp_path)]
    assert [row["trials"] for row in rows] == [100, 50, 100, 150]
    assert all(row.get("ms", 1) > 0 and row.get("ms_per_report", 1) > 0 for row in rows)


def test_a_suggestion_uses_a_bounded_number_of_trials():
    space, searcher = space_of(3), SAMPLERS["auto"](space_of(3))
    from random import Random

    for trial in range(1500):
        searcher.started(trial, space.sample(Random(trial)))
        searcher.report(trial, 3, Random(trial).random())
    assert len(searcher._results.chosen()) <= 80
