"""Pictures: polygons against exact volumes and vertices, colors against the complex, files as a whole."""

import os
import re
import subprocess
import sys
from fractions import Fraction as F
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

import polyrelu as pr
from polyrelu import boundary_plots, colors, plotting, region_plots
from polyrelu.errors import InputError, MissingDependency
from polyrelu.plotting import (
    check_picture,
    plot_bent_hyperplanes,
    plot_function,
    plot_graph,
    plot_regions,
    plot_regions_3d,
    plot_surface,
    region_polygons,
    save_picture,
)

matplotlib.use("Agg")

ROOT = Path(__file__).resolve().parents[1]
SQUARE = pr.Box([-1, -1], [1, 1])


def random_network(*widths, seed=0):
    rng = np.random.default_rng(seed)
    pairs = list(zip(widths[:-1], widths[1:], strict=True))
    weights = [rng.normal(size=(n, k)) * np.sqrt(2 / k) for k, n in pairs]
    return pr.ReluNetwork(weights, [rng.normal(size=n) / 8 for _, n in pairs])


def integer_network(*widths, seed=0):
    """Parallel, concurrent and coincident kinks, kinks through corners and along walls, dead neurons."""
    rng = np.random.default_rng(seed)
    pairs = list(zip(widths[:-1], widths[1:], strict=True))
    return pr.ReluNetwork([rng.integers(-1, 2, (n, k)) for k, n in pairs], [rng.integers(-1, 2, n) for _, n in pairs])


def axes():
    return Figure().subplots()


def area(polygon):
    x, y = polygon.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def segments(ax):
    """Return what was drawn as bent hyperplanes: color -> number of segments."""
    found = {}
    for patch in ax.patches:
        key = tuple(patch.get_edgecolor())
        found[key] = found.get(key, 0) + len(patch.get_path().vertices) // 2
    return found


@pytest.fixture(scope="module")
def cx():
    return pr.enumerate_regions(random_network(2, 8, 8, 1), SQUARE)


# -- polygons -------------------------------------------------------------------------
def test_a_polygon_has_one_vertex_per_facet(cx):
    polygons = region_polygons(cx)

    assert [len(p) for p in polygons] == [len(r.facets) for r in cx]


def test_vertices_are_the_exact_ones_rounded(cx):
    for region, polygon in zip(cx, region_polygons(cx), strict=True):
        exact = region.vertices.astype(float)
        order = np.lexsort(polygon.T[::-1].round(9))

        np.testing.assert_allclose(polygon[order], exact, rtol=0, atol=2.0**-36)


HEXAGON = pr.HPolytope([[2, 0], [1, 2], [-1, 2], [-2, 0], [-1, -2], [1, -2]], [2, 2, 2, 2, 2, 2])


THIRDS = pr.Box(["-1/3", 0], ["1/3", 7])


@pytest.mark.parametrize("domain", [SQUARE, HEXAGON, THIRDS], ids=["square", "hexagon", "thirds"])
@pytest.mark.parametrize("net", [random_network(2, 8, 8, 2), integer_network(2, 5, 5, 1)], ids=["real", "int"])
def test_areas_are_the_exact_volumes_rounded(net, domain):
    complex_ = pr.enumerate_regions(net, domain)
    areas = [area(p) for p in region_polygons(complex_)]

    # counterclockwise: no area is negative
    np.testing.assert_allclose(areas, [float(r.volume) for r in complex_], rtol=2.0**-30, atol=2.0**-50)
    assert sum(r.volume for r in complex_) == domain.volume()


def test_regions_thinner_than_floats_do_no_harm():
    # kinks at 1, 1 + 2^-60 and 1 + 2^-59: two strips that no float lies in
    kinks = [F(1), 1 + F(1, 2**60), 1 + F(1, 2**59)]
    net = pr.ReluNetwork([[[1, 0]] * 3, [[1, 1, 1]]], [[-k for k in kinks], [0]])
    complex_ = pr.enumerate_regions(net, pr.Box([0, 0], [2, 1]))
    polygons = region_polygons(complex_)

    assert list(complex_.exact_points) == [1, 2]
    assert [len(p) for p in polygons] == [4, 0, 0, 4]
    assert [area(p) for p in polygons if len(p)] == [1.0, 1.0]
    assert sum(segments(plot_regions(complex_, axes())).values()) == 2  # 0|1 from the left and 2|3 from the right


