"""VNN-LIB properties: the parser, verdicts against exhaustive search, proofs of unsat, the command line."""

from __future__ import annotations

import json
import operator
import re
from fractions import Fraction as F
from pathlib import Path

import networks
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import boxes
from strategies import networks as small_networks
from test_cli import run

import polyrelu as pr
from polyrelu.properties import check, competition_text, save_proof
from polyrelu.safety import state
from polyrelu.storage import seal
from polyrelu.vnnlib import Constraint, parse_vnnlib, read_vnnlib

FILES = Path(__file__).parent / "vnnlib"
TENT = networks.tents(1)  # height 1 at 1/2
ABS = pr.ReluNetwork([[[1], [-1]], [[1, 1]]], [[0, 0], [0]])
MAX = pr.ReluNetwork([[[-1, 1], [1, 0], [-1, 0]], [[1, 1, -1]]], [[0, 0, 0], [0]])


def prop(asserts: str, inputs: int = 1, outputs: int = 1):
    names = [f"X_{i}" for i in range(inputs)] + [f"Y_{j}" for j in range(outputs)]
    text = "".join(f"(declare-const {name} Real)\n" for name in names)
    return parse_vnnlib(text + "".join(f"(assert {part})\n" for part in asserts.split(";")))


def box_text(lo, hi) -> str:
    return ";".join(f"(and (>= X_{i} {a}) (<= X_{i} {b}))" for i, (a, b) in enumerate(zip(lo, hi, strict=True)))


def confirmed(net, wanted, verdict) -> bool:
    x = np.array(verdict.counterexample, dtype=object)
    return tuple(net(x)) == verdict.outputs and wanted.holds(verdict.counterexample, verdict.outputs)


# -- the parser -----------------------------------------------------------------------
def test_numbers_are_exact_decimals():
    (disjunct,) = prop("(<= (* 0.1 X_0) (- (/ Y_0 4) 1e-2))").disjuncts()

    assert disjunct == (Constraint(((0, F(1, 10)),), ((0, F(-1, 4)),), F(-1, 100)),)


@pytest.mark.parametrize(
    ("term", "coefficient", "constant"),
    [
        ("(+ X_0 X_0 1)", 2, 1),
        ("(- X_0)", -1, 0),
        ("(- X_0 1 X_0 X_0)", -1, -1),
        ("(* 2 (+ X_0 3) 5)", 10, 30),
        ("(* (- X_0 1) -.5)", F(-1, 2), F(1, 2)),
        ("(/ (* 3 X_0) 2 2)", F(3, 4), 0),
        ("(* 0 X_0)", 0, 0),
        ("(- 3)", 0, -3),
    ],
)
def test_linear_terms(term, coefficient, constant):
    (disjunct,) = prop(f"(<= {term} Y_0)").disjuncts()

    x = ((0, F(coefficient)),) if coefficient else ()
    assert disjunct == (Constraint(x, ((0, F(-1)),), F(-constant)),)


