"""Estimators of scikit-learn as bytes and back, by skops, which unpickles nothing.

skops asks its caller which types to trust. Trusted are those in which scikit-learn's own estimators hold
numbers: without them neither trees nor forests, boosted trees, networks or neighbours could be saved, nor a
pipeline that encodes the columns of a table of pandas or selects some of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_SCIKIT_LEARN = """
    _loss.loss: AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss
        HalfPoissonLoss HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss PinballLoss
    calibration: _CalibratedClassifier _SigmoidCalibration _TemperatureScaling
    cluster._bisect_k_means: _BisectingTree
    cluster._kmeans: _kmeans_single_elkan _kmeans_single_lloyd
    compose._column_transformer: make_column_selector
    ensemble._hist_gradient_boosting.predictor: TreePredictor
    feature_selection._mutual_info: mutual_info_classif mutual_info_regression
    feature_selection._univariate_selection: chi2 f_classif f_oneway f_regression r_regression
    gaussian_process._gpc: _BinaryGaussianProcessClassifierLaplace
    gaussian_process.kernels: CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Matern
        PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel
    impute._iterative: _ImputerTriplet
    metrics._dist_metrics: ChebyshevDistance64 EuclideanDistance64 ManhattanDistance64 MinkowskiDistance64
    metrics._scorer: _PassthroughScorer
    model_selection._split: GroupKFold KFold RepeatedKFold RepeatedStratifiedKFold StratifiedKFold
        TimeSeriesSplit
    neighbors._ball_tree: BallTree
    neighbors._kd_tree: KDTree
    neural_network._stochastic_optimizers: AdamOptimizer SGDOptimizer
    tree._tree: Tree
    utils._bunch: Bunch
    utils.validation: check_array
"""


def _named(table: str) -> Iterator[str]:
    """Yield the dotted names of a table whose lines are a module and what is in it."""
    module = ""
    for word in table.split():
        if word.endswith(":"):
            module = word[:-1]
        else:
            yield f"sklearn.{module}.{word}"


TRUSTED = frozenset(_named(_SCIKIT_LEARN)) | {
    "functools.partial",  # what it would call has to be trusted, too
    "numpy.dtype",
    "numpy.mean",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "scipy.interpolate._bsplines.BSpline",
    "scipy.sparse._csc.csc_matrix",
    "scipy.sparse._csr.csr_matrix",
}

LIGHTGBM = frozenset(
    {
        "collections.OrderedDict",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRanker",
        "lightgbm.sklearn.LGBMRegressor",
    }
)
"""Types of LightGBM, whose boosters state themselves as the text of their model."""


def is_booster(value: Any) -> bool:
    """Return whether a value is a booster of LightGBM, which is saved like an estimator."""
    return f"{type(value).__module__}.{type(value).__name__}" == "lightgbm.basic.Booster"


def to_bytes(estimator: Any) -> tuple[bytes, list[str]]:
    """Return an estimator's content, and the types in it that are not trusted."""
    from skops.io import dumps, get_untrusted_types

    content: bytes = dumps(estimator)
    return content, sorted(set(get_untrusted_types(data=content)) - TRUSTED - LIGHTGBM)


def from_bytes(content: bytes) -> Any:
    """Return the estimator.

    Raises:
        skops.io.exceptions.UntrustedTypesFoundException: If it contains a type that is not trusted.
    """
    from skops.io import get_untrusted_types, loads

    return loads(content, trusted=sorted((TRUSTED | LIGHTGBM) & set(get_untrusted_types(data=content))))


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
