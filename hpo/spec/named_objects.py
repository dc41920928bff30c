"""The name under which other processes import a Python object: `module:attribute`, and its folder.

Trainings, the custodian and the evaluator run in processes of their own, so what is passed to
`hpo.submit` has to be importable there: an attribute of a module that is a file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hpo.core.errors import UserError


def name_of(value: Any, what: str) -> tuple[str, Path]:
    """Return an object's ``module:attribute``, and the folder that it is imported from.

    Args:
        value: A function, a class, or an object that is an attribute of its module.
        what: What it is for, in messages.

    Raises:
        UserError: If another process could not import it.
    """
    module = sys.modules.get(str(getattr(value, "__module__", "")))
    attribute = _attribute(module, value)
    shown = getattr(value, "__qualname__", getattr(value, "__name__", type(value).__name__))
    if module is None or not attribute:
        raise UserError(
            f"{what}: {shown} cannot be imported by other processes; define it at the top of a module, not "
            "inside a function"
        )
    file = getattr(module, "__file__", None)
    if file is None:
        raise UserError(
            f"{what}: {shown} is defined in a notebook or typed at a prompt, where other processes cannot "
            "import it from; begin its cell with `%%writefile my_code.py`, then `from my_code import "
            f"{attribute}`"
        )
    path, name = Path(file).absolute(), module.__name__
    if name == "__main__":
        return f"{path.stem}:{attribute}", path.parent
    depth = name.count(".") + (path.stem == "__init__")
    return f"{name}:{attribute}", path.parents[depth]


def _attribute(module: Any, value: Any) -> str:
    name = str(getattr(value, "__name__", ""))
    if module is not None and getattr(module, name, None) is value:
        return name
    return next((key for key, held in vars(module).items() if held is value), "") if module else ""
