"""The commands about one model: what they compute (``run_..``), and how it is told to people (``show_..``)."""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import InputError
from .exact import fraction, text
from .network import ReluNetwork
from .options import SLICES, complain, load_model, read_point, read_problem, read_slice, whole_number
from .sparse import SparseMatrix

if TYPE_CHECKING:
    from .slices import Slice

CHECK_CODES = {"unsat": 0, "sat": 10, "unknown": 3}


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

    say_if_compiling()
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
            complain("interrupted while making the proof; the regions are saved without it")
            cx.save(options.out, proof=False)
        result["out"] = options.out
    if options.plot is not None:
        try:
            save_picture(cx, options.plot, **look)
            result["plot"] = options.plot
        except KeyboardInterrupt:
            complain("interrupted while drawing; there is no picture")
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
        look["output"] = whole_number(options.output, "--output")
    if piece is not None:
        look["inputs"] = list(piece.labels)
        if options.through is not None and len(piece.labels) == 2 and options.kind != "surface":
            look["points"] = piece.points
    return look


def run_line(options: argparse.Namespace) -> dict[str, Any]:
    """Find the regions along a segment or a line."""
    net = load_model(options)
    from .theory.lines import regions_on_line, regions_on_segment

    start = read_point(options.start, net.input_dim, "--start")
    end = read_point(options.end, net.input_dim, "--end")
    say_if_compiling()
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
    say_if_compiling()
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

    say_if_compiling()
    cx = enumerate_regions(net, domain, **settings)
    return _result(len(cx), net, cx, described), cx


def _search_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments of a search."""
    settings = {"method": options.method}
    for name in ("limit", "workers"):
        word = getattr(options, name)
        value = None if word is None else whole_number(word, f"--{name}")
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


def say_if_compiling() -> None:
    """Tell a person who waits at a terminal why the very first run takes longer."""
    from . import kernels
    from .enumeration import cutting

    if sys.stderr is None or not sys.stderr.isatty():
        return
    for module in (kernels, cutting):
        file = Path(str(module.__file__))
        if not list((file.parent / "__pycache__").glob(f"{file.stem}.*.nbi")):
            complain("compiling kernels, once (about a minute)")
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