def test_a_row_that_floats_cancel_is_taken_from_exact_integers():
    # the second layer's neuron is x_1 (1 + 1/3) - x_1 (1 + 1/3 - 2^-70) + 2^-71 (x_2 - 1/2), which floats lose
    tiny = F(1, 2**70)
    weights = [[[F(4, 3), 0], [F(4, 3) - tiny, 0], [0, 1]], [[1, -1, tiny / 2]], [[1]]]
    net = pr.ReluNetwork(weights, [[4, 4, 0], [-tiny / 4], [0]])
    complex_ = pr.enumerate_regions(net, pr.Box([-1, 0], [1, 1]))

    inactive, active = ({tuple(v) for v in polygon.tolist()} for polygon in region_polygons(complex_))
    assert inactive == {(-1, 0), (-1, 1), (-0.25, 1), (0.25, 0)}
    assert active == {(1, 0), (1, 1), (-0.25, 1), (0.25, 0)}


def test_a_window_cuts_polygons(cx):
    polygons = region_polygons(cx, (0, 0.5, -0.5, 0.25))
    outside = region_polygons(cx, (2, 3, 2, 3))

    np.testing.assert_allclose(sum(area(p) for p in polygons if len(p)), 0.375, rtol=2.0**-40)
    assert {p.shape for p in outside} == {(0, 2)}


@pytest.mark.parametrize(
    ("net", "domain", "regions"),
    [
        (random_network(2, 6, 5, 1), None, 67),
        (pr.ReluNetwork([[[1, 2], [1, 2]], [[1, 1]]], [[0, -3], [0]]), None, 3),  # parallel lines have no vertex
        (pr.ReluNetwork([[[1, 2]]], [[0]]), None, 1),  # no line at all
        (random_network(2, 6, 1), pr.HPolytope([[-1, 0]], [0]), 12),  # a half plane
    ],
    ids=["plane", "parallel", "affine", "halfplane"],
)
def test_unbounded_domains_get_a_window(net, domain, regions):
    complex_ = pr.enumerate_regions(net, domain)
    ax = plot_regions(complex_, axes())
    (xmin, xmax), (ymin, ymax) = ax.get_xlim(), ax.get_ylim()
    shown = sum(area(p) for p in region_polygons(complex_) if len(p))

    assert len(complex_) == regions
    np.testing.assert_allclose(shown, (xmax - xmin) * (ymax - ymin), rtol=2.0**-30)


def test_the_window_of_a_half_plane_begins_at_its_wall():
    complex_ = pr.enumerate_regions(random_network(2, 6, 1), pr.HPolytope([[-1, 0]], [0]))

    assert plot_regions(complex_, axes()).get_xlim()[0] == 0


# -- lines and fills ------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [random_network, integer_network])
def test_every_adjacency_is_drawn_once(make, seed):
    complex_ = pr.enumerate_regions(make(2, 6, 6, 1, seed=seed), SQUARE)

    assert sum(segments(plot_regions(complex_, axes())).values()) == len(complex_.edges)


def test_a_line_has_the_color_of_the_first_layer_that_vanishes_on_it():
    # layer 1 kinks at x_1 = 0; layer 2 copies that kink and adds its own at x_1 + x_2 = 1, where x_1 > 0
    net = pr.ReluNetwork([[[1, 0], [0, 1]], [[1, 0], [1, 1]], [[1, 1]]], [[0, 2], [0, -3], [0]])
    ax = plot_regions(pr.enumerate_regions(net, SQUARE), axes())
    first, second = (to_rgba(line.get_color()) for line in ax.get_legend().legend_handles)

    # x_2 = 1 is a wall, so on x_1 < 0 the second layer's line x_2 = 1 is not drawn
    assert segments(ax) == {first: 1, second: 1}
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["layer 1, 2 neurons", "layer 2, 2 neurons"]


def test_edges_of_unexplored_regions_are_drawn():
    complex_ = pr.enumerate_regions(random_network(2, 8, 8, 1), SQUARE, limit=5)
    facets = [facet for region in complex_ for facet in region.facets if facet.wall is None]
    inside = sum(facet.neighbor is not None for facet in facets)
    ax = plot_regions(complex_, axes())

    assert not complex_.complete
    assert sum(segments(ax).values()) == len(facets) - inside // 2
    assert len(ax.collections[0].get_paths()) == 5


