"""A person's own loss: what is read, what is refused, and that it is the right loss."""

from __future__ import annotations

import builtins
import math
import random
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.errors import LossExpressionError, SpecError
from core.losses import LOSSES, Head, Link, Task, check, own_loss, parse
from core.losses.custom import EXAMPLE
from core.losses.expression import (
    CONSTANTS,
    DEEPEST,
    LONGEST,
    MOST_PARTS,
    VARIABLES,
    Call,
    Name,
    Node,
    Number,
)
from core.losses.operations import COMPARISONS, FUNCTIONS, OPERATORS
from core.spec import ExperimentSpec
from core.training import train
from tests.core.experiments import entrants
from tests.core.losses.as_written import evaluate

FOCAL = "-(1 - p)**2 * y * log(p)"
CROSS_ENTROPY = "-y*log(p)"
POWER = "abs(p - y)**1.5"


def some(classes: int, rows: int = 17) -> tuple[Tensor, Tensor]:
    """Logits ``[C, N]`` and one-hot targets, or values where there is one output."""
    generator = torch.Generator().manual_seed(3)
    z = torch.randn(classes, rows, generator=generator, dtype=torch.float64) * 2
    if classes == 1:
        return z, torch.randn(1, rows, generator=generator, dtype=torch.float64)
    ids = torch.arange(rows) % classes
    return z, torch.nn.functional.one_hot(ids, classes).T.double()


def value(expression: str, classes: int = 3) -> Tensor:
    """What the tree gives, for p = softmax(z)."""
    z, y = some(classes)
    return evaluate(parse(expression), {"z": z, "p": z.softmax(-2), "y": y})


def refused(expression: str) -> LossExpressionError:
    with pytest.raises(LossExpressionError) as caught:
        parse(expression)
    return caught.value


# ------------------------------------------------------------------ the same as others

TWINS = [
    (FOCAL, "focal", Task.MULTICLASS, 3, 1),
    (CROSS_ENTROPY, "cross_entropy", Task.BINARY, 2, 1),
    (CROSS_ENTROPY, "cross_entropy", Task.MULTICLASS, 4, 1),
    ("logsumexp(z) - sum(y*z)", "cross_entropy", Task.MULTICLASS, 4, 1),
    ("(p - y)**2", "mse", Task.MULTICLASS, 4, 4),
    ("mean(square(p - y))", "mse", Task.MULTICLASS, 4, 1),
    ("where(y == 1, 0, relu(1 - sum(y*z) + z))", "hinge", Task.MULTICLASS, 4, 4),
    ("(z - y)**2", "mse", Task.REGRESSION, 1, 1),
    ("abs(p - y)", "l1", Task.REGRESSION, 1, 1),
    (
        "where(abs(p - y) < 1, (p - y)**2 / 2, abs(p - y) - 0.5)",
        "huber", Task.REGRESSION, 1, 1,
    ),
    ("exp(z) - y*z", "poisson_nll", Task.REGRESSION, 1, 1),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "key", "task", "classes", "times"), TWINS)
def test_it_is_the_loss_that_its_formula_says(expression, key, task, classes, times):
    """Value, gradient and baseline, where ``times`` is the mean's divisor against the sum."""
    z, y = some(classes)
    y = y.abs()
    own, other = own_loss(expression).formulas[task], LOSSES[key].formulas[task]
    losses, saved = own.forward(z, y)
    expected, other_saved = other.forward(z, y)
    torch.testing.assert_close(losses, expected * times, rtol=1e-12, atol=1e-14)
    slope = other.backward(other_saved, y) * times
    torch.testing.assert_close(own.backward(saved, y), slope, rtol=1e-11, atol=1e-14)
    heights = [
        own.forward(formula.constant(y).expand(-1, y.shape[1]), y)[0].mean()
        for formula in (own, other)
    ]
    torch.testing.assert_close(*heights, rtol=1e-9, atol=1e-12)


def test_the_power_of_a_distance_by_hand():
    formula = own_loss(POWER).formulas[Task.REGRESSION]
    z, y = torch.tensor([[5.0, 1.0]]).double(), torch.tensor([[1.0, 1.0]]).double()
    losses, saved = formula.forward(z, y)
    assert losses.tolist() == pytest.approx([8, 0])
    assert formula.backward(saved, y)[0].tolist() == pytest.approx([3, 0])


