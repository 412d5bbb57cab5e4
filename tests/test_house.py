"""The shape of the package: import order, cheap import, exported names, docstrings, no tolerance anywhere."""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import json
import re
import subprocess
import sys
import tokenize
import types
from pathlib import Path

import pytest

import polyrelu

HOUSE = Path(polyrelu.__file__).parent
MODULES = {
    ".".join(file.relative_to(HOUSE).with_suffix("").parts).removesuffix(".__init__"): file
    for file in HOUSE.rglob("*.py")
    if file != HOUSE / "__init__.py"
}

# Imports flow one way: a module imports only from lines above its own, or from earlier ones of its line.
ORDER = """
    errors
    proof proof_file
    exact
    sparse
    network
    kernels highdim lp
    double_description cdd_bridge polytope
    readers.files readers.lowering readers.arithmetic readers.activations readers.windows readers.operators
    readers.native readers.nnet readers.safetensors_reader readers.onnx_operators readers.onnx_reader
    readers.sklearn_reader readers.torch_operators readers.torch_reader readers.keras_reader readers
    interior complex
    vnnlib constraints safety slices
    certificates storage
    residues convex linear
    enumeration.progress enumeration.bfs
    enumeration.cutting enumeration.problem enumeration.checkpoint enumeration.subdivision enumeration
    cells refine spectral measures meshes boundary faces
    stream compare properties
    zonotope
    theory theory.bounds theory.sizes theory.blocks theory.constructions theory.competitors theory.theorems
    theory.circuits theory.maxima theory.univariate theory.piecewise theory.signed
    theory.representation theory.approximation
    theory.catalog theory.table theory.report
    theory.lines theory.random_networks theory.expected theory.boundary
    theory.nearest_proposal theory.nearest_point theory.nearest_search theory.distances
    theory.volume_bounds theory.image_data theory.trainer theory.tracking
    theory.dichotomies theory.convex_fit theory.fit_kernels theory.fit_search theory.training
    colors drawing axes fills function_plots region_plots solid_plots boundary_plots plotting page.shapes page
    theory.experiments.plan theory.experiments.store theory.experiments.summary theory.experiments.work
    theory.experiments.figures theory.experiments.protocol theory.experiments.lines theory.experiments.distances
    theory.experiments.planes theory.experiments.volumes theory.experiments.training theory.experiments.depth
    theory.experiments.page theory.experiments
    examples
    arguments options commands theory_commands __main__
""".split()

# A region complex measures, draws and saves itself: the only imports that point upwards, inside functions.
UPWARDS = {("complex", name) for name in ("plotting", "storage", "linear", "measures", "boundary", "faces")}
UPWARDS |= {("complex", "page"), ("complex", "boundary_plots"), ("boundary", "boundary_plots"), ("boundary", "faces")}

# What loads slowly or need not be installed, and the modules that may import it at their top. These modules
# are themselves imported inside functions alone.
HEAVY = ["cdd", "cvxpy", "highspy", "keras", "matplotlib", "networkx", "numba", "onnx", "scipy", "sklearn", "torch", "tqdm"]
MAY_IMPORT = {("kernels", "numba"), ("enumeration.cutting", "numba")}
CUTTING = {"enumeration.cutting", "enumeration.problem", "enumeration.checkpoint", "enumeration.subdivision"}
LAZY = {"kernels", "highdim", "cdd_bridge", "certificates", "storage", *CUTTING}
LAZY |= {"drawing", "axes", "fills", "function_plots", "region_plots", "solid_plots", "boundary_plots", "plotting"}
LAZY |= {"page.shapes", "page"}
LAZY |= {"theory.fit_kernels", "theory.fit_search"}


