"""A person's own loss, written out in PyTorch, against the loss that trains."""

from __future__ import annotations

import contextlib
import random

import pytest
import torch

from core.anatomy import run, snippet
from core.anatomy.answers import printed
from core.anatomy.own import body
from core.errors import LossExpressionError
from core.losses import CUSTOM, Task, check
from core.losses.operations import COMPARISONS, FUNCTIONS, OPERATIONS
from core.spec import EntrantSpec

EXPRESSIONS = (
    "(p - y)**2",
    "-(1 - p)**2 * y * log(p)",
    "abs(p - y)**1.5",
    "where(abs(z - y) < 1, square(z - y), abs(z - y))",
    "logsumexp(z) - sum(y * z)",
    "max(0, 1 - (2*y - 1) * z) + min(z, 2)",
    "clip(p, 0.1, 0.9) * (1 - y) + mean(softplus(z)) / 3",
    "exp(1) * pi * tanh(z) - sign(y) * relu(z) + log1p(p) + expm1(-z) + sqrt(square(z))",
    "2**10 / 3 * sigmoid(z) + logsumexp(sum(z))",
    "(1 / 0) * 0 + z",
    "clip(sum(z), 0, z) + clip(1, p, 2) * z",
)


def both(expression: str, task: Task) -> tuple[str, str]:
    """What the written program prints, and what the loss that trains gives."""
    return (
        run(snippet(CUSTOM, task, expression=expression).code),
        printed(EntrantSpec(loss=CUSTOM, expression=expression), task),
    )


@pytest.mark.parametrize("task", Task)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_program_prints_the_loss(expression, task):
    program, trained = both(expression, task)
    assert program == trained


def test_the_examples_use_every_function():
    used = " ".join(EXPRESSIONS)
    assert [name for name in FUNCTIONS if f"{name}(" not in used] == []


#: Numbers stand bare, behind a minus and within functions; where a constant is a tensor and
#: where it must not be is what goes wrong.
_LEAVES = ("z", "p", "y", "z", "p", "2", "-1", "0.5", "-0.5", "pi", "e", "0", "1", "1e-3")


def grown(dice: random.Random, depth: int) -> str:
    """A random expression of the whole grammar."""
    if depth == 0 or dice.random() < 0.15:
        return dice.choice(_LEAVES)
    name = dice.choice((*FUNCTIONS, *"+-*/", "**", "-", "*", "negative"))
    if name == "negative":
        return f"-{grown(dice, depth - 1)}"
    if name not in FUNCTIONS:
        return f"({grown(dice, depth - 1)} {name} {grown(dice, depth - 1)})"
    arguments = [grown(dice, depth - 1) for _ in FUNCTIONS[name].needs]
    if name == "where":
        sign = dice.choice(tuple(COMPARISONS))
        arguments[0] = f"{grown(dice, depth - 1)} {sign} {grown(dice, depth - 1)}"
    return f"{name}({', '.join(arguments)})"


def accepted(task: Task, count: int) -> list[str]:
    """So many random expressions that can be trained on the task."""
    dice, found = random.Random(task.value), []
    while len(found) < count:
        expression = grown(dice, dice.randint(1, 4))
        with contextlib.suppress(LossExpressionError):
            check(expression, task, {Task.BINARY: 2, Task.MULTICLASS: 3, Task.REGRESSION: 1}[task])
            found.append(expression)
    return found


@pytest.mark.some(1)
@pytest.mark.parametrize("task", Task)
def test_every_program_runs_and_gives_the_loss(task):
    expressions = accepted(task, 200)
    used = " ".join(expressions)
    assert [name for name in FUNCTIONS if f"{name}(" not in used] == []
    for expression in expressions:
        program, trained = both(expression, task)
        assert float(program) == pytest.approx(float(trained), abs=2e-4, rel=1e-4, nan_ok=True), (
            expression
        )


@pytest.mark.parametrize("task", Task)
@pytest.mark.parametrize(
    "expression",
    [
        "max(z, -1)",
        "exp(-1)*z",
        "clip(z, -1, y)",
        "min(-1, z) + max(2, -z)",
        "where(-1 < 2, z, -1)*z",
        "where(z > 0, -1, 1)*z",
        "abs(-1)*abs(-pi)*z",
        "(-1)**2*z + 2**-z",
        "-1 - -z",
        "sum(-1)*z",
        "logsumexp(-1)*z",
        "y*log(y) + z",
        "y*log(y/exp(z)) + z",
        "log(1 - sigmoid(z))*y",
    ],
)
def test_programs_with_numbers_behind_a_minus_and_with_limits_run(expression, task):
    if "log(y" in expression and task is Task.REGRESSION:
        return  # Targets below 0 have no logarithm.
    program, trained = both(expression, task)
    assert program == trained


def test_a_program_takes_logarithms_of_probabilities_as_one_should():
    code = snippet(CUSTOM, Task.BINARY, expression="-y*log(p) - (1 - y)*log(1 - p)").code
    assert "log_p = z.log_softmax(dim=1)" in code
    assert "torch.log(p)" not in code
    assert "times" not in code


def test_only_what_the_expression_names_is_computed():
    assert "p =" not in snippet(CUSTOM, Task.BINARY, expression="abs(z - y)").code
    assert "softmax" not in snippet(CUSTOM, Task.REGRESSION, expression="abs(p - y)").code
    assert torch.isfinite(torch.tensor(float(both("p - y", Task.REGRESSION)[0])))


@pytest.mark.parametrize("expression", ["clip(sum(p), 0, p)", "clip(1, p, 2) * z"])
def test_autograd_goes_back_through_limits_with_more_rows_than_what_they_limit(expression):
    """As a program does that trains; torch.clip itself refuses it there."""
    logits = torch.randn(5, 3, requires_grad=True)
    targets = torch.eye(3)[[0, 1, 2, 0, 1]]
    known = {"torch": torch, "nn": torch.nn, "logits": logits, "targets": targets}
    exec(body(expression, "logits", is_classification=True), known)
    known["loss"].backward()
    assert logits.grad.shape == logits.shape
    direct = OPERATIONS["clip"].compute(logits.sum(1, keepdim=True), torch.tensor(0.0), logits)
    assert direct.shape == logits.shape
