"""The command line: ``polyrelu --help``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from . import __version__
from . import commands as work
from . import theory_commands as theory
from .arguments import EPILOG, EXIT, Parser, PrintCompletion, examples
from .errors import InputError, PolyreluError
from .options import complain

MODEL = "a model: .onnx, .keras, .npz, .json or .nnet file, or example:moons"

PROVE = "Prove what a file of regions says, independently; exit code 1 if a claim is not proved."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Examples
    --------
    >>> main(["count", "no-such-model.npz"])
    2
    """
    parser = build_parser()
    options = parser.parse_args(argv)
    try:
        result = options.run(options)
        if options.json:
            print(json.dumps(result))
        else:
            options.show(result)
        sys.stdout.flush()
    except PolyreluError as error:
        complain(" ".join(str(error).split()))
        return 2 if isinstance(error, InputError | ImportError) else 1
    except KeyboardInterrupt:
        complain("interrupted before there was anything to show")
        return 130
    except BrokenPipeError:
        # whoever read our output has left; what Python flushes at the end must go nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        complain(f"the output cannot be written: {error.strerror or error}")
        return 2
    code: int = options.exit_code(result)
    return code


def build_parser() -> Parser:
    """Return the parser of all commands."""
    from .linear import DEFINITIONS

    text = "Exact polyhedral geometry of ReLU networks."
    parser = Parser(prog="polyrelu", description=text, epilog=f"{EPILOG}\n{EXIT}")
    parser.add_argument("--version", action="version", version=f"polyrelu {__version__}")
    text = "print a completion script: bash, zsh, .. (needs shtab)"
    parser.add_argument("--print-completion", action=PrintCompletion, metavar="SHELL", help=text)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: Any, show: Any, text: str) -> Parser:
        sub: Parser = commands.add_parser(name, help=text, description=text, epilog=examples(name))
        sub.set_defaults(run=run, show=show, exit_code=lambda result: 0)
        sub.add_argument("model", metavar="MODEL", help=MODEL)
        sub.add_argument("--json", action="store_true", help="print exactly one JSON object on stdout")
        sub.add_argument("--normalize", action="store_true", help=".nnet: take raw inputs, fold the normalisation")
        sub.add_argument("--architecture", metavar="FILE", help=".safetensors: the .json that describes the layers")
        return sub

    command("info", work.run_info, work.show_info, "Show what a model file holds.")
    count = command("count", work.run_count, work.show_count, "Count the activation regions of a model over a domain.")
    text = "Find all activation regions, save or draw them."
    listing = command("enumerate", work.run_enumerate, work.show_count, text)
    for sub in (count, listing):
        _add_domain(sub)
        _add_search(sub)
    count.add_argument(
        "--linear",
        nargs="?",
        const="open",
        choices=DEFINITIONS,
        metavar="DEFINITION",
        help="count linear regions as well: open (default), closed, affine, convex (bounds) or activation",
    )
    proving = commands.add_parser("verify", help=PROVE, description=PROVE, epilog=examples("verify"))
    proving.set_defaults(run=work.run_verify, show=work.show_verify)
    proving.set_defaults(exit_code=lambda result: 0 if result["verified"] else 1)
    proving.add_argument("regions", metavar="REGIONS.npz", help="file of enumerate --out or check --proof")
    proving.add_argument("--json", action="store_true", help="print exactly one JSON object on stdout")
    proving.add_argument("--model", metavar="MODEL", help="prove that the regions are those of this model")
    proving.add_argument("--property", metavar="P.vnnlib", help="prove that this property of the model is unsat")
    proving.add_argument("--normalize", action="store_true", help=".nnet: take raw inputs, fold the normalisation")
    proving.add_argument("--architecture", metavar="FILE", help=".safetensors: the .json that describes the layers")
    _add_slice(proving.add_argument_group("the model's slice, as it was given to enumerate"))
    checking = command("check", work.run_check, work.show_check, "Decide a VNN-LIB property: is any input unsafe?")
    checking.set_defaults(exit_code=lambda result: work.CHECK_CODES[result["result"]])
    checking.add_argument("property", metavar="PROPERTY.vnnlib", help="bounds of the inputs and the unsafe outputs")
    checking.add_argument("--timeout", metavar="S", help="answer unknown after S seconds")
    checking.add_argument("--proof", metavar="PROOF.npz", help="if unsat, save all regions and why each is safe")
    checking.add_argument(
        "--vnncomp", nargs="?", const="-", metavar="OUT", help="the competition's result format, in a file or on stdout"
    )
    text = "Find all breakpoints on a segment, or on the whole line through it."
    along = command("line", work.run_line, work.show_line, text)
    for name in ("start", "end"):
        along.add_argument(f"--{name}", nargs="+", required=True, metavar="X", help=f"{name}: numbers or a .npy file")
    along.add_argument("--whole", action="store_true", help="go on beyond both ends")
    _add_theory(commands)
    listing.add_argument("--out", metavar="REGIONS.npz", help="save patterns, points, facets and adjacency")
    listing.add_argument("--no-proof", action="store_true", help="save at once, without the proof that verify needs")
    _add_picture(listing)
    return parser


