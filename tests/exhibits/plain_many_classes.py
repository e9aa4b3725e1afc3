"""The square loss against CrossEntropy with 10 and 100 classes, in plain PyTorch.

Imports nothing of the lab.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

SEEDS, BATCH, MARGIN = 6, 32, 0.01
#: By the number of classes; ten are learnt sooner.
EPOCHS = {10: 10, 100: 30}


def split(classes: int, seed: int) -> list[torch.Tensor]:
    """Blobs like the seeds of a sunflower, neighbours about the square root of 3 apart."""
    place = np.arange(classes)
    angle, radius = np.pi * (3 - np.sqrt(5)) * place, np.sqrt(place + 0.5)
    centers = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    x, y = make_blobs(4000, centers=centers, cluster_std=0.3, random_state=seed)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.5, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(x_train)
    points = [torch.tensor(scaler.transform(part)).float() for part in (x_train, x_test)]
    return [*points, torch.tensor(y_train), torch.tensor(y_test)]


def accuracy(classes: int, seed: int, rate: float, weight: float | None) -> float:
    """Of the square loss with a weight on the true class, or without one of CrossEntropy."""
    x, x_test, y, y_test = split(classes, seed)
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, classes))
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    one_hot = nn.functional.one_hot(y, classes).float()
    for _ in range(EPOCHS[classes]):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            outputs = network(x[rows])
            if weight is None:
                loss = nn.functional.cross_entropy(outputs, y[rows])
            else:
                weights = 1 + (weight - 1) * one_hot[rows]
                loss = (weights * (outputs - one_hot[rows]).square()).mean()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return float((network(x_test).argmax(1) == y_test).double().mean())


def scores(classes: int) -> list[np.ndarray]:
    """Accuracy by seed of CrossEntropy, of MSE, and of MSE weighted."""
    found = [
        np.array([accuracy(classes, seed, rate, weight) for seed in range(SEEDS)])
        for rate, weight in ((3e-3, None), (1e-2, 1.0), (3e-3, 15.0))
    ]
    print(
        f"{classes} classes: CrossEntropy, MSE, weighted", *(f"{each.mean():.4f}" for each in found)
    )
    return found


def shown(name: str, values: np.ndarray) -> int:
    """1 or -1 where a t test shows the mean to be above or below 0, else 0."""
    test = stats.ttest_1samp(values, 0)
    low, high = test.confidence_interval()
    print(f"{name}: {values.mean():.4f} [{low:.4f}, {high:.4f}], p {test.pvalue:.3g}")
    return int(np.sign(values.mean())) if test.pvalue < 0.05 else 0


def verdict() -> str:
    torch.set_num_threads(1)
    few, many = scores(10), scores(100)
    found = [
        shown("10 classes, from above", MARGIN - (few[1] - few[0])),
        shown("10 classes, from below", MARGIN + (few[1] - few[0])),
        shown("100 classes, CrossEntropy less MSE", many[0] - many[1]),
        shown("100 classes, weighted less MSE", many[2] - many[1]),
    ]
    if min(found) == 1:
        return "seen here"
    return "the opposite here" if min(found) == -1 else "unclear"


if __name__ == "__main__":
    print(verdict())