def test_neighbors_on_the_map_differ_and_six_colors_do(cx):
    for complex_ in (cx, pr.enumerate_regions(integer_network(2, 6, 6, 1), SQUARE)):
        fills = plot_regions(complex_, axes(), color="pattern").collections[0].get_facecolor()
        i, j = complex_.edges.T

        assert np.any(fills[i] != fills[j], axis=1).all()
        assert len(np.unique(fills, axis=0)) <= 6


def test_equal_maps_have_equal_colors():
    # |x_1| + |x_2|, and a fifth neuron that no output reads: it cuts regions, not maps
    net = pr.ReluNetwork([[[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1]], [[1, 1, 1, 1, 0]]], [[0, 0, 0, 0, F(1, 2)], [0]])
    complex_ = pr.enumerate_regions(net, SQUARE)
    fills = plot_regions(complex_, axes()).collections[0].get_facecolor()
    same_map = {}
    for region, fill in zip(complex_, fills, strict=True):
        same_map.setdefault(tuple(region.affine_map.forms.fractions().ravel()), set()).add(tuple(fill))

    assert (len(complex_), len(same_map)) == (7, 4)
    assert {len(colors) for colors in same_map.values()} == {1}
    assert len(set.union(*same_map.values())) == 4


@pytest.mark.parametrize(
    "net",
    [
        pr.ReluNetwork([[[1, 0]], [[0]]], [[0], [1]]),
        # relu(x_1 / 3) + relu(x_1 / 11) - relu(14 x_1 / 33): zero, but 1 / 3 + 1 / 11 - 14 / 33 is not in floats
        pr.ReluNetwork([[[F(1, 3), 0], [F(1, 11), 0], [F(14, 33), 0]], [[1, 1, -1]]], [[0, 0, 0], [0]]),
    ],
    ids=["zero", "rounding"],
)
def test_a_constant_function_is_grey(net):
    fills = plot_regions(pr.enumerate_regions(net, SQUARE), axes()).collections[0].get_facecolor()

    assert np.ptp(fills[:, :3], axis=1).max() < 2.0**-8  # red = green = blue
    assert len(np.unique(fills, axis=0)) == 1


def test_what_can_be_left_out(cx):
    bare = plot_regions(cx, axes(), color=None, edges=False, legend=False)
    no_fill = plot_regions(cx, axes(), color=None)

    assert not bare.collections and not bare.patches and bare.get_legend() is None and not bare.child_axes
    assert not no_fill.collections and no_fill.patches and not no_fill.child_axes


def test_the_output_chooses_the_gradient():
    net = pr.ReluNetwork([[[1, 0], [0, 1]], [[1, 0], [0, 1]]], [[0, 0], [0, 0]])
    complex_ = pr.enumerate_regions(net, SQUARE)
    fills = [plot_regions(complex_, axes(), output=k).collections[0].get_facecolor() for k in (0, 1)]

    # patterns 00, 01, 10, 11: output 0 sees the first bit, output 1 the second
    for fill, groups in zip(fills, [((0, 1), (2, 3)), ((0, 2), (1, 3))], strict=True):
        (a, b), (c, d) = groups
        assert (fill[a] == fill[b]).all() and (fill[c] == fill[d]).all() and (fill[a] != fill[c]).any()


def test_many_regions_are_rasterized(cx, monkeypatch):
    assert not plot_regions(cx, axes()).collections[0].get_rasterized()
    monkeypatch.setattr(region_plots, "MANY", len(cx))
    assert plot_regions(cx, axes()).collections[0].get_rasterized()
    assert not plot_regions(cx, axes(), rasterized=False).collections[0].get_rasterized()


def test_plot_draws_on_a_new_pyplot_figure(cx):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    ax = cx.plot(color="pattern")
    assert len(pyplot.get_fignums()) == len(before) + 1
    pyplot.close(ax.figure)


# -- numbers as colors ----------------------------------------------------------------
@pytest.fixture(autouse=True)
def coarse_images(monkeypatch):
    monkeypatch.setattr(region_plots, "FINE", 80)


def image(ax):
    (drawn,) = ax.images
    return drawn


def test_an_output_is_shaded_at_every_point():
    # relu(x_1) - 1/4 on the square
    net = pr.ReluNetwork([[[1, 0]], [[1]]], [[0], [F(-1, 4)]])
    ax = plot_regions(pr.enumerate_regions(net, SQUARE), axes(), color="output")
    values = np.asarray(image(ax).get_array())
    columns = -1 + (np.arange(values.shape[1]) + 0.5) * 2 / values.shape[1]

    np.testing.assert_allclose(values, np.tile(np.maximum(columns, 0) - 0.25, (len(values), 1)), rtol=0, atol=2.0**-50)
    assert image(ax).norm.vmin == -0.75 == -image(ax).norm.vmax  # both signs: white is zero
    assert ax.child_axes[0].get_title(loc="left") == "$f$"


