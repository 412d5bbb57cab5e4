"""Means and standard errors over networks, of the rows of a table of results.

The networks of one architecture are independent, the lines or points of one network are not: a standard error is that
of the mean over networks, each with one value.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019, section 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..expected import Estimate
from .store import Row

Floats = npt.NDArray[np.float64]


class Finding(NamedTuple):
    """One number of the page.

    Attributes
    ----------
    what : str
    mean : float
    standard_error : float or None
        Over the samples; None where it is not known.
    samples : int
    of : str
        What the samples are.
    exactness : str
        Of each sample: "exact", "certified" or "float".
    """

    what: str
    mean: float
    standard_error: float | None
    samples: int
    of: str
    exactness: str


def estimate(values: Iterable[float]) -> Estimate:
    """Return the mean of independent values; the standard error of a single one is nan.

    Examples
    --------
    >>> estimate([1, 3])
    Estimate(mean=2.0, standard_error=1.0, samples=2)
    """
    found = np.array(list(values), dtype=np.float64)
    error = float(found.std(ddof=1)) / math.sqrt(len(found)) if len(found) > 1 else math.nan
    return Estimate(float(found.mean()), error, len(found))


def select(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """Return the rows with these values; a set or a tuple allows each of its members.

    Examples
    --------
    >>> select([{"run": 0, "step": 5}, {"run": 1, "step": 5}], run=1)
    [{'run': 1, 'step': 5}]
    """
    def fits(row: Row) -> bool:
        return all(row[k] in v if isinstance(v, set | tuple) else row[k] == v for k, v in wanted.items())

    return [row for row in rows if fits(row)]


def group(
    rows: Iterable[Row], *by: str, value: Callable[[Row], float] = lambda row: float(row["value"])
) -> dict[Any, Estimate]:
    """Return the mean over networks for every combination of values in some columns.

    Examples
    --------
    >>> rows = [{"step": 0, "value": 1.0}, {"step": 0, "value": 3.0}, {"step": 9, "value": 5.0}]
    >>> {step: found.mean for step, found in group(rows, "step").items()}
    {0: 2.0, 9: 5.0}
    """
    found: dict[Any, list[float]] = {}
    for row in rows:
        found.setdefault(row[by[0]] if len(by) == 1 else tuple(row[k] for k in by), []).append(value(row))
    return {key: estimate(values) for key, values in found.items()}


def last_step(rows: Sequence[Row]) -> int:
    """Return the last step of the training."""
    return max(int(row["step"]) for row in rows)


def trained_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of networks that were trained to the end: all looks at them."""
    end = last_step(rows)
    names = {(r["widths"], r["bias_sd"], r["noise"], r["run"]) for r in rows if r["step"] == end > 0}
    return [r for r in rows if (r["widths"], r["bias_sd"], r["noise"], r["run"]) in names]


def slope(x: Iterable[float], y: Iterable[float]) -> Estimate:
    """Return the slope of the least-squares line through points, with its standard error.

    Examples
    --------
    >>> slope([0, 1, 2], [1, 3, 5])
    Estimate(mean=2.0, standard_error=0.0, samples=3)
    """
    at, of = np.array(list(x), dtype=np.float64), np.array(list(y), dtype=np.float64)
    spread = at - at.mean()
    size = float(spread @ spread)
    if len(at) < 3 or not size:
        return Estimate(math.nan, math.nan, len(at))
    rise = float(spread @ of) / size
    rest = of - of.mean() - rise * spread
    return Estimate(rise, math.sqrt(float(rest @ rest) / (len(at) - 2) / size), len(at))


def label(widths: str) -> str:
    """Return an architecture as people write it.

    Examples
    --------
    >>> label("32x32x32"), label("7x5")
    ('[32]×3', '7-5')
    """
    sizes = widths.split("x")
    return f"[{sizes[0]}]×{len(sizes)}" if len(set(sizes)) == 1 else "-".join(sizes)


def finding(what: str, found: Estimate, of: str, exactness: str) -> Finding:
    """Return a number of the page."""
    error = None if math.isnan(found.standard_error) else found.standard_error
    return Finding(what, found.mean, error, found.samples, of, exactness)
