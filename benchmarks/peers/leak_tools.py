"""What deepchecks, cleanlab and cleanvision say of data sets, in their own environment.

    PEERS/bin/python benchmarks/peers/leak_tools.py FOLDER ...

For `benchmarks.leaks`. Prints a line of JSON for each folder: tool to the names of what it reports.
deepchecks makes the checks of its suites `data_integrity` and `train_test_validation` without the drift of
several columns at once; cleanlab's Datalab gets predictions of a cross-validated logistic regression, as its
documentation advises; cleanvision gets all images at once.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

DATA = 0.05
"""Share of rows with label issues above which cleanlab's finding counts as one of the data set."""


def deepchecks(train: pd.DataFrame, test: pd.DataFrame, roles: dict[str, str]) -> Iterator[str]:
    """Yield the names of the checks that do not pass."""
    from deepchecks.tabular import Dataset
    from deepchecks.tabular.suites import data_integrity, train_test_validation

    texts = [name for name in train if train[name].dtype == object and name != "y"]
    times = {"datetime_name": roles["time"]} if "time" in roles else {}
    index = {"index_name": roles["groups"]} if "groups" in roles else {}
    ours, theirs = (
        Dataset(part, label="y", cat_features=texts, convert_datetime=False, **times, **index)
        for part in (train, test)
    )
    between = train_test_validation()
    slow = [number for number, check in between.checks.items() if check.name() == "Multivariate Drift"]
    for number in slow:  # half of its time; a drift of one column is found by another check
        between.remove(number)
    for suite, parts in ((data_integrity(), (ours,)), (between, (ours, theirs))):
        for result in suite.run(*parts).get_not_passed_checks():
            yield result.get_header()


def cleanlab(train: pd.DataFrame, test: pd.DataFrame) -> Iterator[str]:
    """Yield the issues that Datalab finds in the rows of both parts; copies count only across the parts."""
    from cleanlab import Datalab
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    table = pd.concat([train, test], ignore_index=True)
    inputs = pd.get_dummies(table.drop(columns="y")).astype(float)
    features = StandardScaler().fit_transform(inputs.fillna(inputs.mean()).fillna(0))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    labels = table.y.factorize(sort=True)[0]
    predicted = cross_val_predict(model, features, labels, method="predict_proba")
    lab = Datalab({"y": list(table.y)}, label_name="y")
    lab.find_issues(features=features, pred_probs=predicted)
    copies = lab.get_issues("near_duplicate")
    if any(
        row < len(train) and (np.asarray(others) >= len(train)).any()
        for row, others in enumerate(copies.near_duplicate_sets)
    ):
        yield "near_duplicate"
    for issue in ("label", "class_imbalance", "non_iid"):
        with contextlib.suppress(ValueError):
            share = lab.get_issues(issue)[f"is_{issue}_issue"].mean()
            if share > (DATA if issue == "label" else 0):
                yield issue


def cleanvision(folder: Path) -> Iterator[str]:
    """Yield the issues of the images of both parts together, copies only across the parts."""
    from cleanvision import Imagelab

    lab = Imagelab(data_path=str(folder))
    lab.find_issues()
    for issue in ("exact_duplicates", "near_duplicates"):
        for copies in lab.info[issue]["sets"]:
            if {Path(path).relative_to(folder).parts[0] for path in copies} == {"train", "test"}:
                yield issue
                break
    for issue in ("dark", "light", "grayscale", "low_information", "odd_size", "odd_aspect_ratio", "blurry"):
        if lab.issues[f"is_{issue}_issue"].any():
            yield issue


def reported(folder: Path) -> dict[str, list[str]]:
    """Return what each tool reports of a case; ``failed`` and the error where it ends with one."""
    if not (folder / "train.csv").exists():
        tools = {"cleanvision": lambda: cleanvision(folder)}
    else:
        train, test = (pd.read_csv(folder / f"{part}.csv") for part in ("train", "test"))
        roles = json.loads((folder / "case.json").read_text())["roles"]
        tools = {
            "deepchecks": lambda: deepchecks(train, test, roles),
            "cleanlab": lambda: cleanlab(train, test),
        }
    names = {}
    for tool, report in tools.items():
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                names[tool] = list(report())
        except Exception as error:
            names[tool] = [f"failed: {type(error).__name__}: {str(error)[:80]}"]
    return names


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    for name in sys.argv[1:]:
        print(json.dumps({"case": name, **reported(Path(name))}), flush=True)
