"""Every operator against onnx's own interpreter, by exact equality on integers, and the neurons that it adds."""

from __future__ import annotations

import logging
import math
from fractions import Fraction as F
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_readers import make_model, onnx_module, read_onnx, reference

import polyrelu as pr
from polyrelu.errors import ModelError, UnsupportedOperator
from polyrelu.exact import RationalMatrix
from polyrelu.readers import activations, arithmetic, windows
from polyrelu.readers.arithmetic import root_quotient
from polyrelu.readers.lowering import Lowering, stored
from polyrelu.sparse import SparseMatrix

RNG = np.random.default_rng(3)
# a multiple of all window sizes below, so that averages are whole
UNIT = 720


def whole(*shape, low=-3, high=4):
    """Return small integers as floats, the same for one shape in any order of the tests."""
    return np.random.default_rng(shape).integers(low, high, shape).astype(np.float64)


def exactly(tmp_path, nodes, constants=None, shape=("N", 3), opset=13, neurons=None, points=6, unit=1):
    """Read a model, compare it on integer points with onnx's interpreter, and return the network."""
    constants = constants or {}
    model = make_model(nodes, constants, shape=shape, dtype="DOUBLE", opset=opset)
    model.ir_version = 8 if opset < 19 else onnx_module().IR_VERSION
    net = read_onnx(tmp_path, model)
    x = np.random.default_rng(9).integers(-4, 5, (points, net.input_dim)) * unit

    assert net(x.astype(object)).tolist() == reference(model, x).tolist()
    if neurons is not None:
        assert net.neurons == neurons
    return net


def one(op, *more, **attributes):
    return [(op, ["x", *more], ["y"], attributes)]


# -- activations ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("nodes", "constants", "neurons"),
    [
        (one("Relu"), {}, 3),
        (one("LeakyRelu", alpha=0.25), {}, 3),
        (one("LeakyRelu", alpha=1.0), {}, 0),
        (one("LeakyRelu", alpha=-2.0), {}, 3),
        (one("PRelu", "s"), {"s": np.array([0.5, -1.0, 2.0])}, 3),
        (one("PRelu", "s"), {"s": np.array([0.25])}, 3),
        (one("Abs"), {}, 3),
        (one("Clip", "a", "b"), {"a": np.float64(-1), "b": np.float64(2)}, 6),
        (one("Clip", "a"), {"a": np.float64(-1)}, 3),
        (one("Clip", "", "b"), {"b": np.float64(2)}, 3),
        (one("Clip"), {}, 0),
        (one("Clip", "a", "b"), {"a": np.float64(-np.inf), "b": np.float64(np.inf)}, 0),
        (one("Clip", "a", "b"), {"a": np.float64(1), "b": np.float64(1)}, 0),
        (one("HardSigmoid", alpha=0.25, beta=0.5), {}, 6),
        (one("Shrink", bias=1.5, lambd=1.5), {}, 6),
        (one("Neg"), {}, 0),
        (one("Max", "c"), {"c": np.array([0.0, 1.0, -1.0])}, 3),
        (one("Max", "c", "x"), {"c": np.array([1.0])}, 6),
        (one("Min", "c"), {"c": np.array([0.0, 1.0, -1.0])}, 3),
        ([("Relu", ["x"], ["r"]), ("Max", ["r", "x"], ["y"])], {}, 6),
        (one("Sum", "x", "c"), {"c": np.array([2.0])}, 0),
        ([("Mul", ["x", "x2"], ["y"])], None, None),
        (one("Mul", "c"), {"c": np.array([2.0, 0.5, -1.0])}, 0),
        ([("Mul", ["c", "x"], ["y"])], {"c": np.array([[2.0], [3.0]])}, 0),
        (one("Div", "c"), {"c": np.array([2.0, 0.5, -4.0])}, 0),
        (one("Mean", "c"), {"c": np.array([2.0, 3.0, 4.0])}, 0),
    ],
)
def test_activations_and_sums(tmp_path, nodes, constants, neurons):
    if constants is None:  # a scale computed from constants
        nodes = [("Add", ["c", "c"], ["x2"]), ("Mul", ["x", "x2"], ["y"])]
        constants = {"c": np.array([0.5, 1.0, 3.0])}
    exactly(tmp_path, nodes, constants, neurons=neurons)


def test_clip_by_attributes(tmp_path):
    exactly(tmp_path, one("Clip", min=-1.0, max=2.0), opset=9, neurons=6)
    exactly(tmp_path, one("Clip", max=2.0), opset=9, neurons=3)


