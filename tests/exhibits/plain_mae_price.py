"""CrossEntropy against MAE on probabilities with 3 and 30 clean classes, in plain PyTorch.

Imports nothing of the lab.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy import stats
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

SEEDS, BATCH, RATE = 6, 32, 3e-3
#: By the number of classes; three are learnt in a few.
EPOCHS = {3: 10, 30: 40}


class Accuracies(NamedTuple):
    """By seed, at the end."""

    test: np.ndarray
    train: np.ndarray


def centers(classes: int) -> np.ndarray:
    """A ring of three, or a sunflower of many: neighbours about the square root of 3 apart."""
    place = np.arange(classes)
    is_ring = classes == 3
    angle = place * (2 * np.pi / 3 if is_ring else np.pi * (3 - np.sqrt(5)))
    radius = np.ones(3) if is_ring else np.sqrt(place + 0.5)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def split(classes: int, seed: int) -> list[torch.Tensor]:
    x, y = make_blobs(4000, centers=centers(classes), cluster_std=0.3, random_state=seed)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.5, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(x_train)
    points = [torch.tensor(scaler.transform(part)).float() for part in (x_train, x_test)]
    return [*points, torch.tensor(y_train), torch.tensor(y_test)]


def accuracy(classes: int, seed: int, *, absolute: bool) -> tuple[float, float]:
    """On test rows and on training rows."""
    x, x_test, y, y_test = split(classes, seed)
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, classes))
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    one_hot = nn.functional.one_hot(y, classes).float()
    mae, entropy = nn.L1Loss(), nn.CrossEntropyLoss()
    for _ in range(EPOCHS[classes]):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            logits = network(x[rows])
            loss = mae(logits.softmax(1), one_hot[rows]) if absolute else entropy(logits, y[rows])
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        right = [network(part).argmax(1) == of for part, of in ((x_test, y_test), (x, y))]
    return float(right[0].double().mean()), float(right[1].double().mean())


def scores(classes: int, *, absolute: bool) -> Accuracies:
    runs = np.array([accuracy(classes, seed, absolute=absolute) for seed in range(SEEDS)])
    found = Accuracies(*runs.T)
    name = "MAE" if absolute else "CrossEntropy"
    print(f"{classes} classes, {name}: {found.test.mean():.4f}, train {found.train.mean():.4f}")
    return found


def shown(name: str, values: np.ndarray) -> int:
    """1 or -1 where a t test shows the mean to be above or below 0, else 0."""
    test = stats.ttest_1samp(values, 0)
    low, high = test.confidence_interval()
    print(f"{name}: {values.mean():.4f} [{low:.4f}, {high:.4f}], p {test.pvalue:.3g}")
    return int(np.sign(values.mean())) if test.pvalue < 0.05 else 0


def verdict() -> str:
    torch.set_num_threads(1)
    few, few_mae = (scores(3, absolute=absolute) for absolute in (False, True))
    many, many_mae = (scores(30, absolute=absolute) for absolute in (False, True))
    found = [
        shown("30 classes", many.test - many_mae.test),
        shown("30 classes, training rows", many.train - many_mae.train),
        shown("30 classes more than 3", (many.test - many_mae.test) - (few.test - few_mae.test)),
    ]
    if min(found) == 1:
        return "seen here"
    return "the opposite here" if min(found) == -1 else "unclear"


if __name__ == "__main__":
    print(verdict())
