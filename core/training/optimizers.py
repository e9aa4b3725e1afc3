"""One fused update over the flat parameters of a whole stack.

Each optimizer is one call of the operator that ``torch.optim`` itself uses with
``fused=True``, without its per-tensor bookkeeping; the rules and defaults are those of
``torch.optim.SGD``, ``Adam`` and ``AdamW``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from core.spec import OptimizerName, OptimizerSpec

Update = Callable[[], None]


_Make = Callable[[OptimizerSpec, Tensor, Tensor, float], Update]


def _adam(operator: Callable[..., None]) -> _Make:
    def make(
        spec: OptimizerSpec, parameters: Tensor, gradients: Tensor, learning_rate: float
    ) -> Update:
        mean, square = torch.zeros_like(parameters), torch.zeros_like(parameters)
        step = torch.zeros((), device=parameters.device)

        def update() -> None:
            step.add_(1)
            operator(
                [parameters],
                [gradients],
                [mean],
                [square],
                [],
                [step],
                lr=learning_rate,
                beta1=0.9,
                beta2=0.999,
                eps=1e-8,
                weight_decay=spec.weight_decay,
                amsgrad=False,
                maximize=False,
            )

        return update

    return make


def _sgd(
    spec: OptimizerSpec, parameters: Tensor, gradients: Tensor, learning_rate: float
) -> Update:
    momentum = spec.momentum if spec.name is OptimizerName.MOMENTUM else 0.0
    velocity = [torch.zeros_like(parameters)] if momentum else []

    def update() -> None:
        torch._fused_sgd_(
            [parameters],
            [gradients],
            velocity,
            lr=learning_rate,
            momentum=momentum,
            weight_decay=spec.weight_decay,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            # The velocity starts at 0, which makes the first step like every other.
            is_first_step=False,
        )

    return update


_MAKERS: dict[OptimizerName, _Make] = {
    OptimizerName.SGD: _sgd,
    OptimizerName.MOMENTUM: _sgd,
    OptimizerName.ADAM: _adam(torch._fused_adam_),
    OptimizerName.ADAMW: _adam(torch._fused_adamw_),
}


def make_update(
    spec: OptimizerSpec,
    parameters: Tensor,
    gradients: Tensor,
    rates: Sequence[tuple[slice, float]],
) -> Update:
    """A function that moves ``parameters`` by one step along ``gradients``, in place.

    ``rates`` has the learning rate of each slice of runs; where they are all alike, all runs
    move in one call.
    """
    make = _MAKERS[spec.name]
    first = rates[0][1]
    if all(rate == first for _, rate in rates):
        return make(spec, parameters, gradients, first)
    updates = [make(spec, parameters[runs], gradients[runs], rate) for runs, rate in rates]

    def update() -> None:
        for each in updates:
            each()

    return update