@pytest.mark.parametrize("op", ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"])
@pytest.mark.parametrize(("axes", "keep"), [([1], 1), ([-1], 0), ([1, 2], 1), (None, 0), ([2, 1], 0)])
def test_reductions(tmp_path, op, axes, keep):
    attributes = {"keepdims": keep} | ({} if axes is None or op == "ReduceSum" else {"axes": axes})
    inputs = ["a"] if axes is not None and op == "ReduceSum" else []
    count = {None: 6, 1: 2}.get(axes if axes is None else len(axes) > 1 or axes[0] != 1, 6)
    net = exactly(tmp_path, one(op, *inputs, **attributes), {"a": np.array(axes or [0])} if inputs else {},
                  shape=("N", 2, 3), unit=6)

    size = {"[1]": 2, "[-1]": 3}.get(str(axes), 6)
    assert net.output_dim == 6 // size
    assert net.neurons == (0 if op in ("ReduceSum", "ReduceMean") else (size - 1) * (6 // size))
    assert count


def test_reductions_of_the_newest_opset(tmp_path):
    for op in ("ReduceMax", "ReduceMean"):
        exactly(tmp_path, one(op, "a", keepdims=0), {"a": np.array([2])}, shape=("N", 2, 3), opset=18, unit=3)
    exactly(tmp_path, one("ReduceSum", noop_with_empty_axes=1), shape=("N", 2), opset=18)


# -- convolutions and pooling ---------------------------------------------------------
CONVOLUTIONS = [
    ((1, 2, 5, 4), (3, 2, 2, 3), {}),
    ((1, 2, 5, 4), (3, 2, 3, 3), {"pads": [1, 0, 2, 1], "strides": [2, 1]}),
    ((1, 2, 7, 6), (2, 2, 2, 3), {"dilations": [3, 2]}),
    ((1, 4, 4, 4), (6, 2, 3, 3), {"group": 2, "pads": [1, 1, 1, 1]}),
    ((1, 3, 4, 3), (6, 1, 2, 2), {"group": 3}),
    ((1, 2, 5, 4), (3, 2, 3, 2), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ((1, 2, 5, 4), (3, 2, 2, 2), {"auto_pad": "SAME_LOWER"}),
    ((1, 2, 5, 4), (3, 2, 2, 2), {"auto_pad": "VALID"}),
    ((1, 2, 7), (3, 2, 3), {"strides": [2], "pads": [2, 1]}),
    ((2, 2, 5), (3, 2, 3), {}),
    ((1, 1, 3, 3, 3), (2, 1, 2, 2, 2), {}),
]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("shape", "kernel", "attributes"), CONVOLUTIONS)
def test_convolutions(tmp_path, shape, kernel, attributes, bias):
    constants = {"W": whole(*kernel)} | ({"B": whole(kernel[0])} if bias else {})

    exactly(tmp_path, one("Conv", *constants, **attributes), constants, shape=shape, points=3, neurons=0)


TRANSPOSED = [
    ((1, 2, 3, 4), (2, 3, 2, 3), {}),
    ((1, 2, 3, 4), (2, 3, 3, 3), {"strides": [2, 3], "pads": [1, 0, 1, 2]}),
    ((1, 2, 3, 3), (2, 1, 3, 2), {"strides": [2, 2], "output_padding": [1, 1], "dilations": [2, 1]}),
    ((1, 2, 4), (2, 3, 3), {"strides": [2]}),
    ((1, 2, 4, 3), (2, 1, 3, 3), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
]


@pytest.mark.parametrize(("shape", "kernel", "attributes"), TRANSPOSED)
def test_transposed_convolutions(tmp_path, shape, kernel, attributes):
    constants = {"W": whole(*kernel), "B": whole(kernel[1] * attributes.get("group", 1))}

    exactly(tmp_path, one("ConvTranspose", *constants, **attributes), constants, shape=shape, points=3)


def test_the_output_shape_of_a_transposed_convolution(tmp_path):
    def read(**attributes):
        nodes = one("ConvTranspose", "W", strides=[2, 1], **attributes)
        return read_onnx(tmp_path, nodes, {"W": whole(2, 1, 3, 3)}, shape=(1, 2, 4, 3))

    # 9 and 5 entries without padding, of which one goes: the first, or the last for SAME_UPPER
    assert read(output_shape=[8, 4]) == read(pads=[1, 1, 0, 0])
    assert read(output_shape=[8, 4], auto_pad="SAME_UPPER") == read(pads=[0, 0, 1, 1])


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_a_transposed_convolution_is_the_transpose(data):
    sizes = st.integers(1, 3)
    kernel = (data.draw(sizes), data.draw(sizes), data.draw(sizes), data.draw(sizes))
    stride, gap = data.draw(sizes), data.draw(st.integers(1, 2))
    pad = data.draw(st.integers(0, 1))
    spatial = [gap * (k - 1) + 1 + stride * data.draw(st.integers(0, 2)) for k in kernel[2:]]
    weight = np.arange(1, 1 + math.prod(kernel)).reshape(kernel)
    shape = (1, kernel[1], *spatial)
    if min(n + 2 * pad - gap * (k - 1) - 1 for n, k in zip(spatial, kernel[2:], strict=True)) < 0:
        return
    if any((n + 2 * pad - gap * (k - 1) - 1) % stride for n, k in zip(spatial, kernel[2:], strict=True)):
        return

    def matrix(function, shape):
        net = Lowering(math.prod(shape))
        out = function(net, net.input(shape), weight, None, stride=stride, padding=pad, dilation=gap)
        return out.shape, stored(out._block(0)).fractions()

    there, forward = matrix(windows.conv, shape)
    back, transposed = matrix(windows.conv_transpose, there)

    assert back == shape
    assert np.array_equal(transposed, forward.T)


POOLS = [
    ((1, 2, 4, 4), {"kernel_shape": [2, 2], "strides": [2, 2]}, 3 * 2 * 4),
    ((1, 1, 5, 4), {"kernel_shape": [3, 2], "strides": [2, 1]}, 5 * 6),
    ((1, 1, 4, 4), {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}, 3 + 5 + 5 + 8),
    ((1, 1, 5, 5), {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}, 4 * 3 + 4 * 1),
    ((1, 1, 5, 4), {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}, None),
    ((1, 1, 5, 4), {"kernel_shape": [2, 2], "auto_pad": "SAME_LOWER", "strides": [1, 1]}, None),
    ((1, 2, 7), {"kernel_shape": [3], "strides": [2]}, 2 * 2 * 3),
]


@pytest.mark.parametrize(("shape", "attributes", "neurons"), POOLS)
def test_max_pooling(tmp_path, shape, attributes, neurons):
    exactly(tmp_path, one("MaxPool", **attributes), shape=shape, neurons=neurons)


def test_dilated_max_pooling(tmp_path):
    exactly(tmp_path, one("MaxPool", kernel_shape=[2, 2], dilations=[2, 3], strides=[1, 1]), shape=(1, 1, 4, 5))


@pytest.mark.parametrize("padded", [0, 1])
@pytest.mark.parametrize(("shape", "attributes", "neurons"), POOLS)
def test_average_pooling(tmp_path, shape, attributes, neurons, padded):
    exactly(tmp_path, one("AveragePool", count_include_pad=padded, **attributes), shape=shape, neurons=0, unit=UNIT)


def test_global_pooling(tmp_path):
    exactly(tmp_path, one("GlobalAveragePool"), shape=(1, 2, 3, 4), unit=12, neurons=0)
    exactly(tmp_path, one("GlobalMaxPool"), shape=(1, 2, 3, 2), neurons=2 * 5)


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
def test_same_padding_and_ceil_mode_are_refused_together(tmp_path, op):
    node = one(op, kernel_shape=[2], auto_pad="SAME_UPPER", ceil_mode=1)
    with pytest.raises(UnsupportedOperator, match=r"has both auto_pad SAME_UPPER and ceil_mode, on which runtimes differ"):
        read_onnx(tmp_path, node, {}, shape=(1, 1, 3))


def test_a_pooling_window_in_the_padding():
    net = Lowering(4)
    x = net.input((1, 1, 4))
    with pytest.raises(ModelError, match="a window lies in the padding alone, so its maximum is minus infinity"):
        windows.max_pool(net, x, 2, padding=2)
    with pytest.raises(ModelError, match="a window has no entry to average"):
        windows.average_pool(net, x, 2, padding=2)


def test_what_convolutions_refuse():
    net = Lowering(8)
    x = net.input((1, 2, 4))
    for call, match in [
        (lambda: windows.conv(net, x, np.ones((1, 3, 2))), r"weight of shape \(1, 3, 2\) in 1 groups meets 2 channels"),
        (lambda: windows.conv(net, x, np.ones((1, 2, 9))), r"size \(4,\) gives an output of size \(0,\)"),
        (lambda: windows.conv(net, x, np.ones((1, 2, 2, 2))), r"meets an input of shape \(1, 2, 4\)"),
        (lambda: windows.conv(net, x, np.ones((1, 2, 2)), stride=0), r"stride is 0; give one positive whole number"),
        (lambda: windows.conv(net, x, np.ones((1, 2, 2)), padding="full"), r"padding is 'full'"),
        (lambda: windows.conv(net, x, np.ones((1, 2, 2)), padding=[1, 2]), r"padding is \[1, 2\]"),
        (lambda: windows.conv(net, x, np.ones((1, 2, 2)), np.ones(2)), r"bias of shape \(2,\) meets 1 channels"),
        (lambda: windows.conv_transpose(net, x, np.ones((3, 1, 2))), r"in 1 groups meets 2 channels"),
        (lambda: windows.max_pool(net, x.reshape((8,)), 2), r"pooling meets an input of shape \(8,\)"),
        (lambda: windows.adaptive_average_pool(net, x, (2, 2)), r"output size of \(2, 2\) does not fit"),
        (lambda: windows.conv(net, x, x), r"weight is computed from the input"),
        (lambda: windows.conv(net, x, np.broadcast_to(1.0, (10**8, 2, 2))), r"too many entries; at most 100000000"),
    ]:
        with pytest.raises(ModelError, match=match):
            call()


# -- batch normalization --------------------------------------------------------------
def test_batch_normalization(tmp_path):
    # scale / sqrt(variance + epsilon) is 1, -3/2 and 1/4, exactly
    constants = {"s": np.array([2.0, -3, 1]), "b": whole(3), "m": whole(3), "v": np.array([3.75, 3.75, 15.75])}
    for shape in ((1, 3), (1, 3, 2, 2)):
        exactly(tmp_path, one("BatchNormalization", *constants, epsilon=0.25), constants, shape=shape, opset=15)


@given(st.fractions(min_value=F(1, 10**6), max_value=10**6, max_denominator=10**6), st.integers(-5, 5))
def test_the_irrational_scale_is_rounded_to_nearest(variance, gain):
    root = root_quotient(F(gain), variance)

    exact = F(gain**2) / variance
    low, high = (F(float(np.nextafter(root, np.inf * s))) for s in (-1, 1))
    between = sorted([((low + F(root)) / 2), ((F(root) + high) / 2)], key=abs)
    assert (root > 0) == (gain > 0) and (root < 0) == (gain < 0)
    # the root lies between the midpoints to both neighbors
    assert gain == 0 or between[0] ** 2 <= exact <= between[1] ** 2


def test_scales_at_the_ends_of_the_range():
    assert root_quotient(F(1), F(2) ** 2148) == 2.0**-1074
    assert root_quotient(F(3), F(2) ** 2152) == 2.0**-1074  # 3/4 of it
    assert root_quotient(F(1), F(2) ** 2152) == 0.0
    assert root_quotient(F(1), F(1, 2**2046)) == 2.0**1023
    assert root_quotient(F(1), F(1) + F(1, 2**300)) == 1.0
    with pytest.raises(ModelError, match="beyond 1.8e308"):
        root_quotient(F(1), F(1, 2**2048))
    with pytest.raises(ModelError, match="variance plus epsilon is not positive"):
        root_quotient(F(1), F(0))


# -- shapes ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        (one("Transpose", perm=[0, 2, 1]), {}),
        (one("Transpose"), {}),
        (one("Squeeze", "a"), {"a": np.array([0])}),
        (one("Unsqueeze", "a"), {"a": np.array([1, -1])}),
        (one("Slice", "s", "e"), {"s": np.array([0, 1]), "e": np.array([9, 2])}),
        (
            one("Slice", "s", "e", "a", "k"),
            {"s": np.array([2, 0]), "e": np.array([-9, 2]), "a": np.array([-1, 1]), "k": np.array([-2, 1])},
        ),
        (one("Gather", "i", axis=2), {"i": np.array([[2, 0], [-1, 1]])}),
        (one("Concat", "x", "c", axis=1), {"c": whole(1, 1, 3)}),
        ([("Relu", ["x"], ["r"]), ("Concat", ["r", "x"], ["y"], {"axis": -1})], {}),
        ([("Split", ["x", "s"], ["a", "b"], {"axis": 2}), ("Sub", ["a", "b"], ["y"])], {"s": np.array([2, 1])}),
        (one("Pad", "p"), {"p": np.array([0, 1, 0, 0, 0, 2])}),
        (one("Pad", "p", "v"), {"p": np.array([0, 0, 1, 0, 0, 1]), "v": np.float64(2)}),
        (one("Pad", "p", mode="reflect"), {"p": np.array([0, 1, 2, 0, 0, 1])}),
        (one("Pad", "p", mode="edge"), {"p": np.array([0, 1, 2, 0, 0, 1])}),
        (one("Expand", "s"), {"s": np.array([2, 1, 1])}),
        (one("Tile", "s"), {"s": np.array([1, 2, 2])}),
        (one("Identity"), {}),
        ([("Dropout", ["x"], ["y", "mask"])], {}),
        ([("Where", ["c", "x", "z"], ["y"])], {"c": np.array([True, False, True]), "z": whole(1)}),
        (one("MatMul", "w"), {"w": whole(3, 2)}),
        ([("MatMul", ["w", "x"], ["y"])], {"w": whole(4, 2)}),
        ([("MatMul", ["w", "x"], ["y"])], {"w": whole(2, 2, 2)}),
    ],
)
def test_shapes(tmp_path, nodes, constants):
    exactly(tmp_path, nodes, constants, shape=(1, 2, 3))


def test_attributes_of_old_opsets(tmp_path):
    for nodes in (
        one("Squeeze", axes=[0]),
        one("Unsqueeze", axes=[0, 3]),
        one("Slice", starts=[1, 0], ends=[3, 1], axes=[2, 1]),
        one("Pad", pads=[0, 1, 0, 0, 0, 1], value=1.5),
        [("Split", ["x"], ["a", "b", "y"], {"axis": 2})],
        [("Split", ["x"], ["a", "y"], {"axis": 2, "split": [1, 2]})],
        [("Dropout", ["x"], ["y"], {"ratio": 0.5})],
    ):
        exactly(tmp_path, nodes, shape=(1, 2, 3), opset=9)


def test_shapes_as_exporters_compute_them(tmp_path):
    onnx = onnx_module()
    value = onnx.numpy_helper.from_array(np.array([1]))
    nodes = [
        ("Shape", ["x"], ["s"]),
        ("Gather", ["s", "zero"], ["n"]),
        ("Unsqueeze", ["n", "first"], ["n1"]),
        ("Gather", ["s", "two"], ["w"]),
        ("Mul", ["w", "two"], ["w2"]),
        ("Div", ["w2", "three"], ["q"]),
        ("Cast", ["q"], ["q64"], {"to": onnx.TensorProto.INT64}),
        ("Unsqueeze", ["q64", "first"], ["q1"]),
        ("Concat", ["n1", "q1", "minus"], ["target"], {"axis": 0}),
        ("Reshape", ["x", "target"], ["r"]),
        ("ConstantOfShape", ["target3"], ["ones"], {"value": value}),
        ("Equal", ["target3", "ones"], ["same"]),
        ("Where", ["same", "target3", "ones"], ["wide"]),
        ("Expand", ["r", "wide"], ["y"]),
    ]
    numbers = {"zero": 0, "two": 2, "three": 3}
    constants = {k: np.array(v) for k, v in numbers.items()}
    constants |= {"first": np.array([0]), "minus": np.array([-1]), "target3": np.array([3])}

    net = exactly(tmp_path, nodes, constants, shape=("N", 2, 3))

    assert net.output_dim == 6


def test_newest_opset(tmp_path):
    onnx = onnx_module()
    newest = onnx.defs.onnx_opset_version()
    constants = {"W": whole(2, 1, 2, 2), "B": whole(2), "a": np.array([2, 3]), "p": np.array([1, 1])}
    nodes = [
        ("Pad", ["x", "p", "", "ax"], ["p0"]),
        ("Conv", ["p0", "W", "B"], ["c"]),
        ("Relu", ["c"], ["r"]),
        ("Split", ["r"], ["s0", "s1"], {"axis": 1, "num_outputs": 2}),
        ("Max", ["s0", "s1"], ["m"]),
        ("ReduceMax", ["m", "a"], ["y"]),
    ]

    exactly(tmp_path, nodes, constants | {"ax": np.array([2])}, shape=(1, 1, 3, 3), opset=newest)


def test_the_conformance_models_of_onnx(tmp_path):
    """Models that torch exported, which come with onnx: each is refused by name or computes the given output."""
    onnx = onnx_module()
    data = Path(onnx.__file__).parent / "backend" / "test" / "data"

    def tensors(folder, kind):
        files = sorted((folder / "test_data_set_0").glob(f"{kind}_*.pb"))
        return [onnx.numpy_helper.to_array(onnx.load_tensor(file)) for file in files]

    agreed = 0
    for path in sorted([*data.glob("pytorch-*/*/model.onnx"), *data.glob("simple/*/model.onnx")]):
        model, given = onnx.load(str(path)), tensors(path.parent, "input")
        if not given or given[0].size > 300 or path.parent.name.startswith("test_sequence"):
            continue
        known = {t.name for t in model.graph.initializer}
        for value, array in zip(list(model.graph.input)[1:], given[1:], strict=False):
            if value.name not in known:  # further inputs become constants
                model.graph.initializer.append(onnx.numpy_helper.from_array(array, value.name))
        try:
            net = read_onnx(tmp_path, model)
        except ModelError as error:
            assert str(error)
            continue
        if not net.notes:
            (output,) = tensors(path.parent, "output")
            found = net(given[0].ravel().astype(np.float64))
            np.testing.assert_allclose(found, output.ravel(), rtol=1e-3, atol=1e-4, err_msg=path.parent.name)
            agreed += 1
    if not agreed:
        pytest.skip("this onnx comes without its models")
    assert agreed >= 50


# -- what stands only at the end, and what never stands -------------------------------
@pytest.mark.parametrize("op", ["Softmax", "Sigmoid", "LogSoftmax"])
def test_an_end_that_is_no_polyhedron_is_left_out_with_a_note(tmp_path, caplog, op):
    nodes = [("MatMul", ["x", "W"], ["m"]), ("Relu", ["m"], ["r"]), (op, ["r"], ["s"]), ("Flatten", ["s"], ["y"])]
    with caplog.at_level(logging.INFO, "polyrelu"):
        net = read_onnx(tmp_path, nodes, {"W": whole(2, 2)})

    note = f"node 2 '{op.lower()}_node' ({op}) at the end is left out: the outputs are those before it"
    assert net.notes == (note,) and caplog.messages == [note]
    assert net.output_relu
    assert net.restrict([0, 0], [[1, 1]]).notes == net.notes
    plain = read_onnx(tmp_path, [*nodes[:1], ("Relu", ["m"], ["y"])], {"W": whole(2, 2)})
    assert plain == net and plain.notes == ()


@pytest.mark.parametrize("after", [("Relu", ["s"], ["y"]), ("Add", ["s", "x"], ["y"]), ("Softmax", ["s"], ["y"])])
def test_in_the_middle_it_is_refused(tmp_path, after):
    nodes = [("Sigmoid", ["x"], ["s"]), after]
    match = rf"node 0 'sigmoid_node' \(Sigmoid\): not piecewise linear, and node 1 '{after[0].lower()}_node' .* computes"
    with pytest.raises(UnsupportedOperator, match=match):
        read_onnx(tmp_path, nodes, {})


@pytest.mark.parametrize(
    ("op", "match"),
    [
        ("HardSwish", "HardSwish is not piecewise linear; the nearest that is: ReLU6 or ReLU"),
        ("Gelu", "Gelu is not piecewise linear; the nearest that is: ReLU"),
        ("Elu", "nearest that is: LeakyReLU"),
        ("LayerNormalization", "LayerNormalization is not piecewise linear; the nearest that is: batch normalization"),
        ("Exp", "Exp is not piecewise linear$"),
        ("QuantizeLinear", "QuantizeLinear rounds, which is not continuous; export the model before quantization"),
        ("QLinearConv", "QLinearConv rounds"),
        ("Sign", "Sign may jump; only continuous piecewise-linear operators have a reader"),
        ("Bernoulli", "Bernoulli has no exact reader; supported are Abs, Add, AveragePool,"),
    ],
)
def test_refusals_by_name(tmp_path, op, match):
    with pytest.raises(UnsupportedOperator, match=match):
        read_onnx(tmp_path, [(op, ["x"], ["y"])], {})


@pytest.mark.parametrize(
    ("nodes", "constants", "match"),
    [
        (one("Mul", "x"), {}, "product of two computed values is not piecewise linear; one factor must be a constant"),
        ([("Div", ["c", "x"], ["y"])], {"c": np.ones(1)}, "quotient by a computed value is not piecewise linear"),
        (one("Div", "c"), {"c": np.zeros(1)}, "a divisor is 0"),
        (one("Clip", "x"), {}, "the lower bound is computed from the input"),
        (one("Clip", "c"), {"c": np.ones(2)}, r"the lower bound has shape \(2,\); give one number"),
        (one("Transpose", perm=[0, 0]), {}, r"axes \[0, 0\] are no permutation"),
        (one("Squeeze", "a"), {"a": np.array([1])}, r"axes \[1\] of shape \(1, 3\) are not all of size 1"),
        (one("Gather", "i", axis=1), {"i": np.array([3])}, "an index is not a whole number below 3, the size of axis 1"),
        (one("Concat", "c", axis=0), {"c": np.ones((1, 2))}, r"shapes \(1, 3\), \(1, 2\) cannot be joined along axis 0"),
        (one("Expand", "s"), {"s": np.array([10**5, 10**5, 1])}, "has too many entries; at most 100000000"),
        (one("Concat"), {}, "attribute 'axis' is missing"),
        (one("Shrink", bias=0.0, lambd=1.0), {}, "Shrink with bias 0.0 and lambd 1.0 jumps"),
        (one("Where", "x", "x"), {}, "Where may jump"),
        (one("Cast", to=7), {}, "rounds computed values to int64, which jumps"),
        ([("Dropout", ["x"], ["d", "m"]), ("Add", ["d", "m"], ["y"])], {}, "reads 'm', a further output of node 0"),
        (one("Transpose", perm="ab"), {}, "inputs or attributes do not fit"),
        (one("PRelu", "s"), {"s": np.ones(2)}, r"slopes of shape \(2,\) do not fit shape \(1, 3\)"),
        ([("Conv", ["x", "W"], ["y"])], {"W": np.ones((1, 1, 1))}, "meets an input of shape"),
    ],
)
def test_malformed_nodes(tmp_path, nodes, constants, match):
    with pytest.raises(ModelError, match=match):
        read_onnx(tmp_path, nodes, constants, shape=(1, 3))


# -- one rule for functions of one variable -------------------------------------------
numbers = st.integers(-3, 3).map(F)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=3, unique_by=lambda k: k[0]), numbers, numbers,
       st.lists(st.integers(-8, 8).map(lambda v: F(v, 2)), min_size=2, max_size=2))