def test_gradients_and_numbers_have_a_scale():
    # |x_1| + 3 relu(x_2): gradients of length 1 and sqrt(10)
    net = pr.ReluNetwork([[[1, 0], [-1, 0], [0, 1]], [[1, 1, 3]]], [[0, 0, 0], [0]])
    complex_ = pr.enumerate_regions(net, SQUARE)
    upper = [float(r.interior_point[1]) > 0 for r in complex_]
    fills = plot_regions(complex_, axes(), color="gradient").collections[0].get_facecolor()
    scaled = plot_regions(complex_, axes(), color=[3 * v for v in upper], label="rank")

    for chosen, color in ((np.array(upper), colors.sequential()[-1]), (~np.array(upper), colors.sequential()[0])):
        np.testing.assert_allclose(fills[chosen], np.tile([*color, 1], (2, 1)), rtol=2.0**-50)
    np.testing.assert_array_equal(scaled.collections[0].get_facecolor(), fills)
    assert scaled.child_axes[0].get_title(loc="left") == "rank"
    assert tuple(scaled.child_axes[0].get_ylim()) == (0, 3)


def test_a_combination_of_outputs():
    net = pr.ReluNetwork([[[1, 0], [0, 1]]], [[0, 0]])
    complex_ = pr.enumerate_regions(net, SQUARE)
    values = np.asarray(image(plot_regions(complex_, axes(), color="output", output=[2, 1])).get_array())

    assert values[0, 0] == -values[-1, -1] and values[0, -1] > 0.9  # 2 x_1 + x_2


def test_an_image_ends_where_the_regions_do(cx):
    whole = image(plot_regions(cx, axes(), color="output"))
    part = image(plot_regions(pr.enumerate_regions(cx.network, SQUARE, limit=5), axes(), color="output"))

    # move, lines and close for one square, or for five polygons
    assert (whole.get_clip_path()._path.codes == 79).sum() == 1 and (part.get_clip_path()._path.codes == 79).sum() == 5


# What dichromats see, in linear sRGB (Machado, Oliveira & Fernandes 2009, severity 1).
SIGHT = {
    "all": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "no red": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]],
    "no green": [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
    "no blue": [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]],
}


def seen(rgb, sight="all"):
    """Return OKLab coordinates of what somebody sees."""
    rgb = np.asarray(rgb)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ np.transpose(SIGHT[sight])
    lms = np.cbrt(np.clip(linear, 0, 1) @ [[0.4122, 0.2119, 0.0883], [0.5363, 0.6807, 0.2817], [0.0514, 0.1074, 0.6300]])
    return lms @ [[0.2105, 1.9780, 0.0259], [0.7936, -2.4286, 0.7828], [-0.0041, 0.4506, -0.8087]]


@pytest.mark.parametrize("sight", SIGHT)
def test_colors_survive_color_blindness(sight):
    fills = [to_rgba(c)[:3] for c in (*boundary_plots.FILLS, boundary_plots.TIE)]
    for table, distance in ((colors.palette(6), 0.08), (fills, 0.08), (colors.layer_colors(4), 0.06)):
        gaps = np.linalg.norm(seen(table, sight)[:, None] - seen(table, sight)[None], axis=-1)
        assert gaps[~np.eye(len(gaps), dtype=bool)].min() > distance
    # numbers are ordered by lightness alone; signs differ in hue
    one, two = seen(colors.sequential(9), sight)[:, 0], seen(colors.diverging(9), sight)
    assert (np.diff(one) < 0).all()
    assert (np.diff(two[:5, 0]) > 0).all() and (np.diff(two[4:, 0]) < 0).all()
    assert np.linalg.norm(two[1] - two[-2]) > 0.1
    assert len(np.unique(colors.palette(9), axis=0)) == 9


# -- bent hyperplanes and the graph ---------------------------------------------------
def test_one_bent_hyperplane_is_picked_out(cx):
    for neuron in (0, 9):
        drawn = segments(plot_bent_hyperplanes(cx, axes(), neurons=[neuron]))
        facets = {frozenset((i, f.neighbor)) for i, r in enumerate(cx) for f in r.facets if neuron in f.neurons}
        grey = drawn.pop(to_rgba("#c9c9cf"))

        assert grey == len(cx.edges) and sum(drawn.values()) == len([f for f in facets if None not in f])
    with pytest.raises(InputError, match="neurons holds 16; this network has neurons 0 to 15"):
        plot_bent_hyperplanes(cx, axes(), neurons=[16])
    with pytest.raises(InputError, match="neurons holds 'a'; give numbers"):
        plot_bent_hyperplanes(cx, axes(), neurons="a")


