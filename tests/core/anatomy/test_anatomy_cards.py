"""Every card is complete and well formed, and what cards state as fact holds in PyTorch."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys

import pytest
import torch
from torch import nn

from core.losses import LOSSES, Card, LossSpec

SENTENCES = (
    "summary",
    "takes",
    "target",
    "proper_scoring_rule",
    "noise_model",
    "use_when",
    "avoid_when",
    "gradient",
    "source",
)

#: Every loss as it comes, and with each of these values set.
SETTINGS = {
    "cross_entropy": [
        {"label_smoothing": 0.3},
        {"class_weights": (1.0, 2.0, 0.5)},
        {"label_smoothing": 0.3, "class_weights": (1.0, 2.0, 0.5)},
    ],
    "bce": [{"pos_weight": 3.0}, {"pos_weight": 0.25}],
    "kl_div": [{"smoothing": 0.0}, {"smoothing": 0.3}],
    "focal": [{"gamma": 0.0}, {"gamma": 0.5}, {"gamma": 1.0}, {"gamma": 3.0}],
    "hinge": [{"margin": 2.5}, {"p": 2.0}, {"margin": 2.5, "p": 2.0}],
    "mse_on_raw_outputs": [{"k": 5.0}, {"M": 3.0}, {"k": 5.0, "M": 3.0}],
    "generalised_cross_entropy": [{"q": 0.25}, {"q": 1.0}],
    "symmetric_cross_entropy": [
        {"alpha": 1.0, "beta": 0.0, "A": -2.0},
        {"alpha": 0.3, "beta": 2.0, "A": -6.0},
        {"alpha": 2.0, "beta": 0.0, "A": -6.0},
    ],
    "huber": [{"delta": 2.5}, {"delta": 0.5}],
    "smooth_l1": [{"beta": 2.5}, {"beta": 0.5}],
}
SET = [
    loss.with_parameters(values)
    for loss in LOSSES.values()
    for values in ({}, *SETTINGS.get(loss.key, []))
]


def name_of(loss: LossSpec) -> str:
    return " ".join([loss.key, *(f"{name}={value}" for name, value in loss.chosen.items())])


every_set_loss = pytest.mark.parametrize("loss", SET, ids=name_of)
every_card = pytest.mark.parametrize("card", [loss.card for loss in SET], ids=map(name_of, SET))


def formulas(card: Card) -> list[str]:
    shown = card.example_formula + card.gradient_formula
    return [latex for _, latex in shown] + [card.batch_formula]


def texts(card: Card) -> list[str]:
    shown = card.example_formula + card.gradient_formula + card.symbols
    pairs = [text for pair in shown for text in pair]
    facts = [card.batch_formula, card.reduction, card.unit]
    return [getattr(card, name) for name in SENTENCES] + pairs + facts


def test_every_loss_has_a_card_of_its_own():
    cards = {loss.card.summary for loss in LOSSES.values() if isinstance(loss.card, Card)}
    assert len(cards) == len(LOSSES)


def test_importing_needs_nothing_heavy():
    heavy = ("torch", "scipy", "sklearn", "streamlit", "numpy")
    program = f"import sys, core.anatomy; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert shown.stdout.strip() == "[]", shown.stderr


@every_card
def test_nothing_is_empty(card):
    for field in dataclasses.fields(card):
        assert getattr(card, field.name)
    assert all(text.strip() == text and text for text in texts(card))


@every_card
def test_sentences_are_sentences(card):
    for name in SENTENCES:
        text = getattr(card, name)
        assert re.match(r"[A-Z0+]", text), text
        assert text.endswith("."), text
        assert "  " not in text
        assert not re.search(r"[,:;][A-Za-z]", text), text
        assert not re.search(r"[a-z]\.[A-Z](?!\w*Loss)", text), text


@every_card
def test_summary_is_one_sentence(card):
    assert not re.search(r"\. ", card.summary)


@every_card
def test_latex_is_balanced(card):
    for latex in formulas(card):
        depth = 0
        for brace in re.findall(r"(?<!\\)[{}]", latex):
            depth += 1 if brace == "{" else -1
            assert depth >= 0
        assert depth == 0
        assert len(re.findall(r"\\left\b", latex)) == len(re.findall(r"\\right\b", latex))
        assert re.findall(r"\\begin(\{\w+\})", latex) == re.findall(r"\\end(\{\w+\})", latex)
        assert latex.count("(") == latex.count(")")
        assert latex.isascii()
        assert "$" not in latex


@every_card
def test_symbols_are_those_of_the_formulas(card):
    written = " ".join(formulas(card))
    names = [symbol for symbol, _ in card.symbols]
    assert len(names) == len(set(names))
    for symbol in names:
        letter, _, value = symbol.partition(" = ")
        if value:
            continue
        alone = rf"(?<![A-Za-z\\]){re.escape(letter)}(?![A-Za-z])"
        assert re.search(alone, written), symbol
    for letter in set(re.findall(r"(?<![A-Za-z\\])[NCyztmpfv](?![A-Za-z])", written)):
        assert letter in names or rf"\hat{{{letter}}}" in names, letter


@every_card
def test_source_names_what_exists(card):
    assert re.search(r"\b(19|20)\d\d\b|PyTorch documentation", card.source)
    for name in re.findall(r"torch\.nn\.(\w+)", card.source):
        assert hasattr(nn, name)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_card_speaks_of_every_parameter_and_of_the_class_in_torch(loss):
    card = loss.card
    text = " ".join(texts(card)).lower()
    names = {"p": "power", "pos_weight": "pos_weight"}
    for parameter in loss.parameters:
        assert names.get(parameter.name, parameter.label.lower()) in text, parameter.name
    classes = re.findall(r"torch\.nn\.(\w+)", card.source)
    assert classes in ([], [loss.torch_class])


def test_cross_entropy_shows_both_formulas():
    shown = formulas(LOSSES["cross_entropy"].card)
    assert r"-\left[y \log \hat{y} + (1 - y) \log (1 - \hat{y})\right]" in shown[0]
    assert r"-\sum_{i=1}^{C} y_i \log \hat{y}_i" in shown[1]


# ------------------------------------------------------------------ what cards state

LOGITS = torch.linspace(-20, 20, 4001, dtype=torch.float64)


def slope(function, z: torch.Tensor) -> torch.Tensor:
    z = z.clone().requires_grad_()
    return torch.autograd.grad(function(z).sum(), z)[0]


def test_squared_error_through_a_sigmoid_vanishes_when_confidently_wrong():
    gradient = slope(lambda z: (z.sigmoid() - 1) ** 2, LOGITS)
    p = LOGITS.sigmoid()
    torch.testing.assert_close(gradient, 2 * (p - 1) * p * (1 - p))
    assert abs(gradient[0]) < 1e-8 < 1e-3 < gradient.abs().max()


def test_cross_entropy_pushes_wrong_answers_and_not_right_ones():
    z = torch.tensor([[30.0, 0.0], [-30.0, 0.0]], dtype=torch.float64)
    ids = torch.tensor([0, 0])
    gradient = slope(lambda z: nn.functional.cross_entropy(z, ids, reduction="none"), z)
    torch.testing.assert_close(gradient, z.softmax(1) - torch.tensor([[1.0, 0.0]]))
    assert gradient[0].abs().max() < 1e-12
    assert gradient[1].abs().min() > 1 - 1e-12


@pytest.mark.parametrize(("z", "target"), [(-200.0, 1.0), (20.0, 0.0)])
def test_bce_on_rounded_probabilities_teaches_nothing(z, target):
    logit, y = torch.tensor([z]), torch.tensor([target])
    assert slope(lambda z: nn.BCELoss()(z.sigmoid(), y), logit) == 0
    assert slope(lambda z: nn.BCEWithLogitsLoss()(z, y), logit).abs() > 0.999


def test_soft_margin_is_bce_with_other_names_and_log_2_for_a_target_of_0():
    for yes in (0.0, 1.0):
        y = torch.full_like(LOGITS, yes)
        theirs = nn.BCEWithLogitsLoss(reduction="none")(LOGITS, y)
        ours = nn.SoftMarginLoss(reduction="none")(LOGITS, 2 * y - 1)
        torch.testing.assert_close(ours, theirs)
    zeros = nn.SoftMarginLoss(reduction="none")(LOGITS, torch.zeros_like(LOGITS))
    torch.testing.assert_close(zeros, torch.full_like(LOGITS, 2.0).log())


def test_focal_is_cross_entropy_turned_down_and_not_proper():
    log_p = nn.functional.logsigmoid(LOGITS)
    focal = slope(lambda z: -((-z).sigmoid() ** 2) * nn.functional.logsigmoid(z), LOGITS)
    factor = focal / (log_p.exp() - 1)
    assert factor[0] == pytest.approx(1, abs=1e-6)
    assert factor[-1] < 1e-12
    p = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)
    truth = 0.8
    average = -truth * (1 - p) ** 2 * p.log() - (1 - truth) * p**2 * (1 - p).log()
    best = p[average.argmin()]
    assert 0.5 < best < truth - 0.05


def test_divergence_is_level_at_the_smoothed_target():
    smoothed = torch.tensor([0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3], dtype=torch.float64)
    gradient = slope(
        lambda z: nn.functional.kl_div(z.log_softmax(0), smoothed, reduction="sum"),
        smoothed.log() + 5,
    )
    torch.testing.assert_close(gradient, torch.zeros_like(smoothed))


def test_huber_and_smooth_l1_hold_the_gradient():
    zero = torch.zeros_like(LOGITS)
    huber = slope(lambda z: nn.HuberLoss(reduction="none", delta=3)(z, zero), LOGITS)
    smooth = slope(lambda z: nn.SmoothL1Loss(reduction="none", beta=3)(z, zero), LOGITS)
    torch.testing.assert_close(huber, LOGITS.clamp(-3, 3))
    torch.testing.assert_close(smooth, (LOGITS / 3).clamp(-1, 1))


def test_counts_and_bell_curves_are_negative_log_likelihoods_less_a_constant():
    y = torch.tensor([0.0, 1.0, 4.0], dtype=torch.float64)
    z = torch.tensor([0.3, -0.2, 1.5], dtype=torch.float64)
    v = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    poisson = -torch.distributions.Poisson(z.exp()).log_prob(y) - torch.lgamma(y + 1)
    torch.testing.assert_close(nn.PoissonNLLLoss(reduction="none")(z, y), poisson)
    normal = -torch.distributions.Normal(z, v.sqrt()).log_prob(y)
    constant = torch.tensor(2 * torch.pi, dtype=torch.float64).log() / 2
    torch.testing.assert_close(nn.GaussianNLLLoss(reduction="none")(z, y, v), normal - constant)


# ------------------------------------------------------------------ what is set


@pytest.mark.parametrize("loss", [each for each in SET if each.changed], ids=name_of)
def test_what_is_set_changes_the_formulas(loss):
    plain, card = LOSSES[loss.key].card, loss.card
    assert formulas(card) != formulas(plain)
    written = " ".join(texts(card))
    for name, value in loss.changed.items():
        if (loss.key, name) == ("symmetric_cross_entropy", "A") and loss.values["beta"] == 0:
            continue
        numbers = value if isinstance(value, tuple) else (value,)
        neutral = {each.name: each.neutral for each in loss.parameters}[name]
        leaves_out = value == neutral or (loss.key, value) in (
            ("focal", 0.0),
            ("generalised_cross_entropy", 1.0),
        )
        assert leaves_out or all(f"{number:g}" in written for number in numbers), name
