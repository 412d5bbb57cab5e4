"""Our own model files, and the dispatch on suffixes."""

import io
import json
import os
import stat
from fractions import Fraction as F

import numpy as np
import pytest

import polyrelu as pr
from polyrelu import readers
from polyrelu.errors import InputError, MissingDependency, ModelError
from polyrelu.network import ReluNetwork
from polyrelu.readers import load, native, save

KINDS = ["int", "float16", "float32", "float64", "Fraction", "str"]


def numbers(kind, rng, *shape):
    """Return random numbers of one kind; Fractions and strings are no floats."""
    if kind == "int":
        return rng.integers(-(2**40), 2**40, shape)
    if kind.startswith("float"):
        return rng.standard_normal(shape).astype(kind)
    values = [F(int(p), int(q)) for p, q in rng.integers(1, 1000, (int(np.prod(shape)), 2))]
    out = np.empty(len(values), dtype=object)
    out[:] = [str(v) for v in values] if kind == "str" else values
    return out.reshape(shape)


def network(kind, widths=(2, 3, 4, 1), *, skips=False, output_relu=False):
    rng = np.random.default_rng(5)
    wide = [sum(widths[: i + 1]) if skips else widths[i] for i in range(len(widths) - 1)]
    weights = [numbers(kind, rng, n, w) for n, w in zip(widths[1:], wide, strict=True)]
    return ReluNetwork(weights, [numbers(kind, rng, n) for n in widths[1:]], output_relu=output_relu)


def write_json(path, **content):
    path.write_text(json.dumps(content))
    return path


# -- round trips ----------------------------------------------------------------------
@pytest.mark.parametrize("output_relu", [False, True])
@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_round_trip(tmp_path, suffix, kind, skips, output_relu):
    net = network(kind, skips=skips, output_relu=output_relu)
    path = tmp_path / f"net{suffix}"
    if suffix == ".npz" and kind in ("Fraction", "str"):
        with pytest.raises(ModelError, match=r"net\.npz: W0 holds a number that is not a binary64 float; .*\.json"):
            save(net, path)

        assert list(tmp_path.iterdir()) == []
        return

    save(net, path)

    assert load(path) == net
    assert load(path).output_relu is output_relu
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_skips_that_leave_out_blocks(tmp_path, suffix):
    # layer 1 reads only the input, layer 2 only a1, layer 3 nothing, layer 4 only the block before it
    net = ReluNetwork(
        [[[1, 2]], [[3, 4, 0]], [[0, 0, 5, 0]], [[0, 0, 0, 0, 0]], [[7]]], [[1], [2], [3], [4], [5]], output_relu=True
    )

    save(net, tmp_path / f"net{suffix}")

    assert load(tmp_path / f"net{suffix}") == net


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_extreme_floats(tmp_path, suffix):
    values = [5e-324, 2.0**-1022, 1.7976931348623157e308, -0.0, 0.1, 2.0**53, 2.0**53 + 2, 1e22, 1e23, -1e300]
    net = ReluNetwork([[[v] for v in values]], [[v / 2 for v in values]])

    save(net, tmp_path / f"net{suffix}")

    assert load(tmp_path / f"net{suffix}") == net


def test_json_holds_integers_and_quotients_of_any_size(tmp_path):
    values = [2**53 + 1, -(2**63) - 1, 2**64, 10**6000 + 1, F(1, 3), F(10**6000 + 1, 7**2000), F(2**80 + 1, 2**80)]
    net = ReluNetwork([[[v] for v in values]], [[-v for v in values]])

    save(net, tmp_path / "net.json")

    assert load(tmp_path / "net.json") == net


def test_json_text_is_readable(tmp_path):
    net = ReluNetwork([[[1, 0.1], [F(1, 3), -2.5]], [[1e300, 2**60 + 1]]], [[0, F(-2, 6)], [1e-300]])

    save(net, tmp_path / "net.json")

    assert json.loads((tmp_path / "net.json").read_text()) == {
        "W0": [[1, 0.1], ["1/3", -2.5]],
        "b0": [0, "-1/3"],
        "W1": [[1e300, 2**60 + 1]],
        "b1": [1e-300],
        "output_relu": False,
    }


