"""Every snippet is run, and its value had again from NumPy, from torch and from the catalogue."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.anatomy import PATTERN, Snippet, run, snippet
from core.errors import SpecError
from core.losses import LOSSES, Task
from tests.core import plain

#: What a print with four decimals of a float32 may be off by.
PRINTED = 6e-5

DEFAULTS = [(key, task, {}) for key, loss in LOSSES.items() for task in loss.program.variants]
CHANGED = [
    ("cross_entropy", Task.BINARY, {"label_smoothing": 0.2}),
    ("cross_entropy", Task.BINARY, {"class_weights": (1.0, 3.0)}),
    ("cross_entropy", Task.MULTICLASS, {"class_weights": (1.0, 2.0, 4.0)}),
    ("cross_entropy", Task.MULTICLASS, {"class_weights": (1, 2, 4), "label_smoothing": 0.3}),
    ("bce", Task.BINARY, {"pos_weight": 3.0}),
    ("bce", Task.MULTICLASS, {"pos_weight": 2}),
    ("kl_div", Task.BINARY, {"smoothing": 0.0}),
    ("kl_div", Task.MULTICLASS, {"smoothing": 0.3}),
    ("hinge", Task.BINARY, {"p": 2}),
    ("hinge", Task.MULTICLASS, {"p": 2.0, "margin": 0.5}),
    ("focal", Task.BINARY, {"gamma": 0}),
    ("focal", Task.MULTICLASS, {"gamma": 5.0}),
    ("smooth_l1", Task.REGRESSION, {"beta": 0.3}),
    ("huber", Task.REGRESSION, {"delta": 2.0}),
    ("mse_on_raw_outputs", Task.BINARY, {"k": 5.0}),
    ("mse_on_raw_outputs", Task.MULTICLASS, {"k": 3.0, "M": 2.0}),
    ("mse_on_raw_outputs", Task.MULTICLASS, {"M": 0.5}),
    ("generalised_cross_entropy", Task.BINARY, {"q": 0.2}),
    ("generalised_cross_entropy", Task.MULTICLASS, {"q": 1.0}),
    ("symmetric_cross_entropy", Task.BINARY, {"alpha": 1.0, "beta": 0.5}),
    ("symmetric_cross_entropy", Task.MULTICLASS, {"A": -6.0}),
]

every_snippet = pytest.mark.parametrize(
    ("key", "task", "parameters"),
    DEFAULTS + CHANGED,
    ids=lambda part: ",".join(part) if isinstance(part, dict) else str(part),
)


# ------------------------------------------------------------------ the same in NumPy


def log_softmax(z: np.ndarray) -> np.ndarray:
    return z - np.log(np.exp(z).sum(1, keepdims=True))


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def columns(t: np.ndarray, z: np.ndarray) -> np.ndarray:
    """One-hot rows, or the target itself where there is one logit."""
    return t[:, None] if z.shape[1] == 1 else np.eye(z.shape[1])[t.astype(int)]


def true_class(table: np.ndarray, t: np.ndarray) -> np.ndarray:
    return table[np.arange(len(t)), t.astype(int)]


def np_cross_entropy(z, t, task, class_weights=None, label_smoothing=0.0):
    weights = np.array(class_weights or [1.0] * z.shape[1])
    wanted = (1 - label_smoothing) * columns(t, z) + label_smoothing / z.shape[1]
    return -(weights * wanted * log_softmax(z)).sum() / true_class(weights + 0 * z, t).sum()


def np_nll(z, t, task):
    return -true_class(log_softmax(z), t).mean()


def np_bce(z, t, task, pos_weight=1.0):
    y, p = columns(t, z), sigmoid(z)
    return -(pos_weight * y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


def np_mse(z, t, task):
    links = {
        Task.BINARY: sigmoid,
        Task.MULTICLASS: lambda z: np.exp(log_softmax(z)),
        Task.REGRESSION: lambda z: z,
    }
    return ((links[task](z) - columns(t, z)) ** 2).mean()


def np_kl_div(z, t, task, smoothing=0.1):
    wanted = (1 - smoothing) * columns(t, z) + smoothing / z.shape[1]
    own = wanted * np.log(np.where(wanted > 0, wanted, 1))
    return (own - wanted * log_softmax(z)).sum() / len(z)


def np_hinge(z, t, task, p=1, margin=1.0):
    total = 0.0
    for scores, c in zip(z, t.astype(int), strict=True):
        missed = [max(0.0, margin - scores[c] + s) ** p for i, s in enumerate(scores) if i != c]
        total += sum(missed) / len(scores)
    return total / len(z)


def np_soft_margin(z, t, task):
    return np.log(1 + np.exp(-(2 * columns(t, z) - 1) * z)).mean()


def np_focal(z, t, task, gamma=2.0):
    p = true_class(np.exp(log_softmax(z)), t)
    return (-((1 - p) ** gamma) * np.log(p)).mean()


def np_mse_on_raw_outputs(z, t, task, k=1.0, M=1.0):
    total = 0.0
    for scores, c in zip(z, t.astype(int), strict=True):
        others = sum(s**2 for i, s in enumerate(scores) if i != c)
        total += (k * (scores[c] - M) ** 2 + others) / len(scores)
    return total / len(z)


def np_mae_on_probabilities(z, t, task):
    p = sigmoid(z) if task is Task.BINARY else np.exp(log_softmax(z))
    return np.abs(p - columns(t, z)).mean()


def np_generalised_cross_entropy(z, t, task, q=0.7):
    return ((1 - true_class(np.exp(log_softmax(z)), t) ** q) / q).mean()


def np_squentropy(z, t, task):
    total = 0.0
    for scores, c in zip(z, t.astype(int), strict=True):
        total += np.mean([s**2 for i, s in enumerate(scores) if i != c])
    return np_cross_entropy(z, t, task) + total / len(z)


def np_symmetric_cross_entropy(z, t, task, alpha=0.1, beta=1.0, A=-4.0):
    p = true_class(np.exp(log_softmax(z)), t)
    return (-alpha * np.log(p) - beta * A * (1 - p)).mean()


def np_l1(z, t, task):
    return np.abs(z[:, 0] - t).mean()


def np_smooth_l1(z, t, task, beta=1.0):
    e = np.abs(z[:, 0] - t)
    return np.where(e < beta, e**2 / (2 * beta), e - beta / 2).mean()


def np_huber(z, t, task, delta=1.0):
    e = np.abs(z[:, 0] - t)
    return np.where(e < delta, e**2 / 2, delta * (e - delta / 2)).mean()


def np_poisson_nll(z, t, task):
    return (np.exp(z[:, 0]) - t * z[:, 0]).mean()


def np_gaussian_nll(z, t, task):
    mean, variance = z[:, 0], np.exp(z[:, 1])
    return ((np.log(variance) + (mean - t) ** 2 / variance) / 2).mean()


def np_custom(z, t, task):
    p = z if task is Task.REGRESSION else np.exp(log_softmax(z))
    return ((p - columns(t, z)) ** 2).sum(1).mean()


IN_NUMPY = {
    "cross_entropy": np_cross_entropy,
    "nll": np_nll,
    "bce": np_bce,
    "bce_on_probabilities": np_bce,
    "mse": np_mse,
    "kl_div": np_kl_div,
    "hinge": np_hinge,
    "soft_margin": np_soft_margin,
    "focal": np_focal,
    "mse_on_raw_outputs": np_mse_on_raw_outputs,
    "mae_on_probabilities": np_mae_on_probabilities,
    "generalised_cross_entropy": np_generalised_cross_entropy,
    "squentropy": np_squentropy,
    "symmetric_cross_entropy": np_symmetric_cross_entropy,
    "l1": np_l1,
    "smooth_l1": np_smooth_l1,
    "huber": np_huber,
    "poisson_nll": np_poisson_nll,
    "gaussian_nll": np_gaussian_nll,
    "custom": np_custom,
    "cross_entropy_after_softmax": lambda z, t, task: np_nll(np.exp(log_softmax(z)), t, task),
    "broadcast_mse": lambda z, t, task: np.mean([(p - y) ** 2 for p in z[:, 0] for y in t]),
}


# ------------------------------------------------------------------ the same in torch


def probabilities(z: Tensor, task: Task) -> Tensor:
    links = {Task.BINARY: z.sigmoid(), Task.MULTICLASS: z.softmax(1), Task.REGRESSION: z}
    return links[task]


def torch_cross_entropy(z, t, task, class_weights=None, label_smoothing=0.0):
    weight = None if class_weights is None else torch.tensor(class_weights, dtype=z.dtype)
    return F.cross_entropy(z, t.long(), weight=weight, label_smoothing=label_smoothing)


def torch_bce(z, t, task, pos_weight=1.0):
    y = plain.columns(t, task, z.shape[1])
    return F.binary_cross_entropy_with_logits(z, y, pos_weight=torch.tensor(pos_weight))


def torch_kl_div(z, t, task, smoothing=0.1):
    """Cross-entropy against the smoothed target, less that target's own."""
    wanted = (1 - smoothing) * plain.columns(t, task, z.shape[1]) + smoothing / z.shape[1]
    return F.cross_entropy(z, wanted) - torch.special.entr(wanted).sum(1).mean()


