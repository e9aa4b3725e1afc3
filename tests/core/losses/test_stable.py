"""A person's own loss where float32 rounds p to 0 or 1: the limit's value, and its gradient."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import torch
from mpmath import mp, mpf

from core.losses import Task, own_loss, parse
from core.losses.expression import Call, Name, Node, Number
from core.spec import ExperimentSpec
from core.training import train
from tests.core.losses.as_written import evaluate
from tests.core.losses.test_custom_loss import grown, is_read

# ------------------------------------------------------------------ by 200 digits

#: Stands for a target of 0, to come as near to the limit as 200 digits can tell.
EPSILON = mpf(10) ** -180
BY_DIGITS: dict[str, Callable[..., mpf]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "neg": lambda a: -a,
    "abs": abs,
    "exp": mpmath.exp,
    "log": mpmath.log,
    "log1p": lambda a: mpmath.log(1 + a),
    "expm1": lambda a: mpmath.exp(a) - 1,
    "sqrt": mpmath.sqrt,
    "square": lambda a: a * a,
    "sigmoid": lambda a: 1 / (1 + mpmath.exp(-a)),
    "softplus": lambda a: mpmath.log(1 + mpmath.exp(a)),
}
OVER_CLASSES: dict[str, Callable[[list[mpf]], mpf]] = {
    "sum": lambda values: mpmath.fsum(values),
    "mean": lambda values: mpmath.fsum(values) / len(values),
    "logsumexp": lambda values: mpmath.log(mpmath.fsum(mpmath.exp(each) for each in values)),
}


def rows(node: Node, variables: dict[str, list[mpf]]) -> list[mpf]:
    """The tree's value for each class."""
    count = len(variables["z"])
    match node:
        case Number(number):
            return [mpf(number)] * count
        case Name(name):
            return variables[name]
        case Call(operation, arguments):
            values = [rows(each, variables) for each in arguments]
            if operation in OVER_CLASSES:
                return [OVER_CLASSES[operation](values[0])] * count
            return [BY_DIGITS[operation](*each) for each in zip(*values, strict=True)]


def by_digits(expression: str, z: list[float], y: list[float]) -> tuple[float, list[float]]:
    """Value and gradient of the expression as it is written; it must have a row a class."""
    tree = parse(expression)
    targets = [abs(mpf(each) - EPSILON) for each in y]

    def value(*logits: mpf) -> mpf:
        p = [mpmath.exp(each) for each in logits]
        shares = [each / mpmath.fsum(p) for each in p]
        return mpmath.fsum(rows(tree, {"z": list(logits), "p": shares, "y": targets}))

    with mp.workdps(200):
        places = [mpf(each) for each in z]
        slopes = [
            mpmath.diff(value, tuple(places), tuple(int(k == c) for k in range(len(z))))
            for c in range(len(z))
        ]
        return float(value(*places)), [float(slope) for slope in slopes]


def ours(expression: str, z: list[float], y: list[float]) -> tuple[float, list[float]]:
    formula = own_loss(expression).formulas[Task.MULTICLASS]
    targets = torch.tensor(y)[:, None]
    losses, saved = formula.forward(torch.tensor(z)[:, None], targets)
    return losses.item(), formula.backward(saved, targets)[:, 0].tolist()


LIMITS = [
    "-y*log(p)",
    "-log(p)*y",
    "y*-log(p)",
    "-(1 - p)**2*y*log(p)",
    "-y*log(p) - (1 - y)*log(1 - p)",
    "-y*log(p) - (1 - y)*log1p(-p)",
    "p*log(p)",
    "p*log(p) + (1 - p)*log(1 - p)",
    "y*log(y/p)",
    "y*(log(y) - log(p))",
    "y*log(y) + 0*p - y*log(p)",
    "y/p*log(p)*y",
    "sqrt(p)",
    "p**0.3",
    "sqrt(1 - p)",
    "(1 - p)**0.5*y",
    "(1 + -p)**0.5*y",
    "log(p*(1 - p))*y",
    "log(p)**2*y",
    "log(sqrt(p))*y",
    "-log(p**3)*y",
    "-y*log(sigmoid(z)) - (1 - y)*log(1 - sigmoid(z))",
    "log(1 - sigmoid(-z))*y",
    "log(1 + exp(z))",
    "y*log(1 + exp(-z)) + (1 - y)*log(exp(z) + 1)",
    "log(exp(z) + exp(-z))",
    "log1p(exp(z))",
    "-y*log(exp(z)/sum(exp(z)))",
    "(exp(z)/sum(exp(z)) - y)**2",
    "log(sum(exp(z)))*y - y*z",
    "p/sum(p)*y",
    "p/(p + y)",
    "y*(p - y)**2/p",
    "square(p - y)/(p + y)",
    "p**p",
]
PLACES = [
    ([104.0, 0.0], [1.0, 0.0]),
    ([300.0, 0.0], [1.0, 0.0]),
    ([0.0, 104.0], [0.0, 1.0]),
    ([20.0, 0.0], [1.0, 0.0]),
    ([110.0, 0.0, -40.0], [1.0, 0.0, 0.0]),
    ([0.5, -0.5, 1.0], [0.0, 1.0, 0.0]),
]


