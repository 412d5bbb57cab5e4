"""Properties of a network, decided exactly: is any input of a given set unsafe.

A property (see :mod:`polyrelu.vnnlib`) is a disjunction of conjunctions of linear constraints on inputs and outputs.
The constraints on inputs alone make a polytope, which is cut into activation regions. The other ones are affine on
each region: where bounds prove that one constraint of every conjunction fails, a cell is dropped before it is cut
any further; a region that is left is decided by an exact linear program.
"""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from .constraints import InputSet, constraint_rows, feasible_point, input_sets
from .enumeration import AUTO_DIMENSION
from .enumeration.progress import Wanted
from .errors import CertificationError, InputError
from .exact import Point
from .network import Layer, ReluNetwork
from .polytope import HPolytope
from .readers.files import located, writable_file
from .safety import Statement, check_sizes, state
from .stream import Batch, OutOfTime, as_batch, exact_output, exact_rows, load_kernels, region_batches, with_outputs
from .vnnlib import Property, read_vnnlib

# Random points that are tried before the search.
SAMPLES = 1024


@dataclass(frozen=True)
class Decision:
    """The answer of :func:`check`.

    Attributes
    ----------
    status : str
        ``"sat"``: some input is unsafe; ``"unsat"``: none is; ``"unknown"``: the time was up.
    counterexample : tuple of d Fractions or None
        For ``"sat"``: an unsafe input, exact.
    outputs : tuple of m Fractions or None
        The exact outputs of the network there.
    regions : int
        Regions that a linear program decided.
    seconds : float
        Time of the decision.
    """

    status: str
    counterexample: Point | None
    outputs: Point | None
    regions: int
    seconds: float


def check(
    net: ReluNetwork, property: str | os.PathLike[str] | Property, *, timeout: float | None = None,
    proof: str | os.PathLike[str] | None = None, workers: int | None = None, progress: Wanted = True,
) -> Decision:
    """Decide whether any input of a network is unsafe in the sense of a VNN-LIB property.

    Parameters
    ----------
    net : ReluNetwork
    property : path or Property
        A VNN-LIB file, or what :func:`polyrelu.vnnlib.parse_vnnlib` returns. It describes the unsafe set; every
        disjunct must bound every input.
    timeout : float, optional
        Seconds after which the answer is ``"unknown"``, kept to about a fifth of a second.
    proof : path, optional
        A ``.npz`` file for the proof of ``"unsat"``: all regions, and multipliers that show each of them safe
        (:mod:`polyrelu.safety`). It is made after the decision, the time limit is not for it.
    workers, progress
        As for :func:`polyrelu.enumerate_regions`.

    Returns
    -------
    Decision

    Raises
    ------
    InputError
        A file that cannot be read, other numbers of inputs or outputs than the network's, an input without a bound.

    Notes
    -----
    Exactness: *exact*. A counterexample is a rational point; the exact network confirms it, strict constraints
    included; unsafe points on the boundary of a region, single ones as well, are found. The subdivision drops a cell as
    soon as rigorous bounds (:mod:`polyrelu.enumeration.cutting`) prove that every disjunct has a constraint that fails
    on all of it; an exact linear program decides each region that is left. In more than seven inputs the breadth-first
    search finds the regions, and each is decided. Inputs with equal bounds are eliminated.

    Examples
    --------
    Is |x| >= 1 for some x in [-1/2, 1]? Yes, at a single point; |x| > 1 is not.

    >>> from polyrelu.vnnlib import parse_vnnlib
    >>> net = ReluNetwork([[[1], [-1]], [[1, 1]]], [[0, 0], [0]])
    >>> text = '''(declare-const X_0 Real) (declare-const Y_0 Real)
    ...           (assert (>= X_0 -0.5)) (assert (<= X_0 1)) (assert (>= Y_0 1))'''
    >>> verdict = check(net, parse_vnnlib(text))
    >>> verdict.status, verdict.counterexample
    ('sat', (Fraction(1, 1),))
    >>> check(net, parse_vnnlib(text.replace(">= Y_0", "> Y_0"))).status
    'unsat'
    """
    wanted = property if isinstance(property, Property) else read_vnnlib(property)
    if not isinstance(net, ReluNetwork):
        raise InputError(f"net is of type {type(net).__name__}; give a ReluNetwork (polyrelu.load reads model files)")
    check_sizes(net, wanted.inputs, wanted.outputs)
    if timeout is not None and (isinstance(timeout, bool | str) or not timeout > 0):
        raise InputError(f"timeout is {timeout}; give a positive number of seconds, or None")
    statement = None
    if proof is not None:
        with located(proof):
            writable_file(proof, (".npz",), "a proof")
        statement = state(wanted)
    load_kernels()
    began = time.perf_counter()
    deadline = None if timeout is None else began + timeout
    problems = input_sets(net, wanted)
    looked = 0
    status, x = "unsat", None
    try:
        for problem in problems:
            x, more = _search(problem, wanted, net, deadline, workers, progress)
            looked += more
            if x is not None:
                status = "sat"
                break
    except OutOfTime:
        status = "unknown"
    seconds = time.perf_counter() - began
    if x is not None:
        y = exact_output(net, x)
        if not wanted.holds(x, y):
            raise CertificationError("a linear program found an unsafe point that the network does not confirm")
        return Decision(status, x, y, looked, seconds)
    if status == "unsat" and proof is not None and statement is not None:
        save_proof(net, statement, proof)
    return Decision(status, None, None, looked, seconds)


