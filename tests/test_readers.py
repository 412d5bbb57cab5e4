"""Readers of ONNX, .nnet, safetensors and scikit-learn, each against the framework and against Fractions."""

import json
import time
import warnings
from fractions import Fraction as F
from pathlib import Path

import numpy as np
import pytest

from polyrelu.errors import ModelError, UnsupportedOperator
from polyrelu.exact import RationalMatrix
from polyrelu.network import ReluNetwork
from polyrelu.readers import from_sklearn, load
from polyrelu.readers.lowering import Lowering
from polyrelu.readers.nnet import read_nnet

DATA = Path(__file__).parents[2] / "shared" / "data"
RNG = np.random.default_rng(11)
START = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def same_numbers_in_any_order():
    RNG.bit_generator.state = START


def random(*shape, dtype=np.float32):
    return RNG.standard_normal(shape).astype(dtype)


def fractions(array):
    """Return an array's entries as Fractions, without the library."""
    out = np.empty(np.shape(array), dtype=object)
    out.ravel()[:] = [F(v) if isinstance(v, str | F) else F(*v.as_integer_ratio()) for v in np.ravel(array).tolist()]
    return out


def weight(net, layer, block=None):
    return net.layers[layer].blocks[layer if block is None else block].fractions().tolist()


def bias(net, layer):
    return net.layers[layer].bias.fractions().ravel().tolist()


# -- lowering -------------------------------------------------------------------------
def matrix(rows):
    return RationalMatrix.of(rows)


def test_affine_chain_is_composed_exactly():
    a, b, c = (fractions(random(*s)) for s in [(3, 2), (4, 3), (2, 4)])
    u, v, w = (fractions(random(n)) for n in (3, 4, 2))
    net = Lowering(2)
    x = net.input((2,))
    for m, t in ((a, u), (b, v), (c, w)):
        x = x.affine(matrix(m), matrix(t.reshape(-1, 1)))

    got = net.finish(x)

    assert len(got.layers) == 1
    assert weight(got, 0) == (c @ b @ a).tolist()
    assert bias(got, 0) == (c @ (b @ u + v) + w).tolist()


def test_output_relu_is_the_last_relu_unchanged():
    def build(last):
        net = Lowering(1)
        x = net.relu(net.input((1,)))
        y = net.relu(x.affine(matrix([[2]])))
        return net.finish(last(x, y))

    assert build(lambda x, y: y.reshape((1, 1))).output_relu
    assert build(lambda x, y: y).widths == (1, 1)
    assert not build(lambda x, y: y.shift(matrix([[1]]))).output_relu
    assert not build(lambda x, y: y.add(x)).output_relu
    assert not build(lambda x, y: x).output_relu
    assert build(lambda x, y: x).widths == (1, 1)
    assert build(lambda x, y: y.add(x).add(x.scale(F(-1)))).output_relu


def test_no_relu_and_no_input_at_all():
    net = Lowering(2)

    assert net.finish(net.input((2,))) == ReluNetwork([[[1, 0], [0, 1]]], [[0, 0]])
    x = net.input((2,))
    zero = net.finish(x.add(x.scale(F(-1))))
    assert zero([F(3), F(5)]).tolist() == [0, 0]
    assert dict(zero.layers[0].blocks) == {}


def test_skips_of_every_kind():
    net = Lowering(2)
    x = net.input((2,))
    a = net.relu(x.affine(matrix([[1, -1], [2, 3]]), matrix([[1], [0]])))
    b = net.relu(a.add(x))
    got = net.finish(a.add(b).add(x.scale(F(1, 3))))

    for p in ([F(1, 2), F(-3)], [F(-2), F(5, 7)]):
        z = [max(p[0] - p[1] + 1, 0), max(2 * p[0] + 3 * p[1], 0)]
        y = [z[i] + max(z[i] + p[i], 0) + p[i] / 3 for i in range(2)]
        assert got(p).tolist() == y
    assert [sorted(layer.blocks) for layer in got.layers] == [[0], [0, 1], [0, 1, 2]]


def test_take_broadcast_and_transpose_are_numpys():
    net = Lowering(6)
    x = net.input((2, 3))
    p = [F(i) for i in range(6)]
    array = np.array(p, dtype=object).reshape(2, 3)

    turned = x.take(x.numbers.T)
    assert net.finish(turned)(p).tolist() == array.T.ravel().tolist()
    assert turned.shape == (3, 2)
    wide = x.reshape((2, 1, 3)).broadcast((2, 4, 3))
    assert net.finish(wide)(p).tolist() == np.broadcast_to(array[:, None], (2, 4, 3)).ravel().tolist()


def test_lowering_refuses_what_does_not_fit():
    net = Lowering(4)
    x = net.input((1, 4))

    with pytest.raises(ModelError, match=r"shape \(1, 4\) cannot be reshaped to \(3,\)"):
        x.reshape((3,))
    with pytest.raises(ModelError, match=r"matrix of shape \(1, 3\) meets a tensor of 4 entries"):
        x.affine(matrix([[1, 2, 3]]))
    with pytest.raises(ModelError, match=r"shapes \(1, 4\) and \(4,\) cannot be added"):
        x.add(x.reshape((4,)))
    with pytest.raises(ModelError, match="the input has no entries; a network needs at least one"):
        Lowering(0)
    with pytest.raises(ModelError, match="the input has 1000000000000 entries; at most 100000000 can be read"):
        Lowering(10**12)


# -- ONNX -----------------------------------------------------------------------------
def onnx_module():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of protobuf and numpy, at import
        return pytest.importorskip("onnx")