@pytest.mark.parametrize("character", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_a_comment_ends_with_its_line_and_nowhere_else(character):
    """str.splitlines() ends lines at these characters too: the rest of a comment became an assertion."""
    text = "(and (<= 0 X_0) (<= X_0 1));(>= Y_0 1)"
    wanted = parse_vnnlib(prop(text).text + f"; old:{character}(assert (<= Y_0 0))\n")
    assert wanted.disjuncts() == prop(text).disjuncts() and check(ABS, wanted).status == "sat"


def test_lines_are_counted_at_every_kind_of_end():
    with pytest.raises(pr.InputError, match="line 4: 'Z' is neither a number nor a variable"):
        parse_vnnlib("; one\r\n(declare-const X_0 Real)\r(declare-const Y_0 Real)\n(assert (<= X_0 Z))")


def test_strings_quoted_symbols_and_what_stands_behind_the_end():
    head = '(set-info :source |a (b; c)|) (set-info :x "say ""(;"" twice")\n(declare-const |X_0| Real)(declare-const Y_0 Real)'
    wanted = parse_vnnlib(head + "(assert (<= X_0 1))(check-sat)(exit)(assert nonsense")
    assert wanted.disjuncts() == [(Constraint(((0, F(1)),), (), F(1)),)]
    with pytest.raises(pr.InputError, match="behind \\(check-sat\\) belongs to another question"):
        parse_vnnlib(head + "(assert (<= X_0 1))(check-sat)(assert (<= X_0 0))")
    with pytest.raises(pr.InputError, match='line 1: this " is never closed'):
        parse_vnnlib('(set-info :source "a)')


def test_chains_equations_and_strictness():
    chain = prop("(< 0 X_0 1)").disjuncts()
    equation = prop("(= X_0 1)").disjuncts()

    assert chain == [(Constraint(((0, F(-1)),), (), F(0), True), Constraint(((0, F(1)),), (), F(1), True))]
    assert equation == [(Constraint(((0, F(1)),), (), F(1)), Constraint(((0, F(-1)),), (), F(-1)))]
    assert prop("(> X_0 1)").disjuncts() == [(Constraint(((0, F(-1)),), (), F(-1), True),)]


def test_nested_formulas_become_disjuncts():
    wanted = prop("(or (<= X_0 1) (and (or (<= X_0 2) (<= X_0 3)) (or (<= Y_0 4) (<= Y_0 5))));(<= 0 1);(>= X_0 0)")

    bounds = [tuple(c.bound for c in disjunct) for disjunct in wanted.disjuncts()]
    assert bounds == [(1, 0), (2, 4, 0), (2, 5, 0), (3, 4, 0), (3, 5, 0)]
    assert prop("(and (<= X_0 1) (< 1 1))").disjuncts() == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("(assert (<= (* X_0 X_0) 1))", r"line 3: a product of variables \(X_0\) is not linear"),
        ("(assert (<= (* X_0 Y_0) 1))", r"a product of variables \(X_0, Y_0\)"),
        ("(assert (<= (/ 1 X_0) 1))", "division by a variable or by zero"),
        ("(assert (<= (/ X_0 0) 1))", "division by a variable or by zero"),
        ("(assert (<= (sin X_0) 1))", "the operator 'sin' is not part of a linear term"),
        ("(assert (<= X_1 1))", r"line 3: X_1 is not declared; write \(declare-const X_1 Real\) before"),
        ("(assert (<= Z 1))", "'Z' is neither a number nor a variable"),
        ("(assert (<= X_0 1/0))", "'1/0' is neither a number"),
        ("(assert (<= X_0 nan))", "'nan' is neither a number"),
        ("(assert (=> (<= X_0 1) (<= X_0 2)))", "the operator '=>' makes no formula here"),
        ("(assert (<= X_0))", "'<=' compares two terms; here are 1"),
        ("(assert (and))", "'and' has no parts"),
        ("(assert X_0)", "'X_0' stands where a formula is needed"),
        ("(assert)", "assert takes one formula, here are 0"),
        ("(assert ((<= X_0 1)))", "a formula begins with an operator"),
        ("(assert (<= X_0 1)", r"line 3: this \( is never closed"),
        ("(assert (<= X_0 1)))", r"line 3: this \) closes nothing"),
        ("assert", "'assert' stands outside of brackets"),
        ("()", "a command is needed here"),
        ("(define-fun f () Real 1)", "the command 'define-fun' is unknown"),
        ("(declare-const X_0 Real)", "X_0 is declared twice"),
        ("(declare-const X_01 Real)", "'X_01' is declared; inputs are called"),
        ("(declare-const X_1 Int)", "a declaration reads"),
        ("(declare-const X_2 Real) (assert (<= X_2 1))", "X_1 is not declared although higher numbers are"),
        ("; nothing", "there is no assertion"),
        ("(assert " + "(and " * 300 + "(<= X_0 1)" + ")" * 301, "nested more than 200 deep"),
    ],
)
def test_errors_name_line_and_cause(tmp_path, line, message):
    file = tmp_path / "bad.vnnlib"
    file.write_text(f"; a comment\n(declare-const X_0 Real) (declare-const Y_0 Real)\n{line}\n")

    with pytest.raises(pr.InputError, match=f"bad.vnnlib: .*{message}"):
        read_vnnlib(file)


def test_files_that_are_missing_or_ask_for_too_much():
    with pytest.raises(pr.InputError, match="no-such.vnnlib: there is no such file"):
        read_vnnlib("no-such.vnnlib")
    with pytest.raises(pr.InputError, match="262144 disjuncts; at most 100000"):
        prop(";".join(f"(or (<= X_0 {i}) (<= Y_0 {i}))" for i in range(18))).disjuncts()
    with pytest.raises(pr.InputError, match="no output is declared"):
        parse_vnnlib("(declare-const X_0 Real) (assert (<= X_0 1))")


