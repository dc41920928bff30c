"""Small faults planted in source code, one at a time; `benchmarks.mutation` expects the tests to notice them.

Kinds follow the classical operators (Offutt et al., "An experimental determination of sufficient mutant
operators", TOSEM 1996) with those that matter for records and errors: swapped values of neighbouring
keys, a statement or a raise removed, `None` returned.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
ARITHMETIC = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.Mod: "*",
    ast.Pow: "*",
}
BOOLEAN = {ast.And: "or", ast.Or: "and"}


@dataclass(frozen=True)
class Mutant:
    """One fault in one file.

    Attributes:
        line: Line of the fault, from 1.
        kind: Name of the operator.
        before: Source text that is replaced.
        after: Text that replaces it.
        start: Offset of the replaced text in the file, in characters.
    """

    line: int
    kind: str
    before: str
    after: str
    start: int

    def applied(self, source: str) -> str:
        """Return the source with the fault."""
        end = self.start + len(self.before)
        assert source[self.start : end] == self.before
        return source[: self.start] + self.after + source[end:]


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module that still parses, in the order of its nodes."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    for mutant in finder.found:
        if mutant.before != mutant.after:
            try:
                ast.parse(mutant.applied(source))
            except SyntaxError:
                continue
            yield mutant


class _Finder(ast.NodeVisitor):
    """Collects mutants; annotations, docstrings and imports are left alone."""

    def __init__(self, source: str):
        self._source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._lines = source.splitlines(keepends=True)
        self.found: list[Mutant] = []

    def _offset(self, line: int, column: int) -> int:
        """Turn a line and a column in UTF-8 bytes into an offset in characters."""
        prefix = self._lines[line - 1].encode()[:column].decode()
        return self._starts[line - 1] + len(prefix)

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)

    def _text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self._span(node)
        return self._source[start:end]

    def _replace(self, node: ast.expr | ast.stmt, kind: str, after: str) -> None:
        start, end = self._span(node)
        self.found.append(Mutant(node.lineno, kind, self._source[start:end], after, start))

    def _operator(self, left: ast.expr, right: ast.expr, kind: str, after: str) -> None:
        """Replace the text between two operands; brackets around them stay."""
        start, end = self._span(left)[1], self._span(right)[0]
        between = self._source[start:end]
        symbol = between.strip(" ()\n\t")
        if symbol:
            at = start + between.index(symbol)
            self.found.append(Mutant(left.end_lineno or left.lineno, kind, symbol, after, at))

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for left, operator, right in zip(operands, node.ops, operands[1:], strict=False):
            self._operator(left, right, "comparison", COMPARISONS[type(operator)])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in ARITHMETIC and not _is_text(node.left):
            self._operator(node.left, node.right, "sign", ARITHMETIC[type(node.op)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._operator(left, right, "condition", BOOLEAN[type(node.op)])
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._replace(node, "condition", f"bool({self._text(node.operand)})")
        elif isinstance(node.op, ast.USub):
            self._replace(node, "sign", self._text(node.operand))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._replace(node, "constant", str(not node.value))
        elif isinstance(node.value, int | float):
            self._replace(node, "constant", repr(node.value + 1))

    def visit_Dict(self, node: ast.Dict) -> None:
        """Swap the values of neighbouring keys."""
        for first, second in zip(node.values, node.values[1:], strict=False):
            start, end = self._span(first)[0], self._span(second)[1]
            between = self._source[self._span(first)[1] : self._span(second)[0]]
            after = self._text(second) + between + self._text(first)
            self.found.append(Mutant(first.lineno, "keys", self._source[start:end], after, start))
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not _is_text(node.value) and not isinstance(node.value, ast.Yield | ast.YieldFrom):
            if not (isinstance(node.value, ast.Constant) and node.value.value is ...):
                self._replace(node, "statement", "pass")
            self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._replace(node, "statement", "pass")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
            self._replace(node, "statement", "pass")
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace(node, "raise", "pass")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None:
            if not (isinstance(node.value, ast.Constant) and node.value.value is None):
                self._replace(node, "return", "return None")
            self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" not in self._text(node.test) and "__name__" not in self._text(node.test):
            self._replace(node.test, "condition", f"not ({self._text(node.test)})")
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        for statement in node.body:
            self.visit(statement)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave text alone: before Python 3.12 positions inside it are not those of the file."""


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
