"""Networks whose number of regions is known, and networks made to be awkward.

Two kinds of constructor: one-hidden-layer networks whose neurons are the hyperplanes of a classical
arrangement (the activation regions are its chambers), and deep constructions from the literature.
All weights are integers or Fractions unless the name says float. The tables at the end pair each network
with a domain, None for R^d or a box ``(lo, hi)``, and the number of activation regions there.

Why a box counts like R^d: every chamber of an arrangement has one of the arrangement's minimal flats (its
vertices, if it is essential) in its closure; so a box whose interior meets every minimal flat meets every
chamber in an open set. Central arrangements: any box around 0. Deformations of the braid arrangement
``x_i - x_j = c``, |c| <= 1: a minimal flat fixes all differences, along a spanning tree, so that it has a
point with x_n = 0 and all |x_i| <= n - 1; the box [-n, n]^n serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction as F
from itertools import combinations, product
from math import comb, factorial
from typing import Any, NamedTuple

import numpy as np

from polyrelu.network import ReluNetwork
from polyrelu.theory.blocks import compose, stack

Matrix = list[list[Any]]
Layers = list[tuple[Matrix, list[Any]]]  # (weights, biases), a ReLU after each but the last
Domain = tuple[tuple[Any, ...], tuple[Any, ...]] | None


class Known(NamedTuple):
    """A network with its number of activation regions on a domain (None: R^d; else a box (lo, hi))."""

    name: str
    make: Callable[[], ReluNetwork]
    domain: Domain
    count: int


class KnownLinear(NamedTuple):
    """A network with its number of open, closed and affine linear regions; None: not known."""

    name: str
    make: Callable[[], ReluNetwork]
    domain: Domain
    open: int | None
    closed: int | None
    affine: int | None


class Degenerate(NamedTuple):
    """An awkward network with its number of activation regions in a box."""

    name: str
    net: ReluNetwork
    domain: Domain
    count: int


# -- building blocks ------------------------------------------------------------------
def build(layers: Layers, output_relu: bool = False) -> ReluNetwork:
    """Make a network of plain layers."""
    return ReluNetwork([w for w, _ in layers], [b for _, b in layers], output_relu=output_relu)


def affine(w: Matrix, b: Sequence[Any]) -> Layers:
    """Return an affine map as a network without ReLU."""
    return [(w, list(b))]


def hinges(normals: Iterable[Sequence[Any]], offsets: Iterable[Any]) -> Layers:
    """Return the sum of ``relu(normal . x - offset)``."""
    rows = [list(a) for a in normals]
    return [(rows, [-c for c in offsets]), ([[1] * len(rows)], [0])]


def cube(d: int, lo: Any, hi: Any) -> Domain:
    return (lo,) * d, (hi,) * d


# -- arrangements ---------------------------------------------------------------------
def arrangement(normals: Iterable[Sequence[Any]], offsets: Iterable[Any] | None = None) -> ReluNetwork:
    """Return a one-hidden-layer network whose kinks are the hyperplanes ``normal . x = offset``."""
    rows = [list(a) for a in normals]
    return build(hinges(rows, [0] * len(rows) if offsets is None else offsets))


def generic_affine(m: int, d: int) -> ReluNetwork:
    """Return m hyperplanes of R^d in general position: ``x_1 + t x_2 + .. + t^(d-1) x_d = t^d``, t = 0 .. m - 1.

    Any d normals, and any d + 1 rows with offsets, form a Vandermonde matrix. Vertices have coordinates
    of absolute value at most C(d, k) (m - 1)^k, inside :func:`generic_box`.
    """
    return arrangement([[t**k for k in range(d)] for t in range(m)], [t**d for t in range(m)])


def generic_box(m: int, d: int) -> Domain:
    """Return a box whose interior meets every minimal flat of :func:`generic_affine`."""
    return cube(d, -((m + 1) ** d), (m + 1) ** d)


def generic_central(m: int, d: int) -> ReluNetwork:
    """Return m hyperplanes through 0, any d of them independent (Vandermonde)."""
    return arrangement([[t**k for k in range(d)] for t in range(m)])


def difference(n: int, i: int, j: int, sign: int = -1) -> list[int]:
    """Return the normal of ``x_i + sign x_j``."""
    return [1 if k == i else sign if k == j else 0 for k in range(n)]


def coordinate(n: int) -> ReluNetwork:
    """Return the coordinate hyperplanes: 2^n chambers."""
    return arrangement([int(i == k) for k in range(n)] for i in range(n))


def braid(n: int) -> ReluNetwork:
    """Return all ``x_i - x_j`` in R^n: n! chambers, not essential."""
    return graphical(n, combinations(range(n), 2))


def graphical(n: int, edges: Iterable[tuple[int, int]]) -> ReluNetwork:
    """Return ``x_i - x_j`` for the edges of a graph: one chamber for every acyclic orientation."""
    return arrangement(difference(n, i, j) for i, j in edges)


def type_d(n: int) -> ReluNetwork:
    """Return all ``x_i +- x_j``: 2^(n-1) n! chambers."""
    return arrangement(difference(n, i, j, s) for i, j in combinations(range(n), 2) for s in (1, -1))


def type_b(n: int) -> ReluNetwork:
    """Return all ``x_i +- x_j`` and ``x_i``: 2^n n! chambers."""
    pairs = [difference(n, i, j, s) for i, j in combinations(range(n), 2) for s in (1, -1)]
    return arrangement(pairs + [[int(i == k) for k in range(n)] for i in range(n)])


def threshold_graphs(n: int) -> ReluNetwork:
    """Return all ``x_i + x_j``, i < j: as many chambers as labelled threshold graphs (A005840)."""
    return arrangement(difference(n, i, j, 1) for i, j in combinations(range(n), 2))


def threshold_functions(n: int) -> ReluNetwork:
    """Return all normals (1, +-1, .., +-1) of R^(n+1): as many chambers as Boolean threshold functions (A000609)."""
    return arrangement([1, *signs] for signs in product((1, -1), repeat=n))


def resonance(n: int) -> ReluNetwork:
    """Return all nonzero 0/1 normals of R^n (A034997)."""
    return arrangement(a for a in product((0, 1), repeat=n) if any(a))


def ternary(n: int) -> ReluNetwork:
    """Return all nonzero normals with entries -1, 0, 1, up to sign: 2^n n! A009997(n) chambers."""
    zero = (0,) * n
    return arrangement(a for a in product((-1, 0, 1), repeat=n) if a > zero)


def deformed_braid(n: int, constants: Sequence[int]) -> ReluNetwork:
    """Return ``x_i - x_j = c`` for i < j and every constant c."""
    pairs = [(i, j, c) for i, j in combinations(range(n), 2) for c in constants]
    return arrangement((difference(n, i, j) for i, j, _ in pairs), (c for *_, c in pairs))


def shi(n: int) -> ReluNetwork:
    """Return ``x_i - x_j = 0, 1``: (n + 1)^(n - 1) chambers."""
    return deformed_braid(n, (0, 1))


def catalan(n: int) -> ReluNetwork:
    """Return ``x_i - x_j = -1, 0, 1``: n! C_n chambers, with C_n the Catalan number."""
    return deformed_braid(n, (-1, 0, 1))


def linial(n: int) -> ReluNetwork:
    """Return ``x_i - x_j = 1``: 2^-n sum_k C(n, k) (k + 1)^(n - 1) chambers."""
    return deformed_braid(n, (1,))


def semiorder(n: int) -> ReluNetwork:
    """Return ``x_i - x_j = -1, 1``: as many chambers as labelled semiorders (A006531)."""
    return deformed_braid(n, (-1, 1))


def cube_planes() -> ReluNetwork:
    """Return the six planes of the cube [-1, 1]^3: 27 chambers."""
    return arrangement([[int(i == k) for k in range(3)] for i in range(3) for _ in (0, 1)], [-1, 1] * 3)


def cycle(n: int) -> list[tuple[int, int]]:
    return [(i, (i + 1) % n) for i in range(n)]


def wheel(n: int) -> list[tuple[int, int]]:
    """Return a cycle of n vertices and a hub, vertex n."""
    return cycle(n) + [(i, n) for i in range(n)]


def bipartite(m: int, n: int) -> list[tuple[int, int]]:
    return [(i, m + j) for i in range(m) for j in range(n)]


PETERSEN = cycle(5) + [(i, i + 5) for i in range(5)] + [(5 + i, 5 + (i + 2) % 5) for i in range(5)]


# -- deep constructions ---------------------------------------------------------------
TENT: Layers = [([[1], [1]], [0, F(-1, 2)]), ([[2, -4]], [0])]
ZIGZAG: Layers = [([[1], [1], [-1]], [F(-1, 6), F(-1, 3), F(2, 3)]), ([[-12, 9, -6]], [4])]


def tents(k: int, d: int = 1) -> ReluNetwork:
    """Compose ``2 relu(x) - 4 relu(x - 1/2)`` k times in every coordinate.

    2^(k d) regions on [0, 1]^d; on R and on [-1, 2], where the outside counts, 2^k + 1 + [k > 1] per coordinate.
    """
    return build(stack(*[compose(*[TENT] * k)] * d))


def telgarsky(k: int) -> ReluNetwork:
    """Compose ``relu(2 relu(x) - 4 relu(x - 1/2))`` k times: 2^k + 2 regions on R."""
    passing: Layers = [([[1]], [0]), ([[1]], [0])]
    return build(compose(*[TENT, passing] * k))


def zigzags(k: int) -> ReluNetwork:
    """Compose Serra's unit ``4 - 12 relu(x - 1/6) + 9 relu(x - 1/3) - 6 relu(2/3 - x)`` k times: 4^k regions on R."""
    return build(compose(*[ZIGZAG] * k))


