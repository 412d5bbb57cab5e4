"""Linear programs against the oracle and SciPy, and the float kernels: whatever they claim to prove must be true.

Legend: a row ``(g_1, .., g_d, g_0)`` is the form ``g(x)``, as a constraint ``g(x) >= 0``. ``G`` are float rows and
``E`` bounds on their distance from the exact rows; the tests draw exact rows anywhere inside these bounds.
"""

from __future__ import annotations

import math
from fractions import Fraction as F

import networks
import numpy as np
import oracle
import pytest
import strategies
from hypothesis import example, given, settings
from hypothesis import strategies as st

from polyrelu import CertificationError, kernels, lp
from polyrelu.exact import primitive

small = st.integers(-3, 3)


def rows_of(system):
    return oracle.wall_rows(zip(system.A, system.b, strict=True))


def proves(solution, objective, rows):
    """Re-prove an answer without the code of lp.py."""
    d = len(objective)
    y = solution.multipliers
    total = [sum((v * rows[i][c] for i, v in y.items()), F(0)) for c in range(d + 1)]
    if any(v < 0 for v in y.values()):
        return False
    if solution.status == "infeasible":
        return not any(total[:d]) and total[d] < 0
    if any(oracle.value(row, solution.point) < 0 for row in rows):
        return False
    gain = oracle.value((*objective, 0), solution.ray or solution.point)
    if solution.status == "unbounded":
        return gain > 0 and all(oracle.value((*row[:d], 0), solution.ray) >= 0 for row in rows)
    # objective(x) = value - sum y_i g_i(x) for all x
    return gain == solution.value == total[d] and [-v for v in total[:d]] == list(objective)


# -- maximize -------------------------------------------------------------------------
@given(strategies.systems(), st.lists(small, min_size=3, max_size=3), st.booleans())
@settings(max_examples=300)
def test_every_answer_is_proved(system, numbers, halves):
    rows, objective = rows_of(system), [F(v, 2) if halves else v for v in numbers[: system.d]]
    solution = lp.maximize(objective, rows)

    assert proves(solution, objective, rows)
    assert solution.check(objective, rows)
    assert (solution.status == "infeasible") == (oracle.feasible_point(rows, system.d) is None)


@given(strategies.systems(), st.lists(small, min_size=3, max_size=3))
@settings(max_examples=150)
def test_maxima_agree_with_scipy(system, numbers):
    optimize = pytest.importorskip("scipy.optimize")
    rows, objective = rows_of(system), numbers[: system.d]
    solution = lp.maximize(objective, rows)
    A = np.array([row[:-1] for row in rows], dtype=float).reshape(len(rows), system.d)
    b = np.array([row[-1] for row in rows], dtype=float)
    # without presolve HiGHS tells infeasible from unbounded
    result = optimize.linprog(
        -np.array(objective, dtype=float), A_ub=-A, b_ub=b, bounds=(None, None), options={"presolve": False}
    )

    assert {0: "optimal", 2: "infeasible", 3: "unbounded"}[result.status] == solution.status
    if solution.status == "optimal":
        # minors of order 3 of entries up to 3 stay below 200, so the float has one fraction near it
        assert F(-result.fun).limit_denominator(200) == solution.value


