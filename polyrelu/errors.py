"""Every exception that polyrelu raises on purpose.

::

    PolyreluError
    ├── InputError (ValueError)          what was passed cannot be used; the message says what to do
    │   ├── ModelError                   a network or a model file
    │   │   └── UnsupportedOperator      an operator that no reader can lower exactly
    │   └── DomainError                  a polytope or a domain: empty, flat, unbounded, of another dimension
    ├── MissingDependency (ImportError)  an optional package is not installed
    └── CertificationError (RuntimeError)  two exact results contradict each other: a bug, never a result
"""

from __future__ import annotations

from collections.abc import Iterable


class PolyreluError(Exception):
    """Base class of all polyrelu errors."""


class InputError(PolyreluError, ValueError):
    """An argument or a file cannot be used; the message names what, where and the remedy."""


class ModelError(InputError):
    """A network is not well formed: shapes that do not chain, NaN, a corrupt file."""


class UnsupportedOperator(ModelError):
    """A model contains an operator that is not piecewise linear or has no reader."""


class DomainError(InputError):
    """A polytope cannot serve: empty, flat, unbounded, or of another dimension."""


class MissingDependency(PolyreluError, ImportError):
    """An optional dependency is missing; the message gives the command that installs it."""


class CertificationError(PolyreluError, RuntimeError):
    """Two certified facts contradict each other. Nothing is returned: please report it."""


def suggestion(name: object, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest known one, or nothing if none is near.

    Examples
    --------
    >>> suggestion("subdivison", ["auto", "bfs", "subdivision"]), suggestion("exact", ["auto", "bfs"])
    ("; did you mean 'subdivision'?", '')
    """
    from difflib import get_close_matches

    word, words = str(name)[:80], list(known)
    near = get_close_matches(word, words, 1) or get_close_matches(word.lower(), words, 1)
    return f"; did you mean {near[0]!r}?" if near else ""