def test_json_numbers_are_floats_and_strings_are_exact(tmp_path):
    # integers that share a list with floats or with numbers of the other sign are not rounded
    path = write_json(tmp_path / "net.json", W0=[[0.1, "0.1"], [2**60 + 1, 0.5]], b0=[2**63, -1])
    layer = load(path).layers[0]

    assert layer.blocks[0].fractions().tolist() == [[F(0.1), F(1, 10)], [F(2**60 + 1), F(1, 2)]]
    assert layer.bias.fractions().ravel().tolist() == [F(2**63), F(-1)]


def test_json_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "net.json").write_text('{"W0": [[1]], "b0": [0]}', encoding="utf-8-sig")

    assert load(tmp_path / "net.json") == ReluNetwork([[[1]]], [[0]])


def test_npz_of_plain_numpy(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, W0=np.array([[1.5], [2]], dtype=np.float32), b0=np.array([1, 2], dtype=np.int8), output_relu=1)

    assert load(path) == ReluNetwork([[[1.5], [2]]], [[1, 2]], output_relu=True)


def test_npz_bytes_depend_on_the_network_alone(tmp_path):
    net = network("float32")

    for name in ("a.npz", "b.npz"):
        save(net, tmp_path / name)

    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


# -- atomic saving --------------------------------------------------------------------
def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "net.npz"
    net = network("float64")
    save(net, path)

    def savez(stream, **arrays):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(native.np, "savez", savez)
    with pytest.raises(ModelError, match=r"net\.npz: cannot be written: No space left on device; check"):
        save(network("int"), path)

    assert load(path) == net
    assert list(tmp_path.iterdir()) == [path]


def test_save_gives_the_usual_permissions_and_follows_links(tmp_path):
    (tmp_path / "usual").touch()
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")

    save(network("int"), tmp_path / "link.json")

    assert (tmp_path / "link.json").is_symlink()
    assert load(tmp_path / "real.json") == network("int")
    mode = (tmp_path / "usual").stat().st_mode
    assert stat.S_IMODE((tmp_path / "real.json").stat().st_mode) == stat.S_IMODE(mode)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("net.onnx", r"net\.onnx: a network is saved as \.json, \.npz; choose one"),
        ("net", r"net: a network is saved as \.json, \.npz"),
        ("missing/net.json", r"net\.json: its directory does not exist; make it first"),
        ("folder.json", r"folder\.json: this is a directory; give a file name"),
    ],
)
def test_save_refuses(tmp_path, name, match):
    (tmp_path / "folder.json").mkdir()

    with pytest.raises(ModelError, match=match):
        save(network("int"), tmp_path / name)

    assert os.listdir(tmp_path) == ["folder.json"]


# -- errors of any file ---------------------------------------------------------------
@pytest.mark.parametrize("suffix", [".json", ".npz", ".nnet", ".onnx"])
def test_missing_directory_and_empty(tmp_path, suffix):
    (tmp_path / f"folder{suffix}").mkdir()
    (tmp_path / f"empty{suffix}").touch()

    with pytest.raises(ModelError, match=rf"missing\{suffix}: there is no such file; check the path"):
        load(tmp_path / f"missing{suffix}")
    with pytest.raises(ModelError, match=rf"folder\{suffix}: this is a directory; give a file"):
        load(tmp_path / f"folder{suffix}")
    with pytest.raises(ModelError, match=rf"empty\{suffix}: the file is empty; write it again"):
        load(tmp_path / f"empty{suffix}")


def test_unknown_suffix_and_option():
    with pytest.raises(ModelError, match=r"net\.pt: suffix '\.pt' is unknown; known are \.json, \.keras, \.nnet, \.npz, \.onnx, \.saf"):
        load("net.pt")
    with pytest.raises(ModelError, match=r"net: the name has no suffix; known are"):
        load("net")
    with pytest.raises(InputError, match=r"a \.onnx file has no option 'normalize'; it takes none"):
        load("net.onnx", normalize=True)
    with pytest.raises(InputError, match=r"a \.nnet file has no option 'scale'; it takes normalize"):
        load("net.nnet", scale=True)


def test_suffix_in_capitals(tmp_path):
    save(network("int"), tmp_path / "NET.JSON")

    assert load(str(tmp_path / "NET.JSON")) == network("int")


