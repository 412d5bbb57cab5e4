"""Every notebook runs from start to end as in Jupyter, shows pictures, ends in assertions, and is stored without outputs."""

from __future__ import annotations

import ast
import re
import runpy
import types
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
stripped = runpy.run_path(str(FOLDER / "strip.py"))["stripped"]
# what every notebook comes to speak of, in one order or another
ARC = ("## Legend", "**Definition", "smallest predicate", "algorithm", "proof", "experiment", "## Exercises")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


def code_cells(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_the_list_of_notebooks():
    listed = re.findall(r"\]\((\w+\.ipynb)\)", (FOLDER / "README.md").read_text())

    assert listed == [path.name for path in NOTEBOOKS] and len(listed) == 9


def test_stored_as_strip_writes_it(path):
    notebook = nbformat.read(path, as_version=4)

    nbformat.validate(notebook)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)
    assert path.read_text(encoding="utf-8") == stripped(path.read_text(encoding="utf-8")), "run notebooks/strip.py"


def test_strip_removes_what_jupyter_adds():
    cell = nbformat.v4.new_code_cell("1 + 1\n", execution_count=3, metadata={"collapsed": True})
    cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=3)]
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"language_info": {"name": "python", "version": "3.13"}})
    clean = nbformat.reads(stripped(nbformat.writes(notebook)), as_version=4)

    nbformat.validate(clean)
    assert clean.cells[0] == {
        "cell_type": "code", "execution_count": None, "id": "cell-00", "metadata": {}, "outputs": [], "source": "1 + 1",
    }  # fmt: skip
    assert clean.metadata.language_info == {"name": "python"}
    assert stripped(nbformat.writes(clean)) == stripped(nbformat.writes(notebook))


def test_it_follows_the_arc(path):
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")

    assert re.match(r"# \w.*\n", cells[0].source)
    assert [word for word in ARC if word.lower() not in prose.lower()] == []


def test_it_ends_in_assertions(path):
    last = nbformat.read(path, as_version=4).cells[-1]
    asserts = [node for node in ast.walk(ast.parse(last.source)) if isinstance(node, ast.Assert)]

    assert last.cell_type == "code" and len(asserts) >= 5
    assert not any(isinstance(node.test, ast.Constant) for node in asserts)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a notebook in a fresh IPython shell and returns what it displays.

    Jupyter's kernel hands every cell to this shell's ``run_cell``, and pictures to this inline backend; a kernel of its
    own would load numba and all kernels once more for every notebook.
    """
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    from IPython.core.displaypub import CapturingDisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from matplotlib_inline.backend_inline import configure_inline_support
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None):
            """Have no window system, like a kernel whose pictures are inline."""

    backend = pyplot.get_backend()
    shell = Shell.instance(
        config=Config({"HistoryManager": {"enabled": False}}),
        user_module=types.ModuleType("__notebook__"),
        display_pub_class=CapturingDisplayPublisher,
    )

    def run(path):
        monkeypatch.chdir(path.parent)  # where Jupyter runs it
        shell.enable_matplotlib("inline")
        for source in code_cells(path):
            shell.run_cell(source, store_history=True).raise_error()
        return [kind for output in shell.display_pub.outputs for kind in output["data"]]

    with pyplot.rc_context():
        yield run
        pyplot.close("all")
    pyplot.switch_backend(backend)
    configure_inline_support(shell, backend)  # so that the next shell is told of the formats of pictures
    shell.restore_sys_module_state()
    Shell.clear_instance()


def test_it_runs(path, run, monkeypatch):
    monkeypatch.setenv("POLYRELU_ACAS", "nowhere")

    assert run(path).count("image/png") >= 3


def test_collision_avoidance_with_the_real_network(shared_data, run, monkeypatch):
    monkeypatch.setenv("POLYRELU_ACAS", str(shared_data / "acasxu"))

    assert run(FOLDER / "08_collision_avoidance.ipynb").count("image/png") >= 3
