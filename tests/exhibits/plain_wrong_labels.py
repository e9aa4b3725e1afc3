"""CrossEntropy, generalised CE and MAE on digits with 40% wrong labels, in plain PyTorch.

Imports nothing of the lab.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

SEEDS, EPOCHS, EARLY, BATCH, SHARE, Q = 6, 60, 10, 32, 0.4, 0.7

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def generalised(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    p = logits.softmax(1)[torch.arange(len(y)), y]
    return ((1 - p**Q) / Q).mean()


def mae(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return nn.functional.l1_loss(logits.softmax(1), nn.functional.one_hot(y, 10).float())


def split(seed: int) -> list[torch.Tensor]:
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.5, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(x_train)
    generator = np.random.default_rng(seed)
    is_wrong = generator.permutation(len(y_train)) < round(SHARE * len(y_train))
    others = (y_train + generator.integers(1, 10, len(y_train))) % 10
    labels = [torch.tensor(np.where(is_wrong, others, y_train)), torch.tensor(y_test)]
    return [*(torch.tensor(scaler.transform(part)).float() for part in (x_train, x_test)), *labels]


def accuracies(seed: int, criterion: Loss) -> tuple[float, float]:
    """On clean rows, early and at the end."""
    x, x_test, y, y_test = split(seed)
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    course = []
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            criterion(network(x[rows]), y[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            course.append(float((network(x_test).argmax(1) == y_test).double().mean()))
    return course[EARLY - 1], course[-1]


def scores(name: str, criterion: Loss) -> tuple[np.ndarray, np.ndarray]:
    early, end = np.array([accuracies(seed, criterion) for seed in range(SEEDS)]).T
    print(f"{name}: {early.mean():.4f} after {EARLY} epochs, {end.mean():.4f} at the end")
    return early, end


def shown(name: str, values: np.ndarray) -> int:
    """1 or -1 where a t test shows the mean to be above or below 0, else 0."""
    test = stats.ttest_1samp(values, 0)
    low, high = test.confidence_interval()
    print(f"{name}: {values.mean():.4f} [{low:.4f}, {high:.4f}], p {test.pvalue:.3g}")
    return int(np.sign(values.mean())) if test.pvalue < 0.05 else 0


def verdict() -> str:
    torch.set_num_threads(1)
    early, entropy = scores("CrossEntropy", nn.functional.cross_entropy)
    _, power = scores("generalised CE", generalised)
    _, absolute = scores("MAE", mae)
    found = [
        shown("generalised CE less CrossEntropy", power - entropy),
        shown("MAE less CrossEntropy", absolute - entropy),
        shown("CrossEntropy early less at the end", early - entropy),
    ]
    if min(found) == 1:
        return "seen here"
    return "the opposite here" if min(found) == -1 else "unclear"


if __name__ == "__main__":
    print(verdict())