def test_error_messages_are_one_line(tmp_path):
    for suffix in (".json", ".npz", ".nnet"):
        (tmp_path / f"x{suffix}").write_bytes(bytes(range(256)))

        with pytest.raises(ModelError) as caught:
            load(tmp_path / f"x{suffix}")

        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("package", "extra", "call"),
    [
        ("onnx", "onnx", lambda path: load(path)),
        ("torch.nn", "torch", lambda path: readers.from_torch(None)),
        ("sklearn.neural_network", "sklearn", lambda path: readers.from_sklearn(None)),
    ],
)
def test_missing_package(tmp_path, monkeypatch, package, extra, call):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    (tmp_path / "net.onnx").write_bytes(b"x")

    with pytest.raises(MissingDependency, match=rf"install it: pip install 'polyrelu\[{extra}\]'"):
        call(tmp_path / "net.onnx")


# -- errors of .json ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", r"line 1, column 2 is not JSON"),
        ('{"W0": [[1]],\n "b0": [0],}', r"line 2, column \d+ is not JSON"),
        ("[1]", r"must hold one object with the keys W0, b0"),
        ("{}", r"W0 is missing"),
        ('{"W0": [[1]], "b0": [NaN]}', r"NaN is not a number; every number must be finite"),
        ('{"W0": [[-Infinity]], "b0": [0]}', r"-Infinity is not a number"),
        ('{"W0": [[1e400]], "b0": [0]}', r"W0\[0, 0\] is inf; every number must be finite"),
        ('{"W0": [["nan"]], "b0": [0]}', r"W0\[0, 0\] is 'nan'; write a decimal"),
        ('{"W0": [["1/0"]], "b0": [0]}', r"W0\[0, 0\] is '1/0'"),
        ('{"W0": [["1e999999999"]], "b0": [0]}', r"W0\[0, 0\] is '1e999999999'; exponents go up to"),
        ('{"W0": [[true]], "b0": [0]}', r"W0\[0, 0\] is true; write a number or a string like '1/3'"),
        ('{"W0": [[1], [[2]]], "b0": [0]}', r"W0\[1, 0\] is \[2\]; write a number"),
        ('{"W0": [[1]], "b0": [null]}', r"b0\[0\] is null; write a number"),
        ('{"W0": [1], "b0": [0]}', r"W0 must be a list of rows, each a list of numbers"),
        ('{"W0": [[1]], "b0": 0}', r"b0 must be a list of numbers"),
        ('{"W0": [[1, 2], [3]], "b0": [0, 0]}', r"W0 has 2 entries in row 0 but 1 in row 1"),
        ('{"W0": [[1]], "b0": [0], "W0": [[2]]}', r"the key 'W0' appears twice"),
        ('{"W0": [[1]], "b0": [0], "bias": 5}', r"the key 'bias' is unknown; keys are W0, b0"),
        ('{"W0": [[1]], "b0": [0], "W01": 5}', r"the key 'W01' is unknown"),
        ('{"W0": [[1]], "b0": [0], "W1": [[1]]}', r"b1 is missing; every layer from 0 to 1 needs a W and a b"),
        ('{"W0": [[1]], "b0": [0], "W2": [[1]], "b2": [1]}', r"W1 is missing; every layer from 0 to 2"),
        ('{"W1": [[1]], "b1": [0]}', r"W0 is missing"),
        ('{"W0": [[1]], "b0": [0, 1]}', r"W0 has 1 rows but b0 has 2 entries"),
        ('{"W0": [[1, 2]], "b0": [0], "W1": [[1, 2]], "b1": [0]}', r"W1 has 2 columns; expected 1, the width before"),
        ('{"W0": [], "b0": []}', r"no columns|no neurons"),
        ('{"W0": [[1]], "b0": [0], "output_relu": 1}', r"output_relu is 1; write true or false"),
        ("[" * 100_000, r"nested too deeply"),
    ],
)
def test_json_errors(tmp_path, text, match):
    (tmp_path / "net.json").write_text(text)

    with pytest.raises(ModelError, match=rf"net\.json: .*({match})"):
        load(tmp_path / "net.json")


def test_json_that_is_no_text(tmp_path):
    (tmp_path / "net.json").write_bytes(b"\x80\x81")

    with pytest.raises(ModelError, match=r"net\.json: this is not a text file \(byte 0 is not UTF-8\)"):
        load(tmp_path / "net.json")