# Each makes a textbook simplex method go round in circles; the maximum is known. With rows and coordinates in
# the second order, so does one that enters the least index and leaves the greatest (Bland's rule wants the least).
CYCLING = {
    # Beale 1955
    "Beale": (
        [F(3, 4), -150, F(1, 50), -6],
        [[F(1, 4), -60, F(-1, 25), 9, 0], [F(1, 2), -90, F(-1, 50), 3, 0], [0, 0, 1, 0, 1]],
        F(1, 20),
        ([1, 2, 6, 4, 0, 3, 5], [0, 1, 2, 3]),
    ),
    # Chvatal, Linear Programming, 1983, chapter 3
    "Chvatal": (
        [10, -57, -9, -24],
        [[F(1, 2), F(-11, 2), F(-5, 2), 9, 0], [F(1, 2), F(-3, 2), F(-1, 2), 1, 0], [1, 0, 0, 0, 1]],
        F(1),
        ([1, 4, 6, 3, 5, 0, 2], [0, 1, 3, 2]),
    ),
    # Kuhn, in Balinski and Tucker 1969
    "Kuhn": (
        [2, 3, -1, -12],
        [[-2, -9, 1, 9, 0], [F(1, 3), 1, F(-1, 3), -2, 0], [2, 3, -1, -12, 2]],
        F(2),
        ([4, 1, 0, 6, 5, 2, 3], [3, 2, 1, 0]),
    ),
    # Chvatal's without the bound that stops it: the ray is found
    "unbounded": (
        [10, -57, -9, -24],
        [[F(1, 2), F(-11, 2), F(-5, 2), 9, 0], [F(1, 2), F(-3, 2), F(-1, 2), 1, 0]],
        None,
        ([3, 5, 1, 4, 2, 0], [1, 0, 3, 2]),
    ),
}


@pytest.mark.parametrize("name", CYCLING)
@pytest.mark.parametrize("proposals", ["floats", "none"])
@pytest.mark.parametrize("order", ["first", "second"])
def test_examples_that_cycle(name, proposals, order, monkeypatch):
    objective, table, maximum, (rows_order, columns) = CYCLING[name]
    rows = oracle.wall_rows((a, b) for *a, b in table) + [tuple(int(i == k) for i in range(5)) for k in range(4)]
    if order == "second":
        rows = [tuple(rows[i][c] for c in (*columns, 4)) for i in rows_order]
        objective = [objective[c] for c in columns]
    if proposals == "none":
        monkeypatch.setattr(lp._Walk, "_propose", lambda self: None)
    locate, seen = lp._Walk._locate, set()

    def no_basis_twice(self):
        assert (tuple(self.basis) not in seen) or -1 in self.basis
        seen.add(tuple(self.basis))
        return locate(self)

    monkeypatch.setattr(lp._Walk, "_locate", no_basis_twice)
    solution = lp.maximize(objective, rows, (F(0),) * 4)  # the degenerate vertex

    assert solution.value == maximum
    assert solution.status == ("optimal" if maximum is not None else "unbounded")
    assert proves(solution, objective, rows)


@given(strategies.systems(), st.lists(small, min_size=3, max_size=3), st.data())
@settings(max_examples=150)
def test_no_proposal_can_change_the_answer(system, numbers, data):
    """Bases at random, singular and infeasible ones with them, in place of the float walk's."""
    rows, objective = rows_of(system), numbers[: system.d]
    truth = lp.maximize(objective, rows)

    def propose(self):
        return data.draw(st.lists(st.integers(-1, len(self.rows) - 1), min_size=self.d, max_size=self.d))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lp._Walk, "_propose", propose)
        solution = lp.maximize(objective, rows)
    assert (solution.status, solution.value) == (truth.status, truth.value)
    assert proves(solution, objective, rows)


@pytest.mark.parametrize(
    ("objective", "rows", "status", "value"),
    [
        ([1], [], "unbounded", None),
        ([0], [], "optimal", 0),
        ([1, 1], [(-1, 0, 1), (0, -1, 1)], "optimal", 2),
        ([1, 1], [(-1, 0, 1)], "unbounded", None),
        ([0, 0], [(-1, 0, 1)], "optimal", 0),
        ([1], [(-1, 1), (1, -2)], "infeasible", None),  # x <= 1, x >= 2
        ([1], [(0, -1)], "infeasible", None),  # 0 >= 1
        ([1], [(-1, 1), (0, 0), (0, 5)], "optimal", 1),
        ([1], [(-1, 1), (-2, 2), (-1, 1)], "optimal", 1),
        ([1], [(-3, 1), (3, -1)], "optimal", F(1, 3)),  # a single point
        ([1, 0], [(-1, 0, 10**400)], "optimal", 10**400),  # beyond the floats
        ([1], [(-(10**400), 1)], "optimal", F(1, 10**400)),
        ([1], [(1, -(10**400)), (-1, 10**400 + 1)], "optimal", 10**400 + 1),
        ([10**400, 1], [(-1, 0, 1), (0, -1, 1)], "optimal", 10**400 + 1),
    ],
)
def test_small_programs(objective, rows, status, value):
    solution = lp.maximize(objective, rows)

    assert (solution.status, solution.value) == (status, value)
    assert proves(solution, objective, rows) and solution.check(objective, rows)


