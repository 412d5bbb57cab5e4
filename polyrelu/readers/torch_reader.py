"""torch modules, traced by ``torch.fx``: sequential ones, residual ones, and any forward pass without branches.

A traced module is a graph of calls; they are carried out one by one by :mod:`~polyrelu.readers.torch_operators` on
exact values, the module's parameters being constants.
"""

from __future__ import annotations

import inspect
import operator as python
import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import ModelError, UnsupportedOperator
from ..network import ReluNetwork
from .activations import refuse
from .arithmetic import FOREIGN, sized
from .files import located, one_line, require
from .lowering import Array, Lowering, Tensor
from .torch_operators import FUNCTIONS, IN_PLACE, MODULES, PLACES, SAME, VIEWS, dimension, ranked


def from_torch(module: Any, input_shape: Sequence[int] | None = None) -> ReluNetwork:
    """Read a torch module.

    Parameters
    ----------
    module : torch.nn.Module
        Of the modules, functions and methods in docs/models.md, nested and connected as you like; its
        forward pass must be one that ``torch.fx`` can trace. Weights may be float16, bfloat16, float32 or
        float64, on any device. The module is read as in evaluation: ``Dropout`` is the identity and
        batch normalization uses its running statistics.
    input_shape : sequence of int, optional
        Shape of one input, without the batch dimension: ``(3, 32, 32)``. By default the input is the
        vector that the first ``Linear`` takes.

    Returns
    -------
    ReluNetwork
        From the flattened input to the flattened output. Neurons are named after the module that computes
        their pre-activation (``conv1[3,4,5]``); see docs/models.md.

    Raises
    ------
    UnsupportedOperator
        A module or a function that is not piecewise linear or has no reader, a module that has hooks,
        which may compute anything, or a forward pass that cannot be traced, is random, or changes the
        module's own tensors; the message names it (``layers.2 (Tanh)``).
    ModelError
        Layers that do not chain, an input shape that is needed, weights that are not there (lazy or meta).
    MissingDependency
        torch is not installed.

    Notes
    -----
    Exactness: *exact*, but for batch normalization, whose irrational scales are rounded to the nearest binary64 number.
    torch itself rounds after every operation; this is the network that it rounds.
    """
    nn = require("torch.nn", "torch")
    if not isinstance(module, nn.Module):
        raise ModelError(f"{type(module).__name__} is no torch module; give a torch.nn.Module")
    if "forward" in vars(module):
        module = nn.Sequential(module)  # torch.fx would trace the forward pass of the class
    for name, inner in module.named_modules():
        if any(nn.parameter.is_lazy(parameter) for parameter in inner.parameters(recurse=False)):
            raise ModelError(f"{_label(name, inner)} is not initialized; run the module once on an input")
        if inner._forward_hooks or inner._forward_pre_hooks:
            raise UnsupportedOperator(
                f"{_label(name, inner)} has forward hooks, which may change what it computes; "
                "remove them (torch.nn.utils.remove_weight_norm, torch.nn.utils.prune.remove)"
            )
    with _evaluated(module) as trained:
        graph = _trace(module)
        shape = _input_shape(module, graph) if input_shape is None else sized([int(n) for n in input_shape])
        if min(shape, default=1) < 1:
            raise ModelError(f"input_shape is {tuple(shape)}; every size must be at least 1")
        return _Interpreter(module, graph, (1, *shape), trained).network()


