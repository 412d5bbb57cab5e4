"""How Sphinx makes the site: ``python -m sphinx -W docs docs/_build``."""

from __future__ import annotations

import inspect
import re
import shutil
import sys
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

import polyrelu  # noqa: E402
from polyrelu.__main__ import build_parser  # noqa: E402
from polyrelu.arguments import commands  # noqa: E402

project = "polyrelu"
author = "The polyrelu developers"
copyright = "2026, The polyrelu developers"
version = release = polyrelu.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc", "myst_nb"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"polyrelu {release}"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#2d5c8a", "color-brand-content": "#2d5c8a"},
    "dark_css_variables": {"color-brand-primary": "#84adeb", "color-brand-content": "#84adeb"},
}
pygments_style = "friendly"
pygments_dark_style = "monokai"

# Links go to headings of other pages as they do on a code host.
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_dmath_double_inline = True
myst_heading_anchors = 3

autodoc_typehints = "none"  # the docstrings say types, and shapes with them
autodoc_member_order = "bysource"
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False  # autodoc shows them, with their docstrings

# Notebooks are committed without outputs, so the site runs them; a second build takes them from the cache. CI, whose
# tests run every notebook anyway, gives -D nb_execution_mode=off.
nb_execution_mode = "cache"
nb_execution_timeout = 300
nb_execution_raise_on_error = True


def copy_notebooks() -> None:
    """Put the notebooks where Sphinx finds them; those that are gone there go here too."""
    target = HERE / "notebooks"
    target.mkdir(exist_ok=True)
    wanted = {file.name: file for file in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    for file in target.glob("*.ipynb"):
        if file.name not in wanted:
            file.unlink()
    for name, file in wanted.items():
        if not (target / name).exists() or (target / name).read_bytes() != file.read_bytes():
            shutil.copyfile(file, target / name)


copy_notebooks()


class CommandHelp(Directive):
    """``command-help``: what ``polyrelu --help`` and the help of every command print."""

    def run(self) -> list[nodes.Node]:
        """Return one section per command."""
        parser = build_parser()
        found: list[nodes.Node] = []
        for name, sub in {"": parser, **commands(parser)}.items():
            title = f"polyrelu {name}".strip()
            section = nodes.section("", nodes.title(title, title), ids=[nodes.make_id(title)])
            section += nodes.literal_block("", sub.format_help(), language="text")
            found.append(section)
        return found


class ShortNames(Directive):
    """``short-names``: the functions that ``polyrelu.theory`` offers, and where each is described."""

    def run(self) -> list[nodes.Node]:
        """Return a list of links."""
        members = {name: getattr(polyrelu.theory, name) for name in polyrelu.theory.__all__}
        lines = [
            f"* :obj:`theory.{name} <{member.__module__}.{member.__name__}>`: {inspect.getdoc(member).splitlines()[0]}"
            for name, member in members.items()
            if not inspect.ismodule(member)
        ]
        escape_bars(lines)
        listing = nodes.container()
        self.state.nested_parse(StringList(lines, source="short-names"), self.content_offset, listing)
        return listing.children


def escape_bars(lines: list[str]) -> None:
    """Make bars around a word an absolute value, and no substitution, in lines of prose."""
    inside = False  # an example: its bars are left alone
    for i, line in enumerate(lines):
        inside = line.lstrip().startswith(">>>") or (inside and line.strip() != "")
        if not inside:
            parts = line.split("``")
            parts[::2] = [re.sub(r"\|(?=\S)([^|]*\S)\|", r"\\|\1\\|", part) for part in parts[::2]]
            lines[i] = "``".join(parts)


def prepare_docstring(app, what, name, obj, options, lines: list[str]) -> None:
    """Make the plain prose of a docstring safe for reStructuredText.

    Headings of a module's docstring stay out of the page's own, which has one *References* at most.
    """
    escape_bars(lines)
    if what == "module":
        for i in range(len(lines) - 1, 0, -1):
            if re.fullmatch("-{3,}", lines[i]) and lines[i - 1].strip():
                lines[i - 1 : i + 1] = [f".. rubric:: {lines[i - 1].strip()}", ""]


def skip_member(app, what, name, obj, skip, options) -> bool | None:
    """Leave out the fields of named tuples: the class says what they are."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app) -> None:
    """Register the directives and what is done to docstrings, after numpydoc."""
    app.connect("autodoc-process-docstring", prepare_docstring, priority=900)
    app.connect("autodoc-skip-member", skip_member)
    app.add_directive("command-help", CommandHelp)
    app.add_directive("short-names", ShortNames)