def make_model(nodes, constants, *, shape=("N", 2), out=None, dtype="FLOAT", opset=13, extra_inputs=(), outputs=("y",)):
    onnx = onnx_module()
    kind = getattr(onnx.TensorProto, dtype)
    helper = onnx.helper
    inputs = [helper.make_tensor_value_info("x", kind, shape)]
    inputs += [helper.make_tensor_value_info(name, kind, s) for name, s in extra_inputs]
    graph = helper.make_graph(
        [helper.make_node(*n[:3], name=n[0].lower() + "_node", **(n[3] if len(n) > 3 else {})) for n in nodes],
        "g",
        inputs,
        [helper.make_tensor_value_info(name, kind, out) for name in outputs],
        [onnx.numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def read_onnx(tmp_path, *args, **options):
    path = tmp_path / "net.onnx"
    model = args[0] if not isinstance(args[0], list) else make_model(*args, **options)
    onnx_module().save(model, str(path))
    return load(path)


def reference(model, x):
    """Run onnx's own interpreter on points, one at a time, in the input's shape."""
    onnx = onnx_module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.reference import ReferenceEvaluator
    (value,) = [v for v in model.graph.input if v.name not in {t.name for t in model.graph.initializer}]
    shape = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
    dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    run = ReferenceEvaluator(model)
    return np.array([run.run(None, {value.name: p.reshape(shape).astype(dtype)})[0].ravel() for p in x])


def agrees(tmp_path, nodes, constants, *, dtype="DOUBLE", count=20, **options):
    """Compare with the reference evaluator; weights are converted to the model's dtype."""
    kind = np.float64 if dtype == "DOUBLE" else np.float32
    constants = {k: v.astype(kind) if np.asarray(v).dtype.kind == "f" else v for k, v in constants.items()}
    model = make_model(nodes, constants, dtype=dtype, **options)
    net = read_onnx(tmp_path, model)
    x = RNG.standard_normal((count, net.input_dim))

    np.testing.assert_allclose(net(x), reference(model, x), rtol=1e-9, atol=1e-9)
    return net


@pytest.mark.parametrize("trans_a", [0, 1])
@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize("bias_shape", [None, (3,), (1, 3), (1, 1), (1,), ()])
def test_gemm(tmp_path, trans_a, trans_b, bias_shape):
    constants = {"W": random(*((3, 2) if trans_b else (2, 3)))}
    if bias_shape is not None:
        constants["B"] = random(*bias_shape) if bias_shape else np.float32(0.5)
    attributes = {"alpha": 0.1, "beta": -0.7, "transA": trans_a, "transB": trans_b}
    nodes = [("Gemm", ["x", *constants], ["y"], attributes)]

    net = read_onnx(tmp_path, nodes, constants, shape=(2, 1) if trans_a else (1, 2))

    alpha, beta = F(float(np.float32(0.1))), F(float(np.float32(-0.7)))
    w = fractions(constants["W"]) if trans_b else fractions(constants["W"]).T
    b = fractions(np.broadcast_to(constants.get("B", np.float32(0)), (1, 3)))[0]
    assert weight(net, 0) == (alpha * w).tolist()
    assert bias(net, 0) == (beta * b).tolist()
    agrees(tmp_path, nodes, constants, shape=(2, 1) if trans_a else (1, 2))


def test_gemm_with_the_weight_on_the_left_and_a_computed_bias(tmp_path):
    nodes = [
        ("Relu", ["x"], ["r"]),
        ("Gemm", ["A", "x", "r"], ["y"], {"alpha": 2.0, "beta": 0.5}),
    ]

    net = agrees(tmp_path, nodes, {"A": random(2, 2)}, shape=(2, 1))

    assert sorted(net.layers[1].blocks) == [0, 1]
    assert weight(net, 1, 1) == [[F(1, 2), 0], [0, F(1, 2)]]


@pytest.mark.parametrize(
    ("inputs", "shape", "weight_shape"),
    [
        (("x", "W"), ("N", 2), (2, 3)),
        (("x", "W"), (1, 2), (2, 1)),
        (("x", "W"), (2,), (2, 3)),
        (("x", "W"), (2,), (2,)),
        (("x", "W"), (1, 2), (2,)),
        (("x", "W"), (1, 1, 2), (2, 3)),
        (("x", "W"), (1, 2), (1, 1, 2, 3)),
        (("W", "x"), (2, 1), (3, 2)),
        (("W", "x"), (2,), (3, 2)),
        (("W", "x"), (2,), (2,)),
        (("W", "x"), (2, 1), (2,)),
        (("W", "x"), (1, 2, 1), (3, 2)),
        (("W", "x"), (2, 1), (1, 3, 2)),
    ],
)
def test_matmul(tmp_path, inputs, shape, weight_shape):
    constants = {"W": random(*weight_shape), "B": random(1)}

    net = agrees(tmp_path, [("MatMul", inputs, ["m"]), ("Add", ["m", "B"], ["y"])], constants, shape=shape)

    assert net.input_dim == 2
    w = fractions(constants["W"].astype(np.float64)).reshape(weight_shape[-2:] if len(weight_shape) > 1 else (-1, 1))
    rows = w.T if inputs[0] == "x" or len(weight_shape) == 1 else w
    assert weight(net, 0) == rows.tolist()


@pytest.mark.parametrize("op", ["Add", "Sub"])
@pytest.mark.parametrize(
    ("shape", "other"),
    [
        ((1, 3), (3,)),
        ((1, 3), ()),
        ((1, 3), (1, 1)),
        ((1, 3), (2, 1)),
        ((3,), (2, 1)),
        ((1, 1, 1, 3), (1, 1, 1, 3)),
        (("N", 3, 1), (1, 1, 2)),
        (("N", 2, 3), (2, 1)),
        (("N", 2, 3), (3,)),
    ],
)
def test_broadcasting_is_numpys(tmp_path, op, shape, other):
    constants = {"B": random(*other) if other else np.float32(0.25)}

    for inputs in (["x", "B"], ["B", "x"]):
        nodes = [(op, inputs, ["s"]), ("Relu", ["s"], ["y"])]
        net = agrees(tmp_path, nodes, constants, shape=shape)

        full = [1 if s == "N" else s for s in shape]
        assert net.output_dim == np.prod(np.broadcast_shapes(full, other))
        assert net.output_relu


def test_two_tensors_that_broadcast(tmp_path):
    nodes = [
        ("MatMul", ["x", "W"], ["m"]),
        ("Relu", ["m"], ["r"]),
        ("Sub", ["x", "r"], ["d"]),
        ("Add", ["d", "r"], ["y"]),
    ]

    net = agrees(tmp_path, nodes, {"W": random(3, 1)}, shape=("N", 3))

    assert net.widths == (1,)
    assert sorted(net.layers[1].blocks) == [0]  # the two r cancel exactly


def test_residual_network(tmp_path):
    nodes = [
        ("Gemm", ["x", "W0", "b0"], ["z0"]),
        ("Relu", ["z0"], ["a0"]),
        ("Gemm", ["a0", "W1", "b1"], ["z1"]),
        ("Add", ["z1", "a0"], ["s1"]),
        ("Relu", ["s1"], ["a1"]),
        ("Gemm", ["a1", "W2", "b2"], ["z2"]),
        ("Add", ["a0", "z2"], ["y"]),
    ]
    constants = {"W0": random(2, 4), "W1": random(4, 4), "W2": random(4, 4)} | {f"b{i}": random(4) for i in range(3)}

    net = agrees(tmp_path, nodes, constants)

    assert [sorted(layer.blocks) for layer in net.layers] == [[0], [1], [1, 2]]
    assert net.widths == (4, 4)


def test_consecutive_affine_nodes_are_composed_exactly(tmp_path):
    constants = {"M": random(1, 2), "A": random(2, 5), "a": random(5), "B": random(5, 3), "b": random(3)}
    nodes = [
        ("Sub", ["x", "M"], ["c"]),
        ("MatMul", ["c", "A"], ["m"]),
        ("Add", ["m", "a"], ["n"]),
        ("Gemm", ["n", "B", "b"], ["y"]),
    ]

    net = read_onnx(tmp_path, nodes, constants)

    mean, a, u, b, v = (fractions(c) for c in constants.values())
    assert len(net.layers) == 1
    assert weight(net, 0) == (a @ b).T.tolist()
    assert bias(net, 0) == ((-mean[0] @ a + u) @ b + v).tolist()


@pytest.mark.parametrize(
    ("dtype", "value"),
    [(np.float16, 0.1), (np.float32, 0.1), (np.float64, 0.1), (np.int8, -3), (np.int64, 2**62 + 1), (np.uint8, 200)],
)
def test_initializers_of_every_type_are_exact(tmp_path, dtype, value):
    number = dtype(value)

    net = read_onnx(tmp_path, [("MatMul", ["x", "W"], ["y"])], {"W": np.array([[number], [number]])})

    assert weight(net, 0) == [[F(number.item()), F(number.item())]]


def test_bfloat16_initializers_are_exact(tmp_path):
    onnx = onnx_module()
    model = make_model([("MatMul", ["x", "W"], ["y"])], {})
    tensor = onnx.TensorProto(name="W", data_type=onnx.TensorProto.BFLOAT16, dims=[2, 1])
    tensor.raw_data = np.array([0x3DCD, 0xC000], dtype="<u2").tobytes()  # about 0.1, and -2
    model.graph.initializer.append(tensor)

    assert weight(read_onnx(tmp_path, model), 0) == [[F(0xCD, 2**11), F(-2)]]


def test_constants_of_every_kind(tmp_path):
    tensor = onnx_module().numpy_helper.from_array(np.array([[1, 2], [3, 4]], dtype=np.float64))
    nodes = [
        ("Constant", [], ["t"], {"value": tensor}),
        ("Constant", [], ["f"], {"value_float": 0.1}),
        ("Constant", [], ["fs"], {"value_floats": [0.1, 0.2]}),
        ("Constant", [], ["s"], {"value_ints": [0, -1]}),
        ("MatMul", ["x", "t"], ["m"]),
        ("Add", ["m", "f"], ["n"]),
        ("Sub", ["fs", "n"], ["o"]),
        ("Reshape", ["o", "s"], ["y"]),
    ]

    net = read_onnx(tmp_path, nodes, {})

    single, double = F(float(np.float32(0.1))), F(float(np.float32(0.2)))
    assert weight(net, 0) == [[-1, -3], [-2, -4]]
    assert bias(net, 0) == [single - single, double - single]


def test_identity_and_reshape_of_constants(tmp_path):
    nodes = [
        ("Identity", ["B"], ["C"]),
        ("Reshape", ["C", "s"], ["D"]),
        ("Flatten", ["D"], ["E"], {"axis": 0}),
        ("Add", ["E", "C"], ["G"]),
        ("Add", ["x", "G"], ["y"]),
    ]

    net = read_onnx(tmp_path, nodes, {"B": np.array([1.5, 2.0]), "s": np.array([2, 1])})

    assert bias(net, 0) == [3, 4]


def test_constant_output(tmp_path):
    net = read_onnx(tmp_path, [("Identity", ["B"], ["y"])], {"B": np.array([0.5, 2.0])})

    assert net([F(9), F(-9)]).tolist() == [F(1, 2), 2]


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -2, None])
def test_flatten(tmp_path, axis):
    attributes = {} if axis is None else {"axis": axis}
    flat = {None: (1, 6), 0: (1, 6), 1: (1, 6), 2: (2, 3), 3: (6, 1), -1: (2, 3), -2: (1, 6)}[axis]
    nodes = [("Flatten", ["x"], ["f"], attributes), ("Add", ["f", "B"], ["y"])]

    net = agrees(tmp_path, nodes, {"B": random(*flat)}, shape=("N", 2, 3))

    assert net.output_dim == 6