def imports(name):
    """Yield (imported module, whether inside a function) for every import of one module; polyrelu's own as ``.name``.

    Imports for the type checker alone are left out.
    """
    file = MODULES[name]
    package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]

    def visit(node, inside):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.Import):
                yield from ((alias.name, inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.level:
                base = package[: len(package) - child.level + 1] + (child.module or "").split(".") * bool(child.module)
                for alias in child.names:
                    longer = ".".join([*base, alias.name])
                    yield "." + (longer if longer in MODULES else ".".join(base)), inside
            elif isinstance(child, ast.ImportFrom):
                assert not child.module.startswith("polyrelu"), f"{name} imports {child.module}: write it relative"
                yield child.module, inside
            yield from visit(child, inside or isinstance(child, ast.FunctionDef | ast.Lambda))

    yield from visit(ast.parse(file.read_text()), False)


def test_the_order_names_every_module():
    assert sorted(ORDER) == sorted(MODULES), "give the new module its place in ORDER"


@pytest.mark.parametrize("name", ORDER)
def test_imports_flow_one_way(name):
    for target, inside in imports(name):
        if not target.startswith(".") or target == ".":  # "." is the package itself: its version
            continue
        target = target[1:]
        if (name, target) in UPWARDS:
            assert inside, f"{name} imports {target} at its top"
        else:
            assert ORDER.index(target) < ORDER.index(name), f"{name} imports {target}, which stands above it"


@pytest.mark.parametrize("name", ORDER)
def test_heavy_modules_are_imported_where_they_are_used(name):
    for target, inside in imports(name):
        if target.startswith("."):
            # whoever is loaded lazily himself may load the others as he likes
            assert inside or target[1:] not in LAZY or name in LAZY, f"{name} imports {target[1:]} at its top"
        elif target.split(".")[0] in HEAVY:
            assert inside or (name, target.split(".")[0]) in MAY_IMPORT, f"{name} imports {target} at its top"


def test_flint_stays_inside_exact():
    assert [name for name in MODULES if "flint" in dict(imports(name))] == ["exact"]


def loaded(code):
    """Return the top-level modules that are loaded after running code in a fresh interpreter."""
    code += "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HOUSE.parent)
    return json.loads(done.stdout)


def test_importing_polyrelu_is_cheap():
    modules = loaded("import polyrelu; polyrelu.ReluNetwork([[[1]]], [[0]])([0.5])")

    assert sorted({m.split(".")[0] for m in modules} & set(HEAVY)) == []
    assert [m for m in modules if m.startswith("polyrelu.") and m.split(".")[1] in LAZY] == []


def test_enumerating_regions_loads_numba_and_no_more():
    modules = loaded(
        "import polyrelu as pr\n"
        "cx = pr.enumerate_regions(pr.ReluNetwork([[[1]], [[1]]], [[0], [0]]), pr.Box([-1], [1]))\n"
        "cx[0].volume, cx[0].affine_map, cx.flipped(0, 1)"
    )

    # numba itself takes parts of scipy
    assert sorted({m.split(".")[0] for m in modules} & set(HEAVY) - {"scipy"}) == ["numba"]
    assert "scipy.optimize" not in modules


# -- names ----------------------------------------------------------------------------
def test_exported_members_are_the_public_names():
    unintended = {"annotations", "Any", "TYPE_CHECKING"}
    public = [
        name
        for name in dir(polyrelu)
        if not name.startswith("_")
        and name not in unintended
        and not isinstance(getattr(polyrelu, name), types.ModuleType)
    ]

    assert polyrelu.__all__ == sorted(polyrelu.__all__) == sorted(public)


def test_a_name_that_does_not_exist_says_so():
    with pytest.raises(AttributeError, match="module 'polyrelu' has no attribute 'enumerate_all'"):
        polyrelu.enumerate_all  # noqa: B018


def test_every_error_is_in_the_tree_and_exported():
    from polyrelu import errors

    found = [v for v in vars(errors).values() if inspect.isclass(v) and issubclass(v, Exception)]
    for error in found:
        assert issubclass(error, polyrelu.PolyreluError)
        assert getattr(polyrelu, error.__name__) is error
        assert error.__name__ in errors.__doc__


def defined(module):
    """Yield (name, object) for the public functions, classes, methods and properties that a module defines."""
    for name, member in vars(module).items():
        if name.startswith("_") or getattr(member, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(member):
            yield name, member
            for inner, value in vars(member).items():
                value = (
                    getattr(value, "fget", None) or getattr(value, "func", None) or getattr(value, "__func__", value)
                )
                if not inner.startswith("_") and inspect.isfunction(value):
                    yield f"{name}.{inner}", value
        elif inspect.isfunction(member) or hasattr(member, "py_func"):
            yield name, getattr(member, "py_func", member)


@pytest.mark.parametrize("name", ORDER)
def test_public_functions_have_a_summary_line(name):
    module = importlib.import_module(f"polyrelu.{name}")
    assert module.__doc__ and module.__doc__.split("\n")[0].strip().endswith((".", ":"))
    for where, member in defined(module):
        text = inspect.getdoc(member)
        if inspect.isclass(member) and not vars(member).get("__doc__"):
            text = None  # inherited from a base class
        assert text, f"{name}.{where} has no docstring"
        summary = text.split("\n\n")[0].replace("\n", " ")
        assert re.match(r"[A-Z`\[{(|]", summary), f"{name}.{where}: {summary!r}"
        assert re.search(r"[.:]$", summary), f"{name}.{where}: {summary!r}"


# -- no tolerance ---------------------------------------------------------------------
def tokens(file, kind):
    with tokenize.open(file) as text:
        return [t.string for t in tokenize.generate_tokens(io.StringIO(text.read()).readline) if t.type == kind]


# Color spaces and margins of pictures are made of small decimals.
DECIMALS = {"colors", "axes", "plotting"}


@pytest.mark.parametrize("name", [name for name in ORDER if name not in DECIMALS])
def test_there_is_no_tolerance(name):
    """No small decimal number, no comparison up to one; texts and comments may show such numbers."""
    assert [v for v in tokens(MODULES[name], tokenize.NUMBER) if re.fullmatch(r"[0-9._]*[eE]-[0-9]+", v)] == []
    assert [v for v in tokens(MODULES[name], tokenize.NUMBER) if re.fullmatch(r"0?\.0+[0-9]*[1-9]0*", v)] == []
    assert {"isclose", "allclose", "approx"} & set(tokens(MODULES[name], tokenize.NAME)) == set()
    assert "fastmath" not in tokens(MODULES[name], tokenize.NAME)


def test_identifiers_use_the_words_of_the_design():
    """Of the words not to say, those that could only mean what they stand for."""
    forbidden = re.compile(r"(^|_)(shi|shis|ss|cheby|centre|centres|bent_boundary|tol|tolerance|eps|epsilon)($|_)")
    for name, file in MODULES.items():
        assert [v for v in set(tokens(file, tokenize.NAME)) if forbidden.search(v.lower())] == [], name


def test_only_the_command_line_prints():
    for name, file in MODULES.items():
        calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
        assert name in ("__main__", "options", "commands", "theory_commands") or not any(ast.unparse(node.func) == "print" for node in calls), name
