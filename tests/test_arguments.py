"""The parser: the nearest valid name in one line, shipped networks by name, completion scripts."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

import polyrelu as pr
from polyrelu.__main__ import main
from polyrelu.errors import InputError, suggestion


def last_words(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the one line on stderr of a command that is refused with code 2."""
    try:
        code = main(words)
    except SystemExit as exit:
        code = exit.code
    out, err = capsys.readouterr()

    assert (code, out, err.count("\n")) == (2, "", 1)
    return err.rstrip("\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["cuont", "x"],
            "polyrelu: argument COMMAND: invalid choice: 'cuont'; choose one of info, count, enumerate, verify, check, "
            "line, construct, bounds, experiment; did you mean 'count'?; see polyrelu --help",
        ),
        (
            ["count", "x", "--limt", "5"],
            "polyrelu count: there is no option --limt; did you mean '--limit'?; see polyrelu count --help",
        ),
        (["count", "x", "--limt=5"], "there is no option --limt; did you mean '--limit'?"),
        (["count", "x", "--qqq"], "polyrelu count: there is no option --qqq; see polyrelu count --help"),
        (["count", "x", "y"], "polyrelu count: 'y' is one argument too many; see polyrelu count --help"),
        (["count", "x", "--method", "subdivison"], "bfs, subdivision; did you mean 'subdivision'?"),
        (["count", "x", "--linear", "closd"], "convex, activation; did you mean 'closed'?"),
        (
            ["count", "example:moon"],
            "polyrelu: there is no example 'moon'; known are digits, digits_sample, moons, swiss_roll; "
            "did you mean 'moons'?",
        ),
        (["construct", "Telgarski"], "serra-zonotope, max; did you mean 'telgarsky'?"),
        (["construct", "hard", "--param", "kk=2", "w=2"], "hard has no parameter 'kk'; it takes "),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(capsys, words, message):
    assert message in last_words(capsys, *words)


NET = pr.ReluNetwork([[[1]], [[1]]], [[0], [0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pr.count_regions(NET, method="bsf"), "method is 'bsf'; .*; did you mean 'bfs'"),
        (
            lambda: pr.enumerate_regions(NET, pr.Box([-1], [1])).linear_regions("afine"),
            "definition is 'afine'; .*; did you mean 'affine'",
        ),
        (lambda: pr.distance(NET, NET, norm="sub"), "norm is 'sub'; .*; did you mean 'sup'"),
    ],
)
def test_unknown_values_are_answered_with_the_nearest(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_unknown_attributes_are_answered_with_the_nearest():
    with pytest.raises(AttributeError, match="'polyrelu' has no attribute 'enumerate_region'; did you mean 'enumerate_regions'"):
        pr.enumerate_region  # noqa: B018
    with pytest.raises(AttributeError, match="'polyrelu.theory' has no attribute 'telgarski'; did you mean 'telgarsky'"):
        pr.theory.telgarski  # noqa: B018
    with pytest.raises(AttributeError, match="'polyrelu' has no attribute '__path'$"):
        pr.__path  # noqa: B018


def test_what_is_near():
    assert suggestion("BFS", ["auto", "bfs"]) == "; did you mean 'bfs'?"
    assert suggestion(["bfs"], ["auto", "exact"]) == suggestion("", ["auto"]) == ""


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_scripts(shell, capsys, tmp_path):
    pytest.importorskip("shtab")
    with pytest.raises(SystemExit) as exit:
        main(["--print-completion", shell])
    out, err = capsys.readouterr()

    assert (exit.value.code, err) == (0, "")
    assert "--checkpoint" in out and "enumerate" in out
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(out)
        assert subprocess.run([shell, "-n", str(script)], capture_output=True).returncode == 0


def test_bash_completes_a_command(capsys, tmp_path):
    pytest.importorskip("shtab")
    if not shutil.which("bash"):
        pytest.skip("needs bash")
    with pytest.raises(SystemExit):
        main(["--print-completion", "bash"])
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)
    ask = f"""source {script}
f=$(complete -p polyrelu | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=(polyrelu enu); COMP_CWORD=1; $f polyrelu enu polyrelu; echo "${{COMPREPLY[@]}}"
COMP_WORDS=(polyrelu count x --method s); COMP_CWORD=4; COMPREPLY=(); $f polyrelu s --method; echo "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "--norc", "-c", ask], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["enumerate", "subdivision"]


def test_an_unknown_shell_and_a_missing_package(capsys, monkeypatch):
    pytest.importorskip("shtab")
    assert "no completion for 'bsh'; choose one of bash, zsh, " in last_words(capsys, "--print-completion", "bsh")

    monkeypatch.setitem(sys.modules, "shtab", None)
    remedy = "polyrelu: completion scripts need shtab; install it with: pip install 'polyrelu[completion]'"
    assert last_words(capsys, "--print-completion", "bash") == remedy
