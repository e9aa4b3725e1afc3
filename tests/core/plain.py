"""The oracle: what a plain PyTorch program does for the same loss, network and optimizer.

Written with ``torch.nn``, autograd and ``torch.optim`` alone, one network at a time.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from core.losses import Link, LossSpec, Task
from core.network.groups import Group
from core.network.stack import Stack
from core.spec import Activation, OptimizerName, OptimizerSpec

LINKS = {
    Link.SOFTMAX: lambda z: z.softmax(1),
    Link.SIGMOID: lambda z: z.sigmoid(),
    Link.IDENTITY: lambda z: z,
    Link.EXP: lambda z: z.exp(),
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


Function = Callable[[Tensor, Tensor], Tensor]


def loss_function(loss: LossSpec, task: Task, reduction: str = "mean") -> Function:
    """The loss as a program would write it, of logits ``[N, C]`` and y ``[N]``."""
    link = LINKS[loss.formulas[task].link]

    def target(y: Tensor, z: Tensor) -> Tensor:
        return columns(y, task, z.shape[1])

    return PROGRAMS[loss.key](loss.values, link, target, reduction)


def cross_entropy(values, link, target, reduction) -> Function:
    weights = (
        torch.tensor(values["class_weights"], dtype=torch.float64)
        if values["class_weights"]
        else None
    )

    def function(z: Tensor, y: Tensor) -> Tensor:
        return nn.CrossEntropyLoss(
            weight=weights if weights is None else weights.to(z),
            label_smoothing=values["label_smoothing"],
            reduction=reduction,
        )(z, y.long())

    return function


def focal(values, link, target, reduction) -> Function:
    def function(z: Tensor, y: Tensor) -> Tensor:
        log_p = z.log_softmax(1).gather(1, y.long()[:, None])[:, 0]
        rest = (-log_p.expm1()).clamp(min=1e-38)  # a power below 1 has no slope at 0
        return REDUCTIONS[reduction](rest ** values["gamma"] * -log_p)

    return function


def mse_on_raw_outputs(values, link, target, reduction) -> Function:
    """As PyTorch's class, of outputs and targets that both have the weight's root in them."""
    function = nn.MSELoss(reduction=reduction)

    def of_targets(z: Tensor, y: Tensor) -> Tensor:
        is_true = target(y, z)
        root = torch.ones_like(z).masked_fill(is_true == 1, values["k"] ** 0.5)
        return function(root * z, root * values["M"] * is_true)

    return of_targets


def generalised_cross_entropy(values, link, target, reduction) -> Function:
    def function(z: Tensor, y: Tensor) -> Tensor:
        power = (-values["q"] * nn.functional.cross_entropy(z, y.long(), reduction="none")).exp()
        return REDUCTIONS[reduction]((1 - power) / values["q"])

    return function


def squentropy(values, link, target, reduction) -> Function:
    def function(z: Tensor, y: Tensor) -> Tensor:
        cross_entropy = nn.functional.cross_entropy(z, y.long(), reduction=reduction)
        wrong = z[target(y, z) == 0].reshape(len(z), -1)
        return cross_entropy + REDUCTIONS[reduction](wrong.square().mean(1))

    return function


def symmetric_cross_entropy(values, link, target, reduction) -> Function:
    """The reverse part as cross-entropy against the prediction, of log-targets with A for log 0."""

    def function(z: Tensor, y: Tensor) -> Tensor:
        log_targets = target(y, z).log().clamp(min=values["A"])
        forward = nn.functional.cross_entropy(z, y.long(), reduction=reduction)
        reverse = REDUCTIONS[reduction](-(z.softmax(1) * log_targets).sum(1))
        return values["alpha"] * forward + values["beta"] * reverse

    return function


def summed_square(values, link, target, reduction) -> Function:
    """The expression that stands in the catalogue for a person's own."""
    return lambda z, y: REDUCTIONS[reduction]((link(z) - target(y, z)).square().sum(1))


