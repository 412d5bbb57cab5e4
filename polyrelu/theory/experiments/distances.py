"""Distances to the boundary of a region: about one over the number of neurons.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019, corollary 5 and section 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..image_data import ImageData
from ..trainer import CHECKPOINTS
from .figures import (
    DASHED,
    INK,
    PLAIN,
    architecture_legend,
    band,
    below,
    canvas,
    corner,
    dots,
    epoch_axis,
    letter,
    log_ticks,
    looks_of,
    neurons_of,
)
from .plan import ARCHITECTURES, FEW_LOOKS, Plan, looks
from .protocol import Experiment, Figures
from .store import Row
from .summary import Finding, estimate, finding, group, label, last_step, select, slope
from .work import Task

KINDS = {"train": "training images", "test": "test images", "random": "random points"}
# The paper draws its means between these curves over N.
CURVES = (0.4, 2.0)
WIDTH = 0.5


def plan(full: bool, data: ImageData) -> Plan:
    """Return the sizes of the experiment."""
    measures = ("distances", "distance_histogram")
    runs, epochs, points = (12, CHECKPOINTS, 10_000) if full else (3, FEW_LOOKS, 200)
    return Plan(measures, (), 0, ARCHITECTURES, runs, looks(data, epochs), {"points": points})


def findings(rows: Sequence[Row]) -> list[Finding]:
    """Return distance times neurons at the start and at the end, and how the distance falls with neurons."""
    found = select(rows, measure="distances")
    end, out = last_step(rows), []
    for kind, name in KINDS.items():
        for step, when in ((0, "at initialisation"), (end, "after training")):
            means = group(select(found, part=kind, step=step), "widths")
            if step or not end:
                out += [
                    finding(f"distance × neurons {when}, {label(w)}, {name}", e, "networks", "float")
                    for w, e in means.items() if kind == "test"
                ]  # fmt: skip
            everywhere = estimate(e.mean for e in means.values())
            out.append(finding(f"distance × neurons {when}, {name}, mean over architectures", everywhere,
                               "architectures", "float"))  # fmt: skip
            if len(means) > 2:
                x = [math.log(neurons_of(w)) for w in means]
                y = [math.log(e.mean / neurons_of(w)) for w, e in means.items()]
                out.append(finding(f"exponent of the distance in neurons {when}, {name} (the law: -1)",
                                   slope(x, y), "architectures", "float"))  # fmt: skip
    return out


def draw(rows: Sequence[Row], task: Task, data: ImageData) -> Figures:
    """Draw distance times neurons against epoch, accuracy and neurons, and histograms of its logarithm."""
    found = select(rows, measure="distances", part="test")
    styles = looks_of(row["widths"] for row in rows)
    figure, axes = canvas(3, size=(10.6, 4.1))
    by_epoch = group(found, "widths", "epoch")
    accuracy = group(found, "widths", "epoch", value=lambda row: 100 * float(row["test_accuracy"]))
    for widths, style in styles.items():
        curve = {epoch: e for (w, epoch), e in by_epoch.items() if w == widths}
        band(axes[0], curve, **style)
        path = sorted(curve)
        axes[1].plot(
            [accuracy[widths, e].mean for e in path], [curve[e].mean for e in path], markeredgewidth=0, **style
        )
    epoch_axis(axes[0], {row["epoch"] for row in found})
    axes[1].set_xlabel("test accuracy (%)")
    for ax in axes[:2]:
        ax.set_ylabel("mean distance × number of neurons")
        ax.set_ylim(bottom=0)
    _against_neurons(axes[2], found, styles)
    letter(axes, ["against epoch", "against accuracy", "against neurons"])
    architecture_legend(figure, styles)
    return {"distances": figure, "distances-histograms": _histograms(rows)}


def _against_neurons(ax: Any, found: Sequence[Row], styles: dict[str, dict[str, Any]]) -> None:
    """Draw mean distances against neurons, hollow at initialisation and full after training, between two curves."""
    end = last_step(found)
    sizes = sorted({row["neurons"] for row in found})
    for step in dict.fromkeys((0, end)):
        means = group(select(found, step=step), "widths", value=lambda row: row["value"] / row["neurons"])
        for widths, style in styles.items():
            face = {"markerfacecolor": "white", "markeredgecolor": style["color"]} if step == 0 < end else {}
            dots(ax, [neurons_of(widths)], [means[widths]], **style | face)
    x = [sizes[0] * 0.8, sizes[-1] * 1.25]
    for value, side in zip(CURVES, (-1, 1), strict=True):
        ax.plot(x, [value / n for n in x], color=INK, linewidth=0.9, linestyle=DASHED)
        ax.annotate(
            f"{value:g} / N", (math.sqrt(x[0] * x[1]), value / math.sqrt(x[0] * x[1])), xytext=(9 * side, 9 * side),
            textcoords="offset points", ha="center", va="center", fontsize=8,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    log_ticks(ax.xaxis, [n for n in (10, 20, 50, 100, 200, 500, 1000) if x[0] < n < x[1]] or sizes[:1])
    ax.set_xlabel("number of neurons N")
    ax.set_ylabel("mean distance to the boundary")
    corner(ax, "hollow: initialisation\nfull: trained")


def _histograms(rows: Sequence[Row]) -> Any:
    """Draw the distribution of log(distance × N) over all networks, at three epochs."""
    found = select(rows, measure="distance_histogram")
    epochs = sorted({row["epoch"] for row in found})
    shown = list(dict.fromkeys((epochs[0], epochs[len(epochs) // 2], epochs[-1])))
    figure, axes = canvas(len(shown), size=(3.5 * len(shown), 3.2), sharey=True)
    for ax, epoch in zip(axes, shown, strict=True):
        for (kind, name), color in zip(KINDS.items(), PLAIN, strict=False):
            bins: dict[float, list[float]] = {}
            for row in select(found, epoch=epoch):
                which, _, low = row["part"].partition(" ")
                if which == kind and math.isfinite(float(low)):
                    bins.setdefault(float(low), []).append(row["value"] / WIDTH)
            found_here = {low: estimate(values) for low, values in sorted(bins.items())}
            edges = [*found_here, max(found_here) + WIDTH]
            means = [e.mean for e in found_here.values()]
            errors = [0.0 if math.isnan(e.standard_error) else e.standard_error for e in found_here.values()]
            ax.stairs(means, edges, color=color, linewidth=1.4, label=name)
            spread = [[m + sign * e for m, e in zip(means, errors, strict=True)] for sign in (-1, 1)]
            ax.stairs(spread[1], edges, baseline=spread[0], fill=True, color=color, alpha=0.2, linewidth=0)
        ax.axvline(0, color=INK, linewidth=0.8, linestyle=DASHED, zorder=1)
        ax.set_xlabel("log(distance × N)")
        ax.set_xlim(-9, 3)
    axes[0].set_ylim(bottom=0)
    axes[0].set_ylabel("density")
    letter(axes, ["at initialisation", *(f"epoch {e:.3g}" for e in shown[1:])])
    below(figure, axes[:1], 3)
    return figure


EXPERIMENT = Experiment(
    "distances",
    "Distances to the boundary",
    "A typical point is at distance about c / N from the boundary of its region, N the number of neurons and c near "
    "one, before, during and after training; as points become accurate it stays so.",
    "Distance from a point to the nearest boundary of its activation region, for training images, test images and "
    "random points (each pixel normal, with its mean and standard deviation over the training images).",
    "The region of a point is decided exactly; distances and their means are floats. A mean is over networks, each "
    "with the mean of its points; its standard error is that over networks.",
    {
        "distances": "Mean distance of test images to the boundary of their region, times the number of neurons N: "
        "against epoch and against test accuracy; and the distance itself between the curves 0.4 / N and 2 / N. Bars "
        "and bands: one standard error over networks.",
        "distances-histograms": "The distribution of log(distance × N) for training images, test images and random "
        "points, over all networks. Bands: one standard error over networks.",
    },
    plan,
    findings,
    draw,
)