def save_proof(net: ReluNetwork, statement: Statement, path: str | os.PathLike[str]) -> None:
    """Write the proof that no input is unsafe: all regions, the property, and on each of them why it holds nowhere.

    Raises
    ------
    CertificationError
        Some input is unsafe.
    """
    from .enumeration import enumerate_regions
    from .storage import save_complex

    cx = enumerate_regions(statement.restrict(net), statement.domain, progress=False)
    save_complex(cx, path, True, statement.goal)


# -- the search -----------------------------------------------------------------------
def _search(
    problem: InputSet, wanted: Property, net: ReluNetwork, deadline: float | None, workers: int | None,
    progress: Wanted,
) -> tuple[Point | None, int]:
    """Return an unsafe input or None, and how many regions needed a linear program."""
    domain = problem.domain
    if domain is None:
        x = problem.origin
        return (x if wanted.holds(x, exact_output(net, x)) else None), 0
    if not all(problem.disjuncts):  # nothing is asked of the outputs
        return problem.lift(domain.interior_point()), 0
    tried = _sample(problem, domain, wanted, net)
    if tried is not None:
        return tried, 0
    few = domain.d <= AUTO_DIMENSION and bool(np.isfinite(domain.outer_floats()).all())
    ledger = _Ledger(problem, domain, deadline)
    if few:
        ledger.cut(workers, progress)
    else:
        ledger.walk()
    return (None if ledger.unsafe is None else problem.lift(ledger.unsafe)), ledger.looked


class _Ledger:
    """Decides region by region, until one is found unsafe.

    The constraints of every disjunct stand as rows behind the network: a group of the search's goal.
    """

    def __init__(self, problem: InputSet, domain: HPolytope, deadline: float | None):
        self.problem, self.domain, self.deadline = problem, domain, deadline
        self.numbers = [k for disjunct in problem.disjuncts for k in disjunct]
        self.groups = [0, *itertools.accumulate(map(len, problem.disjuncts))]
        values = problem.constraints
        rows = Layer({k: w.rows(self.numbers) for k, w in values.blocks.items()}, values.bias.rows(self.numbers))
        self.net = with_outputs(problem.net, rows)
        self.unsafe: Point | None = None
        self.looked = 0

    def cut(self, workers: int | None, progress: Wanted) -> None:
        """Let the subdivision drop all cells on which bounds prove every disjunct false, and decide the others."""
        from .enumeration.subdivision import Search

        seconds = None if self.deadline is None else max(0.0, self.deadline - time.perf_counter())
        search = Search(
            self.net, self.domain, listing=True, workers=workers, progress=progress, goal=self.groups, seconds=seconds,
            examine=lambda regions: self._decide(as_batch(self.net.neurons, search.walls, regions)),
        )  # fmt: skip
        totals = search.run()
        if self.unsafe is None and not totals.complete:
            raise OutOfTime

    def walk(self) -> None:
        """Decide every region that the breadth-first search finds."""
        empty = np.zeros((0, len(self.numbers)), dtype=np.uint8)
        for batch in region_batches(self.problem.net, self.domain, self.deadline):
            wide = np.hstack([batch.patterns, np.resize(empty, (len(batch.patterns), len(self.numbers)))])
            rows = batch.facet_row + len(self.numbers) * (batch.facet_row >= self.problem.net.neurons)
            if self._decide(Batch(wide, batch.facet_ptr, rows)):
                return

    def _decide(self, batch: Batch) -> bool:
        for i, pattern in enumerate(batch.patterns):
            if self.deadline is not None and time.perf_counter() > self.deadline:
                raise OutOfTime
            self.looked += 1
            rows, values = exact_rows(self.net, self.domain, pattern, batch.rows(i))
            for first, last in itertools.pairwise(self.groups):
                strict = {k: self.problem.strict[self.numbers[k]] for k in range(first, last)}
                closed, open_rows = constraint_rows(values, range(first, last), strict)
                self.unsafe = feasible_point([*rows, *closed], open_rows, self.domain.d)
                if self.unsafe is not None:
                    return True
        return False