@pytest.mark.parametrize("net", [random_network(2, 6, 6, 1), integer_network(2, 6, 6, 1)], ids=["real", "int"])
def test_an_edge_of_the_graph_stays_inside_its_two_regions(net):
    complex_ = pr.enumerate_regions(net, SQUARE)
    ax = plot_graph(complex_, axes(), color=None)
    nodes = next(line for line in ax.lines if line.get_marker() == "o").get_xydata()
    paths = [p.get_path().vertices.reshape(-1, 3, 2) for p in ax.patches if len(p.get_path().codes) % 3 == 0]
    paths = np.vstack([p for p in paths if (p[:, 0, None] == nodes).all(axis=2).any(axis=1).all()])
    found = set()
    for start, middle, end in paths:
        i, j = (int(np.flatnonzero((nodes == p).all(axis=1))[0]) for p in (start, end))
        found.add((min(i, j), max(i, j)))
        assert complex_[i].contains(((start + middle) / 2).tolist()) and complex_[j].contains(((end + middle) / 2).tolist())

    assert len(nodes) == len(complex_) and found == set(map(tuple, complex_.edges.tolist()))


# -- space ----------------------------------------------------------------------------
def space():
    return Figure().add_subplot(projection="3d")


def test_a_surface_has_the_values_at_the_vertices(cx):
    ax = plot_surface(cx, space())
    (surface,) = ax.collections
    corners = {tuple(p) for p in surface._faces.reshape(-1, 3)}

    assert surface._faces.shape[0] == len(cx)
    for region in list(cx)[::7]:
        for v in region.vertices:
            assert tuple(map(float, (*v, *region.affine_map(v)))) in corners
    assert ax.get_zlim() == tuple(map(float, cx.range()))
    constant = plot_surface(pr.enumerate_regions(pr.ReluNetwork([[[0, 0]]], [[2]]), SQUARE), space(), color=None)
    assert constant.get_zlim() == (1, 3)


def test_solids_fill_the_cube_and_move_apart():
    complex_ = pr.enumerate_regions(integer_network(3, 3, 2, 1, seed=3), pr.Box([-1] * 3, [1] * 3))
    facets = [r.facets for r in complex_]
    volume = {}
    for explode in (0.5, 0):
        ax = plot_regions_3d(complex_, space(), explode=explode)
        volume[explode] = ax.collections[0]._faces
    walls = sum(f.wall is not None for fs in facets for f in fs)

    assert len(volume[0.5]) == sum(map(len, facets)) and len(volume[0]) == walls
    # the divergence theorem, face by face: 8 for the cube; moving does not change the sum of the parts
    for faces in volume.values():
        fans = [(f[0], f[k], f[k + 1]) for f in faces for k in range(1, len(f) - 1)]
        assert sum(np.linalg.det(np.array(t)) for t in fans) / 6 == pytest.approx(8)
    assert np.abs(volume[0.5]).max() > 1 == np.abs(volume[0]).max()


def test_solids_are_colored_like_a_map():
    complex_ = pr.enumerate_regions(random_network(3, 4, 2, 1), pr.Box([-1] * 3, [1] * 3))
    numbers = colors.map_numbers(complex_)

    assert (numbers[complex_.edges[:, 0]] != numbers[complex_.edges[:, 1]]).all()
    bar = plot_regions_3d(complex_, space(), color="gradient").child_axes
    assert [a.get_title(loc="left") for a in bar] == [r"$|\nabla f|$"]


def test_what_space_refuses(cx):
    solid = pr.enumerate_regions(random_network(3, 2, 1), None)
    with pytest.raises(pr.DomainError, match="the domain is unbounded, and so are solids in it; enumerate over a Box"):
        plot_regions_3d(solid)
    with pytest.raises(pr.DomainError, match="the surface over an unbounded domain has no end; enumerate over a Box"):
        plot_surface(pr.enumerate_regions(random_network(2, 2, 1), None))
    cube = pr.enumerate_regions(solid.network, pr.Box([0] * 3, [1] * 3))
    with pytest.raises(InputError, match="explode is -1; give a number from 0 up"):
        plot_regions_3d(cube, space(), explode=-1)
    for draw in (lambda: plot_surface(cx, axes()), lambda: plot_regions_3d(cube, axes())):
        with pytest.raises(InputError, match="needs axes with three dimensions; make them with figure.add_subplot"):
            draw()
    with pytest.raises(InputError, match="this picture is flat and these axes have three dimensions"):
        plot_regions(cx, space())


