"""VNN-LIB properties: which inputs and outputs of a network would be unsafe.

The part of VNN-LIB 1.0 in use: inputs ``X_0, X_1, ..`` and outputs ``Y_0, Y_1, ..`` declared as Real; assertions made
of ``and``, ``or``, ``<=``, ``>=``, ``<``, ``>``, ``=``, ``+``, ``-``, ``*``, ``/`` by a number, and numbers, which are
exact decimals. All assertions together describe the unsafe set.

References
----------
D. Guidotti, S. Demarchi, A. Tacchella and L. Pulina, The Verification of Neural Networks Library (VNN-LIB), 2023.
"""

from __future__ import annotations

import itertools
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .errors import InputError
from .exact import fraction
from .readers.files import existing_file, read_text

# A file that asks for more is refused: the disjunctive normal form would fill the memory.
MOST_DISJUNCTS, DEEPEST = 100_000, 200

# comments, strings, quoted symbols, brackets, other words; a quote that is never closed matches alone
_TOKEN = re.compile(r';[^\r\n]*|"(?:[^"]|"")*"|\|[^|]*\||[()]|[^\s()";|]+|["|]')
_QUOTED = re.compile(r"\|[^\s()\";|]+\|")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_VARIABLE = re.compile(r"([XY])_(0|[1-9]\d{0,8})")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_IGNORED = ("set-logic", "set-info", "set-option", "get-model")

Variable = tuple[str, int]


@dataclass(frozen=True)
class Constraint:
    """A linear constraint ``sum a_i X_i + sum c_j Y_j <= bound``, or ``<`` if it is strict.

    Attributes
    ----------
    x, y : tuple of (int, Fraction)
        Indices and coefficients that are not zero, in order.
    bound : Fraction
    strict : bool
    """

    x: tuple[tuple[int, Fraction], ...]
    y: tuple[tuple[int, Fraction], ...]
    bound: Fraction
    strict: bool = False

    def holds(self, x: Sequence[Fraction], y: Sequence[Fraction]) -> bool:
        """Tell whether an input and its output satisfy the constraint, exactly."""
        value = sum((c * values[i] for values, part in ((x, self.x), (y, self.y)) for i, c in part), Fraction(0))
        return value < self.bound or (value == self.bound and not self.strict)


@dataclass(frozen=True)
class Either:
    """A disjunction of its parts, or with ``every`` their conjunction."""

    parts: tuple[Formula, ...]
    every: bool = False

    def holds(self, x: Sequence[Fraction], y: Sequence[Fraction]) -> bool:
        """Tell whether an input and its output satisfy the formula, exactly."""
        return (all if self.every else any)(part.holds(x, y) for part in self.parts)


Formula = Constraint | Either


@dataclass(frozen=True)
class Property:
    """The unsafe set of a VNN-LIB file.

    Attributes
    ----------
    inputs, outputs : int
        Numbers of declared variables X_i and Y_j.
    formula : Constraint or Either
        What an unsafe input and its output satisfy.
    text : str
        The file.
    """

    inputs: int
    outputs: int
    formula: Formula
    text: str

    def holds(self, x: Sequence[Fraction], y: Sequence[Fraction]) -> bool:
        """Tell whether an input x with output y is unsafe, exactly."""
        return self.formula.holds(x, y)

    def disjuncts(self) -> list[tuple[Constraint, ...]]:
        """Return the formula as a disjunction of conjunctions.

        Constraints without variables are evaluated; a conjunction with a false one is left out.

        Raises
        ------
        InputError
            More than 100 000 conjunctions.
        """
        return list(dict.fromkeys(_conjunctions(self.formula)))


def _conjunctions(formula: Formula) -> list[tuple[Constraint, ...]]:
    if isinstance(formula, Constraint):
        if formula.x or formula.y:
            return [(formula,)]
        return [()] if formula.holds((), ()) else []
    found = [_conjunctions(part) for part in formula.parts]
    count = math.prod(map(len, found)) if formula.every else sum(map(len, found))
    if count > MOST_DISJUNCTS:
        raise InputError(f"the property has {count} disjuncts; at most {MOST_DISJUNCTS} are taken, split the file")
    if not formula.every:
        return list(itertools.chain.from_iterable(found))
    return [tuple(dict.fromkeys(itertools.chain.from_iterable(choice))) for choice in itertools.product(*found)]


def read_vnnlib(path: str | os.PathLike[str]) -> Property:
    """Read a VNN-LIB file.

    Raises
    ------
    InputError
        No such file, or anything that :func:`parse_vnnlib` refuses; the message names file and line.
    """
    try:
        return parse_vnnlib(read_text(existing_file(path)))
    except InputError as error:
        raise InputError(" ".join(f"{path}: {error}".splitlines())) from None


