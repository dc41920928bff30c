"""What is done to the weights of a training before they are kept: made whole, and scored."""

from __future__ import annotations

from collections.abc import Mapping

from hpo.core.ports import Order
from hpo.core.recipe import Recipe
from hpo.core.shipping import AVERAGED
from hpo.core.trainable import Arrays, Averages, Context, Examples, Trainable
from hpo.running.context import Finish
from hpo.running.workplace import Parts, Stage


def finishing(stage: Stage, order: Order, parts: Parts) -> Finish:
    """What becomes of the weights that an order keeps.

    Means of several epochs' weights are completed by the trainable and scored on validation; all
    are scored on the final part, if there is one and it was not trained on.
    """
    trainable, recipe = stage.trainable, Recipe(order.recipe)

    def finish(weights: Arrays, context: Context) -> tuple[Arrays, Mapping[str, float]]:
        scores: dict[str, float] = {}
        if order.averages:
            assert isinstance(trainable, Averages)
            weights = trainable.average(recipe, weights, parts.train, context)
            scores |= _scores(AVERAGED, trainable, recipe, weights, parts.validation)
        final = None if order.until else stage.final()
        if final is not None:
            scores |= _scores("final", trainable, recipe, weights, final)
        return weights, scores

    return finish


def _scores(
    part: str, trainable: Trainable, recipe: Recipe, weights: Arrays, examples: Examples
) -> dict[str, float]:
    model = trainable.load(recipe, weights, examples.info)
    found = trainable.score(model.predict(examples), examples.targets[examples.rows])
    return {f"{part}/{name}": float(value) for name, value in found.items()}
