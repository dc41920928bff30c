"""The report page: its sections, its size, hostile names, and searches with little on record."""

import json
import math
import random
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markupsafe import escape

from hpo.core import events
from hpo.core.errors import UserError
from hpo.core.events import Cause, End
from hpo.core.home import Home
from hpo.core.space import Choice, Parameter, Space, Uniform
from hpo.ledger.searches import open_ledger
from hpo.ledger.store import LedgerStore
from hpo.reports.account import named_rows
from hpo.reports.page.document import SECTIONS, page, sections
from hpo.reports.page.search_sections import correlation
from hpo.reports.scales import AxisScale, ParameterAxis, ScoreScale
from hpo.spec import read_spec
from hpo.use_cases.report import follow_report, search_view, write_report
from hpo.use_cases.search.lock import hold_lock
from tests.use_cases.recorded_search import SPLIT, recorded, searched, trained, won

KEYS = [
    "verdict",
    "winner",
    "finalists",
    "progress",
    "importance",
    "interactions",
    "stopping",
    "trials",
    "account",
]
VOID = {"meta", "input", "link", "br"}


class Outline(HTMLParser):
    """Collects what the tests ask about, and checks that every element is closed."""

    def __init__(self, document):
        super().__init__()
        self.open, self.keys, self.scripts, self.links, self.rows = [], [], [], [], 0
        self.figures = self.tables = 0
        self.feed(document)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.rows += tag == "tr"
        self.figures += tag == "figure"
        self.tables += tag == "table"
        if tag == "section":
            self.keys.append(attrs["id"])
        if tag == "script":
            self.scripts.append(attrs.get("type", ""))
        self.links += [attrs[name] for name in ("src", "href", "action", "style") if name in attrs]
        assert not any(name.startswith("on") for name in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def view_of(home, name="digits"):
    return search_view(open_ledger(name, home), home=home)


def sentence(view, key):
    (found,) = [section.sentence for section in sections(view) if section.key == key]
    return found


def simulated(folder, trials, space, *, mode="max", seed=0, epochs=27):
    """A search of made-up trials, of which only the first parameter decides, half of them stopped early."""
    spec = read_spec(_spec(folder, space, mode, epochs, trials))
    random_ = random.Random(seed)
    home = Home(folder / "home").create()
    story = []
    for number in range(trials):
        point = spec.space.sample(random_)
        error = 0.02 + 0.1 * abs(math.log10(point["learning_rate"]) + 1.5) + abs(random_.gauss(0, 0.01))
        last = epochs if error < 0.08 else 1
        story.append(events.TrialStarted(number, 0, point, point, 1, "sampler"))
        values = [error * (1 + math.exp(-epoch / 5)) for epoch in range(1, last + 1)]
        values = values if mode == "min" else [1 - value for value in values]
        name = spec.objective.key
        story += [
            events.Reported(number, 0, epoch, {name: value}, 1.0) for epoch, value in enumerate(values, 1)
        ]
        end = End.FINISHED if last == epochs else End.STOPPED
        story.append(events.TrialEnded(number, 0, end, last, values[-1]))
    opened = events.SearchOpened(spec.document, spec.digest, SPLIT, {}, {})
    LedgerStore.at(home.ledger).create("digits", opened, "digits").append(story)
    return home


def _spec(folder, space, mode, epochs, trials):
    path = folder / "spec.yaml"
    metric = "accuracy" if mode == "max" else "loss"
    path.write_text(
        f"version: 1\ndata: {{source: digits}}\ntrainable: image_classifier\n"
        f"recipe: {{model: {{name: mlp}}}}\nspace:\n{space}"
        f"objective: {{metric: {metric}, mode: {mode}}}\n"
        f"scheduler: {{name: asha, max_epochs: {epochs}, first_rung: 1}}\nbudget: {{trials: {trials}}}\n"
    )
    return str(path)


ONE = "  learning_rate: {loguniform: [1.0e-4, 1.0]}\n"
FEW = ONE + "  batch_size: {choice: [32, 64, 128]}\n  model.depth: {randint: [1, 6]}\n"


def test_the_page_has_every_section_in_order_and_a_table_for_every_plot(tmp_path):
    view = view_of(recorded(tmp_path, won()))
    outline = Outline(page(view))
    assert outline.keys == KEYS == [section(view).key for section in SECTIONS]
    assert outline.tables == outline.figures + 2  # the winner's choices and all trials
    assert all(section.sentence.endswith(".") for section in sections(view))
    assert sentence(view, "verdict") == (
        "Trial 3 reaches accuracy 0.9200 (95 % interval 0.8800 to 0.9500) on the test part of digits."
    )


def test_the_account_is_on_the_page_row_by_row(tmp_path):
    view = view_of(recorded(tmp_path, won()))
    shown = page(view).partition('<section id="account">')[2]
    for name, texts in named_rows(view.account).items():
        assert f"<dt>{name}</dt>" in shown
        for text in texts:
            assert re.search(f"<dd>(<code>)?{re.escape(str(escape(text)))}(</code>)?</dd>", shown)
    assert "<pre>" not in shown


def test_columns_of_the_winner_that_would_be_empty_are_left_out(tmp_path):
    plain_space = page(view_of(simulated(tmp_path, 3, FEW)))
    assert "exists where" not in plain_space
    assert '<th scope="col">range</th>' in plain_space


def test_what_must_be_known_first_stands_above_the_verdict(tmp_path):
    view = view_of(recorded(tmp_path, won()))
    view = replace(view, account=replace(view.account, attention=("both scores disagree",)))
    shown = page(view)
    assert shown.index("Attention: both scores disagree.") < shown.index('class="sentence"')


def test_an_opened_test_part_without_a_value_of_the_objective_is_not_called_sealed(tmp_path):
    view = view_of(recorded(tmp_path, won()))
    other = {"loss": view.account.numbers.test["accuracy"]}
    numbers = replace(view.account.numbers, test=other)
    shown = sentence(replace(view, account=replace(view.account, numbers=numbers)), "verdict")
    assert shown.endswith("; accuracy has no value on the test part.")


def test_commands_name_a_home_that_is_not_the_usual_one(tmp_path, monkeypatch):
    home = recorded(tmp_path, won())
    elsewhere = view_of(home).account.reproduce[0]
    assert elsewhere.startswith(
        f"hpo --home {home.root} export digits --out digits-recipe.yaml && hpo --home "
    )
    monkeypatch.setenv("HPO_HOME", str(home.root))
    usual = view_of(home).account.reproduce[0]
    assert usual == "hpo export digits --out digits-recipe.yaml && hpo verify digits-recipe.yaml"


def test_the_page_needs_nothing_from_elsewhere(tmp_path):
    document = page(view_of(recorded(tmp_path, won())))
    outline = Outline(document)
    assert all(link.startswith("#") for link in outline.links)
    assert outline.scripts.count("") == 1
    assert "http" not in re.sub(r"http-equiv|http://www\.w3\.org/2000/svg", "", document)
    assert "localStorage" not in document


def test_names_with_html_are_shown_and_never_run(tmp_path):
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    view = view_of(recorded(tmp_path, won()))
    space = Space((Parameter(evil, Choice((evil, "b"))), Parameter("x", Uniform(0, 1))))
    trials = [replace(trial, point={evil: evil, "x": 0.5}, cause=evil) for trial in view.trials]
    account = replace(view.account, search=evil, warnings=(evil,))
    document = page(replace(view, account=account, space=space, trials=(*trials * 50,)))
    assert "<script>alert" not in document
    assert "<img" not in document
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in document
    assert Outline(document).scripts == ["application/json", ""]


def test_an_unfinished_search_says_so(tmp_path):
    view = view_of(recorded(tmp_path, [*trained(0, 0, 0.91), *trained(1, 0, 0.3, End.STOPPED)]))
    document = page(view)
    assert "unfinished: interrupted" in document
    assert sentence(view, "verdict").startswith(
        "The search has no winner yet: of 2 trials, trial 0 is the best so far"
    )
    assert Outline(document).keys == KEYS


@pytest.mark.parametrize(
    ("story", "verdict"),
    [
        ([], "There is no result yet: no trial has started."),
        (
            [events.TrialStarted(0, 0, {"learning_rate": 0.1}, {}, 7, "sampler")],
            "There is no result yet: none of 1 trial",
        ),
        (
            [*trained(0, 0, math.nan, End.FAILED, Cause.DIVERGED)],
            "There is no result: the only trial failed.",
        ),
        (
            [e for n in range(3) for e in trained(n, 0, math.nan, End.FAILED, Cause.DIVERGED)],
            "There is no result: all 3 trials failed.",
        ),
        ([*trained(0, 0, 0.9)], "The search has no winner yet: of 1 trial, trial 0 is the best so far"),
        (
            [*trained(0, 0, 0.3, End.STOPPED)],
            "The search has no winner yet: of 1 trial, trial 0 is the best so far",
        ),
    ],
    ids=["nothing", "started", "failed", "all failed", "one", "no finished one"],
)
def test_a_search_with_little_on_record_has_all_sections(tmp_path, story, verdict):
    view = view_of(recorded(tmp_path, story))
    assert Outline(page(view)).keys == KEYS
    assert sentence(view, "verdict").startswith(verdict)


def test_curves_that_are_not_finite_leave_the_others(tmp_path):
    def reported(trial, values):
        yield events.TrialStarted(trial, 0, {"learning_rate": 0.1}, {}, 7, "sampler")
        for epoch, value in enumerate(values, 1):
            yield events.Reported(trial, 0, epoch, {"validation/accuracy": value}, 1.0)
        yield events.TrialEnded(trial, 0, End.FINISHED, len(values), values[-1])

    story = [
        *reported(0, [math.nan, math.inf, 0.8]),
        *reported(1, [math.nan] * 3),
        *reported(2, [1.0, 1.0, 1.0]),
    ]
    document = page(view_of(recorded(tmp_path, story)))
    assert Outline(document).keys == KEYS
    assert not re.search(r'd="[^"]*(nan|inf)', document)


def test_one_parameter_has_no_interactions(tmp_path):
    view = view_of(recorded(tmp_path, searched()))
    assert sentence(view, "interactions") == "The space has one parameter, so nothing can interact."


def test_below_fifty_trials_nothing_is_ranked_and_the_reason_is_shown(tmp_path):
    view = view_of(simulated(tmp_path, 49, FEW))
    assert view.importance.rows == ()
    assert "49 trials can be compared at epoch 1; at least 50 are needed" in sentence(view, "importance")
    assert view.parameters == list(view.space.parameters)


@pytest.mark.parametrize("mode", ["max", "min"])
def test_the_parameter_that_decides_is_named_in_both_directions(tmp_path, mode):
    view = view_of(simulated(tmp_path, 80, FEW, mode=mode))
    assert sentence(view, "importance").startswith("learning_rate mattered most")
    assert view.importance.rows[0].share > 0.5
    assert "PED-ANOVA" in page(view)


def test_a_thousand_trials_of_forty_parameters_fit_into_three_megabytes(tmp_path):
    view = view_of(simulated(tmp_path, 1000, FEW))
    names, random_ = [f"group.parameter_{n}" for n in range(40)], random.Random(0)
    space = Space(tuple(Parameter(name, Uniform(0, 1)) for name in names))
    trials = tuple(replace(trial, point={name: random_.random() for name in names}) for trial in view.trials)
    wide = replace(view, space=space, trials=trials, importance=replace(view.importance, rows=()))
    document = page(wide)
    assert len(document.encode()) < 3_000_000
    (data,) = re.findall(r'<script type="application/json">(.*?)</script>', document, re.DOTALL)
    assert len(json.loads(data)) == 800


def test_a_wide_space_keeps_its_size(tmp_path):
    spec = read_spec("everything", ["budget.trials=60"])
    random_, home = random.Random(1), Home(tmp_path / "home").create()
    story = []
    for number in range(60):
        point = spec.space.sample(random_)
        story.append(events.TrialStarted(number, 0, point, point, 1, "sampler"))
        value = random_.random()
        story += [
            events.Reported(number, 0, e, {spec.objective.key: value}, 1.0)
            for e in range(1, spec.horizon + 1)
        ]
        story.append(events.TrialEnded(number, 0, End.FINISHED, spec.horizon, value))
    opened = events.SearchOpened(spec.document, spec.digest, SPLIT, {}, {})
    LedgerStore.at(home.ledger).create("digits", opened, "digits").append(story)
    view = view_of(home)
    document = page(view)
    assert len(view.space.parameters) > 50
    assert Outline(document).keys == KEYS
    assert len(document.encode()) < 1_000_000
    assert "not there" in document


def test_the_rank_correlation_covers_fully_trained_trials_only(tmp_path):
    view = view_of(simulated(tmp_path, 60, FEW))
    finished = [trial for trial in view.trials if trial.finished]
    assert 3 <= len(finished) < len(view.trials)
    assert correlation(view, 1) == pytest.approx(1.0)
    assert f"Among the {len(finished)} fully trained trials" in sentence(view, "stopping")


def test_the_report_is_written_where_asked(tmp_path):
    home = recorded(tmp_path, won())
    path = write_report("digits", home=home, out=tmp_path / "page.html")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_followed_report_reloads_itself_until_the_search_ends(tmp_path):
    home = recorded(tmp_path, [*trained(0, 0, 0.91)])
    out, seen, waits = tmp_path / "page.html", [], []
    with hold_lock(home.search("digits"), "digits"):

        def wait(seconds):
            waits.append(seconds)
            if len(waits) == 2:
                open_ledger("digits", home).append([events.SearchEnded("stopped")])

        for path in follow_report("digits", home=home, out=out, wait=wait):
            seen.append('http-equiv="refresh"' in path.read_text(encoding="utf-8"))
    assert seen == [True, True, False]
    assert "unfinished: stopped" in out.read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.glob("page*")) == ["page.html"]