def test_a_start_that_is_not_feasible_is_no_silent_answer():
    with pytest.raises(CertificationError, match="the start of an exact linear program is not feasible"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lp._Walk, "_propose", lambda self: None)
            lp.maximize([1], [(-1, 1)], (F(2),))


def test_check_refuses_wrong_proofs():
    rows, objective = [(1, 0, 0), (0, 1, 0), (-1, -1, 1)], [1, 2]
    good = lp.maximize(objective, rows)
    assert good.check(objective, rows)

    def solution(**changes):
        return lp.Solution(**{**vars(good), **changes})

    wrong = [
        solution(value=F(3)),
        solution(point=(F(1), F(0))),  # feasible, though not a maximiser
        solution(point=(F(0), F(3))),  # not feasible
        solution(multipliers={0: F(1)}),
        solution(multipliers={0: F(-1), 2: F(2)}),
        solution(status="infeasible"),
        solution(status="unbounded", ray=(F(1), F(0))),
        solution(status="unbounded", ray=(F(-1), F(0))),
    ]
    assert not any(s.check(objective, rows) for s in wrong)
    empty = lp.maximize([1], [(-1, 1), (1, -2)])
    assert empty.check([1], [(-1, 1), (1, -2)])
    assert not empty.check([1], [(-1, 2), (1, -2)])  # x = 2 is left


# -- deepest and interior points ------------------------------------------------------
@given(strategies.systems())
@settings(max_examples=200)
def test_deepest_points_and_their_proofs(system):
    rows, d = rows_of(system), system.d
    deep = lp.deepest_point(rows, d)
    y = deep.multipliers
    sizes = [max(1, sum(map(abs, row[:d]))) for row in rows]

    assert all(oracle.value(row, deep.point) >= deep.depth * size for row, size in zip(rows, sizes, strict=True))
    assert deep.depth <= 1
    dimension = oracle.dimension(rows, d)
    assert (deep.depth > 0) == (oracle.interior_point([r for r in rows if any(r[:-1])], d) is not None
                                and all(r[-1] > 0 for r in rows if not any(r[:-1])))  # fmt: skip
    assert (deep.depth < 0) == (dimension == -1)
    if deep.depth <= 0:
        # the certificate: a combination of rows that is the constant depth, with weights of total size 1
        assert all(v > 0 for v in y.values())
        assert [sum(v * rows[i][c] for i, v in y.items()) for c in range(d)] == [0] * d
        assert sum(v * rows[i][d] for i, v in y.items()) == deep.depth
        assert sum(v * sizes[i] for i, v in y.items()) == 1


@given(strategies.systems())
@settings(max_examples=100)
def test_interior_points(system):
    rows = rows_of(system)
    x = lp.interior_point(rows, system.d)
    nonzero = [row for row in rows if any(row)]

    assert (x is None) == (oracle.interior_point(nonzero, system.d) is None)
    assert x is None or all(oracle.value(row, x) > 0 for row in nonzero)
    if x is not None:
        assert lp.interior_point(rows, system.d, x) == x  # a good guess is kept
        bad = [F(10**6)] * system.d
        again = lp.interior_point(rows, system.d, bad)
        assert all(oracle.value(row, again) > 0 for row in nonzero)


@pytest.mark.parametrize("exponent", [-400, -300, 300, 400])
def test_interior_points_of_slivers_far_beyond_the_floats(exponent):
    # 10^e < x < 10^e (1 + 10^-40)
    scale = F(10) ** exponent
    rows = [oracle.integer_row((F(1), -scale)), oracle.integer_row((F(-1), scale * (1 + F(1, 10**40))))]
    (x,) = lp.interior_point(rows, 1)

    assert scale < x < scale * (1 + F(1, 10**40))