UNIT_LINES = hinges([[1, 1], [1, -1], [3, 1]], [1, F(1, 20), F(17, 10)])
CENTRAL_LINES = hinges([[1, 1], [1, -1], [3, 1]], [0, F(-1, 50), F(-1, 20)])


def zigzags_2d(k: int, signs: Sequence[int] = (1, 1, 1)) -> ReluNetwork:
    """Apply k zigzags to both coordinates, then three lines that cross inside the unit square: 7 * 16^k regions.

    The linear regions depend on the output weights: ``signs`` of the three lines.
    """
    lines, (_, bias) = UNIT_LINES
    return build(compose(*[stack(ZIGZAG, ZIGZAG)] * k, [lines, ([list(signs)], bias)]))


def folds_2d(k: int) -> ReluNetwork:
    """Fold both coordinates with ``|x| - s``, s = 4, 2, 1 (the first k), then three lines near 0: 7 * 4^k regions."""
    parts = []
    for s in (4, 2, 1)[:k]:
        fold: Layers = [([[1], [-1]], [0, 0]), ([[1, 1]], [-s])]
        parts.append(stack(fold, fold))
    return build(compose(*parts, CENTRAL_LINES))


def sawtooth(p: int, scale: Any) -> Layers:
    """Return ``scale * (relu(x) - relu(2x - 1) + relu(2x - 2) - ..)`` (Montufar): p pieces onto (0, scale/2)."""
    weights = [[1]] + [[2]] * (p - 1)
    return [(weights, [-k for k in range(p)]), ([[scale * (-1) ** k for k in range(p)]], [0])]