@pytest.mark.parametrize(
    ("target", "attributes", "reached"),
    [
        ([1, 6], {}, (1, 6)),
        ([-1, 6], {}, (1, 6)),
        ([0, -1], {}, (1, 6)),
        ([3, 0, -1], {}, (3, 2, 1)),
        ([6], {}, (6,)),
        ([2, -1], {"allowzero": 1}, (2, 3)),
    ],
)
def test_reshape(tmp_path, target, attributes, reached):
    constants = {"s": np.array(target), "B": random(*reached)}
    nodes = [("Reshape", ["x", "s"], ["f"], attributes), ("Add", ["f", "B"], ["y"])]

    net = agrees(tmp_path, nodes, constants, shape=("N", 2, 3), opset=14)

    assert bias(net, 0) == fractions(constants["B"].astype(np.float64)).ravel().tolist()


def test_reshape_by_attribute(tmp_path):
    net = read_onnx(tmp_path, [("Reshape", ["x"], ["y"], {"shape": [2, 1]})], {}, opset=1)

    assert net.output_dim == 2


@pytest.mark.parametrize("shape", [("N", 2), (1, 2), (None, 2), (0, 2), (-1, 2), (2,), (1, 1, 1, 2)])
def test_input_shapes(tmp_path, shape):
    net = read_onnx(tmp_path, [("MatMul", ["x", "W"], ["y"])], {"W": random(2, 3)}, shape=shape)

    assert (net.input_dim, net.output_dim) == (2, 3)