def torch_focal(z, t, task, gamma=2.0):
    losses = F.cross_entropy(z, t.long(), reduction="none")
    return ((1 - (-losses).exp()) ** gamma * losses).mean()


def torch_mse_on_raw_outputs(z, t, task, k=1.0, M=1.0):
    y = plain.columns(t, task, z.shape[1])
    return torch.where(y == 1, k * F.mse_loss(z, M * y, reduction="none"), z**2).mean()


def torch_generalised_cross_entropy(z, t, task, q=0.7):
    losses = F.cross_entropy(z, t.long(), reduction="none")
    return (1 - (-q * losses).exp()).mean() / q


def torch_squentropy(z, t, task):
    y = plain.columns(t, task, z.shape[1])
    squares = F.mse_loss(z.masked_fill(y == 1, 0), torch.zeros_like(z), reduction="sum")
    return F.cross_entropy(z, t.long()) + squares / (len(z) * (z.shape[1] - 1))


def torch_symmetric_cross_entropy(z, t, task, alpha=0.1, beta=1.0, A=-4.0):
    losses = F.cross_entropy(z, t.long(), reduction="none")
    return (alpha * losses - beta * A * (1 - (-losses).exp())).mean()


def torch_custom(z, t, task):
    p = z if task is Task.REGRESSION else z.softmax(1)
    return F.mse_loss(p, plain.columns(t, task, z.shape[1])) * z.shape[1]