def montufar(pieces: Sequence[int], d: int) -> ReluNetwork:
    """Compose sawtooths in d = 1 or 2 coordinates, then kinks at .3 and .7 or the three unit lines.

    A sawtooth of p pieces takes (0, p/2) onto (0, 1/2), so each is scaled by the p of the next, the last by 2.
    """
    scales = [*pieces[1:], 2]
    parts = [stack(*[sawtooth(p, s)] * d) for p, s in zip(pieces, scales, strict=True)]
    return build(compose(*parts, UNIT_LINES if d == 2 else hinges([[1], [1]], [F(3, 10), F(7, 10)])))


def zonotope(n: int, m: int, w: int, k: int) -> ReluNetwork:
    """Return the family of Arora et al. 2018, Prop. 3.8: k tent-like maps of w pieces after sum_i |<x, b_i>|.

    Generators (1, t, .., t^(n-1)), t = 1 .. m, any n independent; kinks of every h at 1 .. w - 1, M = w.
    2 sum_{i<n} C(m-1, i) * (w^k + [k > 1 and w even]) activation regions on R^n.
    """
    generators = [[t**j for j in range(n)] for t in range(1, m + 1)]
    gamma: Layers = [
        ([[s * v for v in b] for b in generators for s in (1, -1)], [0] * (2 * m)),
        ([[1] * (2 * m)], [0]),
    ]
    # h climbs from 0 by M on the first piece and then goes down and up by M: slopes of +-w, as kinks are 1 apart
    h: Layers = [([[1]] * w, [-i for i in range(w)]), ([[w] + [2 * w * (-1) ** i for i in range(1, w)]], [0])]
    return build(compose(gamma, *[h] * k))


def zonotope_count(n: int, m: int, w: int, k: int) -> int:
    return 2 * sum(comb(m - 1, i) for i in range(n)) * (w**k + (k > 1 and w % 2 == 0))


def serra_figure_2() -> ReluNetwork:
    """Return h_a = relu(x), h_b = relu(1 - x), output h_c = relu(4 h_a + 2 h_b - 3): 5 regions on R."""
    return build([([[1], [-1]], [0, 1]), ([[4, 2]], [-3])], output_relu=True)


def nazari() -> ReluNetwork:
    """Return Nazari's Example 5.2.6: 8 regions on R^2."""
    return build([([[-1, -1], [1, -2]], [1, -1]), ([[-1, 2], [2, -1]], [1, 2]), ([[3, -1]], [2])])


def stargalla() -> ReluNetwork:
    """Return f(x, y) = max(-y, min(0, -x)), whose six numbers of linear regions are 7, 5, 4, 3, 3, 3.

    The 7 includes two activation regions of lower dimension; 5 are full-dimensional.
    """
    return build(
        [
            ([[1, 0], [0, 1], [0, -1]], [0, 0, 0]),
            ([[1, -1, 1], [1, 0, 0]], [0, 0]),
            ([[1, -1]], [0]),
        ]
    )


def hamming_trap() -> ReluNetwork:
    """Return 5 intervals with 4 adjacencies, of which two that do not touch differ in one neuron."""
    return build([([[1], [1]], [0, 10]), ([[4, -2]], [19]), ([[1]], [0])])


def tent_and_absolute_value() -> ReluNetwork:
    """Return min(tent(x), |y|), tent(x) = relu(1 - |x|): 8 open, 5 closed and 5 affine linear regions."""
    # tent = relu(x + 1) - 2 relu(x) + relu(x - 1); min(a, b) = a - relu(a - b), and a >= 0 passes as relu(a)
    first = ([[1, 0], [1, 0], [1, 0], [0, 1], [0, -1]], [1, 0, -1, 0, 0])
    return build([first, ([[1, -2, 1, 0, 0], [1, -2, 1, -1, -1]], [0, 0]), ([[1, -1]], [0])])