# -- verdicts -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("net", "asserts", "status"),
    [
        # the unsafe set touches a region in one point: the top of the tent, an end of the interval
        (TENT, "(>= X_0 0);(<= X_0 1);(>= Y_0 1)", "sat"),
        (TENT, "(>= X_0 0);(<= X_0 1);(> Y_0 1)", "unsat"),
        (TENT, "(>= X_0 0);(<= X_0 1);(<= Y_0 0);(> X_0 0);(< X_0 1)", "unsat"),
        (TENT, "(>= X_0 0);(<= X_0 1);(<= Y_0 0);(> X_0 0)", "sat"),
        (TENT, "(>= X_0 0.5);(<= X_0 0.5);(= Y_0 1)", "sat"),  # one input
        (TENT, "(>= X_0 0.5);(<= X_0 0.5);(< Y_0 1)", "unsat"),
        (TENT, "(> X_0 0.5);(<= X_0 0.5);(<= Y_0 1)", "unsat"),  # no input: closed it is a point
        (TENT, "(>= X_0 1);(<= X_0 0)", "unsat"),
        (TENT, "(>= X_0 0);(<= X_0 1)", "sat"),  # nothing asked of the output
        (TENT, "(>= X_0 0);(<= X_0 1);(= Y_0 (* 2 X_0));(> X_0 0.5)", "unsat"),
        (TENT, "(>= X_0 0);(<= X_0 1);(= Y_0 (* 2 X_0));(>= X_0 0.25)", "sat"),  # on a whole region
        (TENT, "(>= X_0 0);(<= X_0 1);(or (> Y_0 1) (< Y_0 0))", "unsat"),
        (TENT, "(>= X_0 0);(<= X_0 1);(or (> Y_0 1) (= Y_0 (/ 1 3)))", "sat"),
        (TENT, "(or (and (>= X_0 -9) (<= X_0 -8)) (and (>= X_0 0.4) (<= X_0 0.6)));(>= Y_0 0.9)", "sat"),
        (TENT, "(or (and (>= X_0 -9) (<= X_0 -8)) (and (>= X_0 0.7) (<= X_0 0.8)));(>= Y_0 0.9)", "unsat"),
        (ABS, "(>= X_0 -1);(<= X_0 2);(<= Y_0 0)", "sat"),
        (ABS, "(>= X_0 -1);(<= X_0 2);(< Y_0 0)", "unsat"),
        (ABS, "(>= X_0 -1);(<= X_0 2);(<= Y_0 (- X_0));(> X_0 0)", "unsat"),
    ],
)
def test_known_verdicts(net, asserts, status):
    wanted = prop(asserts)
    verdict = check(net, wanted)

    assert verdict.status == status
    assert verdict.counterexample is None if status == "unsat" else confirmed(net, wanted, verdict)


@pytest.mark.parametrize(
    ("inputs", "asserts", "status"),
    [
        # a triangle: max(x, y) reaches 1 in two corners
        ("(>= X_0 0);(>= X_1 0);(<= (+ X_0 X_1) 1)", "(>= Y_0 1)", "sat"),
        ("(>= X_0 0);(>= X_1 0);(<= (+ X_0 X_1) 1)", "(> Y_0 1)", "unsat"),
        ("(>= X_0 0);(>= X_1 0);(= (+ X_0 X_1) 1)", "(<= Y_0 0.5)", "sat"),  # a segment, one point of it
        ("(>= X_0 0);(>= X_1 0);(= (+ X_0 X_1) 1)", "(< Y_0 0.5)", "unsat"),
        ("(>= X_0 0);(<= X_0 1);(= X_0 X_1)", "(not-equal)", "error"),
        ("(>= X_0 0);(<= X_0 1);(= X_0 X_1)", "(< Y_0 X_0)", "unsat"),
        ("(>= X_0 0);(<= X_0 0);(= X_0 X_1)", "(<= Y_0 0)", "sat"),
        ("(>= X_0 0);(<= X_0 1);(= X_0 X_1);(>= X_1 2)", "(<= Y_0 9)", "unsat"),
        ("(>= X_0 0);(<= X_0 1);(>= X_1 0.25);(<= X_1 0.25)", "(<= Y_0 0.25)", "sat"),
        ("(>= X_0 0);(<= X_0 1);(>= X_1 0.25);(<= X_1 0.25)", "(< Y_0 0.25)", "unsat"),
    ],
)
def test_polytopes_and_flat_sets_of_inputs(inputs, asserts, status):
    if status == "error":
        with pytest.raises(pr.InputError, match="'not-equal' makes no formula"):
            prop(f"{inputs};{asserts}", 2)
        return
    wanted = prop(f"{inputs};{asserts}", 2)
    verdict = check(MAX, wanted)

    assert verdict.status == status
    assert verdict.counterexample is None if status == "unsat" else confirmed(MAX, wanted, verdict)


