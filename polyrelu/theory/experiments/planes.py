"""Regions in planes: half the square of the neurons, and pictures of them.

References
----------
B. Hanin and D. Rolnick, Deep ReLU networks have surprisingly few activation patterns, 2019, theorem 5 and section 4.
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019, figure 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...enumeration import enumerate_regions
from ...errors import InputError
from ..image_data import ImageData
from ..tracking import plane_through_three
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
from .plan import FEW_LOOKS, PLANE_ARCHITECTURES, Plan, looks
from .protocol import Experiment, Figures
from .store import Row, key_of
from .summary import Finding, estimate, finding, group, label, last_step, select, trained_rows
from .work import Task

# Pictures of so many epochs.
PICTURES = 4


def plan(full: bool, data: ImageData) -> Plan:
    """Return the sizes of the experiment."""
    nets = PLANE_ARCHITECTURES
    runs, epochs, planes = (10, CHECKPOINTS, 5) if full else (5, FEW_LOOKS, 5)
    trained = nets if full else tuple(nets[i] for i in (0, 1, 3, 4, 5))
    return Plan(
        ("planes", "planes_through_three"), nets, runs, (*trained, (32, 32, 32)), runs, looks(data, epochs),
        {"planes": planes}, pictured=(32, 32, 32),
    )  # fmt: skip


def findings(rows: Sequence[Row]) -> list[Finding]:
    """Return regions over squared neurons at the start and at the end."""
    found = select(rows, measure="planes")
    out = []
    end = last_step(rows)
    for step, when in ((0, "at initialisation"), (end, "after training")):
        if step == 0 or end:
            means = group(select(found, step=step), "widths")
            out += [
                finding(f"regions / neurons² {when}, {label(w)}", e, "networks", "exact") for w, e in means.items()
            ]
            everywhere = estimate(e.mean for e in means.values())
            out.append(finding(f"the same, mean over architectures {when}", everywhere, "architectures", "exact"))
    near = group(select(rows, measure="planes_through_three", step=0), "widths")
    if near:
        everywhere = estimate(e.mean for e in near.values())
        what = "regions / neurons² at initialisation in a square around three images, mean over architectures"
        out.append(finding(what, everywhere, "architectures", "exact"))
    return out


def draw(rows: Sequence[Row], task: Task, data: ImageData) -> Figures:
    """Draw regions over squared neurons against neurons and epoch; and the regions of one network at several epochs."""
    found = select(rows, measure="planes")
    trained = trained_rows(found)
    styles = looks_of(row["widths"] for row in found)
    figure, axes = canvas(2 if trained else 1, sharey=True)
    start = group(select(found, step=0), "widths")
    sizes = sorted({neurons_of(w) for w in start})
    for widths, style in styles.items():
        dots(axes[0], [neurons_of(widths)], [start[widths]], **style)
    axes[0].set_xscale("log")
    log_ticks(axes[0].xaxis, [n for n in (10, 50, 100, 200, 400) if sizes[0] / 2 < n < sizes[-1] * 2] or sizes[:1])
    axes[0].set_xlabel("number of neurons N")
    axes[0].set_ylabel("regions in a plane / N²")
    reference(axes[0], 1 / 2, "N² / 2 regions")
    titles = ["at initialisation"]
    if trained:
        curves = group(trained, "widths", "epoch")
        for widths, style in styles.items():
            curve = {epoch: e for (w, epoch), e in curves.items() if w == widths}
            if curve:
                band(axes[1], curve, **style)
        epoch_axis(axes[1], {row["epoch"] for row in trained})
        reference(axes[1], 1 / 2)
        titles.append("through training")
    axes[0].set_ylim(0, max(0.7, 1.1 * max(e.mean for e in group(found, "widths", "step").values())))
    letter(axes, titles)
    architecture_legend(figure, styles)
    pictures = pictures_of(rows, task, data)
    return {"planes": figure} | ({"planes-regions": pictures} if pictures is not None else {})


def pictures_of(rows: Sequence[Row], task: Task, data: ImageData) -> Any:
    """Return the regions in the plane through the first 0, 1 and 2 of the training images; None without a network."""
    kept = next((unit for unit in task.plan.units() if unit.kept), None)
    if kept is None:
        return None
    from ...plotting import plot_regions

    by_step = {row["step"]: row for row in rows if key_of(row)[:4] == kept.key(0)[:4]}
    steps = sorted(by_step)
    # evenly among the looks, the first and the last included
    chosen = [steps[i] for i in dict.fromkeys(np.linspace(0, len(steps) - 1, PICTURES).round().astype(int).tolist())]
    images = [data.train_x[first_image(data, digit)] for digit in range(min(3, data.classes))]
    plane = plane_through_three(*(image.tolist() for image in images))
    marks = plane.coordinates(images)
    figure, axes = canvas(len(chosen), size=(3.1 * len(chosen), 3.55))
    for ax, step in zip(axes, chosen, strict=True):
        cx = enumerate_regions(plane.restrict(task.network(step)), plane.box, progress=False)
        plot_regions(cx, ax, color="pattern", edges=True, legend=False)
        ax.grid(False)
        ax.plot(*marks.T, "o", color="white", markeredgecolor="black", markersize=11, markeredgewidth=0.8, zorder=9)
        for digit, mark in enumerate(marks):
            ax.annotate(str(digit), mark, ha="center", va="center", fontsize=8, color="black", zorder=10)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_xlabel(f"{len(cx)} regions, test accuracy {100 * by_step[step]['test_accuracy']:.0f} %")
        ax.set_ylabel("")
        ax.set_title(f"epoch {by_step[step]['epoch']:.3g}" if step else "initialisation")
    return figure


def first_image(data: ImageData, digit: int) -> int:
    """Return the number of the first training image of a class.

    Examples
    --------
    >>> data = ImageData([[0], [1], [0.5]], [1, 0, 1], [[0]], [0], (1, 1), "three", 2)
    >>> first_image(data, 0), first_image(data, 1)
    (1, 0)
    """
    found = np.flatnonzero(data.train_y == digit)
    if not len(found):
        raise InputError(f"{data.name} has no training image of class {digit}; the pictures need one of 0, 1 and 2")
    return int(found[0])


EXPERIMENT = Experiment(
    "planes",
    "Regions in planes",
    "In a plane the number of regions is about half the square of the number of neurons N, whatever the depth, and "
    "changes little in training: N² / 2 is what N random lines make.",
    "Activation regions in the plane through the origin and two random training images, in the square [-20, 20]² with "
    "5/4 of the longer image as unit, divided by N²; the same in a square around three images. Pictures: the plane "
    "through the first 0, 1 and 2 of the training set, a square around their circumcenter of half side 5/4 of the "
    "circumradius.",
    "Every count is exact, in a plane that contains the images exactly and whose axes are orthonormal to rounding. A "
    "mean is over networks, each with the mean of its planes. Pictures are floats, of regions found exactly.",
    {
        "planes": "Regions in a plane over N², N the number of neurons, at initialisation against N and against "
        "epoch. Bars and bands: one standard error over networks.",
        "planes-regions": "The activation regions of one network of three layers of 32 neurons in the plane through "
        "the first 0, 1 and 2 of the training set, which are marked, in the course of its training. Neighbors differ "
        "in color; kinks are darker in the first layer and orange in the last.",
    },
    plan,
    findings,
    draw,
)
