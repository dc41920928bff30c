"""Baselines of a search on its validation rows, beside its winner; no test row is needed for them."""

from __future__ import annotations

from pathlib import Path

from hpo.core.detail_events import VALIDATION, BaselinesScored
from hpo.core.history import History
from hpo.core.seeds import derive
from hpo.data.examples import open_examples
from hpo.selection.baseline_scores import ModelRows, score_baselines
from hpo.spec import SearchSpec
from hpo.use_cases.accounting.evidence import kept_examples, valued_on
from hpo.use_cases.dataset.split_dataset import SplitDataset
from hpo.use_cases.model.opening_details import no_baselines


def baselines_of_validation(
    spec: SearchSpec, dataset: SplitDataset, history: History, weights: Path
) -> BaselinesScored:
    """Return the baselines on the rows on which fresh seeds of the winner were scored.

    Where these were folds, the rows are those of the search's own validation part, and there is no
    difference.

    Args:
        spec: What was searched.
        dataset: Its data.
        history: Its record; it has a winner.
        weights: Folder of the files that trainings left.
    """
    assert history.winner is not None
    rows, metric = dataset.split.ranking, history.objective.metric
    try:
        model = ModelRows()
        if valued_on(spec, history) != "folds":
            kept, _ = kept_examples(history, weights, (history.winner.trial,))
            contributions = kept.get(history.winner.trial)
            fits = contributions is not None and contributions.shape[1] == len(rows)
            model = ModelRows(history.winner.mean, contributions if fits else None)
        train, scored = (open_examples(dataset.prepared.folder, part) for part in (dataset.split.train, rows))
        seed = derive(spec.seed, "baselines")
        return score_baselines(VALIDATION, train, scored, spec.metrics, metric, model, seed)
    except Exception as error:  # they are made beside a result that stands without them
        return no_baselines(VALIDATION, len(rows), metric, error)
