"""What goes wrong with losses without an error: each as two programs that differ in one point.

Both programs of a pair run as they stand and print the loss, or losses, that they get.
Nothing here says what they print: ``running.run`` tells.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """A way to get a wrong number from a loss that looks as if it worked."""

    key: str
    title: str
    what_happens: str
    wrong_code: str
    right_code: str


def _mistake(key: str, title: str, what_happens: str, code: str, wrong: str, right: str) -> Mistake:
    """A pair written once: ``HERE`` in ``code`` stands for the one point where they differ."""
    return Mistake(
        key, title, what_happens, code.replace("HERE", wrong), code.replace("HERE", right)
    )


_PRINT = 'print(f"{loss.item():.4f}")\n'

MISTAKES: tuple[Mistake, ...] = (
    _mistake(
        "softmax_before_cross_entropy",
        "Softmax before CrossEntropyLoss",
        "CrossEntropyLoss applies log-softmax itself, so the probabilities are squeezed a second "
        "time. Even a perfect answer cannot bring the loss near 0: with C classes it never falls "
        "below log(1 + (C - 1) / e). The network still learns, slowly, and its curve looks stuck.",
        """\
import torch
from torch import nn

logits = torch.tensor([[9.0, 0.0, -2.0], [-1.0, 8.0, 0.5], [0.0, -1.0, 9.5]])
targets = torch.tensor([0, 1, 2])  # every example is answered right

loss_fn = nn.CrossEntropyLoss()
loss = loss_fn(HERE, targets)
"""
        + _PRINT,
        "logits.softmax(dim=1)",
        "logits",
    ),
    _mistake(
        "bce_loss_on_logits",
        "BCELoss on logits",
        "BCELoss takes probabilities. It raises an error as soon as one input lies outside 0 to 1, "
        "but logits that happen to lie inside pass for probabilities and give a wrong number. "
        "Behind a ReLU, for instance, the error may come only in mid-training.",
        """\
import torch
from torch import nn

logits = torch.tensor([0.9, 0.2, 0.6])
targets = torch.tensor([1.0, 0.0, 1.0])

loss_fn = nn.HERE()
loss = loss_fn(logits, targets)
"""
        + _PRINT,
        "BCELoss",
        "BCEWithLogitsLoss",
    ),
    _mistake(
        "bce_loss_clamp",
        "BCELoss stops counting at 100",
        "The sigmoid of -200 rounds to 0, and BCELoss cuts the logarithm of 0 off at -100. "
        "The loss shown is too small and the gradient exactly 0; with a target of 0 and a logit of "
        "17 the sigmoid rounds to 1 and the loss, 100, is too large. BCEWithLogitsLoss works on "
        "the logit and has no such limit.",
        """\
import torch
from torch import nn

logits = torch.tensor([-200.0])
targets = torch.tensor([1.0])  # confidently wrong

loss_fn = nn.HERE
"""
        + _PRINT,
        "BCELoss()\nloss = loss_fn(logits.sigmoid(), targets)",
        "BCEWithLogitsLoss()\nloss = loss_fn(logits, targets)",
    ),
    _mistake(
        "ids_for_one_hot",
        "Class ids where one-hot is meant",
        "The class id was repeated in every column to make the shapes match, and "
        "BCEWithLogitsLoss does not check that targets lie between 0 and 1. A target of 2 rewards "
        "any large logit, right or wrong, so the loss falls below 0 and goes on falling.",
        """\
import torch
from torch import nn

logits = torch.tensor([[1.0, 2.0, 4.0], [0.5, 3.0, 1.0], [2.0, 1.5, 3.0]])
classes = torch.tensor([2, 1, 2])

targets = HERE.float()
loss_fn = nn.BCEWithLogitsLoss()
loss = loss_fn(logits, targets)
"""
        + _PRINT,
        "classes.unsqueeze(1).expand(3, 3)",
        "nn.functional.one_hot(classes, 3)",
    ),
    _mistake(
        "broadcast",
        "A column of predictions against a row of targets",
        "A network with one output gives [N, 1], the targets are [N], and the subtraction "
        "stretches both to N x N: every prediction is compared with every target. MSELoss, L1Loss, "
        "HuberLoss and SmoothL1Loss only warn, PoissonNLLLoss, KLDivLoss and GaussianNLLLoss "
        "(beside variances of [N, 1]) say nothing, and BCELoss, BCEWithLogitsLoss and "
        "SoftMarginLoss raise. Training with MSELoss then makes all predictions the mean of the "
        "targets.",
        """\
import warnings

import torch
from torch import nn

predictions = torch.tensor([[1.0], [2.0], [4.0]])  # right, each of them
targets = torch.tensor([1.0, 2.0, 4.0])

loss_fn = nn.MSELoss()
with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)
    loss = loss_fn(HERE, targets)
"""
        + _PRINT,
        "predictions",
        "predictions.squeeze(1)",
    ),
    _mistake(
        "mse_on_class_ids",
        "MSE on class ids",
        "Class numbers are names, but a squared distance takes them for amounts. Taking class 0 "
        "for class 2 then costs more than taking it for class 1, and the loss changes when the "
        "classes are numbered in another order. Cross-entropy counts both mistakes the same.",
        """\
import torch
from torch import nn

logits = torch.tensor([[0.0, 4.0, 0.0], [0.0, 0.0, 4.0]])  # says class 1, says class 2
targets = torch.tensor([0, 0])  # both are class 0

HERE
print(" ".join(f"{value:.4f}" for value in loss.tolist()))
""",
        """\
class_numbers = logits.softmax(dim=1) @ torch.tensor([0.0, 1.0, 2.0])
loss_fn = nn.MSELoss(reduction="none")
loss = loss_fn(class_numbers, targets.float())""",
        """\
loss_fn = nn.CrossEntropyLoss(reduction="none")
loss = loss_fn(logits, targets)""",
    ),
    _mistake(
        "mean_over_classes",
        "A mean over N x C beside a mean over N",
        "BCEWithLogitsLoss and MSELoss divide by every number in the tensor, N x C of them; "
        "CrossEntropyLoss divides by N alone. Beside cross-entropy their losses and gradients "
        "come out C times smaller. Sum over the classes and divide by N to compare them.",
        """\
import torch
from torch import nn

logits = torch.tensor([[2.0, 0.5, -1.0], [0.1, 1.5, 0.3], [-0.5, 0.2, 0.9]])
targets = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])

loss_fn = nn.BCEWithLogitsLoss(HERE
"""
        + _PRINT,
        ")\nloss = loss_fn(logits, targets)",
        'reduction="sum")\nloss = loss_fn(logits, targets) / len(logits)',
    ),
)
