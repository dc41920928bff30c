"""No public signature of the package takes or returns an untyped dictionary."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "hpo"

UNTYPED = re.compile(r"\b(dict|Mapping|MutableMapping)\[str, (Any|object)\]")

ALIASES = {
    "hpo.core.json_values.JsonObject": "JSON that is about to be written",
    "hpo.core.json_values.JsonFields": "JSON that was read and is checked where it is used",
    "hpo.core.json_values.SpecFields": "a spec or a section of it; hpo.spec.fields declares the fields",
    "hpo.core.json_values.RecipeFields": "a recipe or a part of it; a grammar declares the fields",
    "hpo.core.space.Point": "a point of a space; the space declares the names and values",
    "hpo.tracking.ui_guard.Scope": "a request of a web server; ASGI declares the fields",
    "hpo.tracking.ui_guard.Message": "a message of a web server; ASGI declares the fields",
}
"""Names for dictionaries whose keys are declared elsewhere, and why no dataclass can declare them."""

EXCEPTIONS = {
    "hpo.running.tune_queue": "Ray calls these methods with its own dictionaries",
    "hpo.running.ray_actor": "Ray calls these methods with its own dictionaries",
    "hpo.spec.fields": "pydantic checks these fields, whose keys the trainable and the space declare",
    "hpo.spec.data_fields": "pydantic checks this field, whose keys the data source declares",
    "hpo.spec.sampler_fields": "pydantic checks this field, whose keys the sampler declares",
}
"""Modules and packages that take untyped dictionaries, and why."""


def excepted(module: str) -> str:
    """The exception that covers a module; empty if none does."""
    return next((name for name in EXCEPTIONS if f"{module}.".startswith(f"{name}.")), "")


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def signatures(node: ast.AST, owner: str) -> Iterator[tuple[str, ast.expr]]:
    """Annotations of public functions, methods and fields below a module or class."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from signatures(child, f"{owner}.{child.name}")
        elif isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
            if not child.target.id.startswith("_"):
                yield f"{owner}.{child.target.id}", child.annotation
        elif isinstance(child, ast.FunctionDef) and (
            not child.name.startswith("_") or child.name in ("__init__", "__call__")
        ):
            arguments = (*child.args.posonlyargs, *child.args.args, *child.args.kwonlyargs)
            annotations = [argument.annotation for argument in arguments] + [child.returns]
            yield from ((f"{owner}.{child.name}", annotation) for annotation in annotations if annotation)


def test_no_public_signature_has_an_untyped_dictionary():
    untyped = {
        where: ast.unparse(annotation)
        for module, tree in modules()
        if not excepted(module)
        for where, annotation in signatures(tree, module)
        if UNTYPED.search(ast.unparse(annotation))
    }
    assert untyped == {}


def test_only_these_names_stand_for_an_untyped_dictionary():
    names = {
        f"{module}.{target.id}"
        for module, tree in modules()
        for node in tree.body
        if isinstance(node, ast.Assign) and UNTYPED.search(ast.unparse(node.value))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert names == set(ALIASES)


def test_the_exceptions_are_still_needed():
    needed = {
        excepted(module)
        for module, tree in modules()
        for _, annotation in signatures(tree, module)
        if UNTYPED.search(ast.unparse(annotation))
    }
    assert needed == set(EXCEPTIONS)
