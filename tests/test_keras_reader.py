"""Keras models against Keras's own forward pass: exact equality on integers, where Keras does not round either."""

from __future__ import annotations

import os
import warnings
from fractions import Fraction as F

import numpy as np
import pytest

from polyrelu.errors import ModelError, UnsupportedOperator
from polyrelu.readers import from_keras, load


class Lazy:
    """Import Keras when a test asks for it, not when tests are collected."""

    def __init__(self, path):
        self.path = path

    def __getattr__(self, name):
        os.environ.setdefault("KERAS_BACKEND", "torch")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the imports of Keras and of its backend
            return getattr(pytest.importorskip(self.path, exc_type=ImportError), name)


keras, layers = Lazy("keras"), Lazy("keras.layers")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


def whole(model, seed=0):
    """Give a model small integers as weights, and variances that make scales of batch normalization powers of two."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        values = rng.integers(-2, 3, weight.shape)
        weight.assign(3.75 + 12 * (values > 0) if weight.path.endswith("variance") else values)
    return model


def exactly(model, unit=1, count=3):
    """Read a model and compare with its forward pass; the arithmetic of both is exact."""
    net = from_keras(whole(model))
    x = np.random.default_rng(1).integers(-4, 5, (count, net.input_dim)) * unit
    expected = model(x.reshape(count, *model.inputs[0].shape[1:]).astype("float32"))
    expected = keras.ops.convert_to_numpy(expected).reshape(count, -1)

    assert net(x.astype(object)).tolist() == expected.tolist()
    return net


def sequential(*inner, shape=(5, 4, 2)):
    return keras.Sequential([keras.Input(shape), *inner])


@pytest.mark.parametrize(
    ("layer", "shape", "neurons"),
    [
        (lambda: layers.Dense(3, "relu"), (4,), 3),
        (lambda: layers.Dense(3, use_bias=False), (2, 4), 0),
        (lambda: layers.Dense(2, "relu6"), (3,), 4),
        (lambda: layers.Conv1D(3, 3, strides=2, padding="same"), (6, 2), 0),
        (lambda: layers.Conv1D(2, 2, dilation_rate=2, padding="causal"), (6, 2), 0),
        (lambda: layers.Conv2D(3, (2, 3), activation="relu"), (4, 5, 2), 3 * 3 * 3),
        (lambda: layers.Conv2D(4, 3, strides=2, padding="same", groups=2), (5, 4, 2), 0),
        (lambda: layers.Conv2DTranspose(3, 3, strides=2, padding="same"), (3, 2, 2), 0),
        (lambda: layers.Conv2DTranspose(1, (2, 3), strides=2), (3, 2, 2), 0),
        (lambda: layers.DepthwiseConv2D(2, depth_multiplier=2), (4, 3, 2), 0),
        (lambda: layers.SeparableConv2D(3, 2, padding="same"), (3, 3, 2), 0),
        (lambda: layers.MaxPooling2D(2), (4, 4, 2), 8 * 3),
        (lambda: layers.MaxPooling2D(3, strides=2, padding="same"), (4, 5, 1), None),
        (lambda: layers.MaxPooling1D(2), (4, 2), 4),
        (lambda: layers.AveragePooling2D(3, padding="same"), (4, 4, 1), 0),
        (lambda: layers.GlobalAveragePooling2D(), (2, 2, 3), 0),
        (lambda: layers.GlobalMaxPooling1D(keepdims=True), (3, 2), 4),
        (lambda: layers.BatchNormalization(epsilon=0.25), (2, 3), 0),
        (lambda: layers.ReLU(max_value=2, negative_slope=0.5), (3,), 6),
        (lambda: layers.ReLU(), (3,), 3),
        (lambda: layers.LeakyReLU(negative_slope=0.25), (3,), 3),
        (lambda: layers.PReLU(), (3,), 3),
        (lambda: layers.PReLU(shared_axes=[1]), (2, 3), 6),
        (lambda: layers.Activation("hard_tanh"), (3,), 6),
        (lambda: layers.Activation(layers.ReLU(max_value=3)), (3,), 6),
        (lambda: layers.Flatten(), (2, 3, 2), 0),
        (lambda: layers.Reshape((3, -1)), (2, 3, 2), 0),
        (lambda: layers.Permute((3, 1, 2)), (2, 3, 2), 0),
        (lambda: layers.ZeroPadding1D((1, 2)), (2, 3), 0),
        (lambda: layers.ZeroPadding2D(((1, 0), (2, 1))), (2, 3, 2), 0),
        (lambda: layers.Cropping1D(1), (4, 2), 0),
        (lambda: layers.Cropping2D(((1, 0), (0, 2))), (3, 4, 2), 0),
        (lambda: layers.Dropout(0.5), (3,), 0),
        (lambda: layers.Rescaling(0.5, offset=-1), (3,), 0),
        (lambda: layers.Softmax(), (3,), None),
    ],
)
def test_layers(layer, shape, neurons):
    made = layer()
    if isinstance(made, layers.Softmax):
        net = from_keras(sequential(made, shape=shape))
        assert net.notes == (f"{made.name} (Softmax) at the end is left out: the outputs are those before it",)
        return
    net = exactly(sequential(made, shape=shape), unit=4)
    if neurons is not None:
        assert net.neurons == neurons


def test_channels_first():
    model = sequential(layers.ZeroPadding2D(1, data_format="channels_first"), layers.Flatten("channels_first"), shape=(2, 2, 3))
    exactly(model)
    for layer in (layers.Conv2D(3, 2, data_format="channels_first"), layers.MaxPooling2D(2, data_format="channels_first")):
        assert from_keras(sequential(layer, shape=(2, 4, 4))).output_dim in (27, 8)


def residual():
    x = keras.Input((4, 4, 2))
    y = layers.Conv2D(3, 3, padding="same", activation="relu", name="conv1")(x)
    z = layers.BatchNormalization(epsilon=0.25, name="norm")(layers.Conv2D(3, 1, name="conv2")(y))
    z = layers.ReLU(name="act")(layers.Add(name="sum")([y, z]))
    z = layers.Concatenate()([layers.Maximum(name="larger")([y, z]), layers.Subtract()([y, z])])
    z = layers.Minimum()([z, -z]) * 2 + keras.ops.relu(z) - 1.0
    return keras.Model(x, layers.Dense(2, name="fc")(layers.Flatten()(layers.AveragePooling2D(2)(z))))


def test_a_functional_model_with_skips():
    net = exactly(residual())

    assert net.widths == (48, 48, 48, 96, 96)
    names = [net.neuron_name(i) for i in (0, 47, 48, 96)]
    assert names == ["conv1[0,0,0]", "conv1[3,3,2]", "sum[0,0,0]", "larger.max1[0,0,0]"]


def test_models_inside_models():
    inner = sequential(layers.Dense(3, "relu", name="d"), shape=(3,))
    x = keras.Input((3,))
    net = exactly(keras.Model(x, inner(inner(x)) + x))

    assert net.widths == (3, 3)
    assert net.neuron_name(0) == f"{inner.name}.d[0]" and net.neuron_name(3) == f"{inner.name}.d:2[0]"


def test_normalization_and_hard_sigmoid():
    model = sequential(layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 0.25]), shape=(2,))
    assert from_keras(model)([[F(3), F(3)]]).tolist() == [[1, 2]]
    sigmoid = from_keras(sequential(layers.Activation("hard_sigmoid"), shape=(1,)))
    assert sigmoid([[F(-4)], [F(1)], [F(5)]]).tolist() == [[0], [F(2, 3)], [1]]


def test_uneven_averages_are_those_of_tensorflow(monkeypatch):
    model = sequential(layers.AveragePooling1D(3, strides=2, padding="same", name="a"), shape=(4, 1))
    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    with pytest.raises(UnsupportedOperator, match=r"a \(AveragePooling1D\): averages with .* is uneven, which Keras on torch"):
        from_keras(model)
    monkeypatch.setattr(keras.config, "backend", lambda: "tensorflow")
    assert from_keras(model)([3, 6, 9, 15]).tolist() == [6, 12]  # the padding counts for nothing


def test_keras_files(tmp_path):
    model = whole(residual())
    model.save(tmp_path / "net.keras")
    assert load(tmp_path / "net.keras") == from_keras(model)
    (tmp_path / "net.keras").write_bytes(b"no zip file")
    with pytest.raises(ModelError, match=r"net\.keras: this is not a readable Keras model"):
        load(tmp_path / "net.keras")


def test_what_keras_models_are_refused():
    class Own(layers.Layer):
        def call(self, x):
            return x

    class Subclassed(keras.Model):
        def call(self, x):
            return x

    two = [keras.Input((2,)), keras.Input((2,))]
    for model, match in [
        (sequential(layers.Dense(2, "tanh", name="d"), shape=(2,)), r"d \(Dense\): tanh is not piecewise linear; .* HardTanh"),
        (sequential(layers.Dense(2, "softmax", name="d"), layers.Dense(1, name="e"), shape=(2,)), r"d \(Dense\): not piece.* e"),
        (sequential(layers.Dense(2, lambda x: x * x, name="d"), shape=(2,)), r"<lambda> has no exact reader; supported are"),
        (sequential(layers.LayerNormalization(name="n"), shape=(2,)), r"n \(LayerNormalization\): .*batch normalization"),
        (sequential(layers.ReLU(threshold=1.0, name="r"), shape=(2,)), r"r \(ReLU\): jumps at its threshold 1\.0"),
        (sequential(layers.Embedding(2, 2, name="e"), shape=(2,)), r"Embedding has no exact reader; supported are Activation"),
        (sequential(Own(name="own"), shape=(2,)), r"own \(Own\): has a call method of its own"),
        (Subclassed(), r"Subclassed has a call method of its own"),
        (keras.Sequential([layers.Dense(2)]), r"the Sequential model is not built; begin it with keras\.Input"),
        (sequential(layers.Conv1D(1, 2), shape=(None, 2)), r"the input has shape \(None, 2\); build the model with fixed"),
        (keras.Model(two, layers.Add()(two)), r"the model has 2 inputs; it must have exactly one"),
        (3, r"int is no Keras model; give a keras\.Sequential"),
        (keras.Model(two[0], keras.ops.tanh(two[0])), r"Tanh is not piecewise linear"),
    ]:
        with pytest.raises((ModelError, UnsupportedOperator), match=match):
            from_keras(model)
    x = keras.Input((2,))
    called = {"training": True}
    for model, match in [
        (keras.Model(x, layers.Dropout(0.5, name="d")(x, **called)), r"d \(Dropout\): is called with training=True"),
        (keras.Model(x, layers.GaussianNoise(0.5, name="g")(x, **called)), r"g \(GaussianNoise\): is called with training"),
        (keras.Model(x, layers.BatchNormalization(name="b")(x, **called)), r"b \(BatchNormal.*: is called with training"),
        (keras.Model(x, sequential(layers.Dropout(0.5), shape=(2,))(x, **called)), r"Sequential\): is called with training"),
    ]:
        with pytest.raises(UnsupportedOperator, match=match):
            from_keras(model)
    exactly(keras.Model(x, layers.Dropout(0.5)(x, training=False)))
    broken = sequential(layers.Dense(1, name="d"), shape=(1,))
    broken.layers[0].kernel.assign([[np.nan]])
    with pytest.raises(ModelError, match=r"d \(Dense\): kernel has an entry that is not finite"):
        from_keras(broken)