def test_piecewise_is_its_definition(kinks, slope, offset, x):
    net = Lowering(2)
    y = net.finish(activations.piecewise(net, net.input((2,)), slope, offset, kinks))

    assert y(x).tolist() == [slope * v + offset + sum(c * max(v - t, F(0)) for t, c in kinks) for v in x]
    assert y.neurons == 2 * sum(c != 0 for _, c in kinks)


@settings(max_examples=40)
@given(st.integers(1, 7), st.data())
def test_a_tree_of_maxima_is_the_maximum(k, data):
    columns = [data.draw(st.permutations(range(7)))[:k] for _ in range(2)]
    gone = data.draw(st.lists(st.booleans(), min_size=k - 1, max_size=k - 1)) if k > 1 else []
    columns[0] = [columns[0][0], *(-1 if g else i for g, i in zip(gone, columns[0][1:], strict=True))]
    x = data.draw(st.lists(numbers, min_size=7, max_size=7))
    net = Lowering(7)
    y = net.finish(activations.tree_of_maxima(net, net.input((7,)), np.array(columns).T, (2,)))

    assert y(x).tolist() == [max(x[i] for i in column if i >= 0) for column in columns]
    assert y.neurons == sum(i >= 0 for column in columns for i in column) - 2
    assert len({y.neuron_name(i) for i in range(y.neurons)}) == y.neurons


