"""Piecewise-linear functions of one variable and their smallest networks (Arora et al. 2018, Theorem 2.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..errors import InputError
from ..exact import fraction, point
from ..network import ReluNetwork

# Ends of an interval; None is infinite.
Interval = tuple[Fraction | None, Fraction | None]


@dataclass(frozen=True)
class Univariate:
    """The function ``left(x) + sum_i jumps[i] * relu(x - breakpoints[i])``, all exact.

    Attributes
    ----------
    left : tuple of 2 Fractions
        Slope and constant of the leftmost piece.
    breakpoints : tuple of Fractions
        Strictly ascending.
    jumps : tuple of Fractions
        By how much the slope grows there; never 0.

    Raises
    ------
    InputError
        Breakpoints that do not ascend, a jump of 0, not one jump per breakpoint.

    Examples
    --------
    The tent 0, x, 2 - x, 0:

    >>> tent = Univariate.through([0, 1, 2], [0, 1, 0], 0, 0)
    >>> tent.pieces, tent.right_slope, [int(v) for v in tent.jumps], tent(Fraction(1, 2))
    (4, Fraction(0, 1), [1, -2, 1], Fraction(1, 2))
    """

    left: tuple[Fraction, Fraction]
    breakpoints: tuple[Fraction, ...]
    jumps: tuple[Fraction, ...]

    def __post_init__(self) -> None:
        left, x, jumps = point(self.left, "left"), point(self.breakpoints, "breakpoints"), point(self.jumps, "jumps")
        if len(left) != 2:
            raise InputError(f"left has {len(left)} numbers; give the slope and the constant of the leftmost piece")
        # p pieces are counted by the jumps, which therefore must be kinks at different places
        if len(x) != len(jumps) or any(a >= b for a, b in zip(x, x[1:], strict=False)) or not all(jumps):
            raise InputError(
                "breakpoints must ascend strictly, with one jump each that is not 0; add up jumps at the same place"
            )
        for name, value in (("left", left), ("breakpoints", x), ("jumps", jumps)):
            object.__setattr__(self, name, value)

    @classmethod
    def _of_bends(cls, left: tuple[Fraction, Fraction], bends: Iterable[tuple[Fraction, Fraction]]) -> Univariate:
        """Return the function with these jumps, in any order; those at one place are added up."""
        total: dict[Fraction, Fraction] = {}
        for a, d in bends:
            total[a] = total.get(a, Fraction(0)) + d
        kinks = sorted((a, d) for a, d in total.items() if d)
        return cls(left, tuple(a for a, _ in kinks), tuple(d for _, d in kinks))

    @classmethod
    def through(
        cls, breakpoints: Iterable[Any], values: Iterable[Any], left_slope: Any, right_slope: Any
    ) -> Univariate:
        """Return the function with the given values at breakpoints and slopes outside.

        Points without a kink are dropped.

        Raises
        ------
        InputError
            No breakpoint, as many values missing, or breakpoints that do not ascend.
        """
        x, y = point(breakpoints, "breakpoints"), point(values, "values")
        if not x or len(x) != len(y) or any(a >= b for a, b in zip(x, x[1:], strict=False)):
            raise InputError("breakpoints must ascend strictly, at least one, with one value each")
        inner = [(y[i + 1] - y[i]) / (x[i + 1] - x[i]) for i in range(len(x) - 1)]
        slopes = [fraction(left_slope, "left_slope"), *inner, fraction(right_slope, "right_slope")]
        kinks = [(a, t - s) for a, s, t in zip(x, slopes, slopes[1:], strict=False)]
        return cls._of_bends((slopes[0], y[0] - slopes[0] * x[0]), kinks)

    @property
    def pieces(self) -> int:
        """Number p of pieces."""
        return len(self.jumps) + 1

    @property
    def right_slope(self) -> Fraction:
        """Slope of the rightmost piece."""
        return self.left[0] + sum(self.jumps)

    def within(self, interval: Interval) -> Univariate:
        """Return the function that agrees with this one on an interval and bends nowhere outside.

        Examples
        --------
        >>> Univariate((0, 0), (0, 2), (1, 1)).within((Fraction(0), Fraction(1))).left
        (Fraction(1, 1), Fraction(0, 1))
        """
        low, high = interval
        (s, c), inside = self.left, []
        for a, d in zip(self.breakpoints, self.jumps, strict=True):
            if low is not None and a <= low:
                s, c = s + d, c - d * a
            elif high is None or a < high:
                inside.append((a, d))
        return Univariate._of_bends((s, c), inside)

    def __call__(self, x: Any) -> Fraction:
        """Evaluate exactly."""
        t = fraction(x, "x")
        bends = sum((d * (t - a) for a, d in zip(self.breakpoints, self.jumps, strict=True) if t > a), Fraction(0))
        return self.left[0] * t + self.left[1] + bends


@dataclass(frozen=True)
class MinimalNetwork:
    """A network with one hidden layer, an output bias, and the proof that it has as few nodes as possible.

    Attributes
    ----------
    function : Univariate
        Without breakpoints outside the interval.
    network : ReluNetwork
    nodes : int
        Hidden neurons.
    lower_bound : int
        No network with one hidden layer has fewer: a node bends in one point at most, and the function in
        ``pieces - 1``; a line that is not constant takes 2, or 1 if the interval has an end.
    subset : tuple of int or None
        Breakpoints whose jumps add up to the right slope, if there are such: these nodes open to the right, all others
        to the left. Only then do p - 1 nodes suffice.
    sums : pair of tuples or None
        The proof that there is no such subset: all sums of jumps of the first half of the breakpoints, and of the
        second half. No two of them add up to the right slope.
    interval : pair of Fraction or None
        Where the network agrees with the function; None is infinite.

    Notes
    -----
    With p - 1 nodes there is exactly one per breakpoint. A node with jump d adds d to the right slope if it opens to
    the right and 0 if it opens to the left. That holds on an interval too: no node is left to bend outside.
    """

    function: Univariate
    network: ReluNetwork
    nodes: int
    lower_bound: int
    subset: tuple[int, ...] | None
    sums: tuple[tuple[Fraction, ...], tuple[Fraction, ...]] | None
    interval: Interval = (None, None)

    @property
    def minimal(self) -> bool | None:
        """True if the number of nodes is proved minimal; None if that was too large a question."""
        return True if self.nodes == self.lower_bound or self.sums is not None else None

    def check(self) -> bool:
        """Go through the proof again.

        The network has one hidden layer of so many nodes and equals the function on the interval; then kinks, subset or
        sums prove that fewer do not suffice (if ``minimal`` is None, nothing does, and the answer is False).
        """
        f = self.function
        computed = _function_of(self.network)
        if computed is None or computed.within(self.interval) != f or f.within(self.interval) != f:
            return False
        if self.network.neurons != self.nodes:
            return False
        jumps, p = f.jumps, f.pieces
        if p == 1:
            return self.nodes == (_line_nodes(self.interval) if f.left[0] else 0) == self.lower_bound
        if self.lower_bound != p - 1:
            return False
        if self.subset is not None:
            return self.nodes == p - 1 and sum(jumps[i] for i in self.subset) == f.right_slope
        if self.sums is None or self.nodes != p:
            return False
        first, second = (set(sums) for sums in self.sums)
        half = len(jumps) // 2
        for sums, part in ((first, jumps[:half]), (second, jumps[half:])):
            # closed under leaving out and adding every jump, so that no sum is missing
            if 0 not in sums or not _all_sums(part) <= sums:
                return False
        return not any(f.right_slope - s in second for s in first)


# More different sums of half of the jumps than this are not looked at.
MOST_SUMS = 1 << 20


def minimal_network(f: Univariate, interval: tuple[Any, Any] = (None, None)) -> MinimalNetwork:
    """Return the smallest network with one hidden layer that computes a function of one variable.

    With p >= 2 pieces the least number of nodes is p - 1 iff the slope at the right is a sum of some of the jumps (of
    none: 0; of all: the slope at the left is 0), otherwise p. A line takes 2 nodes, or 1 on an interval that has an
    end, a constant none. Pieces are counted on the interval alone.

    Parameters
    ----------
    f : Univariate
    interval : pair of numbers or None
        Where the network has to agree with f; None is infinite.

    Returns
    -------
    MinimalNetwork
        With the proof of minimality as data.

    Raises
    ------
    InputError
        The interval has no interior.

    Notes
    -----
    Exactness: *exact*. Whether there is such a subset is a subset sum problem: the different sums of both halves of the
    jumps are compared. If they are more than a million the network has p nodes and ``minimal`` is None.

    References
    ----------
    Arora et al. 2018, Theorem 2.2 (at most p nodes, at least p - 1) and Corollary A.1 (p - 1 if an outer slope is 0);
    the sharp version is derived here.

    Examples
    --------
    Jumps 2, 1, right slope 2: the first node opens to the right, the second to the left.

    >>> m = minimal_network(Univariate.through([0, 1], [0, 1], -1, 2))
    >>> m.nodes, m.subset, m.minimal, m.check()
    (2, (0,), True, True)

    On [0, 1] nothing of the second piece is left, and one node is any line:

    >>> minimal_network(Univariate.through([0, 1], [0, 1], -1, 2), (0, 1)).nodes
    1
    """
    low, high = (None if end is None else fraction(end, "interval") for end in interval)
    if low is not None and high is not None and low >= high:
        raise InputError(f"the interval from {low} to {high} has no interior; give its lower end first")
    f = f.within((low, high))
    s, c = f.left
    if f.pieces == 1:
        if not s:
            return MinimalNetwork(f, ReluNetwork([[[0]]], [[c]]), 0, 0, None, None, (low, high))
        # one node that does not bend inside is any line; elsewhere it takes two that bend at the same place
        ends = [(1, low), (-1, high)]
        bounded = [(side, end, side * s) for side, end in ends if end is not None][:1]
        lines = bounded or [(side, Fraction(0), side * s) for side, _ in ends]
        return MinimalNetwork(f, _flaps(lines, f, lines[0][1]), len(lines), len(lines), None, None, (low, high))
    half = len(f.jumps) // 2
    tables = [_sums(f.jumps[:half]), _sums(f.jumps[half:])]
    first, second = tables
    subset, sums = None, None
    if first is not None and second is not None:
        fit = next((v for v in first if f.right_slope - v in second), None)
        if fit is None:
            sums = (tuple(sorted(first)), tuple(sorted(second)))
        else:
            mask = first[fit] | second[f.right_slope - fit] << half
            subset = tuple(i for i in range(len(f.jumps)) if mask >> i & 1)
    right = set(subset if subset is not None else range(len(f.jumps)))
    nodes = [(1 if i in right else -1, a, d) for i, (a, d) in enumerate(zip(f.breakpoints, f.jumps, strict=True))]
    if subset is None:
        # the first breakpoint gets both kinds, so that the slope at the left is right
        nodes[0] = (1, f.breakpoints[0], f.jumps[0] + s)
        nodes.insert(0, (-1, f.breakpoints[0], -s))
    network = _flaps(nodes, f, f.breakpoints[0])
    return MinimalNetwork(f, network, len(nodes), f.pieces - 1, subset, sums, (low, high))


def paper_network(f: Univariate) -> ReluNetwork:
    """Return the network of the proof of Theorem 2.2: one node that opens to the right, p - 1 that open to the left.

    The first is the right piece, ``s_R relu(x - a_{p-1})``. The others are ``-t_i relu(a_i - x)`` with the
    t_i solved from right to left. The output bias is the value at a_{p-1}, which the paper shifts to 0: its
    Definition 1 has no output bias, so it slips here. For p = 1 there is no breakpoint and the construction does not
    apply. Nodes with weight 0 are left out (Corollary A.1: s_R = 0 or s_L = 0 gives p - 1 nodes; for s_L = 0 by the
    mirror image).

    Parameters
    ----------
    f : Univariate
        With at least two pieces.

    Examples
    --------
    The same function as for :func:`minimal_network`, with a node more:

    >>> f = Univariate.through([0, 1], [0, 1], -1, 2)
    >>> paper_network(f).widths, minimal_network(f).network.widths
    ((3,), (2,))
    """
    if f.pieces == 1:
        raise InputError("a line has no breakpoint and Theorem 2.2's construction does not apply; use minimal_network")
    if not f.left[0]:
        return _flaps([(1, a, d) for a, d in zip(f.breakpoints, f.jumps, strict=True)], f, f.breakpoints[0])
    x = f.breakpoints
    values = [f(a) for a in x]
    nodes = [(1, x[-1], f.right_slope)] if f.right_slope else []
    slopes = [f.left[0], *((w - v) / (b - a) for a, b, v, w in zip(x, x[1:], values, values[1:], strict=False))]
    after = Fraction(0)  # t_{i+1} + .. + t_{p-1}: the slope right of a_i
    for a, slope in zip(reversed(x), reversed(slopes), strict=True):
        if slope != after:
            nodes.append((-1, a, after - slope))
        after = slope
    return _flaps(nodes, f, x[0])


def _flaps(nodes: Sequence[tuple[int, Fraction, Fraction]], f: Univariate, here: Fraction) -> ReluNetwork:
    """Return ``sum d relu(side * (x - a))`` with the output bias that fits f at a point."""
    bias = f(here) - sum(d * max(side * (here - a), Fraction(0)) for side, a, d in nodes)
    weights = [[[side] for side, _, _ in nodes], [[d for _, _, d in nodes]]]
    return ReluNetwork(weights, [[-side * a for side, a, _ in nodes], [bias]])


def _line_nodes(interval: Interval) -> int:
    return 2 if interval == (None, None) else 1


def _function_of(net: ReluNetwork) -> Univariate | None:
    """Return what a network of at most one hidden layer computes; None for any other network."""
    if net.input_dim != 1 or net.output_dim != 1 or net.output_relu or len(net.layers) > 2:
        return None
    if any(not set(layer.blocks) <= {k} for k, layer in enumerate(net.layers)):  # skip connections
        return None
    last = net.layers[-1]
    constant = Fraction(last.bias.fractions()[0][0])
    weights = [Fraction(v) for v in last.blocks[len(net.layers) - 1].fractions()[0]] if last.blocks else []
    if len(net.layers) == 1:
        return Univariate((sum(weights, Fraction(0)), constant), (), ())
    slope, bends = Fraction(0), []
    first = net.layers[0]
    rows = first.blocks[0].fractions().tolist() if first.blocks else [[0]] * first.size
    for d, (w,), (b,) in zip(weights, rows, first.bias.fractions().tolist(), strict=bool(weights)):
        if not w:
            constant += d * max(b, Fraction(0))
            continue
        if w < 0:
            slope, constant = slope + d * w, constant + d * b
        bends.append((Fraction(-b, w), d * abs(w)))
    return Univariate._of_bends((slope, constant), bends)


def _sums(jumps: Sequence[Fraction]) -> dict[Fraction, int] | None:
    """Return all subset sums, each with one subset as bits; None if there are too many."""
    sums = {Fraction(0): 0}
    for i, d in enumerate(jumps):
        for value, mask in list(sums.items()):
            sums.setdefault(value + d, mask | 1 << i)
        if len(sums) > MOST_SUMS:
            return None
    return sums


def _all_sums(jumps: Sequence[Fraction]) -> set[Fraction]:
    sums = {Fraction(0)}
    for d in jumps:
        sums |= {value + d for value in sums}
    return sums