def max_of_affine(forms: Sequence[Sequence[Any]]) -> ReluNetwork:
    """Return max of affine forms ``(a_1, .., a_d, b)`` by a chain of comparators with skip connections.

    m_1 = l_1 and m_(k+1) = m_k + relu(l_(k+1) - m_k), so that m_k = l_1 + a_1 + .. + a_(k-1).
    """
    first, *rest = [list(form) for form in forms]
    weights, biases = [], []
    for k, form in enumerate(rest):
        weights.append([[u - v for u, v in zip(form[:-1], first[:-1], strict=True)] + [-1] * k])
        biases.append([form[-1] - first[-1]])
    return ReluNetwork([*weights, [first[:-1] + [1] * len(rest)]], [*biases, [first[-1]]])


def max_chain(n: int) -> ReluNetwork:
    """Return max(x_1, .., x_n): 2^(n-1) activation regions, n linear ones."""
    return max_of_affine([[int(i == k) for k in range(n)] + [0] for i in range(n)])


def max_four() -> ReluNetwork:
    """Return max(0, x_1, .., x_4) with two hidden layers, 4-10-11-1: 5 linear regions.

    Bakaev et al. 2025 with x_5 = 0: 2 max = P_1 + .. + P_4 + Q - R_13 - R_14 - R_23 - R_24. The first layer
    compares (seven neurons, from which all differences x_i - x_j follow) and holds relu(+-(x_1 + x_2)),
    relu(x_3 + x_4). The second has one neuron for each of the nine maxima and passes two nonnegative numbers
    on. Of the many ways to write it this one adds no kink of its own: 90 activation regions on R^4.
    """
    d13, d14, d23, d24 = (difference(4, i, j) for i, j in ((0, 2), (0, 3), (1, 2), (1, 3)))
    s12, s34 = [1, 1, 0, 0], [0, 0, 1, 1]
    first = [d13, [-v for v in d13], d14, [-v for v in d14], d23, [-v for v in d23], d24, s12, [-v for v in s12], s34]

    # from here on, vectors over the ten activations
    def unit(k: int, sign: int = 1) -> list[F]:
        return [F(sign * (i == k)) for i in range(10)]

    def add(*terms: list[F]) -> list[F]:
        return [sum(column, F(0)) for column in zip(*terms, strict=True)]

    def times(c: Any, v: list[F]) -> list[F]:
        return [F(c) * a for a in v]

    e13, e14, e23 = (add(unit(k), unit(k + 1, -1)) for k in (0, 2, 4))
    e24 = add(e23, e14, times(-1, e13))
    e12 = add(unit(7), unit(8, -1))
    x1 = times(F(1, 2), add(e12, e13, times(-1, e23)))
    x2 = add(e12, times(-1, x1))
    x3, x4 = add(x1, times(-1, e13)), add(x1, times(-1, e14))
    m13, m14, m23, m24 = add(x3, unit(0)), add(x4, unit(2)), add(x3, unit(4)), add(x4, unit(6))
    assert add(x2, times(-1, x4)) == e24
    m12, m34 = unit(7), unit(9)  # max(x_1 + x_2, 0) and max(x_3 + x_4, 0)
    terms = [
        (1, add(m13, m14), m12),
        (1, add(m23, m24), m12),
        (1, add(m13, m23), m34),
        (1, add(m14, m24), m34),
        (1, m12, m34),
        (-1, add(x1, m23), m34),
        (-1, add(x1, m24), m34),
        (-1, add(x2, m13), m34),
        (-1, add(x2, m14), m34),
    ]  # c max(u, v) = c v + c relu(u - v)
    rest = add(*(times(c, v) for c, _, v in terms))
    second = [add(u, times(-1, v)) for _, u, v in terms] + [m12, m34]
    output = [F(c, 2) for c, *_ in terms] + [rest[7] / 2, rest[9] / 2]
    return build([(first, [0] * 10), (second, [0] * 11), ([output], [0])])


# -- random networks ------------------------------------------------------------------
def he_network(sizes: Sequence[int], seed: int = 0, bias_sd: float = 0.1) -> ReluNetwork:
    """Return a network of floats: weights N(0, 2 / fan-in), biases N(0, bias_sd^2), the output layer too.

    ``sizes`` counts inputs and outputs: (2, 16, 16, 1). Drawn layer by layer, weights before biases.
    """
    rng = np.random.default_rng(seed)
    weights, biases = [], []
    for fan_in, size in zip(sizes[:-1], sizes[1:], strict=True):
        weights.append(rng.normal(0, np.sqrt(2 / fan_in), (size, fan_in)))
        biases.append(rng.normal(0, bias_sd, size))
    return ReluNetwork(weights, biases)


# -- the same function with other neurons ---------------------------------------------
def replace_neurons(net: ReluNetwork, copies: Callable[[int], list[tuple[Any, Any]]]) -> ReluNetwork:
    """Replace hidden neuron i by ``relu(c z)``, weighted by ``c'``, for every (c, c') of ``copies(i)``.

    Neither a ReLU at the output nor the number of outputs is touched; skip connections are kept.
    """
    weights: list[Matrix] = []
    biases: list[list[Any]] = []
    blocks: list[list[list[tuple[Any, Any]]]] = [[[(1, 1)]] * net.input_dim]  # per block and neuron, its copies
    count = 0
    for index, layer in enumerate(net.layers):
        matrices = {k: w.fractions().tolist() for k, w in layer.blocks.items()}
        last = index == len(net.layers) - 1
        mine = [[(1, 1)] if last else copies(count + i) for i in range(layer.size)]
        count += layer.size
        rows, bias = [], []
        for i, pairs in enumerate(mine):
            wide = []
            for k, sources in enumerate(blocks):
                for j, old in enumerate(sources):
                    weight = matrices[k][i][j] if k in matrices else 0
                    wide += [weight * out for _, out in old]
            for c, _ in pairs:
                rows.append([c * w for w in wide])
                bias.append(c * layer.bias.fractions()[i, 0])
        weights.append(rows)
        biases.append(bias)
        blocks.append(mine)
    return ReluNetwork(weights, biases, output_relu=net.output_relu)