def test_what_cannot_be_checked():
    with pytest.raises(pr.InputError, match=r"input X_0 has no upper bound; add \(assert \(<= X_0 ..\)\)"):
        check(TENT, prop("(>= X_0 0);(>= Y_0 1)"))
    with pytest.raises(pr.InputError, match="input X_1 has no lower bound"):
        check(MAX, prop("(>= X_0 0);(<= X_0 1);(<= (+ X_0 X_1) 1);(>= Y_0 1)", 2))
    with pytest.raises(pr.InputError, match="declares 2 inputs and the network has 1"):
        check(TENT, prop("(>= X_0 0)", 2))
    with pytest.raises(pr.InputError, match="declares 3 outputs and the network has 1"):
        check(TENT, prop("(>= X_0 0)", 1, 3))
    with pytest.raises(pr.InputError, match="timeout is 0"):
        check(TENT, prop("(>= X_0 0)"), timeout=0)
    with pytest.raises(pr.InputError, match="net is of type str"):
        check("net", prop("(>= X_0 0)"))


def test_files_in_the_manner_of_the_competition():
    low = networks.build([([[1, 0], [0, 1], [1, 1]], [0, 0, -1]), ([[1, 1, -2], [2, 0, 0], [0, 2, 0]], [0, 0, 0])])
    # y0 = x0 + x1 - 2 relu(x0 + x1 - 1), y1 = 2 x0, y2 = 2 x1: y0 is maximal only where x0 = x1 <= 1/2
    verdict = check(low, FILES / "not_minimal.vnnlib")

    assert verdict.status == "sat"
    assert verdict.counterexample[0] == verdict.counterexample[1] <= F(1, 2)
    assert check(TENT, FILES / "threshold.vnnlib").status == "unsat"
    two = networks.build([([[1, 0], [0, 1]], [0, 0]), ([[1, 0], [0, 1]], [0, 0])])
    below = check(two, FILES / "two_boxes.vnnlib")
    assert below.status == "sat"
    assert confirmed(two, read_vnnlib(FILES / "two_boxes.vnnlib"), below)


def test_a_time_limit_leaves_it_unknown():
    net = networks.he_network((5, 30, 30, 2), seed=0)
    wanted = prop(box_text([-1] * 5, [1] * 5) + ";(>= Y_0 1000)", 5, 2)

    verdict = check(net, wanted, timeout=1e-9)

    assert (verdict.status, verdict.counterexample) == ("unknown", None)
    assert competition_text(verdict, net, wanted) == "timeout\n"


def test_many_inputs_are_searched_breadth_first():
    net = networks.he_network((9, 4, 2), seed=0)
    bounds = box_text([-1] * 9, [1] * 9)

    reached = check(net, prop(bounds + ";(>= Y_0 Y_1)", 9, 2))
    assert reached.status == "sat"
    # |y| <= |b| + sum |w| bound on any path
    assert check(net, prop(bounds + ";(>= Y_0 1000)", 9, 2)).status == "unsat"


def test_a_needle_that_no_sample_finds():
    # a hat of height 1 and width 2^-39 at 1/3 on top of a tent of height 1
    w, c = F(2) ** 40, F(1, 3)
    hat = pr.ReluNetwork([[[1]] * 5, [[2, -4, w, -2 * w, w]]], [[0, F(-1, 2), 1 / w - c, -c, -1 / w - c], [0]])

    wanted = prop("(>= X_0 0);(<= X_0 1);(>= Y_0 1.5)")
    verdict = check(hat, wanted)
    assert confirmed(hat, wanted, verdict)
    assert abs(verdict.counterexample[0] - c) < 1 / w
    # the top is at 1/3, height 2/3 + 1
    assert check(hat, prop("(>= X_0 0);(<= X_0 1);(>= (* 3 Y_0) 5)")).counterexample == (c,)
    assert check(hat, prop("(>= X_0 0);(<= X_0 1);(> (* 3 Y_0) 5)")).status == "unsat"


