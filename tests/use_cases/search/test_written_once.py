"""What a finished search has written stays as it is when the search is resumed again."""

from hpo.core import events
from hpo.ledger.searches import open_ledger, read_history
from hpo.use_cases.search.run import SearchRun
from tests.use_cases.recorded_search import recorded, won


def resumed(folder, story):
    """A search with a page on disk that was read and then resumed; its ledger, and when it writes a page."""
    home, written = recorded(folder, story), []
    ledger = open_ledger("digits", home)
    before = read_history(ledger)
    run = SearchRun(home, None, None, ledger, before, lambda *arguments: written.append(arguments))
    run.folder.report.parent.mkdir(parents=True, exist_ok=True)
    run.folder.report.touch()
    ledger.append([events.SearchResumed({}), events.RecipeExported("recipe.yaml", "digest")])
    return run, ledger, written


def test_the_page_of_a_search_that_was_done_is_kept_unless_something_new_is_on_record(tmp_path):
    run, ledger, written = resumed(tmp_path, won())
    run._write_report("done")
    assert written == []
    ledger.append([events.Warned("its data has moved")])
    run._write_report("done")
    assert len(written) == 1


def test_a_lost_page_is_written_again(tmp_path):
    run, _, written = resumed(tmp_path, won())
    run.folder.report.unlink()
    run._write_report("done")
    assert len(written) == 1


def test_the_page_of_a_search_that_was_not_done_is_written(tmp_path):
    run, _, written = resumed(tmp_path, [*won()][:-1])
    run._write_report("done")
    assert len(written) == 1
