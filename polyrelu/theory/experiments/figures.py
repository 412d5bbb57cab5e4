"""What the figures of all experiments share: fonts, colors, axes, bands of standard errors, files.

Exactness: *float*. Depth is told by hue and marker, width by lightness; blue, orange and grey stay apart for
color-blind readers, and noise runs along a scale of even lightness.

References
----------
P. Tol, Colour schemes, technical note SRON/EPS/TN/09-002, 2021.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...readers.files import require
from ..expected import Estimate
from .summary import label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, GRID = "#26262e", "#dfdfe6"
# depth -> shades from narrow to wide, and marker
FAMILIES = (
    (("#9ecae1", "#5fa6d6", "#2b7bba", "#084a91"), "o"),
    (("#fdb97d", "#f58b36", "#d9560b", "#8f2d04"), "s"),
    (("#bcbcc2", "#8f8f97", "#5d5d66", "#26262e"), "^"),
)
# For a few curves without an order (after P. Tol, "bright").
PLAIN = ("#4477aa", "#ee7733", "#332288", "#009988", "#cc3311", "#777777")
RC = {
    "font.size": 9, "axes.titlesize": 9.5, "axes.labelsize": 9.5, "legend.fontsize": 8, "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": INK,
    "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "text.color": INK, "axes.linewidth": 0.7,
    "xtick.major.width": 0.7, "ytick.major.width": 0.7, "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.6,
    "axes.axisbelow": True, "lines.linewidth": 1.5, "lines.markersize": 4.2, "legend.frameon": False,
    "legend.handlelength": 1.8, "axes.titlelocation": "left", "svg.hashsalt": "polyrelu",
}  # fmt: skip
DPI = 200
DASHED = (0, (5, 3))


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw in the house's style inside this block."""
    with require("matplotlib", "plot").rc_context(RC):
        yield


def canvas(columns: int = 1, *, size: tuple[float, float] | None = None, **options: Any) -> tuple[Figure, list[Any]]:
    """Return a figure and its axes, side by side; titles count them (a), (b), .. if there are several."""
    figures = require("matplotlib.figure", "plot")
    figure: Figure = figures.Figure(figsize=size or (3.7 * columns, 3.8), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False, **options)[0])