@pytest.mark.parametrize(("z", "y"), PLACES, ids=str)
@pytest.mark.parametrize("expression", LIMITS)
def test_float32_has_the_value_and_the_gradient_of_the_limit(expression, z, y):
    value, gradient = ours(expression, z, y)
    expected, slopes = by_digits(expression, z, y)
    assert value == pytest.approx(expected, rel=2e-5, abs=1e-6)
    assert gradient == pytest.approx(slopes, rel=2e-4, abs=2e-6)


@pytest.mark.parametrize("expression", ["-y*log(p)", "-log(sum(p*y))", "y*log(y/p)"])
def test_a_sure_mistake_costs_its_logits_and_is_pulled_at(expression):
    value, gradient = ours(expression, [104.0, 0.0], [0.0, 1.0])
    assert value == pytest.approx(104)
    assert gradient == pytest.approx([1, -1])


def test_what_is_right_beyond_doubt_costs_nothing():
    value, gradient = ours("-y*log(p)", [104.0, 0.0], [1.0, 0.0])
    assert value == 0
    assert gradient == pytest.approx([0, 0], abs=1e-30)


# ------------------------------------------------------------------ slopes that nothing reaches

UNREACHED = [
    ("where(z > 0, sqrt(z), 0)", -1, 0, 0),
    ("where(z > 0, log(z), 0)", 0, 0, 0),
    ("sqrt(square(z))", 0, 0, 0),
    ("abs(z)", 0, 0, 0),
    ("abs(z)**1.5", 0, 0, 0),
    ("relu(z)**0.5", -1, 0, 0),
    ("sqrt(relu(z))", -1, 0, 0),
    ("z**0 + z", 0, 1, 1),
    ("z*0**0", 3, 3, 1),
    ("log(0)*0 + z", 2, 2, 1),
    ("0*log(0*z) + z", 2, 2, 1),
    ("max(z, 0)*log(1)", 0, 0, 0),
]


@pytest.mark.parametrize(("expression", "z", "value", "gradient"), UNREACHED)
def test_a_slope_that_does_not_reach_the_loss_does_not_break_it(expression, z, value, gradient):
    assert ours(expression, [float(z)], [0.0]) == (value, [gradient])


@pytest.mark.parametrize(
    ("expression", "z", "is_value", "is_gradient"),
    [
        ("1/z", 0, False, False),
        ("log(z)", 0, False, False),
        ("log(z)", -1, False, True),
        ("z/z", 0, False, False),
        ("y*(1/y) + z", 1, False, True),
        ("y*log(z)", -1, False, True),
        ("y/(y - y)*z", 1, False, False),
        ("sqrt(z)", 0, True, False),
        ("z*log(abs(z))", 0, True, False),
        ("exp(z)", 100, False, False),
        ("z**-1*0", 0, False, True),
    ],
)
def test_what_really_is_not_finite_is_not_hidden(expression, z, is_value, is_gradient):
    value, gradient = ours(expression, [float(z)], [0.0])
    assert math.isfinite(value) == is_value
    assert is_gradient or not math.isfinite(gradient[0])


# ------------------------------------------------------------------ the backward of every entry


def test_gradients_are_autograds_of_the_tree_as_it_is_written():
    """Of random expressions at logits where nothing rounds, in float64."""
    generator = torch.Generator().manual_seed(7)
    z = torch.randn(3, 9, generator=generator, dtype=torch.float64)
    y = torch.nn.functional.one_hot(torch.arange(9) % 3, 3).T.double()
    compared = 0
    for text in filter(is_read, grown(1500)):
        logits = z.clone().requires_grad_()
        variables = {"z": logits, "p": logits.softmax(-2), "y": y}
        formula = own_loss(text).formulas[Task.MULTICLASS]
        expected = evaluate(parse(text), variables).sum(-2)
        if not expected.requires_grad or not expected.isfinite().all():
            continue
        (slope,) = torch.autograd.grad(expected.sum(), logits)
        losses, saved = formula.forward(z, y)
        torch.testing.assert_close(losses, expected.detach(), rtol=1e-8, atol=1e-9, msg=text)
        if slope.isfinite().all():
            size = float(slope.abs().max())
            torch.testing.assert_close(saved, slope, rtol=1e-7, atol=1e-9 * (1 + size), msg=text)
            compared += 1
    assert compared > 250


# ------------------------------------------------------------------ training


@pytest.mark.parametrize("expression", ["-y*log(p)", "-y*log(p) - (1 - y)*log(1 - p)"])
def test_cross_entropy_written_by_hand_trains_as_long_as_one_likes(expression):
    """On breast cancer, where every row becomes certain, at a rate that is quick about it."""
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "breast_cancer"},
            "optimizer": {"learning_rate": 0.1},
            "training": {"epochs": 60, "device": "cpu"},
            "entrants": [{"loss": "custom", "expression": expression}],
        }
    )
    losses = np.concatenate([report.losses for report in train(spec)])
    assert np.isfinite(losses).all()
    assert list(itertools.islice(losses[-5:, 0] >= 0, 5)) == [True] * 5
