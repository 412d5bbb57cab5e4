"""Regions while a network learns random labels by heart.

References
----------
B. Hanin and D. Rolnick, Deep ReLU networks have surprisingly few activation patterns, 2019, section 4 (memorization).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...readers.files import require
from ..image_data import ImageData
from .figures import band, below, canvas, epoch_axis, letter, reference
from .plan import Plan, looks
from .protocol import Experiment, Figures
from .store import Row
from .summary import Finding, finding, group, last_step, select
from .work import Task

NOISES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
EPOCHS = (0, 1, 2, 5, 10, 20, 50, 100, 200)


def plan(full: bool, data: ImageData) -> Plan:
    """Return the sizes of the experiment."""
    nets, runs, lines = ((32, 32, 32),), *((40, 100) if full else (3, 6))
    return Plan(("lines",), (), 0, nets, runs, looks(data, EPOCHS), {"lines": lines}, noises=NOISES)


def regions(row: Row) -> float:
    """Return the mean number of regions of a row."""
    return float(row["value"] * row["neurons"])


def findings(rows: Sequence[Row]) -> list[Finding]:
    """Return regions and accuracy at the end, for every share of random labels."""
    out = []
    start = group(select(rows, step=0, noise=rows[0]["noise"]), "step", value=regions)[0]
    out.append(finding("regions on a line at initialisation", start, "networks", "exact"))
    last = select(rows, step=last_step(rows))
    for noise, e in group(last, "noise", value=regions).items():
        out.append(finding(f"regions on a line after training, {noise:.0%} random labels", e, "networks", "exact"))
    for noise, e in group(last, "noise", value=lambda row: 100 * float(row["train_accuracy"])).items():
        out.append(finding(f"training accuracy at the end (%), {noise:.0%} random labels", e, "networks", "float"))
    return out


def draw(rows: Sequence[Row], task: Task, data: ImageData) -> Figures:
    """Draw the number of regions and the training accuracy against epoch, a curve for each share of random labels."""
    figure, axes = canvas(2, size=(7.4, 3.4))
    noises = sorted({row["noise"] for row in rows})
    scale: Any = require("matplotlib", "plot").colormaps["cividis"]
    measures = (regions, lambda row: 100 * float(row["train_accuracy"]))
    for ax, value in zip(axes, measures, strict=True):
        curves = group(rows, "noise", "epoch", value=value)
        for noise in noises:
            curve = {epoch: e for (n, epoch), e in curves.items() if n == noise}
            band(ax, curve, f"{noise:g}", color=scale(0.9 * noise), marker="o", markersize=3)
        epoch_axis(ax, {row["epoch"] for row in rows})
        ax.set_ylim(bottom=0)
    reference(axes[0], rows[0]["neurons"], "number of neurons")
    axes[0].set_ylabel("regions on a line")
    axes[1].set_ylabel("training accuracy (%)")
    letter(axes, ["regions", "accuracy on the labels trained on"])
    below(figure, axes[:1], len(noises), "share of random labels")
    return {"training": figure}


EXPERIMENT = Experiment(
    "training",
    "Learning random labels",
    "Training on random labels, up to learning them by heart, does not bring the number of regions near what is "
    "possible: along a line it stays within a small factor of the number of neurons for every share of noise.",
    "A network of three layers of 32 neurons, trained while a share of the training labels is replaced by random "
    "ones; activation regions along the whole line through the origin and a random test image.",
    "Every count is exact. A mean is over networks, each with the mean of its lines; its standard error is that over "
    "networks.",
    {
        "training": "Regions on a line, and accuracy on the labels that are trained on, against epoch, for several "
        "shares of random labels. Bands: one standard error over networks.",
    },
    plan,
    findings,
    draw,
)
