"""What a spec says that the columns of a table hold, where the reader's guess is not what is meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hpo.core.errors import UserError

TARGETS = {"number": "regression", "category": "classification"}
"""Task that follows from what the target is said to hold."""

NUMERIC = ("number", "time")


@dataclass(frozen=True)
class ColumnChoices:
    """The arguments that say what columns hold; `columns` wins over the other two.

    Attributes:
        columns: ``number``, ``category``, ``text``, ``time`` or ``ignore`` by name of the column.
        categorical: Columns whose values are names.
        ignore: Columns that are not inputs.
        missing: Texts that mean a missing value in every column, whatever it is said to hold.
        not_missing: Texts that are values although they usually mean a missing one.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    categorical: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    not_missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a text that is both missing and not.

        Raises:
            UserError: If there is one.
        """
        both = sorted(set(self.missing) & set(self.not_missing))
        if both:
            raise UserError(
                f"data.arguments.not_missing: {both[0]!r} is listed under `missing`, too; remove it from one "
                "of them"
            )

    def kind(self, name: str) -> str | None:
        """Return what a column is said to hold; None if nothing is said of it."""
        if name in self.columns:
            return self.columns[name]
        return "ignore" if name in self.ignore else "category" if name in self.categorical else None

    def source(self, name: str) -> str:
        """Return the argument that says it."""
        return "columns" if name in self.columns else "ignore" if name in self.ignore else "categorical"

    def numeric(self) -> tuple[str, ...]:
        """Return the columns that are said to hold numbers or times."""
        return tuple(name for name, kind in self.columns.items() if kind in NUMERIC)

    def named(self) -> Iterator[tuple[str, str]]:
        """Yield every column that is named, with the argument that names it."""
        for argument in ("columns", "categorical", "ignore"):
            for name in getattr(self, argument):
                yield name, argument

    def task(self, target: str, task: str | None) -> str | None:
        """Return the task, where `columns` says what the target holds and `task` does not.

        Raises:
            UserError: If the target is said to hold neither numbers nor categories.
        """
        kind = self.columns.get(target)
        if kind is not None and kind not in TARGETS:
            raise UserError(
                f"data.arguments.columns: the target {target} cannot be {kind!r}; legal: number (regression) "
                "or category (classification)"
            )
        return task or TARGETS.get(kind or "")

    def conflicts(self, roles: Mapping[str, str], task: str | None) -> Iterator[str]:
        """Yield a sentence for each column of which several arguments say different things.

        Args:
            roles: What columns are used for instead of as inputs, such as ``groups``.
            task: The argument `task`.
        """
        for name, kind in self.columns.items():
            role = roles.get(name)
            if role == "target":
                if task and TARGETS[kind] != task:
                    yield f"the target {name}: `task: {task}` wins over `columns`, which says {kind}"
            elif role:
                yield f"column {name} is used for `{role}`, not as an input; `columns` has no effect on it"
            elif name in self.ignore and kind != "ignore":
                yield f"column {name} is read as a {kind}: `columns` wins over `ignore`"
            elif name in self.categorical and kind != "category":
                words = "left out" if kind in ("ignore", "text") else f"read as a {kind}"
                yield f"column {name} is {words}: `columns` wins over `categorical`"
        for name in self.categorical:
            if name in self.ignore and name not in self.columns:
                yield f"column {name} is left out: `ignore` wins over `categorical`"
