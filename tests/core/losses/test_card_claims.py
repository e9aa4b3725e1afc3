"""What cards and mistakes state in words and numbers, against PyTorch, SciPy and search.

Each test reads the number or the sentence off the card, so a wrong one cannot come back.
"""

from __future__ import annotations

import itertools
import math
import re
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import entropy, norm
from torch import Tensor, nn
from torch.nn import functional

from core.anatomy import MISTAKES
from core.anatomy.answers import baseline
from core.anatomy.stepping import alone
from core.losses import LOSSES, Card, LossSpec, Task
from core.losses.parameters import Kind
from core.spec import EntrantSpec
from core.training.preparation import prepare

MISTAKE = {mistake.key: mistake.what_happens for mistake in MISTAKES}
FREQUENCIES = (0.5, 0.3, 0.2)
YES = 0.7


def card(key: str, **values: object) -> Card:
    return LOSSES[key].with_parameters(values).card


def doubles(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def at_their_ends() -> Iterator[LossSpec]:
    """Every loss with its parameters at the ends of their ranges, and as near them as floats go."""
    for loss in LOSSES.values():
        values = []
        for each in loss.parameters:
            few = (each.low, each.high, 1e-300, 1e-12, 1 - 1e-12)
            within = sorted({value for value in few if each.low <= value <= each.high})
            if each.kind is Kind.CLASS_WEIGHTS:
                values.append([(), *((value,) * 3 for value in within)])
            elif each.kind is Kind.WHOLE_NUMBER:
                values.append([each.low, each.high])
            else:
                values.append(within)
        names = [each.name for each in loss.parameters]
        for chosen in itertools.product(*values):
            yield loss.with_parameters(dict(zip(names, chosen, strict=True)))


def test_there_is_a_card_at_the_ends_of_every_range():
    for loss in at_their_ends():
        assert "nan" not in loss.card.gradient.split()
        assert all(loss.value_range(task, 3) for task in loss.formulas)


def lowest(height: Callable[[Tensor], Tensor], width: int) -> Tensor:
    """Where the height is lowest, by SciPy."""

    def and_slope(z: np.ndarray) -> tuple[float, np.ndarray]:
        place = torch.tensor(z, requires_grad=True)
        value = height(place)
        (slope,) = torch.autograd.grad(value, place)
        return value.item(), slope.numpy()

    start = np.linspace(0.1, 0.4, width)
    return torch.from_numpy(minimize(and_slope, start, jac=True, tol=1e-12).x)


# ------------------------------------------------------------------ ranges


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("smoothing", [0.1, 0.5, 0.9])
def test_smoothed_cross_entropy_is_least_at_the_smoothed_targets_entropy(smoothing, classes):
    q = torch.full((classes,), smoothing / classes, dtype=torch.float64)
    q[0] += 1 - smoothing

    def height(z: Tensor) -> Tensor:
        return functional.cross_entropy(z, torch.tensor(0), label_smoothing=smoothing)

    least = height(lowest(height, classes)).item()
    assert least == pytest.approx(entropy(q.numpy()), abs=1e-9)
    loss = LOSSES["cross_entropy"].with_parameters({"label_smoothing": smoothing})
    stated = loss.value_range(Task.BINARY if classes == 2 else Task.MULTICLASS, classes)
    assert stated.low == pytest.approx(least, abs=1e-9)
    assert str(stated) == (
        f"{least:.4g} to infinity; the least is the entropy of the smoothed target"
    )


@pytest.mark.parametrize("classes", [3, 5, 10])
def test_mse_of_a_softmax_costs_at_most_2_over_c(classes):
    z = torch.zeros(classes, dtype=torch.float64)
    z[1] = 800
    sure_and_wrong = nn.MSELoss()(z.softmax(0), functional.one_hot(torch.tensor(0), classes))
    stated = LOSSES["mse"].value_range(Task.MULTICLASS, classes)
    assert stated.high == sure_and_wrong == pytest.approx(2 / classes)
    assert str(stated) == (f"0 to {2 / classes:.4g}; the most is 2 / C, with C = {classes} classes")


def test_bell_curves_cost_less_than_0_where_they_are_narrow_with_the_constant_too():
    """At the mean from a density of 1 on; on average from a variance of 1 / (2 pi e) down."""
    said = card("gaussian_nll").noise_model
    assert "below 0, with the constant too, because the density of a narrow bell curve" in said
    loss = nn.GaussianNLLLoss(full=True)
    for variance, is_below in ((0.99 / (2 * math.pi), True), (1.01 / (2 * math.pi), False)):
        at_the_mean = loss(doubles(0), doubles(0), doubles(variance)).item()
        assert (at_the_mean < 0) == is_below == (norm(0, variance**0.5).pdf(0) > 1)
    for share, is_below in ((0.99, True), (1.01, False)):
        variance = share / (2 * math.pi * math.e)
        errors = torch.from_numpy(norm(0, variance**0.5).ppf((np.arange(100_000) + 0.5) / 1e5))
        average = loss(torch.zeros_like(errors), errors, torch.full_like(errors, variance)).item()
        assert (average < 0) == is_below


# ------------------------------------------------------------------ values


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.5, 7.0])
def test_smooth_l1_is_as_it_says_and_huber_divided_by_beta(beta):
    said = card("smooth_l1", beta=beta)
    e = torch.linspace(-9, 9, 181, dtype=torch.float64)
    inside = e**2 if 2 * beta == 1 else e**2 / (2 * beta)
    expected = torch.where(e.abs() < beta, inside, e.abs() - beta / 2)
    zero = torch.zeros_like(e)
    torch.testing.assert_close(
        functional.smooth_l1_loss(e, zero, beta=beta, reduction="none"), expected
    )
    huber = functional.huber_loss(e, zero, delta=beta, reduction="none")
    torch.testing.assert_close(huber / beta, expected)
    square = "e^2" if 2 * beta == 1 else rf"\frac{{e^2}}{{{2 * beta:g}}}"
    pieces = rf"{square} & \text{{if }} |e| < {beta:g} \\ |e| - {beta / 2:g} &"
    assert pieces in said.example_formula[0][1]
    over = "" if 2 * beta == 1 else f" / {2 * beta:g}"
    assert said.unit == f"absolute error less {beta / 2:g}; e²{over} within {beta:g}"
    divided = "" if beta == 1 else f", divided by {beta:g}"
    assert said.summary.endswith(f"it is Huber's loss with the same delta{divided}.")