# -- against exhaustive search --------------------------------------------------------
@st.composite
def problems(draw):
    net = draw(small_networks(d=draw(st.integers(1, 2)), max_neurons=4))
    lo, hi = draw(boxes(net.input_dim))
    variables = [f"X_{i}" for i in range(net.input_dim)] + [f"Y_{j}" for j in range(net.output_dim)] * 2
    constraint = st.builds(
        lambda a, v, b, w, op, c: f"({op} (+ (* {a} {v}) (* {b} {w})) {c})",
        st.integers(-2, 2), st.sampled_from(variables), st.integers(-2, 2), st.sampled_from(variables),
        st.sampled_from(["<=", ">=", "<", ">", "="]), st.integers(-4, 4),
    )  # fmt: skip
    disjunct = st.lists(constraint, min_size=1, max_size=3).map(lambda parts: f"(and {' '.join(parts)})")
    formula = draw(st.lists(disjunct, min_size=1, max_size=3).map(lambda parts: f"(or {' '.join(parts)})"))
    return net, prop(f"{box_text(lo, hi)};{formula}", net.input_dim, net.output_dim), (lo, hi)


def simple_check(net, wanted, box) -> bool:
    """Tell whether some disjunct holds somewhere: an independent LP for each region of the oracle."""
    exact, walls, d = oracle.ExactNetwork(net), oracle.box_walls(*box), net.input_dim
    for pattern in oracle.all_regions(net, walls):
        outputs = exact.affine_map(pattern)
        for disjunct in wanted.disjuncts():
            rows = [(*row, 0) for row in exact.region_rows(pattern) + oracle.wall_rows(walls)]
            for c in disjunct:
                form = [F(0)] * d + [c.bound]
                for i, v in c.x:
                    form[i] -= v
                for j, v in c.y:
                    form = [a - v * b for a, b in zip(form, outputs[j], strict=True)]
                rows.append((*oracle.integer_row(form), -1 if c.strict else 0))
            # homogenised, so that "> 0" may be written ">= 1"
            if oracle.feasible_point([*rows, (*([0] * d), 1, -1)], d + 1) is not None:
                return True
    return False


@settings(max_examples=80)
@given(problems())
def test_against_exhaustive_search(problem):
    net, wanted, box = problem
    verdict = check(net, wanted)

    assert (verdict.status == "sat") == simple_check(net, wanted, box)
    assert verdict.status == "unsat" or confirmed(net, wanted, verdict)


# -- proofs of unsat ------------------------------------------------------------------
def content_of(path):
    with np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def refute(net, path) -> str:
    """Have the independent checker prove a file, and compare what it proves with the property; return what is wrong."""
    verdict = pr.verify(path)
    if not (verdict and verdict.unsat and verdict.complete):
        return verdict.text
    cx, goal = pr.RegionComplex.load(path), json.loads(content_of(path)["goal"].tobytes())
    wanted, free = parse_vnnlib(goal["text"]), goal["free"]
    fixed = {int(i): F(v) for i, v in goal["fixed"].items()}
    origin = [fixed.get(i, F(0)) for i in range(wanted.inputs)]
    if cx.network != net.restrict(origin, [[int(i == k) for i in range(wanted.inputs)] for k in free]):
        return "another network"
    lower, upper = cx.domain.lower, cx.domain.upper
    for disjunct, numbers in zip(wanted.disjuncts(), goal["disjuncts"], strict=True):
        single = [(i, v, c.bound / v) for c in disjunct if len(c.x) == 1 and not c.y for i, v in c.x]
        least = [max(b for k, v, b in single if k == i and v < 0) for i in range(wanted.inputs)]
        most = [min(b for k, v, b in single if k == i and v > 0) for i in range(wanted.inputs)]
        for i in range(wanted.inputs if all(map(operator.le, least, most)) else 0):
            low, high = (lower[free.index(i)], upper[free.index(i)]) if i in free else (fixed[i], fixed[i])
            if not low <= least[i] <= most[i] <= high:
                return "an input outside of the box"
        for c, k in zip(disjunct, numbers, strict=True):
            stored, x, y = goal["constraints"][k], dict(c.x), dict(c.y)
            constant = sum(v * fixed[i] for i, v in x.items() if i in fixed) - c.bound
            if (
                [F(v) for v in stored["x"]] != [x.get(i, 0) for i in free]
                or [F(v) for v in stored["y"]] != [y.get(j, 0) for j in range(wanted.outputs)]
                or (F(stored["constant"]), stored["strict"]) != (constant, c.strict)
            ):
                return "another property"
    return ""


