"""The command line: ``polyrelu --help``."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .arguments import EPILOG, EXIT, Parser, PrintCompletion, examples
from .errors import InputError, PolyreluError
from .exact import fraction, text
from .network import ReluNetwork
from .sparse import SparseMatrix

if TYPE_CHECKING:
    from .slices import Slice

# Before the name of a network that ships with the package.
SHIPPED = "example:"
MODEL = "a model: .onnx, .keras, .npz, .json or .nnet file, or example:moons"

PROVE = "Prove what a file of regions says, independently; exit code 1 if a claim is not proved."
# What makes a slice: at most one of them.
SLICES = ("free", "through", "random", "components")
CHECK_CODES = {"unsat": 0, "sat": 10, "unknown": 3}


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
        _complain(" ".join(str(error).split()))
        return 2 if isinstance(error, InputError | ImportError) else 1
    except KeyboardInterrupt:
        _complain("interrupted before there was anything to show")
        return 130
    except BrokenPipeError:
        # whoever read our output has left; what Python flushes at the end must go nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        _complain(f"the output cannot be written: {error.strerror or error}")
        return 2
    code: int = options.exit_code(result)
    return code


def _complain(message: str) -> None:
    with contextlib.suppress(OSError, AttributeError):  # stderr may be closed
        print(f"polyrelu: {message}", file=sys.stderr)


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

    command("info", run_info, show_info, "Show what a model file holds.")
    count = command("count", run_count, show_count, "Count the activation regions of a model over a domain.")
    listing = command("enumerate", run_enumerate, show_count, "Find all activation regions, save or draw them.")
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
    proving.set_defaults(run=run_verify, show=show_verify, exit_code=lambda result: 0 if result["verified"] else 1)
    proving.add_argument("regions", metavar="REGIONS.npz", help="file of enumerate --out or check --proof")
    proving.add_argument("--json", action="store_true", help="print exactly one JSON object on stdout")
    proving.add_argument("--model", metavar="MODEL", help="prove that the regions are those of this model")
    proving.add_argument("--property", metavar="P.vnnlib", help="prove that this property of the model is unsat")
    proving.add_argument("--normalize", action="store_true", help=".nnet: take raw inputs, fold the normalisation")
    proving.add_argument("--architecture", metavar="FILE", help=".safetensors: the .json that describes the layers")
    _add_slice(proving.add_argument_group("the model's slice, as it was given to enumerate"))
    checking = command("check", run_check, show_check, "Decide a VNN-LIB property: is any input unsafe?")
    checking.set_defaults(exit_code=lambda result: CHECK_CODES[result["result"]])
    checking.add_argument("property", metavar="PROPERTY.vnnlib", help="bounds of the inputs and the unsafe outputs")
    checking.add_argument("--timeout", metavar="S", help="answer unknown after S seconds")
    checking.add_argument("--proof", metavar="PROOF.npz", help="if unsat, save all regions and why each is safe")
    checking.add_argument(
        "--vnncomp", nargs="?", const="-", metavar="OUT", help="the competition's result format, in a file or on stdout"
    )
    along = command("line", run_line, show_line, "Find all breakpoints on a segment, or on the whole line through it.")
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
    making.set_defaults(run=run_construct, show=show_construct, exit_code=lambda result: 0)
    making.add_argument("name", metavar="NAME", help="hard, zonotope, tent, montufar, pascanu, serra, max, ..")
    making.add_argument("--out", metavar="NET.json", help="write the network: .json or .npz")
    text = "Put bounds on the number of regions beside enumerated counts; without options, check all constructions."
    table = commands.add_parser("bounds", help=text, description=text, epilog=examples("bounds"))
    table.set_defaults(run=run_bounds, show=show_bounds, exit_code=lambda result: 0 if result["holds"] else 1)
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
    sub.set_defaults(run=run_experiment, show=show_experiment)
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


# -- reading the options --------------------------------------------------------------
def load_model(options: argparse.Namespace) -> ReluNetwork:
    """Read the model file of a command."""
    from .readers import load

    settings: dict[str, Any] = {"normalize": True} if options.normalize else {}
    if options.architecture:
        settings["architecture"] = options.architecture
    if options.model.startswith(SHIPPED):
        from .examples import example_path

        return load(example_path(options.model.removeprefix(SHIPPED)), **settings)
    return load(options.model, **settings)


def read_slice(options: argparse.Namespace) -> tuple[ReluNetwork, Slice | None, dict[str, Any]]:
    """Return the network, restricted to the slice if there is one, the slice, and the slice as JSON."""
    from . import slices
    from .readers.files import located

    net = load_model(options)
    found = {name: value for name in SLICES if (value := getattr(options, name)) is not None}
    if len(found) > 1:
        first, second = list(found)[:2]
        raise InputError(f"--{first} excludes --{second}; give one slice")
    centered = options.at is not None and "random" in found
    if options.at is not None and not centered and options.free is None:
        raise InputError("a slice needs both --at (a point) and --free (the inputs that vary)")
    if options.free is not None and options.at is None:
        raise InputError("a slice needs both --at (a point) and --free (the inputs that vary)")
    base = None if options.at is None else _read_point(options.at, net.input_dim, "--at")
    if not found:
        return net, None, {}
    described: dict[str, Any] = dict(found)
    (name,) = found
    if name == "free":
        assert base is not None
        free = [_whole_number(v, "--free") for v in options.free]
        for i in free:
            if not 0 <= i < net.input_dim:
                raise InputError(f"--free names input {i}; this model has inputs 0 to {net.input_dim - 1}")
        if len(set(free)) != len(free):
            raise InputError("--free names an input twice; name each once")
        piece = slices.coordinates(free, base)
        described = {"at": [text(v) for v in base], "free": free}
    elif name == "through":
        rows = _read_rows(options.through, net.input_dim, "--through")
        if len(rows) not in (2, 3):
            raise InputError(f"{options.through} has {len(rows)} rows; --through takes two points or three")
        with located(options.through):
            piece = slices.through_points(*rows) if len(rows) == 3 else slices.line_through(*rows)
    elif name == "random":
        seed = _whole_number(options.random, "--random")
        if seed < 0:
            raise InputError(f"--random is {seed}; give a seed from 0 up")
        piece = slices.random_plane(net.input_dim, seed, base, k=min(2, net.input_dim))
        described = {"random": seed, **({} if base is None else {"at": [text(v) for v in base]})}
    else:
        rows = _read_rows(options.components, net.input_dim, "--components")
        with located(options.components):
            piece = slices.principal_plane(rows, k=min(2, net.input_dim))
    return piece.restrict(net), piece, described


def read_problem(options: argparse.Namespace) -> tuple[ReluNetwork, Any, dict[str, Any], Slice | None]:
    """Return the network (restricted to the slice), the domain, the domain as JSON, and the slice."""
    from .polytope import Box
    from .slices import box_around

    net, piece, described = read_slice(options)
    d = net.input_dim
    if (options.around is None) != (options.radius is None):
        raise InputError("a neighborhood needs both --around (a point) and --radius")
    if options.around is not None:
        for name in ("box", "lower", "upper", *SLICES):
            if getattr(options, name) is not None:
                raise InputError(f"--around excludes --{name}; give one or the other")
        center = _read_point(options.around, d, "--around")
        radius = fraction(options.radius, "--radius")
        box = box_around(center, radius)
        return net, box, {"around": [text(v) for v in center], "radius": text(radius), **_bounds(box)}, None
    if options.box is not None:
        if options.lower is not None or options.upper is not None:
            raise InputError("--box excludes --lower and --upper; give one or the other")
        lower, upper = [options.box[0]] * d, [options.box[1]] * d
    elif options.lower is not None or options.upper is not None:
        if options.lower is None or options.upper is None:
            raise InputError("--lower and --upper go together; give both, or --box LO HI")
        lower, upper = options.lower, options.upper
        for name, values in (("--lower", lower), ("--upper", upper)):
            if len(values) != d:
                raise InputError(f"{name} has {len(values)} numbers; there are {d} free inputs")
    elif piece is not None and piece.domain is not None:
        return net, piece.domain, described | _bounds(piece.domain), piece
    else:
        return net, None, described | {"lower": None, "upper": None}, piece
    box = Box([fraction(v, "a lower bound") for v in lower], [fraction(v, "an upper bound") for v in upper])
    return net, box, described | _bounds(box), piece


def _bounds(box: Any) -> dict[str, Any]:
    return {"lower": [text(v) for v in box.lower], "upper": [text(v) for v in box.upper]}


def _read_array(path: str) -> Any:
    import numpy as np

    from .readers.files import existing_file, located

    with located(path):
        file = existing_file(path)
    try:
        array = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise InputError(f"{path}: this is no .npy array of numbers; write it with numpy.save") from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"{path}: the array has dtype {array.dtype}; save one of floats or integers")
    return array


def _read_rows(path: str, d: int, option: str) -> Any:
    """Read points from a .npy file, one per row; further axes are flattened."""
    array = _read_array(path)
    if array.ndim < 2 or array[0].size != d:
        raise InputError(f"{path} has shape {array.shape}; {option} takes rows of {d} numbers, one per input")
    return array.reshape(len(array), d)


def _read_point(words: Sequence[str], d: int, option: str) -> list[Any]:
    if len(words) == 1 and words[0].endswith(".npy"):
        values = [fraction(v, f"{words[0]}[{i}]") for i, v in enumerate(_read_array(words[0]).ravel())]
    else:
        values = [fraction(v, option) for v in words]
    if len(values) != d:
        raise InputError(f"{option} has {len(values)} numbers; this model has {d} inputs")
    return values


def _whole_number(word: str, what: str) -> int:
    digits = word.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise InputError(f"{what} is {word[:40]!r}; give a whole number")
    return int(word)


# -- commands -------------------------------------------------------------------------
def run_info(options: argparse.Namespace) -> dict[str, Any]:
    """Describe a model file."""
    net = load_model(options)
    blocks = [block for layer in net.layers for block in layer.blocks.values()]
    weights = sum(block.nnz if isinstance(block, SparseMatrix) else math.prod(block.shape) for block in blocks)
    return {
        "model": options.model,
        "input_dim": net.input_dim,
        "output_dim": net.output_dim,
        "widths": list(net.widths),
        "neurons": net.neurons,
        "weights": weights + sum(layer.size for layer in net.layers),
        "output_relu": net.output_relu,
        "skips": any(set(layer.blocks) - {index} for index, layer in enumerate(net.layers)),
        "layers": [group.name for groups in net.names for group in groups],
        "notes": list(net.notes),
    }


def show_info(result: dict[str, Any]) -> None:
    """Print the description of a model."""
    print(f"{result['model']}: {result['input_dim']} inputs, {result['output_dim']} outputs")
    print(f"hidden layers {result['widths']}, {result['neurons']} neurons, {result['weights']} weights and biases")
    if result["output_relu"]:
        print("the last layer has a ReLU: its neurons cut as well")
    if result["skips"]:
        print("some layers read the input or earlier layers (skip connections)")
    print(f"neurons are named after {', '.join(result['layers'])}")
    for note in result["notes"]:
        print(f"note: {note}")


def run_count(options: argparse.Namespace) -> dict[str, Any]:
    """Count the activation regions."""
    net, domain, described, _ = read_problem(options)
    if options.linear is not None:
        result, cx = _search(options, net, domain, described)
        return result | _linear(cx, options.linear)
    settings = _search_settings(options)
    from .enumeration import count_regions

    _say_if_compiling()
    count = count_regions(net, domain, **settings)
    result = _result(int(count), net, count, described)
    return result | {"by_layer": count.by_layer, "signs": count.signs, "exact_signs": count.exact_signs}


def _linear(cx: Any, definition: str) -> dict[str, Any]:
    start = time.perf_counter()
    regions = cx.linear_regions(definition)
    return {
        "linear_regions": len(regions),
        "linear_definition": definition,
        "linear_bounds": [regions.lower, regions.upper],
        "linear_seconds": time.perf_counter() - start,
    }


def run_enumerate(options: argparse.Namespace) -> dict[str, Any]:
    """Find the regions; save and draw them as asked."""
    *problem, piece = read_problem(options)
    # files that cannot be written are refused before any work
    if options.out is not None:
        from .readers.files import located
        from .storage import check_target

        with located(options.out):
            check_target(options.out)
    look: dict[str, Any] = {}
    if options.plot is not None:
        look = _picture_options(options, piece)
        save_picture = _checked_picture(options, problem[0], problem[1], look)
    elif any(getattr(options, name) is not None for name in ("kind", "color", "output")):
        raise InputError("--kind, --color and --output say how to draw; give --plot FILE too")
    result, cx = _search(options, *problem)
    result["adjacencies"] = len(cx.edges)
    if options.out is not None:
        try:
            cx.save(options.out, proof=False if options.no_proof else None)
        except KeyboardInterrupt:
            _complain("interrupted while making the proof; the regions are saved without it")
            cx.save(options.out, proof=False)
        result["out"] = options.out
    if options.plot is not None:
        try:
            save_picture(cx, options.plot, **look)
            result["plot"] = options.plot
        except KeyboardInterrupt:
            _complain("interrupted while drawing; there is no picture")
            result["plot"] = None
    return result


def _checked_picture(options: argparse.Namespace, net: ReluNetwork, domain: Any, look: dict[str, Any]) -> Any:
    """Return the function that writes a picture or a page, once it is known that it can; options it has are left."""
    if Path(options.plot).suffix.lower() != ".html":
        from .plotting import check_picture, save_picture

        check_picture(options.plot, net, **look)
        return save_picture
    from .page import check_page, save_page

    if look.keys() & {"kind", "color", "output"}:
        raise InputError("--kind, --color and --output are for pictures; a page has switches, so leave them out")
    check_page(options.plot, net.input_dim, domain is not None and domain.is_bounded())
    look.pop("points", None)
    look["title"] = Path(options.model).name
    return save_page


def _picture_options(options: argparse.Namespace, piece: Slice | None) -> dict[str, Any]:
    """Return the keyword arguments of a picture that were asked for, and names and points of a slice."""
    look: dict[str, Any] = {}
    if options.kind is not None:
        look["kind"] = options.kind
    if options.color is not None:
        look["color"] = None if options.color == "none" else options.color
    if options.output is not None:
        look["output"] = _whole_number(options.output, "--output")
    if piece is not None:
        look["inputs"] = list(piece.labels)
        if options.through is not None and len(piece.labels) == 2 and options.kind != "surface":
            look["points"] = piece.points
    return look


def run_line(options: argparse.Namespace) -> dict[str, Any]:
    """Find the regions along a segment or a line."""
    net = load_model(options)
    from .theory.lines import regions_on_line, regions_on_segment

    start = _read_point(options.start, net.input_dim, "--start")
    end = _read_point(options.end, net.input_dim, "--end")
    _say_if_compiling()
    if options.whole:
        line = regions_on_line(net, start, [b - a for a, b in zip(start, end, strict=True)])
    else:
        line = regions_on_segment(net, start, end)
    return {
        "activation_regions": len(line),
        "gradient_regions": line.gradient_regions,
        "slope_regions": line.slope_regions,
        "breakpoints": [text(t) for t in line.breakpoints],
        "switching": [list(neurons) for neurons in line.neurons],
        "start": [text(v) for v in start],
        "end": [text(v) for v in end],
        "whole": options.whole,
        "input_dim": net.input_dim,
        "neurons": net.neurons,
        "exact": True,
        "complete": True,
        "seconds": line.complex.seconds,
        "method": line.complex.method,
        "model": options.model,
    }


def show_line(result: dict[str, Any]) -> None:
    """Print counts, and a line for each breakpoint."""
    where = "line" if result["whole"] else "segment"
    regions, pieces = result["activation_regions"], result["gradient_regions"]
    print(f"{regions} activation region{'s' * (regions != 1)} on the {where} ({result['neurons']} neurons), exact")
    between = "between jumps of the gradient" if pieces > 1 else "without a jump of the gradient"
    print(f"{pieces} piece{'s' * (pieces > 1)} {between}, {result['slope_regions']} of the slope")
    for t, neurons in zip(result["breakpoints"], result["switching"], strict=True):
        value = fraction(t, "a breakpoint")
        shown = t if len(t) < 40 else repr(float(value))
        print(f"t = {shown}: {'neurons' if len(neurons) > 1 else 'neuron'} {', '.join(map(str, neurons))}")


def run_check(options: argparse.Namespace) -> dict[str, Any]:
    """Decide a property."""
    net = load_model(options)
    from .properties import check, competition_text
    from .readers.files import located, writable_file
    from .vnnlib import read_vnnlib

    if options.json and options.vnncomp == "-":
        raise InputError("--json and --vnncomp both print on stdout; give --vnncomp a file name")
    timeout = None if options.timeout is None else fraction(options.timeout, "--timeout")
    wanted = read_vnnlib(options.property)
    if options.vnncomp not in (None, "-"):
        with located(options.vnncomp):
            writable_file(options.vnncomp, (Path(options.vnncomp).suffix.lower(),), "a result")
    _say_if_compiling()
    verdict = check(net, wanted, timeout=None if timeout is None else float(timeout), proof=options.proof)
    lines = competition_text(verdict, net, wanted)
    if options.vnncomp not in (None, "-"):
        Path(options.vnncomp).write_text(lines)
    proved = options.proof if verdict.status == "unsat" else None
    return {
        "result": verdict.status,
        "counterexample": None if verdict.counterexample is None else [text(v) for v in verdict.counterexample],
        "outputs": None if verdict.outputs is None else [text(v) for v in verdict.outputs],
        "exact": True,
        "seconds": verdict.seconds,
        "model": options.model,
        "property": options.property,
        "proof": proved,
        **({"vnncomp": lines} if options.vnncomp == "-" else {}),
    }


def show_check(result: dict[str, Any]) -> None:
    """Print a verdict; nothing but the competition's lines if those are asked for."""
    if "vnncomp" in result:
        print(result["vnncomp"], end="")
        return
    meaning = {
        "unsat": "no input is unsafe, proved exactly",
        "sat": "this input is unsafe, confirmed exactly",
        "unknown": "the time was up; give more with --timeout",
    }
    print(f"{result['result']}: {meaning[result['result']]} ({result['seconds']:.2f} s)")
    for letter, key in (("X", "counterexample"), ("Y", "outputs")):
        for i, v in enumerate(result[key] or ()):
            value = fraction(v)
            near = float(value)
            print(f"{letter}_{i} = {v}" + ("" if len(v) <= 24 and fraction(near) == value else f"  (about {near!r})"))
    if result["proof"]:
        print(f"saved {result['proof']}")


