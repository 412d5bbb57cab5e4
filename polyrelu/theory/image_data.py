"""Images to train on: the digits that come with scikit-learn, MNIST from a folder, and labels with noise.

References
----------
Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits (the idx format).
D. Arpit et al., A closer look at memorization in deep networks, 2017 (random labels).
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..readers.files import existing_file, reason, require

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# The four files of MNIST: train and test, images and labels. Some copies have a dot before "idx".
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
# What an idx file of bytes begins with, by its number of axes.
MAGIC = {1: 0x801, 3: 0x803}


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images with labels, for training and for testing.

    Attributes
    ----------
    train_x, test_x : ndarray of shape (n, d)
        One image per row, pixels from 0 to 1.
    train_y, test_y : ndarray of int, shape (n,)
        Labels, 0 to classes - 1.
    shape : (int, int)
        Height and width; their product is d.
    name : str
    classes : int

    Raises
    ------
    InputError
        Arrays whose shapes do not fit, no image at all, pixels outside [0, 1], labels outside the classes.

    Examples
    --------
    >>> data = ImageData([[0, 1], [1, 0]], [0, 1], [[1, 1]], [1], (1, 2), "two", 2)
    >>> data
    <ImageData: two, 2 images to train and 1 to test, 1 x 2 pixels, 2 classes>
    """

    train_x: Floats
    train_y: Ints
    test_x: Floats
    test_y: Ints
    shape: tuple[int, int]
    name: str
    classes: int

    def __post_init__(self) -> None:
        pixels = self.shape[0] * self.shape[1]
        for part in ("train", "test"):
            try:
                x = np.asarray(getattr(self, f"{part}_x"), dtype=np.float64)
            except (TypeError, ValueError) as error:
                raise InputError(f"{part}_x is not an array of numbers: {reason(error)}") from None
            y = np.asarray(getattr(self, f"{part}_y"))
            if x.ndim != 2 or x.shape[1] != pixels or not len(x):
                raise InputError(f"{part}_x has shape {x.shape}; expected (n, {pixels}), one image per row")
            if y.shape != (len(x),) or not np.issubdtype(y.dtype, np.integer):
                raise InputError(f"{part}_y has shape {y.shape} of {y.dtype}; expected {len(x)} whole numbers")
            if not (0 <= x.min() and x.max() <= 1):
                raise InputError(f"{part}_x has pixels from {x.min()} to {x.max()}; scale them to [0, 1]")
            if not (0 <= y.min() and y.max() < self.classes):
                raise InputError(f"{part}_y has labels {y.min()} to {y.max()}; expected 0 to {self.classes - 1}")
            object.__setattr__(self, f"{part}_x", x)
            object.__setattr__(self, f"{part}_y", y.astype(np.int64))

    def __repr__(self) -> str:
        return (
            f"<ImageData: {self.name}, {len(self.train_x)} images to train and {len(self.test_x)} to test, "
            f"{self.shape[0]} x {self.shape[1]} pixels, {self.classes} classes>"
        )

    def with_label_noise(self, fraction: float, seed: int = 0) -> ImageData:
        """Return the same images with a fraction of the training labels replaced by uniformly random ones.

        A random label may be the right one by chance.

        Examples
        --------
        >>> data = ImageData(np.zeros((100, 1)), np.zeros(100, dtype=int), [[0]], [0], (1, 1), "zeros", 10)
        >>> noisy = data.with_label_noise(0.5)
        >>> 30 <= int(np.count_nonzero(noisy.train_y)) <= 50
        True
        >>> noisy.name
        'zeros, label noise 0.5'
        """
        if not 0 <= fraction <= 1:
            raise InputError(f"the fraction of random labels is {fraction}; give a number from 0 to 1")
        rng = np.random.default_rng(seed)
        count = round(fraction * len(self.train_y))
        labels = self.train_y.copy()
        labels[rng.permutation(len(labels))[:count]] = rng.integers(self.classes, size=count)
        return dataclasses.replace(self, train_y=labels, name=f"{self.name}, label noise {fraction:g}")