def looks_of(architectures: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return color and marker for each architecture, in the order of depth and width.

    Examples
    --------
    >>> found = looks_of(["8x8x8x8", "9x9x9", "8x8x8"])
    >>> [(name, style["marker"]) for name, style in found.items()]
    [('8x8x8', 'o'), ('9x9x9', 'o'), ('8x8x8x8', 's')]
    """
    depths: dict[int, list[str]] = {}
    for name in sorted(set(architectures), key=lambda w: (w.count("x"), neurons_of(w))):
        depths.setdefault(name.count("x"), []).append(name)
    out = {}
    for family, names in enumerate(depths.values()):
        shades, marker = FAMILIES[family % len(FAMILIES)]
        for i, name in enumerate(names):
            out[name] = {"color": between(shades, i / (len(names) - 1) if len(names) > 1 else 1.0), "marker": marker}
    return out


def between(shades: Sequence[str], share: float) -> str:
    """Return the color at a share of the way through shades written #rrggbb.

    Examples
    --------
    >>> between(["#000000", "#204060"], 0.5), between(["#000000", "#204060"], 1)
    ('#102030', '#204060')
    """
    first = min(int(share * (len(shades) - 1)), len(shades) - 2)
    rest = share * (len(shades) - 1) - first
    pairs = [[int(shades[first + k][1 + 2 * c : 3 + 2 * c], 16) for k in (0, 1)] for c in range(3)]
    return "#" + "".join(f"{round(a + rest * (b - a)):02x}" for a, b in pairs)


def neurons_of(widths: str) -> int:
    """Return the number of neurons of an architecture."""
    return sum(map(int, widths.split("x")))


def band(ax: Any, curve: Mapping[float, Estimate], name: str = "", **style: Any) -> None:
    """Draw means over a number, with a band of one standard error on each side."""
    x = sorted(curve)
    means, errors = ([getattr(curve[v], part) for v in x] for part in ("mean", "standard_error"))
    errors = [0.0 if math.isnan(e) else e for e in errors]
    ax.plot(x, means, label=name, markeredgewidth=0, **style)
    low, high = ([m + sign * e for m, e in zip(means, errors, strict=True)] for sign in (-1, 1))
    ax.fill_between(x, low, high, color=style["color"], alpha=0.2, linewidth=0)


def dots(ax: Any, x: Sequence[float], found: Sequence[Estimate], name: str = "", **style: Any) -> None:
    """Draw means with bars of one standard error."""
    errors = [0.0 if math.isnan(e.standard_error) else e.standard_error for e in found]
    style = {"linestyle": "none", "markersize": 5, "markeredgecolor": "white", "markeredgewidth": 0.5} | style
    ax.errorbar(x, [e.mean for e in found], errors, label=name, elinewidth=1.3, **style)


def epoch_axis(ax: Any, epochs: Iterable[float]) -> None:
    """Show epochs: 0, and from the first look on a logarithmic scale."""
    later = sorted(e for e in epochs if e > 0)
    ax.set_xlabel("epoch")
    if not later:
        return
    ax.set_xscale("symlog", linthresh=later[0], linscale=0.6)
    last = later[-1]
    ticks = [0.0]
    power = 10.0 ** math.ceil(math.log10(later[0]))
    while power <= last:
        ticks.append(power)
        power *= 10
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlim(-0.15 * later[0], last * 1.15)


def log_ticks(axis: Any, values: Sequence[float]) -> None:
    """Label a logarithmic axis with these numbers and no others."""
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

    axis.set_major_locator(FixedLocator(values))
    axis.set_ticklabels([f"{v:g}" for v in values])
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def reference(ax: Any, height: float, text: str = "") -> None:
    """Draw a dashed horizontal line at a value that theory names, with its name in the lower left corner."""
    ax.axhline(height, color=INK, linewidth=0.9, linestyle=DASHED, zorder=1)
    if text:
        corner(ax, f"dashed: {text}")


def corner(ax: Any, text: str) -> None:
    """Write a note into the lower left corner of axes."""
    ax.annotate(text, (0, 0), xycoords="axes fraction", xytext=(5, 5), textcoords="offset points", fontsize=8)


def below(figure: Figure, axes: Sequence[Any], columns: int, title: str | None = None) -> None:
    """Put one legend for several axes under the figure."""
    found: dict[str, Any] = {}
    for ax in axes:
        for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(name, handle)
    figure.legend(
        list(found.values()), list(found), loc="outside lower center", ncols=min(columns, max(1, len(found))),
        title=title, title_fontsize=8, columnspacing=1.4,
    )  # fmt: skip


def architecture_legend(figure: Figure, architectures: Iterable[str]) -> None:
    """Put a legend of architectures under the figure, one column for each depth."""
    from matplotlib.lines import Line2D

    looks = looks_of(architectures)
    depths = [name.count("x") for name in looks]
    tall = max(depths.count(d) for d in depths)
    handles: list[Any] = []
    for depth in dict.fromkeys(depths):
        names = [name for name in looks if name.count("x") == depth]
        handles += [Line2D([], [], label=label(name), markeredgewidth=0, **looks[name]) for name in names]
        handles += [Line2D([], [], linestyle="none", label=" ")] * (tall - len(names))
    across = len(set(depths))
    figure.legend(handles=handles, loc="outside lower center", ncols=across, columnspacing=2.4, title=None)


def letter(axes: Sequence[Any], titles: Sequence[str]) -> None:
    """Give titles to axes, counted (a), (b), .. if there are several."""
    for i, (ax, title) in enumerate(zip(axes, titles, strict=True)):
        ax.set_title(f"({'abcdefgh'[i]}) {title}" if len(axes) > 1 else title)


def encode(figure: Figure, kind: str) -> bytes:
    """Return a figure as .png or .svg; the same figure gives the same bytes."""
    out = io.BytesIO()
    metadata = {"png": {"Software": None}, "svg": {"Date": None}}[kind]
    figure.savefig(out, format=kind, dpi=DPI, metadata=metadata)
    figure.set_layout_engine("none")  # places are found; finding them takes most of the time
    return out.getvalue()