def _read_parameters(words: Sequence[str]) -> dict[str, Any]:
    def number(word: str, name: str) -> Any:
        value = fraction(word, f"--param {name}")
        return int(value) if value.denominator == 1 else value

    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name in found:
            raise InputError(f"--param {word[:40]!r}: write each parameter once, as k=3 or p=2,2")
        numbers = [number(v, name) for v in value.split(",")]
        found[name] = numbers if len(numbers) > 1 or name in ("p", "output") else numbers[0]
    return found


def run_construct(options: argparse.Namespace) -> dict[str, Any]:
    """Build a network from the literature."""
    from .readers import save
    from .theory.catalog import construct
    from .theory.report import plain

    made = construct(options.name, **_read_parameters(options.param))
    if options.out is not None:
        save(made.network, options.out)
    return {
        "name": made.name,
        "parameters": plain(made.parameters),
        "input_dim": made.network.input_dim,
        "widths": list(made.network.widths),
        "depth": made.depth,
        "size": made.size,
        "claims": [
            {
                "statement": c.statement,
                "regions": c.count,
                "relation": c.relation,
                "claimed": c.value,
                "domain": None if c.domain is None else _corners(c.domain),
            }
            for c in made.claims
        ],
        "out": options.out,
    }


def _corners(box: Any) -> list[list[str]]:
    return [[text(fraction(v)) for v in corner] for corner in box.bounding_box()]


