"""CrossEntropy of two logits and BCE of one, from one start, in plain PyTorch.

Imports nothing of the lab. Each logit of CrossEntropy moves by the gradient, so that the
difference of the two, which alone matters, moves by twice it: the last layer of BCE starts as that
difference and learns at twice the rate. The hidden layer has one rate in both.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

SEEDS, EPOCHS, BATCH, RATE, TOLERANCE = 5, 30, 32, 0.1, 1e-3


def split(seed: int) -> list[torch.Tensor]:
    x, y = make_moons(1000, noise=0.2, random_state=seed)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(x_train)
    points = [torch.tensor(scaler.transform(part)).float() for part in (x_train, x_test)]
    return [*points, torch.tensor(y_train), torch.tensor(y_test)]


def pair_of_networks(seed: int) -> tuple[nn.Sequential, nn.Sequential]:
    torch.manual_seed(seed)
    two = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
    one = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
    one[0].load_state_dict(two[0].state_dict())
    with torch.no_grad():
        one[2].weight[0] = two[2].weight[1] - two[2].weight[0]
        one[2].bias[0] = two[2].bias[1] - two[2].bias[0]
    return two, one


def farthest(seed: int) -> tuple[float, float]:
    """How far apart the NLL of the two is at most after any epoch, and how far it fell."""
    x, x_test, y, y_test = split(seed)
    two, one = pair_of_networks(seed)
    ce, bce = nn.CrossEntropyLoss(), nn.BCEWithLogitsLoss()
    faster = [
        {"params": one[0].parameters(), "lr": RATE},
        {"params": one[2].parameters(), "lr": 2 * RATE},
    ]
    optimizers = torch.optim.SGD(two.parameters(), lr=RATE), torch.optim.SGD(faster, lr=RATE)
    nll = []
    for epoch in range(EPOCHS + 1):
        for rows in torch.randperm(len(x)).split(BATCH) if epoch else ():
            losses = ce(two(x[rows]), y[rows]), bce(one(x[rows])[:, 0], y[rows].float())
            for optimizer, loss in zip(optimizers, losses, strict=True):
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        with torch.no_grad():
            apart = ce(two(x_test), y_test), bce(one(x_test)[:, 0], y_test.float())
        nll.append([float(value) for value in apart])
    course = np.array(nll)
    return float(abs(course[:, 0] - course[:, 1]).max()), float(course[0, 0] - course[-1, 0])


def verdict() -> str:
    torch.set_num_threads(1)
    distances, falls = np.transpose([farthest(seed) for seed in range(SEEDS)])
    print(f"farthest apart, by seed: {distances}; NLL fell by {falls.min():.3f} or more")
    # Two networks that learn nothing would agree as well.
    assert falls.min() > 0.1
    # Nothing but rounding is drawn at random: the sign decides.
    return "seen here" if TOLERANCE - distances.mean() > 0 else "the opposite here"


if __name__ == "__main__":
    print(verdict())
