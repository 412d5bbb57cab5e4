"""How regions are filled: by affine map, pattern, linear region, output, length of the gradient, or any numbers.

Exactness: *float*.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .axes import color_bar, disc_legend
from .colors import diverging, gradient_colors, map_colors, sequential
from .complex import RegionComplex
from .errors import InputError, suggestion
from .exact import floats
from .linear import LinearRegions
from .refine import functional

Floats = npt.NDArray[np.float64]

COLORS = ("affine", "pattern", "linear", "output", "gradient")


def check_mode(color: str, d: int) -> None:
    """Refuse a color mode that does not exist, or not for so many inputs."""
    if color not in COLORS:
        modes = ", ".join(map(repr, COLORS))
        raise InputError(
            f"color is {color!r}{suggestion(color, COLORS)}; choose {modes} or None, or give "
            "cx.linear_regions(definition) or one number per region"
        )
    if color == "affine" and d > 2:
        raise InputError(
            f"color 'affine' shows gradients of 1 or 2 inputs and the network has {d}; take 'gradient' (length)"
        )


def check_color(cx: RegionComplex, color: Any) -> Any:
    """Return a color mode, linear regions, None, or one float per region; refuse anything else."""
    if color is None:
        return None
    if isinstance(color, str):
        check_mode(color, cx.network.input_dim)
        return color
    if isinstance(color, LinearRegions):
        if color.complex is not cx:
            raise InputError("color holds the linear regions of another complex; give those of this one")
        return color
    if not isinstance(color, Iterable):
        raise InputError(f"color is {color!r}; give a word, or one number per region")
    try:
        values = np.array([float(v) for v in color])
    except (TypeError, ValueError, OverflowError):
        raise InputError("color holds something else than numbers; give one number per region") from None
    if len(values) != len(cx) or not np.isfinite(values).all():
        raise InputError(f"color holds {len(values)} numbers for {len(cx)} regions; give a finite one for each")
    return values


@dataclass(frozen=True)
class Output:
    """One output, or a combination of outputs, to be drawn.

    ``weights`` are its coefficients in floats, ``name`` its name in mathematical text, ``index`` its number or None.
    """

    weights: Floats
    name: str
    index: int | None

    def of(self, maps: Floats) -> Floats:
        """Return the affine forms of this output, given those of all outputs (.., m)."""
        return maps[..., self.index] if self.index is not None else maps @ self.weights


def chosen_output(cx: RegionComplex, output: Any) -> Output:
    """Read ``output``: a number, or one coefficient per output."""
    weights = floats(functional(cx.network, output))
    try:
        index = operator.index(output)
    except TypeError:
        return Output(weights, r"\langle c, f\rangle", None)
    return Output(weights, f"f_{{{index}}}" if cx.network.output_dim > 1 else "f", index)


@dataclass(frozen=True)
class Fill:
    """Colors of the regions and what is needed to explain them.

    ``shades`` is a ScalarMappable for colors that stand for numbers; ``scale`` the length of a gradient at the
    dashed circle of the disc.
    """

    colors: Floats
    name: str = ""
    scale: float | None = None
    shades: Any = None

    def explain(self, ax: Any) -> None:
        """Add the legend of the fill, if it needs one."""
        if self.shades is not None:
            color_bar(ax, self.shades, self.name)
        elif self.scale is not None:
            disc_legend(ax, self.scale, self.name)


def number_scale(values: Floats, signed: bool = False) -> Any:
    """Return a ScalarMappable for numbers that darkens; for signed ones two colors around zero, if both signs occur."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if signed and low < 0 < high:
        top = max(-low, high)
        return ScalarMappable(Normalize(-top, top), ListedColormap(diverging(), name="polyrelu_diverging"))
    if low == high:
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(low) or 1.0) / 2
    table = sequential()[::-1] if signed and high <= 0 else sequential()
    return ScalarMappable(Normalize(low, high), ListedColormap(table, name="polyrelu_sequential"))


def fill_regions(
    cx: RegionComplex, color: Any, output: Output, forms: Floats, points: Floats, measure: Floats, label: str | None
) -> Fill:
    """Color every region.

    Parameters
    ----------
    cx : RegionComplex
    color
        What :func:`check_color` returned, not None.
    output : Output
    forms : ndarray, shape (R, d + 1)
        The output's affine form on every region.
    points : ndarray, shape (R, d)
        Where ``"output"`` is evaluated.
    measure : ndarray, shape (R,)
        Length, area or volume that is seen of every region.
    label : str, optional
        Title of the color bar.
    """
    d = cx.network.input_dim
    if isinstance(color, LinearRegions):
        return Fill(map_colors(cx, color.labels))
    if isinstance(color, str) and color in ("pattern", "linear"):
        return Fill(map_colors(cx, None if color == "pattern" else cx.linear_regions().labels))
    if isinstance(color, str) and color == "affine":
        gradients = np.zeros((len(cx), 2))
        gradients[:, :d] = forms[:, :d]
        colors, scale = gradient_colors(gradients, np.maximum(measure, 0.0))
        return Fill(colors, output.name, scale)
    if isinstance(color, str) and color == "gradient":
        values, name = np.sqrt((forms[:, :d] ** 2).sum(axis=1)), rf"$|\nabla {output.name}|$"
    elif isinstance(color, str):
        values, name = (forms[:, :d] * points).sum(axis=1) + forms[:, d], f"${output.name}$"
    else:
        values, name = color, ""
    shades = number_scale(values[measure > 0], isinstance(color, str) and color == "output")
    return Fill(shades.to_rgba(values), name if label is None else label, None, shades)


def pixels(window: Sequence[float], most: int) -> tuple[int, int]:
    """Return the columns and rows of an image of a window, the longer side with ``most`` pixels."""
    width, height = window[1] - window[0], window[3] - window[2]
    side = max(width, height) / most
    return max(math.ceil(width / side), 2), max(math.ceil(height / side), 2)