def show_construct(result: dict[str, Any]) -> None:
    """Print what a construction is and what is claimed of it."""
    print(f"{result['name']}: {result['input_dim']} inputs, hidden layers {result['widths']}, {result['size']} neurons")
    for claim in result["claims"]:
        place = "R^n" if claim["domain"] is None else " to ".join(f"({', '.join(v)})" for v in claim["domain"])
        print(f"{claim['regions']} regions {claim['relation']} {claim['claimed']} on {place}: {claim['statement']}")
    print(f"saved {result['out']}" if result["out"] else "not saved; give --out net.json")


def run_bounds(options: argparse.Namespace) -> dict[str, Any]:
    """Compare formulas with enumerated counts."""
    from .theory import report, table
    from .theory.catalog import construct

    if options.widths is not None and options.construction is not None:
        raise InputError("--widths excludes --construction; give one or the other")
    if options.param and options.construction is None:
        raise InputError("--param belongs to --construction; name one")
    if options.plot is not None:
        from .plotting import check_picture

        if options.widths is None and options.construction is None:
            raise InputError("--plot draws one architecture; give --widths or --construction")
        check_picture(options.plot)
    limit = table.LIMIT if options.limit is None else _whole_number(options.limit, "--limit")
    seed = _whole_number(options.seed, "--seed")
    if limit < 1:
        raise InputError(f"--limit is {limit}; give a whole number from 1 up")
    shape = None
    start = time.perf_counter()
    if options.widths is not None:
        sizes = [_whole_number(word, "--widths") for word in options.widths.split(",")]
        if len(sizes) < 3 or min(sizes) < 1:
            raise InputError(f"--widths is {options.widths}; give inputs, hidden layers and outputs, like 2,16,16,1")
        shape = sizes[0], sizes[1:-1]
        rows = table.architecture(*shape, seed, limit)
    elif options.construction is not None:
        made = construct(options.construction, **_read_parameters(options.param))
        shape = made.network.input_dim, list(made.network.widths)
        rows = table.check(made, limit) + table.upper_rows(made, limit)
    else:
        rows = table.all_rows(limit)
    seconds = time.perf_counter() - start
    if options.plot is not None and shape is not None:
        report.draw_bounds(*shape, options.plot, seed, limit)
    return {
        "rows": report.as_json(rows),
        "holds": all(row.holds is not False for row in rows),
        "exact": True,
        "complete": all(row.holds is not None for row in rows),
        "seconds": seconds,
        "plot": options.plot,
    }