IN_TORCH = {
    "cross_entropy": torch_cross_entropy,
    "nll": lambda z, t, task: F.nll_loss(z.log_softmax(1), t.long()),
    "bce": torch_bce,
    "bce_on_probabilities": lambda z, t, task: F.binary_cross_entropy(
        z.sigmoid(), plain.columns(t, task, z.shape[1])
    ),
    "mse": lambda z, t, task: F.mse_loss(
        probabilities(z, task), plain.columns(t, task, z.shape[1])
    ),
    "kl_div": torch_kl_div,
    "hinge": lambda z, t, task, p=1, margin=1.0: F.multi_margin_loss(
        z, t.long(), p=int(p), margin=margin
    ),
    "soft_margin": lambda z, t, task: F.soft_margin_loss(
        z, 2 * plain.columns(t, task, z.shape[1]) - 1
    ),
    "focal": torch_focal,
    "mse_on_raw_outputs": torch_mse_on_raw_outputs,
    "mae_on_probabilities": lambda z, t, task: F.l1_loss(
        probabilities(z, task), plain.columns(t, task, z.shape[1])
    ),
    "generalised_cross_entropy": torch_generalised_cross_entropy,
    "squentropy": torch_squentropy,
    "symmetric_cross_entropy": torch_symmetric_cross_entropy,
    "l1": lambda z, t, task: F.l1_loss(z[:, 0], t),
    "smooth_l1": lambda z, t, task, beta=1.0: F.smooth_l1_loss(z[:, 0], t, beta=beta),
    "huber": lambda z, t, task, delta=1.0: F.huber_loss(z[:, 0], t, delta=delta),
    "poisson_nll": lambda z, t, task: F.poisson_nll_loss(z[:, 0], t),
    "gaussian_nll": lambda z, t, task: F.gaussian_nll_loss(z[:, 0], t, z[:, 1].exp()),
    "custom": torch_custom,
    "cross_entropy_after_softmax": lambda z, t, task: F.cross_entropy(z.softmax(1), t.long()),
    "broadcast_mse": lambda z, t, task: torch.cdist(z, t[:, None]).square().mean(),
}