def test_it_fits_every_task_with_a_logit_a_class():
    loss = own_loss(EXAMPLE)
    assert set(loss.formulas) == set(Task)
    assert loss.head is Head.PER_CLASS
    assert [loss.formulas[task].link for task in Task] == [Link.SOFTMAX] * 2 + [Link.IDENTITY]
    assert loss == LOSSES["custom"]


def test_without_p_its_outputs_are_scores():
    for expression in ("relu(1 - sum(y*z) + z)", "logsumexp(z) - sum(y*z)"):
        assert {formula.link for formula in own_loss(expression).formulas.values()} == {
            Link.IDENTITY
        }
    named = own_loss("where(y > 0, -log(sum(p*y)), 0)").formulas[Task.BINARY]
    assert named.link is Link.SOFTMAX


@pytest.mark.parametrize(
    ("expression", "is_of_probabilities"),
    [
        (EXAMPLE, True),
        (CROSS_ENTROPY, True),
        ("logsumexp(z) - sum(y*z)", False),
        ("-y*log(p) + z**2 / 9", False),
        ("-y*log(p) + 0*z", False),
    ],
)
def test_probabilities_tell_it_where_it_reads_them_alone(expression, is_of_probabilities):
    formulas = own_loss(expression).formulas
    for task in (Task.BINARY, Task.MULTICLASS):
        assert formulas[task].is_of_probabilities == is_of_probabilities
    assert not formulas[Task.REGRESSION].is_of_probabilities


# ------------------------------------------------------------------ what it computes

MEANINGS = {
    "abs(z)": lambda z, p, y: z.abs(),
    "exp(z)": lambda z, p, y: z.exp(),
    "log(p)": lambda z, p, y: p.log(),
    "log1p(p)": lambda z, p, y: (1 + p).log(),
    "expm1(z)": lambda z, p, y: z.exp() - 1,
    "sqrt(p)": lambda z, p, y: p**0.5,
    "square(z)": lambda z, p, y: z * z,
    "sigmoid(z)": lambda z, p, y: 1 / (1 + (-z).exp()),
    "tanh(z)": lambda z, p, y: (z.exp() - (-z).exp()) / (z.exp() + (-z).exp()),
    "relu(z)": lambda z, p, y: z * (z > 0),
    "softplus(z)": lambda z, p, y: (1 + z.exp()).log(),
    "sign(z)": lambda z, p, y: (z > 0).double() - (z < 0).double(),
    "min(z, y)": lambda z, p, y: torch.where(z < y, z, y),
    "max(z, 0.5)": lambda z, p, y: torch.where(z > 0.5, z, 0.5),
    "clip(z, -1, p)": lambda z, p, y: torch.where(z < -1, -1, torch.where(z > p, p, z)),
    "where(z > 0, z, y)": lambda z, p, y: torch.where(z > 0, z, y),
    "where(z >= y, 1, p)": lambda z, p, y: torch.where(z >= y, 1.0, p),
    "where(z < 0, z, 1)": lambda z, p, y: torch.where(z < 0, z, 1.0),
    "where(y <= 0, z, 1)": lambda z, p, y: torch.where(y <= 0, z, 1.0),
    "where(y == 1, z, 1)": lambda z, p, y: torch.where(y == 1, z, 1.0),
    "where(y != 1, z, 1)": lambda z, p, y: torch.where(y != 1, z, 1.0),
    "sum(p)": lambda z, p, y: torch.ones(1, z.shape[1]).double(),
    "mean(z)": lambda z, p, y: z.sum(0, keepdim=True) / 3,
    "logsumexp(z)": lambda z, p, y: z.exp().sum(0, keepdim=True).log(),
    "sum(2) + mean(3) + 0*z": lambda z, p, y: 5 + 0 * z,
    "pi*z + e": lambda z, p, y: math.pi * z + math.e,
    "z - y - 1": lambda z, p, y: z - y - 1,
    "z - (y - 1)": lambda z, p, y: z - y + 1,
    "-z**2": lambda z, p, y: -(z * z),
    "2**-1*z": lambda z, p, y: z / 2,
    "z/p/2": lambda z, p, y: z / (2 * p),
    " ( z\n + .5e1 )\t": lambda z, p, y: z + 5,
}