def duplicate_neurons(net: ReluNetwork) -> ReluNetwork:
    """Write every hidden neuron twice with half its outgoing weights: same function, same regions."""
    return replace_neurons(net, lambda i: [(1, F(1, 2)), (1, F(1, 2))])


def mirror_neurons(net: ReluNetwork) -> ReluNetwork:
    """Add relu(-z) for every hidden neuron, of weight zero: same function, same regions, twice the neurons."""
    return replace_neurons(net, lambda i: [(1, 1), (-1, 0)])


def scale_neurons(net: ReluNetwork, factors: Sequence[Any] = (3, F(1, 7), 1000)) -> ReluNetwork:
    """Scale hidden neurons by positive factors (in turn) and undo it behind: same function, same patterns."""
    return replace_neurons(net, lambda i: [(factors[i % len(factors)], 1 / F(factors[i % len(factors)]))])


def add_constant_neurons(net: ReluNetwork) -> ReluNetwork:
    """Add neurons of zero weight and bias -1, 0, 1 to the first hidden layer, unread: same regions."""
    weights, biases = [], []
    sizes = [net.input_dim, *(layer.size for layer in net.layers)]
    for index, layer in enumerate(net.layers):
        rows: Matrix = [[] for _ in range(layer.size)]
        for k in range(index + 1):
            block = layer.blocks[k].fractions().tolist() if k in layer.blocks else [[0] * sizes[k]] * layer.size
            rows = [row + part + [0] * (3 * (k == 1)) for row, part in zip(rows, block, strict=True)]
        bias = layer.bias.fractions()[:, 0].tolist()
        first = index == 0
        weights.append(rows + [[0] * net.input_dim] * (3 * first))
        biases.append(bias + [-1, 0, 1] * first)
    return ReluNetwork(weights, biases, output_relu=net.output_relu)


# -- tables ---------------------------------------------------------------------------
def boxed(
    name: str, make: Callable[..., ReluNetwork], arguments: tuple[Any, ...], box: Domain, count: int
) -> list[Known]:
    """Return the entry on R^d and the same on a box where the count is equal."""
    text = f"{name}({', '.join(map(str, arguments))})"

    def network() -> ReluNetwork:
        return make(*arguments)

    return [Known(text, network, None, count), Known(f"{text} in a box", network, box, count)]


def family(
    name: str, make: Callable[[int], ReluNetwork], counts: dict[int, int], dimension: Callable[[int], int], radius: Any
) -> list[Known]:
    """Return the entries of a family with one parameter n; the box is [-radius, radius]^d, radius may depend on n."""
    out = []
    for n, count in counts.items():
        r = radius(n) if callable(radius) else radius
        out += boxed(name, make, (n,), cube(dimension(n), -r, r), count)
    return out


def same(n: int) -> int:
    return n