# -- exact facets ---------------------------------------------------------------------
@given(strategies.systems())
@settings(max_examples=200)
def test_exact_facets_agree_with_the_oracle(system):
    rows, d = rows_of(system), system.d
    facets = lp.settle(rows, d)
    nonzero = [row for row in rows if any(row)]
    x = oracle.interior_point(nonzero, d)

    assert (facets is None) == (x is None)
    if facets is not None:
        assert facets.zero == [i for i, row in enumerate(rows) if not any(row)]
        assert all(oracle.value(row, facets.interior) > 0 for row in nonzero)
        assert facets.groups == facets_of(rows, d)
        # with what floats prove, the same
        G, E = lp.float_rows(rows) if rows else (np.zeros((0, d + 1)),) * 2
        infinite = np.full(d, np.inf)
        status, center, _ = lp.classify(G, E, -infinite, infinite, np.zeros(d))
        assert lp.settle(rows, d, status, [F(v) for v in center]).groups == facets.groups


def facets_of(rows, d):
    """Return the groups of coincident rows that are facets, by the oracle's LP."""
    groups = {}
    for i, row in enumerate(rows):
        if any(row[:-1]):
            groups.setdefault(oracle.integer_row(map(F, row)), []).append(i)
    points = {row: oracle.interior_point(oracle.restrict(groups, row), d - 1) for row in groups}
    return sorted(tuple(g) for row, g in groups.items() if points[row] is not None)


def test_float_rows_are_scaled_and_bounded():
    rows = [(1, -3, 2), (2**60 + 1, 1, -(2**61)), (10**400, 1, 0), (0, 0, 0), (3, 7, 10**30), (2**53 - 1, 0, 1)]
    G, E = lp.float_rows(rows)

    for row, g, e in zip(rows, G, E, strict=True):
        top = 1 << max(v.bit_length() for v in row)
        assert all(abs(F(v) - F(w, top)) <= F(b) for v, w, b in zip(g, row, e, strict=True))
        assert np.abs(g).max() <= 1
    assert not E[[0, 3, 5]].any()  # small integers are exact
    assert lp.float_rows([])[0].shape == (0, 1)


# -- kernels: whatever they prove is true ---------------------------------------------
def inside(G, E, rng):
    """Draw exact rows with |G - row| <= E: at G, at the ends of E, or between."""
    theta = rng.choice([-1, 0, 1, F(1, 3), F(-7, 9)], size=G.shape)
    return [[F(g) + F(e) * t for g, e, t in zip(*row, strict=True)] for row in zip(G, E, theta, strict=True)]


def check_claims(G, E, exact, lo, hi, start=None, classify=lp.classify):
    """Classify float rows and check every claim against the exact rows with the oracle; return the states.

    The region is {x : exact rows >= 0}. Rows are UNDECIDED if nothing is claimed.
    """
    d = len(lo)
    start = np.zeros(d) if start is None else start
    status, center, code = classify(G, E, lo, hi, start)
    rows = [oracle.integer_row(row) for row in exact]
    for i, row in enumerate(rows):
        assert status[i] != kernels.UNKNOWN
        if status[i] == kernels.ZERO:
            assert not any(row)
        elif status[i] == kernels.REDUNDANT:
            assert oracle.feasible_point([*rows, oracle.negative(row)], d) is None
        elif status[i] == kernels.FACET:
            assert [r for r in rows if r in (row, oracle.negative(row))] == [row]
            assert oracle.interior_point(oracle.restrict(rows, row), d - 1) is not None
    if code == kernels.DECIDED:
        assert not (status == kernels.UNDECIDED).any()
        assert all(oracle.value(row, [F(v) for v in center]) > 0 for row in rows if any(row))
    return status


def box_rows(lo, hi):
    """Return walls with the sign of rows: x - lo >= 0 and hi - x >= 0."""
    d = len(lo)
    return np.vstack([np.hstack([np.eye(d), -lo[:, None]]), np.hstack([-np.eye(d), hi[:, None]])])