def test_initializers_listed_as_inputs(tmp_path):
    net = read_onnx(tmp_path, [("MatMul", ["x", "W"], ["y"])], {"W": random(2, 3)}, extra_inputs=[("W", (2, 3))])

    assert net.input_dim == 2


def test_nodes_that_the_output_does_not_need_are_not_read(tmp_path):
    nodes = [
        ("Tanh", ["x"], ["t"]),
        ("Relu", ["x"], ["unused"]),
        ("Relu", ["x"], ["y"]),
    ]

    assert read_onnx(tmp_path, nodes, {}).widths == (2,)


def test_onnx_output_relu(tmp_path):
    nodes = [
        ("MatMul", ["x", "W"], ["m"]),
        ("Relu", ["m"], ["r"]),
        ("Identity", ["r"], ["i"]),
        ("Flatten", ["i"], ["y"]),
    ]

    net = agrees(tmp_path, nodes, {"W": random(2, 3)})

    assert net.output_relu
    assert net.widths == (3,)


def test_external_data(tmp_path):
    onnx = onnx_module()
    constants = {"W": random(2, 3)}
    model = make_model([("MatMul", ["x", "W"], ["y"])], constants)
    path = tmp_path / "net.onnx"
    onnx.save(model, str(path), save_as_external_data=True, size_threshold=0, location="net.bin")

    assert weight(load(path), 0) == fractions(constants["W"]).T.tolist()
    (tmp_path / "net.bin").unlink()
    with pytest.raises(ModelError, match=r"net\.onnx: .*not a readable ONNX model .*net\.bin"):
        load(path)


GOOD = {"W": np.ones((2, 2), dtype=np.float32)}
TWO = [("MatMul", ["x", "W"], ["m"]), ("Relu", ["m"], ["y"])]


@pytest.mark.parametrize(
    ("nodes", "constants", "options", "error", "match"),
    [
        (
            [*TWO[:1], ("Tanh", ["m"], ["y"])],
            GOOD,
            {},
            UnsupportedOperator,
            r"node 1 'tanh_node' \(Tanh\): Tanh is not piecewise linear; the nearest that is: HardTanh$",
        ),
        (
            [("Relu", ["x"], ["y"], {"domain": "my.own"})],
            {},
            {},
            UnsupportedOperator,
            r"node 0 'relu_node' \(Relu\): operator Relu of domain 'my\.own' has no exact reader",
        ),
        ([("Ta\nnt", ["x"], ["y"])], {}, {}, UnsupportedOperator, r"Ta nt has no exact reader; supported are Abs, Add"),
        ([("Add", ["x", "x"], ["y"], {"axis": 1})], {}, {}, UnsupportedOperator, r"attribute 'axis' cannot be read"),
        ([("Constant", [], ["y"], {"value_string": "a"})], {}, {}, UnsupportedOperator, r"attribute 'value_string'"),
        ([("Constant", [], ["y"])], {}, {}, ModelError, r"0 values; a Constant has exactly one"),
        ([("MatMul", ["x", "x"], ["y"])], {}, {"shape": (1, 1)}, UnsupportedOperator, r"not piecewise linear"),
        (
            [("MatMul", ["x", "W"], ["y"])],
            GOOD,
            {"shape": (1, 3)},
            ModelError,
            r"\(1, 3\) and \(2, 2\) do not multiply",
        ),
        ([("Gemm", ["x", "W"], ["y"])], GOOD, {"shape": (1, 1, 2)}, ModelError, r"Gemm multiplies two matrices"),
        ([("Gemm", ["x", "W", "c"], ["y"])], GOOD | {"c": np.ones((3, 2))}, {}, ModelError, r"C of shape \(3, 2\)"),
        ([("Gemm", ["x"], ["y"])], {}, {}, ModelError, r"1 inputs and 1 outputs; the graph is malformed"),
        ([("Add", ["x", "c"], ["y"])], {"c": np.ones(3)}, {}, ModelError, r"\(1, 2\) and \(3,\) do not broadcast"),
        ([("Flatten", ["x"], ["y"], {"axis": 3})], {}, {}, ModelError, r"axis 3 does not exist in shape \(1, 2\)"),
        (
            [("Reshape", ["x", "s"], ["y"])],
            {"s": np.array([3])},
            {},
            ModelError,
            r"\(1, 2\) cannot be reshaped to \[3\]",
        ),
        ([("Reshape", ["x", "s"], ["y"])], {"s": np.array([-1, -1])}, {}, ModelError, r"cannot be reshaped"),
        ([("Reshape", ["x", "s"], ["y"])], {"s": np.array([-1, 3])}, {}, ModelError, r"cannot be reshaped"),
        (
            [("Reshape", ["x", "s"], ["y"])],
            {"s": np.array([2.0])},
            {},
            ModelError,
            r"new shape has element type float64",
        ),
        ([("Reshape", ["x", "x"], ["y"])], {}, {}, UnsupportedOperator, r"new shape is computed from the input"),
        ([("Relu", ["z"], ["y"])], {}, {}, ModelError, r"reads 'z', which no earlier node gives"),
        ([("Relu", ["x"], ["z"])], {}, {}, ModelError, r"the output: reads 'y', which no earlier node gives"),
        ([("Relu", ["x"], ["y"])] * 2, {}, {}, ModelError, r"node 1 .*gives 'y' a second time"),
        (TWO, GOOD, {"extra_inputs": [("u", (1,))]}, ModelError, r"2 inputs \('x', 'u'\); export it with exactly one"),
        (TWO, GOOD, {"outputs": ("y", "m")}, ModelError, r"2 outputs \('y', 'm'\); export it with exactly one"),
        (TWO, GOOD, {"shape": None}, ModelError, r"input 'x': its shape is unknown"),
        (TWO, GOOD, {"shape": ("N",)}, ModelError, r"input 'x': dimension 0 \(N\) is unknown"),
        (TWO, GOOD, {"shape": (1, "C", 2)}, ModelError, r"input 'x': dimension 1 \(C\) is unknown"),
        (TWO, GOOD, {"dtype": "INT64"}, ModelError, r"input 'x': its element type is no float"),
        (
            TWO,
            {"W": np.full((2, 2), np.nan)},
            {},
            ModelError,
            r"node 0 'matmul_node' \(MatMul\): weight\[0, 0\] is nan",
        ),
        (TWO, {"W": np.full((2, 2), 1j)}, {}, ModelError, r"initializer 'W' has element type complex128"),
        ([("Gemm", ["x", "W"], ["y"], {"alpha": float("inf")})], GOOD, {}, ModelError, r"alpha is inf"),
    ],
)
def test_onnx_refuses(tmp_path, nodes, constants, options, error, match):
    with pytest.raises(error, match=rf"net\.onnx: .*({match})") as caught:
        read_onnx(tmp_path, nodes, constants, **options)

    assert "\n" not in str(caught.value)