def tables() -> tuple[list[Known], list[Known]]:
    """Return KNOWN and KNOWN_LARGE (more than 400 regions or more than 20 neurons)."""
    rows: list[Known] = []
    for d in (2, 3):
        for m in range(1, 11):
            count = sum(comb(m, i) for i in range(d + 1))
            rows += boxed("generic_affine", generic_affine, (m, d), generic_box(m, d), count)
            count = 2 * sum(comb(m - 1, i) for i in range(d))
            rows += boxed("generic_central", generic_central, (m, d), cube(d, -1, 1), count)
    rows += family("coordinate", coordinate, {n: 2**n for n in range(1, 6)}, same, 1)
    rows += family("braid", braid, {n: factorial(n) for n in range(2, 8)}, same, 1)
    rows += family("type_b", type_b, {n: 2**n * factorial(n) for n in range(1, 6)}, same, 1)
    rows += family("type_d", type_d, {n: 2 ** (n - 1) * factorial(n) for n in range(2, 6)}, same, 1)
    rows += family("threshold_graphs", threshold_graphs, {2: 2, 3: 8, 4: 46}, same, 1)
    rows += family("threshold_functions", threshold_functions, {1: 4, 2: 14, 3: 104, 4: 1882}, lambda n: n + 1, 1)
    rows += family("resonance", resonance, {1: 2, 2: 6, 3: 32, 4: 370, 5: 11292}, same, 1)
    rows += family("ternary", ternary, {1: 2, 2: 8, 3: 96, 4: 5376}, same, 1)
    rows += family("shi", shi, {n: (n + 1) ** (n - 1) for n in range(2, 7)}, same, same)
    rows += family("catalan", catalan, {2: 4, 3: 30, 4: 336, 5: 5040}, same, same)
    rows += family("linial", linial, {2: 2, 3: 7, 4: 36, 5: 246}, same, same)
    rows += family("semiorder", semiorder, {2: 3, 3: 19, 4: 183, 5: 2371}, same, same)
    rows += boxed("cube_planes", cube_planes, (), cube(3, -2, 2), 27)
    graphs = {
        "path": (5, [(i, i + 1) for i in range(4)], 16),
        "cycle": (5, cycle(5), 30),
        "wheel": (5, wheel(4), 78),
        "bipartite": (6, bipartite(3, 3), 230),
        "Petersen": (10, PETERSEN, 16680),
    }
    for name, (n, edges, count) in graphs.items():
        rows += boxed(f"graphical {name}", lambda n=n, edges=edges: graphical(n, edges), (), cube(n, -1, 1), count)

    for k in range(1, 5):
        rows.append(Known(f"tents({k})", lambda k=k: tents(k), cube(1, 0, 1), 2**k))
        rows += boxed("tents", tents, (k,), cube(1, -1, 2), 2**k + 1 + (k > 1))
    for k in range(1, 4):
        rows.append(Known(f"tents({k}, 2)", lambda k=k: tents(k, 2), cube(2, 0, 1), 4**k))
        rows += boxed("tents", tents, (k, 2), cube(2, -1, 2), (2**k + 1 + (k > 1)) ** 2)
    rows += boxed("tents", tents, (1, 3), cube(3, -1, 2), 27)
    for k in range(1, 7):
        rows += boxed("telgarsky", telgarsky, (k,), cube(1, -1, 2), 2**k + 2)
    for k in range(1, 5):
        rows += boxed("zigzags", zigzags, (k,), cube(1, 0, 1), 4**k)
    for k in (1, 2):
        rows += boxed("zigzags_2d", zigzags_2d, (k,), cube(2, 0, 1), 7 * 16**k)
    for k in (1, 2, 3):
        rows += boxed("folds_2d", folds_2d, (k,), cube(2, -9, 9), 7 * 4**k)
    for pieces, count in {(2,): 7, (3,): 10, (2, 2): 14, (3, 3): 28, (2, 2, 2): 26, (3, 3, 3): 82}.items():
        rows += boxed("montufar", montufar, (pieces, 1), cube(1, -3, 3), count)
    for pieces, count in {(2,): 38, (3,): 79, (2, 2): 148, (3, 2): 278, (2, 3): 304}.items():
        rows += boxed("montufar", montufar, (pieces, 2), cube(2, -9, 9), count)
    for key in ZONOTOPES:
        rows += boxed("zonotope", zonotope, key, cube(key[0], -9 * key[2], 9 * key[2]), zonotope_count(*key))
    rows += boxed("serra_figure_2", serra_figure_2, (), cube(1, -2, 2), 5)
    rows += boxed("nazari", nazari, (), cube(2, -9, 9), 8)
    rows += boxed("stargalla", stargalla, (), cube(2, -1, 1), 5)
    rows += boxed("hamming_trap", hamming_trap, (), cube(1, -20, 20), 5)
    rows += boxed("tent_and_absolute_value", tent_and_absolute_value, (), cube(2, -2, 2), 12)
    rows += boxed("max_plus_conic", max_plus_conic, (), cube(2, -3, 3), 13)
    for n in range(2, 7):
        rows += boxed("max_chain", max_chain, (n,), cube(n, -1, 1), 2 ** (n - 1))
    rows += boxed("max_four", max_four, (), cube(4, -1, 1), 90)
    small = [row for row in rows if row.count <= 400 and row.make().neurons <= 21]
    return small, [row for row in rows if row not in small]


def max_plus_conic() -> ReluNetwork:
    """Return max(1 + 2x, 1 + 2y, 2 + x + y, 2 + x, 2 + y, 2) (Zhang et al. 2018, figure 1): 6 linear regions."""
    return max_of_affine([[2, 0, 1], [0, 2, 1], [1, 1, 2], [1, 0, 2], [0, 1, 2], [0, 0, 2]])


ZONOTOPES = [(2, 2, 2, 1), (2, 3, 2, 1), (2, 3, 3, 1), (2, 3, 2, 2), (2, 3, 3, 2)]
ZONOTOPES += [(3, 3, 2, 1), (3, 4, 2, 1), (3, 4, 2, 2), (2, 4, 2, 2)]

KNOWN, KNOWN_LARGE = tables()


def linear(
    name: str, make: Callable[..., ReluNetwork], arguments: tuple[Any, ...], domain: Domain, *counts: int
) -> KnownLinear:
    """Return an entry with the number of open, closed and affine linear regions."""
    where = "" if domain is None else f" in [{domain[0][0]}, {domain[1][0]}]^{len(domain[0])}"
    return KnownLinear(f"{name}{arguments}{where}", lambda: make(*arguments), domain, *counts)