def show_bounds(result: dict[str, Any]) -> None:
    """Print the table of claims."""
    from .theory.report import as_text

    rows = result["rows"]
    print(as_text(rows))
    held = sum(row["holds"] is True for row in rows)
    print(f"{len(rows)} rows: {held} hold, {sum(row['holds'] is False for row in rows)} fail, ", end="")
    print(f"{sum(row['holds'] is None for row in rows)} not enumerated; {result['seconds']:.2f} s")
    if result["plot"]:
        print(f"drew {result['plot']}")


def run_experiment(options: argparse.Namespace) -> dict[str, Any]:
    """Run an experiment, or go on with it."""
    from .theory import experiments

    experiments.experiment_named(options.name)
    seed = _whole_number(options.seed, "--seed")
    workers = None if options.workers is None else _whole_number(options.workers, "--workers")
    if workers is not None and workers < 1:
        raise InputError(f"--workers is {workers}; give a whole number from 1 up")
    _say_if_compiling()
    report = experiments.run_experiment(
        options.name, options.out, data=options.data, full=options.full, seed=seed, workers=workers
    )
    return {
        "experiment": report.name,
        "complete": report.complete,
        "looks": report.looks,
        "total": report.total,
        "computed": report.computed,
        "rows": len(report.rows),
        "findings": [found._asdict() for found in report.findings],
        "csv": str(report.csv),
        "page": None if report.page is None else str(report.page),
        "figures": [str(file) for file in report.figures],
        "seconds": report.seconds,
        "data": options.data,
        "full": options.full,
        "seed": seed,
    }


