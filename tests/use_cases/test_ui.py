"""Which parameters the leaderboard that ``hpo ui`` opens on draws as axes."""

from hpo.use_cases.ui import newest_leaderboard
from tests.use_cases.recorded_search import recorded, won

SPACE = (
    "space.batch_size={choice: [32, 64]}",
    "space.image_size={choice: [null, 16]}",
    "space.accumulation={choice: [1, 2], when: {batch_size: 32}}",
)


def test_axes_have_numbers_or_texts_for_every_trial(tmp_path):
    board = newest_leaderboard(recorded(tmp_path, won(), SPACE))
    assert board is not None
    assert board.experiment == "digits"
    assert set(board.parameters) - set(board.always) == {"image_size", "accumulation"}


def test_a_home_without_a_search_has_no_leaderboard(tmp_path):
    home = recorded(tmp_path, won())
    home.ledger.unlink()
    assert newest_leaderboard(home) is None