def _sample(problem: InputSet, domain: HPolytope, wanted: Property, net: ReluNetwork) -> Point | None:
    """Try random points in floats; an exact evaluation confirms one that seems unsafe."""
    lo, hi = domain.outer_floats()
    points = lo + (hi - lo) * np.random.default_rng(0).random((SAMPLES, domain.d))
    if not np.isfinite(points).all():
        return None
    values = _float_values(problem, points)
    for disjunct in problem.disjuncts:
        worst = values[:, list(disjunct)].max(axis=1)
        best = int(np.argmin(worst))
        if worst[best] <= 0:
            x = problem.lift([Fraction(v) for v in points[best].tolist()])
            if wanted.holds(x, exact_output(net, x)):
                return x
    return None


def _float_values(problem: InputSet, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    network = ReluNetwork.from_layers([*problem.net.relu_layers, problem.constraints], problem.net.input_dim)
    with np.errstate(all="ignore"):
        return np.asarray(network(points), dtype=np.float64)


# -- the competition's format ---------------------------------------------------------
def competition_text(verdict: Decision, net: ReluNetwork, wanted: Property) -> str:
    """Return a verdict in the format of the verification competition (VNN-COMP).

    The first line is ``sat``, ``unsat`` or ``timeout``; a counterexample follows as decimals. The rational
    counterexample is what is proved: its decimals are exact where they end soon, else the first of 17, 34 and 68
    digits are taken for which the rounded input is still unsafe, exactly. The outputs shown are those of that input.

    Examples
    --------
    >>> from polyrelu.vnnlib import parse_vnnlib
    >>> text = "(declare-const X_0 Real) (declare-const Y_0 Real) (assert (>= X_0 0)) (assert (<= (* 3 X_0) 1))"
    >>> wanted, net = parse_vnnlib(text + "(assert (> Y_0 0.6))"), ReluNetwork([[[2]]], [[0]])
    >>> verdict = Decision("sat", (Fraction(1, 3),), (Fraction(2, 3),), 1, 0.0)
    >>> print(competition_text(verdict, net, wanted), end="")
    sat
    ((X_0 0.33333333333333333)
     (Y_0 0.66666666666666666))
    """
    x = verdict.counterexample
    if x is None:
        return "timeout\n" if verdict.status == "unknown" else f"{verdict.status}\n"
    for digits in (17, 34, 68):
        decimals = [_decimal(v, digits) for v in x]
        rounded = tuple(Fraction(v) for v in decimals)
        y = exact_output(net, rounded)
        if wanted.holds(rounded, y):
            break
    lines = [f"(X_{i} {v:f})" for i, v in enumerate(decimals)]
    lines += [f"(Y_{j} {_decimal(v, digits):f})" for j, v in enumerate(y)]
    return "sat\n(" + "\n ".join(lines) + ")\n"


def _decimal(value: Fraction, digits: int) -> Decimal:
    return Context(prec=digits).divide(Decimal(value.numerator), Decimal(value.denominator))