def test_a_report_that_cannot_be_written_says_where(tmp_path):
    home = recorded(tmp_path, won())
    with pytest.raises(UserError, match="--out "):
        write_report("digits", home=home, out=tmp_path / "none" / "page.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="--out "):
        write_report("digits", home=home, out=tmp_path / "folder")
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("log", [False, True])
def test_ticks_are_round_and_inside(log):
    scale = AxisScale(0.0011, 0.93, log)
    ticks = scale.ticks(6)
    assert 2 <= len(ticks) <= 7
    assert all(scale.low <= tick <= scale.high for tick in ticks)
    assert all(0 <= scale.at(value) <= 1 for value in (*ticks, -1.0, 2.0))


def test_a_perfect_score_has_a_place_on_the_log_scale(tmp_path):
    objective = view_of(recorded(tmp_path, won())).objective
    scale = ScoreScale.of(objective, [0.9, 0.99, 1.0])
    assert scale.error
    assert scale.shown(1.0) == pytest.approx(0.005)


def test_an_axis_places_choices_and_numbers(tmp_path):
    view = view_of(simulated(tmp_path, 3, FEW))
    depth, batch = (ParameterAxis(view.space.by_name[name]) for name in ("model.depth", "batch_size"))
    assert batch.at({"batch_size": 64}) == 0.5
    assert batch.at({}) is None
    assert depth.at({"model.depth": 1}) == pytest.approx(1 / 12)
