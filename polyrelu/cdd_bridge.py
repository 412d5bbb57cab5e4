"""The one place where pycddlib is used: exact V- to H-representation through ``cdd.gmp``.

cddlib writes ``0 <= b + A x`` as rows ``[b | A]``; that convention ends here.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .errors import MissingDependency
from .exact import IntRow, Point, integer_point, primitive

HINT = (
    "this needs pycddlib with cdd.gmp; install its libraries and then the package: "
    "apt-get install libcdd-dev libgmp-dev (Debian), brew install cddlib gmp (macOS) "
    "or conda install -c conda-forge cddlib gmp; pip install 'polyrelu[cdd]'"
)


def load_cdd() -> Any:
    """Return the module ``cdd.gmp``, or raise MissingDependency with the command that installs it."""
    try:
        import cdd
        import cdd.gmp
    except ImportError as error:
        raise MissingDependency(HINT) from error
    return cdd


def hull(vertices: Sequence[Point], rays: Sequence[IntRow], lines: Sequence[IntRow], d: int) -> list[IntRow]:
    """Return irredundant rows ``g(x) >= 0`` of conv(vertices) + cone(rays) + span(lines).

    An equality comes back as two opposite rows.
    """
    cdd = load_cdd()
    table = [[Fraction(1), *v] for v in vertices]
    table += [[Fraction(0), *map(Fraction, r)] for r in (*rays, *lines)]
    linear = range(len(table) - len(lines), len(table))
    matrix = cdd.gmp.matrix_from_array(table, rep_type=cdd.RepType.GENERATOR, lin_set=linear)
    result = cdd.gmp.copy_inequalities(cdd.gmp.polyhedron_from_matrix(matrix))
    cdd.gmp.matrix_canonicalize(result)
    rows: list[IntRow] = []
    for i, (b, *a) in enumerate(result.array):
        row = primitive(integer_point([Fraction(v) for v in (*a, b)])[0])
        if not any(row[:d]):
            continue  # the trivial row 0 <= 1
        rows.append(row)
        if i in result.lin_set:
            rows.append(tuple(-v for v in row))
    return rows
