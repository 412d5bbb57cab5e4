"""Small trained networks to try things on.

===========  ===========  ==============================================================  ============
name         network      data                                                            on test data
===========  ===========  ==============================================================  ============
moons        2-16-16-1    two half circles in [-2, 3] x [-1.5, 2]; the logit of class 1   99.3 % right
digits       64-32-16-10  images of 8 x 8 pixels in [0, 1]; ten logits                    97.3 % right
swiss_roll   3-16-16-1    a rolled-up sheet in [-1, 1] x [-0.25, 1.5] x [-1, 1]; how far  R^2 = 0.994
                          along the roll a point lies
===========  ===========  ==============================================================  ============

``digits_sample`` holds ``images``, twenty test images as uint8 of shape (20, 64) from 0 to 16 (divide them by
16), two of each class, and their ``labels``; the network errs on one of them. The files were made by
``benchmarks/train_examples.py``.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError, suggestion

__all__ = ["example_path"]


def example_path(name: str) -> Path:
    """Return the path of an example file.

    Parameters
    ----------
    name : {"moons", "digits", "swiss_roll", "digits_sample"}
        The first three are networks for :func:`polyrelu.load`; the last is read by :func:`numpy.load`.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        There is no example of this name; the message lists those that exist.

    Examples
    --------
    >>> from polyrelu import load
    >>> load(example_path("moons"))
    <ReluNetwork 2-16-16-1, 32 neurons>
    """
    known = {file.stem: file for file in sorted(Path(__file__).parent.glob("*.npz"))}
    if name not in known:
        raise InputError(f"there is no example {name!r}; known are {', '.join(known)}{suggestion(name, known)}")
    return known[name]