@pytest.mark.parametrize("expression", MEANINGS)
def test_each_operation_computes_what_its_name_says(expression):
    z, y = some(3)
    expected = MEANINGS[expression](z, z.softmax(0), y)
    torch.testing.assert_close(value(expression), expected, rtol=1e-12, atol=1e-13)


def test_each_operation_is_tried():
    used = {part.operation for text in MEANINGS for part in calls(parse(text))}
    assert used == set(OPERATORS) | set(COMPARISONS) | set(FUNCTIONS)


def calls(node: Node) -> list[Call]:
    if not isinstance(node, Call):
        return []
    return [node, *(call for each in node.arguments for call in calls(each))]


@pytest.mark.parametrize("expression", [text for text in MEANINGS if "sign" not in text])
def test_gradients_are_the_slopes(expression):
    z, y = some(3)
    formula = own_loss(expression).formulas[Task.MULTICLASS]
    _, saved = formula.forward(z, y)
    gradient, step = formula.backward(saved, y), 1e-6
    for row in range(3):
        move = torch.zeros_like(z)
        move[row] = step
        slope = (formula.forward(z + move, y)[0] - formula.forward(z - move, y)[0]) / (2 * step)
        torch.testing.assert_close(gradient[row], slope, rtol=1e-6, atol=1e-6)


def test_the_loss_of_an_example_is_the_sum_over_its_rows():
    z, y = some(3)
    formula = own_loss("z").formulas[Task.MULTICLASS]
    assert formula.forward(z, y)[0].tolist() == pytest.approx(z.sum(0).tolist())
    formula = own_loss("sum(z)").formulas[Task.MULTICLASS]
    assert formula.forward(z, y)[0].tolist() == pytest.approx(z.sum(0).tolist())


@settings(deadline=None)
@given(st.lists(st.floats(-20, 20), min_size=6, max_size=6))
def test_it_is_cross_entropy_at_any_logits(logits):
    z, y = torch.tensor(logits).double().view(3, 2), torch.eye(3).double()[:, :2]
    own = own_loss(CROSS_ENTROPY).formulas[Task.MULTICLASS]
    expected = LOSSES["cross_entropy"].formulas[Task.MULTICLASS].forward(z, y)[0]
    torch.testing.assert_close(own.forward(z, y)[0], expected, rtol=1e-9, atol=1e-12)


# ------------------------------------------------------------------ training


def test_it_trains_beside_the_others_as_its_twin_does():
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "iris"},
            "network": {"hidden_sizes": [6]},
            "training": {"batch_size": 50, "epochs": 4, "device": "cpu"},
            "entrants": entrants(
                "cross_entropy", "custom", "mse", "focal", expression=CROSS_ENTROPY
            ),
            "seeds": [0, 1],
        }
    )
    reports = list(train(spec))
    losses = np.concatenate([report.losses for report in reports])
    assert losses.shape == (12, 8)
    np.testing.assert_allclose(losses[:, 2:4], losses[:, 0:2], rtol=1e-5)
    assert (losses[-1] < losses[0]).all()
    of_cross_entropy, of_own, *_others = reports[0].facts.baselines
    assert of_own == pytest.approx(of_cross_entropy, rel=1e-6)


def test_several_of_them_race_and_each_trains_as_it_does_alone():
    expressions = (CROSS_ENTROPY, FOCAL, EXAMPLE)

    def losses(*raced: str) -> np.ndarray:
        spec = ExperimentSpec.parse(
            {
                "data": {"name": "iris"},
                "network": {"hidden_sizes": [6]},
                "training": {"batch_size": 50, "epochs": 4, "device": "cpu"},
                "entrants": [{"loss": "custom", "expression": each} for each in raced],
            }
        )
        return np.concatenate([report.losses for report in train(spec)])

    together = losses(*expressions)
    for place, expression in enumerate(expressions):
        np.testing.assert_allclose(together[:, [place]], losses(expression), rtol=1e-5)
    assert len(set(together[-1].round(4))) == 3


