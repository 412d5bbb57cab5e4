"""The commands about the theory: constructions, bounds, experiments."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

from .commands import say_if_compiling
from .errors import InputError
from .exact import fraction, text
from .options import whole_number


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
    limit = table.LIMIT if options.limit is None else whole_number(options.limit, "--limit")
    seed = whole_number(options.seed, "--seed")
    if limit < 1:
        raise InputError(f"--limit is {limit}; give a whole number from 1 up")
    shape = None
    start = time.perf_counter()
    if options.widths is not None:
        sizes = [whole_number(word, "--widths") for word in options.widths.split(",")]
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
    seed = whole_number(options.seed, "--seed")
    workers = None if options.workers is None else whole_number(options.workers, "--workers")
    if workers is not None and workers < 1:
        raise InputError(f"--workers is {workers}; give a whole number from 1 up")
    say_if_compiling()
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
