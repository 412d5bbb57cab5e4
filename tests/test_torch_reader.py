"""torch modules against torch's own forward pass: exact equality on integers, where torch does not round either."""

from __future__ import annotations

import operator as python
import random
import time
import warnings
from fractions import Fraction as F

import numpy as np
import pytest
from test_readers import bias, fractions, weight

from polyrelu.errors import ModelError, UnsupportedOperator
from polyrelu.readers import from_torch


class Lazy:
    """Import torch when a test asks for it, not when tests are collected."""

    def __init__(self, path):
        self.path = path

    def __getattr__(self, name):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's own imports
            return getattr(pytest.importorskip(self.path), name)


torch, nn, fn = Lazy("torch"), Lazy("torch.nn"), Lazy("torch.nn.functional")


def whole(module, seed=0, low=-2, high=3):
    """Give a module small integers as parameters and statistics, in float64, for evaluation."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randint(low, high, parameter.shape, generator=generator))
        for inner in module.modules():
            if isinstance(inner, nn.modules.batchnorm._BatchNorm):
                inner.eps = 0.25
                inner.running_mean.copy_(torch.randint(low, high, inner.running_mean.shape, generator=generator))
                # the root of variance + epsilon is 2, or 4
                choice = torch.randint(0, 2, inner.running_var.shape, generator=generator)
                inner.running_var.copy_(3.75 + 12 * choice)
    return module


def points(net, count=4, unit=1, seed=1):
    return np.random.default_rng(seed).integers(-4, 5, (count, net.input_dim)) * unit


def exactly(module, shape, unit=1, **options):
    """Read a module and compare with its forward pass; the arithmetic of both is exact."""
    net = from_torch(module, shape, **options)
    x = points(net, unit=unit)
    with torch.no_grad():
        expected = [module(torch.from_numpy(p.astype(np.float64)).reshape(1, *shape)).ravel().tolist() for p in x]

    assert net(x.astype(object)).tolist() == expected
    return net


def Forward(function, **modules):
    """Return a module whose forward pass is a function of it and its input."""

    class Forward(nn.Module):
        def forward(self, x):
            return function(self, x)

    made = Forward()
    for name, module in modules.items():
        setattr(made, name, module)
    return made


# -- modules --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("module", "shape", "neurons"),
    [
        (lambda: nn.LeakyReLU(0.25), (3,), 3),
        (lambda: nn.PReLU(), (3,), 3),
        (lambda: nn.PReLU(2), (2, 3), 6),
        (lambda: nn.ReLU6(), (3,), 6),
        (lambda: nn.Hardtanh(-2, 3), (3,), 6),
        (lambda: nn.Softshrink(1.5), (3,), 6),
        (lambda: nn.Threshold(1, 1), (3,), 3),
        (lambda: nn.Dropout(0.5), (3,), 0),
        (lambda: nn.AlphaDropout(0.5), (3,), 0),
        (lambda: nn.Conv1d(2, 3, 3, stride=2, padding=1), (2, 7), 0),
        (lambda: nn.Conv2d(2, 4, (2, 3), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2, bias=False), (2, 5, 6), 0),
        (lambda: nn.Conv2d(1, 2, (3, 1), padding="same"), (1, 4, 4), 0),
        (lambda: nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"), (1, 4, 4), 0),
        (lambda: nn.Conv2d(1, 2, 3, padding="same", padding_mode="circular"), (1, 4, 4), 0),
        (lambda: nn.Conv3d(1, 2, 2), (1, 3, 3, 2), 0),
        (lambda: nn.ConvTranspose1d(2, 3, 3, stride=2, padding=1, output_padding=1), (2, 4), 0),
        (lambda: nn.ConvTranspose2d(4, 6, (2, 3), stride=(3, 2), groups=2, dilation=(2, 1)), (4, 3, 3), 0),
        (lambda: nn.MaxPool1d(3, 2, 1), (2, 6), None),
        (lambda: nn.MaxPool2d(2), (2, 4, 4), 2 * 4 * 3),
        (lambda: nn.MaxPool2d(2), (4, 4), 4 * 3),  # no batch: one channel of 4 x 4, as torch says
        (lambda: nn.MaxPool3d(2), (2, 2, 4), 2 * 7),
        (lambda: nn.AvgPool2d(2), (2, 4), 0),
        (lambda: nn.AdaptiveAvgPool2d(2), (3, 3), 0),
        (lambda: nn.MaxPool2d((3, 2), (2, 1), (1, 0), dilation=(1, 2), ceil_mode=True), (1, 6, 5), None),
        (lambda: nn.AvgPool1d(2), (2, 4), 0),
        (lambda: nn.AvgPool2d(2, 1, 1), (1, 3, 3), 0),
        (lambda: nn.AvgPool2d(2, 2, 1, ceil_mode=True, count_include_pad=False), (1, 4, 4), 0),
        (lambda: nn.AvgPool2d(2, 2, ceil_mode=True), (1, 5, 5), 0),
        (lambda: nn.AvgPool2d(2, divisor_override=8), (1, 4, 4), 0),
        (lambda: nn.AdaptiveAvgPool2d((2, None)), (1, 5, 3), 0),
        (lambda: nn.AdaptiveMaxPool1d(3), (2, 5), 2 * 4),
        (lambda: nn.BatchNorm1d(3), (3,), 0),
        (lambda: nn.BatchNorm1d(2), (2, 3), 0),
        (lambda: nn.BatchNorm2d(2, affine=False), (2, 3, 3), 0),
        (lambda: nn.ZeroPad2d((1, 0, 2, -1)), (1, 3, 3), 0),
        (lambda: nn.ConstantPad1d((1, 2), 3.5), (2, 3), 0),
        (lambda: nn.ReflectionPad2d(1), (1, 3, 3), 0),
        (lambda: nn.ReplicationPad1d(2), (1, 3), 0),
        (lambda: nn.Sequential(nn.Flatten(2), nn.Unflatten(2, (2, -1))), (2, 4, 3), 0),
        (lambda: nn.Linear(3, 2), (2, 3), 0),
        (lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), (2, 2, 3), 16),
    ],
)
def test_modules(module, shape, neurons):
    # 3 and 6 divide 30: the averages of adaptive pooling are whole
    made = whole(module())
    net = exactly(made, shape, unit=30 if "Adaptive" in str(made) else 1)

    if neurons is not None:
        assert net.neurons == neurons


def test_hardsigmoid_has_an_exact_sixth():
    net = from_torch(nn.Hardsigmoid(), (1,))
    assert net([[F(-4)], [F(1)], [F(5)]]).tolist() == [[0], [F(2, 3)], [1]]


FUNCTIONS = {
    "relu": lambda m, x: fn.relu(x) + torch.relu(-x) + x.relu(),
    "leaky": lambda m, x: fn.leaky_relu(x, 0.5) - fn.relu6(x) + fn.hardtanh(x, -2.0, 2.0),
    "clamp": lambda m, x: torch.clamp(x, min=-1, max=2) + x.clamp(max=1) + x.clamp_min(2) + torch.clip(x, -1.0, 1.0),
    "arithmetic": lambda m, x: 2 * x - x / 4 + (1 - x) * 3 + torch.add(x, x, alpha=2) - (-x) + abs(x),
    "inplace": lambda m, x: (x + 1).mul_(2).sub_(3).relu_(),
    "max": lambda m, x: torch.max(x, 1 - x) + torch.minimum(x, 2 * x) + x.max(dim=2, keepdim=True)[0] + x.amin((1, 2), True),
    "named": lambda m, x: x.max(dim=1).values - x.min(1).values,
    "max of all": lambda m, x: x.max() + x.min(),
    "sums": lambda m, x: x.sum(2) + x.mean(dim=-1) * 4 + x.sum(dim=(1, 2), keepdim=True)[:, 0],
    "cat": lambda m, x: torch.cat([x, x[:, :1]], dim=1).transpose(1, 2),
    "stack": lambda m, x: torch.stack([x, 2 * x], 1),
    "chunk": lambda m, x: torch.chunk(x, 2, dim=2)[1] - x.split(2, 2)[0] - x.split([1, 2, 1], dim=2)[1],
    "view": lambda m, x: x.view(x.size(0), -1) + x.reshape(x.shape[0], 8),
    "flatten": lambda m, x: torch.flatten(x, 1).unsqueeze(0).squeeze(),
    "permute": lambda m, x: x.permute(0, 2, 1).contiguous().flatten(1),
    "pad": lambda m, x: fn.pad(x, (1, 2, 0, 1)) + fn.pad(x, (1, 2, 0, 1), value=2.0),
    "reflect": lambda m, x: fn.pad(x, (1, 1), mode="reflect"),
    "expand": lambda m, x: x[:, None].expand(-1, 3, -1, -1) + x[:, None].repeat(1, 3, 1, 1),
    "slice": lambda m, x: x[..., ::2] - x[:, :, 1::2],
    "pool": lambda m, x: fn.max_pool1d(x, 2) + fn.avg_pool1d(x, 2, stride=2) + fn.adaptive_avg_pool1d(x, 2),
    "dropout": lambda m, x: fn.dropout(x, 0.5, training=m.training),
    "matmul": lambda m, x: x @ m.weight,
    "constants": lambda m, x: fn.linear(x, m.weight.t() * 2 + torch.ones(1, dtype=torch.float64)),
    "detached": lambda m, x: x.clone().detach().double(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_and_methods(name):
    module = Forward(FUNCTIONS[name])
    module.weight = nn.Parameter(torch.zeros(4, 3))

    exactly(whole(module), (2, 4))


def test_functional_convolutions_and_normalization():
    def forward(m, x):
        y = fn.conv2d(x, m.conv.weight, m.conv.bias, stride=2, padding=1)
        y = fn.batch_norm(y, m.norm.running_mean, m.norm.running_var, m.norm.weight, m.norm.bias, m.training, 0.1, 0.25)
        return fn.max_pool2d(fn.relu(y), 2, stride=1)

    exactly(whole(Forward(forward, conv=nn.Conv2d(1, 2, 3), norm=nn.BatchNorm2d(2))), (1, 4, 4))


# -- whole networks -------------------------------------------------------------------
def ResNet(widths=(16, 32, 64), inputs=3):
    """Return a residual network with a basic block for each width."""

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.relu = nn.ReLU(inplace=True)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            self.downsample = None
            if stride > 1 or inputs != outputs:
                self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

        def forward(self, x):
            identity = x if self.downsample is None else self.downsample(x)
            out = self.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(out))
            out += identity
            return self.relu(out)

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, widths[0], 3, 1, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(widths[0])
            steps = zip((widths[0], *widths), widths, strict=False)
            self.layers = nn.Sequential(*(Block(a, b, 1 if i == 0 else 2) for i, (a, b) in enumerate(steps)))
            self.fc = nn.Linear(widths[-1], 10)

        def forward(self, x):
            x = fn.relu(self.bn1(self.conv1(x)))
            x = fn.adaptive_avg_pool2d(self.layers(x), 1)
            return self.fc(torch.flatten(x, 1))

    return ResNet()


def test_a_small_residual_network():
    module = whole(ResNet((2, 4), inputs=1))
    net = exactly(module, (1, 4, 4))

    # scales are powers of two times integers, and the last pooling averages four: nothing is rounded
    assert net.widths == (32, 32, 32, 16, 16)
    names = [net.neuron_name(i) for i in (0, 31, 32, 64, 96, 112)]
    assert names == [
        "bn1[0,0,0]", "bn1[1,3,3]", "layers.0.bn1[0,0,0]", "add[0,0,0]", "layers.1.bn1[0,0,0]", "add_1[0,0,0]",
    ]


def test_a_residual_network_on_images_of_the_size_of_cifar():
    # a quarter of the usual channels; with all of them the import takes 9 s of a core
    torch.manual_seed(0)
    module = ResNet((4, 8, 16)).eval()
    start = time.process_time()
    net = from_torch(module, (3, 32, 32))

    assert time.process_time() - start < 15  # 1 s on an idle core
    assert net.widths == (4096, 4096, 4096, 2048, 2048, 1024, 1024)
    assert {type(block).__name__ for layer in net.layers[:-1] for block in layer.blocks.values()} == {"SparseMatrix"}
    assert net.neuron_name(4096 * 3 + 5) == "layers.1.bn1[0,0,5]"
    rng = np.random.default_rng(0)
    origin, direction = rng.uniform(0, 1, (2, 3 * 32 * 32)).astype(np.float16).astype(np.float64)
    small = net.restrict(origin, [direction])
    with torch.no_grad():
        x = torch.from_numpy((origin + direction / 2).reshape(1, 3, 32, 32))
        expected = module.double()(x).numpy()[0]
    exact = small([F(1, 2)])
    np.testing.assert_allclose([float(v) for v in exact], expected, rtol=1e-9, atol=1e-9)


def test_batch_norm_in_training_mode_is_read_with_its_statistics():
    module = whole(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU()))
    net = from_torch(module)
    assert net.notes == ()
    module.train()

    again = from_torch(module)

    assert again == net
    assert again.notes == ("1 (BatchNorm1d) is in training mode: it is read with its running statistics",)
    assert module.training and all(inner.training for inner in module.modules())
    with pytest.raises(UnsupportedOperator, match=r"1 \(BatchNorm1d\): keeps no running statistics"):
        from_torch(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, track_running_stats=False)))


def test_softmax_at_the_end_and_in_the_middle():
    layers = [nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)]
    net = from_torch(nn.Sequential(*layers, nn.Softmax(1)))
    assert net == from_torch(nn.Sequential(*layers))
    assert net.notes == ("3 (Softmax) at the end is left out: the outputs are those before it",)
    functional = Forward(lambda m, x: fn.log_softmax(m.fc(x), dim=1), fc=nn.Linear(2, 3))
    assert from_torch(functional).notes == (
        "node 'log_softmax' (log_softmax) at the end is left out: the outputs are those before it",
    )
    with pytest.raises(UnsupportedOperator, match=r"1 \(Sigmoid\): not piecewise linear, and 2 \(Linear\) computes with"):
        from_torch(nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 2)))


def test_changes_in_place_are_seen_by_later_readers():
    # x + 1 is changed in place before it is read again
    exactly(Forward(lambda m, x: (lambda y: y.relu_() * 2 + y)(x + 1)), (3,))
    exactly(Forward(lambda m, x: (lambda y: fn.relu(y, inplace=True) * 2 + y)(2 * x)), (3,))
    module = Forward(lambda m, x: (lambda y: m.relu(y) - y)(2 * x), relu=nn.ReLU(inplace=True))
    exactly(module, (3,))
    view = Forward(lambda m, x: (lambda y, z: y.relu_() + z)(*(lambda y: (y, y.view(3, 1)))(x + 1)))
    with pytest.raises(UnsupportedOperator, match=r"'relu_' \(relu_\) changes a value in place of which 'view' is a view"):
        from_torch(view, (3,))


def test_operators_in_place_are_seen_through_every_name():
    def written(m, x):
        y = m.fc(x)
        skip, dropped = y, m.drop(y)
        y += 1
        y *= 2
        y -= x
        y /= 4
        return y + 2 * skip - torch.relu(dropped)

    net = exactly(whole(Forward(written, fc=nn.Linear(3, 3), drop=nn.Dropout())), (3,), unit=4)
    assert net.neurons == 3
    exactly(Forward(lambda m, x: (lambda y: python.iadd(y, 1) + y)(2 * x)), (3,))
    exactly(Forward(lambda m, x: (lambda y: (torch.relu_(input=y), y)[1])(2 * x)), (3,))
    exactly(Forward(lambda m, x: x * python.iadd(x.size(1), 1)), (3,))
    for change in (lambda m, x: python.iadd(m.w, x), lambda m, x: m.w.add_(x) + m.w):
        with pytest.raises(UnsupportedOperator, match=r"changes '\w+' in place, a tensor of the module or a constant"):
            from_torch(Forward(change, w=nn.Parameter(torch.zeros(1, 3), requires_grad=False)), (3,))


def test_bytes_are_a_mask():
    kept = torch.tensor([1, 0, 1], dtype=torch.uint8)
    net = from_torch(Forward(lambda m, x: x[:, kept]), (3,))
    assert net([5, 6, 7]).tolist() == [5, 7]


def test_a_forward_pass_must_be_a_fixed_function():
    for function in (
        lambda m, x: x + torch.randn(1),
        lambda m, x: x * random.random(),
        lambda m, x: x * np.random.random(),  # noqa: NPY002
    ):
        states = random.getstate(), torch.get_rng_state()
        with pytest.raises(UnsupportedOperator, match=r"\(Forward\) draws random numbers in its forward pass"):
            from_torch(Forward(function), (2,))
        assert states[0] == random.getstate() and torch.equal(states[1], torch.get_rng_state())
    for function, match in [
        (lambda m, x: fn.dropout(x), r"\(dropout\): drops entries at random, in evaluation too"),
        (lambda m, x: torch.dropout(x, 0.5, True), r"\(dropout\): drops entries at random"),
        (lambda m, x: fn.batch_norm(x, torch.zeros(2), torch.ones(2), training=True), r"normalizes by the batch, in evaluation"),
    ]:
        with pytest.raises(UnsupportedOperator, match=match):
            from_torch(Forward(function), (2,))
    exactly(Forward(lambda m, x: torch.dropout(fn.dropout(x, 0.0), 0.5, False)), (2,))

    def rebound(m, x):
        m.b = m.b + 1
        return x * m.b

    for function in (lambda m, x: x * m.b.mul_(2), rebound):
        module = Forward(function)
        module.register_buffer("b", torch.tensor([3.0, float("nan")])[:1])
        with pytest.raises(UnsupportedOperator, match=r"changes its own tensor 'b' in its forward pass, so that its next"):
            from_torch(module.train(), (2,))
        assert module.b.tolist() == [3] and module.training
    unused = Forward(lambda m, x: x + 1)
    unused.register_buffer("b", torch.tensor([float("nan")]))
    assert from_torch(unused, (1,))([1]).tolist() == [2]


def test_names_of_neurons():
    module = nn.Sequential()
    module.add_module("features", nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU(), nn.MaxPool2d(2), nn.ReLU6()))
    module.add_module("head", nn.Sequential(nn.Flatten(), nn.Linear(2, 3), nn.LeakyReLU()))
    net = from_torch(module, (1, 3, 3))

    assert net.widths == (8, 4, 2, 4, 3)
    names = [net.neuron_name(i) for i in (7, 8, 10, 12, 14, 16, 18)]
    assert names == [
        "features.0[1,1,1]",
        "features.2.max1[0,0,0]",
        "features.2.max2[0,0,0]",
        "features.2.max3[0,0,0]",
        "features.3.kink1[0,0,0]",
        "features.3.kink2[0,0,0]",
        "head.1[0]",
    ]
    shared = nn.Linear(2, 2)
    twice = from_torch(nn.Sequential(shared, nn.ReLU(), shared, nn.ReLU()))
    assert [twice.neuron_name(i) for i in (0, 2)] == ["0[0]", "0:2[0]"]


# -- what it takes and refuses ----------------------------------------------------------
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_torch_weights_are_exact(dtype):
    layer = torch.nn.Linear(3, 2).to(getattr(torch, dtype))

    net = from_torch(layer)

    assert weight(net, 0) == fractions(np.array(layer.weight.tolist())).tolist()
    assert bias(net, 0) == fractions(np.array(layer.bias.tolist())).tolist()


def test_torch_forward():
    act = nn.ReLU(inplace=True)  # one object in two places
    model = nn.Sequential(
        nn.Flatten(),
        nn.Sequential(nn.Linear(6, 8), act, nn.Dropout(0.5)),
        nn.Identity(),
        nn.Linear(8, 5, bias=False),
        nn.Linear(5, 7),
        act,
        nn.Linear(7, 3),
    ).double()

    net = from_torch(model)

    assert (net.input_dim, net.widths, net.output_dim, net.output_relu) == (6, (8, 7), 3, False)
    inner, outer = (fractions(model[i].weight.detach().numpy()) for i in (3, 4))
    assert weight(net, 1) == (outer @ inner).tolist()
    x = np.random.default_rng(0).standard_normal((20, 6))
    with torch.no_grad():
        expected = model.eval()(torch.from_numpy(x.reshape(20, 2, 3))).numpy()
    np.testing.assert_allclose(net(x), expected, rtol=1e-12, atol=1e-12)


def test_torch_shared_linear_and_output_relu():
    layer = torch.nn.Linear(2, 2)

    net = from_torch(torch.nn.Sequential(layer, torch.nn.ReLU(), layer, torch.nn.ReLU()))

    assert net.output_relu
    assert net.widths == (2, 2)
    assert net.layers[0].blocks[0] == net.layers[1].blocks[1]


def test_torch_reads_what_a_forward_pass_computes():
    class Doubled(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(2, 2), nn.ReLU())

        def forward(self, x):
            return self.layers(x) if self.training else self.layers(x) + x

    for module in (nn.Sequential(Doubled(2, 2)), Net(), Doubled(2, 3)):
        exactly(whole(module), (2,))
        assert from_torch(module).input_dim == 2  # from the first linear layer
    patched = nn.Linear(2, 2)
    patched.forward = lambda x: x + 1
    exactly(nn.Sequential(patched, nn.ReLU()), (2,))
    exactly(patched, (2,))


def test_torch_names_what_it_refuses():
    class Branches(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    nested = nn.Sequential()
    nested.add_module("layers", nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Tanh()))
    hooked = nn.Sequential(nn.Linear(2, 2))
    hooked[0].register_forward_hook(lambda *args: None)

    class Two(nn.Module):
        def forward(self, x, y, z=1):
            return x + y

    for module, match in [
        (nested, r"^layers\.2 \(Tanh\): Tanh is not piecewise linear; the nearest that is: HardTanh"),
        (nn.Sequential(nn.Linear(2, 2), nn.Bilinear(2, 2, 2)), r"^1 \(Bilinear\): Bilinear has no exact reader; supported"),
        (nn.Sequential(nn.Linear(2, 2), nn.GELU()), r"^1 \(GELU\): GELU is not piecewise linear; the nearest that is: ReLU"),
        (nn.Sequential(nn.Linear(2, 2), nn.Hardswish()), r"nearest that is: ReLU6 or ReLU"),
        (nn.Sequential(nn.Linear(2, 2), nn.Hardshrink()), r"^1 \(Hardshrink\): Hardshrink may jump"),
        (nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)), r"LayerNorm is not piecewise linear; .*: batch normalization"),
        (nn.Sequential(nn.Linear(2, 2), nn.Threshold(1, 2)), r"^1 \(Threshold\): jumps from 2 to 1"),
        (nn.Sequential(nn.Linear(2, 2), nn.Unflatten(1, (1, 2)), nn.MaxPool1d(2, return_indices=True)), r"^2 .*places of its"),
        (hooked, r"^0 \(Linear\) has forward hooks"),
        (Forward(lambda m, x: torch.tanh(m.fc(x)), fc=nn.Linear(2, 2)), r"^node 'tanh' \(tanh\): tanh is not piecewise"),
        (Forward(lambda m, x: m.fc(x).cumsum(1), fc=nn.Linear(2, 2)), r"cumsum has no exact reader; supported are abs,"),
        (Forward(lambda m, x: m.fc(x).int(), fc=nn.Linear(2, 2)), r"int has no exact reader"),
        (Forward(lambda m, x: m.fc(x).to(torch.int32), fc=nn.Linear(2, 2)), r"\(to\): rounds to whole numbers"),
        (Forward(lambda m, x: m.fc(x).max(dim=1)[1], fc=nn.Linear(2, 2)), r"'getitem' holds the indices of maxima, which"),
        (Forward(lambda m, x: x + m.fc(x).max(1).indices, fc=nn.Linear(2, 2)), r"'getattr_1' holds the indices of maxima"),
        (Forward(lambda m, x: m.fc(x).sum(1, dtype=torch.int32), fc=nn.Linear(2, 2)), r"\(sum\): rounds to whole numbers"),
        (Forward(lambda m, x: m.fc(x).mean(dim=1, dtype=torch.int64), fc=nn.Linear(2, 2)), r"\(mean\): rounds to whole"),
        (Forward(lambda m, x: m.fc(x).to(torch.arange(2)), fc=nn.Linear(2, 2)), r"\(to\): rounds to whole numbers"),
        (nn.Sequential(nn.Linear(2, 2), nn.MaxPool2d(1)), r"^1 \(MaxPool2d\): meets .* shape \(1, 2\); it takes 3 or 4 axes"),
        (nn.Sequential(nn.Linear(2, 2), nn.Unflatten(1, (2, 1)), nn.BatchNorm2d(2)), r"\(1, 2, 1\); it takes 4 axes"),
        (Forward(lambda m, x: (m.fc(x), x), fc=nn.Linear(2, 2)), r"returns a tuple; it must return one tensor"),
        (Forward(lambda m, x: fn.relu(m.fc(x)).mul(x), fc=nn.Linear(2, 2)), r"product of two computed values"),
        (Forward(lambda m, x: m.fc(x).sum(0, keepdims=True), fc=nn.Linear(2, 2)), r"has arguments without exact reader"),
        (Forward(lambda m, x: m.fc(x).T.device, fc=nn.Linear(2, 2)), r"reads the attribute 'device' of a computed value"),
        (Branches(), r"^the module itself \(Branches\) cannot be traced by torch\.fx .*branch on values"),
    ]:
        with pytest.raises(ModelError, match=match):
            from_torch(module)
    with pytest.raises(ModelError, match=r"takes a second argument, 'y'; give a module of one input"):
        from_torch(Two(), (2,))


def test_the_shape_of_the_input():
    conv = nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU())
    with pytest.raises(ModelError, match=r"0 \(Conv2d\) comes first, .* give it .*input_shape=\(3, 32, 32\)\)"):
        from_torch(conv)
    assert from_torch(conv, (1, 3, 2)).widths == (4,)
    assert from_torch(conv, torch.Size([1, 3, 2])).widths == (4,)
    with pytest.raises(ModelError, match=r"input_shape is \(1, 0, 2\); every size must be at least 1"):
        from_torch(conv, (1, 0, 2))
    with pytest.raises(ModelError, match=r"0 \(Conv2d\): a weight .* meets 2 channels"):
        from_torch(conv, (2, 3, 2))


def test_torch_modules_that_are_no_network():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lazy modules warn that they are new
        lazy = nn.Sequential(nn.LazyLinear(2))
    broken = nn.Linear(1, 1)
    broken.weight.data.fill_(float("nan"))
    for module, match in [
        (3, r"int is no torch module; give a torch\.nn\.Module"),
        (nn.Sequential(nn.ReLU()), r"the module itself \(Sequential\) has no Linear layer"),
        (nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(2, 1)), r"2 \(Linear\): takes 2 inputs but gets 3"),
        (lazy, r"0 \(LazyLinear\) is not initialized; run the module once"),
        (nn.Linear(2, 2, device="meta"), r"the module itself \(Linear\): weight is on the meta device"),
        (nn.Linear(2, 2, dtype=torch.complex64), r"weight is of type torch\.complex64"),
        (nn.Sequential(broken), r"0 \(Linear\): weight\[0, 0\] is nan"),
    ]:
        with pytest.raises(ModelError, match=match):
            from_torch(module)