# Open, closed and affine linear regions, with the output weights that the constructors have.
KNOWN_LINEAR = [
    *(linear("tents", tents, (k,), cube(1, 0, 1), *[2**k] * 3) for k in (1, 2, 3)),
    # both ends are the zero map, and stay apart even if closed
    *(linear("telgarsky", telgarsky, (k,), None, 2**k + 2, 2**k + 2, 2**k + 1) for k in (1, 2, 3)),
    *(linear("zigzags", zigzags, (k,), None, *[4**k] * 3) for k in (1, 2, 4)),
    linear("zigzags_2d", zigzags_2d, (1, (1, -1, 1)), None, 101, 97, 97),
    linear("zigzags_2d", zigzags_2d, (1, (1, -1, 1)), cube(2, 0, 1), 105, 99, 97),
    linear("zigzags_2d", zigzags_2d, (1,), None, 97, 87, 85),
    linear("zigzags_2d", zigzags_2d, (1,), cube(2, 0, 1), 101, 87, 85),
    linear("folds_2d", folds_2d, (1,), None, 24, 24, 23),
    linear("montufar", montufar, ((2,), 1), None, 6, 6, 5),
    linear("montufar", montufar, ((2, 2), 1), None, 11, 11, 9),
    linear("montufar", montufar, ((2,), 2), None, 29, 27, 26),
    linear("montufar", montufar, ((3,), 2), None, 60, 56, 53),
    linear("zonotope", zonotope, (2, 3, 2, 2), None, 25, 25, 25),
    linear("zonotope", zonotope, (2, 4, 2, 2), None, 33, 33, 33),
    linear("zonotope", zonotope, (3, 4, 2, 1), None, 28, 28, 28),
    linear("zonotope", zonotope, (3, 4, 2, 2), None, 57, 57, 57),
    linear("serra_figure_2", serra_figure_2, (), None, 4, 4, 4),
    linear("nazari", nazari, (), None, 8, 8, 8),
    linear("stargalla", stargalla, (), None, 3, 3, 3),
    linear("hamming_trap", hamming_trap, (), None, 4, 4, 4),
    linear("tent_and_absolute_value", tent_and_absolute_value, (), None, 8, 5, 5),
    linear("max_plus_conic", max_plus_conic, (), None, 6, 6, 6),
    linear("max_chain", max_chain, (4,), None, 4, 4, 4),
    linear("max_four", max_four, (), None, 5, 5, 5),
    linear("cube_planes", cube_planes, (), None, 27, 27, 27),
]


# -- awkward networks -----------------------------------------------------------------
def read(net_layers: Layers) -> ReluNetwork:
    """Return hidden layers followed by the sum of the last one's activations."""
    width = len(net_layers[-1][0])
    return build([*net_layers, ([[1] * width], [0])])


def lines(*rows: Sequence[Any]) -> ReluNetwork:
    """Return one hidden layer with the kinks ``a . x = b`` of rows ``(a_1, .., a_d, b)``."""
    return arrangement([row[:-1] for row in rows], [row[-1] for row in rows])