@pytest.mark.parametrize(
    ("net", "wanted"),
    [
        (TENT, prop("(>= X_0 0);(<= X_0 1);(> Y_0 1)")),  # touches: multipliers that sum to zero
        (TENT, prop("(>= X_0 0);(<= X_0 1);(or (>= Y_0 1.001) (< Y_0 0))")),
        (TENT, prop("(>= X_0 0.5);(<= X_0 0.5);(< Y_0 1)")),  # one input
        (TENT, prop("(>= X_0 1);(<= X_0 0)")),  # none
        (TENT, prop("(>= X_0 0);(<= X_0 1);(<= 1 0)")),  # no disjunct
        (TENT, prop("(or (and (>= X_0 0) (<= X_0 0.25)) (and (>= X_0 0.75) (<= X_0 1)));(> Y_0 0.5)")),
        (TENT, prop("(or (and (>= X_0 2) (<= X_0 1)) (and (>= X_0 0) (<= X_0 1)));(> (* 3 Y_0) (+ 3 (* 0.1 X_0)))")),
        (MAX, prop("(>= X_0 0);(<= X_0 1);(>= X_1 0.25);(<= X_1 0.25);(< Y_0 0.25)", 2)),
        (MAX, prop("(>= X_0 0);(<= X_0 1);(>= X_1 0);(<= X_1 1);(<= (+ X_0 X_1) 1);(> Y_0 1)", 2)),
        (
            networks.he_network((3, 8, 8, 2), seed=3),
            prop("(>= X_0 -1);(<= X_0 1);(>= X_1 -1);(<= X_1 1);(>= X_2 0.125);(<= X_2 0.125);(>= Y_0 9);(<= Y_1 9)", 3, 2),
        ),
    ],
)  # fmt: skip
def test_proofs_hold(tmp_path, net, wanted):
    path = tmp_path / "proof.npz"

    assert check(net, wanted, proof=path).status == "unsat"
    assert refute(net, path) == ""
    verdict = pr.verify(path, model=net, property=wanted)
    assert verdict and verdict.unsat and "disjuncts and fixed inputs of the stored property are those" in verdict.text


@settings(max_examples=30)
@given(problems())
def test_every_unsat_has_a_proof(tmp_path_factory, problem):
    net, wanted, _ = problem
    path = tmp_path_factory.getbasetemp() / "proof.npz"
    if check(net, wanted, proof=path).status == "unsat":
        assert refute(net, path) == ""
        assert pr.verify(path, model=net, property=wanted)


def test_a_proof_of_another_property_is_told_apart(tmp_path):
    path = tmp_path / "proof.npz"
    ours = "(>= X_0 0);(<= X_0 1);(>= X_1 0.25);(<= X_1 0.25);(or (> Y_0 1) (< Y_0 -1))"
    assert check(MAX, prop(ours, 2), proof=path).status == "unsat"
    same = ours.replace("0.25)", "(/ 1 4))").replace("(> Y_0 1)", "(> (* 2 Y_0) 2)").replace("(* 2 Y_0) 2", "Y_0 1.0")
    assert pr.verify(path, model=MAX, property=prop(same, 2))
    for old, new, reason in [
        ("> Y_0 1", "> Y_0 1.5", "not the given one: its constraints differ"),
        ("> Y_0 1", ">= Y_0 1", "not the given one: its strict constraints differ"),
        ("(or (> Y_0 1) (< Y_0 -1))", "(> Y_0 1);(< Y_0 -1)", "not the given one: its disjuncts differ"),
        ("(<= X_1 0.25)", "(<= X_1 0.5)", "the network is not the model"),
        ("X_1 0.25", "X_1 0.75", "the network is not the model: b0"),
        ("(<= X_0 1)", "(<= X_0 2)", "not the box of all inputs that the given property admits"),
    ]:
        verdict = pr.verify(path, model=MAX, property=prop(ours.replace(old, new), 2))
        assert not verdict and reason in verdict.failure
    other = pr.ReluNetwork([[[-1, 1], [1, 0], [-1, 0]], [[1, 1, "-3/2"]]], [[0, 0, 0], [0]])
    assert "the network is not the model: W1[0, 2]" in pr.verify(path, model=other, property=prop(ours, 2)).failure
    with pytest.raises(pr.InputError, match="declares 2 inputs and the network has 1"):
        pr.verify(path, model=TENT, property=prop(ours, 2))
    with pytest.raises(pr.InputError, match="needs a lower and an upper number for every input"):
        pr.verify(path, model=MAX, property=prop("(> Y_0 1)", 2))
    with pytest.raises(pr.InputError, match="give the model too"):  # of any other network it would say nothing
        pr.verify(path, property=prop(ours, 2))
    content = content_of(path)
    goal = json.loads(content["goal"].tobytes())
    for entries, reason in (
        ({"outputs": 17}, "its number of outputs differ"),
        ({"free": [0.0]}, "its free inputs differ"),
        ({"fixed": {"1": "3/4"}}, "its fixed inputs differ"),
    ):
        np.savez(path, **seal(content | {"goal": np.frombuffer(json.dumps(goal | entries).encode(), np.uint8)}))
        assert reason in pr.verify(path, model=MAX, property=prop(ours, 2)).failure
    pr.enumerate_regions(MAX, pr.Box([0, 0], [1, 1])).save(path)
    whole = ours.replace("(<= X_1 0.25)", "(<= X_1 1)")
    assert "the file holds no property" in pr.verify(path, model=MAX, property=prop(whole, 2)).failure