def awkward_rows(rng, m, d):
    """Draw rows around 0 that are nearly or exactly coincident, or of extreme size, with bounds small and large."""
    rows = []
    while len(rows) < m:
        kind = rng.integers(6)
        row = np.append(rng.integers(-2, 3, d), rng.integers(0, 4)).astype(float)
        if kind >= 2 and rows:  # close to an earlier one, or its sum with another
            row = rows[rng.integers(len(rows))].copy()
            if kind == 3:
                row += rows[rng.integers(len(rows))]
            if kind == 4:
                row *= -1.0
                row[-1] += rng.integers(0, 2) * 2.0 ** -rng.integers(0, 60)
            row += rng.choice([0, 0, 1, -1], d + 1) * 10.0 ** -rng.integers(9, 17)
        elif kind == 1:
            row = np.append(rng.normal(size=d), abs(rng.normal()))
        rows.append(row)
    G = np.array(rows)
    shape = rng.integers(3)
    if shape == 1:
        G *= 10.0 ** rng.choice([-150.0, -100, -20, 0, 20, 100, 150], size=(m, 1))
    if shape == 2:
        G *= 10.0 ** rng.choice([-320.0, -310, -300, 0, 0, 300, 307], size=(m, 1))
    error = rng.integers(4)
    E = [np.zeros_like(G), np.abs(G) * 2.0**-52, np.abs(G) * 10.0 ** -rng.integers(6, 17), np.full_like(G, 1e-300)]
    return G, E[error]


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("bounded", [True, False])
def test_claims_on_awkward_rows_are_true(d, bounded):
    """Rows 1e-9 to 1e-16 apart, of size 1e-320 to 1e307, with and without error: no claim may be false."""
    claims = np.zeros(5, dtype=int)
    for seed in range(300):
        rng = np.random.default_rng((d, bounded, seed))
        G, E = awkward_rows(rng, int(rng.integers(1, 9)), d)
        lo, hi = np.full(d, -np.inf), np.full(d, np.inf)
        if bounded:
            hi = rng.choice([1.0, 2.0, 1e-9, 1e9, 1e150], size=d)
            lo = -hi * rng.choice([1.0, 0.0, 0.5], size=d)
            G, E = np.vstack([G, box_rows(lo, hi)]), np.vstack([E, np.zeros((2 * d, d + 1))])
        if not np.isfinite(G).all():
            continue
        status = check_claims(G, E, inside(G, E, rng), lo, hi)
        claims += np.bincount(status, minlength=5)
    # the test would be void if floats left everything undecided; without a box few rows have a cheap proof
    assert claims[kernels.FACET] > 20 and claims[kernels.REDUNDANT] > (20 if bounded else 0)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_claims_of_the_many_dimensional_path_are_true(d):
    from polyrelu import highdim

    claims = np.zeros(5, dtype=int)
    for seed in range(100):
        rng = np.random.default_rng((d, seed))
        G, E = awkward_rows(rng, int(rng.integers(1, 9)), d)
        hi = rng.choice([1.0, 2.0, 1e-9, 1e9, 1e150], size=d)
        lo = -hi * rng.choice([1.0, 0.5], size=d)
        G, E = np.vstack([G, box_rows(lo, hi)]), np.vstack([E, np.zeros((2 * d, d + 1))])
        status = check_claims(G, E, inside(G, E, rng), lo, hi, classify=highdim.classify)
        claims += np.bincount(status, minlength=5)
    assert claims[kernels.FACET] > 20 and claims[kernels.REDUNDANT] > 20


