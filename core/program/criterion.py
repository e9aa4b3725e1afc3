"""The loss of a program: what is made once, and what is computed at each batch."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace

from core.anatomy import own
from core.anatomy.snippets import body, inputs
from core.losses import LossSpec, Task
from core.losses.program import Encoding
from core.program.parts import Part

#: How names begin of what is read after a switch of the loss.
LATER = "later_"
#: What differs from batch to batch.
_OF_A_BATCH = frozenset({"logits", "predictions", "outputs", "targets"})


@dataclass(frozen=True)
class Criterion:
    """``made`` stands before the loop, ``computed`` in it and ends with ``loss = ...``.

    The lines read the network's outputs as ``inputs``, and ``targets`` in their ``encoding``.
    """

    made: str
    computed: str
    inputs: str
    encoding: Encoding

    @property
    def later(self) -> Criterion:
        """The same beside a first criterion: what stands before the loop has names of its own."""
        names = "|".join(_bound(self.made))

        def renamed(code: str) -> str:
            return re.sub(rf"\b({names})\b", rf"{LATER}\1", code)

        return replace(self, made=renamed(self.made), computed=renamed(self.computed))


def _bound(code: str) -> list[str]:
    """The names that these statements give a value or a function."""
    body = ast.parse(code).body
    functions = [each.name for each in body if isinstance(each, ast.FunctionDef)]
    values = [
        node.id
        for each in body
        if isinstance(each, ast.Assign)
        for node in ast.walk(each)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    return functions + values


def criterion(loss: LossSpec, task: Task, width: int, expression: str | None) -> Criterion:
    """The loss in PyTorch, from the lines that its own file has or its expression's tree."""
    variant = loss.program.variants[task]
    name = inputs(task, width)
    if expression is None:
        lines = re.sub(r"\bloss_fn\b", "criterion", body(loss, variant))
    else:
        lines = own.body(expression, name, task.is_classification)
    made, computed = _split(lines)
    return Criterion(made, computed, name, variant.encoding)


def part(loss: LossSpec, made: Criterion, title: str = "Criterion") -> Part:
    if "criterion = nn." in made.made:
        how = (
            f"`nn.{loss.torch_class}()` makes the loss object, the criterion; called with the "
            "network's outputs and the targets it gives the loss, the mean over the batch."
        )
    elif made.made.startswith("def "):
        how = "`torch.nn` has no class for it, so it is a short function: the mean over the batch."
    else:
        how = "With these settings it is computed by hand, the mean over the batch."
    return Part(title, f"{loss.title}. {loss.card.summary} {how}", made.made)


def _split(lines: str) -> tuple[str, str]:
    """The statements that are the same at each batch, and those that read something of it."""
    source = lines.splitlines()
    varying = set(_OF_A_BATCH)
    made: list[str] = []
    computed: list[str] = []
    for statement in ast.parse(lines).body:
        text = "\n".join(source[statement.lineno - 1 : statement.end_lineno])
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        is_function = isinstance(statement, ast.FunctionDef)
        if not is_function and any(node.id in varying for node in names):
            varying |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
            computed.append(text)
        else:
            made.append(text + ("\n\n" if is_function else ""))
    return "\n".join(made).strip(), "\n".join(computed)
