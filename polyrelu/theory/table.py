"""The table of claims: what a formula says beside what the enumeration finds.

Every row is decided by exact enumeration, or says that the count was not reached.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InputError
from ..network import ReluNetwork
from ..polytope import Box
from . import bounds, competitors, constructions
from .blocks import Construction
from .catalog import standard_constructions

if TYPE_CHECKING:
    from ..complex import RegionComplex

LIMIT = 20_000


class Row(NamedTuple):
    """One row of the table.

    Attributes
    ----------
    statement : str
    parameters : dict
        What the statement is about.
    relation : {"=", ">=", "<="}
        Of the enumerated number to the claimed one.
    claimed : int
    enumerated : int or None
        Found by exact enumeration; None if it was not reached.
    holds : bool or None
        None if the count was not reached.
    """

    statement: str
    parameters: Mapping[str, Any]
    relation: str
    claimed: int
    enumerated: int | None
    holds: bool | None


def compare(claimed: int, relation: str, enumerated: int | None) -> bool | None:
    """Decide a row.

    Examples
    --------
    >>> compare(4, "<=", 3), compare(4, "=", 3), compare(4, ">=", None)
    (True, False, None)
    """
    if enumerated is None:
        return None
    if relation not in ("=", "<=", ">="):
        raise InputError(f"a relation is =, <= or >=; got {relation!r}")
    return {"=": enumerated == claimed, "<=": enumerated <= claimed, ">=": enumerated >= claimed}[relation]


def check(made: Construction, limit: int | None = LIMIT) -> list[Row]:
    """Check every claim of a construction by enumeration.

    Parameters
    ----------
    made : Construction
    limit : int or None
        Every search stops at this many activation regions, and its claims stay open; so do claims of more.

    Notes
    -----
    Exactness: *exact*. On R^n the claim's window is enumerated if it has one, else all of R^n breadth-first.

    Examples
    --------
    >>> from polyrelu.theory.competitors import tent
    >>> [row[2:] for row in check(tent(2))]
    [('=', 4, 4, True), ('=', 4, 4, True), ('=', 4, 4, True), ('=', 6, 6, True)]
    """
    from ..enumeration import enumerate_regions

    complexes: dict[Box | None, RegionComplex] = {}
    given = {k: v for k, v in made.parameters.items() if k not in ("a", "b")}
    rows = []
    for claim in made.claims:
        space = claim.window or claim.domain
        found: int | None = None
        if limit is None or claim.value <= limit:
            # counting is far faster than listing, and stops at the limit
            found = count_or_none(made.network, space, limit)
            if found is not None and claim.count != "activation":
                if space not in complexes:
                    complexes[space] = enumerate_regions(made.network, space, progress=False)
                found = len(complexes[space].linear_regions(claim.count))
        place = "R^n" if claim.domain is None else "box"
        parameters = given | {"regions": claim.count, "domain": place}
        rows.append(Row(claim.statement, parameters, claim.relation, claim.value, found,
                        compare(claim.value, claim.relation, found)))  # fmt: skip
    return rows


# -- an architecture ----------------------------------------------------------------------
def random_network(n0: int, widths: Sequence[int], seed: int = 0) -> ReluNetwork:
    """Return a network with integer weights from -99 to 99, drawn evenly, and one output.

    Examples
    --------
    >>> random_network(2, [3, 4])
    <ReluNetwork 2-3-4-1, 7 neurons>
    """
    rng = random.Random(bounds.whole(seed, "seed", 0))
    sizes = [n0, *widths, 1]
    pairs = list(zip(sizes[:-1], sizes[1:], strict=True))
    weights = [[[rng.randint(-99, 99) for _ in range(a)] for _ in range(b)] for a, b in pairs]
    return ReluNetwork(weights, [[rng.randint(-99, 99) for _ in range(b)] for b in sizes[1:]])


def _rivals(n0: int, widths: Sequence[int]) -> dict[str, Callable[[], Construction]]:
    """Name networks of these widths, or smaller, that reach lower bounds."""
    *inner, last = widths
    out: dict[str, Callable[[], Construction]] = {}
    if min(widths) >= n0:
        pieces = [w // n0 for w in inner]
        if inner:
            out["Montufar 2014, Thm 4"] = lambda: competitors.montufar(n0, pieces, last)
            # the bound of Pascanu et al. asks for fewer pieces, that of Serra et al. for as many if there is no zigzag
            out["Pascanu 2014"] = out["Serra 2018, Thm 6"] = out["Montufar 2014, Thm 4"]
        if inner and max(pieces) >= 3:
            del out["Serra 2018, Thm 6"]
            if len(set(pieces)) == 1:
                out["Serra 2018, Thm 6"] = lambda: competitors.serra(pieces[0], len(inner), n0, last)
    first, *rest = widths
    if first >= 2 and rest and len(set(rest)) == 1 and rest[0] >= 2:
        w, k = rest[0], len(rest)
        out["Arora 2018, Thm 3.9, corrected"] = lambda: constructions.zonotope(n0, first // 2, w, k)
        if w >= 3:
            out["Serra 2018, Thm 7"] = lambda: competitors.serra_zonotope(n0, first // 2, w, k)
    if len(set(widths)) == 1 and first >= 2:
        out["Telgarsky: prod n_l"] = lambda: _along_one_input(constructions.hard(first, len(widths)), n0)
    return out


def _along_one_input(made: Construction, n0: int) -> Construction:
    """Let a function of one variable read the first of n0 inputs: pieces in [0, 1] become slabs of the unit cube."""
    net = made.network.restrict([0], [[int(i == 0)] for i in range(n0)])
    claim = replace(made.claims[1], domain=Box([0] * n0, [1] * n0))
    return replace(made, network=net, claims=(claim,))


def architecture(n0: int, widths: Sequence[int], seed: int = 0, limit: int | None = LIMIT) -> list[Row]:
    """Return all bounds for an architecture beside enumerated counts.

    Upper bounds stand beside the count of a network with random weights, on all of R^n0: they must not be exceeded.
    Lower bounds speak of the best weights: they stand beside the count of the construction, where it is built
    (for layers of equal width), which must reach them. For one hidden layer the random network, if generic,
    reaches Zaslavsky's number.

    Parameters
    ----------
    n0 : int
    widths : sequence of int
        Hidden layers.
    seed : int
    limit : int or None
        Every search stops at this many regions, and its rows stay open.

    Examples
    --------
    >>> [(row.claimed, row.enumerated) for row in architecture(2, [3])][:2]
    [(8, 7), (16, 7)]
    """
    upper, lower = bounds.upper_bounds(n0, widths), bounds.lower_bounds(n0, widths)
    found = count_or_none(random_network(n0, widths, seed), None, limit)
    shape = {"n0": n0, "widths": list(widths)}
    rows = [
        Row(b.statement, shape | {"network": f"random, seed {seed}"}, b.relation, b.value, found,
            compare(b.value, b.relation, found))
        for b in upper
    ]  # fmt: skip
    rivals = _rivals(n0, widths)
    for b in lower:
        number, network = None, "none built"
        if b.statement in rivals and limit is not None and b.value > limit:
            network = "beyond the limit"
        elif b.statement in rivals:
            made = rivals[b.statement]()
            # a box is enough, for what is found there is there
            boxes = [c.window or c.domain for c in made.claims if c.count == "activation"]
            number = count_or_none(made.network, next((v for v in boxes if v is not None), None), limit)
            network = made.name
        rows.append(Row(b.statement, shape | {"network": network}, b.relation, b.value, number,
                        compare(b.value, b.relation, number)))  # fmt: skip
    return rows


def count_or_none(net: ReluNetwork, space: Box | None, limit: int | None) -> int | None:
    """Return the number of activation regions, or None if there are more than the limit.

    Examples
    --------
    >>> count_or_none(random_network(1, [3]), None, 10), count_or_none(random_network(1, [3]), None, 2)
    (4, None)
    """
    return _count(net, space, limit)


# all claims and bounds for one network ask for the same few counts, one after another
@functools.lru_cache(maxsize=4)
def _count(net: ReluNetwork, space: Box | None, limit: int | None) -> int | None:
    from ..enumeration import count_regions

    count = count_regions(net, space, limit=limit, progress=False)
    return int(count) if count.complete else None


def upper_rows(made: Construction, limit: int | None = LIMIT) -> list[Row]:
    """Put all upper bounds for the widths of a construction beside its own regions on R^n.

    Examples
    --------
    >>> from polyrelu.theory.competitors import serra
    >>> [(row.claimed, row.enumerated) for row in upper_rows(serra(3, 2))][-1]
    (16, 16)
    """
    n0, widths = made.network.input_dim, made.network.widths
    spaces = [c.window for c in made.claims if c.domain is None and c.window is not None]
    found = count_or_none(made.network, spaces[0] if spaces else None, limit)
    shape = {"n0": n0, "widths": list(widths), "network": made.name}
    return [
        Row(b.statement, shape, b.relation, b.value, found, compare(b.value, b.relation, found))
        for b in bounds.upper_bounds(n0, widths)
    ]


# -- comparisons --------------------------------------------------------------------------
class Comparison(NamedTuple):
    """Lower bounds for n inputs and k hidden layers of w nodes: who has the most pieces."""

    n: int
    w: int
    k: int
    arora: int
    montufar: int
    telgarsky: int
    serra: int


def comparison(cases: Iterable[tuple[int, int, int]]) -> list[Comparison]:
    """Return the comparison of section 3 of Arora et al. 2018 for cases (n, w, k).

    The zonotope family has w // 2 generators in its first layer and w nodes in the others. Its factor is
    independent of n >= m, where folding layers need w >= 2n to multiply anything; Telgarsky's function has one input.
    Serra's column is the larger of theorems 6 and 7.

    Examples
    --------
    >>> comparison([(8, 12, 4), (4, 6, 8)])[0][3:6]
    (110592, 3797, 20736)
    """
    rows = []
    for n, w, k in cases:
        widths = [w] * k
        arora, montufar = bounds.arora_zonotope(n, widths), bounds.montufar_2014(n, widths)
        serra = max(bounds.serra_lower(n, widths), bounds.serra_zonotope(n, widths))
        rows.append(Comparison(n, w, k, arora, montufar, bounds.tent_line(widths), serra))
    return rows


def all_rows(limit: int | None = LIMIT) -> list[Row]:
    """Check all claims of :func:`standard_constructions`."""
    return [row for made in standard_constructions() for row in check(made, limit)]
