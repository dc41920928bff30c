"""What an account says of the data: where it came from, which columns are used, and what each part holds.

The questions are those of REFORMS (Kapoor et al., "REFORMS: Consensus-based recommendations for
machine-learning-based science", Science Advances 2024, sections 2 and 3) and of TRIPOD+AI (Collins et
al., BMJ 2024, items 5 to 12).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.core.json_values import JsonFields, JsonObject, fields_of


@dataclass(frozen=True, slots=True)
class PartFacts:
    """What one part of the data holds.

    Attributes:
        n: Number of rows.
        classes: Rows of each class; empty for regression.
        targets: Of a regression: ``least``, ``mean`` and ``greatest``; empty otherwise.
        groups: Number of groups; None without groups.
        times: Earliest and latest time; None without times.
        missing: Missing values of each column of a table that has some.
    """

    n: int
    classes: Mapping[str, int] = field(default_factory=dict)
    targets: Mapping[str, float] = field(default_factory=dict)
    groups: int | None = None
    times: tuple[float, float] | None = None
    missing: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of_json(cls, fields: JsonFields) -> PartFacts:
        """Return the facts that are on record."""
        times = fields.get("times")
        return cls(**{**fields, "times": None if times is None else (float(times[0]), float(times[1]))})


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that the data was read from, and the SHA-256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class DataFacts:
    """The data of a search as it was read.

    Attributes:
        kind: Kind of the data, as in `hpo.core.trainable.DataInfo`.
        task: Its task, likewise.
        files: The files of a table.
        target: Name of the target column; empty if it has none.
        columns: Columns that are used, in their order; empty if rows have no named columns.
        categorical: Those of them that hold categories.
        dropped: Columns that are left out, as the spec says.
        parts: What each part but the test part holds.
        card: Text of the data card that the spec gives, or of its file; empty if it gives none.
        telling: The column that by itself removes the most of the error; empty if none removes any.
        removed: The share of the error that it removes.
        test_part: How the test part came to be, a key of `hpo.core.search_setting.TEST_PART`; empty
            without one, or if that is not on record.
    """

    kind: str
    task: str
    files: tuple[DataFile, ...] = ()
    target: str = ""
    columns: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    parts: Mapping[str, PartFacts] = field(default_factory=dict)
    card: str = ""
    telling: str = ""
    removed: float = 0.0
    test_part: str = ""

    @classmethod
    def of_json(cls, fields: JsonFields) -> DataFacts | None:
        """Return the facts that are on record; None if an early version recorded none."""
        if not fields:
            return None
        lists = ("columns", "categorical", "dropped")
        return cls(
            **{
                **fields,
                **{name: tuple(fields.get(name, ())) for name in lists},
                "files": tuple(DataFile(**file) for file in fields.get("files", ())),
                "parts": {name: PartFacts.of_json(part) for name, part in fields.get("parts", {}).items()},
            }
        )

    def to_json(self) -> JsonObject:
        """Return everything as a JSON object."""
        return {
            **fields_of(self),
            "files": [fields_of(file) for file in self.files],
            "parts": {name: fields_of(part) for name, part in self.parts.items()},
        }


@dataclass(frozen=True, slots=True)
class LeaksSought:
    """What was looked for in the data before the search began, and what was not.

    Attributes:
        sought: What was looked for.
        not_sought: What was not, and why.
        found: Every leak, a sentence each.
        notes: Further facts, such as samples that were compared instead of all rows.
        accepted: Whether the spec accepts leaks that would otherwise have stopped the search.
    """

    sought: tuple[str, ...]
    not_sought: tuple[str, ...]
    found: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    accepted: bool = False

    @classmethod
    def of_json(cls, fields: JsonFields) -> LeaksSought | None:
        """Return what is on record; None if an early version recorded nothing."""
        if "sought" not in fields:
            return None
        lists = {"sought": "sought", "not_sought": "not_sought", "found": "findings", "notes": "notes"}
        return cls(
            **{name: tuple(fields.get(key, ())) for name, key in lists.items()},
            accepted=bool(fields.get("stops")),
        )