def test_it_trains_on_values():
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "diabetes"},
            "network": {"hidden_sizes": [6]},
            "training": {"batch_size": 50, "epochs": 5, "device": "cpu"},
            "entrants": entrants("custom", "gaussian_nll", "mse", expression=POWER),
        }
    )
    losses = np.concatenate([report.losses for report in train(spec)])
    assert np.isfinite(losses).all()
    assert (losses[-5:].mean(0) < losses[:5].mean(0)).all()


# ------------------------------------------------------------------ what is refused

REFUSALS = [
    ("", 0, "empty"),
    (" \n ", 0, "empty"),
    ("q*p", 0, "'q' is not known; allowed are z, p, y, pi, e, abs,"),
    ("  p + q", 6, "'q' is not known"),
    ("p + open(z)", 4, "'open' is not known"),
    ("p + __import__(z)", 4, "'__import__' is not known"),
    ("log(p, y)", 0, "'log' was given 2; it takes 1 argument."),
    ("p + clip(z, 1)", 4, "'clip' was given 2; it takes 3 arguments."),
    ("min(z)", 0, "'min' was given 1; it takes 2 arguments."),
    ("sum()+z", 0, "'sum' was given 0; it takes 1 argument."),
    ("z + exp", 4, "'exp' has no arguments; write them in parentheses."),
    ("z > 0", 0, "A comparison can stand only as the first argument of where."),
    ("where(z, p, y)", 6, "The first argument of where is one comparison"),
    ("where(0 < z < 1, p, y)", 6, "The first argument of where is one comparison"),
    ("where(z > 0, p > 0, y)", 13, "A comparison can stand only"),
    ("where(z > 0 and p > 0, p, y)", 6, "The first argument of where is one comparison"),
    ("+z", 0, "a sign that is not a minus"),
    ("z, p", 0, "a list"),
    ("z if p else y", 0, "use where"),
    ("z and p", 0, "and, or"),
    ("not z", 0, "a sign that is not a minus"),
    ("z + True", 4, "a value that is not a number"),
    ("sum(*z)", 4, "a star before an argument"),
    ("sum(z)(z)", 6, "missing between ')' and '(' at character 7; put * between them"),
    ("z(1)", 1, "missing between 'z' and '('"),
    ("y(1-p)", 1, "A sign is missing between 'y' and '(' at character 2; put * between them"),
    ("log(p y)", 6, "missing between 'p' and 'y'"),
    ("2p", 1, "missing between '2' and 'p'"),
    ("1.5e2log(p)", 5, "missing between '1.5e2' and 'log'"),
    ("2pi*z", 1, "missing between '2' and 'pi'"),
    ("3 (p)", 2, "missing between '3' and '('"),
    ("p 2", 2, "missing between 'p' and '2'"),
    ("z1 (p)", 0, "'z1' is not known"),
    ("2q*z", 0, "can't stand"),
    ("z.shape", 1, "'.' can't stand at character 2"),
    ("z[0]", 1, "'[' can't stand"),
    ("'z'", 0, "can't stand"),
    ("sum(z=1)", 5, "'=' can't stand"),
    ("z := 1", 2, "':' can't stand"),
    ("2z", 1, "missing between '2' and 'z'"),
    ("1j*z", 0, "can't stand"),
    ("z // 2", 2, "can't stand at character 3"),
    ("z % 2", 2, "can't stand"),
    ("z +", 2, "can't be read"),
    ("(z", 0, "can't be read at character 1"),
    ("z)", 1, "can't be read at character 2"),
    ("z\0", 1, "can't stand"),
    ("ｚ", 0, "can't stand"),
    ("z − 1", 2, "can't stand"),
    ("007 + z", 0, "can't be read"),
    ("z * 1e31", 4, "A number is too large; allowed are numbers up to 1e+30."),
    ("z * 1e999", 4, "A number is too large"),
    ("z + " + "9" * 190, 4, "A number is too large"),
    ("y + 1", 0, "does not depend on z or p"),
    ("pi", 0, "does not depend on z or p"),
    ("z" * (LONGEST + 1), LONGEST, "has 201 characters; allowed are up to 200."),
    ("-" * DEEPEST + "z", DEEPEST, "nested over 40 deep"),
    ("(" * 100 + "z" + ")" * 99, 0, "can't be read"),
]


