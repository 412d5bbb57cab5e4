"""The exact polyhedral geometry of ReLU networks.

A ReLU network cuts its input space into convex polytopes and is affine on each. polyrelu finds every
one of them inside a domain, exactly.

>>> import polyrelu as pr
>>> tent = pr.ReluNetwork([[[1], [1]], [[2, -4]]], [[0, -0.5], [0]])
>>> len(pr.enumerate_regions(tent, pr.Box([0], [1])))
2
"""

from __future__ import annotations

import logging as _logging
from typing import TYPE_CHECKING, Any

from .errors import (
    CertificationError,
    DomainError,
    InputError,
    MissingDependency,
    ModelError,
    PolyreluError,
    UnsupportedOperator,
)
from .errors import suggestion as _suggestion
from .network import AffineMap, ReluNetwork
from .readers import from_keras, from_sklearn, from_torch, load, save

if TYPE_CHECKING:
    from .compare import Comparison, SquareRoot, distance, equal
    from .complex import ActivationRegion, RegionComplex
    from .enumeration import RegionCount, count_regions, enumerate_regions
    from .polytope import Box, HPolytope
    from .proof_file import Verdict
    from .properties import Decision, check
    from .storage import verify
    from .theory.lines import LineRegions, regions_on_line, regions_on_segment, regions_on_segments
    from .vnnlib import Property, parse_vnnlib, read_vnnlib
    from .zonotope import Zonotope

__version__ = "0.1.0"

# A library's log is silent until an application wants it.
_logging.getLogger(__name__).addHandler(_logging.NullHandler())

# These modules load more than numpy, so each is imported when one of its names is first used.
_LAZY = {
    "ActivationRegion": "complex",
    "Comparison": "compare",
    "SquareRoot": "compare",
    "distance": "compare",
    "equal": "compare",
    "Property": "vnnlib",
    "parse_vnnlib": "vnnlib",
    "read_vnnlib": "vnnlib",
    "Decision": "properties",
    "check": "properties",
    "RegionComplex": "complex",
    "Verdict": "proof_file",
    "verify": "storage",
    "RegionCount": "enumeration",
    "count_regions": "enumeration",
    "enumerate_regions": "enumeration",
    "Box": "polytope",
    "HPolytope": "polytope",
    "Zonotope": "zonotope",
    "LineRegions": "theory.lines",
    "regions_on_line": "theory.lines",
    "regions_on_segment": "theory.lines",
    "regions_on_segments": "theory.lines",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in ("examples", "theory"):
        return import_module(f".{name}", __name__)
    if name in _LAZY:
        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    # Python itself asks for names with an underscore, often
    hint = "" if name.startswith("_") else _suggestion(name, [*__all__, "examples", "theory"])
    raise AttributeError(f"module 'polyrelu' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


__all__ = [
    "ActivationRegion",
    "AffineMap",
    "Box",
    "CertificationError",
    "Comparison",
    "Decision",
    "DomainError",
    "HPolytope",
    "InputError",
    "LineRegions",
    "MissingDependency",
    "ModelError",
    "PolyreluError",
    "Property",
    "RegionComplex",
    "RegionCount",
    "ReluNetwork",
    "SquareRoot",
    "UnsupportedOperator",
    "Verdict",
    "Zonotope",
    "check",
    "count_regions",
    "distance",
    "enumerate_regions",
    "equal",
    "from_keras",
    "from_sklearn",
    "from_torch",
    "load",
    "parse_vnnlib",
    "read_vnnlib",
    "regions_on_line",
    "regions_on_segment",
    "regions_on_segments",
    "save",
    "verify",
]