@contextmanager
def _evaluated(module: Any) -> Iterator[set[Any]]:
    """Set a module to evaluation, returning what was in training; put back its mode, its tensors and random states.

    A forward pass that draws random numbers or changes a tensor of the module is refused: it is no fixed function.
    """
    torch = require("torch", "torch")
    modes = [(inner, inner.training) for inner in module.modules()]
    tensors = [
        (f"{name}.{key}".strip("."), table, key, tensor, tensor.detach().clone())
        for name, inner in module.named_modules()
        for table in (inner._parameters, inner._buffers)
        for key, tensor in table.items()
        if tensor is not None
    ]
    states, changed, drawn = _random_states(torch), [], False
    try:
        for inner, _ in modes:
            inner.training = False
        yield {inner for inner, training in modes if training}
    finally:
        for inner, training in modes:
            inner.training = training
        drawn = _random_states(torch) != states
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002  (what a forward pass may draw from)
        torch.set_rng_state(torch.tensor(states[2], dtype=torch.uint8))
        for name, table, key, tensor, copy in tensors:
            if table.get(key) is not tensor or not _same(tensor, copy):
                changed.append(name)
                table[key] = tensor
                tensor.detach().copy_(copy)
    if changed:
        raise UnsupportedOperator(
            f"{_label('', module)} changes its own tensor {changed[0]!r} in its forward pass, so that its next output "
            "is another; compute a new tensor instead"
        )
    if drawn:
        raise UnsupportedOperator(
            f"{_label('', module)} draws random numbers in its forward pass, so that it is no fixed function; "
            "keep them in a buffer, or draw them in training alone"
        )


def _random_states(torch: Any) -> tuple[Any, ...]:
    """Return the states of the generators that everybody shares: of Python, numpy and torch."""
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002  (what a forward pass may draw from)
    return random.getstate(), (kind, np.asarray(keys).tolist(), *rest), torch.get_rng_state().tolist()


def _same(tensor: Any, copy: Any) -> bool:
    """Return whether two tensors agree, also where they hold no number."""
    if tensor.shape != copy.shape or tensor.is_meta or tensor.is_quantized or str(tensor.layout) != "torch.strided":
        return bool(tensor.shape == copy.shape)  # of kinds that no reader takes
    return bool(((tensor == copy) | ((tensor != tensor) & (copy != copy))).all())


def _trace(module: Any) -> Any:
    fx = require("torch.fx", "torch")

    class Proxy(fx.Proxy):  # type: ignore[misc,name-defined]
        """Records += and the like, which torch.fx would take for + on a new value."""

    def recorded(function: Any) -> Any:
        name = function.__name__[1:]  # add, as torch.fx names the node
        return lambda self, other: self.tracer.create_proxy("call_function", function, (self, other), {}, name)

    for function in (python.iadd, python.isub, python.imul, python.itruediv):
        setattr(Proxy, f"__{function.__name__}__", recorded(function))

    class Tracer(fx.Tracer):  # type: ignore[misc,name-defined]
        def proxy(self, node: Any) -> Any:
            return Proxy(node, self)

        def is_leaf_module(self, inner: Any, name: str) -> bool:
            container = type(inner).__name__ in ("Sequential", "ModuleList", "ModuleDict")
            return _operator(inner) is not None or (type(inner).__module__.startswith("torch.") and not container
                                                    and "forward" not in vars(inner))

    if _operator(module) is not None:  # a single layer, which a tracer would look into
        graph = fx.Graph()
        graph.output(graph.call_module("", (graph.placeholder("input"),)))
        return graph
    try:
        return Tracer().trace(module)
    except Exception as error:  # whatever the forward pass raises on a tracer's proxies
        raise UnsupportedOperator(
            f"{_label('', module)} cannot be traced by torch.fx ({one_line(error)}); a forward pass must not branch on "
            "values: pass the module inside it, or export it to ONNX"
        ) from None


def _kind(module: Any) -> str:
    """Return the name of the class of torch whose forward pass is the module's; empty if there is none."""
    kinds: tuple[Any, ...] = type(module).__mro__
    for kind in kinds:
        if kind.__module__.startswith("torch.nn.modules.") and dimension(kind.__name__)[0] in MODULES:
            # a forward of its own, in a subclass or on the object, computes something else, and is traced
            return kind.__name__ if getattr(module.forward, "__func__", None) is kind.forward else ""
    return ""


def _operator(module: Any) -> Callable[..., Any] | None:
    """Return the function that does what the module's forward pass does, if it is one of torch's own."""
    name = _kind(module)
    return ranked(MODULES[dimension(name)[0]], name) if name else None


