"""The interactive page: its shapes against exact numbers, and the page itself in a real Chromium."""

import base64
import io
import json
import re
import zlib
from fractions import Fraction as F

import numpy as np
import page_driver
import pytest
from hypothesis import given, settings
from matplotlib import image
from strategies import networks

import polyrelu as pr
from polyrelu.__main__ import main
from polyrelu.errors import DomainError, InputError
from polyrelu.page import check_page, save_page
from polyrelu.page.shapes import shapes

BOX = pr.Box([-2, -2], [2, 2])


def network(*widths, seed=0):
    rng = np.random.default_rng(seed)
    pairs = list(zip(widths[:-1], widths[1:], strict=True))
    weights = [rng.normal(size=(n, k)) * np.sqrt(2 / k) for k, n in pairs]
    return pr.ReluNetwork(weights, [rng.normal(size=n) / 3 for _, n in pairs])


def ten_regions():
    """The lines x = 0, y = 0, x + y = 1 make seven regions; x + y = 3/2, of the second layer, cuts three of them."""
    net = pr.ReluNetwork([[[1, 0], [0, 1], [1, 1]], [[0, 0, 1]], [[2]]], [[0, 0, -1], ["-1/2"], ["1/3"]])
    return pr.enumerate_regions(net, BOX)


def wide(lines):
    """Generic lines through a square, all of them in one layer."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, np.pi, lines)
    weights = [np.stack([np.cos(angle), np.sin(angle)], axis=1), rng.normal(size=(1, lines))]
    return pr.enumerate_regions(pr.ReluNetwork(weights, [rng.uniform(-0.7, 0.7, lines), [0]]), pr.Box([-1, -1], [1, 1]))


# -- shapes ---------------------------------------------------------------------------
@settings(max_examples=25)
@given(networks(2))
def test_polygons_fit_together_like_the_exact_complex(net):
    cx = pr.enumerate_regions(net, pr.Box([-1, -2], [2, 1]))
    found = shapes(cx)

    # Euler: every vertex was made once, by all regions that meet there
    sides = len(cx.edges) + int((cx.facet_neighbor == -1).sum())
    assert len(found.corners) - sides + len(cx) == 1
    assert np.diff(found.pointer).tolist() == np.diff(cx.facet_ptr).tolist()
    assert sorted(found.side.tolist()) == list(range(len(cx.facet_neighbor)))
    np.testing.assert_allclose(found.volumes, [float(v) for v in cx.volumes()], rtol=1e-12)


def test_corners_are_the_exact_vertices_rounded():
    cx = pr.enumerate_regions(network(2, 8, 6, 1), BOX)
    found = shapes(cx)

    for i in range(0, len(cx), 7):
        exact = cx[i].vertices.astype(float)
        polygon = found.corners[found.cycle[found.pointer[i] : found.pointer[i + 1]]]
        distance = np.abs(exact[:, None] - polygon[None]).max(axis=2)
        assert len(exact) == len(polygon) and distance.min(axis=1).max() < 2.0**-40 > distance.min(axis=0).max()


@settings(max_examples=15)
@given(networks(3, max_neurons=5))
def test_polyhedra_have_the_exact_volumes(net):
    cx = pr.enumerate_regions(net, pr.Box([-1, -1, 0], [1, 2, 1]))

    np.testing.assert_allclose(shapes(cx).volumes, [float(v) for v in cx.volumes()], rtol=1e-9)


def test_every_facet_of_a_polyhedron_has_its_polygon():
    cx = pr.enumerate_regions(network(3, 5, 4, 1), pr.Box([-1] * 3, [1] * 3))
    found = shapes(cx)
    faces = cx.faces()

    assert len(found.pointer) - 1 == faces.f_vector[2] == len(set(found.facet_polygon.tolist()))
    corners = sorted(np.diff(found.pointer).tolist())
    assert corners == sorted(len(face) for face in faces.faces[2])


def test_strips_end_at_the_breakpoints():
    tent = pr.ReluNetwork([[[1], [1]], [[2, -4]]], [[0, "-1/2"], [0]])
    cx = pr.enumerate_regions(tent, pr.Box([0], [1]))
    found = shapes(cx)

    assert sorted(set(found.corners[:, 0].tolist())) == [0, 0.5, 1]
    assert found.volumes.tolist() == [0.5, 0.5]
    whole = shapes(pr.enumerate_regions(tent, None))
    assert np.isnan(whole.volumes).tolist() == [True, False, True]
    assert sorted(set(whole.corners[:, 0].tolist())) == [-0.25, 0, 0.5, 0.75]


def test_what_the_window_cuts_off_has_no_volume():
    cx = ten_regions()

    assert np.isnan(shapes(cx, (-1, 1, -1, 1)).volumes).sum() == 9  # all but the triangle
    assert not np.isnan(shapes(cx).volumes).any()
    free = shapes(pr.enumerate_regions(cx.network, None))
    assert np.isnan(free.volumes).tolist() == [not np.isfinite(v) for v in free.volumes] and np.isnan(free.volumes).any()


# -- the file -------------------------------------------------------------------------
def content(path):
    """Return what a page was given: its small object and its arrays."""
    text = path.read_text()
    head, data = (re.search(rf'id="{name}">(.*?)</script>', text)[1] for name in ("head", "data"))
    head, raw = json.loads(head), zlib.decompress(base64.b64decode(data))
    return head, {
        name: np.frombuffer(raw, np.dtype(f"<{kind}"), size, offset)
        for name, (kind, offset, size) in head["arrays"].items()
    }


def test_the_page_holds_the_complex(tmp_path):
    cx = pr.enumerate_regions(network(2, 6, 5, 3, 2), BOX)
    cx.save_page(tmp_path / "a.html", title="a < b", inputs=["$x_{3}$", "speed_1"])
    head, arrays = content(tmp_path / "a.html")

    assert np.bitwise_xor.accumulate(arrays["packed"].reshape(cx.packed.shape), axis=0).tolist() == cx.packed.tolist()
    for name in ("facet_ptr", "facet_neighbor", "row_ptr", "facet_row"):
        first, second = name.split("_")
        assert arrays[first + second.title()].tolist() == getattr(cx, name).tolist()
    assert arrays["points"].reshape(-1, 2).tolist() == cx.interior_points.tolist()
    maps = arrays["maps"].reshape(len(cx), 3, 2) * 2.0 ** np.array(head["exponents"])
    exact = np.array([cx[i].affine_map.forms.to_float()[0].T for i in range(len(cx))])
    np.testing.assert_allclose(maps, exact, rtol=1e-6, atol=1e-7 * np.abs(exact).max())
    assert (head["title"], head["inputs"], head["regions"], head["complete"]) == ("a < b", ["x3", "speed_1"], len(cx), True)
    assert head["wallNames"] == ["x3 >= -2", "speed_1 >= -2", "x3 <= 2", "speed_1 <= 2"]
    text = (tmp_path / "a.html").read_text()
    assert "<title>a &lt; b</title>" in text and not re.search(r"https?://", text)
    cx.save_page(tmp_path / "b.html", title="a < b", inputs=["x3", "speed_1"])
    assert (tmp_path / "b.html").read_bytes() == (tmp_path / "a.html").read_bytes()


def test_levels_are_the_regions_of_the_first_layers(tmp_path):
    net = network(2, 5, 4, 3, 1)
    cx = pr.enumerate_regions(net, BOX)
    cx.save_page(tmp_path / "a.html")
    head, arrays = content(tmp_path / "a.html")

    shorter = [pr.ReluNetwork.from_layers([*net.layers[:k], net.layers[k]], 2) for k in (1, 2, 3)]
    assert head["levels"] == [1, *(len(pr.enumerate_regions(part, BOX)) for part in shorter)]
    colors, ends = arrays["mapColors"].reshape(3, len(cx)), np.cumsum(net.widths)
    for level, end in zip(colors, ends, strict=True):
        across = (cx.patterns[cx.edges[:, 0], :end] != cx.patterns[cx.edges[:, 1], :end]).any(axis=1)
        assert ((level[cx.edges[:, 0]] != level[cx.edges[:, 1]]) == across).all() and level.max() < 6


def test_large_networks_are_not_carried_along(tmp_path, monkeypatch):
    cx = ten_regions()
    cx.save_page(tmp_path / "with.html")
    monkeypatch.setattr("polyrelu.page.MANY_WEIGHTS", 5)
    cx.save_page(tmp_path / "without.html")

    assert content(tmp_path / "with.html")[1]["network"].size and not content(tmp_path / "without.html")[1]["network"].size


def test_a_page_that_cannot_be_made_says_so(tmp_path, monkeypatch):
    four = pr.enumerate_regions(network(4, 2, 1), pr.Box([-1] * 4, [1] * 4))
    solid = pr.enumerate_regions(network(3, 2, 1), None)
    cx = ten_regions()
    cases = [
        (InputError, lambda: four.save_page(tmp_path / "a.html"), "has 4 inputs and a page shows 1, 2 or 3; take a slice"),
        (DomainError, lambda: solid.save_page(tmp_path / "a.html"), "the domain is unbounded, .* give a Box"),
        (InputError, lambda: cx.save_page(tmp_path / "a.png"), "a page is saved as .html; choose one of these suffixes"),
        (InputError, lambda: cx.save_page(tmp_path / "no" / "a.html"), "directory does not exist"),
        (InputError, lambda: cx.save_page(tmp_path / "a.html", inputs=["x"]), "1 names for 2 inputs; give one per input"),
        (InputError, lambda: cx.save_page(tmp_path / "a.html", window=(0, 0, 1, 2)), "window is .*; give .xmin, xmax"),
        (InputError, lambda: save_page(pr.enumerate_regions(network(3, 2, 1), pr.Box([0] * 3, [1] * 3)), tmp_path / "a.html", window=(0, 1)), "a window is for one or two inputs"),
        (InputError, lambda: check_page(tmp_path), "a page is saved as .html"),
    ]  # fmt: skip
    for error, call, message in cases:
        with pytest.raises(error, match=message):
            call()
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_writes_pages(tmp_path, capsys):
    pr.save(ten_regions().network, tmp_path / "ten.json")
    model, page = str(tmp_path / "ten.json"), str(tmp_path / "a.html")

    assert main(["enumerate", model, "--box", "-2", "2", "--plot", page]) == 0
    assert f"drew {page}" in capsys.readouterr().out
    assert content(tmp_path / "a.html")[0]["title"] == "ten.json"
    assert main(["enumerate", model, "--at", "0", "1", "--free", "1", "--box", "-2", "2", "--plot", page]) == 0
    assert content(tmp_path / "a.html")[0]["inputs"] == ["x1"]
    capsys.readouterr()
    assert main(["enumerate", model, "--box", "-2", "2", "--plot", page, "--color", "affine"]) == 2
    assert "a page has switches, so leave them out" in capsys.readouterr().err


# -- in a browser ---------------------------------------------------------------------
needs_browser = pytest.mark.skipif(not page_driver.installed(), reason="needs chromium and chromedriver")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with page_driver.Browser(tmp_path_factory.mktemp("profile")) as made:
        yield made


@pytest.fixture
def show(browser, tmp_path):
    """Open a page; afterwards the console has no error and nothing was fetched."""
    browser.log("browser"), browser.log("performance")

    def open_page(cx, **options):
        cx.save_page(tmp_path / "page.html", **options)
        return browser.open(tmp_path / "page.html")

    yield open_page
    assert [entry["message"] for entry in browser.log("browser") if entry["level"] == "SEVERE"] == []
    events = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
    sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    page = (tmp_path / "page.html").as_uri()
    fetched = {one["request"]["url"] for one in sent if one["documentURL"] == page}
    assert {url for url in fetched if not url.startswith("data:")} == {page}


def pixels(browser):
    return (image.imread(io.BytesIO(browser.screenshot()))[..., :3] * 255).round().astype(int)


def place(browser, region):
    return browser.run("return polyrelu.screen(arguments[0])", region)


def color_at(picture, point):
    x, y = (round(v) for v in point)
    return tuple(picture[y, x].tolist())


def pick_color(browser, name):
    browser.run("document.getElementById('color-' + arguments[0]).click()", name)
    browser.frame()


@needs_browser
def test_the_pointer_reads_every_region(browser, show):
    cx = ten_regions()
    show(cx)

    assert browser.text("counts") == "10 activation regions, 14 adjacencies"
    assert browser.text("domain") == "Network 2-3-1-1, 4 hidden neurons; x0 in [-2, 2], x1 in [-2, 2]"
    assert browser.text("state") == "Complete, every decision exact (subdivision)."
    assert browser.text("level-text") == "2 of 2: 10 regions"
    triangle = cx.index([1, 1, 0, 0])
    browser.mouse(place(browser, triangle))
    assert browser.text("region-name") == f"Region {triangle}"
    assert browser.text("region-state") == "under the pointer"
    assert browser.text("region-map") == "f = 0.333333"
    assert (browser.text("volume-title"), browser.text("region-volume")) == ("Area", "0.5")
    assert browser.run("return document.getElementById('walls-title').hidden")
    for i, region in enumerate(cx):
        browser.mouse(place(browser, i))
        bits = "".join(map(str, region.pattern.tolist()))
        assert browser.text("region-pattern").split() == ["1", bits[:3], "2", bits[3:]]
        outer = region.pattern[3] == 1
        assert browser.text("region-map") == ("f = 2 x0 + 2 x1 - 2.66667" if outer else "f = 0.333333")
        assert float(browser.text("region-volume")) == float(f"{float(region.volume):.6g}")
        point = [float(v) for v in browser.text("region-point").strip("()").split(",")]
        assert point == [float(f"{float(v):.6g}") for v in region.interior_point]
        assert browser.text("neighbors-title") == f"Neighbors ({len(region.neighbors)})"
        listed = browser.text("region-neighbors").split("\n")
        assert [int(v) for v in listed[::2]] == region.neighbors
        neurons = {f.neighbor: ", ".join(map(cx.network.neuron_name, f.neurons)) for f in region.facets}
        assert listed[1::2] == [neurons[j] for j in region.neighbors]


@needs_browser
def test_a_chosen_region_is_told_exactly_and_walked_from(browser, show):
    cx = ten_regions()
    show(cx)
    start, above = cx.index([1, 1, 0, 0]), cx.index([1, 1, 1, 0])

    browser.mouse(place(browser, above), "down", "up")
    assert browser.text("region-state") == "chosen"
    assert browser.text("region-map").split("\n") == ["f = 0.333333", "= 1/3"]
    assert browser.text("region-volume").split("\n") == ["0.625", "= 5/8"]
    browser.mouse(place(browser, start), "down", "up")  # a neighbor, in the picture
    assert browser.text("region-walk") == f"{above} → {start}"
    following = cx[start].neighbors[0]
    browser.click(f"#region-neighbors button[data-region='{following}']")  # one in the list
    assert browser.text("region-name") == f"Region {following}"
    assert browser.text("region-walk") == f"{above} → {start} → {following}"
    browser.run("polyrelu.choose(arguments[0])", above)  # no neighbor: a new walk
    assert not browser.text("region-walk")
    browser.run("polyrelu.choose(arguments[0])", start)
    left, down, right, up = "\ue012", "\ue015", "\ue014", "\ue013"
    for arrow, pattern in [(left, [0, 1, 0, 0]), (down, [0, 0, 0, 0]), (right, [1, 0, 0, 0]), (up, [1, 1, 0, 0])]:
        browser.keys(arrow)  # around the origin
        assert browser.text("region-name") == f"Region {cx.index(pattern)}"
    browser.keys("\ue00c")
    assert browser.text("region-name") == "No region"


@needs_browser
def test_layers_come_one_by_one(browser, show):
    cx = ten_regions()
    show(cx)
    whole = pixels(browser)
    browser.slide("level", 1)
    first = pixels(browser)

    assert browser.text("level-text") == "1 of 2: 7 regions"
    assert (whole != first).any()
    corner = cx.index([1, 1, 1, 1])
    browser.mouse(place(browser, corner))
    assert browser.text("region-name") == "Region 6 of the first layer"
    assert browser.text("region-map") == "one on each of the 2 regions in it"
    assert float(browser.text("region-volume")) == 3.5
    assert browser.text("region-neighbors").split("\n")[1::2] == ["layer1[0]", "layer1[1]", "layer1[2]"]
    browser.keys("[")
    assert browser.text("level-text") == "0 of 2: 1 region"
    browser.mouse(place(browser, 0))
    assert browser.text("region-name") == "Region 0 of no layer" and float(browser.text("region-volume")) == 16
    browser.keys("]", "]")
    assert browser.text("level-text") == "2 of 2: 10 regions"


@needs_browser
def test_colors_mean_what_they_say(browser, show):
    cx = pr.enumerate_regions(network(2, 5, 4, 1, seed=4), BOX)
    show(cx)
    browser.click("#facets")
    browser.mouse((2, 300))
    # regions that cover more than a few pixels: nothing of their neighbors is mixed in
    large = {i for i in range(len(cx)) if cx[i].polytope.chebyshev_center()[1] > 0.05}
    centers = browser.run("return arguments[0].map((i) => polyrelu.screen(i))", list(range(len(cx))))
    picture = pixels(browser)
    colors = {i: color_at(picture, centers[i]) for i in large}
    pairs = [(i, j) for i, j in cx.edges.tolist() if i in large and j in large]
    assert len(pairs) > 5 and all(colors[i] != colors[j] for i, j in pairs)

    pick_color(browser, "affine")
    picture = pixels(browser)
    by_map = {}
    for i in large:
        by_map.setdefault(tuple(map(float, cx[i].affine_map.A[0])), set()).add(color_at(picture, centers[i]))
    assert all(len(seen) == 1 for seen in by_map.values())
    assert len(set().union(*by_map.values())) > 10  # gradients that are almost equal may share one
    seen = [picture]
    for name, text in [("value", "value of f"), ("gradient", "length of the gradient"), ("volume", "area"), ("layers", "No fill")]:
        pick_color(browser, name)
        assert text in browser.text("legend-text")
        seen.append(pixels(browser))
    assert all((a != b).any() for k, a in enumerate(seen) for b in seen[:k])
    low, high = (float(v) for v in re.findall(r"[-\d.]+", content_of_value(browser)))
    assert [low, high] == [float(f"{float(v):.6g}") for v in cx.range()]
    browser.click("#theme")
    dark = pixels(browser)
    assert dark[600, 2].sum() < 120 < 600 < seen[0][600, 2].sum()


def content_of_value(browser):
    pick_color(browser, "value")
    spans = browser.run("return [...document.querySelectorAll('#legend-text span')].map((e) => e.innerText)")
    return f"{spans[0]} {spans[2]}"


SKIPS = pr.ReluNetwork(
    [[[1, 2], [-1, "1/3"]], [[1, 0, 2, -3], [0, 1, "-5/7", 1]], [[1, 1, 1, 1, 1, 1]]], [[0, 1], ["1/2", -1], [0]],
    output_relu=True,
)  # fmt: skip


@needs_browser
@pytest.mark.parametrize("net", [network(2, 4, 3, 2, seed=5), SKIPS, network(1, 4, 3, 1, seed=1)], ids=["floats", "skips", "interval"])
def test_exact_numbers_of_the_page_are_those_of_the_library(browser, show, net):
    d = net.input_dim
    cx = pr.enumerate_regions(net, pr.Box(["-7/3"] * d, [2] * d))
    show(cx)
    names = [f"x{k}" for k in range(d)]
    script = """return arguments[0].map((i) => { polyrelu.choose(i); return ["region-map", "region-volume", "region-point"]
        .map((name) => document.getElementById(name).textContent); })"""
    told = browser.run(script, list(range(len(cx))))

    def numbers(text):
        return [F(word) for word in re.findall(r"-?\d+(?:/\d+)?", text)]

    for region, (maps, volume, point) in zip(cx, told, strict=True):
        rows = re.split(r"f\d* = ", maps)[1:]
        assert len(rows) == net.output_dim
        for row, exact in zip(rows, region.affine_map.forms.fractions().tolist(), strict=True):
            # the last thing that is written is exact: after "= ", after "digits", or the row itself
            text = re.split(r"= |digits", row)[-1]
            values = {name: F(0) for name in [*names, ""]}
            for sign, number, name in re.findall(r"(-?) ?(\d+(?:/\d+)?(?![\d/]))?(?: ?(x\d))?", text.replace("+", "")):
                if number or name:
                    values[name] = (-1 if sign else 1) * F(number or 1)
            assert list(values.values()) == exact, (row, exact)
        assert numbers(re.split(r"= |digits", volume)[-1]) == [region.volume] or F(volume) == region.volume
        tail = re.split(r"= |digits", point)[-1]
        assert [F(v) for v in tail.strip("()").split(", ")] == list(region.interior_point)


@needs_browser
def test_fifty_thousand_regions(browser, show):
    cx = wide(375)
    assert len(cx) > 50_000
    seconds = show(cx)
    assert seconds < 60
    assert browser.text("counts").replace("\u202f", "").startswith(f"{len(cx)} activation regions")
    large = np.argsort(shapes(cx).volumes)[-5:].tolist()
    for i in large:
        browser.mouse(place(browser, i))
        assert browser.text("region-name") == f"Region {i}"
        assert [int(v) for v in browser.text("region-neighbors").split("\n")[::2]] == cx[i].neighbors
    picture = pixels(browser)[50:600, 180:740]
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200
    x, y = place(browser, large[0])
    browser.wheel(x, y, -1500)
    assert np.abs(np.subtract(place(browser, large[0]), (round(x), round(y)))).max() < 40
    assert (pixels(browser)[50:600, 180:740] != picture).mean() > 0.3


@needs_browser
def test_polyhedra_turn_and_come_apart(browser, show):
    cx = pr.enumerate_regions(network(3, 4, 3, 1, seed=2), pr.Box([-1] * 3, [1] * 3))
    show(cx)
    seen = [pixels(browser)]
    browser.mouse((400, 300), "down", (500, 340), "up")
    seen.append(pixels(browser))
    browser.slide("explode", 0.8)
    seen.append(pixels(browser))
    browser.slide("level", 1)
    assert browser.text("level-text") == f"1 of 2: {len(set(map(bytes, cx.patterns[:, :4])))} regions"
    seen.append(pixels(browser))
    browser.keys("t")
    seen.append(pixels(browser))
    assert all((a != b).mean() > 0.01 for k, a in enumerate(seen) for b in seen[:k])
    browser.slide("level", 2)
    hit = 0
    for i in range(len(cx)):
        browser.mouse(place(browser, i))
        name = browser.text("region-name")
        hit += name == f"Region {i}"
    assert hit > len(cx) / 2  # the others are behind some region
    shown = int(name.split()[1])
    assert [int(v) for v in browser.text("region-neighbors").split("\n")[::2]] == cx[shown].neighbors


@needs_browser
def test_an_incomplete_search_is_told(browser, show):
    cx = pr.enumerate_regions(network(2, 8, 8, 1), BOX, method="bfs", limit=20)
    show(cx, title="part")

    assert browser.text("state") == (
        "Incomplete: the search stopped early, and regions beyond the rim of these 20 are missing. "
        "Of those shown, every decision exact (bfs)."
    )
    rim = next(i for i, r in enumerate(cx) if any(f.wall is None and f.neighbor is None for f in r.facets))
    browser.run("polyrelu.choose(arguments[0])", rim)
    assert browser.text("region-walls").startswith("not explored beyond layer")