def test_a_changed_property_is_refuted(tmp_path):
    """With the digest made anew: by mathematics, because the multipliers do not prove the other property."""
    path = tmp_path / "proof.npz"
    net = networks.tents(3)
    check(net, prop("(>= X_0 0);(<= X_0 1);(or (> Y_0 1) (< Y_0 0))"), proof=path)
    content = content_of(path)
    goal = json.loads(content["goal"].tobytes())
    assert refute(net, path) == ""

    def changed(k, **entries):
        wrong = json.loads(json.dumps(goal))
        wrong["constraints"][k] |= entries
        return wrong

    above, below = (next(k for k, c in enumerate(goal["constraints"]) if c["y"] == [y]) for y in ("-1", "1"))
    claims = [
        changed(above, strict=False),
        changed(below, strict=False),
        changed(above, constant="1023/1024"),
        changed(above, y=["-2"]),
        changed(below, x=["-1/1000"]),
        goal | {"disjuncts": [*goal["disjuncts"], []]},
    ]
    for claim in claims:
        np.savez(path, **seal(content | {"goal": np.frombuffer(json.dumps(claim).encode(), np.uint8)}))
        verdict = pr.verify(path)
        assert not verdict and not verdict.unsat and "of the property holds nowhere" in verdict.failure
    np.savez(path, **content | {"goal": np.frombuffer(json.dumps(goal | {"text": ""}).encode(), np.uint8)})
    assert "SHA-256" in pr.verify(path).failure
    np.savez(path, **seal({key: array for key, array in content.items() if key != "goal"}))
    assert not pr.verify(path)  # multipliers that nothing asks for


def test_a_property_that_holds_has_no_proof(tmp_path):
    path = tmp_path / "proof.npz"
    with pytest.raises(pr.CertificationError, match="the property holds at a point"):
        save_proof(TENT, state(prop("(>= X_0 0);(<= X_0 1);(>= Y_0 1)")), path)
    assert not path.exists()


def test_proofs_that_are_not_possible(tmp_path):
    with pytest.raises(pr.InputError, match="a proof needs a lower and an upper number for every input"):
        check(MAX, prop("(>= X_0 0);(>= X_1 0);(<= (+ X_0 X_1) 1);(> Y_0 1)", 2), proof=tmp_path / "p.npz")
    with pytest.raises(pr.InputError, match="p.txt: a proof is saved as .npz"):
        check(TENT, prop("(>= X_0 0);(<= X_0 1)"), proof=tmp_path / "p.txt")
    assert check(TENT, prop("(>= X_0 0);(<= X_0 1)"), proof=tmp_path / "p.npz").status == "sat"
    assert not (tmp_path / "p.npz").exists()


# -- the competition's format ---------------------------------------------------------
def test_decimals_of_the_competition_are_unsafe_themselves():
    wanted = prop("(>= (* 3 X_0) 1);(<= X_0 1);(<= (* 3 X_0) 1.00000000000000000001)")
    verdict = check(TENT, wanted)
    lines = competition_text(verdict, TENT, wanted)

    values = re.fullmatch(r"sat\n\(\(X_0 ([0-9.]+)\)\n \(Y_0 ([0-9.]+)\)\)\n", lines)
    x = F(values[1])
    assert F(1, 3) <= x <= F("1.00000000000000000001") / 3  # 17 digits are not enough
    assert 2 * x - F(values[2]) == 0


