"""What a loss is: its form for each task, and the facts that pages and tests read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from core.bounds import shown
from core.losses.parameters import FrozenMapping, Parameter, Value

if TYPE_CHECKING:
    from torch import Tensor

    Forward = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    Backward = Callable[[Tensor, Tensor], Tensor]
    Constant = Callable[[Tensor], Tensor]


class Task(StrEnum):
    """What a data set asks of a network."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"

    @property
    def is_classification(self) -> bool:
        return self is not Task.REGRESSION


class Link(StrEnum):
    """How logits become what the loss compares with the target."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    IDENTITY = "identity"
    EXP = "exp"

    @property
    def gives_probabilities(self) -> bool:
        """Whether what it makes of the logits are probabilities of classes."""
        return self in (Link.SOFTMAX, Link.SIGMOID)


class Head(StrEnum):
    """How many logits the last layer gives."""

    PER_CLASS = "one logit a class"
    NARROWEST = "one logit where one is enough, else one a class"
    MEAN_AND_LOG_VARIANCE = "a mean and a log-variance"

    def width(self, outputs: int) -> int:
        """Number of logits for ``outputs`` classes (1 for regression)."""
        narrowest = 1 if outputs == 2 else outputs
        widths = {
            Head.PER_CLASS: outputs,
            Head.NARROWEST: narrowest,
            Head.MEAN_AND_LOG_VARIANCE: 2 * outputs,
        }
        return widths[self]


@dataclass(frozen=True)
class Form:
    """A loss as it is used for one task: its link, formula, forward and backward.

    ``constant(y)`` gives the logits of the best constant predictor, the loss's baseline.
    """

    link: Link
    formula: str
    forward: Forward
    backward: Backward
    constant: Constant
    example_weights: Callable[[Tensor], Tensor] | None = None


@dataclass(frozen=True)
class LossSpec:
    """One loss. ``forms`` holds the tasks that it fits; the rest are refused.

    ``torch_class`` is its class in ``torch.nn``, None where there is none. ``unit``
    names what one unit of the loss is and ``value_range`` the range of a single
    example's loss. ``color`` and ``dash`` together are the loss's own on every chart.
    ``make_forms`` takes the parameters by name; ``chosen`` holds those that were set.
    """

    key: str
    title: str
    torch_class: str | None
    head: Head
    encoding: str
    reduction: str
    unit: str
    value_range: str
    make_forms: Callable[..., Mapping[Task, Form]]
    refusals: Mapping[Task, str]
    color: str
    dash: str
    parameters: tuple[Parameter, ...] = ()
    chosen: Mapping[str, Value] = field(default_factory=lambda: FrozenMapping({}))

    @property
    def values(self) -> dict[str, Value]:
        """Every parameter's value: the chosen one, or its default."""
        return {each.name: self.chosen.get(each.name, each.default) for each in self.parameters}

    @cached_property
    def forms(self) -> Mapping[Task, Form]:
        return self.make_forms(**self.values)

    @property
    def changed(self) -> dict[str, Value]:
        """The parameters whose value is not the default."""
        defaults = {each.name: each.default for each in self.parameters}
        return {name: value for name, value in self.values.items() if value != defaults[name]}

    def with_parameters(self, values: Mapping[str, Value]) -> LossSpec:
        """The same loss with these values bound into its forms, the others as before."""
        return replace(self, chosen=FrozenMapping({**self.chosen, **values}))

    @property
    def full_title(self) -> str:
        return self.title

    def parse_parameters(self, given: object) -> FrozenMapping[Value]:
        """Values by name, checked and frozen; ``ValueError`` with a sentence for the first
        that is not allowed."""
        if not isinstance(given, Mapping):
            raise ValueError(
                f"Parameters of {self.title} was {shown(given)}; allowed is an object with values "
                "by name."
            )
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                allowed = f"allowed is any of {', '.join(known)}" if known else "it has none"
                raise ValueError(f"Parameter of {self.title} was {shown(name)}; {allowed}.")
        return FrozenMapping({name: known[name].parse(value) for name, value in given.items()})

    def refusal(self, task: Task) -> str | None:
        """Why this loss does not fit the task; None where it does."""
        return self.refusals.get(task)
