"""The oracle: what a plain PyTorch program does for the same loss, network and optimizer.

Written with ``torch.nn``, autograd and ``torch.optim`` alone, one network at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from core.evaluation import Group
from core.losses import Link, LossSpec, Task
from core.network import Stack
from core.spec import Activation, OptimizerName, OptimizerSpec

TAKES_CLASS_IDS = ("CrossEntropyLoss", "MultiMarginLoss")
APPLIES_ITS_LINK = ("BCEWithLogitsLoss",)

LINKS = {
    Link.SOFTMAX: lambda z: z.softmax(1),
    Link.SIGMOID: lambda z: z.sigmoid(),
    Link.IDENTITY: lambda z: z,
}

ACTIVATIONS = {
    Activation.RELU: nn.ReLU,
    Activation.TANH: nn.Tanh,
    Activation.SIGMOID: nn.Sigmoid,
    Activation.GELU: nn.GELU,
}


def columns(y: Tensor, task: Task, width: int) -> Tensor:
    """Targets ``[N, width]``: one-hot classes, or y itself as the only column."""
    if task.is_classification and width > 1:
        return nn.functional.one_hot(y.long(), width).to(y.dtype)
    return y[:, None]


def loss_function(
    loss: LossSpec, task: Task, reduction: str = "mean"
) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss as a program would write it, of logits ``[N, C]`` and y ``[N]``."""
    function = getattr(nn, loss.torch_class)(reduction=reduction)
    if loss.torch_class in TAKES_CLASS_IDS:
        return lambda z, y: function(z, y.long())
    link = Link.IDENTITY if loss.torch_class in APPLIES_ITS_LINK else loss.forms[task].link
    return lambda z, y: function(LINKS[link](z), columns(y, task, z.shape[1]))


def network(sizes: Sequence[int], activation: Activation) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def network_of(stack: Stack, run: int, head_width: int) -> nn.Sequential:
    """A plain network with the weights that one run of the stack has now."""
    plain = network((*stack.layer_sizes[:-1], head_width), stack.activation)
    plain = plain.to(stack.parameters.dtype)
    for linear, (weight, bias) in zip(plain[::2], weights_of(stack, run, head_width), strict=True):
        linear.weight.data.copy_(weight)
        linear.bias.data.copy_(bias)
    return plain


def weights_of(stack: Stack, run: int, head_width: int) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of each layer of one run, its head without padding."""
    views = [(layer.weight[run], layer.bias[run, :, 0]) for layer in stack.layers]
    weight, bias = views.pop()
    return [*views, (weight[:head_width], bias[:head_width])]


def networks_of(stack: Stack, groups: Sequence[Group]) -> list[nn.Sequential]:
    return [
        network_of(stack, run, group.width)
        for group in groups
        for run in range(group.runs.start, group.runs.stop)
    ]


def optimizer(spec: OptimizerSpec, parameters: Sequence[Tensor]) -> torch.optim.Optimizer:
    # ``foreach`` takes all parameters in one call: the same arithmetic, half the time.
    common = {"lr": spec.learning_rate, "weight_decay": spec.weight_decay, "foreach": True}
    if spec.name is OptimizerName.ADAM:
        return torch.optim.Adam(parameters, **common)
    if spec.name is OptimizerName.ADAMW:
        return torch.optim.AdamW(parameters, **common)
    momentum = spec.momentum if spec.name is OptimizerName.MOMENTUM else 0
    return torch.optim.SGD(parameters, momentum=momentum, **common)
