"""Which training starts next, or what ends a phase of the search: a new trial, a paused one, a fresh seed.

The answer depends on the state of the search alone. It is a list of events, which the conductor commits.
"""

from __future__ import annotations

from functools import partial

from hpo.core import events, shipped_model
from hpo.core.events import End, Event, PauseCause, TrialTakenUp
from hpo.core.search_shortfall import unsatisfied
from hpo.core.space import Point
from hpo.core.training_state import RETRAINED
from hpo.running.judge import TRAINED_ON, ended
from hpo.running.patience import saved
from hpo.running.plan import Plan
from hpo.running.search_state import RETRIED, SearchState


class NextStart:
    """Decides what starts next.

    Args:
        plan: The rules of the search.
        state: Its state.
    """

    def __init__(self, plan: Plan, state: SearchState):
        self._plan = plan
        self._state = state
        self._trial_started = partial(events.TrialStarted, made_with=plan.made_with)
        self._finals_seq = 0  # last event when the finalists' rule was asked; it answers alike until the next

    def events(self) -> list[Event]:
        """Return the start of a training or the end of a phase; none if a training must end first."""
        history = self._state.history
        if history.finalists is None:
            return (
                self._take_up()
                or self._start_trial()
                or self._take_up_for_finalists()
                or ([] if self._state.open else self._name_finalists())
            )
        return self._start_replicate() if history.winner is None else self._start_retraining()

    def _take_up(self) -> list[Event]:
        """Continue a paused trial that qualifies at its rung."""
        state = self._state
        if state.pausing is None or state.spent or state.patience.exhausted:
            return []
        return _taken_up(state.pausing.take_up(), PauseCause.RUNG)

    def _take_up_for_finalists(self) -> list[Event]:
        """Continue the best paused trial if no trial is left to start and too few are fully trained."""
        state, history = self._state, self._state.history
        trained = sum(t.end is End.FINISHED and history.feasible(t) for t in history.trials)
        if state.pausing is None or state.spent or trained + len(state.open) >= self._plan.finalists:
            return []
        return _taken_up(state.pausing.furthest(), PauseCause.FINALISTS)

    def _start_trial(self) -> list[Event]:
        state, number = self._state, self._state.started
        if not self._affordable(number):
            return []
        origin, point = self._proposed(number)
        if point is None:
            state.exhausted = True
            return []
        recipe, seed = self._plan.recipe_of(point), self._plan.training_seed(number, 0)
        reason = state.searcher.reason if origin == "sampler" else ""
        return [self._trial_started(number, 0, dict(point), recipe, seed, origin, reason=reason)]

    def _proposed(self, number: int) -> tuple[str, Point | None]:
        """Return the origin of a trial's point, and the point; None if no point is left."""
        state = self._state
        if state.retries:
            return RETRIED, state.history.trainings[state.retries[0], 0].point
        first = number - state.retried
        from_spec, earlier = self._plan.start_from, self._plan.warm_start
        if first < len(from_spec):
            return "start_from", from_spec[first]
        if first < len(from_spec) + len(earlier):
            return "warm_start", earlier[first - len(from_spec)]
        return "sampler", state.searcher.ask(number)

    def _affordable(self, number: int) -> bool:
        plan, state = self._plan, self._state
        if state.retries:  # they are added to the budget
            return not state.hopeless
        return not (
            state.exhausted
            or state.hopeless
            or state.patience.exhausted
            or (plan.trials is not None and number >= plan.trials + state.history.extended)
            or state.spent
        )

    def _name_finalists(self) -> list[Event]:
        """Name the finalists; or train the best trial on, if none was fully trained."""
        state, history = self._state, self._state.history
        finished = [t for t in history.trials if t.end is End.FINISHED]
        best = history.best
        violated = unsatisfied(history) if best is None else ""
        shortage = "" if finished or state.hopeless or violated else state.reserve.shortage(history)
        if finished or best is None or state.hopeless or shortage:
            chosen = self._plan.rank(finished)[: self._plan.finalists]
            reason = shortage or self._reason_to_end() or ("" if chosen else unsatisfied(history))
            named = events.FinalistsNamed(tuple(t.trial for t in chosen), reason)
            return [*(ended(training, End.STOPPED) for training in history.paused), named]
        return [self._trial_started(best.trial, 0, best.point, best.recipe, best.seed, TRAINED_ON)]

    def _reason_to_end(self) -> str:
        """Return why the search phase ends before its budget is spent; empty if it is spent."""
        plan, state = self._plan, self._state
        if state.hopeless:
            most = None if plan.trials is None else plan.trials + state.history.extended
            return state.first_failures.reason(state.hopeless, state.started, most)
        return saved(plan, state.history) if state.patience.exhausted else ""

    def _start_replicate(self) -> list[Event]:
        """Start the next training that the finalists' rule needs, or name the winner."""
        plan, history = self._plan, self._state.history
        if history.finalists is None or not history.finalists.trials or history.seq == self._finals_seq:
            return []
        step, self._finals_seq = plan.finals(history), history.seq
        if step is None:
            return [events.FinalistsNamed((), unsatisfied(history))]
        if isinstance(step, events.WinnerNamed):
            return [step]
        key = next((key for key in step if key not in history.trainings), None)
        if key is None:
            return []
        trial, replicate = key
        finalist, seed = history.trainings[trial, 0], plan.training_seed(trial, replicate)
        split = plan.fresh.split(replicate)
        return [self._trial_started(*key, finalist.point, finalist.recipe, seed, "finalist", split)]

    def _start_retraining(self) -> list[Event]:
        """Start the training of the model, if it is not one of the finalists' trainings."""
        history = self._state.history
        key = shipped_model.to_train(history)
        if key is None or key in history.trainings:
            return []
        winner, seed = history.trainings[key[0], 0], self._plan.training_seed(*key)
        last, rows = shipped_model.epochs_needed(history), shipped_model.ALL
        return [self._trial_started(*key, winner.point, winner.recipe, seed, RETRAINED, rows, last)]


def _taken_up(trial: int | None, cause: PauseCause) -> list[Event]:
    return [] if trial is None else [TrialTakenUp(trial, 0, cause)]