# -- kinds ----------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [None, *plotting.KINDS])
def test_every_kind_is_drawn_and_saved(tmp_path, kind):
    for d in (1, 2, 3):
        complex_ = pr.enumerate_regions(random_network(d, 3, 2), pr.Box([-1] * d, [1] * d))
        entry = plotting.KINDS[plotting.check_kind(None, d) if kind is None else kind]
        if d in entry.inputs:
            ax = complex_.plot(space() if d in entry.solid else axes(), kind=kind)
            assert ax.has_data() or len(ax.collections) or len(ax.patches)
            save_picture(complex_, tmp_path / f"{d}.png", kind=kind, dpi=30)
            assert (tmp_path / f"{d}.png").read_bytes().startswith(MAGIC[".png"])
        else:
            with pytest.raises(InputError, match=f"kind '{kind}' draws"):
                complex_.plot(kind=kind)


def test_the_boundary_of_one_output_is_its_zero_set():
    net = pr.ReluNetwork([[[1, 0]]], [[F(-1, 2)]])
    ax = pr.enumerate_regions(net, SQUARE).plot(axes(), kind="boundary")

    assert [s.tolist() for s in ax.collections[0].get_segments()] == [[[0.5, 1.0], [0.5, -1.0]]]
    over = pr.enumerate_regions(net, SQUARE).plot(axes(), window=(0, 1, 0, 1), color=None)
    pr.enumerate_regions(net, SQUARE).level_set().plot(over)
    assert over.get_xlim() == (0, 1)  # on a picture its window stays


def test_classes_end_in_lines():
    # x_1 against x_2, and a third that never wins: one line, the diagonal, in two pieces
    net = pr.ReluNetwork([[[1, 0], [0, 1], [0, 0]]], [[0, 0, -9]])
    ax = pr.enumerate_regions(net, SQUARE).plot(axes(), kind="classes")
    drawn = np.vstack([p.get_path().vertices for p in ax.patches])

    assert (drawn[:, 0] == drawn[:, 1]).all() and {-1.0, 1.0} <= set(drawn[:, 0].tolist())
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["output 0", "output 1"]


def test_points_are_marked(cx):
    ax = cx.plot(axes(), kind="bent_hyperplanes", points=[[0, F(1, 2)], [0.25, -1]])

    assert [line.get_xydata().tolist() for line in ax.lines if line.get_marker() == "o"] == [[[0, 0.5], [0.25, -1]]]


# -- one input ------------------------------------------------------------------------
def tent(extra=0):
    return pr.ReluNetwork([[[1], [1]], [[2, -4]], [[1]]], [[0, F(-1, 2)], [extra], [0]])


def curves(ax):
    return [line.get_xydata().tolist() for line in ax.lines if line.get_linestyle() == "-"]


def marks(ax):
    return [line.get_xydata().tolist() for line in ax.lines if line.get_marker() == "o" and len(line.get_xydata())]