@pytest.mark.parametrize(("expression", "position", "sentence"), REFUSALS)
def test_what_can_not_be_read_is_refused_with_its_place(expression, position, sentence):
    error = refused(expression)
    assert isinstance(error, SpecError)
    assert sentence in str(error)
    assert error.position == position
    assert str(error)[0].isupper()
    assert str(error).endswith((".", "?"))
    assert len(str(error)) < 250
    with pytest.raises(LossExpressionError):
        own_loss(expression)


def test_the_limits_themselves_are_allowed():
    parse("z" + " " * (LONGEST - 1))
    parse("-" * (DEEPEST - 1) + "z")
    balanced = "z"
    while len(balanced) < 90:
        balanced = f"({balanced}+{balanced})"
    parse(balanced)
    parse("+".join(["z"] * 60))
    parse("z*y/2*" * 15 + "z")
    parse("z - y + " * 20 + "z")
    many = "max(" + "+".join(["z"] * 35) + "," + "+".join(["z"] * 35) + ")"
    assert str(MOST_PARTS) in str(refused(many))
    parse("(" * 90 + "z" + ")" * 90)


def test_a_caret_points_at_the_place():
    text = "p +\n q"
    assert refused(text).pointed_out(text) == "p +  q\n     ^"


@pytest.mark.parametrize("task", Task)
@pytest.mark.parametrize("expression", [FOCAL, CROSS_ENTROPY, POWER, EXAMPLE])
def test_good_expressions_stand_the_trial(expression, task):
    if "log" in expression and task is Task.REGRESSION:
        with pytest.raises(LossExpressionError, match="The loss is nan at a random start"):
            check(expression, task, 1)
    else:
        check(expression, task, {Task.BINARY: 2, Task.MULTICLASS: 5, Task.REGRESSION: 1}[task])


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("log(z)", "The loss is nan at a random start; it must be finite there."),
        ("z + 9**9**9", "The loss is inf at a random start"),
        ("z / 0", "The loss is -?inf at a random start"),
        ("sqrt(p - p)", "The gradient is (nan|inf) at a random start"),
        ("sign(z)", "The gradient is 0 at every random start"),
        ("0*z", "The gradient is 0 at every random start"),
        ("where(z > 0, 1, 2)", "does not depend on z or p|The gradient is 0"),
        ("log(-1) + z", "The loss is nan"),
        ("(-1)**0.5 + z", "The loss is nan"),
        ("q", "'q' is not known"),
        ("abs(p - y) + log(y)", r"there. Here log\(y\) is -inf, where y = 0.$"),
        ("z + 1/(y - y)", r"there. Here 1 / 0 is inf.$"),
        ("p", "The gradient is 0 at every random start, but for rounding, so nothing"),
        ("sum(p)", "The gradient is 0 at every random start"),
        ("1 - p", "The gradient is 0 at every random start"),
        ("-log(sum(p))", "The gradient is 0 at every random start"),
        ("mean(p)*y + 1e9*sum(p)", "The gradient is 0 at every random start"),
        ("z - mean(z)", "The gradient is 0 at every random start"),
        ("y*(1/y) + p*y", "The loss is nan"),
    ],
)
def test_the_trial_says_what_is_wrong(expression, sentence):
    with pytest.raises(LossExpressionError, match=sentence):
        check(expression, Task.MULTICLASS, 3)


@pytest.mark.parametrize("classes", [2, 5, 10])
@pytest.mark.parametrize(
    "expression", ["1e-20*z", "1e-9*p*y", "sum(p)*z", "y*p", "1e-10*z + sum(p)"]
)
def test_a_small_gradient_is_one(expression, classes):
    check(expression, Task.MULTICLASS, classes)


@pytest.mark.parametrize(
    ("expression", "begins"),
    [
        ("z + log(z)", "log(z)"),
        ("y * sign(z)", "sign"),
        ("p*(z-z)**0.5", "(z-z)"),
        ("mean(z) + log(sum(p) - 2)", "log"),
        ("abs(p-y)+log(y)", "log"),
        ("z + sum(1/y)", "1/y"),
        ("y + sum(p)", "sum"),
        ("  p", "p"),
        ("-log(sum(p))", "sum"),
        ("  z + log(sqrt(z - 9) + 1)", "sqrt"),
    ],
)
def test_the_trial_points_at_the_innermost_operation_at_fault(expression, begins):
    with pytest.raises(LossExpressionError) as caught:
        check(expression, Task.MULTICLASS, 3)
    assert expression[caught.value.position :].startswith(begins)