def _add_picture(sub: Parser) -> None:
    group = sub.add_argument_group("picture")
    group.add_argument("--plot", metavar="FILE", help="draw 1, 2 or 3 inputs: .png, .svg, .pdf, .html (a page)")
    group.add_argument(
        "--kind",
        metavar="KIND",
        help="function (1 input), regions, bent_hyperplanes, graph, surface, classes (2), regions_3d (3), boundary",
    )
    group.add_argument("--color", metavar="HOW", help="affine, pattern, linear, output, gradient or none")
    group.add_argument("--output", metavar="K", help="the output that is drawn (default 0)")


def _add_theory(commands: Any) -> None:
    text = "Write a network from the literature, with what is claimed of it."
    making = commands.add_parser("construct", help=text, description=text, epilog=examples("construct"))
    making.set_defaults(run=theory.run_construct, show=theory.show_construct, exit_code=lambda result: 0)
    making.add_argument("name", metavar="NAME", help="hard, zonotope, tent, montufar, pascanu, serra, max, ..")
    making.add_argument("--out", metavar="NET.json", help="write the network: .json or .npz")
    text = "Put bounds on the number of regions beside enumerated counts; without options, check all constructions."
    table = commands.add_parser("bounds", help=text, description=text, epilog=examples("bounds"))
    table.set_defaults(run=theory.run_bounds, show=theory.show_bounds)
    table.set_defaults(exit_code=lambda result: 0 if result["holds"] else 1)
    table.add_argument("--widths", metavar="N0,N1,..", help="an architecture, inputs and outputs included: 2,16,16,1")
    table.add_argument("--construction", metavar="NAME", help="a network that construct knows")
    table.add_argument("--seed", default="0", metavar="S", help="of the random network of --widths (default 0)")
    table.add_argument("--limit", metavar="N", help="do not enumerate more regions (default 20000)")
    table.add_argument("--plot", metavar="FILE", help="draw the bounds against depth: .png, .svg, .pdf")
    _add_experiment(commands)
    for sub in (making, table):
        sub.add_argument("--param", nargs="+", action="extend", default=[], metavar="K=V", help="k=3, M=1/2 or p=2,2")
        sub.add_argument("--json", action="store_true", help="print exactly one JSON object on stdout")


def _add_experiment(commands: Any) -> None:
    text = "Run an experiment of Hanin and Rolnick: a table, figures and a page; a run that was stopped goes on."
    sub = commands.add_parser("experiment", help=text, description=text, epilog=examples("experiment"))
    # 130 after Ctrl-C, so that a script does not go on as if all were done
    sub.set_defaults(run=theory.run_experiment, show=theory.show_experiment)
    sub.set_defaults(exit_code=lambda result: 0 if result["complete"] else 130)
    sub.add_argument("name", metavar="NAME", help="lines, distances, planes, volumes, training, depth")
    sub.add_argument("--out", metavar="DIR", required=True, help="directory of the results, and of a run to go on with")
    sub.add_argument("--data", default="digits", metavar="WHAT", help="digits (default), or a folder with MNIST")
    sub.add_argument("--full", action="store_true", help="the paper's architectures and repetitions (many hours)")
    sub.add_argument("--seed", default="0", metavar="S", help="of all networks and samples (default 0)")
    sub.add_argument("--workers", metavar="N", help="processes (default: all processors)")
    sub.add_argument("--json", action="store_true", help="print exactly one JSON object on stdout")


def _add_domain(sub: Parser) -> None:
    group = sub.add_argument_group("domain (default: all of R^d)")
    group.add_argument("--box", nargs=2, metavar=("LO", "HI"), help="the same bounds for every input")
    group.add_argument("--lower", nargs="+", metavar="X", help="lower bounds, one per (free) input")
    group.add_argument("--upper", nargs="+", metavar="X", help="upper bounds, one per (free) input")
    _add_slice(group)
    group.add_argument("--around", nargs="+", metavar="X", help="the box around a point, numbers or a .npy file")
    group.add_argument("--radius", metavar="R", help="half the side of the box of --around")


def _add_slice(group: Any) -> None:
    group.add_argument("--at", nargs="+", metavar="X", help="slice: a point, one number per input or a .npy file")
    group.add_argument("--free", nargs="+", metavar="I", help="slice: the inputs that range over the box")
    group.add_argument("--through", metavar="FILE.npy", help="slice: the plane or line through three or two rows")
    group.add_argument("--random", metavar="SEED", help="slice: a random plane through 0, or through --at")
    group.add_argument("--components", metavar="FILE.npy", help="slice: the first two principal components of the rows")


def _add_search(sub: Parser) -> None:
    group = sub.add_argument_group("search")
    group.add_argument(
        "--method",
        default="auto",
        choices=("auto", "bfs", "subdivision"),
        help="engine: bfs (any domain), subdivision (bounded, few inputs, fast); auto picks",
    )
    group.add_argument("--workers", metavar="N", help="threads of the subdivision (default: all processors)")
    group.add_argument("--limit", metavar="N", help="explore at most N regions, then stop")
    group.add_argument("--checkpoint", metavar="DIR", help="keep finished work there; a killed run goes on from it")


if __name__ == "__main__":
    sys.exit(main())
