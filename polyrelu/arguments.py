"""The parser of the command line: help with examples, errors in one line with the nearest name, completion scripts."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from .errors import suggestion

EPILOG = """\
Three commands to try, on a network that comes along (others: example:swiss_roll, example:digits):

  polyrelu count example:moons --lower -2 -1.5 --upper 3 2
  polyrelu enumerate example:moons --box -1 1 --out regions.npz --plot regions.png
  polyrelu verify regions.npz --model example:moons

"polyrelu COMMAND --help" tells more, with examples.
"""
EXIT = """\
Exit codes: 0 done, 1 a proof or check failed, 2 bad input (one line on stderr says what, where and what to do).
"""
COUNTED = """\
Numbers are exact decimals or quotients: 0.1, -1e-3, -1/3.
A region is counted if it meets the domain in full dimension; hidden neurons cut, output neurons only if the
last layer has a ReLU.
"""
# What each command's help shows: lines that run as they stand, and what to know.
EXAMPLES = {
    "info": (("info example:digits",), ""),
    "count": (
        (
            "count example:moons --box -1 1",
            "count example:moons --lower -2 -3/2 --upper 3 2 --linear closed",
            "count example:swiss_roll --at 0 1/2 0 --free 0 2 --box -1 1 --json",
            "count example:swiss_roll --random 7 --box -1 1",
            "count example:moons --around 0 0 --radius 1/10",
        ),
        COUNTED,
    ),
    "enumerate": (
        (
            "enumerate example:moons --box -1 1 --out regions.npz --plot regions.png",
            "enumerate example:moons --box -1 1 --plot graph.svg --kind graph",
            "enumerate example:swiss_roll --box -1 1 --limit 100",
        ),
        COUNTED,
    ),
    "verify": (("verify regions.npz", "verify regions.npz --model example:moons"), ""),
    "check": (
        ("check model.onnx property.vnnlib --timeout 60", "check model.onnx property.vnnlib --proof unsat.npz"),
        "Exit codes: 0 unsat (no input is unsafe), 10 sat (a rational counterexample is printed), 3 unknown at a time\n"
        "limit, 2 bad input.\n",
    ),
    "line": (("line example:moons --start -2 1 --end 3 -1", "line example:moons --start 0 0 --end 1 1 --whole"), ""),
    "construct": (("construct tent --param k=3", "construct serra --param n=3 k=2 --out net.json"), ""),
    "bounds": (
        (
            "bounds --widths 2,4,4,1",
            "bounds --construction tent --param k=3",
            "bounds --widths 2,4,4,1 --plot bounds.png",
        ),
        "",
    ),
    "experiment": (
        ("experiment lines --out results",),
        "Exit codes: 0 done, 130 stopped by Ctrl-C, with its state kept, 2 bad input.\n",
    ),
}


class Parser(argparse.ArgumentParser):
    """An argparse parser that takes ``-1/3`` and ``-1e-3`` for numbers and answers errors in one line."""

    def __init__(self, **options: Any):
        options |= {"allow_abbrev": False, "formatter_class": argparse.RawDescriptionHelpFormatter}
        super().__init__(**options)

    def _parse_optional(self, arg_string: str) -> Any:
        # no option of ours begins with a minus and a digit or a point
        if arg_string[:1] == "-" and arg_string[1:2] and (arg_string[1].isdigit() or arg_string[1] == "."):
            return None
        return super()._parse_optional(arg_string)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Read the arguments; what is left over is refused by the command whose it is."""
        found, left = super().parse_known_args(args, namespace)
        if left and left[0].startswith("-"):
            word = left[0].partition("=")[0]
            self.error(f"there is no option {word}{suggestion(word, self._option_string_actions)}")
        if left:
            self.error(f"{left[0]!r} is one argument too many")
        return found, left

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known, hint = ", ".join(map(str, action.choices)), suggestion(value, map(str, action.choices))
            raise argparse.ArgumentError(action, f"invalid choice: {value!r}; choose one of {known}{hint}")

    def error(self, message: str) -> NoReturn:
        """Leave with code 2 and one line."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


class PrintCompletion(argparse.Action):
    """Print a shell's completion script, made from the parser by shtab, and leave."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: str | None = None) -> None:
        """Leave with code 0, or with 2 and one line."""
        try:
            import shtab
        except ImportError:
            remedy = "install it with: pip install 'polyrelu[completion]'"
            parser.exit(2, f"polyrelu: completion scripts need shtab; {remedy}\n")
        known = shtab.SUPPORTED_SHELLS
        if values not in known:
            hint = suggestion(values, known)
            parser.error(f"there is no completion for {values!r}; choose one of {', '.join(known)}{hint}")
        for sub in commands(parser).values():
            for action in sub._actions:
                if action.metavar == "DIR":
                    action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
                elif action.metavar in ("MODEL", "FILE") or "." in str(action.metavar):
                    action.complete = shtab.FILE  # type: ignore[attr-defined]
        sys.stdout.write(f"{shtab.complete(parser, values)}\n")
        parser.exit()


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of all commands by name."""
    (action,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(action.choices)


def examples(name: str) -> str:
    """Return what stands at the end of a command's help."""
    lines, remark = EXAMPLES[name]
    shown = "".join(f"  polyrelu {line}\n" for line in lines)
    codes = "" if "Exit codes" in remark else EXIT
    return "\n".join(part for part in (f"examples:\n{shown}", remark, codes) if part)
