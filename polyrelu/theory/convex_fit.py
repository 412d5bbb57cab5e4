"""The convex problems inside global training: losses, and their exact minimum over one cone.

Legend: ``p_j`` is the prediction and ``y_j`` the label of data point j; ``v_i`` are the generators of a cone of
predictions, columns of ``V``; ``m >= 0`` are their weights. Every loss here is

    loss(p, y) = max { q (p - y) - kappa q^2 / 2 : lo <= q <= hi },

so that any q in the box with ``q . v_i >= 0`` proves ``sum loss >= -sum (q_j y_j + kappa q_j^2 / 2)`` over the cone,
and the minimum is attained with equality: an optimal fit carries its q.

References
----------
R. W. Cottle, J.-S. Pang, R. E. Stone, The linear complementarity problem, 1992, sections 4.4 and 4.9 (Lemke's method,
lexicographic rule, convex quadratic programs).
A. Aravkin, J. Burke, G. Pillonetto, Sparse/robust estimation and Kalman smoothing with nonsmooth log-concave
densities, 2013 (losses as support functions).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..errors import CertificationError, InputError, suggestion
from ..exact import RationalMatrix, fraction, integer_point
from ..lp import maximize

LOSSES = ("squared", "absolute", "hinge", "huber")


@dataclass(frozen=True)
class Loss:
    """A convex loss of a prediction and a label.

    Attributes
    ----------
    name : str
        ``"squared"``: (p - y)^2; ``"absolute"``: abs(p - y); ``"hinge"``: max(0, 1 - y p) for labels -1 and 1;
        ``"huber"``: (p - y)^2 / 2 up to abs(p - y) = delta, linear beyond.
    delta : Fraction
        Only for ``"huber"``.

    Examples
    --------
    >>> Loss("huber", Fraction(1))(Fraction(3), Fraction(0))
    Fraction(5, 2)
    """

    name: str
    delta: Fraction = Fraction(1)

    @classmethod
    def of(cls, name: Any, delta: Any = 1) -> Loss:
        """Read and check a loss by its name."""
        if name not in LOSSES:
            raise InputError(f"loss is {name!r}; choose one of {', '.join(LOSSES)}{suggestion(name, LOSSES)}")
        bend = fraction(delta, "delta")
        if bend <= 0:
            raise InputError(f"delta is {bend}; the Huber loss needs a positive one")
        return cls(name, bend)

    @property
    def kappa(self) -> Fraction:
        """Curvature of the conjugate."""
        return {"squared": Fraction(1, 2), "huber": Fraction(1)}.get(self.name, Fraction(0))

    def box(self, y: Fraction) -> tuple[Fraction | None, Fraction | None]:
        """Return the range of slopes; None is no bound."""
        if self.name == "squared":
            return None, None
        if self.name == "hinge":
            return (Fraction(-1), Fraction(0)) if y > 0 else (Fraction(0), Fraction(1))
        size = self.delta if self.name == "huber" else Fraction(1)
        return -size, size

    def __call__(self, p: Fraction, y: Fraction) -> Fraction:
        """Return the exact loss of one prediction."""
        off = p - y
        if self.name == "squared":
            return off * off
        if self.name == "absolute":
            return abs(off)
        if self.name == "hinge":
            return max(Fraction(0), 1 - y * p)
        return off * off / 2 if abs(off) <= self.delta else self.delta * (abs(off) - self.delta / 2)

    def slope(self, p: Fraction, y: Fraction) -> Fraction:
        """Return the derivative in p, where the loss has one (squared and huber)."""
        off = (p - y) / self.kappa
        low, high = self.box(y)
        return off if low is None or high is None else min(max(off, low), high)


@dataclass(frozen=True)
class ConeFit:
    """The exact optimum of one convex problem, with the dual point that proves it.

    Attributes
    ----------
    weights : tuple of Fraction
        Of the generators, nonnegative.
    predictions : tuple of Fraction
    value : Fraction
        Sum of the losses.
    dual : tuple of Fraction
        The point q.
    """

    weights: tuple[Fraction, ...]
    predictions: tuple[Fraction, ...]
    value: Fraction
    dual: tuple[Fraction, ...]

    def check(self, V: Sequence[Sequence[int]], y: Sequence[Fraction], loss: Loss) -> bool:
        """Prove again, with Fractions alone, that no fit of the cone is better."""
        if len(self.weights) != len(V) or len(self.dual) != len(y):
            return False
        p = _predict(V, self.weights, len(y))
        proved = -sum((q * (t + loss.kappa * q / 2) for q, t in zip(self.dual, y, strict=True)), Fraction(0))
        return (
            all(w >= 0 for w in self.weights)
            and p == self.predictions
            and sum((loss(a, b) for a, b in zip(p, y, strict=True)), Fraction(0)) == self.value
            and all(sum(q * c for q, c in zip(self.dual, v, strict=True)) >= 0 for v in V)
            and all(_inside(q, loss.box(t)) for q, t in zip(self.dual, y, strict=True))
            and proved == self.value
        )


def _inside(q: Fraction, box: tuple[Fraction | None, Fraction | None]) -> bool:
    return (box[0] is None or q >= box[0]) and (box[1] is None or q <= box[1])


def _predict(V: Sequence[Sequence[int]], weights: Sequence[Fraction], rows: int) -> tuple[Fraction, ...]:
    return tuple(sum((w * v[j] for w, v in zip(weights, V, strict=True) if w), Fraction(0)) for j in range(rows))


def fit_cone_exactly(
    V: Sequence[Sequence[int]], y: Sequence[Fraction], loss: Loss, hint: Sequence[float | Fraction] | None = None
) -> ConeFit:
    """Return the exact best fit of labels by a cone.

    Minimises ``sum_j loss(p_j, y_j)`` over ``p = sum_i m_i v_i``, ``m >= 0``.

    Parameters
    ----------
    V : sequence of generators, each k integers
        No generator at all leaves p = 0.
    y : sequence of k Fractions
    loss : Loss
    hint : sequence of numbers, optional
        Approximate weights; they save time where they are good, and decide nothing.

    Returns
    -------
    ConeFit
        With its proof.

    Raises
    ------
    CertificationError
        The proof does not hold: a bug.

    Notes
    -----
    Exactness: *exact*. The guess of floats if it satisfies the optimality conditions exactly; else, for squared and
    Huber loss, Lemke's method in rationals, and for absolute and hinge loss a linear program of k unknowns by
    :mod:`polyrelu.lp`.

    Examples
    --------
    The nearest point of the ray through (1, 1) to (1, 3):

    >>> f = fit_cone_exactly([(1, 1)], [Fraction(1), Fraction(3)], Loss("squared"))
    >>> f.weights, f.value
    ((Fraction(2, 1),), Fraction(2, 1))
    """
    if loss.kappa:
        weights = _guess(V, y, loss, hint) if hint is not None else None
        if weights is None:
            weights = _by_lemke(V, y, loss)
        p = _predict(V, weights, len(y))
        dual = tuple(loss.slope(a, b) for a, b in zip(p, y, strict=True))
    else:
        vertex = _guess_vertex(V, y, loss, hint) if hint is not None else None
        weights, dual = vertex if vertex is not None else _by_linear_program(V, y, loss)
        p = _predict(V, weights, len(y))
    value = sum((loss(a, b) for a, b in zip(p, y, strict=True)), Fraction(0))
    fit = ConeFit(tuple(weights), p, value, dual)
    if not fit.check(V, y, loss):
        raise CertificationError(f"the {loss.name} fit of {len(y)} labels does not prove itself; please report it")
    return fit


def _guess(
    V: Sequence[Sequence[int]], y: Sequence[Fraction], loss: Loss, hint: Sequence[float | Fraction]
) -> list[Fraction] | None:
    """Solve the equations of the generators and rows that are active in floats; None if that is not the optimum."""
    top = Fraction(max(hint, default=0))
    columns: list[int] = []
    for i in sorted(range(len(V)), key=lambda i: -hint[i]):
        more = [*columns, i]
        if hint[i] > top * Fraction(1, 2**20) and RationalMatrix.of([V[h] for h in more]).rank() == len(more):
            columns = more
    weights = [Fraction(0)] * len(V)
    near = _predict(V, [Fraction(v) for v in hint], len(y))
    slopes = [loss.slope(a, b) for a, b in zip(near, y, strict=True)]
    edge = loss.delta if loss.name == "huber" else None
    free = [j for j in range(len(y)) if edge is None or abs(slopes[j]) < edge]
    if columns:
        inner = RationalMatrix.of([[V[i][j] for j in free] for i in columns]) if free else None
        if inner is None or inner.rank() < len(columns):
            return None
        pull = [
            sum((V[i][j] * y[j] for j in free), Fraction(0))
            - sum((V[i][j] * slopes[j] * loss.kappa for j in range(len(y)) if j not in free), Fraction(0))
            for i in columns
        ]
        solved = (inner @ inner.transpose()).solve(RationalMatrix.of([[v] for v in pull]))
        if solved is None:
            return None
        for i, row in zip(columns, solved.fractions(), strict=True):
            weights[i] = row[0]
    p = _predict(V, weights, len(y))
    q = [loss.slope(a, b) for a, b in zip(p, y, strict=True)]
    good = all(w >= 0 for w in weights) and all(sum(a * b for a, b in zip(q, v, strict=True)) >= 0 for v in V)
    return weights if good and all(sum(a * b for a, b in zip(q, V[i], strict=True)) == 0 for i in columns) else None


def _guess_vertex(
    V: Sequence[Sequence[int]], y: Sequence[Fraction], loss: Loss, hint: Sequence[float | Fraction]
) -> tuple[list[Fraction], tuple[Fraction, ...]] | None:
    """Let as many labels be met exactly as generators are active in floats; None if that is not the optimum."""
    top = Fraction(max(hint, default=0))
    columns = [i for i in range(len(V)) if hint[i] > top * Fraction(1, 2**20)]
    near = _predict(V, [Fraction(v) for v in hint], len(y))
    met: list[int] = []
    for j in sorted(range(len(y)), key=lambda j: abs(near[j] - y[j])):
        if len(met) == len(columns):
            break
        if RationalMatrix.of([[V[i][h] for i in columns] for h in [*met, j]]).rank() == len(met) + 1:
            met.append(j)
    weights, slopes = [Fraction(0)] * len(V), [Fraction(0)] * len(y)
    for j, label in enumerate(y):
        low, high = loss.box(label)
        if j not in met and low is not None and high is not None:
            slopes[j] = low if near[j] < label else high
    if columns:
        if len(met) < len(columns):
            return None
        square = RationalMatrix.of([[V[i][j] for i in columns] for j in met])
        solved = square.solve(RationalMatrix.of([[y[j]] for j in met]))
        pull = [[-sum((a * b for a, b in zip(slopes, V[i], strict=True)), Fraction(0))] for i in columns]
        forces = square.transpose().solve(RationalMatrix.of(pull))
        if solved is None or forces is None:
            return None
        for i, row in zip(columns, solved.fractions(), strict=True):
            weights[i] = row[0]
        for j, row in zip(met, forces.fractions(), strict=True):
            slopes[j] = row[0]
    p = _predict(V, weights, len(y))
    value = sum((loss(a, b) for a, b in zip(p, y, strict=True)), Fraction(0))
    fit = ConeFit(tuple(weights), p, value, tuple(slopes))
    return (weights, fit.dual) if fit.check(V, y, loss) else None


def _by_linear_program(
    V: Sequence[Sequence[int]], y: Sequence[Fraction], loss: Loss
) -> tuple[list[Fraction], tuple[Fraction, ...]]:
    """Maximise ``-q . y`` over the slopes; the multipliers of the generators are their weights."""
    k = len(y)
    rows: list[tuple[int, ...]] = [(*v, 0) for v in V]
    for j, label in enumerate(y):
        low, high = loss.box(label)
        if low is None or high is None:
            raise CertificationError(f"the {loss.name} loss has no bounded slopes; please report it")
        rows.append((*(int(i == j) for i in range(k)), int(-low)))
        rows.append((*(-int(i == j) for i in range(k)), int(high)))
    solution = maximize([-v for v in y], rows, (Fraction(0),) * k)
    if solution.point is None or solution.status != "optimal":
        raise CertificationError(f"a bounded linear program came back {solution.status}; please report it")
    return [solution.multipliers.get(i, Fraction(0)) for i in range(len(V))], solution.point


def _by_lemke(V: Sequence[Sequence[int]], y: Sequence[Fraction], loss: Loss) -> list[Fraction]:
    """Minimise ``|W z - y|^2 / 2 + c . z`` over z >= 0 by complementary pivoting.

    For the Huber loss ``W = [V | -1 | 1]``: the two further blocks take the part of an error beyond delta.
    """
    k, m = len(y), len(V)
    W = [list(v) for v in V]
    cost = [Fraction(0)] * m
    if loss.name == "huber":
        for sign in (-1, 1):
            W += [[sign * int(i == j) for i in range(k)] for j in range(k)]
        cost += [loss.delta] * (2 * k)
    gram = [[sum(a * b for a, b in zip(u, v, strict=True)) for v in W] for u in W]
    pull = [sum((a * b for a, b in zip(u, y, strict=True)), Fraction(0)) for u in W]
    z = _lemke(gram, [c - t for c, t in zip(cost, pull, strict=True)])
    return z[:m]


def _lemke(M: Sequence[Sequence[int]], c: Sequence[Fraction]) -> list[Fraction]:
    """Solve ``w = M z + c, w >= 0, z >= 0, w . z = 0`` for a positive semidefinite M; lexicographic, so it ends."""
    n = len(c)
    if all(v >= 0 for v in c):
        return [Fraction(0)] * n
    numerators, den = integer_point(list(c))
    # Integer tableau of [w | z | z0 | c] with one common denominator (Edmonds, Bareiss): every division is exact.
    # Scaling c by its denominator scales the solution.
    table = [[*(int(i == j) for j in range(n)), *(-v for v in M[i]), -1, numerators[i]] for i in range(n)]
    z0, rhs = 2 * n, 2 * n + 1
    basis = list(range(n))
    pivot_value = 1

    def pivot(row: int, column: int) -> None:
        nonlocal pivot_value
        p = table[row][column]
        source = table[row]
        for i in range(n):
            if i != row:
                t = table[i][column]
                table[i] = [(p * a - t * b) // pivot_value for a, b in zip(table[i], source, strict=True)]
        pivot_value = p
        if p < 0:
            pivot_value = -p
            for i in range(n):
                table[i] = [-v for v in table[i]]
        basis[row] = column

    row = min(range(n), key=lambda i: (numerators[i], *(int(i == j) for j in range(n))))
    entering = row + n
    pivot(row, z0)
    while True:
        ahead = [i for i in range(n) if table[i][entering] > 0]
        if not ahead:
            raise CertificationError("Lemke's method ended on a ray for a convex problem; please report it")
        row = min(
            ahead,
            key=lambda i: [Fraction(table[i][h], table[i][entering]) for h in (rhs, *range(n))],
        )
        # z0 leaves as soon as it may
        leaving = basis[row]
        tied = next((i for i in ahead if basis[i] == z0), None)
        if tied is not None and table[tied][rhs] * table[row][entering] == table[row][rhs] * table[tied][entering]:
            row, leaving = tied, z0
        pivot(row, entering)
        if leaving == z0:
            break
        entering = leaving + n if leaving < n else leaving - n
    z = [Fraction(0)] * n
    for i, variable in enumerate(basis):
        if n <= variable < 2 * n:
            z[variable - n] = Fraction(table[i][rhs], pivot_value * den)
    return z


def solve_by_cvxpy(
    rows: Sequence[Sequence[float]], y: Sequence[float], signs: Sequence[int], bits: Sequence[Sequence[int]], loss: Loss
) -> float:
    """Solve one convex program of the paper's algorithm 1 with cvxpy: a second opinion in floats.

    Minimises the mean loss of ``sum_i s_i [bit_ij] (a_i . x_j + b_i)`` over all (a_i, b_i) whose sign at point j is
    given by bit_ij.

    Parameters
    ----------
    rows : sequence of (n + 1)-tuples of float
        The data ``(x_j, 1)``.
    y : sequence of float
    signs : sequence of -1 and 1
        One for each neuron.
    bits : sequence of sequences of 0 and 1
        Of each neuron, its dichotomy.
    loss : Loss

    Returns
    -------
    float
        The mean loss as the solver reports it, the Huber loss divided by min(delta, 1); nan if the solver gives up.

    Notes
    -----
    Exactness: *float*, about as good as the solver; it wants labels and data whose sizes are near 1.

    References
    ----------
    Arora, Basu, Mianjy, Mukherjee 2018, algorithm 1.
    """
    import cvxpy
    import numpy as np

    data, labels = np.asarray(rows, dtype=np.float64), np.asarray(y, dtype=np.float64)
    total: Any = 0
    constraints = []
    for sign, side in zip(signs, bits, strict=True):
        theta = cvxpy.Variable(data.shape[1])
        on = np.asarray(side, dtype=np.float64)
        total = total + sign * cvxpy.multiply(on, data @ theta)
        constraints.append(cvxpy.multiply(2 * on - 1, data @ theta) >= 0)
    if loss.name == "squared":
        cost = cvxpy.sum_squares(total - labels)
    elif loss.name == "absolute":
        cost = cvxpy.norm1(total - labels)
    elif loss.name == "hinge":
        cost = cvxpy.sum(cvxpy.pos(1 - cvxpy.multiply(labels, total)))
    else:
        # min over m of share^2 m^2 / 2 + delta |off - share m|, divided by share: well scaled for any delta
        share = min(float(loss.delta), 1.0)
        inner = cvxpy.Variable(len(labels))
        edge = float(loss.delta / min(loss.delta, Fraction(1)))
        cost = share / 2 * cvxpy.sum_squares(inner) + edge * cvxpy.norm1(total - labels - share * inner)
    problem = cvxpy.Problem(cvxpy.Minimize(cost), constraints)
    try:
        value = problem.solve()
    except cvxpy.error.SolverError:
        return math.nan
    return float(value) / len(labels) if problem.status in ("optimal", "optimal_inaccurate") else math.nan
