"""What a loss is: its formula for each task, and the facts that pages and tests read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from core.bounds import quoted
from core.losses.card import Card, Range, from_zero
from core.losses.parameters import FrozenMapping, Parameter, Value
from core.losses.program import Program
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

    Forward = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    Backward = Callable[[Tensor, Tensor], Tensor]
    Gradient = Callable[[Tensor, Tensor], Tensor]
    Constant = Callable[[Tensor], Tensor]
    ExampleWeights = Callable[[Tensor], Tensor]


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
class Formula:
    """A loss as it is used for one task: its link, formula in LaTeX, forward and backward.

    ``constant(y)`` gives the logits ``[C, 1]`` of the best constant predictor, whose mean
    loss is the loss's baseline. ``example_weights(y)`` gives how much each example counts in
    a mean, from the targets ``[..., C, N]`` to ``[..., N]``; None counts every example as 1.
    ``reads_scores`` says that the loss also depends on what probabilities do not tell, such as
    an offset that all logits share, and ``is_by_example`` that an example's loss does not depend
    on the others that it comes with. ``direct(z, y)`` is the backward straight from the logits,
    where that takes fewer operations than to work out the loss on the way.
    """

    link: Link
    latex: str
    forward: Forward
    backward: Backward
    constant: Constant
    example_weights: ExampleWeights | None = None
    reads_scores: bool = False
    is_by_example: bool = True
    direct: Gradient | None = None

    @property
    def gradient(self) -> Gradient:
        """dL/dz of each example from logits and targets, ``[..., C, N]`` all three."""
        return self.direct or self._by_way_of_the_loss

    def _by_way_of_the_loss(self, z: Tensor, y: Tensor) -> Tensor:
        _losses, saved = self.forward(z, y)
        return self.backward(saved, y)

    @property
    def is_of_probabilities(self) -> bool:
        """Whether the probabilities of the classes tell the loss."""
        return self.link.gives_probabilities and not self.reads_scores

    def mean(self, losses: Tensor, y: Tensor) -> Tensor:
        """The mean of the losses ``[..., N]`` over the examples: sum(losses) / sum(weights).

        The losses have their weights in them already, as ``forward`` returns them.
        """
        if self.example_weights is None:
            return losses.mean(-1)
        return losses.sum(-1) / self.example_weights(y).sum(-1)


def for_classes(formula: Formula) -> dict[Task, Formula]:
    """The same formula for two classes as for more."""
    return {Task.BINARY: formula, Task.MULTICLASS: formula}


@dataclass(frozen=True)
class LossSpec:
    """One loss. ``forms`` holds the tasks that it fits; the rest are refused.

    ``full_title`` is the title beside a loss of a longer name, where ``title`` alone could
    mean either; it is ``title`` where none is given. ``torch_class`` is the loss's class in
    ``torch.nn``, None where there is none. ``color`` and ``dash`` together are the loss's own
    on every chart. ``make_formulas`` takes the parameters by name; so do ``make_card``, which
    gives the loss's contract, and ``make_range``, which gives the range of a single example's
    loss for a task and its number of classes (1 for a value). ``chosen`` holds the parameters
    that were set. ``program`` shows the loss in PyTorch. ``mistake`` is for a loss that is a bug,
    trained to see what it does: the key of the common mistake, one of ``core.anatomy.MISTAKES``.
    """

    key: str
    title: str
    torch_class: str | None
    head: Head
    encoding: str
    make_formulas: Callable[..., Mapping[Task, Formula]]
    refusals: Mapping[Task, str]
    color: str
    dash: str
    make_card: Callable[..., Card]
    program: Program
    make_range: Callable[..., Range] = from_zero
    parameters: tuple[Parameter, ...] = ()
    full_title: str = ""
    mistake: str = ""
    chosen: Mapping[str, Value] = field(default_factory=lambda: FrozenMapping({}))

    def __post_init__(self) -> None:
        object.__setattr__(self, "full_title", self.full_title or self.title)

    @property
    def values(self) -> dict[str, Value]:
        """Every parameter's value: the chosen one, or its default."""
        return {each.name: self.chosen.get(each.name, each.default) for each in self.parameters}

    @cached_property
    def formulas(self) -> Mapping[Task, Formula]:
        return self.make_formulas(**self.values)

    @cached_property
    def card(self) -> Card:
        return self.make_card(**self.values)

    @property
    def unit(self) -> str:
        """What one unit of the loss is."""
        return self.card.unit

    @property
    def is_mistake(self) -> bool:
        """Whether nobody should train it but to see what goes wrong."""
        return bool(self.mistake)

    def value_range(self, task: Task, outputs: int) -> Range:
        """The range of a single example's loss with ``outputs`` classes, 1 for a value."""
        return self.make_range(task, outputs, **self.values)

    @property
    def changed(self) -> dict[str, Value]:
        """The parameters whose value is not the default."""
        defaults = {each.name: each.default for each in self.parameters}
        return {name: value for name, value in self.values.items() if value != defaults[name]}

    def with_parameters(self, values: Mapping[str, Value]) -> LossSpec:
        """The same loss with these values bound into its forms, the others as before."""
        return replace(self, chosen=FrozenMapping({**self.chosen, **values}))

    def parse_parameters(self, given: object) -> FrozenMapping[Value]:
        """Values by name, checked and frozen; ``ValueError`` with a sentence for the first
        that is not allowed."""
        if not isinstance(given, Mapping):
            raise ValueError(
                f"Parameters of {self.title} was {quoted(given)}; allowed is an object with values "
                "by name."
            )
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                allowed = f"allowed is any of {', '.join(known)}" if known else "it has none"
                raise ValueError(f"Parameter of {self.title} was {quoted(name)}; {allowed}.")
        return FrozenMapping({name: known[name].parse(value) for name, value in given.items()})

    def refusal(self, task: Task) -> str | None:
        """Why this loss does not fit the task; None where it does."""
        return self.refusals.get(task)
