"""Estimators of scikit-learn as bytes and back, by skops, which unpickles nothing.

skops asks its caller which types to trust. Trusted are those in which scikit-learn's own estimators hold
numbers: without them neither trees nor forests, boosted trees, networks or neighbours could be saved.
"""

from __future__ import annotations

from typing import Any

TRUSTED = frozenset(
    f"sklearn.{name}"
    for name in (
        "tree._tree.Tree",
        "ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "neural_network._stochastic_optimizers.AdamOptimizer",
        "neural_network._stochastic_optimizers.SGDOptimizer",
        "neighbors._kd_tree.KDTree",
        "neighbors._ball_tree.BallTree",
        "metrics._dist_metrics.ChebyshevDistance64",
        "metrics._dist_metrics.EuclideanDistance64",
        "metrics._dist_metrics.ManhattanDistance64",
        "metrics._dist_metrics.MinkowskiDistance64",
        "gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "gaussian_process.kernels.ConstantKernel",
        "gaussian_process.kernels.DotProduct",
        "gaussian_process.kernels.ExpSineSquared",
        "gaussian_process.kernels.Matern",
        "gaussian_process.kernels.Product",
        "gaussian_process.kernels.RBF",
        "gaussian_process.kernels.RationalQuadratic",
        "gaussian_process.kernels.Sum",
        "gaussian_process.kernels.WhiteKernel",
        "utils._bunch.Bunch",
    )
)


def to_bytes(estimator: Any) -> tuple[bytes, list[str]]:
    """Return an estimator's content, and the types in it that are not trusted."""
    from skops.io import dumps, get_untrusted_types

    content: bytes = dumps(estimator)
    return content, sorted(set(get_untrusted_types(data=content)) - TRUSTED)


def from_bytes(content: bytes) -> Any:
    """Return the estimator.

    Raises:
        skops.io.exceptions.UntrustedTypesFoundException: If it contains a type that is not trusted.
    """
    from skops.io import get_untrusted_types, loads

    return loads(content, trusted=sorted(TRUSTED & set(get_untrusted_types(data=content))))


def merged(ours: Any, theirs: Any) -> Any:
    """Return a restored value in place of the one that a training holds.

    An estimator takes over what it was restored from, and so do the estimators in it, such as the steps of a
    pipeline: the names by which the user's code knows them then mean the restored ones. Anything else is
    replaced.
    """
    if type(ours) is not type(theirs):
        return theirs
    if isinstance(theirs, list | tuple) and len(ours) == len(theirs) and type(theirs) in (list, tuple):
        return type(theirs)(merged(one, other) for one, other in zip(ours, theirs, strict=True))
    if not callable(getattr(theirs, "get_params", None)) or not hasattr(theirs, "__dict__"):
        return theirs
    before = dict(vars(ours))
    vars(ours).clear()
    vars(ours).update({name: merged(before.get(name), value) for name, value in vars(theirs).items()})
    return ours
