"""What a tree gives and how it moves with the logits: value and gradient, in one pass each way.

Written out, and not left to autograd, so that a gradient of 0 stays 0: autograd multiplies
it by an infinite slope, as that of log at 0, and has NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.losses.expression import Call, Name, Node, Number, names
from core.losses.log_odds import gradient_in_logits, log_odds
from core.losses.operations import OPERATIONS, chained

if TYPE_CHECKING:
    from torch import Tensor

    #: Takes dL/d(value) back to the names.
    Pull = Callable[[Tensor], None]


@dataclass(frozen=True)
class _OfLogOdds:
    """A quantity of o = log-odds of p, and its slope from p and 1 - p."""

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor, Tensor], Tensor]


def _log_sigmoid(x: Tensor) -> Tensor:
    return -(-x).logaddexp(x.new_zeros(()))


_OF_LOG_ODDS = {
    "p": _OfLogOdds(lambda o: o.sigmoid(), lambda p, rest: p * rest),
    "rest": _OfLogOdds(lambda o: (-o).sigmoid(), lambda p, rest: -p * rest),
    "log_p": _OfLogOdds(_log_sigmoid, lambda p, rest: rest),
    "log_rest": _OfLogOdds(lambda o: _log_sigmoid(-o), lambda p, rest: -p),
}


def evaluate(node: Node, variables: Mapping[str, Tensor]) -> Tensor:
    """The tree's value. Numbers are tensors too, so that no arithmetic is ever Python's."""
    match node:
        case Number(value):
            return variables["z"].new_tensor(value)
        case Name(name):
            return variables[name]
        case Call(operation, arguments):
            values = (evaluate(each, variables) for each in arguments)
            return OPERATIONS[operation].compute(*values)


def differentiate(tree: Node, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Each output's value of a stable tree, and the gradient of their sum in the logits z.

    A tree whose rows were summed over has one row.
    """
    return _Pass(tree, z, y, _as_it_is).value_and_gradient()


def sizes_of_gradient(tree: Node, z: Tensor, y: Tensor) -> Tensor:
    """How large the gradient would be if none of its parts had cancelled another."""
    return _Pass(tree, z, y, _size).value_and_gradient()[1]


def _as_it_is(slope: Tensor) -> Tensor:
    return slope


def _size(slope: Tensor) -> Tensor:
    return slope.abs()


class _Pass:
    """One way forth and back through a tree; ``of_slope`` is what becomes of every slope."""

    def __init__(
        self, tree: Node, z: Tensor, y: Tensor, of_slope: Callable[[Tensor], Tensor]
    ) -> None:
        self._of_slope = of_slope
        self._z = z
        self._tree = tree
        used = names(tree) & set(_OF_LOG_ODDS)
        self._odds = log_odds(z) if used else None
        self._variables = {"z": z, "y": y}
        if self._odds is not None:
            for name in used:
                self._variables[name] = _OF_LOG_ODDS[name].value(self._odds)
        self._gradients: dict[str, Tensor] = {}

    def value_and_gradient(self) -> tuple[Tensor, Tensor]:
        value, pull = self._forth(self._tree)
        if pull is not None:
            pull(value.new_ones(value.shape))
        return value, self._gradient()

    def _forth(self, node: Node) -> tuple[Tensor, Pull | None]:
        """A node's value, and the way back from it; None where no logits are in it."""
        match node:
            case Number(value):
                return self._z.new_tensor(value), None
            case Name("y"):
                return self._variables["y"], None
            case Name(name):
                return self._variables[name], lambda gradient: self._add(name, gradient)
            case Call(operation, arguments):
                return self._through(operation, [self._forth(each) for each in arguments])

    def _through(
        self, operation: str, arguments: list[tuple[Tensor, Pull | None]]
    ) -> tuple[Tensor, Pull | None]:
        entry = OPERATIONS[operation]
        values = [value for value, _pull in arguments]
        result = entry.compute(*values)

        def pull(gradient: Tensor) -> None:
            for (value, back), slope in zip(arguments, entry.slopes, strict=True):
                if back is not None:
                    part = chained(gradient, self._of_slope(slope(*values, result)))
                    was_one_row = value.shape[-2] < part.shape[-2]
                    back(part.sum(-2, keepdim=True) if was_one_row else part)

        is_still = not entry.slopes or all(back is None for _value, back in arguments)
        return result, None if is_still else pull

    def _add(self, name: str, gradient: Tensor) -> None:
        before = self._gradients.get(name)
        self._gradients[name] = gradient if before is None else before + gradient

    def _gradient(self) -> Tensor:
        """dL/dz: of the logits themselves, and by way of their log-odds."""
        direct = self._gradients.pop("z", self._z.new_zeros(self._z.shape))
        if self._odds is None or not self._gradients:
            return direct
        p, rest = self._odds.sigmoid(), (-self._odds).sigmoid()
        through = [
            chained(gradient, self._of_slope(_OF_LOG_ODDS[name].slope(p, rest)))
            for name, gradient in self._gradients.items()
        ]
        of_odds = through[0] if len(through) == 1 else sum(through[1:], through[0])
        return direct + gradient_in_logits(self._z, of_odds, self._of_slope)
