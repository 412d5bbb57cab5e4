"""Read a file of regions with the standard library alone, have :mod:`polyrelu.proof` prove it, and say what was proved.

Here are the checks that come before the proof: the arrays have the right types and fit each other, the network and
the domain are exact numbers, and the SHA-256 of all arrays is the stored one. Floats in a file are the binary fractions
that they are.
"""

from __future__ import annotations

import ast
import hashlib
import itertools
import json
import math
import os
import struct
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .errors import ModelError
from .proof import (
    Checker,
    Form,
    Network,
    Place,
    Refuted,
    inside,
    negative,
    number,
    parse,
    rational_point,
    shorten,
    truth,
)

FORMAT, VERSION = "polyrelu regions", 2

# name: (dtype, number of dimensions)
REGIONS = {
    "packed": ("|u1", 2),
    "interior_points": ("<f8", 2),
    "facet_ptr": ("<i8", 1),
    "facet_neighbor": ("<i8", 1),
    "row_ptr": ("<i8", 1),
    "facet_row": ("<i8", 1),
}
PROOF = {
    "claim_size": ("<u2", 1),
    "term_row": ("<u2", 1),
    "term_value": ("<u8", 1),
    "term_shift": ("<u2", 1),
    "cell_box": ("<f8", 2),
    "drop_count": ("<u2", 1),
    "drop_row": ("<u2", 1),
    "facet_point": ("<f8", 2),
    "map_index": ("<i8", 1),
    "map_entry": ("|u1", 2),
}
CODES = {"|u1": "B", "<u2": "H", "<u8": "Q", "<i8": "q", "<f8": "d"}
MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, struct.error)


@dataclass(frozen=True)
class Verdict:
    """What :func:`polyrelu.verify` found; true only if everything that the file says is proved.

    Attributes
    ----------
    ok : bool
        True if every claim is proved and the digest is right.
    text : str
        What was proved and what was not, in one paragraph.
    failure : str or None
        The claim that failed.
    regions, adjacencies : int
        How many were proved; 0 if the proof failed.
    complete : bool
        True if it is proved that no region is missing.
    unsat : bool
        True if the file holds a property and it is proved that no point of the domain satisfies it.
    method : str or None
        How the facets, the adjacencies and completeness were proved: ``"tree of cuts"``.
    seconds : float
        Time of the check.
    """

    ok: bool
    text: str
    failure: str | None
    regions: int
    adjacencies: int
    complete: bool
    unsat: bool
    method: str | None
    seconds: float

    def __bool__(self) -> bool:
        return self.ok