def digits(test_fraction: float = 0.25, seed: int = 0) -> ImageData:
    """Return the 1797 digits of 8 x 8 pixels of scikit-learn, pixels divided by 16.

    Parameters
    ----------
    test_fraction : float
        Share of the images kept for testing, between 0 and 1.
    seed : int
        Of the random division.

    Returns
    -------
    ImageData

    Raises
    ------
    InputError
        A fraction that leaves no image on one side.
    MissingDependency
        scikit-learn is not installed.
    """
    pixels, labels = require("sklearn.datasets", "sklearn").load_digits(return_X_y=True)
    count = round(test_fraction * len(pixels)) if 0 < test_fraction < 1 else 0
    if not 0 < count < len(pixels):
        raise InputError(f"test_fraction is {test_fraction}; give a number between 0 and 1, a quarter is usual")
    order = np.random.default_rng(seed).permutation(len(pixels))
    test, train = order[:count], order[count:]
    return ImageData(pixels[train] / 16, labels[train], pixels[test] / 16, labels[test], (8, 8), "digits", 10)


def mnist(folder: str | os.PathLike[str]) -> ImageData:
    """Read MNIST, or anything in its form (Fashion-MNIST, KMNIST), from a folder with its four idx files.

    Parameters
    ----------
    folder : path
        With ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
        ``t10k-labels-idx1-ubyte``, each as it is or with ``.gz`` (and with a dot before ``idx`` in some copies).

    Returns
    -------
    ImageData
        Pixels divided by 255, ten classes.

    Raises
    ------
    InputError
        No such folder, a file that is missing, too short, too long or not in the idx format.
    """
    if not isinstance(folder, str | os.PathLike):
        raise InputError(f"{folder!r} is no folder; give the path of one, or the name digits")
    place = Path(folder)
    if not place.is_dir():
        raise InputError(f"{place}: there is no such folder; give one that holds {', '.join(FILES)} (or with .gz)")
    images, labels, test_images, test_labels = (
        _idx(_find(place, name), axes) for name, axes in zip(FILES, (3, 1, 3, 1), strict=True)
    )
    x, test_x = (v.reshape(len(v), -1) / 255 for v in (images, test_images))
    y, test_y = labels.astype(np.int64), test_labels.astype(np.int64)
    with _of(place):
        return ImageData(x, y, test_x, test_y, (images.shape[1], images.shape[2]), place.resolve().name, 10)


@contextlib.contextmanager
def _of(where: Path) -> Iterator[None]:
    """Put the place in front of an error; it is about data, not about a model."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _find(folder: Path, name: str) -> Path:
    for file in (name, f"{name}.gz", name.replace("-idx", ".idx"), name.replace("-idx", ".idx") + ".gz"):
        if (folder / file).exists():
            return folder / file
    raise InputError(f"{folder}: {name} is missing; copy it there, as it is or as {name}.gz")


def _idx(file: Path, axes: int) -> npt.NDArray[np.uint8]:
    """Read one idx file of bytes."""
    with _of(file):
        content = existing_file(file).read_bytes()
        if file.suffix == ".gz":
            try:
                content = gzip.decompress(content)
            except (OSError, EOFError, zlib.error) as error:
                raise InputError(f"does not unpack ({reason(error)}); copy it again") from None
        head = np.frombuffer(content[: 4 + 4 * axes].ljust(4 + 4 * axes, b"\0"), dtype=">u4").tolist()
        if head[0] != MAGIC[axes]:
            raise InputError(f"begins with {head[0]:#x} and not {MAGIC[axes]:#x}; this is no idx file of {axes} axes")
        shape = tuple(head[1:])
        size, found = int(np.prod(shape, dtype=object)), len(content) - 4 - 4 * axes
        if not size or found != size:
            told = " x ".join(map(str, shape))
            raise InputError(f"has {max(found, 0)} bytes of data where its head says {told}; copy it again")
        return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * axes).reshape(shape)


def image_data(name_or_folder: str | os.PathLike[str] = "digits") -> ImageData:
    """Return :func:`digits` for the name "digits", :func:`mnist` of a folder for any other."""
    return digits() if name_or_folder == "digits" else mnist(name_or_folder)