def test_a_maximum_of_equals_has_no_neuron():
    net = Lowering(1)
    x = net.input((1,))
    assert net.finish(activations.maximum(net, [x, x])).neurons == 0


def test_negative_padding_crops():
    net = Lowering(4)
    y = net.finish(arithmetic.pad(net, net.input((4,)), [(-1, 2)], value=5))
    assert y([[1, 2, 3, 4]]).tolist() == [[2, 3, 4, 5, 5]]


def test_regions_of_a_max_pool_by_hand():
    # max of x, y, -x, -y: the tree compares x with y, -x with -y, then both maxima
    net = Lowering(2)
    four = arithmetic.linear(net, net.input((1, 2)), np.array([[1, 0], [0, 1], [-1, 0], [0, -1]]))
    pooled = net.finish(windows.max_pool(net, four.reshape((1, 1, 2, 2)), 2))
    box = pr.Box([-1, -1], [1, 1])

    # x > y is -y > -x: one line for the first two neurons. Above it the maxima are y and -x, below it x and -y, and
    # they change places on the line x + y = 0: four sectors, on each of which one of the four is the largest
    cx = pr.enumerate_regions(pooled, box)
    assert pooled.widths == (2, 1)
    assert len(cx) == 4
    assert len(cx.linear_regions()) == 4
    # the same maximum from other pairs: x with -x, y with -y, then |x| with |y|: eight sectors, but four linear regions
    net = Lowering(2)
    four = arithmetic.linear(net, net.input((1, 2)), np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]))
    other = pr.enumerate_regions(net.finish(windows.max_pool(net, four.reshape((1, 1, 2, 2)), 2)), box)
    assert len(other) == 8
    assert len(other.linear_regions()) == 4


