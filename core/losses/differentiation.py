"""What a tree gives and how it moves with the logits: value and gradient, in one pass each way.

Written out, and not left to autograd, so that a gradient of 0 stays 0: autograd multiplies
it by an infinite slope, as that of log at 0, and has NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.losses.expression import Call, Name, Node, Number, names
from core.losses.log_odds import LogOdds
from core.losses.operations import OPERATIONS, chained

if TYPE_CHECKING:
    from torch import Tensor

    #: Takes dL/d(value) back to the names.
    Pull = Callable[[Tensor], None]
    #: The chain rule's product of a gradient and a slope.
    Chain = Callable[[Tensor, Tensor], Tensor]


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


def differentiate(tree: Node, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Each output's value of a stable tree, and the gradient of their sum in the logits z.

    A tree whose rows were summed over has one row.
    """
    run = _Pass(z, y, names(tree))
    value, pull = run.forth(tree)
    gradient = run.back(value, pull, _product)
    # Only 0 times an infinite slope makes NaN of what is none, and that is seldom.
    if gradient.isnan().any():
        gradient = run.back(value, pull, chained)
    return value, gradient


def sizes_of_gradient(tree: Node, z: Tensor, y: Tensor) -> Tensor:
    """How large the gradient would be if none of its parts had cancelled another."""
    run = _Pass(z, y, names(tree))
    return run.back(*run.forth(tree), lambda gradient, slope: chained(gradient, slope.abs()))


def _product(gradient: Tensor, slope: Tensor) -> Tensor:
    return gradient * slope


class _Pass:
    """One way forth through a tree, and any number of ways back."""

    def __init__(self, z: Tensor, y: Tensor, used: frozenset[str]) -> None:
        self._z = z
        self._odds = LogOdds(z) if used & set(_OF_LOG_ODDS) else None
        self._variables = {"z": z, "y": y}
        if self._odds is not None:
            for name in used & set(_OF_LOG_ODDS):
                self._variables[name] = _OF_LOG_ODDS[name].value(self._odds.values)
        self._chain: Chain = _product
        self._gradients: dict[str, Tensor] = {}

    def forth(self, node: Node) -> tuple[Tensor, Pull | None]:
        """A node's value, and the way back from it; None where no logits are in it.

        Numbers are tensors too, so that no arithmetic is ever Python's.
        """
        match node:
            case Number(value):
                return self._z.new_tensor(value), None
            case Name("y"):
                return self._variables["y"], None
            case Name(name):
                return self._variables[name], lambda gradient: self._add(name, gradient)
            case Call(operation, arguments):
                return self._through(operation, [self.forth(each) for each in arguments])

    def _through(
        self, operation: str, arguments: list[tuple[Tensor, Pull | None]]
    ) -> tuple[Tensor, Pull | None]:
        entry = OPERATIONS[operation]
        values = [value for value, _pull in arguments]
        result = entry.compute(*values)

        def pull(gradient: Tensor) -> None:
            for (value, back), slope in zip(arguments, entry.slopes, strict=True):
                if back is not None:
                    part = self._chain(gradient, slope(*values, result))
                    was_one_row = value.shape[-2] < part.shape[-2]
                    back(part.sum(-2, keepdim=True) if was_one_row else part)

        is_still = not entry.slopes or all(back is None for _value, back in arguments)
        return result, None if is_still else pull

    def _add(self, name: str, gradient: Tensor) -> None:
        before = self._gradients.get(name)
        self._gradients[name] = gradient if before is None else before + gradient

    def back(self, value: Tensor, pull: Pull | None, chain: Chain) -> Tensor:
        """dL/dz: of the logits themselves, and by way of their log-odds."""
        self._chain, self._gradients = chain, {}
        if pull is not None:
            pull(value.new_ones(value.shape))
        gradient = self._gradients.pop("z", self._z.new_zeros(self._z.shape))
        if self._odds is None or not self._gradients:
            return gradient
        p, rest = self._odds.values.sigmoid(), (-self._odds.values).sigmoid()
        of_odds = self._z.new_zeros(self._z.shape)
        for name, part in self._gradients.items():
            of_odds = of_odds + chain(part, _OF_LOG_ODDS[name].slope(p, rest))
        taken = chain(self._odds.share_in_others(of_odds), self._z.new_tensor(-1.0))
        return gradient + of_odds + taken
