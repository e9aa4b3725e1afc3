"""The trial of a person's own loss: whether it can be trained, and where it can not, why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import LossExpressionError
from core.losses.differentiation import differentiate, sizes_of_gradient
from core.losses.expression import Call, Name, Node, names, parse
from core.losses.operations import FUNCTIONS, OPERATORS
from core.losses.stable import stable
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

#: Random starts, of which the first few have to have a finite loss and gradient.
_ROWS_TRIED = 128
_ROWS_FINITE = 32
#: A gradient so much smaller than its parts is what float64 left of 0.
_ROUNDING = 1e-12


def check(expression: str, task: Task, classes: int) -> None:
    """Try the expression at random starts; ``LossExpressionError`` says what is wrong, where.

    ``classes`` is the number of outputs, 1 for regression.
    """
    tree = parse(expression)
    trial = _trial(task, classes)
    if (bad := trial.bad_value(tree)) is not None:
        culprit = trial.innermost(tree, lambda node: trial.bad_value(node) is not None)
        raise LossExpressionError(
            f"The loss is {bad} at a random start; it must be finite there.{trial.reason(culprit)}",
            _place(culprit, expression),
        )
    if (bad := trial.bad_slope(tree)) is not None:
        culprit = trial.innermost(tree, lambda node: trial.bad_slope(node) is not None, "zp")
        raise LossExpressionError(
            f"The gradient is {bad} at a random start; it must be finite there.",
            _place(culprit, expression),
        )
    if trial.is_flat(tree):
        culprit = trial.innermost(tree, trial.is_flat, "zp")
        raise LossExpressionError(
            "The gradient is 0 at every random start, but for rounding, so nothing can be "
            "learned from it.",
            _place(culprit, expression),
        )


@dataclass(frozen=True)
class _Trial:
    """Logits and targets ``[C, N]`` in float64, and what an expression is at them."""

    z: Tensor
    y: Tensor
    is_classification: bool

    def bad_value(self, node: Node) -> float | None:
        """A value in float32 that is not finite; None where all are."""
        return _first_bad(self._of_float32(node)[0])

    def bad_slope(self, node: Node) -> float | None:
        return _first_bad(self._of_float32(node)[1])

    def is_flat(self, node: Node) -> bool:
        """Whether the gradient is 0 everywhere, but for what rounding left of it."""
        tree = stable(node, self.is_classification)
        _value, gradient = differentiate(tree, self.z, self.y)
        sizes = sizes_of_gradient(tree, self.z, self.y)
        return not (gradient.abs() > _ROUNDING * sizes).any()

    def innermost(self, tree: Node, is_at_fault: Callable[[Node], bool], of: str = "") -> Node:
        """The innermost operation at fault; with ``of``, of those with one of these names."""
        if isinstance(tree, Call):
            for each in tree.arguments:
                is_of = not of or names(each) & set(of)
                if isinstance(each, Call) and is_of and is_at_fault(each):
                    return self.innermost(each, is_at_fault, of)
        return tree

    def reason(self, culprit: Node) -> str:
        """What an operation on finite numbers makes of them, where that is not finite."""
        if not isinstance(culprit, Call) or culprit.operation not in FUNCTIONS | OPERATORS:
            return ""
        result, numbers = self._first_bad_numbers(culprit)
        if len(numbers) != len(culprit.arguments):
            return ""
        known = zip(culprit.arguments, numbers, strict=True)
        where = " and ".join(f"{each.id} = {n:.3g}" for each, n in known if isinstance(each, Name))
        texts = [
            each.id if isinstance(each, Name) else f"{number:.3g}"
            for each, number in zip(culprit.arguments, numbers, strict=True)
        ]
        written = _written(culprit.operation, texts)
        return f" Here {written} is {result}{f', where {where}' if where else ''}."

    def _first_bad_numbers(self, culprit: Call) -> tuple[float, list[float]]:
        """The first result that is not finite, and the numbers that it is made of."""
        result = self._of_float32(culprit)[0]
        place = int((~result.isfinite()).flatten().nonzero()[0])
        numbers = []
        for each in culprit.arguments:
            value = self._of_float32(each)[0]
            if value.dim() == 0 or value.shape == result.shape:
                numbers.append(float(value.expand(result.shape).flatten()[place]))
        return float(result.flatten()[place]), numbers

    def _of_float32(self, node: Node) -> tuple[Tensor, Tensor]:
        z, y = self.z[:, :_ROWS_FINITE].float(), self.y[:, :_ROWS_FINITE].float()
        return differentiate(stable(node, self.is_classification), z, y)


def _trial(task: Task, classes: int) -> _Trial:
    import torch

    generator = torch.Generator().manual_seed(0)
    size = (classes, _ROWS_TRIED)
    z = torch.randn(size, generator=generator, dtype=torch.float64)
    values = torch.randn(size, generator=generator, dtype=torch.float64)
    ids = torch.arange(_ROWS_TRIED) % classes
    one_hot = torch.nn.functional.one_hot(ids, classes).T.double()
    is_classification = task.is_classification
    return _Trial(z, one_hot if is_classification else values, is_classification)


def _place(node: Node, expression: str) -> int:
    """Where an operation begins; a name is one at fault only where it is all there is."""
    whole = len(expression) - len(expression.lstrip())
    return node.position if isinstance(node, Call) else whole


def _first_bad(values: Tensor) -> float | None:
    bad = values[~values.isfinite()]
    return float(bad[0]) if len(bad) else None


def _written(operation: str, texts: list[str]) -> str:
    if operation in FUNCTIONS:
        return f"{operation}({', '.join(texts)})"
    return f" {operation} ".join(texts) if len(texts) > 1 else f"-{texts[0]}"