def parse_vnnlib(text: str) -> Property:
    """Read a VNN-LIB property from a text.

    Parameters
    ----------
    text : str
        Declarations ``(declare-const X_0 Real)`` and assertions ``(assert ..)``.

    Returns
    -------
    Property

    Raises
    ------
    InputError
        Syntax errors, undeclared variables, products of variables, unknown operators; the message names the line.

    Notes
    -----
    Exactness: *exact*; ``0.1`` is one tenth.

    Examples
    --------
    >>> p = parse_vnnlib('''
    ... (declare-const X_0 Real) (declare-const Y_0 Real)
    ... (assert (and (<= X_0 1) (>= X_0 -0.5)))
    ... (assert (or (> Y_0 2) (<= (+ Y_0 (* 3 X_0)) 0.1)))
    ... ''')
    >>> len(p.disjuncts()), p.disjuncts()[1][2]
    (2, Constraint(x=((0, Fraction(3, 1)),), y=((0, Fraction(1, 1)),), bound=Fraction(1, 10), strict=False))
    >>> p.holds([Fraction(1)], [Fraction(2)])
    False
    """
    declared: set[Variable] = set()
    asserted: list[Formula] = []
    asked = False
    for form in _forms(text):
        head = form.items[0] if form.items else form
        if not isinstance(head, _Word):
            raise _error(form.line, "a command is needed here, like (declare-const X_0 Real) or (assert ..)")
        if head.text in ("declare-const", "declare-fun"):
            declared.add(_declaration(form, declared))
        elif head.text == "assert":
            if asked:
                raise _error(form.line, "an assertion behind (check-sat) belongs to another question; put it before")
            if len(form.items) != 2:
                raise _error(form.line, f"assert takes one formula, here are {len(form.items) - 1}")
            asserted.append(_formula(form.items[1], declared))
        elif head.text == "exit":
            break
        elif head.text == "check-sat":
            asked = True
        elif head.text not in _IGNORED:
            raise _error(head.line, f"the command {head.text[:40]!r} is unknown; write declare-const and assert")
    count = {kind: len([1 for k, _ in declared if k == kind]) for kind in "XY"}
    for kind, name in (("X", "input"), ("Y", "output")):
        if not count[kind]:
            raise InputError(f"no {name} is declared; write (declare-const {kind}_0 Real)")
        missing = [i for i in range(count[kind]) if (kind, i) not in declared]
        if missing:
            raise InputError(f"{kind}_{missing[0]} is not declared although higher numbers are; declare every {name}")
    if not asserted:
        raise InputError("there is no assertion, so every input would be unsafe; write (assert ..)")
    return Property(count["X"], count["Y"], Either(tuple(asserted), every=True), text)


# -- syntax ---------------------------------------------------------------------------
@dataclass(frozen=True)
class _Word:
    text: str
    line: int


@dataclass(frozen=True)
class _List:
    items: list[Any]
    line: int


def _error(line: int, message: str) -> InputError:
    return InputError(f"line {line}: {message}")


def _words(text: str) -> Iterator[_Word]:
    line, at = 1, 0
    for match in _TOKEN.finditer(text):
        line += len(_NEWLINE.findall(text, at, match.start()))
        at, word = match.start(), match.group()
        if word in ('"', "|"):
            raise _error(line, f"this {word} is never closed; add the other one")
        if _QUOTED.fullmatch(word):  # |X_0| is X_0
            word = word[1:-1]
        if not word.startswith(";"):
            yield _Word(word, line)


def _forms(text: str) -> Iterator[_List]:
    stack: list[_List] = []
    for word in _words(text):
        if word.text == "(":
            stack.append(_List([], word.line))
            if len(stack) > DEEPEST:
                raise _error(word.line, f"brackets are nested more than {DEEPEST} deep; write the formula flatter")
        elif word.text == ")":
            if not stack:
                raise _error(word.line, "this ) closes nothing; remove it")
            form = stack.pop()
            if stack:
                stack[-1].items.append(form)
            else:
                yield form
        elif stack:
            stack[-1].items.append(word)
        else:
            raise _error(word.line, f"{word.text[:40]!r} stands outside of brackets; every command is in brackets")
    if stack:
        raise _error(stack[-1].line, "this ( is never closed; add a )")


def _declaration(form: _List, declared: set[Variable]) -> Variable:
    words = [item.text if isinstance(item, _Word) else "()" * (not item.items) for item in form.items]
    sort = [*words[1:2], "()", "Real"] if words[0] == "declare-fun" else [*words[1:2], "Real"]
    if len(words) < 2 or words[1:] != sort:
        raise _error(form.line, "a declaration reads (declare-const X_0 Real)")
    match = _VARIABLE.fullmatch(words[1])
    if match is None:
        raise _error(form.line, f"{words[1][:40]!r} is declared; inputs are called X_0, X_1, .., outputs Y_0, Y_1, ..")
    variable = match.group(1), int(match.group(2))
    if variable in declared:
        raise _error(form.line, f"{words[1]} is declared twice; declare it once")
    return variable


