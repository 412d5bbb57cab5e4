"""The house: imports flow one way, public names are complete and documented, importing is cheap, no tolerance."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import polyrelu as pr

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "polyrelu"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Top to bottom: a module may import only from modules above it.
ORDER = [
    "errors",
    "exact",
    "network",
    "kernels",
    "highdim",
    "lp",
    "double_description",
    "cdd_bridge",
    "polytope",
    "readers.files",
    "readers.lowering",
    "readers.native",
    "readers.nnet",
    "readers.onnx_reader",
    "readers.torch_reader",
    "readers.sklearn_reader",
    "readers",
    "complex",
    "storage",
    "enumeration.progress",
    "enumeration.bfs",
    "enumeration",
    "examples",
    "plotting",
    "",
    "__main__",
]
# A method that hands its object to a module further down, imported when it is called.
HANDED_DOWN = {("complex", "plotting"), ("complex", "storage")}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(p for p in parts if p != "__init__")


def imports_of(path: Path) -> set[tuple[str, bool]]:
    """Return (module of ours, at the top level of the file) for every import in a file."""
    tree = ast.parse(path.read_text())
    here = name_of(path).split(".") if name_of(path) else []
    package = here if path.name == "__init__.py" else here[:-1]
    top = {id(node) for node in tree.body}
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = package[: len(package) - node.level + 1]
        target = ".".join([*base, *(node.module.split(".") if node.module else [])])
        for alias in node.names:
            inner = f"{target}.{alias.name}".lstrip(".")
            found.add((inner if inner in ORDER else target, id(node) in top))
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_flow_one_way(path):
    name = name_of(path)
    assert name in ORDER, "a new module: give it a place in ORDER"
    if name == "":  # the package's own __init__ loads the rest by name on demand
        return
    for target, _ in imports_of(path):
        if target != "" and (name, target) not in HANDED_DOWN:
            assert ORDER.index(target) < ORDER.index(name), f"{name} imports {target}"


def test_handing_down_happens_on_demand_only():
    for path in MODULES:
        for target, at_top in imports_of(path):
            assert not (at_top and (name_of(path), target) in HANDED_DOWN)


def test_exported_members_are_the_public_names():
    public = {name for name in dir(pr) if not name.startswith("_")}
    modules = {m.split(".")[0] for m in ORDER} | {"annotations", "Any", "TYPE_CHECKING"}

    assert sorted(public - modules) == sorted(pr.__all__)
    for name in pr.__all__:
        assert getattr(pr, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        pr.nothing  # noqa: B018


def test_import_costs_numpy_and_little_more():
    heavy = ["scipy", "cvxpy", "networkx", "numba", "matplotlib", "onnx", "torch", "sklearn", "highspy", "cdd", "tqdm"]
    code = f"import sys, polyrelu; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.strip() == "[]"


def public_objects():
    for name in pr.__all__:
        thing = getattr(pr, name)
        yield name, thing
        if inspect.isclass(thing):
            for key, member in vars(thing).items():
                if not key.startswith("_") and (callable(member) or isinstance(member, property | classmethod)):
                    yield f"{name}.{key}", member


@pytest.mark.parametrize(("name", "thing"), list(public_objects()), ids=lambda v: v if isinstance(v, str) else "")
def test_public_objects_are_documented(name, thing):
    summary = (inspect.getdoc(thing) or "").split("\n")[0]

    assert summary.endswith((".", ":")) or len(summary) > 60, name


def test_no_tolerance_decides_anything():
    # docstrings and messages may show a number like -1e-3; code may not compare with one
    for path in MODULES:
        if path.name == "plotting.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, float) and 0 < abs(node.value) < 0.01:
                pytest.fail(f"{path.name}:{node.lineno} has the small float {node.value}")
            if isinstance(node, ast.Attribute | ast.Name):
                called = node.attr if isinstance(node, ast.Attribute) else node.id
                assert called not in ("isclose", "allclose"), f"{path.name}:{node.lineno}"


def test_words():
    # design.md's table of terms, as far as identifiers go
    for path in MODULES:
        words = {w.lower() for w in re.findall(r"[A-Za-z_]+", path.read_text())}
        assert not words & {"shi", "shis", "cheby", "centre", "mask_pattern"}, path.name


def test_no_print_outside_the_command_line():
    for path in MODULES:
        if path.name == "__main__.py":
            continue
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        assert not [n for n in calls if isinstance(n.func, ast.Name) and n.func.id == "print"], path.name
