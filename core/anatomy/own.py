"""A person's own loss, written out in PyTorch. Needs no torch."""

from __future__ import annotations

from core.losses import parse
from core.losses.expression import Call, Name, Node, Number, has_row_per_class, names
from core.losses.operations import FUNCTIONS
from core.losses.stable import operations, stable

#: Where the code is not ``torch.`` and the name.
_CALLS = {
    "min": "torch.minimum",
    "max": "torch.maximum",
    "softplus": "nn.functional.softplus",
    "times": "times",
}

_P = "    p = z.softmax(dim=1)\n"
#: The code of each name of a stable tree, and the line that comes before it.
_NAMES = {
    "z": ("z", ""),
    "y": ("y", ""),
    "p": ("p", _P),
    "rest": ("(1 - p)", _P),
    "log_p": ("log_p", "    log_p = z.log_softmax(dim=1)\n"),
    "log_rest": ("torch.log1p(-p)", _P),
}

_TIMES = """\
def times(a, b):
    # 0 times an infinite logarithm is 0, as in the limit.
    is_limit = (a == 0) & b.isinf() | (b == 0) & a.isinf()
    return (a * b).masked_fill(is_limit, 0)


"""


def body(expression: str, inputs: str, is_classification: bool) -> str:
    """The lines that compute ``loss`` from ``inputs`` and ``targets``.

    Both are ``[N, C]`` for classes, ``[N]`` for values.
    """
    tree = stable(parse(expression), is_classification)
    helper = _TIMES if "times" in operations(tree) else ""
    lines = dict.fromkeys(_NAMES[name][1] for name in sorted(names(tree)))
    total = ".sum(dim=1)" if is_classification else ""
    return (
        f"{helper}def my_loss(z, y):\n{''.join(lines)}"
        f"    return {_code(tree, is_classification)}{total}.mean()"
        f"\n\n\nloss = my_loss({inputs}, targets)"
    )


def _code(node: Node, per_class: bool) -> str:
    """Code that gives a tensor: arithmetic is torch's, with its infinities, not Python's."""
    match node:
        case Number(value):
            return f"torch.tensor({value!r})"
        case Name(name):
            return _NAMES[name][0]
        case Call("neg", (Number(value),)):
            return f"torch.tensor({-value!r})"
        case Call("neg", (argument,)):
            return f"(-{_code(argument, per_class)})"
        case Call(operation, (left, right)) if not operation.isidentifier():
            first, second = _operands(left, right, per_class)
            return f"({first} {operation} {second})"
        case Call(operation, arguments):
            return _function(operation, arguments, per_class)


def _operands(left: Node, right: Node, per_class: bool) -> tuple[str, str]:
    """Beside a tensor a number is a plain number; of two, each is a tensor."""
    plain = _plain_number(left), _plain_number(right)
    if None not in plain:
        plain = None, None
    first, second = plain
    return first or _code(left, per_class), second or _code(right, per_class)


def _plain_number(node: Node) -> str | None:
    match node:
        case Number(value):
            return str(int(value)) if value.is_integer() and value < 1e9 else repr(value)
        case Call("neg", (Number() as number,)):
            return f"(-{_plain_number(number)})"
    return None


def _function(operation: str, arguments: tuple[Node, ...], per_class: bool) -> str:
    texts = [_code(each, per_class) for each in arguments]
    if operation == "clip" and not has_row_per_class(arguments[0]):
        # torch.clip gives no more rows than it is given.
        return f"torch.minimum(torch.maximum({texts[0]}, {texts[1]}), {texts[2]})"
    if operation not in FUNCTIONS or not FUNCTIONS[operation].over_classes:
        return f"{_CALLS.get(operation, f'torch.{operation}')}({', '.join(texts)})"
    if not per_class or not has_row_per_class(arguments[0]):
        # There is one value an example already.
        return texts[0]
    return f"torch.{operation}({texts[0]}, dim=1, keepdim=True)"