def test_onnx_malformed_graphs(tmp_path):
    onnx = onnx_module()
    model = make_model(TWO, GOOD)
    model.graph.initializer[0].raw_data = b"abc"
    with pytest.raises(ModelError, match=r"initializer 'W' cannot be read"):
        read_onnx(tmp_path, model)

    model = make_model(TWO, GOOD)
    model.graph.sparse_initializer.add()
    with pytest.raises(UnsupportedOperator, match=r"sparse initializers"):
        read_onnx(tmp_path, model)

    (tmp_path / "net.onnx").write_bytes(onnx.ModelProto(ir_version=8).SerializeToString())
    with pytest.raises(ModelError, match=r"net\.onnx: the file holds no graph with an output"):
        load(tmp_path / "net.onnx")


def test_damaged_onnx_gives_an_error_or_a_network(tmp_path):
    whole = make_model(TWO, GOOD).SerializeToString()
    path = tmp_path / "net.onnx"
    damaged = [whole[:n] for n in range(1, len(whole), 5)] + [b"hello", bytes(range(256))]
    for position in RNG.integers(0, len(whole), 200):
        damaged.append(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
    refused = 0
    for content in damaged:
        path.write_bytes(content)
        try:
            load(path)
        except ModelError as error:
            refused += 1
            assert "\n" not in str(error)

    assert refused > len(whole) // 5


@pytest.mark.parametrize("name", ["1_1", "1_7", "2_3"])
def test_acasxu(name):
    path = DATA / "acasxu" / f"ACASXU_run2a_{name}_batch_2000.onnx"
    if not path.exists():
        pytest.skip("the shared data are not here")
    onnx = onnx_module()
    model = onnx.load(str(path))

    net = load(path)

    assert (net.input_dim, net.widths, net.output_dim, net.output_relu) == (5, (50,) * 6, 5, False)
    constants = {t.name: fractions(onnx.numpy_helper.to_array(t)) for t in model.graph.initializer}
    first = constants["Operation_1_MatMul_W"]
    mean = constants["input_AvgImg"].ravel()
    assert weight(net, 0) == first.T.tolist()
    assert bias(net, 0) == (constants["Operation_1_Add_B"] - mean @ first).tolist()
    x = RNG.uniform(-0.5, 0.5, (20, 5)).astype(np.float32).astype(np.float64)
    np.testing.assert_allclose(net(x), reference(model, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("number", [0, 1])
def test_tll(number):
    path = DATA / "tll" / f"tllBench_n=2_N=M=8_m=1_instance_0_{number}.onnx"
    if not path.exists():
        pytest.skip("the shared data are not here")
    onnx = onnx_module()
    model = onnx.load(str(path))

    net = load(path)

    assert (net.input_dim, net.widths, net.output_dim) == (2, (128, 64, 32, 16, 8, 4), 1)
    constants = {t.name.split("/", 1)[1]: fractions(onnx.numpy_helper.to_array(t)) for t in model.graph.initializer}
    chain = [constants[f"{layer}/MatMul/ReadVariableOp:0"] for layer in ("linearLayer", "selectionLayer", "minBank0_0")]
    assert weight(net, 0) == (chain[0] @ chain[1] @ chain[2]).T.tolist()
    x = RNG.uniform(-2, 2, (20, 2)).astype(np.float32).astype(np.float64)
    np.testing.assert_allclose(net(x), reference(model, x), rtol=1e-4, atol=1e-4)


def test_a_large_network_loads_quickly(tmp_path):
    constants = {"W0": random(784, 1024), "b0": random(1024), "W1": random(1024, 10), "b1": random(10)}
    nodes = [
        ("Flatten", ["x"], ["f"]),
        ("Sub", ["f", "mean"], ["c"]),
        ("Gemm", ["c", "W0", "b0"], ["z"]),
        ("Relu", ["z"], ["a"]),
        ("Gemm", ["a", "W1", "b1"], ["y"]),
    ]
    model = make_model(nodes, constants | {"mean": np.float32(0.1307)}, shape=("N", 1, 28, 28))

    start = time.perf_counter()
    net = read_onnx(tmp_path, model)

    assert time.perf_counter() - start < 5  # 0.5 s on an idle core
    assert (net.input_dim, net.widths, net.output_dim) == (784, (1024,), 10)


# -- .nnet ----------------------------------------------------------------------------
NNET = """// A network
// with two comments
2,2,2,3,
2,3,2,
0,
-1.5,-2,
1.5,2,
0.1,-0.3,7.5,
3,0.7,2.1,
0.1,-1e-1,
2,0.3,
-0.5,.25,
0.01,
-0.02,
0,
1,2,3,
-1.1,-2.2,-3.3,
0.5,
-0.75,
"""


def write_nnet(tmp_path, text=NNET):
    path = tmp_path / "net.nnet"
    path.write_text(text)
    return path


def test_nnet_numbers_are_exact_decimals(tmp_path):
    w0 = [["0.1", "-0.1"], [2, "0.3"], ["-1/2", "1/4"]]
    w1 = [[1, 2, 3], ["-1.1", "-2.2", "-3.3"]]

    assert load(write_nnet(tmp_path)) == ReluNetwork([w0, w1], [["0.01", "-0.02", 0], ["0.5", "-0.75"]])


def test_nnet_normalization_is_folded_exactly(tmp_path):
    path = write_nnet(tmp_path)
    bare, raw = load(path), load(path, normalize=True)

    assert raw.widths == bare.widths == (3,)
    assert len(raw.layers) == 2
    for x in ([F(1, 3), F(-7, 5)], [F(0), F(2)], [F(-5, 7), F(11, 13)]):
        scaled = [(x[0] - F(1, 10)) / 3, (x[1] + F(3, 10)) / F(7, 10)]
        assert raw(x).tolist() == [y * F(21, 10) + F(15, 2) for y in bare(scaled)]


def test_nnet_bounds_and_one_mean_per_output(tmp_path):
    text = NNET.replace("0.1,-0.3,7.5,", "0.1,-0.3,7.5,8").replace("3,0.7,2.1,", "3,0.7,2.1,0.5")
    content = read_nnet(write_nnet(tmp_path, text))

    assert content.minimum == (F(-3, 2), F(-2))
    assert content.maximum == (F(3, 2), F(2))
    assert content.input_mean == (F(1, 10), F(-3, 10))
    assert content.input_range == (F(3), F(7, 10))
    assert content.output_mean == (F(15, 2), F(8))
    assert content.output_range == (F(21, 10), F(1, 2))
    assert read_nnet(write_nnet(tmp_path)).output_mean == (F(15, 2), F(15, 2))
    bare, raw = content.network(), content.network(normalize=True)
    y = bare([F(-1, 30), F(3, 7)])
    assert raw([F(0), F(0)]).tolist() == [y[0] * F(21, 10) + F(15, 2), y[1] / 2 + 8]


def test_nnet_without_commas_at_line_ends_and_with_blank_lines(tmp_path):
    text = "\r\n\r\n".join(line.rstrip(",") for line in NNET.splitlines())

    assert load(write_nnet(tmp_path, text)) == load(write_nnet(tmp_path))


def test_nnet_of_one_layer(tmp_path):
    text = "1,1,1,1,\n1,1,\n0,\n0,\n1,\n0,0,\n1,1,\n2.5,\n-1,\n"

    assert load(write_nnet(tmp_path, text)) == ReluNetwork([[["2.5"]]], [[-1]])


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("2,2,2,3,", "2,2,2,", r"line 3 has 3 entries; expected 4, the number of layers"),
        ("2,2,2,3,", "2,2,x,3,", r"line 3, entry 3 is 'x'; write a decimal"),
        ("2,2,2,3,", "2,2,1.5,3,", r"line 3, entry 3 is 3/2; expected whole numbers"),
        ("2,2,2,3,", "-2,2,2,3,", r"line 3, entry 1 is -2; expected whole numbers"),
        ("2,2,2,3,", "0,2,2,3,", r"line 3: 0 layers; a network needs at least one"),
        ("2,3,2,", "2,3,3,2,", r"line 4 has 4 entries; expected 3, the layer sizes"),
        ("2,3,2,", "2,3,1,", r"line 4: layer sizes \[2, 3, 1\] do not fit the header"),
        ("2,3,2,", "2,0,2,", r"line 4: layer sizes \[2, 0, 2\]"),
        ("-1.5,-2,", "-1.5,", r"line 6 has 1 entries; expected 2, the minima of the inputs"),
        ("0.1,-0.3,7.5,", "0.1,-0.3,", r"line 8 has 2 entries; expected 3 or 4, the means"),
        ("2,0.3,", "2,,0.3,", r"line 11 has 3 entries; expected 2, the row 1 of the weights of layer 0"),
        ("2,0.3,", "2,nan,", r"line 11, entry 2 is 'nan'; write a decimal"),
        ("2,0.3,", "2,,", r"line 11, entry 2 is ''|line 11"),
        ("-0.02,", "-0.02,1", r"line 14 has 2 entries; expected 1, the bias 1 of layer 0"),
        ("-0.75,\n", "", r"the file ends after line 18, before the bias 1 of layer 1; it is truncated"),
        ("-0.75,\n", "-0.75,\n1,\n", r"line 20 comes after the last bias"),
    ],
)
def test_nnet_errors_name_the_line(tmp_path, old, new, match):
    with pytest.raises(ModelError, match=rf"net\.nnet: ({match})"):
        load(write_nnet(tmp_path, NNET.replace(old, new, 1)))


def test_truncated_nnet(tmp_path):
    lines = NNET.splitlines()
    for count in range(1, len(lines)):
        with pytest.raises(
            ModelError, match=r"net\.nnet: the file ends after line \d+, before the .*; it is truncated"
        ):
            load(write_nnet(tmp_path, "\n".join(lines[:count])))


def test_nnet_with_a_range_of_zero(tmp_path):
    path = write_nnet(tmp_path, NNET.replace("3,0.7,2.1,", "3,0,2.1,"))

    assert load(path) == load(write_nnet(tmp_path))
    with pytest.raises(ModelError, match=r"net\.nnet: the range of input 1 is 0"):
        load(write_nnet(tmp_path, NNET.replace("3,0.7,2.1,", "3,0,2.1,")), normalize=True)


# -- scikit-learn ---------------------------------------------------------------------
def perceptrons():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sklearn's own imports
        pytest.importorskip("sklearn")
        from sklearn.neural_network import MLPClassifier, MLPRegressor
    return MLPClassifier, MLPRegressor


def fit(model, x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged
        return model.fit(x, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("outputs", [1, 2])
def test_sklearn_regressor(dtype, outputs):
    _, regressor = perceptrons()
    x = random(60, 3, dtype=dtype)
    y = np.abs(x @ np.ones((3, outputs), dtype=dtype)).squeeze()
    model = fit(regressor(hidden_layer_sizes=(7, 5), max_iter=20, random_state=0), x, y)

    net = from_sklearn(model)

    assert (net.input_dim, net.widths, net.output_dim) == (3, (7, 5), outputs)
    assert weight(net, 1) == fractions(model.coefs_[1]).T.tolist()
    assert bias(net, 2) == fractions(model.intercepts_[2]).tolist()
    expected = model.predict(x).reshape(60, outputs)
    np.testing.assert_allclose(net(x), expected, rtol=1e-4 if dtype == np.float32 else 1e-10, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_sklearn_classifier_gives_logits(classes):
    classifier, _ = perceptrons()
    x = random(60, 2, dtype=np.float64)
    model = fit(classifier(hidden_layer_sizes=(6,), max_iter=20, random_state=0), x, np.arange(60) % classes)

    logits = from_sklearn(model)(x)

    if classes == 2:
        probability = 1 / (1 + np.exp(-logits[:, 0]))
        np.testing.assert_allclose(probability, model.predict_proba(x)[:, 1], rtol=1e-10)
    else:
        exponential = np.exp(logits)
        np.testing.assert_allclose(exponential / exponential.sum(1, keepdims=True), model.predict_proba(x), rtol=1e-10)


def test_sklearn_identity_activation_is_composed_exactly():
    _, regressor = perceptrons()
    x = random(30, 2, dtype=np.float64)
    model = fit(regressor(hidden_layer_sizes=(3, 4), activation="identity", max_iter=5, random_state=0), x, x[:, 0])

    net = from_sklearn(model)

    a, b, c = (fractions(w) for w in model.coefs_)
    u, v, w = (fractions(t) for t in model.intercepts_)
    assert len(net.layers) == 1
    assert weight(net, 0) == (a @ b @ c).T.tolist()
    assert bias(net, 0) == ((u @ b + v) @ c + w).tolist()


def test_sklearn_poisson_regressor_is_read_before_its_exponential():
    _, regressor = perceptrons()
    x = random(30, 2, dtype=np.float64)
    try:
        model = regressor(loss="poisson", hidden_layer_sizes=(4,), max_iter=5, random_state=0)
    except TypeError:
        pytest.skip("this scikit-learn has no Poisson loss")
    fit(model, x, np.abs(x[:, 0]))

    np.testing.assert_allclose(np.exp(from_sklearn(model)(x)[:, 0]), model.predict(x), rtol=1e-10)


def test_sklearn_refuses():
    classifier, regressor = perceptrons()
    with pytest.raises(
        UnsupportedOperator, match=r"MLPClassifier has activation 'tanh'; train with 'relu' or 'identity'"
    ):
        from_sklearn(classifier(activation="tanh"))
    with pytest.raises(UnsupportedOperator, match=r"MLPRegressor has activation 'logistic'"):
        from_sklearn(regressor(activation="logistic"))
    with pytest.raises(ModelError, match=r"MLPRegressor is not fitted; call fit"):
        from_sklearn(regressor())
    with pytest.raises(ModelError, match=r"dict has no reader; give a fitted MLPClassifier or MLPRegressor, or a pipeline"):
        from_sklearn({})


def test_sklearn_notes_say_what_is_left_out():
    classifier, regressor = perceptrons()
    x = random(30, 2, dtype=np.float64)
    for model, y, notes in [
        (regressor(hidden_layer_sizes=(2,), max_iter=2), x[:, 0], ()),
        (classifier(hidden_layer_sizes=(2,), max_iter=2), np.arange(30) % 2, ("logistic",)),
        (classifier(hidden_layer_sizes=(2,), max_iter=2), np.arange(30) % 3, ("softmax",)),
    ]:
        name = type(model).__name__
        expected = tuple(f"{name}: {f} at the end is left out: the outputs are those before it" for f in notes)
        assert from_sklearn(fit(model, x, y)).notes == expected


def test_sklearn_pipelines_are_folded_exactly():
    _, regressor = perceptrons()
    from sklearn import pipeline, preprocessing

    x = random(30, 3, dtype=np.float64)
    model = pipeline.make_pipeline(
        preprocessing.StandardScaler(),
        "passthrough",
        preprocessing.RobustScaler(),
        preprocessing.MaxAbsScaler(),
        preprocessing.MinMaxScaler((-1, 2)),
        regressor(hidden_layer_sizes=(4,), max_iter=5, random_state=0),
    )
    fit(model, x, x[:, 0])

    net = from_sklearn(model)

    assert net.widths == (4,)
    np.testing.assert_allclose(net(x)[:, 0], model.predict(x), rtol=1e-9, atol=1e-12)
    standard, _, robust, largest, between, mlp = (step for _, step in model.steps)
    point = [F(1, 3), F(2), F(-1)]
    v = [(p - m) / s for p, m, s in zip(point, fractions(standard.mean_), fractions(standard.scale_), strict=True)]
    v = [(p - m) / s for p, m, s in zip(v, fractions(robust.center_), fractions(robust.scale_), strict=True)]
    v = [p / s for p, s in zip(v, fractions(largest.scale_), strict=True)]
    v = [p * s + m for p, m, s in zip(v, fractions(between.min_), fractions(between.scale_), strict=True)]
    assert net(point).tolist() == from_sklearn(mlp)(v).tolist()

    clipped = pipeline.make_pipeline(preprocessing.MinMaxScaler(clip=True), model[-1])
    fit(clipped, x, x[:, 0])
    far = np.array([[100.0, -100.0, 0.5]])
    assert from_sklearn(clipped).widths == (6, 4)
    np.testing.assert_allclose(from_sklearn(clipped)(far)[:, 0], clipped.predict(far), rtol=1e-9)


def test_sklearn_pipelines_that_are_refused():
    _, regressor = perceptrons()
    from sklearn import pipeline, preprocessing

    x = random(30, 2, dtype=np.float64)
    for step in (preprocessing.PolynomialFeatures(2), preprocessing.QuantileTransformer(n_quantiles=5)):
        model = fit(pipeline.make_pipeline(step, regressor(hidden_layer_sizes=(2,), max_iter=2)), x, x[:, 0])
        name = type(step).__name__
        match = rf"^{name.lower()} \({name}\): has no exact reader; supported are MaxAbsScaler, MinMaxScaler, RobustScaler"
        with pytest.raises(UnsupportedOperator, match=match):
            from_sklearn(model)
    with pytest.raises(ModelError, match=r"MLPRegressor is not fitted; call fit"):
        from_sklearn(pipeline.make_pipeline(preprocessing.StandardScaler(), regressor()))
    with pytest.raises(ModelError, match=r"StandardScaler has no reader; .* or a pipeline that ends with one"):
        from_sklearn(pipeline.make_pipeline(preprocessing.StandardScaler()))
    mlp = fit(regressor(hidden_layer_sizes=(2,), max_iter=2), x, x[:, 0])
    with pytest.raises(ModelError, match=r"^s \(StandardScaler\): is not fitted"):
        from_sklearn(pipeline.Pipeline([("s", preprocessing.StandardScaler()), ("m", mlp)]))


# -- safetensors ----------------------------------------------------------------------
ARCHITECTURE = {
    "input": [1, 4, 4],
    "operators": [
        {"op": "conv", "name": "conv1", "weight": "c.weight", "bias": "c.bias", "padding": "same"},
        {"op": "batch_norm", "mean": "m", "variance": "v", "epsilon": 0.25},
        {"op": "relu", "name": "skip"},
        {"op": "conv", "name": "conv2", "weight": "d.weight", "padding": 1},
        {"op": "add", "name": "sum", "inputs": ["conv2", "skip"]},
        {"op": "relu"},
        {"op": "max_pool", "kernel": 2},
        {"op": "flatten"},
        {"op": "linear", "name": "fc", "weight": "f.weight", "bias": "f.bias"},
        {"op": "softmax"},
    ],
}


def weights(dtype=np.float32):
    rng = np.random.default_rng(2)
    shapes = {"c.weight": (2, 1, 3, 3), "c.bias": (2,), "m": (2,), "d.weight": (2, 2, 3, 3), "f.weight": (3, 8), "f.bias": (3,)}
    tensors = {name: rng.integers(-2, 3, shape).astype(dtype) for name, shape in shapes.items()}
    return tensors | {"v": np.array([3.75, 15.75], dtype=dtype)}


def bare_safetensors(path, tensors, kind, metadata=None):
    """Write a file without the library, from raw bytes."""
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, (shape, raw) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_safetensors_with_an_architecture(tmp_path, dtype):
    numpy_file = pytest.importorskip("safetensors.numpy")
    tensors, path = weights(dtype), tmp_path / "net.safetensors"
    numpy_file.save_file(tensors, path)
    (tmp_path / "net.json").write_text(json.dumps(ARCHITECTURE))

    net = load(path, architecture=tmp_path / "net.json")

    assert load(path, architecture=ARCHITECTURE) == net
    numpy_file.save_file(tensors, path, {"architecture": json.dumps(ARCHITECTURE)})
    again = load(path)
    assert again == net and again.names == net.names
    assert net.notes == ("operator 9 'softmax9' (softmax) at the end is left out: the outputs are those before it",)
    assert net.neuron_name(0) == "batch_norm1[0,0,0]" and net.neuron_name(32) == "sum[0,0,0]"

    def convolve(x, w):  # 3 x 3 kernels on 4 x 4 images, padded
        p = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        return np.array([[[(p[:, i : i + 3, j : j + 3] * k).sum() for j in range(4)] for i in range(4)] for k in w])

    x = np.arange(16).reshape(1, 4, 4) % 5 - 2.0
    t = {name: array.astype(float) for name, array in tensors.items()}
    y = convolve(x, t["c.weight"]) + t["c.bias"][:, None, None]
    y = np.maximum((y - t["m"][:, None, None]) / np.array([2, 4])[:, None, None], 0)
    y = np.maximum(convolve(y, t["d.weight"]) + y, 0)
    y = y.reshape(2, 2, 2, 2, 2).max(axis=(2, 4)).ravel()
    assert net(x.ravel().astype(int).astype(object)).tolist() == (t["f.weight"] @ y + t["f.bias"]).tolist()


def test_safetensors_of_every_type_are_exact(tmp_path):
    architecture = {"input": [1], "operators": [{"op": "linear", "weight": "w"}]}
    for kind, raw, value in [
        ("BF16", bytes([0xCD, 0x3D]), F(0xCD, 2**11)),
        ("F16", np.float16(0.1).tobytes(), F(float(np.float16(0.1)))),
        ("F64", np.float64(0.1).tobytes(), F(0.1)),
        ("I8", np.int8(-3).tobytes(), F(-3)),
        ("U64", np.uint64(2**63 + 1).tobytes(), F(2**63 + 1)),
    ]:
        path = bare_safetensors(tmp_path / "net.safetensors", {"w": ([1, 1], raw)}, kind)
        assert weight(load(path, architecture=architecture), 0) == [[value]]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"op": "tanh"}, r"operator 0 'tanh0' \(tanh\): tanh is not piecewise linear; the nearest that is: HardTanh"),
        ({"op": "lin"}, r"lin has no exact reader; supported are abs, adaptive_average_pool"),
        ({"op": "linear", "weight": "x"}, r"operator 0 .*: weight names the tensor 'x', which the file does not have"),
        ({"op": "linear"}, r"missing a required argument: 'weight'; linear takes the attributes weight, bias"),
        ({"op": "relu", "slope": 1}, r"unexpected keyword argument 'slope'; relu takes the attributes none"),
        ({"op": "add"}, r"missing a required argument: 'y'"),
        ({"op": "relu", "inputs": ["z"]}, r"there is no earlier result 'z'; known are input"),
        ({"op": "relu", "name": "input"}, r"the name is taken; choose another"),
        ({"op": "reshape", "shape": [None]}, r"inputs or attributes do not fit"),
        ({"op": "linear", "weight": "w2"}, r"takes 2 inputs but gets 1; the layers do not chain"),
        ("relu", r"operator 0 must be an object with the key op"),
        ({"name": "relu"}, r"operator 0 must be an object with the key op"),
    ],
)
def test_architectures_that_do_not_fit(tmp_path, change, match):
    path = bare_safetensors(tmp_path / "net.safetensors", {"w2": ([1, 2], bytes(8))}, "F32")
    with pytest.raises(ModelError, match=rf"net\.safetensors: .*{match}"):
        load(path, architecture={"input": [1], "operators": [change]})