@pytest.mark.parametrize("sizes", [(2, 6, 6, 1), (3, 5, 5, 1), (1, 5, 5, 5, 1)], ids=str)
@pytest.mark.parametrize("bounded", [True, False])
def test_claims_on_regions_of_he_networks_are_true(sizes, bounded):
    d = sizes[0]
    lo, hi = (np.full(d, -2.0), np.full(d, 2.0)) if bounded else (np.full(d, -np.inf), np.full(d, np.inf))
    decided = 0
    for seed in range(8):
        net = networks.he_network(sizes, seed)
        rng = np.random.default_rng(seed)
        for pattern in np.unique(net.pattern(rng.uniform(-2, 2, (4, d))), axis=0):
            G, E = np.empty((net.neurons, d + 1)), np.empty((net.neurons, d + 1))
            kernels.affine_forms(net.packed, d, pattern, G, E, 0)
            sign = np.where(pattern[:, None] == 1, 1.0, -1.0)
            forms = np.vstack([f.fractions() for f in list(net.layer_forms(pattern))[:-1]]) * sign.astype(int)
            walls = box_rows(lo, hi) if bounded else np.zeros((0, d + 1))
            exact = [*forms.tolist(), *[[F(v) for v in row] for row in walls]]
            status = check_claims(
                np.vstack([sign * G, walls]), np.vstack([E, np.zeros_like(walls)]), exact, lo, hi, np.zeros(d)
            )
            decided += not (status == kernels.UNDECIDED).any()
    assert decided > 10  # of about 30: without a box, rows that are far from being facets have no cheap proof


# Weights of every size: subnormal, beyond the square root of the range, and such that products overflow.
SCALES = [5e-324, 1e-310, 1e-300, 1e-200, 1e-55, 1.0, 1e55, 1e150, 1e200, 1e300]


def scaled_network(rng, sizes, kind):
    """Draw a network with layers of very different scale: floats, float32, Fractions that are no floats."""
    weights, biases = [], []
    for layer, size in enumerate(sizes[1:]):
        columns = sum(sizes[: layer + 1]) if kind == "skips" else sizes[layer]
        with np.errstate(all="ignore"):
            w = rng.normal(size=(size, columns)) * rng.choice(SCALES, size=(size, columns))
            b = rng.normal(size=size) * rng.choice(SCALES, size=size)
            if kind == "subnormal":
                w, b = rng.integers(-9, 10, (size, columns)) * 5e-324, rng.integers(-9, 10, size) * 5e-324
                if layer:
                    w = rng.normal(size=w.shape) * 1e300
            if kind == "float32":
                w, b = w.astype(np.float32), b.astype(np.float32)
                w[~np.isfinite(w)], b[~np.isfinite(b)] = 1, 1
        if kind == "fractions":
            w = [[F(v) / 3 for v in row] for row in w]
            b = [F(v) / 7 * F(10) ** -int(rng.integers(0, 40)) for v in b]
        weights.append(w)
        biases.append(b)
    return networks.ReluNetwork(weights, biases)


@pytest.mark.parametrize("kind", ["floats", "float32", "fractions", "skips", "subnormal"])
def test_affine_forms_keep_their_error_bounds(kind):
    """Found by attack: bounds lost a subnormal coefficient before a weight of 1e300 multiplied it."""
    finite = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        net = scaled_network(rng, (2, 3, 3, 3, 1), kind)
        pattern = rng.integers(0, 2, net.neurons).astype(np.uint8)
        G, E = np.empty((net.neurons, 3)), np.empty((net.neurons, 3))
        kernels.affine_forms(net.packed, 2, pattern, G, E, 0)
        exact = [form for layer in list(net.layer_forms(pattern))[:-1] for form in layer.fractions().tolist()]
        for i in range(net.neurons):
            for c in range(3):
                if np.isfinite(G[i, c]) and np.isfinite(E[i, c]):
                    finite += 1
                    assert abs(F(G[i, c]) - exact[i][c]) <= F(E[i, c])
                else:
                    assert not abs(G[i, c]) > E[i, c]  # an overflow certifies nothing
    assert finite > 1000


def test_forms_behind_dead_layers_are_exactly_zero():
    net = networks.build([([[1, 1]], [0]), ([[3]], [0]), ([[0.1]], [0]), ([[1]], [0])])
    G, E = np.empty((3, 3)), np.empty((3, 3))
    kernels.affine_forms(net.packed, 2, np.zeros(3, dtype=np.uint8), G, E, 0)

    assert not G[1:].any() and not E[1:].any()