def test_reading_needs_no_torch():
    program = (
        "import sys; from core.losses import parse, own_loss, Task; parse('z'); "
        "own_loss('p - y').formulas[Task.BINARY].latex; print('torch' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert shown.stdout.split() == ["False"], shown.stderr


# ------------------------------------------------------------------ LaTeX


@pytest.mark.parametrize(
    ("expression", "latex"),
    [
        (CROSS_ENTROPY, r"\sum_{c=1}^{C} -y_c \cdot \log\left(\hat{y}_c\right)"),
        (
            FOCAL,
            r"\sum_{c=1}^{C} -\left(1 - \hat{y}_c\right)^{2} \cdot y_c"
            r" \cdot \log\left(\hat{y}_c\right)",
        ),
        ("z - (p - y)", r"\sum_{c=1}^{C} \left(z_c - \left(\hat{y}_c - y_c\right)\right)"),
        ("logsumexp(z) - sum(y*z)", r"\log \sum_{k} e^{z_k} - \sum_{k} y_k \cdot z_k"),
        ("(z*p)**2/pi", r"\sum_{c=1}^{C} \frac{\left(z_c \cdot \hat{y}_c\right)^{2}}{\pi}"),
        ("exp(z)**2", r"\sum_{c=1}^{C} \left(e^{z_c}\right)^{2}"),
        ("1e-7*z", r"\sum_{c=1}^{C} 1 \cdot 10^{-7} \cdot z_c"),
        (
            "where(z >= 0, z, e)",
            r"\sum_{c=1}^{C} \left(\begin{cases} z_c & z_c \ge 0 \\"
            r" e & \text{else} \end{cases}\right)",
        ),
    ],
)
def test_the_formula_is_typeset(expression, latex):
    typeset = own_loss(expression).formulas[Task.MULTICLASS].latex
    tail = r",\quad \hat{y} = \mathrm{softmax}(z)" if r"\hat{y}" in latex else ""
    assert typeset == latex + tail


def test_the_formula_of_values_has_no_index():
    latex = own_loss("sum(abs(p - y)**1.5)").formulas[Task.REGRESSION].latex
    assert latex == r"\left|\hat{y} - y\right|^{1.5},\quad \hat{y} = z"


@pytest.mark.parametrize("expression", MEANINGS)
def test_braces_are_balanced(expression):
    for task in Task:
        latex = own_loss(expression).formulas[task].latex
        assert latex.count("{") == latex.count("}")
        assert latex.count(r"\left") == latex.count(r"\right")


# ------------------------------------------------------------------ hostile text

HOSTILE = [
    "__import__('os').system('true')", "__import__", "().__class__", "().__class__.__bases__[0]",
    "9**9**9", "9**9**9**9", "lambda: z", "lambda z: z", "f'{z}'", "f\"{open}\"", "(z := 1)",
    "[z for z in p]", "{z: p}", "{*z}", "z; p", "import os", "z = 1", "exec(z)", "eval(z)",
    "print(z)", "open(z)", "getattr(z, p)", "z.__class__", "z.data", "globals()", "exit()",
    "breakpoint()", "await z", "yield z", "(yield z)", "z if p else y", "z @ p", "z << 99",
    "~z", "...", "None", "True", "'a' * 9", "b'x'", "\0", "z\0p", "\ud800", "ｚ", "ｅｘｐ(z)",
    "𝓏", "z\u200b", "z\u00a0+ p", "z\x0cp", "0x10", "1_0", "1e", "1e+", "1..real", "0777", "1j",
    "2z", "0or z", "1if z else p", "#", "z # p", "\\\n", "`z`", "z!", "z?", "(" * 199, ")" * 199,
    "-" * 199 + "z", "(" * 99 + "z" + ")" * 99, "exp(" * 40 + "z" + ")" * 40, "[" * 199,
    "z**" * 60 + "z", "9" * 199, "1e308*10", "1e999", "sum(*z)", "sum(**z)", "sum(z=p)",
    "where(z, p, y)", "where(z < p < y, 1, 2)", "max(z)", "sum", "exp exp", "z p", "z(p)",
    "1(2)", "log(p)(z)", "z < p", "where(z in p, z, p)", "where(z is p, z, p)", "not z", "print",
    "-z" * 99, "z" * 500_000, "(" * 100_000, "z+" * 100_000 + "z", "%s", "{z}", "$z",
]  # fmt: skip
PIECES = [
    *VARIABLES, *CONSTANTS, *FUNCTIONS, "(", ")", "(", ")", ",", "+", "-", "*", "/", "**", "<",
    "<=", "==", "!=", "0", "1", "2.5", "1e-3", ".5", " ", "\n", "where(z>0,", "log(p)", "sum(",
]  # fmt: skip


def soups(count: int) -> list[str]:
    """Random strings of the grammar's own pieces, hostile ones among them, and of any text."""
    dice = random.Random(0)
    texts = []
    for _ in range(count):
        pieces = [dice.choice(PIECES) for _ in range(dice.randint(1, 25))]
        for _ in range(dice.choice((0, 0, 0, 1, 2))):
            pieces.insert(dice.randint(0, len(pieces)), dice.choice(HOSTILE)[:60])
        texts.append("".join(pieces))
    return texts


def grown(count: int) -> list[str]:
    """Random expressions that are grammatical, so that many must be read."""
    dice = random.Random(1)

    def grow(depth: int) -> str:
        if depth == 0 or dice.random() < 0.2:
            return dice.choice((*VARIABLES, *CONSTANTS, "1", "0.5", "9"))
        name = dice.choice((*FUNCTIONS, *"+-*/", "**"))
        if name not in FUNCTIONS:
            return f"({grow(depth - 1)}{name}{grow(depth - 1)})"
        arguments = [grow(depth - 1) for _ in FUNCTIONS[name].needs]
        if name == "where":
            arguments[0] = f"{grow(0)}{dice.choice(list(COMPARISONS))}{grow(0)}"
        return f"{name}({','.join(arguments)})"

    return [grow(dice.randint(1, 4)) for _ in range(count)]


def assert_on_the_whitelist(node: Node) -> None:
    match node:
        case Number(number):
            assert type(number) is float
            assert math.isfinite(number)
        case Name(name):
            assert name in VARIABLES
        case Call(operation, arguments):
            entry = (OPERATORS | COMPARISONS | FUNCTIONS)[operation]
            assert len(arguments) == entry.arity
            for each in arguments:
                assert_on_the_whitelist(each)
        case _:
            raise AssertionError(node)


BUILTINS = ("eval", "exec", "open", "__import__", "input", "breakpoint", "print", "getattr")


def reached(*arguments: object, **named: object) -> None:
    raise AssertionError("reached a builtin")


def outcome(text: str) -> Node | LossExpressionError:
    """What becomes of a text, while whatever reaches for a builtin is caught."""
    kept = {name: getattr(builtins, name) for name in BUILTINS}
    vars(builtins).update(dict.fromkeys(BUILTINS, reached))
    try:
        return parse(text)
    except LossExpressionError as error:
        return error
    finally:
        vars(builtins).update(kept)


def assert_read_or_refused(text: str, found: Node | LossExpressionError) -> None:
    if isinstance(found, LossExpressionError):
        assert 0 <= found.position <= len(text)
        assert len(str(found)) < 250
    else:
        assert_on_the_whitelist(found)


def is_read(text: str) -> bool:
    try:
        parse(text)
    except LossExpressionError as error:
        assert_read_or_refused(text, error)
        return False
    return True


def test_hostile_and_random_text_is_read_into_the_whitelist_or_refused():
    good = grown(3000)
    texts = HOSTILE + soups(6000) + good
    parse.cache_clear()
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = {text: outcome(text) for text in texts}
    seconds = time.perf_counter() - started
    for text, each in found.items():
        assert_read_or_refused(text, each)
    assert seconds < 20
    refusals = [text for text, each in found.items() if isinstance(each, LossExpressionError)]
    assert len(set(good) - set(refusals)) > 500
    assert len(refusals) > 1000


def test_no_hostile_text_is_slow():
    for text in HOSTILE:
        started = time.perf_counter()
        outcome(text)
        assert time.perf_counter() - started < 0.5, text[:40]


def test_what_is_read_is_computed_in_bounded_time_and_never_raises():
    """Whatever the tree, training sees a number for each example, finite or not."""
    started = time.perf_counter()
    z, y = some(3)
    tried = 0
    for text in [*grown(600), *HOSTILE]:
        if is_read(text):
            formula = own_loss(text).formulas[Task.MULTICLASS]
            losses, saved = formula.forward(z, y)
            assert losses.shape == (17,)
            assert formula.backward(saved, y).shape == z.shape
            tried += 1
    assert tried > 200
    assert time.perf_counter() - started < 20


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    is_read(text)


@settings(deadline=None)
@given(st.text(alphabet="zpye ()+-*/,.<>=!0123456789_logsumwhr\n", max_size=60))
def test_any_text_of_these_signs_is_read_or_refused(text):
    if is_read(text):
        assert_on_the_whitelist(parse(text))


# ------------------------------------------------------------------ shapes


#: A row for each class, one row, or a number by itself.
_SHAPES = ("z", "p", "y", "sum(p)", "mean(z)", "logsumexp(z)", "2", "-0.5", "pi", "sum(2)")


def _calls(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Every operation of the table on arguments of any shape."""
    of_functions = [
        st.tuples(*[parts] * entry.arity).map(
            lambda texts, name=name: f"{name}({', '.join(texts)})"
        )
        for name, entry in FUNCTIONS.items()
        if name != "where"
    ]
    signs = st.sampled_from(("<", "<=", ">", ">=", "==", "!="))
    chosen = st.tuples(parts, signs, parts, parts, parts).map(
        lambda it: f"where({it[0]} {it[1]} {it[2]}, {it[3]}, {it[4]})"
    )
    rows = st.tuples(parts, st.sampled_from(("+", "-", "*", "/", "**")), parts).map(
        lambda it: f"({it[0]} {it[1]} {it[2]})"
    )
    return st.one_of(*of_functions, chosen, rows, parts.map(lambda it: f"(-{it})"))


_EXPRESSIONS = st.recursive(st.sampled_from(_SHAPES), _calls, max_leaves=8)


def _is_trained_or_refused(expression: str, task: Task, classes: int) -> None:
    """What stands the trial makes a step as it stands there; else it is a sentence."""
    try:
        check(expression, task, classes)
    except LossExpressionError:
        return
    formula = own_loss(expression).formulas[task]
    z = torch.randn(classes, 5)
    y = torch.eye(classes)[:, torch.arange(5) % classes] if classes > 1 else torch.randn(1, 5)
    losses, _saved = formula.forward(z, y)
    assert losses.shape == (5,)
    assert formula.gradient(z, y).shape == z.shape
    assert formula.constant(y).shape == (classes, 1)


@settings(deadline=None)
@given(_EXPRESSIONS, st.sampled_from(list(Task)))
def test_arguments_of_any_shape_are_computed_or_refused(expression, task):
    _is_trained_or_refused(expression, task, _OUTPUTS[task])


_OUTPUTS = {Task.BINARY: 2, Task.MULTICLASS: 3, Task.REGRESSION: 1}


@pytest.mark.parametrize("task", Task)
@pytest.mark.parametrize(
    "expression",
    [
        "clip(sum(p), 0, p)", "clip(sum(p), p, 2)", "clip(1, p, 2) * z", "clip(2, 1, z)",
        "clip(p, sum(p), mean(z))", "clip(sum(z), z, y) + z", "min(sum(p), z)",
        "where(sum(p) > p, sum(z), z)",
    ],
)  # fmt: skip
def test_limits_may_have_more_rows_than_what_they_limit(expression, task):
    _is_trained_or_refused(expression, task, _OUTPUTS[task])


@pytest.mark.parametrize("deep", ["(" * 5000 + "p" + ")" * 5000, "-" * 5000 + "p", "abs(" * 5000])
def test_what_is_nested_thousands_deep_is_refused(deep):
    assert "allowed are up to 200" in str(refused(deep))


@pytest.mark.parametrize("deep", ["(" * 99 + "p" + ")" * 99, "-" * 199 + "p"])
def test_what_is_nested_deep_within_the_length_is_read_or_refused(deep):
    is_read(deep)
