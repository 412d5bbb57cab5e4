"""Volumes of boundaries: in proportion to the neurons, and below the bound of the theorem.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019, theorem 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..image_data import ImageData
from ..trainer import CHECKPOINTS
from ..volume_bounds import volume_bound
from .figures import (
    DASHED,
    PLAIN,
    architecture_legend,
    band,
    canvas,
    dots,
    epoch_axis,
    letter,
    log_ticks,
    looks_of,
    neurons_of,
)
from .plan import ARCHITECTURES, BIAS_SD, FEW_LOOKS, Plan, looks
from .protocol import Experiment, Figures
from .store import Row
from .summary import Finding, estimate, finding, group, label, last_step, select, slope, trained_rows
from .work import Task

BIAS_SDS = (BIAS_SD, 1 / 10, 1.0)


def plan(full: bool, data: ImageData) -> Plan:
    """Return the sizes of the experiment."""
    if full:
        epochs, trained = looks(data, CHECKPOINTS), ARCHITECTURES
        return Plan(("volumes",), ARCHITECTURES, 12, trained, 12, epochs, {"chords": 200}, bias_sds=BIAS_SDS)
    nets = tuple(ARCHITECTURES[i] for i in (0, 1, 2, 4, 5, 6, 8, 9))
    trained = tuple(ARCHITECTURES[i] for i in (0, 1, 4, 5, 8))
    return Plan(("volumes",), nets, 4, trained, 3, looks(data, FEW_LOOKS), {"chords": 20}, bias_sds=BIAS_SDS)


def bound_per_neuron(widths: str, bias_sd: float, inputs: int, classes: int) -> float:
    """Return the bound of the theorem for k = 1, over the number of neurons."""
    found = volume_bound((inputs, *map(int, widths.split("x")), classes), 1, bias_scale=bias_sd)
    return found.bound / found.neurons


def findings(rows: Sequence[Row]) -> list[Finding]:
    """Return the density of the boundary over neurons, by the deviation of the biases and through training."""
    found = select(rows, part="activation")
    out = []
    for bias_sd in dict.fromkeys(row["bias_sd"] for row in found):
        means = group(select(found, step=0, bias_sd=bias_sd), "widths")
        name = f"at initialisation, biases of deviation {bias_sd:g}"
        out += [finding(f"density / neurons {name}, {label(w)}", e, "networks", "float") for w, e in means.items()]
        out.append(finding(f"the same, mean over architectures, deviation {bias_sd:g}",
                           estimate(e.mean for e in means.values()), "architectures", "float"))  # fmt: skip
        flat = slope(map(neurons_of, means), (e.mean for e in means.values()))
        if flat.samples > 2:
            out.append(finding(f"slope of density / neurons in neurons, deviation {bias_sd:g} (the law: 0)", flat,
                               "architectures", "float"))  # fmt: skip
    trained = trained_rows(found)
    if trained:
        means = group(select(trained, step=last_step(rows)), "widths")
        out.append(finding("density / neurons after training, mean over architectures",
                           estimate(e.mean for e in means.values()), "architectures", "float"))  # fmt: skip
    return out


def draw(rows: Sequence[Row], task: Task, data: ImageData) -> Figures:
    """Draw the density of the boundary over neurons, with the bound, against neurons and epoch."""
    found = select(rows, part="activation")
    trained = trained_rows(found)
    styles = looks_of(row["widths"] for row in found)
    figure, axes = canvas(2 if trained else 1, size=(7.6 if trained else 3.8, 3.6))
    ax = axes[0]
    sizes = sorted({row["neurons"] for row in found})
    inputs = data.train_x.shape[1]
    for bias_sd, color in zip(dict.fromkeys(row["bias_sd"] for row in found), PLAIN, strict=False):
        means = group(select(found, step=0, bias_sd=bias_sd), "widths")
        for widths, e in means.items():
            dots(ax, [neurons_of(widths)], [e], **styles[widths] | {"color": color})
        limit = {neurons_of(w): bound_per_neuron(w, bias_sd, inputs, data.classes) for w in means}
        ax.plot(sorted(limit), [limit[n] for n in sorted(limit)], color=color, linestyle=DASHED, linewidth=1)
        ax.annotate(
            f"bound, bias sd {bias_sd:g}", (max(limit), limit[max(limit)]), xytext=(0, 3), textcoords="offset points",
            ha="right", va="bottom", fontsize=7.5, color=color,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    log_ticks(ax.xaxis, [n for n in (10, 50, 100, 200, 500, 1000) if sizes[0] / 2 < n < sizes[-1] * 2] or sizes[:1])
    ax.set_xlabel("number of neurons")
    ax.set_ylabel("volume of boundary per unit volume\n/ number of neurons")
    titles = ["at initialisation, with bounds"]
    if trained:
        curves = group(trained, "widths", "epoch")
        for widths, style in styles.items():
            curve = {epoch: e for (w, epoch), e in curves.items() if w == widths}
            if curve:
                band(axes[1], curve, **style)
        epoch_axis(axes[1], {row["epoch"] for row in trained})
        axes[1].set_ylim(bottom=0)
        titles.append(f"through training, bias sd {BIAS_SD:g}")
    letter(axes, titles)
    architecture_legend(figure, styles)
    return {"volumes": figure}


EXPERIMENT = Experiment(
    "volumes",
    "Volumes of boundaries",
    "The mean (d - 1)-dimensional volume of the boundary between regions in a set, over the volume of the set, grows "
    "in proportion to the number of neurons and not faster: it is at most 2 C_grad C_bias times that number.",
    "Volume of the boundary in the cube [0, 1]^d of all images, by counts on random chords (Crofton's formula), over "
    "the number of neurons, for biases of several deviations. C_bias is the largest density of a bias, C_grad the "
    "largest mean length of a gradient; both are computed.",
    "The count on each chord is exact; volumes, means and the bound are floats. A mean is over networks, each with "
    "the mean of its chords; its standard error is that over networks.",
    {
        "volumes": "Volume of the boundary between regions in the cube of all images, per unit volume and neuron: at "
        "initialisation, for three laws of the biases, with the bounds of the theorem (dashed); and against epoch. "
        "Bars and bands: one standard error over networks.",
    },
    plan,
    findings,
    draw,
)