class Member(NamedTuple):
    """An array of the archive: dtype as numpy writes it, shape, and bytes in C order."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    def text(self, name: str) -> str:
        """Return the characters of bytes in UTF-8."""
        if self.dtype != "|u1" or self.shape != (len(self.data),):
            raise Refuted(f"the array {name} is not a text in bytes")
        return self.data.decode()

    def read(self, name: str, dtype: str, ndim: int) -> Sequence[Any]:
        """Return the numbers, in rows if there are two dimensions."""
        if self.dtype != dtype or len(self.shape) != ndim:
            raise Refuted(f"the array {name} is not {ndim}-dimensional of type {dtype}")
        values = struct.unpack(f"<{math.prod(self.shape)}{CODES[dtype]}", self.data)
        if ndim == 1:
            return values
        count, width = self.shape
        return [values[k * width : (k + 1) * width] for k in range(count)]


def read_archive(path: str | os.PathLike[str]) -> dict[str, Member]:
    """Read every array of an ``.npz`` file.

    Raises
    ------
    ModelError
        If the file cannot be read or is no such archive.
    """
    members = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if not name.endswith(".npy") or name.removesuffix(".npy") in members:
                    raise ValueError(f"{name} stands twice, or is no array")
                content = archive.read(name)
                if content[:6] != b"\x93NUMPY":
                    raise ValueError(f"{name} is no array")
                start = 10 if content[6] == 1 else 12
                (size,) = struct.unpack_from("<H" if start == 10 else "<I", content, 8)
                header = ast.literal_eval(content[start : start + size].decode())
                member = Member(str(header["descr"]), tuple(map(int, header["shape"])), content[start + size :])
                if header["fortran_order"] and len(member.shape) > 1:
                    raise ValueError(f"{name} is in Fortran order")
                members[name.removesuffix(".npy")] = member
    except Exception as error:  # damaged archives fail in many ways
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"{path}: this is not a readable file of regions ({reason}); save it again") from None
    return members


def member(text: str) -> Member:
    """Return a text as an array of bytes."""
    data = text.encode()
    return Member("|u1", (len(data),), data)


def digest(members: Mapping[str, Member]) -> str:
    """Return the SHA-256 over names, dtypes, shapes and bytes of all arrays but the digest itself."""
    total = hashlib.sha256()
    for name in sorted(set(members) - {"sha256"}):
        dtype, shape, data = members[name]
        total.update(f"{name} {dtype} {shape}\n".encode())
        total.update(data)
    return total.hexdigest()


def verify_file(
    path: str | os.PathLike[str], model: str | None = None, wanted: tuple[str, str] | None = None
) -> Verdict:
    """Prove a file of regions.

    ``model`` is the JSON text of the network that it should be about, ``wanted`` those of its domain and property.

    Raises
    ------
    ModelError
        If the file cannot be read, holds no regions, or has another format version.
    """
    started = time.perf_counter()
    members = read_archive(path)
    try:
        meta = parse(members["meta"].text("meta"))
        ours, version = meta["format"] == FORMAT, meta["version"]
    except MALFORMED:
        ours = False
    if not ours:
        raise ModelError(f"{path}: this file holds no regions; write one with RegionComplex.save")
    if version != VERSION:
        raise ModelError(f"{path}: made by format version {version}, this polyrelu reads {VERSION}; enumerate again")
    failure, text, proved = None, [], None
    try:
        file = RegionFile(members, meta)
        if model is not None:
            same_network(file.network, Network(model))
            text.append("The network is the given model, weight by weight.")
        if wanted is not None:
            same_property(file, *wanted)
            text.append(
                "Constraints, disjuncts and fixed inputs of the stored property are those of the given one, and the "
                "domain holds all inputs that it admits."
            )
        proved = file.prove(text)
    except Refuted as error:
        failure = str(error)
    except MALFORMED as error:
        failure = f"the file is not well formed ({' '.join(str(error).split()) or type(error).__name__})"
    if failure is not None:
        text.append(f"Not proved: {failure}.")
    if "sha256" in members and members["sha256"].data == digest(members).encode():
        text.append("The SHA-256 of the file is right.")
    else:
        text.append("The SHA-256 of the file is wrong: it was changed after it was written.")
        failure = failure or "the SHA-256 of the file is wrong; what it says now is proved, but is not what was written"
    return Verdict(
        failure is None,
        " ".join(text),
        failure,
        len(proved.patterns) if proved else 0,
        proved.adjacencies if proved else 0,
        bool(proved and proved.complete),
        bool(proved and "goal" in members),
        "tree of cuts" if proved else None,
        time.perf_counter() - started,
    )


class RegionFile:
    """The content of a file, read exactly and checked for its form."""

    def __init__(self, members: Mapping[str, Member], meta: Mapping[str, Any]):
        self.members, self.meta = members, meta
        self.network = net = Network(members["network"].text("network"))
        self.walls, self.where = read_domain(parse(members["domain"].text("domain")), net.d)
        content = self.arrays(REGIONS)
        packed, ptr, row_ptr = content.pop("packed"), content["facet_ptr"], content["row_ptr"]
        count, spare = len(packed), -net.neurons % 8
        sizes = {"interior_points": count, "facet_ptr": count + 1, "row_ptr": len(content["facet_neighbor"]) + 1}
        for name, size in sizes.items():
            if len(content[name]) != size:
                raise Refuted(f"the array {name} has {len(content[name])} entries; {size} are needed")
        for name, end in (("facet_ptr", len(row_ptr) - 1), ("row_ptr", len(content["facet_row"]))):
            steps = itertools.pairwise(content[name])
            if content[name][0] != 0 or content[name][-1] != end or any(a > b for a, b in steps):
                raise Refuted(f"the array {name} does not divide its entries; the last one should be {end}")
        if not count or ptr[0] != 0:
            raise Refuted("the file lists no region")
        if len(packed[0]) * 8 != net.neurons + spare or any(row[-1] & ((1 << spare) - 1) for row in packed if row):
            raise Refuted(f"the patterns do not have {net.neurons} bits, one for every neuron")
        content["patterns"] = [int.from_bytes(row, "big") >> spare for row in packed]
        content["points"] = self.points(content.pop("interior_points"), "exact_points")
        content["complete"] = truth(meta["complete"])
        for key, kind in (("method", str), ("settled_exactly", int)):
            if not isinstance(meta[key], kind):
                raise Refuted(f"meta does not say {key}")
        self.content = content | read_property(members, net)

    def arrays(self, wanted: Mapping[str, tuple[str, int]]) -> dict[str, Any]:
        """Return the numbers of some arrays."""
        for name in wanted:
            if name not in self.members:
                raise Refuted(f"the array {name} is missing")
        return {name: self.members[name].read(name, *kind) for name, kind in wanted.items()}

    def points(self, rows: Sequence[Sequence[float]], exact: str) -> list[Place]:
        """Return points exactly; those that are no floats stand in ``meta``."""
        points = [rational_point(row) for row in rows]
        known = set(map(str, range(len(points))))
        for key, row in self.meta[exact].items():
            if key not in known:
                raise Refuted(f"{exact} names point {key}, which does not exist")
            points[int(key)] = rational_point(row)
        if any(len(x) != self.network.d for x, _ in points):
            raise Refuted(f"a point has not {self.network.d} coordinates")
        return points

    def maps(self) -> Callable[[int], tuple[Sequence[int], int]]:
        """Return the function that reads the affine map of a region: numerators, and their denominator."""
        entries = [int.from_bytes(row, "little", signed=True) for row in self.content["map_entry"]]
        index, size = self.content["map_index"], len(self.network.base[-1]) * (self.network.d + 1)
        scale = number(self.meta["map_denominator"])
        fits = len(index) == len(self.content["patterns"]) and {*index} == {*range(len(entries) // size)}
        if not fits or len(entries) % size or scale < 1 or scale.denominator != 1:
            raise Refuted("the affine maps do not fit the regions")
        return lambda i: (entries[index[i] * size : (index[i] + 1) * size], scale.numerator)

    def prove(self, text: list[str]) -> Checker:
        """Have everything proved, or raise Refuted; the text says what was."""
        net, content = self.network, self.content
        patterns, complete = content["patterns"], content["complete"]
        what = f"{len(patterns)} activation region{'s' * (len(patterns) > 1)} of a network with {net.d} inputs and "
        what += f"{net.neurons} neurons over {self.where}"
        try:
            for i, (a, b) in enumerate(itertools.pairwise(patterns)):
                if a >= b:
                    state = "have the same pattern" if a == b else "are not in the order of their patterns"
                    raise Refuted(f"regions {i} and {i + 1} {state}", (i, i + 1))
            if "claim_size" not in self.members:
                look(net, self.walls, content, range(len(patterns)))
                text.append(f"Proved: {what} exist, each with its pattern at a rational point strictly inside.")
                rest = ", nor that no region is missing" if complete else ""
                raise Refuted(f"the file holds no proof of its facets and adjacencies{rest}; save it with proof=True")
            if "goal" in self.members and not complete:
                raise Refuted("a property is proved on all regions, and this enumeration is incomplete")
            content |= self.arrays(PROOF)
            content["facet_point"] = self.points(content["facet_point"], "exact_facet_points")
            content["maps"] = self.maps()
            checker = Checker(net, self.walls, content)
            checker.walk()
            checker.meet()
            checker.finish()
        except Refuted as error:
            # a wrong bit or a point outside says more than the place where the proof broke
            look(net, self.walls, content, [*error.regions, *range(len(patterns))])
            raise
        rest = "no region is missing" if complete else f"nothing is said about other regions ({checker.open} open cuts)"
        text.append(
            f"Proved: {what} exist, each with a rational point strictly inside; none is listed twice; {rest}. "
            f"They have the {content['facet_ptr'][-1]} listed facets and the {checker.adjacencies} listed adjacencies, "
            "all of them real and no others, and each has the listed affine map. "
            f"Method: tree of cuts, {checker.cuts} cuts and {checker.claims} claims with multipliers."
        )
        if "goal" in self.members:
            count = len(content["disjuncts"])
            parts = f"its {count} disjuncts are" if count != 1 else "its one disjunct is"
            text.append(f"At no point of the domain the stored property holds: {parts} refuted on every region.")
        return checker


def read_domain(content: Mapping[str, Any], d: int) -> tuple[list[Form], str]:
    """Return the walls as forms that are nonnegative inside, and the domain in words."""
    if "lower" in content and "rows" in content:
        raise Refuted("the domain is given twice, by rows and by bounds")
    if "lower" in content:
        lower, upper = ([number(v) for v in content[key]] for key in ("lower", "upper"))
        unit = [[int(i == k) for i in range(d)] for k in range(d)]
        table = [[*(-v for v in e), -low] for e, low in zip(unit, lower, strict=True)]
        table += [[*e, high] for e, high in zip(unit, upper, strict=True)]
        sides = (f"[{shorten(low)}, {shorten(high)}]" for low, high in zip(lower, upper, strict=True))
        where = "the box " + " x ".join(sides)
    else:
        table = [[number(v) for v in row] for row in content["rows"]]
        where = f"a polyhedron of {len(table)} row{'s' * (len(table) > 1)}" if table else f"all of R^{d}"
    if any(len(row) != d + 1 for row in table):
        raise Refuted(f"the domain is not one of R^{d}")
    numerators = [rational_point(row)[0] for row in table]
    return [(*negative(row[:-1]), row[-1]) for row in numerators], where if len(where) < 160 else "a box"


def read_property(members: Mapping[str, Member], net: Network) -> dict[str, Any]:
    """Return the constraints of the file's property in integers, which are strict, and its disjuncts."""
    goal: dict[str, Any] = {"constraints": [], "disjuncts": []}
    if "goal" in members:
        goal = parse(members["goal"].text("goal"))
    d, m = net.d, len(net.base[-1])
    if any(len(c["x"]) != d or len(c["y"]) != m for c in goal["constraints"]):
        raise Refuted(f"a constraint of the property is not one of {d} inputs and {m} outputs")
    rows = [rational_point([*c["x"], *c["y"], c["constant"]])[0] for c in goal["constraints"]]
    if any(k not in range(len(rows)) for disjunct in goal["disjuncts"] for k in disjunct):
        raise Refuted("a disjunct of the property names a constraint that does not exist")
    return {
        "constraints": [(row[:d], row[d:-1], row[-1]) for row in rows],
        "strict": [truth(c["strict"]) for c in goal["constraints"]],
        "disjuncts": goal["disjuncts"],
    }