# -- errors of .npz -------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"W0": [[1.0]]}, r"b0 is missing"),
        ({"W0": [[1.0]], "b0": [0.0], "b1": [1.0]}, r"W1 is missing"),
        ({"W0": [[1.0]], "b0": [0.0], "arr_0": [1.0]}, r"the key 'arr_0' is unknown"),
        ({"W0": [[float("nan")]], "b0": [0.0]}, r"W0\[0, 0\] is nan; every number must be finite"),
        ({"W0": [[1.0]], "b0": [float("inf")]}, r"b0\[0, 0\] is inf"),
        ({"W0": [1.0], "b0": [0.0]}, r"W0 has 1 dimension"),
        ({"W0": [[1.0]], "b0": [[0.0]]}, r"b0 has shape \(1, 1\)"),
        ({"W0": [["1/3"]], "b0": [0.0]}, r"W0 has dtype <U3; an \.npz holds floats or integers, a \.json also 'p/q'"),
        ({"W0": [[1j]], "b0": [0.0]}, r"W0 has dtype complex128"),
        ({"W0": [[1.0]], "b0": [0.0], "output_relu": [0, 1]}, r"output_relu must be one boolean"),
        ({"W0": [[1.0]], "b0": [0.0], "output_relu": 2}, r"output_relu must be one boolean"),
        ({}, r"W0 is missing"),
    ],
)
def test_npz_errors(tmp_path, arrays, match):
    np.savez(tmp_path / "net.npz", **{key: np.array(value) for key, value in arrays.items()})

    with pytest.raises(ModelError, match=rf"net\.npz: {match}"):
        load(tmp_path / "net.npz")


def test_npz_is_never_unpickled(tmp_path):
    np.savez(tmp_path / "net.npz", W0=np.array([[F(1, 3)]], dtype=object), b0=[0])

    with pytest.raises(ModelError, match=r"net\.npz: this is not a readable \.npz archive \(Object arrays cannot be"):
        load(tmp_path / "net.npz")


def test_npz_that_is_something_else(tmp_path):
    np.save(tmp_path / "net.npy", np.eye(2))
    (tmp_path / "net.npy").rename(tmp_path / "array.npz")
    (tmp_path / "text.npz").write_text("hello")

    for name in ("array.npz", "text.npz"):
        with pytest.raises(ModelError, match=rf"{name}: this is no \.npz archive; save it again"):
            load(tmp_path / name)


def test_files_that_cannot_be_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(ModelError, match=r"pipe\.npz: this is no regular file"):
        load(tmp_path / "pipe.npz")
    with pytest.raises(ModelError, match="cannot be read: File name too long"):
        load(tmp_path / f"{'a' * 300}.json")
    with pytest.raises(ModelError, match="cannot be read: embedded null"):
        load("a\0.json")
    for suffix in (".json", ".npz"):
        with pytest.raises(ModelError, match="cannot be written: File name too long"):
            save(ReluNetwork([[[1]]], [[0]]), tmp_path / f"{'a' * 300}{suffix}")


def test_damaged_npz_gives_an_error_or_the_network(tmp_path):
    stream = io.BytesIO()
    np.savez(stream, W0=np.ones((2, 1)), b0=np.zeros(2))
    whole = stream.getvalue()
    path = tmp_path / "net.npz"
    rng = np.random.default_rng(0)
    damaged = [whole[:n] for n in range(1, len(whole), 17)]
    for position in rng.integers(0, len(whole), 100):
        damaged.append(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
    refused = 0
    for content in damaged:
        path.write_bytes(content)
        try:
            load(path)
        except ModelError:
            refused += 1

    assert refused >= len(whole) // 17  # every truncation; a flipped byte may hit a date


@pytest.mark.parametrize(
    "call",
    [
        pr.load,
        pr.verify,
        pr.RegionComplex.load,
        pr.enumerate_regions(pr.ReluNetwork([[[1]], [[1]]], [[0], [0]]), pr.Box([-1], [1])).save,
        lambda path: pr.check(pr.ReluNetwork([[[1]], [[1]]], [[0], [0]]), path),
    ],
    ids=["load", "verify", "load regions", "save", "check"],
)
def test_what_is_no_path_is_refused(call):
    with pytest.raises(pr.InputError, match="7: this is of type int; give a path"):
        call(7)