@settings(max_examples=300)
@given(st.integers(0, 2**32 - 1))
def test_values_and_minima_keep_their_error_bounds(seed):
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 5))
    with np.errstate(all="ignore"):
        G = rng.normal(size=(1, d + 1)) * rng.choice(SCALES, size=(1, d + 1))
        x = rng.normal(size=d) * rng.choice(SCALES, size=d)
        if rng.integers(2):  # nearly zero at x
            G[0, d] = -float(np.dot(G[0, :d], x))
        E = np.abs(G) * rng.choice([0.0, 2.0**-52, 1e-9])
        lo, hi = np.minimum(x, 2 * x), np.maximum(x, 2 * x)
    if not (np.isfinite(G).all() and np.isfinite(lo).all() and np.isfinite(hi).all()):
        return
    (row,) = inside(G, E, rng)
    value, bound = kernels.certified_value(G, E, 0, x)
    if math.isfinite(value) and math.isfinite(bound):
        assert abs(F(value) - oracle.value(row, [F(v) for v in x])) <= F(bound)
    lowest = kernels.minimum_over_box(G, E, 0, lo, hi)
    corner = [F(a) if g > 0 else F(b) for g, a, b in zip(row, lo, hi, strict=False)]
    assert not lowest > -math.inf or F(lowest) <= oracle.value(row, corner)


def exact_basis_proof(exact, i, chosen):
    """Solve row i = sum lam_k row_k for the linear parts; return (all lam >= 0, the constant that is left)."""
    from polyrelu.exact import RationalMatrix

    M = RationalMatrix.of([exact[k][:-1] for k in chosen]).transpose()
    lam = M.solve(RationalMatrix.of([[v] for v in exact[i][:-1]]))
    if lam is None:
        return False, None
    lam = [v[0] for v in lam.fractions()]
    return min(lam) >= 0, exact[i][-1] - sum(v * exact[k][-1] for v, k in zip(lam, chosen, strict=True))


def test_multipliers_prove_only_what_is_true():
    """implied_over_box and implied_by_basis with good, bad and mad multipliers and inverses."""
    proved = np.zeros(2, dtype=int)
    for seed in range(900):
        rng = np.random.default_rng(seed)
        d = int(rng.integers(1, 4))
        M = rng.integers(-2, 3, (d, d)) + rng.choice([0.0, 1e-9, 1e-15]) * rng.normal(size=(d, d))
        weight = rng.choice([0.0, 1e-17, 1e-9, 0.5, 1.0, 3.0], size=d)
        G = np.zeros((d + 1, d + 1))
        G[:d, :d], G[:d, d] = M, rng.normal(size=d)
        G[d] = weight @ G[:d]
        G[d, d] += rng.choice([-1e-9, -1e-16, 0.0, 1e-17, 1e-16, 1e-15, 1e-9, 1.0])
        G *= 10.0 ** rng.choice([-300.0, -160, -20, 0, 0, 0, 20, 150], size=(d + 1, 1))
        E = np.abs(G) * rng.choice([0.0, 0.0, 2.0**-53, 1e-12, 0.3])
        exact = inside(G, E, rng)
        rows = np.arange(d)
        with np.errstate(all="ignore"):
            size = np.abs(G[:, :d]).max(axis=1)
            weights = weight * size[d] / size[:d]
            try:
                inv = np.linalg.inv(G[:d, :d] / size[:d, None]) / size[:d]
            except np.linalg.LinAlgError:
                inv = rng.normal(size=(d, d))
            inv += inv * rng.choice([0.0, 1e-12, 0.2, 1e9]) * rng.normal(size=(d, d))
            weights *= 1 + rng.choice([0.0, 1e-16, 1e-9]) * rng.normal(size=d)
        hi = np.full(d, rng.choice([1e-9, 1.0, 1e9]))
        if seed % 3 == 0:
            # rows that are far less certain than the one to prove, about to meet in one point with it
            weights, inv, E, hi = np.abs(rng.normal(size=d)), np.eye(d), np.zeros_like(G), np.full(d, 4.0)
            G[:d, :d], G[:d, d], G[d, :d] = np.eye(d), rng.normal(size=d), weights
            G[d, d] = weights @ G[:d, d] + rng.choice([1e-15, 1e-8, 1e-5])
            E[:d, d] = rng.choice([1e-14, 1e-6])
            exact = inside(G, E, rng)
        if kernels.implied_over_box(G, E, d, rows, weights, -hi, hi):
            proved[0] += 1
            # the least value of row d over the box, given the other rows: no point there has it <= 0
            walls = [[F(v) for v in row] for row in box_rows(-hi, hi)]
            system = [oracle.integer_row(row) for row in [*exact[:d], *walls, [-v for v in exact[d]]]]
            assert oracle.feasible_point(system, d) is None
        if kernels.implied_by_basis(G, E, d, rows, inv):
            proved[1] += 1
            nonnegative, constant = exact_basis_proof(exact, d, range(d))
            assert nonnegative and constant > 0
    assert proved.min() > 50


