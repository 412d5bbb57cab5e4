"""What the README and the docs say holds: Python sessions, commands, pictures."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

import polyrelu as pr
from polyrelu.__main__ import build_parser, main

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def block(heading: str) -> list[str]:
    """Return the lines of the first fenced block after a marker."""
    return re.search(re.escape(heading) + r".*?```\w+\n(.*?)```", README, re.DOTALL).group(1).splitlines()


def test_python_session(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testfile(str(ROOT / "README.md"), module_relative=False)

    assert (failed, tried) == (0, 20)


def test_main_command_draws_the_picture(tmp_path, monkeypatch, capsys):
    (line,) = block("<!-- main command -->")
    words = shlex.split(line.rpartition("&&")[2])
    assert Path(words[0]).name == "polyrelu"
    words = [str(ROOT / w) if w.startswith("polyrelu/") else w for w in words[1:]]
    monkeypatch.chdir(tmp_path)

    assert main(words) == 0
    assert "208 activation regions (all, exactly)" in capsys.readouterr().out
    assert len(pr.RegionComplex.load("moons-regions.npz")) == 208
    assert Path("moons.png").stat().st_size > 0


def test_shell_lines_parse():
    lines = block("## From the shell")

    assert len(lines) == 10
    for line in lines:
        build_parser().parse_args(shlex.split(line)[1:])


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_docs(page):
    text = page.read_text()
    failed, tried = doctest.testfile(str(page), module_relative=False)

    assert failed == 0 and tried == len(re.findall("^>>> ", text, re.MULTILINE))
    for target in re.findall(r"\]\(([^):]+)\)", text):
        file, _, anchor = target.partition("#")
        other = page.parent / file if file else page
        assert other.exists(), target
        if not anchor:
            continue
        # a heading's anchor is its words in small letters, joined by hyphens
        words = [re.sub(r"[^\w\s-]", "", line.lstrip("# ")) for line in other.read_text().splitlines() if line[:1] == "#"]
        assert anchor in [line.lower().replace(" ", "-") for line in words], target


def test_files_that_it_names_exist():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
    assert (ROOT / block("<!-- test command -->")[0].split()[1]).exists()
