"""The square loss against CrossEntropy on digits, in plain PyTorch. Imports nothing of the lab."""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

SEEDS, EPOCHS, BATCH = 10, 30, 32


def split(seed: int) -> list[torch.Tensor]:
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.3, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(x_train)
    pixels = [torch.tensor(scaler.transform(part)).float() for part in (x_train, x_test)]
    return [*pixels, torch.tensor(y_train), torch.tensor(y_test)]


def accuracy(seed: int, *, square: bool) -> float:
    x, x_test, y, y_test = split(seed)
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    criterion: nn.Module = nn.MSELoss() if square else nn.CrossEntropyLoss()
    targets = nn.functional.one_hot(y, 10).float() if square else y
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            criterion(network(x[rows]), targets[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        return float((network(x_test).argmax(1) == y_test).double().mean())


def shown(name: str, values: np.ndarray) -> int:
    """1 or -1 where a t test shows the mean to be above or below 0, else 0."""
    test = stats.ttest_1samp(values, 0)
    low, high = test.confidence_interval()
    print(f"{name}: {values.mean():.4f} [{low:.4f}, {high:.4f}], p {test.pvalue:.3g}")
    return int(np.sign(values.mean())) if test.pvalue < 0.05 else 0


def verdict() -> str:
    torch.set_num_threads(1)
    entropy = np.array([accuracy(seed, square=False) for seed in range(SEEDS)])
    square = np.array([accuracy(seed, square=True) for seed in range(SEEDS)])
    print(f"accuracy: CrossEntropy {entropy.mean():.4f}, SD {entropy.std(ddof=1):.4f}")
    print(f"accuracy: square loss {square.mean():.4f}, SD {square.std(ddof=1):.4f}")
    spread = 1.25 * abs(entropy - entropy.mean()) - abs(square - square.mean())
    found = [shown("as good", square - entropy + 0.01), shown("spread", spread)]
    if min(found) == 1:
        return "seen here"
    return "the opposite here" if min(found) == -1 else "unclear"


if __name__ == "__main__":
    print(verdict())