def test_scaled_counts_divide_the_loss_by_their_deviation_and_add_what_only_y_decides():
    said = card("poisson_nll")
    assert said.unit == "nats / the target's standard deviation, less what only y decides"
    assert "divides the loss by it too and adds what only y decides" in said.noise_model
    y, rates, deviation = doubles(0, 1, 4)[:, None], torch.linspace(0.2, 9, 50), 3.7
    log_rates = rates.double().log().expand(3, 50)
    loss = nn.PoissonNLLLoss(reduction="none")
    whole = loss(log_rates, y)
    scaled = loss(log_rates - math.log(deviation), y / deviation)
    added = scaled - whole / deviation
    torch.testing.assert_close(added, added[:, :1].expand(3, 50))
    torch.testing.assert_close(added[:, :1], y / deviation * math.log(deviation))


# ------------------------------------------------------------------ best answers


def average(loss: Callable[[Tensor, Tensor], Tensor], z: Tensor) -> Tensor:
    """The expected loss of three classes, for their frequencies."""
    ids = torch.arange(3)
    return loss(z.expand(3, 3), ids) @ doubles(*FREQUENCIES)


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_smoothing_moves_the_best_answer_to_where_the_cards_say(share):
    def height(z: Tensor) -> Tensor:
        return average(
            lambda z, ids: functional.cross_entropy(
                z, ids, label_smoothing=share, reduction="none"
            ),
            z,
        )

    best = lowest(height, 3).softmax(0)
    torch.testing.assert_close(
        best, (1 - share) * doubles(*FREQUENCIES) + share / 3, atol=1e-5, rtol=0
    )
    moved = f"{1 - share:g} f + {share:g} / C"
    assert moved in card("cross_entropy", label_smoothing=share).proper_scoring_rule
    assert moved in card("kl_div", smoothing=share).proper_scoring_rule


