"""What is shipped: one version, every data file, extras that exist, a silent log."""

from __future__ import annotations

import ast
import configparser
import logging
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import polyrelu

ROOT = Path(__file__).resolve().parents[1]
HOUSE = Path(polyrelu.__file__).parent
METADATA = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_there_is_one_version():
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.M).group(1)
    bibtex = re.search(r"version = \{(\S+)\}", (ROOT / "docs" / "cite.md").read_text()).group(1)
    changed = re.search(r"^## (\d\S*) - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    released = re.search(r"^date-released: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.M).group(1)

    assert {cited, bibtex, changed.group(1), METADATA["project"]["version"]} == {polyrelu.__version__}
    assert changed.group(2) == released


def test_every_data_file_is_shipped():
    options = configparser.ConfigParser()
    options.read(ROOT / "setup.cfg")
    patterns = options["options.package_data"]["polyrelu"].split()
    data = [
        str(path.relative_to(HOUSE))
        for path in HOUSE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".py"
    ]

    assert [name for name in data if not any(fnmatch(name, pattern) for pattern in patterns)] == []
    assert [pattern for pattern in patterns if not any(fnmatch(name, pattern) for name in data)] == []
    assert "py.typed" in data


def test_every_folder_of_modules_is_a_package():
    assert {path.parent for path in HOUSE.rglob("*.py")} == {path.parent for path in HOUSE.rglob("__init__.py")}


def test_the_manifest_names_what_exists():
    for line in (ROOT / "MANIFEST.in").read_text().splitlines():
        word, *names = line.split()
        if word in ("include", "graft"):
            assert [name for name in names if not (ROOT / name).exists()] == []


def test_python_versions_agree():
    floor = METADATA["project"]["requires-python"].removeprefix(">=")
    named = re.findall(r"Python :: (3\.\d+)$", "\n".join(METADATA["project"]["classifiers"]), re.M)

    assert named[0] == floor and f'py{floor.replace(".", "")}' == METADATA["tool"]["ruff"]["target-version"]
    assert [int(v.removeprefix("3.")) for v in named] == list(range(int(named[0][2:]), int(named[-1][2:]) + 1))


def test_extras_that_are_named_exist():
    extras = METADATA["project"]["optional-dependencies"]
    text = "\n".join(path.read_text() for path in [ROOT / "README.md", *HOUSE.rglob("*.py"), *(ROOT / "docs").glob("*.md")])
    named = {name for group in re.findall(r"(?:polyrelu|'\.|`\.)\[([a-z,]+)\]", text) for name in group.split(",")}
    used = {name for deps in extras.values() for dep in deps for name in re.findall(r"polyrelu\[([a-z,]+)\]", dep)}

    assert {"plot", "docs", "completion"} <= named
    assert named | {name for group in used for name in group.split(",")} <= set(extras)


def test_the_log_is_silent_until_it_is_asked_for():
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("polyrelu").handlers)
    for file in (file for file in HOUSE.rglob("*.py") if "logging" in file.read_text()):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("getLogger"):
                assert ast.unparse(node.args[0]) in ("__name__", "'polyrelu'"), file
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("logging", "_logging"):
                assert node.attr in ("getLogger", "NullHandler"), f"{file}: the root logger belongs to the application"