# -- formulas and terms ---------------------------------------------------------------
def _formula(form: Any, declared: set[Variable]) -> Formula:
    operator, arguments = _application(form, "a formula")
    if operator in ("and", "or"):
        if not arguments:
            raise _error(form.line, f"'{operator}' has no parts; give it at least one")
        return Either(tuple(_formula(part, declared) for part in arguments), every=operator == "and")
    if operator not in ("<=", ">=", "<", ">", "="):
        raise _error(form.line, f"the operator {operator[:40]!r} makes no formula here; use and, or, <=, >=, <, >, =")
    if len(arguments) < 2:
        raise _error(form.line, f"{operator!r} compares two terms; here are {len(arguments)}")
    terms = [_term(part, declared) for part in arguments]
    found: list[Formula] = []
    for a, b in itertools.pairwise(terms):
        if operator in ("<=", "<", "="):
            found.append(_constraint(a, b, operator == "<"))
        if operator in (">=", ">", "="):
            found.append(_constraint(b, a, operator == ">"))
    return found[0] if len(found) == 1 else Either(tuple(found), every=True)


def _application(form: Any, what: str) -> tuple[str, list[Any]]:
    if isinstance(form, _Word):
        raise _error(form.line, f"{form.text[:40]!r} stands where {what} is needed, like (<= X_0 1)")
    if not form.items or not isinstance(form.items[0], _Word):
        raise _error(form.line, f"{what} begins with an operator, like (<= X_0 1)")
    return form.items[0].text, form.items[1:]


# the key None holds the constant
_Term = dict[Variable | None, Fraction]


def _constraint(low: _Term, high: _Term, strict: bool) -> Constraint:
    difference = _sum([low, _scaled(high, Fraction(-1))])
    bound = -difference.pop(None, Fraction(0))
    named = sorted((key, c) for key, c in difference.items() if key is not None and c)
    x, y = (tuple((i, c) for (k, i), c in named if k == kind) for kind in "XY")
    return Constraint(x, y, bound, strict)


def _term(form: Any, declared: set[Variable]) -> _Term:
    if isinstance(form, _Word):
        return _atom(form, declared)
    operator, arguments = _application(form, "a term")
    terms = [_term(part, declared) for part in arguments]
    if operator not in ("+", "-", "*", "/") or not terms:
        known = operator in ("+", "-", "*", "/")
        message = "has no arguments" if known else "is not part of a linear term; use +, -, *, numbers and variables"
        raise _error(form.line, f"the operator {operator[:40]!r} {message}")
    if operator == "+":
        return _sum(terms)
    if operator == "-":
        rest = [_scaled(term, Fraction(-1)) for term in (terms[1:] or terms)]
        return _sum([*terms[: len(terms) - len(rest)], *rest])
    result = terms[0]
    for term in terms[1:]:
        if operator == "/":
            if not _is_number(term) or not term.get(None):
                raise _error(form.line, "division by a variable or by zero; only nonzero numbers divide")
            result = _scaled(result, 1 / term[None])
        elif _is_number(term):
            result = _scaled(result, term.get(None, Fraction(0)))
        elif _is_number(result):
            result = _scaled(term, result.get(None, Fraction(0)))
        else:
            names = ", ".join(sorted({f"{key[0]}_{key[1]}" for t in (result, term) for key in t if key is not None}))
            raise _error(form.line, f"a product of variables ({names}) is not linear; only numbers multiply")
    return result


def _atom(word: _Word, declared: set[Variable]) -> _Term:
    match = _VARIABLE.fullmatch(word.text)
    if match is not None:
        variable = match.group(1), int(match.group(2))
        if variable not in declared:
            raise _error(word.line, f"{word.text} is not declared; write (declare-const {word.text} Real) before")
        return {variable: Fraction(1)}
    if _NUMBER.fullmatch(word.text) is None:
        raise _error(word.line, f"{word.text[:40]!r} is neither a number nor a variable X_i or Y_j")
    return {None: fraction(word.text, f"line {word.line}: a number")}


def _is_number(term: Mapping[Variable | None, Fraction]) -> bool:
    return all(key is None or not c for key, c in term.items())


def _scaled(term: _Term, factor: Fraction) -> _Term:
    return {key: c * factor for key, c in term.items()}


def _sum(terms: Sequence[_Term]) -> _Term:
    out: _Term = {}
    for term in terms:
        for key, c in term.items():
            out[key] = out.get(key, Fraction(0)) + c
    return out