@pytest.mark.parametrize("weight", [3.0, 0.25])
def test_a_positive_weight_multiplies_the_odds_of_the_best_answer(weight):
    said = card("bce", pos_weight=weight).proper_scoring_rule
    assert f"makes the best answer's odds {weight:g} times the true ones" in said
    loss = nn.BCEWithLogitsLoss(pos_weight=doubles(weight))
    z = lowest(lambda z: YES * loss(z, doubles(1)) + (1 - YES) * loss(z, doubles(0)), 1)
    assert z.exp().item() == pytest.approx(weight * YES / (1 - YES), rel=1e-4)


@pytest.mark.parametrize("q", [0.25, 0.7])
def test_generalised_cross_entropy_makes_likely_classes_likelier_by_the_power_that_is_said(q):
    said = card("generalised_cross_entropy", q=q).proper_scoring_rule
    (power,) = re.findall(r"the power ([\d.]+) of their probabilities", said)
    best = lowest(lambda z: (1 - z.softmax(0) ** q) @ doubles(*FREQUENCIES) / q, 3).softmax(0)
    raised = doubles(*FREQUENCIES) ** float(power)
    torch.testing.assert_close(best, raised / raised.sum(), atol=1e-3, rtol=0)


def hinge(z: Tensor, ids: Tensor, p: int, margin: float = 1.0) -> Tensor:
    return functional.multi_margin_loss(z, ids, p=p, margin=margin, reduction="none")


def best_lead(p: int, margin: float, frequency: float) -> float:
    """Of two classes: by how much the first leads in the answer that costs least on average."""
    leads = torch.linspace(-4, 4, 8001, dtype=torch.float64)
    scores = torch.stack([leads, torch.zeros_like(leads)], 1)
    first, second = (
        hinge(scores, torch.full((8001,), true_class), p, margin) for true_class in (0, 1)
    )
    return leads[(frequency * first + (1 - frequency) * second).argmin()].item()


@pytest.mark.parametrize("margin", [1.0, 2.5])
def test_hinge_of_power_1_does_not_tell_how_likely_and_power_2_does(margin):
    """Two frequencies have one best answer, so no probability can be read off it."""
    said = card("hinge", margin=margin).proper_scoring_rule
    assert "differences" not in said
    assert f"the likelier one leads by {margin:g}, whatever its probability" in said
    for frequency in (0.6, 0.9):
        assert best_lead(1, margin, frequency) == pytest.approx(margin, abs=2e-3)
    said = card("hinge", margin=margin, p=2.0).proper_scoring_rule
    lead = "2 f - 1" if margin == 1 else f"{margin:g} (2 f - 1)"
    assert f"leads the other by {lead} in the best answer" in said
    for frequency in (0.6, 0.9):
        told = margin * (2 * frequency - 1)
        assert best_lead(2, margin, frequency) == pytest.approx(told, abs=2e-3)


def test_hinge_ties_with_power_1_alone():
    assert "can be a tie between" in card("hinge", p=1.0).avoid_when
    assert " tie " not in card("hinge", p=2.0).avoid_when
    steps = torch.linspace(-2, 2, 81, dtype=torch.float64)
    scores = torch.cartesian_prod(steps, steps)
    scores = torch.cat([torch.zeros(len(scores), 1, dtype=torch.float64), scores], 1)

    def best_lead_of_the_first(p: int) -> float:
        costs = sum(
            frequency * hinge(scores, torch.full((len(scores),), true_class), p)
            for true_class, frequency in enumerate((0.42, 0.38, 0.2))
        )
        return -scores[costs.argmin(), 1].item()

    assert best_lead_of_the_first(1) == pytest.approx(0, abs=1e-9)
    assert best_lead_of_the_first(2) > 0.04