# -- names ----------------------------------------------------------------------------
def named_network():
    net = Lowering(32)
    x = net.input((1, 2, 4, 4))
    x = net.step("c", "conv1", windows.conv, x, whole(2, 2, 1, 1))
    x = net.step("r", "relu1", activations.relu, x)
    x = net.step("r", "relu2", activations.relu, net.step("c", "conv1", windows.conv, x, whole(2, 2, 1, 1)))
    x = net.step("p", "pool1", windows.max_pool, x, 3, 2, 1)
    x = net.step("s", "relu6", activations.clip, x, 0, 6)
    return net.finish(net.step("f", "flat", arithmetic.flatten, x))


def test_neurons_are_named_as_in_the_model(tmp_path):
    net = named_network()

    assert net.widths == (32, 32, *net.widths[2:-1], 16)
    names = [net.neuron_name(i) for i in range(net.neurons)]
    assert names[0] == "conv1[0,0,0]" and names[31] == "conv1[1,3,3]"
    assert names[32] == "conv1:2[0,0,0]"  # one name for two layers: the second has a number
    # comparison 1 is in the first row of a window, which lies in the padding for the outputs [.., 0, ..]
    assert names[64] == "pool1.max1[0,1,1]" and "pool1.max1[0,0,1]" not in names and "pool1.max8[0,0,0]" in names
    assert names[-16:][0] == "relu6.kink1[0,0,0]" and names[-1] == "relu6.kink2[1,1,1]"
    assert len(set(names)) == len(names)
    small = net.restrict([0] * 32, [[1] * 32])
    assert [small.neuron_name(i) for i in range(net.neurons)] == names
    for suffix in (".json", ".npz"):
        pr.save(net, tmp_path / f"net{suffix}")
        again = pr.load(tmp_path / f"net{suffix}")
        assert again == net and again.names == net.names and again.notes == net.notes


