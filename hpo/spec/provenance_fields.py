"""Check the provenance of a recipe file, as far as a command uses it.

A recipe may come from a stranger, so every provenance field that is read has to have the shape
declared here; fields that nothing reads can be anything.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hpo.core.json_values import JsonFields
from hpo.spec.faults import Faults, shown

Count = Annotated[int, Field(ge=0, le=10**9)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Text = Annotated[str, Field(max_length=4_000)]
NumpyType = Annotated[str, Field(pattern=r"^[<>|=]?[biufc]\d{1,2}$")]
FieldType = Literal["tensor", "array", "int", "float", "bool", "str", "tensor, varying", "array, varying"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class _Score(_Record):
    metric: Text
    value: float | None


class _Member(_Record):
    seed: Seed
    split: Text
    until: Annotated[int, Field(ge=1, le=10**9)] | None
    averages: Count
    file: Text
    sha256: Text
    score: _Score
    recipe: dict[str, Any] = Field(default={})


class _Model(_Record):
    kind: Text = "best"
    digest: Text = ""
    folder: Text = ""
    members: Annotated[list[_Member], Field(min_length=1, max_length=1_000)]


class _Info(_Record):
    kind: Literal["image", "table", "array", "items", "stream", "none"]
    task: Literal["classification", "regression", "other"]
    shape: list[Annotated[int, Field(ge=1, le=10**6)]]
    classes: list[str]
    columns: list[str]
    categories: dict[str, list[str]]
    practice: bool
    fields: dict[str, FieldType] = Field(default={})
    target: Text = ""
    scaling: dict[str, tuple[float, Annotated[float, Field(gt=0)]]] = Field(default={})
    bits: Annotated[int, Field(ge=8, le=16)] = 16
    ground: Literal["", "white", "grey", "black"] = ""

    @model_validator(mode="after")
    def _whole(self) -> _Info:
        if self.kind == "image" and len(self.shape) != 3:
            raise ValueError("the shape of an image is height, width and channels")
        return self


class _Rows(_Record):
    split: Text = "search"
    folds: Annotated[int, Field(ge=2, le=100)] | None = None
    repeated: bool = True
    seeds: Annotated[int, Field(ge=1, le=1_000)] = 1


class _Objective(_Record):
    metric: Text
    mode: Literal["min", "max"] = "max"
    at: Literal["best", "last"] = "best"


class _Weights(_Record):
    file: Text = ""
    sha256: Text = ""


class _Validation(_Record):
    this_model: float | None = None
    std: float | None = None


class _Provenance(_Record):
    seed: Seed | None = None
    horizon: Annotated[int, Field(ge=1, le=10**9)] | None = None
    threads: Annotated[int, Field(ge=1, le=1_024)] = 1
    processes: Annotated[int, Field(ge=1, le=1_024)] = 1
    device: Literal["cpu", "cuda"] = "cpu"
    objective: _Objective | None = None
    validation: _Validation | None = None
    model: _Model | None = None
    weights: _Weights | None = None
    data: dict[str, Any] | str | None = None
    info: _Info | None = None
    types: dict[str, NumpyType] = Field(default={})
    base: Text | None = None
    split: dict[str, Any] | None = None
    rows: _Rows | None = None
    versions: dict[str, str] = Field(default={})
    code: dict[str, str] = Field(default={})


def provenance_faults(provenance: JsonFields, faults: Faults) -> None:
    """Report the faults of a provenance."""
    try:
        _Provenance.model_validate(dict(provenance))
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            value = "" if detail["type"] == "missing" else f"{shown(detail['input'])}: "
            faults.add(("provenance", *detail["loc"]), f"{value}{detail['msg']}")
