"""The constructions and theorems behind polyrelu, each with a claim that the enumeration checks.

Modules and the functions below are imported when they are first used.

>>> import polyrelu as pr
>>> pr.theory.hard(2, 3).claims[0].value, pr.theory.bounds.serra_2018(2, [4, 4])
(8, 121)
"""

from __future__ import annotations

from typing import Any

from ..errors import suggestion as _suggestion

# function or class -> module
_LAZY = {
    "approximate": "approximation",
    "computes_maximum": "maxima",
    "DifferenceOfMaxima": "piecewise",
    "MaxMin": "piecewise",
    "Triangulation": "piecewise",
    "maximum_network": "representation",
    "represent": "representation",
    "signed_maxima": "representation",
    "cover_number": "dichotomies",
    "boundary_density": "volume_bounds",
    "volume_bound": "volume_bounds",
    "run_experiment": "experiments",
    "train": "trainer",
    "track": "tracking",
    "fit_globally": "training",
    "plain_algorithm": "training",
    "Univariate": "univariate",
    "minimal_network": "univariate",
    "paper_network": "univariate",
    "construct": "catalog",
    "hard": "constructions",
    "hard_function": "constructions",
    "hard_parameters": "constructions",
    "zonotope": "constructions",
    "zonotope_function": "constructions",
    "zonotope_parameters": "constructions",
    "montufar": "competitors",
    "pascanu": "competitors",
    "serra": "competitors",
    "serra_zonotope": "competitors",
    "telgarsky": "competitors",
    "tent": "competitors",
    "corollary_3_3": "theorems",
    "corollary_3_4": "theorems",
    "theorem_3_1": "theorems",
    "theorem_3_2": "theorems",
    "theorem_3_5": "theorems",
    "theorem_3_9": "theorems",
    **dict.fromkeys(("boundary_distances", "exact_boundary_distance"), "distances"),
    **dict.fromkeys(("discontinuity_distance", "discontinuity_distances"), "distances"),
    **dict.fromkeys(("decision_distance", "decision_distances"), "distances"),
}
_MODULES = (
    "approximation", "bounds", "catalog", "competitors", "constructions", "convex_fit", "dichotomies", "experiments",
    "image_data", "maxima", "piecewise", "report", "representation", "sizes", "table", "theorems", "tracking",
    "trainer", "training", "univariate", "volume_bounds",
)

__all__ = sorted([*_LAZY, *_MODULES])


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name in _LAZY:
        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    hint = "" if name.startswith("_") else _suggestion(name, __all__)
    raise AttributeError(f"module 'polyrelu.theory' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *_MODULES})