def show_experiment(result: dict[str, Any]) -> None:
    """Print the main numbers and where the page is."""
    done = f"{result['looks']} of {result['total']} looks at networks"
    if not result["complete"]:
        print(f"stopped after {done}; all of them are kept: the same command goes on from there")
        return
    from .theory.experiments.page import number

    for found in result["findings"]:
        shown = number(found["mean"], found["standard_error"])
        print(f"{shown:>20}  {found['what']} ({found['samples']} {found['of']}, each {found['exactness']})")
    print(f"{done}, {result['computed']} of them now, in {result['seconds']:.1f} s")
    print(f"wrote {result['page']}")


def run_verify(options: argparse.Namespace) -> dict[str, Any]:
    """Prove a file of regions."""
    from .storage import verify

    sliced = any(getattr(options, name) is not None for name in ("at", *SLICES))
    if options.model is None and sliced:
        raise InputError("--at and --free say which slice of --model the regions are of; give --model too")
    if options.property is not None and options.model is None:
        raise InputError("--property says what is proved of a network; give --model too")
    if options.property is not None and sliced:
        raise InputError("--property says itself which inputs are fixed; leave --at and --free out")
    found = verify(options.regions, None if options.model is None else read_slice(options)[0], options.property)
    return {
        "verified": found.ok,
        "regions": found.regions,
        "adjacencies": found.adjacencies,
        "complete": found.complete,
        "unsat": found.unsat,
        "method": found.method,
        "model": options.model,
        "property": options.property,
        "seconds": found.seconds,
        "paragraph": found.text,
        "failure": found.failure,
    }


