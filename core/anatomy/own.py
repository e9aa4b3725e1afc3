"""A person's own loss, written out in PyTorch. Needs no torch."""

from __future__ import annotations

from core.losses import parse
from core.losses.expression import Call, Name, Node, Number, has_row_per_class, names
from core.losses.operations import FUNCTIONS

#: Where the code is not ``torch.`` and the name.
_CALLS = {
    "min": "torch.minimum",
    "max": "torch.maximum",
    "softplus": "nn.functional.softplus",
}


def body(expression: str, inputs: str, is_classification: bool) -> str:
    """The lines that compute ``loss`` from ``inputs`` and ``targets``.

    Both are ``[N, C]`` for classes, ``[N]`` for values.
    """
    tree = parse(expression)
    p = "z.softmax(dim=1)" if is_classification else "z"
    total = ".sum(dim=1)" if is_classification else ""
    first = f"    p = {p}\n" if "p" in names(tree) else ""
    return (
        f"def my_loss(z, y):\n{first}    return {_code(tree, is_classification)}{total}.mean()"
        f"\n\n\nloss = my_loss({inputs}, targets)"
    )


def _code(node: Node, per_class: bool) -> str:
    match node:
        case Number(value):
            return str(int(value)) if value.is_integer() and value < 1e9 else repr(value)
        case Name(name):
            return name
        case Call(operation, arguments) if operation in FUNCTIONS:
            return _function(operation, arguments, per_class)
        case Call("neg", (argument,)):
            return f"(-{_code(argument, per_class)})"
        case Call(operation, (left, right)):
            # Arithmetic is torch's, with its infinities, not Python's with its errors.
            with_tensor = names(left) or names(right)
            first = _code(left, per_class) if with_tensor else _tensor(left, per_class)
            return f"({first} {operation} {_code(right, per_class)})"
    raise AssertionError(node)


def _function(operation: str, arguments: tuple[Node, ...], per_class: bool) -> str:
    texts = [
        _code(each, per_class) if names(each) else _tensor(each, per_class) for each in arguments
    ]
    if not FUNCTIONS[operation].over_classes:
        return f"{_CALLS.get(operation, f'torch.{operation}')}({', '.join(texts)})"
    if not per_class or not has_row_per_class(arguments[0]):
        # There is one value an example already.
        return texts[0]
    return f"torch.{operation}({texts[0]}, dim=1, keepdim=True)"


def _tensor(node: Node, per_class: bool) -> str:
    return f"torch.tensor({node.value!r})" if isinstance(node, Number) else _code(node, per_class)