def _input_shape(module: Any, graph: Any) -> tuple[int, ...]:
    """Return the shape that the first layer with weights takes, if it is a linear one."""
    for node in graph.nodes:
        inner = module.get_submodule(node.target) if node.op == "call_module" else None
        if inner is not None and hasattr(inner, "in_features"):
            return (int(inner.in_features),)
        if node.op == "call_function" and node.target.__name__ == "linear" and node.args[1:2]:
            if getattr(node.args[1], "op", "") == "get_attr":
                return (int(_attribute(module, node.args[1].target).shape[-1]),)
        if inner is not None and next(inner.parameters(recurse=False), None) is not None:
            raise ModelError(
                f"{_label(node.target, inner)} comes first, so the shape of the input is unknown; give it without the "
                "batch dimension, as in from_torch(module, input_shape=(3, 32, 32))"
            )
    raise ModelError(
        f"{_label('', module)} has no Linear layer, so its number of inputs is unknown; "
        "give its shape without the batch dimension, as in from_torch(module, input_shape=(2,))"
    )


class _Interpreter:
    """One pass over a traced graph."""

    def __init__(self, module: Any, graph: Any, shape: tuple[int, ...], trained: set[Any]):
        self.module, self.graph, self.trained = module, graph, trained
        self.torch, self.map = require("torch", "torch"), require("torch.fx.node", "torch").map_aggregate
        self.builder = Lowering(int(np.prod(shape)))
        self.input: Tensor | None = self.builder.input(shape)
        self.values: dict[Any, Any] = {}
        self.storage: dict[Any, Any] = {}  # the node that made what a node may be a view of
        self.same: dict[Any, Any] = {}  # the node that made the very tensor that a node returns
        self.order = {node: place for place, node in enumerate(graph.nodes)}

    def network(self) -> ReluNetwork:
        for node in self.graph.nodes:
            if node.op == "output":
                result = self.resolve(node.args[0])
                if not isinstance(result, Tensor | np.ndarray):
                    raise ModelError(f"the module returns a {type(result).__name__}; it must return one tensor")
                return self.builder.finish(result)
            self.values[node] = getattr(self, node.op)(node)
        raise ModelError("the module returns nothing; it must return one tensor")

    def resolve(self, arguments: Any) -> Any:
        """Return arguments with the values of the nodes in them."""

        def value(v: Any) -> Any:
            if not isinstance(v, self.torch.fx.Node):
                return self.exact(v, "a constant")
            if self.values[v] is PLACES:
                raise UnsupportedOperator(f"node {v.name!r} holds the indices of maxima, which jump; use their values")
            return self.values[v]

        return self.map(arguments, value)

    def exact(self, value: Any, what: str) -> Any:
        """Return a tensor of torch as an array with the same numbers; anything else as it is."""
        return exact_array(self.torch, value, what) if isinstance(value, self.torch.Tensor) else value

    # -- kinds of nodes ---------------------------------------------------------------
    def placeholder(self, node: Any) -> Any:
        if self.input is not None:
            first, self.input = self.input, None
            return first
        if node.args:
            return node.args[0]
        raise ModelError(f"the forward pass takes a second argument, {node.target!r}; give a module of one input")

    def get_attr(self, node: Any) -> Any:
        with located(node.target):
            return self.exact(_attribute(self.module, node.target), "it")

    def call_module(self, node: Any) -> Any:
        inner = self.module.get_submodule(node.target)
        label = _label(node.target, inner)
        operator = _operator(inner)
        with located(label):
            if operator is None:
                refuse(type(inner).__name__, ", ".join(MODULES))
            given = {}
            for name in list(inspect.signature(operator).parameters)[2:]:
                attribute = "eps" if name == FOREIGN["eps"] else name
                if name not in ("args", "given", "training", "inplace") and hasattr(inner, attribute):
                    given[name] = self.exact(getattr(inner, attribute), name)
            kind = dimension(_kind(inner))[0]
            if kind == "BatchNorm" and inner in self.trained:
                self.builder.note(f"{label} is in training mode: it is read with its running statistics")
        changed = getattr(inner, "inplace", False)
        return self.carry_out(node, label, node.target, operator, kind, changed, given)

    def call_function(self, node: Any) -> Any:
        name = getattr(node.target, "__name__", str(node.target))
        if not any(isinstance(v, Tensor | np.ndarray) for v in _leaves(self.resolve([node.args, node.kwargs]))):
            return self.exact(node.target(*self.resolve(node.args), **self.resolve(node.kwargs)), "a constant")
        return self.call(node, name)

    def call_method(self, node: Any) -> Any:
        return self.call(node, node.target)

    def call(self, node: Any, name: str) -> Any:
        label = f"node {node.name!r} ({name})"
        plain = dimension(name)[0]
        # relu_ changes its argument; __add__ does not
        changed = bool(re.fullmatch(r"[a-z].*[^_]_", plain)) or bool(node.kwargs.get("inplace"))
        plain = plain.strip("_")
        changed = changed or plain in IN_PLACE
        if re.fullmatch(r"(alpha_|feature_alpha_|feature_)?dropout", plain):
            plain = "dropout"
        with located(label):
            if plain not in FUNCTIONS:
                refuse(name, ", ".join(FUNCTIONS))
        return self.carry_out(node, label, node.name, ranked(FUNCTIONS[plain], name), plain, changed, {})

    def carry_out(
        self, node: Any, label: str, name: str, operator: Callable[..., Any], kind: str, changed: bool, given: Any
    ) -> Any:
        arguments = self.resolve(node.args)
        named = {FOREIGN.get(key, key): value for key, value in self.resolve(node.kwargs).items()}
        try:
            inspect.signature(operator).bind(None, *arguments, **named, **given)
        except TypeError as error:
            raise UnsupportedOperator(f"{label}: has arguments without exact reader ({error})") from None
        result = self.builder.step(label, name, operator, *arguments, **named, **given)
        source = node.args[0] if node.args else node.kwargs.get("input")
        source = source if isinstance(source, self.torch.fx.Node) else None
        if source is not None and kind in VIEWS:
            self.storage[node] = self.storage.get(source, source)
        if source is not None and (changed or kind in SAME):
            self.same[node] = self.same.get(source, source)
        if source is not None and changed:
            self.change(label, node, source, result)
        return result

    def change(self, label: str, node: Any, source: Any, result: Any) -> None:
        """Let later readers of a value that was changed in place see the change; refuse if views of it are read."""
        storage = self.storage.get(source, source)
        if storage.op == "get_attr":
            raise UnsupportedOperator(
                f"{label} changes {storage.target!r} in place, a tensor of the module or a constant; "
                "compute a new tensor instead"
            )
        self.storage[node] = storage
        for other in list(self.order)[: self.order[node]]:
            if self.same.get(other, other) is self.same[node]:
                name = getattr(self.values[other], "name", "")
                self.values[other] = replace(result, name=name) if isinstance(result, Tensor) else result
            elif self.storage.get(other, other) is storage and any(
                self.order[user] > self.order[node] for user in other.users
            ):
                raise UnsupportedOperator(
                    f"{label} changes a value in place of which {other.name!r} is a view that is read later; "
                    "use inplace=False"
                )


def exact_array(torch: Any, tensor: Any, what: str) -> Array:
    """Return a torch tensor as an array of the same numbers: float64, which holds every narrower float, or integers."""
    if tensor.is_meta or tensor.is_complex() or tensor.is_quantized:
        state = "on the meta device" if tensor.is_meta else f"of type {tensor.dtype}"
        raise ModelError(f"{what} is {state}; weights must be floats with values")
    tensor = tensor.detach().to("cpu")
    array = tensor.to(torch.float64).numpy() if tensor.is_floating_point() else tensor.numpy()
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = ", ".join(str(v) for v in bad[0])
        raise ModelError(f"{what}[{place}] is {array[tuple(bad[0])]}; every number must be finite")
    return np.asarray(array)


def _attribute(module: Any, path: str) -> Any:
    for part in path.split("."):
        module = getattr(module, part)
    return module


def _leaves(values: Any) -> Iterator[Any]:
    if isinstance(values, list | tuple | dict):
        for value in values.values() if isinstance(values, dict) else values:
            yield from _leaves(value)
    else:
        yield values


def _label(name: str, module: Any) -> str:
    return f"{name} ({type(module).__name__})" if name else f"the module itself ({type(module).__name__})"