def test_a_graph_has_its_breakpoints():
    # relu(2 relu(x) - 4 relu(x - 1/2)) on [-1, 2]: the second layer cuts at 1
    ax = plot_regions(pr.enumerate_regions(tent(), pr.Box([-1], [2])), axes())

    assert curves(ax) == [[[-1, 0], [0, 0], [0.5, 1], [1, 0], [2, 0]]]
    assert sorted(sum(marks(ax), [])) == [[0, 0], [0.5, 1], [1, 0]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["layer 1, 2 neurons", "layer 2, 1 neuron"]


@pytest.mark.parametrize("color", ["affine", "pattern", None])
def test_an_unbounded_graph_shows_all_kinks(color):
    complex_ = pr.enumerate_regions(tent(), None)

    # kinks at 0 and 1, and half their distance on either side
    assert plot_regions(complex_, axes(), color=color).get_xlim() == (-0.5, 1.5)
    ax = plot_regions(complex_, axes(), color=color, window=(-1, 1))
    assert curves(ax)[0][0] == [-1, 0] and curves(ax)[0][-1] == [1, 0]


def test_axes_are_named_on_request():
    complex_ = pr.enumerate_regions(pr.ReluNetwork([[[1, 1]], [[1]]], [[0], [0]]), pr.Box([-1, -1], [1, 1]))
    ax = plot_regions(complex_, axes(), inputs=["distance", "bearing"])

    assert (ax.get_xlabel(), ax.get_ylabel()) == ("distance", "bearing")


def test_the_chosen_output_is_marked():
    net = pr.ReluNetwork([[[1]], [[1], [-1]]], [[0], [0, 3]])
    complex_ = pr.enumerate_regions(net, pr.Box([-1], [1]))

    assert marks(plot_regions(complex_, axes(), output=1)) == [[[0, 3]]]
    assert marks(plot_regions(complex_, axes(), output=0)) == [[[0, 0]]]
    assert curves(plot_regions(complex_, axes(), edges=False)) == [[[-1, 0], [0, 0], [1, 1]], [[-1, 3], [0, 3], [1, 2]]]


def test_a_combination_is_drawn_alone():
    net = pr.ReluNetwork([[[1]], [[1], [-1]]], [[0], [0, 3]])
    ax = plot_function(pr.enumerate_regions(net, pr.Box([-1], [1])), axes(), output=[2, 1], color="gradient")

    assert curves(ax) == [[[-1, 3], [0, 3], [1, 4]]] and marks(ax) == [[[0, 3]]]
    assert ax.get_ylabel() == r"$\langle c, f\rangle(x)$"


def test_the_graph_of_an_affine_network():
    ax = plot_regions(pr.enumerate_regions(pr.ReluNetwork([[[2]]], [[1]]), pr.Box([0], [1])), axes())

    assert curves(ax) == [[[0, 1], [1, 3]]] and marks(ax) == []


# -- errors ---------------------------------------------------------------------------
def test_other_dimensions_are_refused():
    complex_ = pr.enumerate_regions(random_network(3, 3, 1), pr.Box([0] * 3, [1] * 3))

    for draw in (plot_regions, region_polygons, plot_graph, plot_surface, plot_bent_hyperplanes, plotting.plot_classes):
        with pytest.raises(InputError, match=r"the network has 3 inputs and this picture needs .*2; .*net\.restrict"):
            draw(complex_)
    line = pr.enumerate_regions(tent(), pr.Box([0], [1]))
    for draw in (region_polygons, plot_graph, plot_surface, plot_regions_3d):
        with pytest.raises(InputError, match="the network has 1 input and this picture needs .; take plot_function"):
            draw(line)
    with pytest.raises(InputError, match="2 inputs and this picture needs 3; take plot_regions or plot_surface"):
        plot_regions_3d(pr.enumerate_regions(pr.ReluNetwork([[[1, 0]]], [[0]]), SQUARE))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color": "rainbow"}, "color is 'rainbow'; choose 'affine', 'pattern', 'linear', 'output', 'gradient' or"),
        ({"color": "patern"}, "color is 'patern'; did you mean 'pattern'"),
        ({"color": 3}, "color is 3; give a word, or one number per region"),
        ({"color": [1, 2]}, "color holds 2 numbers for 93 regions; give a finite one for each"),
        ({"color": [None]}, "color holds something else than numbers"),
        ({"inputs": ["a"]}, "inputs has 1 names; give one for each of the 2 inputs"),
        ({"output": [1, 2]}, "output has 2 coefficients; this network has 1 outputs"),
        ({"output": 1}, "output is 1; this network has outputs 0 to 0"),
        ({"output": -1}, "output is -1"),
        ({"window": (0, 1)}, r"window is \(0, 1\); give \(xmin, xmax, ymin, ymax\), finite and increasing"),
        ({"window": (0, 0, 0, 1)}, "finite and increasing"),
        ({"window": (0, 1, 0, float("nan"))}, "finite and increasing"),
    ],
)
def test_options_are_checked(cx, options, message):
    with pytest.raises(InputError, match=message):
        plot_regions(cx, axes(), **options)


