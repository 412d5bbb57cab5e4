"""The table of claims as JSON and as text, and a picture of all bounds against depth."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from ..exact import text
from . import bounds
from .table import LIMIT, Row, count_or_none, random_network


def plain(value: Any) -> Any:
    """Return a parameter as JSON has it: Fractions as text.

    Examples
    --------
    >>> plain({"M": Fraction(1, 3), "p": [2, 2]})
    {'M': '1/3', 'p': [2, 2]}
    """
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else text(value)
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def as_json(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return rows as dictionaries with the keys statement, parameters, relation, claimed, enumerated, holds."""
    return [row._asdict() | {"parameters": plain(row.parameters)} for row in rows]


def as_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows of :func:`as_json` as a table of text.

    Examples
    --------
    >>> print(as_text(as_json([Row("2^N", {"N": 3}, "<=", 8, 7, True)])))
    statement  parameters  claimed  enumerated  holds
    2^N        N=3         <= 8     7           yes
    """

    def word(v: Any) -> str:
        return ",".join(map(str, v)) if isinstance(v, list) else str(v)

    table = [["statement", "parameters", "claimed", "enumerated", "holds"]]
    for row in rows:
        given = " ".join(f"{k}={word(v)}" for k, v in row["parameters"].items() if v is not None)
        reached = "not reached" if row["enumerated"] is None else str(row["enumerated"])
        holds = {True: "yes", False: "NO", None: "-"}[row["holds"]]
        table.append([row["statement"], given, f"{row['relation']} {row['claimed']}", reached, holds])
    size = [max(len(line[j]) for line in table) for j in range(5)]
    return "\n".join("  ".join(cell.ljust(n) for cell, n in zip(line, size, strict=True)).rstrip() for line in table)


def draw_bounds(
    n0: int, widths: Sequence[int], path: str | os.PathLike[str], seed: int = 0, limit: int | None = LIMIT
) -> None:
    """Draw all bounds against depth, for the network cut off after 1, 2, .. hidden layers, and save the picture.

    The enumerated curve counts the activation regions of one random network of each depth, as far as the limit.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5))
    ax = figure.subplots()
    depths = list(range(1, len(widths) + 1))
    curves: dict[str, list[int | None]] = {}
    for depth in depths:
        for b in (*bounds.upper_bounds(n0, widths[:depth]), *bounds.lower_bounds(n0, widths[:depth])):
            curves.setdefault(b.statement, [None] * len(depths))[depth - 1] = b.value or None
    upper = {b.statement for shape in (widths[:1], widths) for b in bounds.upper_bounds(n0, shape)}
    tab = ("blue", "orange", "green", "red", "purple", "brown", "pink", "gray", "olive", "cyan")
    more = ("darkgreen", "navy", "crimson", "teal", "gold", "magenta")
    ax.set_prop_cycle(color=[*(f"tab:{name}" for name in tab), *more])
    for name, values in curves.items():
        points = [(x, v) for x, v in zip(depths, values, strict=True) if v is not None]
        if points:
            ax.plot(*zip(*points, strict=True), "-" if name in upper else "--", marker=".", label=name)
    counted = [(x, count_or_none(random_network(n0, widths[:x], seed), None, limit)) for x in depths]
    reached = [(x, v) for x, v in counted if v is not None]
    if reached:
        ax.plot(*zip(*reached, strict=True), "k", marker="o", label=f"enumerated, random weights (seed {seed})")
    ax.set_yscale("log")
    ax.set_xticks(depths)
    ax.set_xlabel(f"hidden layers of {n0}-{'-'.join(map(str, widths))}")
    ax.set_ylabel("regions; upper bounds solid, lower bounds dashed")
    ax.legend(fontsize="x-small", bbox_to_anchor=(1.02, 1), loc="upper left", borderaxespad=0)
    figure.savefig(path, bbox_inches="tight")