def same_network(net: Network, model: Network) -> None:
    """Prove that the network of the file is the model, number by number."""
    if net.output_relu != model.output_relu or len(net.tables) != len(model.tables):
        raise Refuted("the network is not the model: they differ in shape")
    for layer in range(len(net.tables)):
        ours, theirs = ([*n.tables[layer], n.biases[layer]] for n in (net, model))
        if [len(row) for row in ours] != [len(row) for row in theirs]:
            raise Refuted(f"the network is not the model: W{layer} differs in shape")
        for i, (row, other) in enumerate(zip(ours, theirs, strict=True)):
            for j, (v, w) in enumerate(zip(row, other, strict=True)):
                if v != w:
                    place = f"W{layer}[{i}, {j}]" if i + 1 < len(ours) else f"b{layer}[{j}]"
                    raise Refuted(f"the network is not the model: {place} is {shorten(v)} and not {shorten(w)}")


def same_property(file: RegionFile, domain: str, goal: str) -> None:
    """Prove that domain and property of the file are the given ones, number by number."""
    if "goal" not in file.members:
        raise Refuted("the file holds no property")
    ours, theirs = parse(file.members["goal"].text("goal")), parse(goal)
    for key, what in (("free", "free inputs"), ("fixed", "fixed inputs"), ("outputs", "number of outputs")):
        if json.dumps(ours[key]) != json.dumps(theirs[key]):  # 0 and false are two things
            raise Refuted(f"the property is not the given one: its {what} differ")
    if file.walls != read_domain(parse(domain), file.network.d)[0]:
        raise Refuted("the domain is not the box of all inputs that the given property admits")
    members = {"goal": member(goal)}
    for key, entries in read_property(members, file.network).items():
        if file.content[key] != entries:
            what = "strict constraints" if key == "strict" else key
            raise Refuted(f"the property is not the given one: its {what} differ")


def look(net: Network, walls: Sequence[Form], content: Mapping[str, Any], regions: Sequence[int]) -> None:
    """Evaluate the network at the points of regions: a wrong bit or a point outside is refuted by name."""
    for i in regions:
        bits = [content["patterns"][i] >> (net.neurons - 1 - k) & 1 for k in range(net.neurons)]
        blocks: list[Any] = []
        for layer, (start, end) in enumerate(itertools.pairwise(net.starts)):
            forms = net.forms(layer, blocks)
            active = list(itertools.compress(forms, bits[start:end]))
            blocks.append((bits[start:end], list(zip(*active, strict=True)), forms))
        inside(net, walls, i, content["points"][i], blocks)