def tensors(shown: Snippet) -> tuple[Tensor, Tensor]:
    return (
        torch.tensor(shown.logits, dtype=torch.float64),
        torch.tensor(shown.targets, dtype=torch.float64),
    )


# ------------------------------------------------------------------ tests


@every_snippet
def test_it_prints_what_the_formula_gives(key, task, parameters, recwarn):
    shown = snippet(key, task, parameters)
    printed = float(run(shown.code))
    z, t = tensors(shown)
    by_hand = IN_NUMPY[key](z.numpy(), t.numpy(), task, **parameters)
    by_torch = IN_TORCH[key](z, t, task, **parameters).item()
    assert printed == pytest.approx(by_hand, abs=PRINTED)
    assert printed == pytest.approx(by_torch, abs=PRINTED)
    assert by_hand == pytest.approx(by_torch, rel=1e-6)
    # Of this bug alone PyTorch warns.
    warned = [str(each.message) for each in recwarn.list]
    assert all(message.startswith("Using a target size") for message in warned)
    assert bool(warned) == (key == "broadcast_mse")


@every_snippet
def test_the_catalogue_gives_the_same(key, task, parameters):
    shown = snippet(key, task, parameters)
    z, t = tensors(shown)
    y = plain.columns(t, task, z.shape[1]).T
    formula = LOSSES[key].with_parameters(parameters).formulas[task]
    losses, _ = formula.forward(z.T.contiguous(), y.contiguous())
    assert float(run(shown.code)) == pytest.approx(formula.mean(losses, y).item(), abs=PRINTED)


def test_every_parameter_is_changed_in_some_snippet():
    changed = {(key, name) for key, _task, parameters in CHANGED for name in parameters}
    assert changed == {
        (loss.key, each.name) for loss in LOSSES.values() for each in loss.parameters
    }


@pytest.mark.parametrize("key", LOSSES)
def test_it_fits_the_tasks_and_has_the_outputs_of_the_catalogue(key):
    assert set(LOSSES[key].program.variants) == set(LOSSES[key].formulas)
    for task in LOSSES[key].program.variants:
        classes = {Task.BINARY: 2, Task.MULTICLASS: 3, Task.REGRESSION: 1}[task]
        assert len(snippet(key, task).logits[0]) == LOSSES[key].head.width(classes)


@every_snippet
def test_it_is_short_and_shows_its_own_numbers(key, task, parameters):
    shown = snippet(key, task, parameters)
    lines = shown.code.splitlines()
    assert lines[:2] == ["import torch", "from torch import nn"]
    assert lines[-1] == 'print(f"{loss.item():.4f}")'
    assert 8 <= len(lines) <= 18
    assert max(map(len, lines)) <= 100
    assert len(shown.logits) == len(shown.targets) == 3
    namespace: dict[str, Tensor] = {}
    exec("\n".join(lines[:4]), namespace)
    inputs = namespace.keys() & {"logits", "predictions", "outputs"}
    in_code = namespace[inputs.pop()].reshape(3, -1)
    torch.testing.assert_close(in_code, torch.tensor(shown.logits))


