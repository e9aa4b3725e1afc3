"""The weights that a network starts from, the same for every entrant of a seed, but for the head
of one that asks for another.

With fan_in inputs and fan_out outputs of a layer, as ``torch.nn`` has them:

- default: weights and biases U(-1/sqrt(fan_in), 1/sqrt(fan_in)), what ``nn.Linear`` does.
- xavier: weights U(-b, b), b = sqrt(6 / (fan_in + fan_out)) (``xavier_uniform_``), biases 0.
- kaiming: weights U(-b, b), b = sqrt(6 / fan_in) (``kaiming_uniform_`` for ReLU), biases 0.
- zeros: all 0.
- by hand: the weights that are given, in the one layer that there is; ``core.spec.by_hand``.

The head's weights are then multiplied by the head factor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from core.data import derive_seed
from core.network.stack import Stack
from core.spec import Scheme, StartSpec

#: The bounds of weights and of biases, from fan_in and fan_out.
_Bounds = Callable[[int, int], tuple[float, float]]

_BOUNDS: dict[Scheme, _Bounds] = {
    Scheme.DEFAULT: lambda fan_in, fan_out: (1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in)),
    Scheme.XAVIER: lambda fan_in, fan_out: (math.sqrt(6 / (fan_in + fan_out)), 0.0),
    Scheme.KAIMING: lambda fan_in, fan_out: (math.sqrt(6 / fan_in), 0.0),
    Scheme.ZEROS: lambda fan_in, fan_out: (0.0, 0.0),
}


def initialise(
    stack: Stack,
    run: int,
    seed: int,
    head_width: int,
    start: StartSpec,
    head_seed: int | None = None,
) -> None:
    """Give one run of the stack the start that its seed gives.

    Trunk and head have generators of their own, so runs of one seed share the trunk whatever
    their head, and a ``head_seed`` starts the head elsewhere and nothing else. Rows of the head
    beyond ``head_width`` stay 0.
    """
    which = "" if head_seed is None else f" {head_seed}"
    trunk, head, head_bias = (
        torch.Generator().manual_seed(derive_seed(seed, purpose))
        for purpose in ("trunk", f"head{which}", f"head bias{which}")
    )
    bounds = _BOUNDS[start.scheme]
    for layer in stack.layers[:-1]:
        _, fan_out, fan_in = layer.weight.shape
        weight_bound, bias_bound = bounds(fan_in, fan_out)
        _fill(layer.weight[run], trunk, weight_bound)
        _fill(layer.bias[run], trunk, bias_bound)
    last = stack.layers[-1]
    weight_bound, bias_bound = bounds(last.weight.shape[2], head_width)
    weights = last.weight[run, :head_width]
    _fill(weights, head, weight_bound)
    weights.mul_(start.head_factor)
    _fill(last.bias[run, :head_width], head_bias, bias_bound)


def set_by_hand(stack: Stack, run: int, rows: Sequence[Sequence[float]]) -> None:
    """Give one run of a stack without hidden layers these rows, of each logit its weights and
    its bias."""
    (layer,) = stack.layers
    table = torch.tensor(rows)
    layer.weight[run, : len(rows)].copy_(table[:, :-1])
    layer.bias[run, : len(rows)].copy_(table[:, -1:])


def _fill(target: Tensor, generator: torch.Generator, bound: float) -> None:
    # Drawn on the CPU in float32, so that every device starts from the same numbers.
    target.copy_(torch.empty(target.shape).uniform_(-bound, bound, generator=generator))