def test_sparse_layers_are_saved(tmp_path):
    net = Lowering(600)
    x = net.input((1, 1, 600))
    r = net.relu(windows.conv(net, x, whole(1, 1, 3), padding=1))
    dense = arithmetic.linear(net, r.reshape((1, 600)), whole(1, 600))
    s = net.relu(windows.conv(net, r, whole(1, 1, 2), padding="same").add(x.scale(F(1, 2))))
    model = net.finish(dense.add(arithmetic.reduce_sum(net, s, [2]).reshape((1, 1))))
    assert [type(b) for layer in model.layers[:2] for b in layer.blocks.values()] == [SparseMatrix] * 3
    assert isinstance(model.layers[2].blocks[1], RationalMatrix)

    point = np.arange(600) % 5 - 2
    for suffix in (".json", ".npz"):
        pr.save(model, tmp_path / f"net{suffix}")
        again = pr.load(tmp_path / f"net{suffix}")
        assert again == model
        assert again(point.astype(object)).tolist() == model(point.astype(object)).tolist()
    third = pr.ReluNetwork([SparseMatrix.of_entries((2, 700), [0], [5], [F(1, 3)])], [[0, 0]])
    pr.save(third, tmp_path / "third.json")
    assert pr.load(tmp_path / "third.json") == third
    with pytest.raises(ModelError, match=r"W0 holds a number that is not a binary64 float"):
        pr.save(pr.ReluNetwork([SparseMatrix.of_entries((900, 900), [0], [5], [F(1, 3)])], [[0] * 900]), tmp_path / "t.npz")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('"names": 3', "names must be a list of layers"),
        ('"names": [[["a"]]]', "names must be a list of layers"),
        ('"names": [[["a", [-1]]]]', "names must be a list of layers"),
        ('"names": [[["a", [2], [2]]]]', "names must be a list of layers"),
        ('"names": [[["a", [2]]]]', r"names for layers of \(2,\) neurons; this network has \(1,\)"),
        ('"notes": "a"', "notes must be a list of texts"),
        ('"W0": {"shape": [1, 1], "rows": [0], "columns": [0]}', "W0 is sparse but has no values"),
        ('"W0": {"shape": [1], "rows": [0], "columns": [0], "values": [1]}', "lists of whole numbers, the shape of two"),
        ('"W0": {"shape": [1, 1], "rows": [0.5], "columns": [0], "values": [1]}', "must be lists of whole numbers"),
        ('"W0": {"shape": [1, 1], "rows": [1], "columns": [0], "values": [1]}', "has an entry in row 1 or 1 of 1"),
        ('"W0": {"shape": 1, "rows": [1], "columns": [0], "values": [1]}', "of W0 must be lists of numbers"),
    ],
)
def test_damaged_names_and_sparse_layers(tmp_path, text, match):
    first = "" if '"W0"' in text else '"W0": [[1]], '
    path = tmp_path / "net.json"
    path.write_text(f'{{{first}"b0": [0], "W1": [[1]], "b1": [0], {text}}}')
    with pytest.raises(ModelError, match=match):
        pr.load(path)