# -- the command line -----------------------------------------------------------------
@pytest.fixture
def tent(tmp_path):
    path = tmp_path / "tent.json"
    pr.save(TENT, path)
    return str(path)


def test_check_from_the_shell(capsys, tmp_path, tent):
    file = tmp_path / "p.vnnlib"
    file.write_text(prop("(>= X_0 0);(<= X_0 1);(>= Y_0 1)").text)

    code, out, err = run(capsys, "check", tent, str(file))
    assert (code, err) == (10, "")
    assert out.startswith("sat: this input is unsafe, confirmed exactly (")
    assert out.endswith(" s)\nX_0 = 1/2\nY_0 = 1\n")
    code, out, err = run(capsys, "check", tent, str(file), "--json")
    assert (code, err) == (10, "")
    assert json.loads(out) == {
        "result": "sat",
        "counterexample": ["1/2"],
        "outputs": ["1"],
        "exact": True,
        "seconds": json.loads(out)["seconds"],
        "model": tent,
        "property": str(file),
        "proof": None,
    }
    assert run(capsys, "check", tent, str(file), "--vnncomp") == (10, "sat\n((X_0 0.5)\n (Y_0 1))\n", "")


def test_unsat_from_the_shell_with_a_proof(capsys, tmp_path, tent):
    proof, result = tmp_path / "proof.npz", tmp_path / "result.txt"
    words = ["check", tent, str(FILES / "threshold.vnnlib"), "--proof", str(proof), "--vnncomp", str(result)]

    code, out, err = run(capsys, *words)
    assert (code, err) == (0, "")
    assert out.startswith("unsat: no input is unsafe, proved exactly (")
    assert out.endswith(f"saved {proof}\n")
    assert result.read_text() == "unsat\n"
    assert refute(TENT, proof) == ""
    words = ["verify", str(proof), "--model", tent, "--property"]
    code, out, err = run(capsys, *words, str(FILES / "threshold.vnnlib"))
    assert (code, err) == (0, "")
    assert "The network is the given model" in out and "stored property are those of the given one" in out
    code, out, err = run(capsys, "verify", str(proof), "--property", str(FILES / "threshold.vnnlib"))
    assert (code, out) == (2, "") and "give --model too" in err
    code, out, err = run(capsys, *words, str(FILES / "not_minimal.vnnlib"))
    assert (code, out) == (2, "") and "declares" in err
    code, out, err = run(capsys, *words, str(FILES / "threshold.vnnlib"), "--at", "0", "--free", "0")
    assert (code, out) == (2, "") and "leave --at and --free out" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no-such.vnnlib"], "no-such.vnnlib: there is no such file"),
        ([str(FILES / "two_boxes.vnnlib")], "declares 2 inputs and the network has 1"),
        ([str(FILES / "threshold.vnnlib"), "--timeout", "0"], "timeout is 0.0; give a positive number"),
        ([str(FILES / "threshold.vnnlib"), "--timeout", "soon"], "--timeout is 'soon'"),
        ([str(FILES / "threshold.vnnlib"), "--json", "--vnncomp"], "both print on stdout"),
        ([str(FILES / "threshold.vnnlib"), "--vnncomp", "/no/such/dir/x"], "its directory does not exist"),
        ([str(FILES / "threshold.vnnlib"), "--proof", "x.txt"], "x.txt: a proof is saved as .npz"),
    ],
)
def test_bad_input_is_one_line(capsys, tent, words, message):
    code, out, err = run(capsys, "check", tent, *words)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


# -- ACAS Xu --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("network", "number", "status"),
    [("1_1", 3, "unsat"), ("1_1", 4, "unsat"), ("1_7", 3, "sat"), ("1_7", 4, "sat"), ("2_3", 3, "unsat"), ("2_3", 4, "unsat")],
)
def test_acas_xu(shared_data, network, number, status):
    pytest.importorskip("onnx")
    net = pr.load(shared_data / "acasxu" / f"ACASXU_run2a_{network}_batch_2000.onnx")
    wanted = read_vnnlib(shared_data / "acasxu" / f"prop_{number}.vnnlib")

    verdict = check(net, wanted)

    assert verdict.status == status
    assert status == "unsat" or confirmed(net, wanted, verdict)
