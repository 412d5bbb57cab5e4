"""torch modules: ``Sequential`` of linear layers and ReLUs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import ModelError, UnsupportedOperator
from ..exact import RationalMatrix
from ..network import ReluNetwork
from .files import located, require
from .lowering import Lowering, exact_matrix

SUPPORTED = "Dropout, Flatten, Identity, Linear, ReLU, Sequential"


def from_torch(module: Any) -> ReluNetwork:
    """Read a torch module.

    Parameters
    ----------
    module : torch.nn.Module
        A ``Linear``, or a ``Sequential``, nested if you like, of ``Linear``, ``ReLU``, ``Flatten``,
        ``Identity`` and ``Dropout``. Weights may be float16, bfloat16, float32 or float64, on any
        device. The module is read as in evaluation: ``Dropout`` is the identity.

    Returns
    -------
    ReluNetwork
        From the inputs of the first ``Linear``, flattened.

    Raises
    ------
    UnsupportedOperator
        Another module inside, or one that has hooks, which may compute anything; the message names it
        (``layers.2 (Tanh)``).
    ModelError
        Layers that do not chain, no ``Linear`` at all, weights that are not there (lazy or meta).
    MissingDependency
        torch is not installed.

    Notes
    -----
    Exactness: *exact*. torch itself rounds after every operation; this is the network that it rounds.
    """
    nn = require("torch.nn", "torch")
    if not isinstance(module, nn.Module):
        raise ModelError(f"{type(module).__name__} is no torch module; give a torch.nn.Sequential")
    steps = list(_steps(nn, module, ""))
    linear = next((step for _, step in steps if isinstance(step, nn.Linear)), None)
    if linear is None:
        raise ModelError(f"{_label('', module)} has no Linear layer, so its number of inputs is unknown; add one")
    builder = Lowering(linear.in_features)
    x = builder.input((builder.input_dim,))
    for name, step in steps:
        with located(_label(name, step)):
            if isinstance(step, nn.ReLU):
                x = builder.relu(x)
            elif isinstance(step, nn.Linear):
                if step.in_features != x.size:
                    raise ModelError(f"takes {step.in_features} inputs but gets {x.size}; the layers do not chain")
                bias = None if step.bias is None else _exact(step.bias, "bias")
                x = x.affine(_exact(step.weight, "weight"), bias)
    return builder.finish(x)


def _steps(nn: Any, module: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the qualified names and modules in order of evaluation; refuse what cannot be lowered."""
    known = (nn.Sequential, nn.Linear, nn.ReLU, nn.Flatten, nn.Identity, nn.Dropout)
    kind = next((k for k in known if isinstance(module, k)), None)
    # a forward of its own, in a subclass or on the object, computes something else
    if kind is None or getattr(module.forward, "__func__", None) is not kind.forward:
        raise UnsupportedOperator(
            f"{_label(name, module)} has no exact reader; supported modules are {SUPPORTED} "
            "(for another module, pass the Sequential inside it or export it to ONNX)"
        )
    if kind is nn.Linear and nn.parameter.is_lazy(module.weight):
        raise ModelError(f"{_label(name, module)} is not initialized; run the module once on an input")
    if module._forward_hooks or module._forward_pre_hooks:
        raise UnsupportedOperator(
            f"{_label(name, module)} has forward hooks, which may change what it computes; "
            "remove them (torch.nn.utils.remove_weight_norm, torch.nn.utils.prune.remove)"
        )
    if kind is nn.Flatten and (module.start_dim not in (0, 1) or module.end_dim != -1):
        raise UnsupportedOperator(f"{_label(name, module)} keeps several dimensions; use Flatten() with its defaults")
    if kind is nn.Sequential:
        # not named_children, which skips a module that stands in two places
        for child, inner in module._modules.items():
            yield from _steps(nn, inner, f"{name}.{child}" if name else child)
    else:
        yield name, module


def _exact(parameter: Any, what: str) -> RationalMatrix:
    torch = require("torch", "torch")
    if parameter.is_meta or not parameter.is_floating_point():
        state = "on the meta device" if parameter.is_meta else f"of type {parameter.dtype}"
        raise ModelError(f"{what} is {state}; weights must be floats with values")
    # float64 holds every narrower float exactly
    return exact_matrix(parameter.detach().to("cpu", torch.float64).numpy(), what)


def _label(name: str, module: Any) -> str:
    return f"{name} ({type(module).__name__})" if name else f"the module itself ({type(module).__name__})"