def test_safetensors_errors(tmp_path):
    path = bare_safetensors(tmp_path / "net.safetensors", {"w": ([1, 1], bytes(4))}, "F32")
    whole = path.read_bytes()
    with pytest.raises(ModelError, match=r"the file holds weights alone; describe the network: load\(path, architecture="):
        load(path)
    for architecture, match in [
        ({"input": [1]}, r"has the keys input and operators; this one has \['input'\]"),
        ({"input": [0], "operators": []}, r"input must be a list of positive whole numbers"),
        (tmp_path / "none.json", r"none\.json: there is no such file"),
    ]:
        with pytest.raises(ModelError, match=match):
            load(path, architecture=architecture)
    (tmp_path / "a.json").write_text("[1")
    with pytest.raises(ModelError, match=r"a\.json: the architecture is not JSON"):
        load(path, architecture=tmp_path / "a.json")
    for content in [whole[:n] for n in range(1, len(whole))] + [b"\0" * 9, bytes(range(200))]:
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"net\.safetensors: this is not a readable \.safetensors file"):
            load(path, architecture={"input": [1], "operators": []})
    bare_safetensors(path, {"w": ([1], b"a")}, "F8_E4M3")
    with pytest.raises(ModelError, match=r"w has element type F8_E4M3; known are F64"):
        load(path, architecture={"input": [1], "operators": []})
