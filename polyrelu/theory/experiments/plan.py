"""What an experiment does: which networks, how often, how long they are trained and when they are looked at.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019, section 5.
B. Hanin and D. Rolnick, Deep ReLU networks have surprisingly few activation patterns, 2019, section 4.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...errors import InputError
from ..image_data import ImageData
from ..trainer import CHECKPOINTS

Widths = tuple[int, ...]
Key = tuple[str, float, float, int, int]

# The twelve networks of the paper, and the seven of its planes.
ARCHITECTURES: tuple[Widths, ...] = (
    *((n,) * 4 for n in (16, 32, 64, 128)),
    *((n,) * 3 for n in (20, 40, 60, 80)),
    *((n,) * 5 for n in (25, 50, 75, 100)),
)
PLANE_ARCHITECTURES = (*ARCHITECTURES[:3], *ARCHITECTURES[4:8])
# Standard deviation of the biases: a variance of a millionth.
BIAS_SD = 1 / 1000
BATCH = 128
# Data of fewer images than this are few steps to an epoch; so many epochs then stand for one of the paper's.
FEW_IMAGES, STRETCH = 10_000, 5
# The looks of a short run, in the paper's epochs.
FEW_LOOKS = (0, 1 / 16, 1 / 4, 1 / 2, 1, 2, 4, 8, 20)


@dataclass(frozen=True)
class Plan:
    """The sizes of one experiment.

    Attributes
    ----------
    measures : tuple of str
        Of :func:`polyrelu.theory.tracking.track`.
    architectures : tuple of tuples of int
        Widths of the hidden layers.
    runs : int
        Networks of each architecture that are measured at initialisation.
    trained : tuple of tuples of int
        Those that are trained as well.
    trained_runs : int
        Networks of each of these.
    epochs : tuple of float
        When a trained network is measured; it is trained up to the last of them.
    samples : mapping
        Lines, planes, points and chords for one network, as ``track`` takes them.
    noises : tuple of float
        Fractions of random labels.
    bias_sds : tuple of float
        Standard deviations of the biases; networks are trained with the first.
    pictured : tuple of int
        A trained architecture whose first run is kept for pictures; () for none.
    """

    measures: tuple[str, ...]
    architectures: tuple[Widths, ...]
    runs: int
    trained: tuple[Widths, ...]
    trained_runs: int
    epochs: tuple[float, ...]
    samples: Mapping[str, int]
    noises: tuple[float, ...] = (0.0,)
    bias_sds: tuple[float, ...] = (BIAS_SD,)
    pictured: Widths = ()

    def __post_init__(self) -> None:
        for name in ("runs", "trained_runs"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                raise InputError(f"{name} is {value!r}; give a whole number from 0 up")
        if not self.epochs or min(self.epochs) < 0:
            raise InputError(f"epochs are {self.epochs}; give at least one number from 0 up")
        if next(self.units(), None) is None:
            raise InputError("the plan has no network; give architectures, and runs from 1 up")

    def units(self) -> Iterator[Unit]:
        """Yield the networks, in the order of the table of results."""
        for widths in dict.fromkeys((*self.architectures, *self.trained)):
            for bias_sd in self.bias_sds:
                for noise in self.noises:
                    trained = self.trained_runs if widths in self.trained and bias_sd == self.bias_sds[0] else 0
                    initial = self.runs if widths in self.architectures else 0
                    for run in range(max(trained, initial)):
                        epochs = self.epochs if run < trained else (0.0,)
                        yield Unit(widths, bias_sd, noise, run, epochs, widths == self.pictured and run == 0 < trained)

    def as_json(self) -> dict[str, Any]:
        """Return the plan as JSON has it."""
        return {name: _plain(value) for name, value in dataclasses.asdict(self).items()}


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, tuple | list) else value


class Unit(NamedTuple):
    """One network, from its initialisation to the end of its training.

    Attributes
    ----------
    widths : tuple of int
    bias_sd, noise : float
    run : int
    epochs : tuple of float
        When it is measured.
    kept : bool
        Its networks are saved for pictures.
    """

    widths: Widths
    bias_sd: float
    noise: float
    run: int
    epochs: tuple[float, ...]
    kept: bool = False

    def steps(self, images: int) -> list[int]:
        """Return the training steps at which the network is measured."""
        per_epoch = math.ceil(images / BATCH)
        return sorted({math.ceil(e * per_epoch) for e in self.epochs})

    def key(self, step: int) -> Key:
        """Return the name of one look at the network."""
        return ("x".join(map(str, self.widths)), self.bias_sd, self.noise, self.run, step)

    def seed(self, base: int) -> int:
        """Return the seed of the network and its samples; other runs and architectures have others."""
        return int(np.random.SeedSequence([base, self.run, *self.widths]).generate_state(1)[0])


def looks(data: ImageData, epochs: tuple[float, ...] = CHECKPOINTS) -> tuple[float, ...]:
    """Return the epochs of the paper, stretched if the data are few.

    Examples
    --------
    >>> data = ImageData([[0.5]], [0], [[0.5]], [0], (1, 1), "one", 2)
    >>> looks(data, (0, 0.5, 20))
    (0, 2.5, 100)
    """
    stretch = STRETCH if len(data.train_x) < FEW_IMAGES else 1
    return tuple(e * stretch for e in epochs)
