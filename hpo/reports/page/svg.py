"""Elements of SVG as text: a drawing needs no library in the page, and is there without JavaScript.

`markupsafe` escapes every text and attribute, so names with HTML in them are shown and never run.
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

Attribute = str | float | None


def tag(name: str, *children: str, **attributes: Attribute) -> Markup:
    """Return an element.

    Args:
        name: Its name.
        children: Elements, or texts, which are escaped.
        attributes: A trailing underscore is dropped and others become hyphens; None leaves one out.
    """
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if not children:
        return Markup(f"<{name}{shown}/>")  # values are escaped  # nosec B704
    return Markup(f"<{name}{shown}>{''.join(map(escape, children))}</{name}>")  # nosec B704


def svg(width: float, height: float, label: str, children: Iterable[Markup]) -> Markup:
    """Return a drawing of a size in units of one pixel, which scales with the page.

    Args:
        width: Its width.
        height: Its height.
        label: What a screen reader says of it.
        children: Its elements.
    """
    box = f"0 0 {number(width)} {number(height)}"
    return tag("svg", *children, viewBox=box, width=width, height=height, role="img", aria_label=label)


def text(x: float, y: float, words: str, class_: str = "", anchor: str | None = None) -> Markup:
    """Return a text whose baseline starts, or has its middle or end, at a point."""
    return tag("text", words, x=x, y=y, class_=class_ or None, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Return a line between two points."""
    return tag("path", d=f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}", class_=class_)


def path(points: Iterable[tuple[float, float]], class_: str, **attributes: Attribute) -> Markup:
    """Return a line through points."""
    return tag("path", d=steps(points), class_=class_, **attributes)


def steps(points: Iterable[tuple[float, float]]) -> str:
    """Return the commands of a path through points."""
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)


def mark(shape: str, x: float, y: float, class_: str, title: str = "", size: float = 3.5) -> Markup:
    """Return a mark: a ``circle``, ``ring``, ``diamond`` or ``cross``; the shape says what the colour says.

    Args:
        shape: Its shape.
        x: Position of its centre.
        y: Position of its centre.
        class_: Its class, which gives its colour.
        title: What a pointer over it shows.
        size: Half its width.
    """
    note = (tag("title", title),) if title else ()
    if shape in ("circle", "ring"):
        return tag("circle", *note, cx=x, cy=y, r=size, class_=f"{shape} {class_}")
    a, b, c, d = (number(v) for v in (x - size, x + size, y - size, y + size))
    mid_x, mid_y = number(x), number(y)
    if shape == "diamond":
        return tag(
            "path", *note, d=f"M{mid_x} {c}L{b} {mid_y}L{mid_x} {d}L{a} {mid_y}Z", class_=f"circle {class_}"
        )
    return tag("path", *note, d=f"M{a} {c}L{b} {d}M{a} {d}L{b} {c}", class_=f"cross {class_}")


def number(value: float) -> str:
    """Return a coordinate with one decimal at most: a tenth of a pixel is not visible."""
    return f"{value:.1f}".removesuffix(".0")


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else number(value)
