"""The documentation's promises that need no Sphinx: every public name is in the API pages, help shows lines that work."""

from __future__ import annotations

import importlib
import inspect
import re
import shlex
from pathlib import Path

import pytest

import polyrelu as pr
from polyrelu.__main__ import build_parser, main
from polyrelu.arguments import EPILOG, EXAMPLES, commands

ROOT = Path(__file__).resolve().parents[1]
PAGES = {page: page.read_text() for page in sorted((ROOT / "docs" / "api").glob("*.md"))}
EXPLICIT = {name for text in PAGES.values() for name in re.findall(r"^\.\. auto(?:class|function):: (\S+)$", text, re.M)}
WHOLE = {name for text in PAGES.values() for name in re.findall(r"^\.\. automodule:: (\S+)$", text, re.M)}


def named(path: str) -> object:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def members(name: str) -> list[object]:
    """Return what ``automodule`` with ``:members:`` describes: ``__all__``, or what the module itself defines."""
    module = importlib.import_module(name)
    if hasattr(module, "__all__"):
        return [getattr(module, member) for member in module.__all__]
    found = vars(module).items()
    return [v for k, v in found if not k.startswith("_") and getattr(v, "__module__", None) == module.__name__]


@pytest.fixture(scope="module")
def described() -> set[int]:
    return {id(named(path)) for path in EXPLICIT} | {id(member) for name in WHOLE for member in members(name)}


@pytest.mark.parametrize("name", pr.__all__)
def test_every_public_name_is_in_the_api_pages(name, described):
    assert f"polyrelu.{name}" in EXPLICIT or id(getattr(pr, name)) in described


@pytest.mark.parametrize("name", pr.theory.__all__)
def test_every_name_of_the_theory_is_in_the_api_pages(name, described):
    member = getattr(pr.theory, name)

    assert member.__name__ in WHOLE if inspect.ismodule(member) else id(member) in described


@pytest.mark.parametrize("module", ["plotting", "slices", "page", "examples", "errors", "measures"])
def test_modules_that_users_import_are_described_whole(module):
    assert f"polyrelu.{module}" in WHOLE


def test_nothing_is_described_twice():
    directives = [line for text in PAGES.values() for line in re.findall(r"^\.\. auto\S+:: \S+$", text, re.M)]

    assert len(directives) == len(set(directives))
    for path in EXPLICIT:  # and under its public name, where it has one
        public = getattr(pr, path.rpartition(".")[2], None)
        assert public is not named(path) or path.count(".") == 1, path


def test_every_page_is_reachable_from_the_index():
    shown = set()
    for index in ("index.md", "api/index.md"):
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", (ROOT / "docs" / index).read_text(), re.S):
            names = [line for line in tree.splitlines() if line and not line.startswith(":")]
            shown |= {f"{Path(index).parent / name}.md" for name in names}
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts}

    assert pages - {"index.md"} == {name.removeprefix("./") for name in shown} - {"notebooks/*.md"}


# -- help that teaches ----------------------------------------------------------------
LINES = [line for lines, _ in EXAMPLES.values() for line in lines]
# These take a file that nobody ships, many seconds, or a package to draw with.
LEFT_OUT = ("check", "experiment", "verify")


def test_every_command_shows_an_example_of_itself():
    found = commands(build_parser())

    assert sorted(found) == sorted(EXAMPLES)
    for name, sub in found.items():
        assert re.search(rf"^examples:\n  polyrelu {name} ", sub.format_help(), re.M)


@pytest.mark.parametrize("line", LINES)
def test_examples_parse(line):
    assert build_parser().parse_args(shlex.split(line)).run.__name__ == f"run_{line.split()[0]}"


@pytest.mark.parametrize("line", [v for v in LINES if not v.startswith(LEFT_OUT) and "--plot" not in v])
def test_examples_run(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert main(shlex.split(line)) == 0
    assert capsys.readouterr().err == ""


def test_the_three_commands_to_try(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^  polyrelu (.*)$", EPILOG, re.M)

    assert len(lines) == 3
    assert [main(shlex.split(line)) for line in lines] == [0, 0, 0]
    out = capsys.readouterr().out
    assert out.startswith("208 activation regions (all, exactly)") and "\nverified in " in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["regions.npz", "regions.png"]