def show_verify(result: dict[str, Any]) -> None:
    """Print what was proved."""
    print(result["paragraph"])
    print(f"{'verified' if result['verified'] else 'NOT VERIFIED'} in {result['seconds']:.2f} s")


def _search(
    options: argparse.Namespace, net: ReluNetwork, domain: Any, described: dict[str, Any]
) -> tuple[dict[str, Any], Any]:
    settings = _search_settings(options)
    if "around" in described and settings["limit"] is not None:
        settings["start"] = described["around"]  # the nearest regions come first
    from .enumeration import enumerate_regions

    _say_if_compiling()
    cx = enumerate_regions(net, domain, **settings)
    return _result(len(cx), net, cx, described), cx


def _search_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments of a search."""
    settings = {"method": options.method}
    for name in ("limit", "workers"):
        word = getattr(options, name)
        value = None if word is None else _whole_number(word, f"--{name}")
        if value is not None and value < 1:
            raise InputError(f"--{name} is {value}; give a whole number from 1 up")
        settings[name] = value
    return settings | {"checkpoint": options.checkpoint}


def _result(regions: int, net: ReluNetwork, found: Any, described: dict[str, Any]) -> dict[str, Any]:
    return {
        "activation_regions": regions,
        "input_dim": net.input_dim,
        "neurons": net.neurons,
        "exact": found.exact,
        "complete": found.complete,
        "seconds": found.seconds,
        "method": found.method,
        "domain": described,
    }


def _say_if_compiling() -> None:
    """Tell a person who waits at a terminal why the very first run takes longer."""
    from . import kernels
    from .enumeration import cutting

    if sys.stderr is None or not sys.stderr.isatty():
        return
    for module in (kernels, cutting):
        file = Path(str(module.__file__))
        if not list((file.parent / "__pycache__").glob(f"{file.stem}.*.nbi")):
            _complain("compiling kernels, once (about a minute)")
            return


def show_count(result: dict[str, Any]) -> None:
    """Print a count for people."""
    rate = result["activation_regions"] / max(result["seconds"], time.get_clock_info("perf_counter").resolution)
    state = "all, exactly" if result["complete"] else "at least; the search stopped early"
    count = result["activation_regions"]
    print(f"{count} activation region{'s' if count != 1 else ''} ({state})")
    print(f"{result['input_dim']} inputs, {result['neurons']} hidden neurons; domain {_domain_text(result['domain'])}")
    print(f"{result['method']}: {result['seconds']:.2f} s, {rate:.0f} regions per second")
    if result.get("by_layer") and len(result["by_layer"]) > 1:
        print(f"after each layer: {', '.join(map(str, result['by_layer']))}")
    if "linear_regions" in result:
        print(_linear_text(result))
    if "adjacencies" in result:
        print(f"{result['adjacencies']} adjacencies")
    for key, verb in (("out", "saved"), ("plot", "drew")):
        if result.get(key):
            print(f"{verb} {result[key]}")


def _linear_text(result: dict[str, Any]) -> str:
    count, (lower, upper) = result["linear_regions"], result["linear_bounds"]
    text = f"{count} linear region{'s' if count != 1 else ''} ({result['linear_definition']}"
    if upper is None:
        text += f", among those explored; at least {lower} in the domain"
    elif lower < upper:
        text += f": a partition that was found; the minimum is at least {lower}"
    return f"{text}), {result['linear_seconds']:.2f} s"


def _domain_text(domain: dict[str, Any]) -> str:
    if "around" in domain:
        return f"the box of radius {domain['radius']} around a point"
    if domain["lower"] is None:
        box = "R^d"
    else:
        sides = [f"[{_brief(lo)}, {_brief(hi)}]" for lo, hi in zip(domain["lower"], domain["upper"], strict=True)]
        box = f"{sides[0]}^{len(sides)}" if len(set(sides)) == 1 < len(sides) else " x ".join(sides)
    if "free" in domain:
        return f"{box} of inputs {', '.join(map(str, domain['free']))}"
    for name in ("through", "random", "components"):
        if name in domain:
            return f"{box} of the slice --{name} {domain[name]}"
    return box


def _brief(number: str) -> str:
    """Return a number as it is if it is short, else about six digits of it."""
    return number if len(number) <= 24 else f"{float(fraction(number)):.6g}"


if __name__ == "__main__":
    sys.exit(main())
