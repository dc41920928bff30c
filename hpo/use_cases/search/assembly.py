"""Building a search's plan, searcher and environment from its validated spec."""

from __future__ import annotations

import dataclasses

from hpo.core.command import ScriptCommand
from hpo.core.errors import UserError
from hpo.core.home import SearchFolder
from hpo.core.package_versions import versions
from hpo.core.ports import Searcher
from hpo.core.practice import practice_of
from hpo.core.recipe import digest
from hpo.core.user_code import CodeDigests, imported_code
from hpo.core.warm_start import NO_WARM_START, WarmStart
from hpo.running.environment import HomeCopy, TrainingEnvironment
from hpo.running.plan import Plan
from hpo.running.ray_session import RaySession
from hpo.selection.ranking import RANKINGS
from hpo.spec import SearchSpec
from hpo.spec.space_size import combinations
from hpo.use_cases.dataset.split_dataset import SplitDataset
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.model.weights_check import WeightsCheck
from hpo.use_cases.search.finals import finals_of


def plan_of(spec: SearchSpec, workers: int, warm_start: WarmStart = NO_WARM_START) -> Plan:
    """Return the rules of a spec's search."""
    rank = RANKINGS[spec.finalists.rank]
    gpus_at_once = spec.resources.gpus * workers
    return Plan(
        objective=spec.objective,
        horizon=spec.horizon,
        seed=spec.seed,
        recipe_of=spec.recipe_of,
        rank=lambda trials: rank(trials, spec.objective),
        finals=finals_of(spec),
        rungs=spec.scheduler.rungs,
        reduction_factor=spec.scheduler.reduction_factor,
        rule=spec.scheduler.rule,
        most_paused=spec.scheduler.paused,
        slow_starters=spec.scheduler.slow_starters or 0,
        trials=spec.budget.trials,
        epochs=spec.budget.search_epochs(spec.reserved_epochs),
        seconds=spec.budget.search_seconds(),
        gpu_seconds=None if spec.budget.gpu_hours is None else spec.budget.gpu_hours * 3600,
        gpus=gpus_at_once,
        shares_gpus=spec.resources.needs.parts > 1,
        reserved_epochs=spec.reserved_epochs,
        workers=workers,
        finalists=spec.finalists.count,
        fresh=spec.finalists.fresh,
        averages=spec.ship.averages(spec.horizon),
        start_from=spec.start_from,
        warm_start=tuple(point for point in warm_start.first if point not in spec.start_from),
        worker_losses=spec.limits.worker_losses,
        same_failures=spec.limits.same_failures,
        patience=spec.patience.trials if spec.patience else None,
        least_gain=spec.patience.by if spec.patience else 0.0,
        made_with=digest(
            [imported_code(spec.trainable, spec.base).files, spec.digest, versions(spec.trainable, spec.base)]
        ),
    )


def searcher_of(spec: SearchSpec, warm_start: WarmStart = NO_WARM_START) -> Searcher:
    """Return the sampler that a spec names; only ``auto`` learns from earlier searches.

    In a small space it proposes no point again while others are untried. ``auto`` and ``grid`` never do, and
    CMA-ES is left its generations.
    """
    from hpo.sampling.without_repeats import MOST_POINTS, WithoutRepeats

    searcher = _searcher_of(spec, warm_start)
    points = combinations(spec.space)
    if spec.sampler.name in ("auto", "grid", "cmaes") or points is None or points > MOST_POINTS:
        return searcher
    return WithoutRepeats(searcher, spec.space, spec.seed)


def _searcher_of(spec: SearchSpec, warm_start: WarmStart) -> Searcher:
    from hpo.sampling.auto import COST_WEIGHT, AutoSearcher
    from hpo.sampling.non_adaptive import GridSearcher, QmcSearcher, RandomSearcher
    from hpo.sampling.optuna_searcher import SAMPLERS, OptunaSearcher

    name, mode = spec.sampler.name, spec.objective.mode
    if name == "auto":
        rungs, practice = spec.scheduler.rungs, practice_of(spec.recipe, spec.prior)
        weight = COST_WEIGHT if spec.budget.timed else 0.0
        return AutoSearcher(
            spec.space, mode, spec.seed, rungs, spec.horizon, warm_start.earlier, practice, weight
        )
    if name in SAMPLERS:
        return OptunaSearcher(spec.space, mode, spec.seed, name, spec.sampler.options)
    if name == "grid":
        return GridSearcher(spec.space)
    if name == "qmc":
        return QmcSearcher(spec.space, spec.seed)
    return RandomSearcher(spec.space, spec.seed)


def staging_of(
    spec: SearchSpec, dataset: SplitDataset, folder: SearchFolder, code: CodeDigests
) -> DataStaging:
    """Return what opens a search's trainable and data, and refuses other code than is on record.

    Args:
        spec: The spec.
        dataset: Its data.
        folder: The search's folder.
        code: Digests of the code on record.
    """
    finalists = spec.finalists
    splits = dataset.splits(finalists.fresh, finalists.seeds)
    staging = DataStaging.of(spec.trainable, spec.base, dataset.prepared.folder, splits, folder.root)
    return dataclasses.replace(staging, code=code)


def environment_of(
    spec: SearchSpec,
    staging: DataStaging,
    folder: SearchFolder,
    sealed: bool = False,
    attempt: int = 1,
    first: int | None = None,
    copy: HomeCopy | None = None,
) -> TrainingEnvironment:
    """Return what all trainings of a search have in common.

    Args:
        spec: The spec.
        staging: Opens its trainable and data.
        folder: The search's folder.
        sealed: Whether the test part stays sealed at the end.
        attempt: Number of times that a process has begun to run the search.
        first: Number of the first trial that is still to be started; its first epoch is trained twice if the
            code is the user's own. None to repeat no epoch.
        copy: What nodes that do not see the home have instead; None if all must see it.
    """
    device, threads = "cuda" if spec.resources.gpus else "cpu", spec.resources.threads
    command = ScriptCommand.of(spec.trainable)
    checked = spec.user_code is not None and (command is None or bool(command.evaluate))
    processes = spec.resources.processes or 1
    first = first if processes == 1 else None  # the process that repeats an epoch has no others
    return TrainingEnvironment(
        open=staging,
        folder=folder,
        attempt=attempt,
        objective=spec.objective,
        device=device,
        threads=threads,
        processes=processes,
        trainings_per_gpu=spec.resources.needs.parts,
        checkpoint_seconds=spec.limits.checkpoint_seconds,
        checkpoint_epochs=spec.limits.checkpoint_epochs,
        epoch_seconds=spec.limits.epoch_seconds,
        versions=versions(),
        require_code=staging.require_code,
        check=WeightsCheck(staging, device, threads, sealed, first) if checked else None,
        copy=copy,
    )


def workers_of(spec: SearchSpec, session: RaySession) -> int:
    """Return how many trials run at once.

    Raises:
        UserError: If not even one trial fits.
    """
    needs, most = spec.resources.needs, spec.resources.trials_at_once
    if session.monitor is not None:
        fits = sum(node.fits(needs) for node in session.monitor.nodes)
    else:
        fits = needs.fit_into({"CPU": session.cpus, "GPU": session.gpus})
    if fits < 1:
        raise UserError(
            f"resources: a trial needs {needs.amounts} on one node{needs.kind}, "
            f"and Ray has {session.cpus:g} CPUs and {session.gpus:g} GPUs"
        )
    return min(fits, most or fits)