@pytest.mark.parametrize(("key", "task", "parameters"), CHANGED)
def test_a_changed_parameter_is_in_the_code(key, task, parameters):
    assert snippet(key, task, parameters).code != snippet(key, task).code
    assert run(snippet(key, task, parameters).code) != run(snippet(key, task).code)


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("cross_entropy", "nn.CrossEntropyLoss()"),
        ("bce", "nn.BCEWithLogitsLoss()"),
        ("hinge", "nn.MultiMarginLoss()"),
        ("smooth_l1", "nn.SmoothL1Loss()"),
        ("huber", "nn.HuberLoss()"),
        ("poisson_nll", "nn.PoissonNLLLoss()"),
    ],
)
def test_a_default_is_not_written(key, written):
    defaults = {"hinge": {"p": 1.0, "margin": 1}, "cross_entropy": {"class_weights": ()}}
    for task in LOSSES[key].program.variants:
        assert written in snippet(key, task, defaults.get(key)).code


def test_parameters_are_written_as_the_class_takes_them():
    both = {"class_weights": (1, 2, 4), "label_smoothing": 0.3}
    code = snippet("cross_entropy", Task.MULTICLASS, both).code
    assert "weights = torch.tensor([1.0, 2.0, 4.0])" in code
    assert "nn.CrossEntropyLoss(weight=weights, label_smoothing=0.3)" in code
    code = snippet("hinge", Task.BINARY, {"p": 2.0, "margin": 0.5}).code
    assert "nn.MultiMarginLoss(p=2, margin=0.5)" in code


def test_class_ids_one_hot_and_signs_are_written_as_the_class_wants_them():
    def targets(key: str, task: Task) -> str:
        line = next(x for x in snippet(key, task).code.splitlines() if x.startswith("targets"))
        return line.split("#")[0].strip()

    one_hot = "[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]"
    assert targets("cross_entropy", Task.MULTICLASS) == "targets = torch.tensor([0, 1, 0])"
    assert targets("mse", Task.MULTICLASS) == f"targets = torch.tensor({one_hot})"
    assert targets("bce", Task.BINARY) == "targets = torch.tensor([1.0, 0.0, 1.0])"
    assert targets("soft_margin", Task.BINARY) == "targets = torch.tensor([1.0, -1.0, 1.0])"
    signs = one_hot.replace("0.0", "-1.0")
    assert targets("soft_margin", Task.MULTICLASS) == f"targets = torch.tensor({signs})"


def test_equal_losses_print_equal_numbers():
    for task in (Task.BINARY, Task.MULTICLASS):
        printed = {
            key: run(snippet(key, task, parameters).code)
            for key, parameters in {
                "cross_entropy": {},
                "nll": {},
                "focal": {"gamma": 0.0},
                "kl_div": {"smoothing": 0.0},
            }.items()
        }
        assert len(set(printed.values())) == 1, printed


def test_what_does_not_fit_is_refused_with_the_reason():
    with pytest.raises(SpecError, match=r"no example of l1 for binary.*fits regression"):
        snippet("l1", Task.BINARY)
    with pytest.raises(SpecError, match="Parameter of MSE was 'gamma'; it has none"):
        snippet("mse", Task.BINARY, {"gamma": 1.0})
    with pytest.raises(SpecError, match=r"class_weights has 10 numbers.*needs 3"):
        snippet("cross_entropy", Task.MULTICLASS, {"class_weights": (1.0,) * 10})


def test_the_pattern_is_the_lessons():
    assert "loss_fn = nn.SomeLoss()" in PATTERN
    assert "loss = loss_fn(predicted_values, real_values)" in PATTERN


def test_a_snippet_runs_as_a_program_of_its_own(tmp_path):
    shown = snippet("focal", Task.MULTICLASS)
    program = tmp_path / "program.py"
    program.write_text(shown.code)
    command = [sys.executable, "-W", "error", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == run(shown.code), done.stderr


def test_running_raises_what_the_code_raises_and_gives_stdout_back():
    before = sys.stdout
    with pytest.raises(ZeroDivisionError):
        run("print('kept')\n1 / 0")
    assert sys.stdout is before
    assert run("print('one')\nprint('two')") == "one\ntwo"


def test_every_loss_has_snippets_that_run_here():
    assert set(IN_NUMPY) == set(IN_TORCH) == set(LOSSES)