def test_nll_is_proper_for_log_probabilities_of_any_origin():
    """Squares that are divided by their sum are no softmax, and do as well."""
    said = card("nll").proper_scoring_rule
    assert "log-probabilities of any origin whose exponentials add up to 1" in said

    def logs(z: Tensor) -> Tensor:
        return (z**2 / (z**2).sum()).log()

    loss = nn.NLLLoss(reduction="none")
    best = lowest(lambda z: average(loss, logs(z)), 3)
    torch.testing.assert_close(logs(best).exp(), doubles(*FREQUENCIES), atol=1e-5, rtol=0)
    assert "making them all larger lowers it" in said
    assert average(loss, logs(best) + 1) == pytest.approx(average(loss, logs(best)) - 1)


# ------------------------------------------------------------------ gradients


@pytest.mark.parametrize("gamma", [0.1, 0.5, 1.0, 2.0, 3.0, 10.0])
def test_the_focal_factor_exceeds_1_where_the_card_says(gamma):
    z = torch.linspace(-12, 12, 24001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(((-z).sigmoid() ** gamma * functional.logsigmoid(z)).sum(), z)
    p = z.detach().sigmoid()
    factor = slope / (1 - p)
    said = card("focal", gamma=gamma).gradient
    below, most, at = map(
        float,
        re.findall(r"below p = ([\d.]+), is largest with ([\d.]+) at p = ([\d.]+) and", said)[0],
    )
    assert below == pytest.approx(p[factor > 1].max().item(), abs=0.006)
    assert most == pytest.approx(factor.max().item(), abs=0.006)
    assert at == pytest.approx(p[factor.argmax()].item(), abs=0.006)
    assert factor[0] == pytest.approx(1, abs=1e-3)
    assert "alpha of its paper is left out" in card("focal", gamma=gamma).summary


def bce_on_rounded(logit: float, target: float) -> tuple[float, float]:
    """BCELoss behind a sigmoid in float32, and its gradient in the logit."""
    z = torch.tensor([logit], requires_grad=True)
    loss = nn.BCELoss()(z.sigmoid(), torch.tensor([float(target)]))
    loss.backward()
    return loss.item(), z.grad.item()


def test_the_gradient_of_bce_loss_fades_and_ends_where_the_card_says():
    said = card("bce_on_probabilities").gradient
    (fades, least, at, left, of, ends) = re.findall(
        r"at least (\S+) makes it fade from a logit of (-\d+) down, .* at (-\d+) it is (\S+) "
        r"instead of (\d)\. .* from a logit of (\d+) up",
        said,
    )[0]
    assert float(fades) == 1e-12
    assert bce_on_rounded(float(least) + 1, 1)[1] == pytest.approx(-1, abs=1e-3)
    assert -0.9 < bce_on_rounded(float(least), 1)[1] < 0
    assert torch.tensor(float(at)).sigmoid() > 0
    assert -bce_on_rounded(float(at), 1)[1] == pytest.approx(float(left), rel=0.1)
    assert float(of) == 1
    assert torch.tensor(float(ends)).sigmoid() == 1 > torch.tensor(float(ends) - 1).sigmoid()
    assert bce_on_rounded(float(ends), 0)[1] == 0 != bce_on_rounded(float(ends) - 1, 0)[1]


def test_bce_loss_is_too_large_where_the_probability_rounds_the_wrong_way():
    said = card("bce_on_probabilities").avoid_when
    logit, target, much, little = re.findall(
        r"the sigmoid of (\d+) rounds to 1, and with a target of (\d) the loss is then (\d+) "
        r"instead of (\d+)",
        said,
    )[0]
    assert bce_on_rounded(float(logit), float(target))[0] == float(much)
    right = nn.BCEWithLogitsLoss()(torch.tensor([float(logit)]), torch.tensor([float(target)]))
    assert right.item() == pytest.approx(float(little), abs=1e-3)
    text = MISTAKE["bce_loss_clamp"]
    assert f"a target of {target} and a logit of {logit} the sigmoid rounds to 1" in text
    assert f"the loss, {much}, is too large" in text


def test_soft_margin_of_torch_overflows_where_the_card_says_and_not_before():
    def loss_and_slope(logit: float) -> tuple[float, float]:
        z = torch.tensor([logit], requires_grad=True)
        loss = nn.SoftMarginLoss()(z, torch.tensor([float(target)]))
        loss.backward()
        return loss.item(), z.grad.item()

    said = card("soft_margin").avoid_when
    logit, target, value, slope = re.findall(
        r"a logit of (-\d+) with a target of (\d) gives (\w+) and a gradient that is (\w+)", said
    )[0]
    assert [str(each) for each in loss_and_slope(float(logit))] == [value, slope.lower()]
    assert all(map(math.isfinite, loss_and_slope(float(logit) + 1)))
    formula = LOSSES["soft_margin"].formulas[Task.BINARY]
    ours, _saved = formula.forward(torch.tensor([[float(logit)]]), torch.tensor([[1.0]]))
    assert ours.item() == pytest.approx(-float(logit))


# ------------------------------------------------------------------ shapes that do not fit

SHAPED = (
    "MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss", "PoissonNLLLoss", "KLDivLoss",
    "GaussianNLLLoss", "BCELoss", "BCEWithLogitsLoss", "SoftMarginLoss",
)  # fmt: skip


def does(name: str) -> str:
    """What a class does with a column of predictions beside a row of targets."""
    column, row = torch.tensor([[0.2], [0.4], [0.8]]), torch.tensor([0.2, 0.4, 0.8])
    more = (torch.ones(3, 1),) if name == "GaussianNLLLoss" else ()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            getattr(nn, name)(reduction="none")(column, row, *more)
        except (ValueError, RuntimeError):
            return "raises"
    of_shapes = [each for each in warned if "target size" in str(each.message)]
    return "warns" if of_shapes else "says nothing"


@pytest.mark.parametrize("name", SHAPED)
def test_the_mistake_says_what_each_class_does_with_shapes_that_do_not_fit(name):
    warn, silent, refuse = re.findall(
        r"every target\. (.*?) only warn, (.*?) say nothing, and (.*?) raise\.",
        MISTAKE["broadcast"],
    )[0]
    said = {"warns": warn, "says nothing": silent, "raises": refuse}
    by_class = {
        each: kind for kind, names in said.items() for each in re.findall(r"\w+Loss\b", names)
    }
    assert set(by_class) == set(SHAPED)
    assert does(name) == by_class[name]


# ------------------------------------------------------------------ baselines

W = (1.0, 2.0, 0.5)
TORCHS = {
    "cross_entropy": lambda z, y, label_smoothing=0.0, class_weights=None: functional.cross_entropy(
        z.expand(len(y), -1),
        y.long(),
        weight=class_weights and doubles(*class_weights),
        label_smoothing=label_smoothing,
    ),
    "bce": lambda z, y, pos_weight=1.0: functional.binary_cross_entropy_with_logits(
        z.expand(len(y)), y, pos_weight=doubles(pos_weight)
    ),
    "huber": lambda z, y, delta=1.0: functional.huber_loss(z.expand(len(y)), y, delta=delta),
}


@pytest.mark.parametrize(
    ("loss", "dataset", "width", "values"),
    [
        ("cross_entropy", "wine", 3, {"label_smoothing": 0.3}),
        ("cross_entropy", "wine", 3, {"class_weights": W}),
        ("cross_entropy", "wine", 3, {"label_smoothing": 0.3, "class_weights": W}),
        ("bce", "breast_cancer", 1, {"pos_weight": 3.0}),
        ("huber", "diabetes", 1, {"delta": 0.5}),
    ],
)
def test_the_baseline_is_that_of_the_best_constant_for_what_is_set(loss, dataset, width, values):
    entrant = EntrantSpec(loss=loss, parameters=values)
    targets = prepare(alone(entrant, dataset)).batches.targets[0][0].double()
    y = targets.argmax(0).double() if width > 1 else targets[0]

    def height(z: Tensor) -> Tensor:
        return TORCHS[loss](z, y, **values)

    least = height(lowest(height, width)).item()
    assert baseline(entrant, dataset) == pytest.approx(least, rel=1e-5)
    assert baseline(EntrantSpec(loss=loss), dataset) != pytest.approx(least, rel=1e-3)