def kl_divergence(values, link, target, reduction) -> Function:
    function = nn.KLDivLoss(reduction={"mean": "batchmean"}.get(reduction, reduction))
    share = values["smoothing"]
    return lambda z, y: function(z.log_softmax(1), target(y, z) * (1 - share) + share / z.shape[1])


def gaussian(values, link, target, reduction) -> Function:
    function = nn.GaussianNLLLoss(reduction=reduction, eps=1e-6)
    return lambda z, y: function(z[:, :1], target(y, z), z[:, 1:].exp())


def squashed(make: Callable[..., nn.Module], **arguments: str):
    """A class that takes what the link gives; ``arguments`` are its names of our parameters."""
    return lambda values, link, target, reduction: (
        lambda z, y: make(
            reduction=reduction, **{theirs: values[name] for theirs, name in arguments.items()}
        )(link(z), target(y, z))
    )


def broadcast(values, link, target, reduction) -> Function:
    """The bug itself, without PyTorch's warning of it: ``[N, 1]`` against ``[N]``."""
    function = nn.MSELoss(reduction=reduction)

    def of_pairs(z: Tensor, y: Tensor) -> Tensor:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Using a target size", UserWarning)
            return function(z, y)

    return of_pairs


REDUCTIONS = {"mean": Tensor.mean, "sum": Tensor.sum}

#: How a program calls the class of each loss in ``torch.nn``.
PROGRAMS = {
    "cross_entropy": cross_entropy,
    "bce": lambda values, link, target, reduction: (
        lambda z, y: nn.BCEWithLogitsLoss(
            pos_weight=torch.tensor(values["pos_weight"], dtype=torch.float64).to(z),
            reduction=reduction,
        )(z, target(y, z))
    ),
    "cross_entropy_after_softmax": lambda values, link, target, reduction: (
        lambda z, y: nn.CrossEntropyLoss(reduction=reduction)(z.softmax(1), y.long())
    ),
    "mse": squashed(nn.MSELoss),
    "broadcast_mse": broadcast,
    "nll": lambda values, link, target, reduction: (
        lambda z, y: nn.NLLLoss(reduction=reduction)(nn.LogSoftmax(1)(z), y.long())
    ),
    "bce_on_probabilities": squashed(nn.BCELoss),
    "kl_div": kl_divergence,
    "soft_margin": lambda values, link, target, reduction: (
        lambda z, y: nn.SoftMarginLoss(reduction=reduction)(z, target(y, z) * 2 - 1)
    ),
    "focal": focal,
    "hinge": lambda values, link, target, reduction: (
        lambda z, y: nn.MultiMarginLoss(
            p=int(values["p"]), margin=values["margin"], reduction=reduction
        )(z, y.long())
    ),
    "mse_on_raw_outputs": mse_on_raw_outputs,
    "mae_on_probabilities": squashed(nn.L1Loss),
    "generalised_cross_entropy": generalised_cross_entropy,
    "squentropy": squentropy,
    "symmetric_cross_entropy": symmetric_cross_entropy,
    "l1": squashed(nn.L1Loss),
    "smooth_l1": squashed(nn.SmoothL1Loss, beta="beta"),
    "huber": squashed(nn.HuberLoss, delta="delta"),
    "poisson_nll": lambda values, link, target, reduction: (
        lambda z, y: nn.PoissonNLLLoss(log_input=True, full=False, reduction=reduction)(
            z, target(y, z)
        )
    ),
    "gaussian_nll": gaussian,
    "custom": summed_square,
}


def network(sizes: Sequence[int], activation: Activation) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def network_of(stack: Stack, run: int, head_width: int) -> nn.Sequential:
    """A plain network with the weights that one run of the stack has now."""
    plain = network((*stack.layer_sizes[:-1], head_width), stack.activation)
    plain = plain.to(stack.flat.dtype)
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
