"""An expression computed as it is written, operation by operation, whatever rounds."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from core.losses.expression import Call, Name, Node, Number
from core.losses.operations import OPERATIONS


def evaluate(node: Node, variables: Mapping[str, Tensor]) -> Tensor:
    """The tree's value; numbers are tensors too."""
    match node:
        case Number(value):
            return variables["z"].new_tensor(value)
        case Name(name):
            return variables[name]
        case Call(operation, arguments):
            values = (evaluate(each, variables) for each in arguments)
            return OPERATIONS[operation].compute(*values)
