"""A person's own loss, written out in PyTorch, against the loss that trains."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.anatomy import run, snippet
from core.anatomy.answers import printed
from core.errors import LossExpressionError
from core.losses import CUSTOM, Task
from core.losses.operations import FUNCTIONS
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


def grown(inner):
    one = st.sampled_from(["sigmoid", "tanh", "relu", "softplus", "abs", "square", "sum", "mean"])
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner),
        st.builds("{}({})".format, one, inner),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner),
        st.builds("where({} < {}, {}, {})".format, inner, inner, inner, inner),
    )


@settings(max_examples=150)
@given(
    st.recursive(st.sampled_from(["z", "p", "y", "2", "0.5"]), grown, max_leaves=8),
    st.sampled_from(Task),
)
def test_the_program_prints_the_loss_of_any_expression(expression, task):
    try:
        program, trained = both(expression, task)
    except LossExpressionError:
        assume(False)  # nothing can be learned from it, as another test has it
    assert float(program) == pytest.approx(float(trained), abs=2e-4, rel=1e-4, nan_ok=True)


def test_only_what_the_expression_names_is_computed():
    assert "p =" not in snippet(CUSTOM, Task.BINARY, expression="abs(z - y)").code
    assert "softmax" not in snippet(CUSTOM, Task.REGRESSION, expression="abs(p - y)").code
    assert torch.isfinite(torch.tensor(float(both("p - y", Task.REGRESSION)[0])))