def test_not_a_number_in_an_inverse_proves_nothing():
    """Found by reading: max() swallows NaN, so a column of I - M B that is NaN was left out of rho."""
    G = np.array([[1e200, 1e200, 1.0], [1.0, 0.0, 1.0], [1.0, 0.0, 3.0]])
    E = np.zeros_like(G)
    inv = np.array([[0.0, 1e200], [0.0, -1e200]])

    for B in (inv, inv[:, ::-1].copy(), np.full((2, 2), np.nan), np.full((2, 2), np.inf)):
        assert not kernels.implied_by_basis(G, E, 2, np.array([0, 1]), B)
    assert not kernels.implied_by_basis(G, E, 2, np.array([0, -1]), np.eye(2))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["linear", "constant", "error"])
def test_overflow_leaves_rows_undecided(value, where):
    G, E = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]), np.zeros((2, 3))
    if where == "error":
        E[0, 0] = abs(value)
    else:
        G[0, 0 if where == "linear" else 2] = value
        E[0] = np.inf
    lo, hi = np.full(2, -1.0), np.full(2, 1.0)
    rows = np.vstack([G, box_rows(lo, hi)])
    status, _, code = lp.classify(rows, np.vstack([E, np.zeros((4, 3))]), lo, hi, np.zeros(2))

    assert status[0] == kernels.UNDECIDED and code == kernels.PARTIAL


def test_a_sum_that_overflows_is_no_witness_in_many_dimensions():
    """inf on the way to -1.5e308: the bound alone is finite."""
    from polyrelu import highdim

    G = np.array([[1.5e300, 1.5e300, -1.5e300, -1.5e300, -1.5e300, 0.0], [-1.0, 0, 0, 0, 0, 0]])
    for count in (1, 3):  # one point or several: BLAS adds in another order
        points = np.full((count, 5), 1e8)
        assert not highdim._witnesses(G, np.zeros_like(G), points).any()  # row 0 is negative there as well


@given(strategies.systems(max_rows=6))
@example(strategies.System([[1, 0], [-1, 0], [0, 1]], [1, 1, 1], 2))
@settings(max_examples=60)
def test_many_dimensions_and_few_give_the_same_facets(system):
    """Force every region through HiGHS, and forbid the float walk in exact programs."""
    rows, d = rows_of(system), system.d
    expected = lp.settle(rows, d)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lp, "SMALL_DIMENSION", 0)
        G, E = lp.float_rows(rows) if rows else (np.zeros((0, d + 1)),) * 2
        infinite = np.full(d, np.inf)
        status, center, _ = lp.classify(G, E, -infinite, infinite, np.zeros(d))
        found = lp.settle(rows, d, status, [F(v) for v in center])
    assert (found and found.groups) == (expected and expected.groups)


def test_primitive_rows_group_coincident_ones():
    assert primitive([2, 4, 6]) == primitive([3, 6, 9]) != primitive([-2, -4, -6])