def degenerate_table() -> list[Degenerate]:
    """Return networks at which shortcuts fail. Every count is confirmed by the oracle in test_oracle.py."""
    segment, square, solid = cube(1, -1, 1), cube(2, -1, 1), cube(3, -1, 1)
    third = F(1, 3)
    out = [
        # no neuron, constant neurons, layers that are zero
        ("affine map", build(affine([[1, 2]], [3])), square, 1),
        ("dead first layer", read([([[0], [0], [0]], [-1, 0, 1])]), segment, 1),
        ("dead and live neurons", read([([[1, 0], [0, 0], [0, 0], [0, 0]], [0, -1, 0, 1])]), square, 2),
        ("zero layer", read([([[1, 1], [1, -1]], [0, 0]), ([[0, 0], [0, 0]], [0, 0])]), square, 4),
        ("zero layer first", read([([[0, 0]], [0]), ([[1], [-1]], [0, 0])]), square, 1),
        ("layer of constants 1, then a kink of them", read([([[0]], [1]), ([[1], [1]], [-1, 1])]), segment, 1),
        ("inactive by a negative constant", read([([[1], [-1]], [0, 0]), ([[1, 1]], [-5]), ([[1]], [0])]), segment, 2),
        # coincident kinks
        ("duplicates", lines((1, 1, 0), (1, 1, 0), (2, 2, 0)), square, 2),
        ("opposite neurons", lines((1, 0), (-1, 0)), segment, 2),
        ("opposite neurons off centre", lines((2, 1), (-4, -2), (6, 3)), segment, 2),
        ("kinks equal as fractions", lines((3, 1), (1, third)), segment, 2),
        ("kinks that floats cannot tell", lines((3, 1), (1, F(1 / 3))), segment, 3),
        # kinks through points and vertices
        ("four lines through the centre", lines((1, 0, 0), (0, 1, 0), (1, 1, 0), (1, -1, 0)), square, 8),
        ("three lines through a point", lines((1, 0, third), (0, 1, third), (1, 1, 2 * third)), square, 6),
        ("four planes through a point", lines((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (1, 1, 1, 0)), solid, 14),
        ("three planes through a line", lines((1, 0, 0, 0), (0, 1, 0, 0), (1, -1, 0, 0)), solid, 6),
        ("layer 2 through a crossing", read([([[1, 0], [0, 1]], [0, 0]), ([[1, -1], [1, 1]], [0, 0])]), square, 5),
        # walls and corners
        ("kinks on both ends", lines((1, 1), (1, -1)), segment, 1),
        ("kinks on all walls", lines((1, 0, 1), (1, 0, -1), (0, 1, 1), (0, 1, -1)), square, 1),
        ("kinks on walls and inside", lines((1, 0, 1), (0, 1, -1), (1, 1, 0)), square, 2),
        ("a line that touches a corner", lines((1, 1, 2), (1, 1, -2)), square, 1),
        ("the diagonals", lines((1, 1, 0), (1, -1, 0)), square, 4),
        ("a diagonal and a corner", lines((1, -1, 0), (2, 1, 3), (1, 0, -1)), square, 2),
        ("planes that touch edges and corners", lines((1, 1, 0, 2), (1, 1, 1, 3), (1, 1, 1, 1)), solid, 2),
        ("a crossing on a wall", lines((1, 1, 1), (-1, 1, 1), (0, 1, 1)), square, 3),
        ("a crossing just outside", lines((1, 1, 1 + F(1, 10**9)), (-1, 1, 1 + F(1, 10**9))), square, 3),
        ("layer 2 on the walls", read([([[1, 0], [-1, 0]], [0, 0]), ([[1, 1], [2, 1]], [-1, -1])]), square, 3),
        # deeper kinks exactly on earlier ones, neurons that vanish identically
        ("layer 2 on layer 1", read([([[1]], [0]), ([[1]], [0]), ([[1]], [0])]), segment, 2),
        ("layer 2 on layer 1, shifted", read([([[2], [2]], [-1, 1]), ([[1, 0], [1, -1]], [0, 0])]), segment, 3),
        ("copies and their difference", read([([[1], [1]], [0, 0]), ([[1, -1]], [0]), ([[1]], [0])]), segment, 2),
        ("layer 2 on a line", read([([[1, 1], [1, -1]], [0, 0]), ([[1, 0], [1, -1], [0, 1]], [0, 0, 0])]), square, 5),
        ("a fold along the centre lines", read([([[1, 0], [-1, 0]], [0, 0]), ([[1, 1], [1, -1]], [0, 0])]), square, 2),
        ("a fold, then kinks on it", read([([[1, 0], [-1, 0], [0, 1]], [0, 0, 0]), ([[1, 1, -1]], [0])]), square, 6),
        ("a plane fold", read([([[1, 1, 0], [-1, -1, 0], [0, 0, 1]], [0] * 3), ([[1, 1, -1]], [0])]), solid, 6),
        ("a flat in the middle", read([([[1], [-1]], [-1, -1]), ([[1, 1]], [0])]), cube(1, -3, 3), 3),
        ("two that differ in one neuron and do not touch", hamming_trap(), cube(1, -20, 20), 5),
        ("the same, its kinks on the walls", hamming_trap(), cube(1, -10, 0), 2),
        # close together
        *(
            (f"kinks {delta} apart", lines((1.0, 0.5), (1.0, 0.5 + delta)), segment, 3)
            for delta in (1e-5, 1e-9, 1e-12, 1e-15, 2.0**-53)
        ),
        *(
            (f"parallel lines {delta} apart", lines((3.0, 1.0, 0.5), (3.0, 1.0, 0.5 + delta)), square, 3)
            for delta in (1e-5, 1e-9, 1e-12, 1e-15)
        ),
        *(
            (f"lines at an angle of {delta}", lines((1.0, 0.0, 0.0), (1.0, delta, 0.0)), square, 4)
            for delta in (1e-5, 1e-9, 1e-12, 1e-15, 1e-55, 1e-300)
        ),
        *(
            (f"a triangle of side {delta}", lines((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 1.0, delta)), square, 7)
            for delta in (1e-5, 1e-9, 1e-12, 1e-15, 1e-55)
        ),
        *(
            (f"a simplex of side {delta}", lines(*np.eye(3, 4).tolist(), (1.0, 1.0, 1.0, delta)), solid, 15)
            for delta in (1e-5, 1e-12)
        ),
        *(
            (f"layer 2 {delta} behind layer 1", read([([[1.0, 0.5]], [0.25]), ([[1.0]], [-delta])]), square, 3)
            for delta in (1e-5, 1e-9, 1e-12, 1e-15, 1e-55)
        ),
        *(
            (f"a corner cut by {delta}", lines((1.0, 1.0, F(2) - F(delta))), square, 2)
            for delta in (1e-5, 1e-9, 1e-15, 1e-55)
        ),
        # numbers of very different size
        ("tiny and huge weights", lines((1e-300, 0.0, 0.0), (0.0, 1e300, 0.0), (1e-300, 1e300, 0.0)), square, 6),
        ("weights from 1e-55 to 1", lines((1.0, 1e-55, 0.0), (1e-55, 1.0, 1e-56), (1.0, 1.0, 0.5)), square, 7),
        ("a large bias", lines((1.0, 1.0, 2.0**60), (1.0, -1.0, 0.0)), square, 2),
        ("subnormal weights", lines((5e-324, 0.0, 0.0), (0.0, 5e-324, 0.0)), square, 4),
        # three dimensions
        ("sheared planes in a thin box", lines((1, 1, 0, 0), (0, 1, 1, 0), (1, 0, 1, 0)), ((-1, -1, 0), (1, 1, 1)), 7),
    ]
    return [Degenerate(*row) for row in out]


DEGENERATE = degenerate_table()