def test_matplotlib_is_asked_for_by_name(cx, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for draw in (lambda: plot_regions(cx), lambda: save_picture(cx, tmp_path / "a.png")):
        with pytest.raises(MissingDependency, match=r"pip install 'polyrelu\[plot\]'"):
            draw()
    assert list(tmp_path.iterdir()) == []


# -- files ----------------------------------------------------------------------------
MAGIC = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.mark.parametrize("suffix", [".PNG", ".svg", ".pdf"])
def test_pictures_are_written_byte_for_byte(cx, tmp_path, suffix):
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    save_picture(cx, first, dpi=60)
    save_picture(cx, str(second), dpi=60)

    assert first.read_bytes().startswith(MAGIC[suffix.lower()])
    assert first.read_bytes() == second.read_bytes()
    assert sorted(os.listdir(tmp_path)) == [first.name, second.name]


def test_an_svg_is_small(cx, tmp_path):
    save_picture(cx, tmp_path / "a.svg")

    assert (tmp_path / "a.svg").stat().st_size < 100_000 + 300 * len(cx)


@pytest.mark.parametrize("name", ["a.html", "a", "a.jpg"])
def test_other_suffixes_are_refused(cx, tmp_path, name):
    with pytest.raises(InputError, match=r"saved as \.pdf, \.png, \.svg; choose one"):
        save_picture(cx, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_does_not_exist(cx, tmp_path):
    for path in (tmp_path / "none" / "a.png", tmp_path):
        with pytest.raises(InputError, match="directory does not exist; make it|choose one of these"):
            save_picture(cx, path)


def test_a_picture_is_refused_before_the_work(tmp_path):
    net = random_network(2, 2, 1)
    assert check_picture(str(tmp_path / "a.png"), net, "graph", color="output") == tmp_path / "a.png"
    for other, kind, options, message in (
        (random_network(5, 2, 1), None, {}, "the network has 5 inputs and pictures need 1, 2 or 3; enumerate a slice"),
        (net, "function", {}, "2 inputs and kind 'function' draws 1; choose 'regions', 'bent_hyperplanes', 'graph'"),
        (net, "grph", {}, "kind is 'grph'; did you mean 'graph'"),
        (net, "graph", {"colour": "affine"}, "kind 'graph' has no option 'colour'; did you mean 'color'"),
        (net, None, {"output": 1}, "output is 1; this network has outputs 0 to 0"),
        (random_network(3, 2, 1), None, {"color": "affine"}, "'affine' shows gradients of 1 or 2 inputs .*'gradient'"),
        (net, "surface", {"points": [[0, 0]]}, "points are marked on flat pictures of two inputs"),
        (net, None, {"points": [[0, 0, 0], [1]]}, "no list of pairs"),
    ):
        with pytest.raises(InputError, match=message):
            check_picture(tmp_path / "a.png", other, kind, **options)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_an_input_error(cx, tmp_path, monkeypatch):
    def fail(self, stream, **options):
        with open("/dev/full", "wb", buffering=0) as full:
            full.write(b"x")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(InputError, match=r"a\.png: cannot be written: No space left on device"):
        save_picture(cx, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_file(cx, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fail(self, stream, **options):
        stream.write(b"half")
        raise RuntimeError("no more")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(RuntimeError, match="no more"):
        save_picture(cx, path)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.png"]


def test_global_state_is_left_alone(cx, tmp_path):
    before = dict(matplotlib.rcParams)
    save_picture(cx, tmp_path / "a.svg")
    assert dict(matplotlib.rcParams) == before


def test_matplotlib_is_imported_late_and_pyplot_not_at_all(tmp_path):
    program = f"""
import sys
import polyrelu as pr
from polyrelu import boundary_plots, colors, plotting, region_plots
assert "matplotlib" not in sys.modules
cx = pr.enumerate_regions(pr.ReluNetwork([[[1, 1]], [[1]]], [[0], [0]]), pr.Box([0, 0], [1, 1]))
plotting.save_picture(cx, {str(tmp_path / "a.png")!r}, dpi=40)
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_the_gallery_shows_every_kind_with_its_lines():
    page = (ROOT / "docs" / "gallery.md").read_text()
    found = re.findall(r"```python\n(.*?)```|!\[[^\]]*\]\((gallery/\w+\.png)\)", page, re.S)
    files = {file for _, file in found if file}

    assert set(re.findall(r"^\| [0-9, ]+ \| `(\w+)`", page, re.M)) == set(plotting.KINDS)
    assert files == {f"gallery/{p.name}" for p in (ROOT / "docs" / "gallery").iterdir()} and len(files) == 14
    assert all((ROOT / "docs" / file).stat().st_size < 150_000 for file in files)
    # every picture has lines of its own above it, and they end in drawing
    for (code, _), (_, file) in pairwise(found):
        assert not file or (re.search(r"plot\(.*\)\n$", code) and compile(code, file, "exec"))
