"""Polylines and triangle meshes with exact vertices, and their texts in the OBJ and PLY formats."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .exact import Point, floats

SUFFIXES = (".obj", ".ply")


class Polyline(NamedTuple):
    """A chain of segments.

    Attributes
    ----------
    points : ndarray of Fractions, shape (k, 2)
        A closed chain repeats its first point at the end.
    closed : bool
    """

    points: npt.NDArray[np.object_]
    closed: bool


class Mesh(NamedTuple):
    """Triangles in three dimensions with exact, shared vertices.

    Attributes
    ----------
    vertices : ndarray of Fractions, shape (v, 3)
        Without repetition, sorted.
    triangles : ndarray of int64, shape (t, 3)
        Counterclockwise for whom the normal points at: towards larger values of the function.
    """

    vertices: npt.NDArray[np.object_]
    triangles: npt.NDArray[np.int64]

    def boundary_edges(self) -> npt.NDArray[np.int64]:
        """Return the edges of exactly one triangle, as sorted pairs of vertices, shape (e, 2)."""
        pairs = np.sort(self.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        edges, count = np.unique(pairs, axis=0, return_counts=True)
        single: npt.NDArray[np.int64] = edges[count == 1]
        return single


def point_array(points: Sequence[Point], d: int) -> npt.NDArray[np.object_]:
    """Return points as an array of Fractions, shape (k, d)."""
    out = np.empty((len(points), d), dtype=object)
    for i, p in enumerate(points):
        out[i] = p
    return out


def obj_text(vertices: npt.NDArray[np.object_], faces: npt.NDArray[np.int64]) -> str:
    """Return Wavefront OBJ: vertices of three coordinates, and triangles or (two numbers each) segments."""
    out = io.StringIO()
    out.write("# polyrelu\n")
    out.writelines("v " + " ".join(map(repr, floats(p).tolist())) + "\n" for p in vertices)
    letter = "f" if faces.shape[1:] == (3,) else "l"
    out.writelines(f"{letter} " + " ".join(str(k + 1) for k in face) + "\n" for face in faces.tolist())
    return out.getvalue()


def ply_text(vertices: npt.NDArray[np.object_], faces: npt.NDArray[np.int64]) -> str:
    """Return PLY as text, with triangles as faces or segments as edges."""
    triangles = faces.shape[1:] == (3,)
    out = io.StringIO()
    out.write(f"ply\nformat ascii 1.0\nelement vertex {len(vertices)}\n")
    out.writelines(f"property double {axis}\n" for axis in "xyz")
    if triangles:
        out.write(f"element face {len(faces)}\nproperty list uchar int vertex_indices\n")
    else:
        out.write(f"element edge {len(faces)}\nproperty int vertex1\nproperty int vertex2\n")
    out.write("end_header\n")
    out.writelines(" ".join(map(repr, floats(p).tolist())) + "\n" for p in vertices)
    out.writelines(("3 " if triangles else "") + " ".join(map(str, face)) + "\n" for face in faces.tolist())
    return out.getvalue()
