"""Depth makes no difference: networks of as many neurons and different depth.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019, section 1.
B. Hanin and D. Rolnick, Deep ReLU networks have surprisingly few activation patterns, 2019, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..image_data import ImageData
from .figures import PLAIN, below, canvas, dots, letter, reference
from .plan import Plan, Widths, looks
from .protocol import Experiment, Figures
from .store import Row
from .summary import Finding, finding, group, label, last_step, select, slope, trained_rows
from .work import Task

# 120 neurons in 1 to 6 layers
SHAPES: tuple[Widths, ...] = tuple((120 // depth,) * depth for depth in range(1, 7))
KINDS = {"lines": ("regions on a line / N", 1.0), "planes": ("regions in a plane / N²", 0.5)}


def plan(full: bool, data: ImageData) -> Plan:
    """Return the sizes of the experiment."""
    runs, trained, lines, planes = (40, 12, 20, 5) if full else (20, 8, 5, 3)
    samples = {"lines": lines, "planes": planes}
    return Plan(("lines", "planes"), SHAPES, runs, SHAPES, trained, looks(data, (0, 20)), samples)


def findings(rows: Sequence[Row]) -> list[Finding]:
    """Return the mean for each depth, and the slope in depth over all networks."""
    out = []
    end = last_step(rows)
    for measure, (what, _) in KINDS.items():
        for step in dict.fromkeys((0, end)):
            when = "after training" if step else "at initialisation"
            found = select(rows if step == 0 else trained_rows(rows), measure=measure, step=step)
            for widths, e in group(found, "widths").items():
                out.append(finding(f"{what} {when}, {label(widths)}", e, "networks", "exact"))
            rise = slope((row["depth"] for row in found), (row["value"] for row in found))
            if len({row["depth"] for row in found}) > 1:
                out.append(finding(f"{what} {when}: change for one more layer", rise, "networks", "exact"))
    return out


def draw(rows: Sequence[Row], task: Task, data: ImageData) -> Figures:
    """Draw regions on lines and in planes against depth, at initialisation and after training."""
    figure, axes = canvas(2, size=(7.2, 3.2))
    end = last_step(rows)
    for ax, (measure, (what, law)) in zip(axes, KINDS.items(), strict=True):
        for i, step in enumerate(dict.fromkeys((0, end))):
            found = select(rows if step == 0 else trained_rows(rows), measure=measure, step=step)
            means = group(found, "depth")
            name = "trained" if step else "initialisation"
            shift = (-1) ** (i + 1) / 16
            dots(
                ax, [d + shift for d in means], list(means.values()), name, color=PLAIN[i], marker="os"[i],
                linestyle=":", linewidth=0.8,
            )  # fmt: skip
        top = max(e.mean for e in group(select(rows, measure=measure), "depth", "step").values())
        ax.set_ylim(0, 1.25 * max(law, top))
        ax.set_xticks(sorted({row["depth"] for row in rows}))
        ax.set_xlabel("hidden layers")
        ax.set_ylabel(what)
        reference(ax, law, "one region per neuron" if law == 1 else "N² / 2 regions")
    neurons = sorted({row["neurons"] for row in rows})
    letter(axes, [f"{where}, N = {', '.join(map(str, neurons))}" for where in ("lines", "planes")])
    below(figure, axes[:1], 2)
    return {"depth": figure}


EXPERIMENT = Experiment(
    "depth",
    "Depth at equal number of neurons",
    "What counts is the number of neurons: how they are arranged in layers makes no difference to the number of "
    "regions beyond noise.",
    "Networks of 120 neurons in one to six layers, at initialisation and after training: activation regions along "
    "lines through the origin and a test image, over N, and in planes through the origin and two training images, "
    "over N².",
    "Every count is exact. A mean is over networks, each with the mean of its lines or planes; the change for one more "
    "layer is the slope of a least-squares line through all networks, with its standard error.",
    {
        "depth": "Regions on lines over N and in planes over N² against the number of hidden layers, N neurons in all, "
        "at initialisation and after training. Bars: one standard error over networks.",
    },
    plan,
    findings,
    draw,
)
