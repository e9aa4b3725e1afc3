"""Each loss as a short PyTorch program that runs as it stands and prints its value.

A loss's ``program`` has the lines that compute ``loss`` for each task; here they get the
imports, the logits and targets written out, and the print. A ``Snippet`` also gives those
numbers as plain tuples, so that the same value can be had from the catalogue.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.anatomy import own
from core.errors import SpecError
from core.losses import LOSSES, Kind, LossSpec, ProgramVariant, Task
from core.losses.parameters import Value
from core.losses.program import Encoding, Row, Sample

#: What all losses have in common.
PATTERN: Final = """\
import torch
from torch import nn

loss_fn = nn.SomeLoss()
loss = loss_fn(predicted_values, real_values)
"""


@dataclass(frozen=True)
class Snippet:
    """A program, and the numbers in it.

    ``logits`` are the network's outputs ``[N][C]``. ``targets`` ``[N]`` are as a data set
    gives them, class ids or values; the code writes them as its loss wants them.
    """

    code: str
    logits: tuple[Row, ...]
    targets: tuple[float, ...]


_PROGRAM = """\
import torch
from torch import nn

{inputs} = torch.tensor({logits})
targets = torch.tensor({targets})  # {remark}
{gap}
{body}
print(f"{{loss.item():.4f}}")
"""


def snippet(
    key: str,
    task: Task,
    parameters: Mapping[str, Value] | None = None,
    expression: str | None = None,
) -> Snippet:
    """The program of one loss for one task, with the loss's parameters written into it.

    A person's own loss is written out from its ``expression``.

    A parameter that is not given has its default. Raises ``SpecError`` if the loss doesn't
    fit the task, has no such parameter or not with such a value, or is given weights for
    another number of classes than the sample has.
    """
    program = LOSSES[key].program
    variant = program.variants.get(task)
    if variant is None:
        fits = " and ".join(program.variants)
        raise SpecError(f"There is no example of {key} for {task}.", f"It fits {fits}.")
    loss = _with_parameters(LOSSES[key], parameters or {})
    _check_weights(loss.changed, variant.sample)
    if expression is None:
        text = body(loss, variant)
    else:
        text = own.body(
            expression, inputs(task, len(variant.sample.logits[0])), task.is_classification
        )
    code = _PROGRAM.format(
        inputs=inputs(task, len(variant.sample.logits[0])),
        logits=_tensor(variant.sample.logits),
        targets=_tensor(_encoded(variant)),
        remark=variant.encoding.value,
        gap="\n" if text.startswith("def ") else "",
        body=text,
    )
    return Snippet(code, variant.sample.logits, variant.sample.targets)


def body(loss: LossSpec, variant: ProgramVariant) -> str:
    """The lines that compute ``loss``, with the parameters' values filled in."""
    program, changed = loss.program, loss.changed
    whole = {each.name for each in loss.parameters if each.kind is Kind.WHOLE_NUMBER}
    written = {name: _written(value, name in whole) for name, value in loss.values.items()}
    arguments = ", ".join(
        argument.format(written[name])
        for name, argument in program.arguments.items()
        if name in changed
    )
    replacements = (body for name, body in program.bodies.items() if name in changed)
    return next(replacements, variant.body).format(arguments=arguments, **written)


def _with_parameters(loss: LossSpec, parameters: Mapping[str, Value]) -> LossSpec:
    try:
        return loss.with_parameters(loss.parse_parameters(parameters))
    except ValueError as error:
        raise SpecError(str(error)) from error


def _check_weights(values: Mapping[str, Value], sample: Sample) -> None:
    """Weights, the values that are tuples, must be as many as the sample's logits."""
    logits = len(sample.logits[0])
    for name, value in values.items():
        if isinstance(value, tuple) and len(value) != logits:
            raise SpecError(f"{name} has {len(value)} numbers.", f"The example needs {logits}.")


def inputs(task: Task, width: int) -> str:
    """What the lines of a loss call the network's ``width`` outputs."""
    if task.is_classification:
        return "logits"
    return "predictions" if width == 1 else "outputs"


def _encoded(variant: ProgramVariant) -> tuple[Row, ...]:
    """The targets as rows of the numbers that the code shows."""
    targets, classes = variant.sample.targets, len(variant.sample.logits[0])
    if variant.encoding is Encoding.IDS:
        return tuple((int(target),) for target in targets)
    if variant.encoding in (Encoding.ZERO_ONE, Encoding.VALUES, Encoding.COUNTS):
        return tuple((float(target),) for target in targets)
    off = -1.0 if variant.encoding is Encoding.SIGNS else 0.0
    if classes == 1:
        return tuple((1.0 if target else off,) for target in targets)
    return tuple(tuple(1.0 if c == target else off for c in range(classes)) for target in targets)


def _tensor(rows: tuple[Row, ...]) -> str:
    """Rows as a nested list, or as a flat one where each holds one number."""
    flat = len(rows[0]) == 1
    return str([row[0] if flat else list(row) for row in rows])


#: A list of more characters has lines of its own: no line of a program is longer than 100.
_LONGEST_LIST = 60


def _written(value: Value, is_whole: bool) -> str:
    if isinstance(value, tuple):
        written = str(list(value))
        if len(written) <= _LONGEST_LIST:
            return written
        numbers = textwrap.indent(textwrap.fill(written[1:-1], _LONGEST_LIST), "    ")
        return f"[\n{numbers}\n]"
    return str(int(value) if is_whole else value)
