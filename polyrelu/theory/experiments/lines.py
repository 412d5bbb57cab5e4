"""Regions along lines: as many as neurons, at initialisation and through training.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019, corollary 4 and section 5.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..image_data import ImageData
from ..trainer import CHECKPOINTS
from .figures import (
    architecture_legend,
    band,
    canvas,
    dots,
    epoch_axis,
    letter,
    log_ticks,
    looks_of,
    neurons_of,
    reference,
)
from .plan import ARCHITECTURES, FEW_LOOKS, Plan, looks
from .protocol import Experiment, Figures
from .store import Row
from .summary import Finding, estimate, finding, group, label, last_step, select, trained_rows
from .work import Task


def plan(full: bool, data: ImageData) -> Plan:
    """Return the sizes of the experiment."""
    if full:
        return Plan(("lines",), ARCHITECTURES, 12, ARCHITECTURES, 12, looks(data, CHECKPOINTS), {"lines": 100})
    trained = tuple(ARCHITECTURES[i] for i in (0, 1, 4, 5, 8))
    return Plan(("lines",), ARCHITECTURES, 8, trained, 4, looks(data, FEW_LOOKS), {"lines": 6})


def findings(rows: Sequence[Row]) -> list[Finding]:
    """Return regions per neuron at initialisation, for every architecture, and through training."""
    start = group(select(rows, step=0), "widths")
    out = [
        finding(f"regions per neuron at initialisation, {label(w)}", e, "networks", "exact") for w, e in start.items()
    ]
    everywhere = estimate(e.mean for e in start.values())
    out.append(finding("the same, mean over architectures", everywhere, "architectures", "exact"))
    trained = trained_rows(rows)
    if trained:
        end = estimate(e.mean for e in group(select(trained, step=last_step(rows)), "widths").values())
        out.append(finding("regions per neuron after training, mean over architectures", end, "architectures", "exact"))
        curve = [e.mean for e in group(trained, "widths", "step").values()]
        for what, value in (("least", min(curve)), ("greatest", max(curve))):
            name = f"regions per neuron, {what} mean of an architecture at any epoch"
            out.append(Finding(name, value, None, len(curve), "means", "exact"))
    return out


def draw(rows: Sequence[Row], task: Task, data: ImageData) -> Figures:
    """Draw regions per neuron against neurons at initialisation, and against epoch."""
    trained = trained_rows(rows)
    figure, axes = canvas(2 if trained else 1, sharey=True)
    styles = looks_of(row["widths"] for row in rows)
    start = group(select(rows, step=0), "widths")
    sizes = sorted({neurons_of(w) for w in start})
    ax = axes[0]
    for widths, style in styles.items():
        if widths in start:
            dots(ax, [neurons_of(widths)], [start[widths]], **style)
    ax.set_xscale("log")
    log_ticks(ax.xaxis, [n for n in (10, 50, 100, 200, 500, 1000) if sizes[0] / 2 < n < sizes[-1] * 2] or sizes[:1])
    ax.set_xlabel("number of neurons")
    ax.set_ylabel("regions on a line / neurons")
    reference(ax, 1, "one region per neuron")
    titles = ["at initialisation"]
    if trained:
        curves = group(trained, "widths", "epoch")
        for widths, style in styles.items():
            curve = {epoch: e for (w, epoch), e in curves.items() if w == widths}
            if curve:
                band(axes[1], curve, **style)
        epoch_axis(axes[1], {row["epoch"] for row in trained})
        reference(axes[1], 1)
        titles.append("through training")
    ax.set_ylim(0, max(1.5, 1.1 * max(e.mean for e in group(rows, "widths", "step").values())))
    letter(axes, titles)
    architecture_legend(figure, styles)
    return {"lines": figure}


EXPERIMENT = Experiment(
    "lines",
    "Regions along lines",
    "Along a line the number of regions is about the number of neurons, whatever the depth, at initialisation and, "
    "within a small factor, all through training. It comes nowhere near the exponential number that is possible.",
    "Activation regions along the whole line through the origin and a random test image, divided by the number of "
    "neurons. The lines of one network stay the same through its training.",
    "Every count is exact. A mean is over networks, each with the mean of its lines; its standard error is that over "
    "networks.",
    {
        "lines": "Regions on a line over the number of neurons, at initialisation against the number of neurons and "
        "against epoch. Bars and bands: one standard error over networks.",
    },
    plan,
    findings,
    draw,
)
