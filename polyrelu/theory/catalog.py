"""All constructions by name, as ``polyrelu construct`` knows them, and small members of each to check."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import InputError, suggestion
from ..polytope import Box
from .blocks import Claim, Construction
from .bounds import whole
from .competitors import montufar, pascanu, serra, serra_zonotope, telgarsky, tent
from .constructions import hard, zonotope


def maximum(n: int, layers: int | None = None) -> Construction:
    """Return the maximum of n numbers, with n linear regions; ``layers`` hidden layers, or as few as are known."""
    from .representation import maximum_network

    whole(n, "n", 1)
    if layers is not None:
        whole(layers, "layers", 0)
    # positively homogeneous: every region and every facet between two meets any box around 0
    claim = Claim("max of n numbers has n linear regions", "open", "=", n, None, Box([-1] * n, [1] * n))
    return Construction("max", {"n": n, "layers": layers}, maximum_network(n, layers), (claim,))


NAMES: dict[str, Callable[..., Construction]] = {
    "hard": hard,
    "zonotope": zonotope,
    "tent": tent,
    "telgarsky": telgarsky,
    "montufar": montufar,
    "pascanu": pascanu,
    "serra": serra,
    "serra-zonotope": serra_zonotope,
    "max": maximum,
}


def construct(name: str, **parameters: Any) -> Construction:
    """Return a construction by name, as ``polyrelu construct`` does.

    Raises
    ------
    InputError
        An unknown name; a parameter that is missing, unknown, or out of its range.

    Examples
    --------
    >>> construct("tent", k=2).network.widths
    (2, 2)
    """
    if name not in NAMES:
        hint = suggestion(name, NAMES)
        raise InputError(f"there is no construction {name!r}; choose one of {', '.join(NAMES)}{hint}")
    make = NAMES[name]
    known = inspect.signature(make).parameters
    for given in parameters:
        if given not in known:
            hint = suggestion(given, known)
            raise InputError(f"{name} has no parameter {given!r}; it takes {', '.join(known)}{hint}")
    missing = [p for p, v in known.items() if v.default is inspect.Parameter.empty and p not in parameters]
    if missing:
        raise InputError(f"{name} needs {', '.join(missing)}; give --param {missing[0]}=..")
    return make(**parameters)


def standard_constructions() -> Iterator[Construction]:
    """Yield small members of every family; together they take a few seconds to check.

    Examples
    --------
    >>> len({made.name for made in standard_constructions()})
    9
    """
    for w, k in ((2, 1), (2, 2), (3, 1), (3, 2), (2, 4), (4, 2), (3, 3)):
        yield hard(w, k)
        yield hard(w, k, 3, seed=w + k)
    for n, m, w, k in (
        (1, 2, 2, 2), (1, 3, 3, 1), (2, 1, 2, 2), (2, 2, 2, 1), (2, 2, 2, 2), (2, 3, 2, 1), (2, 3, 3, 1), (2, 3, 2, 2),
        (2, 3, 3, 2), (2, 4, 2, 2), (3, 2, 2, 2), (3, 3, 2, 1), (3, 4, 2, 1), (3, 4, 2, 2), (4, 4, 2, 1), (4, 5, 2, 1),
    ):  # fmt: skip
        yield zonotope(n, m, w, k)
    yield zonotope(2, 5, 3, 2, seed=1)
    yield zonotope(3, 4, 2, 2, seed=2)
    for k, d in ((1, 1), (2, 1), (5, 1), (1, 2), (2, 2)):
        yield tent(k, d)
    for k in range(1, 7):
        yield telgarsky(k)
    for n, k, n0, last in ((3, 1, 1, 0), (3, 2, 1, 0), (3, 3, 1, 0), (4, 2, 1, 0), (5, 2, 1, 0), (3, 1, 2, 3)):
        yield serra(n, k, n0, last)
    yield serra_zonotope(2, 3, 3, 1)
    for p in ([2], [3], [2, 2], [3, 3], [2, 2, 2]):
        yield montufar(1, p)
    for p in ([2], [3], [2, 2]):
        yield montufar(2, p)
    for n0, k, planes in ((1, 3, 2), (2, 1, 4), (2, 2, 3), (2, 3, 3)):
        yield pascanu(n0, k, planes)
    for n in (2, 3, 4, 5):
        yield maximum(n)
