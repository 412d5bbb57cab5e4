"""Pictures: polygons against exact volumes and vertices, colors against the complex, files as a whole."""

import os
import subprocess
import sys
from fractions import Fraction as F

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

import polyrelu as pr
from polyrelu import plotting
from polyrelu.errors import InputError, MissingDependency
from polyrelu.plotting import check_picture, plot_regions, region_polygons, save_picture

matplotlib.use("Agg")

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
@pytest.mark.parametrize("net", [random_network(2, 12, 12, 2), integer_network(2, 5, 5, 1)], ids=["real", "int"])
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
    monkeypatch.setattr(plotting, "MANY", len(cx))
    assert plot_regions(cx, axes()).collections[0].get_rasterized()
    assert not plot_regions(cx, axes(), rasterized=False).collections[0].get_rasterized()


def test_plot_draws_on_a_new_pyplot_figure(cx):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    ax = cx.plot(color="pattern")
    assert len(pyplot.get_fignums()) == len(before) + 1
    pyplot.close(ax.figure)


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


def test_the_graph_of_an_affine_network():
    ax = plot_regions(pr.enumerate_regions(pr.ReluNetwork([[[2]]], [[1]]), pr.Box([0], [1])), axes())

    assert curves(ax) == [[[0, 1], [1, 3]]] and marks(ax) == []


# -- errors ---------------------------------------------------------------------------
def test_other_dimensions_are_refused():
    complex_ = pr.enumerate_regions(random_network(3, 3, 1), pr.Box([0] * 3, [1] * 3))

    for draw in (plot_regions, region_polygons, lambda cx: save_picture(cx, "a.png")):
        with pytest.raises(InputError, match=r"the network has 3 inputs and this picture needs .*2; .*net\.restrict"):
            draw(complex_)
    with pytest.raises(InputError, match="polygons need two inputs and the network has 1; use plot_regions"):
        region_polygons(pr.enumerate_regions(tent(), pr.Box([0], [1])))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color": "rainbow"}, "color is 'rainbow'; choose 'affine', 'pattern', 'linear' or None"),
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


@pytest.mark.parametrize("suffix", [*MAGIC, ".PNG"])
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
    assert check_picture(str(tmp_path / "a.png"), 2) == tmp_path / "a.png"
    with pytest.raises(InputError, match="the network has 5 inputs"):
        check_picture(tmp_path / "a.png", 5)


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
from polyrelu import plotting
assert "matplotlib" not in sys.modules
cx = pr.enumerate_regions(pr.ReluNetwork([[[1, 1]], [[1]]], [[0], [0]]), pr.Box([0, 0], [1, 1]))
plotting.save_picture(cx, {str(tmp_path / "a.png")!r}, dpi=40)
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
