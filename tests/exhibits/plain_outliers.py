"""MSE, L1 and Huber on diabetes with and without outliers, in plain PyTorch.

Imports nothing of the lab.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats
from sklearn.datasets import load_diabetes
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

SEEDS, EPOCHS, BATCH, MARGIN = 10, 60, 32, 0.05
SHARE, SIZE = 0.1, 10.0
CRITERIA = (nn.MSELoss(), nn.L1Loss(), nn.HuberLoss())


def split(seed: int) -> list[np.ndarray]:
    x, y = load_diabetes(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.4, random_state=seed)
    of_x, of_y = StandardScaler().fit(x_train), StandardScaler().fit(y_train[:, None])
    features = [of_x.transform(part) for part in (x_train, x_test)]
    return [*features, *(of_y.transform(part[:, None])[:, 0] for part in (y_train, y_test))]


def r2(seed: int, criterion: nn.Module, share: float) -> float:
    x, x_test, y, y_test = split(seed)
    generator = np.random.default_rng(seed)
    rows = generator.choice(len(y), round(share * len(y)), replace=False)
    y[rows] += SIZE * generator.choice([-1.0, 1.0], len(rows))
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    inputs, targets = torch.tensor(x).float(), torch.tensor(y).float()[:, None]
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad()
            criterion(network(inputs[batch]), targets[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        return float(r2_score(y_test, network(torch.tensor(x_test).float())[:, 0].numpy()))


def scores(share: float) -> list[np.ndarray]:
    """R2 by seed of MSE, L1 and Huber."""
    found = [np.array([r2(seed, each, share) for seed in range(SEEDS)]) for each in CRITERIA]
    print(f"outliers {share:g}: R2 of MSE, L1, Huber", *(f"{each.mean():.4f}" for each in found))
    return found


def shown(name: str, values: np.ndarray) -> int:
    """1 or -1 where a t test shows the mean to be above or below 0, else 0."""
    test = stats.ttest_1samp(values, 0)
    low, high = test.confidence_interval()
    print(f"{name}: {values.mean():.4f} [{low:.4f}, {high:.4f}], p {test.pvalue:.3g}")
    return int(np.sign(values.mean())) if test.pvalue < 0.05 else 0


def verdict() -> str:
    torch.set_num_threads(1)
    (mse, l1, huber), (clean_mse, clean_l1, clean_huber) = scores(SHARE), scores(0)
    found = [
        shown("L1 less MSE", l1 - mse),
        shown("Huber less MSE", huber - mse),
        shown("clean, L1 from above", MARGIN - (clean_l1 - clean_mse)),
        shown("clean, L1 from below", MARGIN + (clean_l1 - clean_mse)),
        shown("clean, Huber from above", MARGIN - (clean_huber - clean_mse)),
        shown("clean, Huber from below", MARGIN + (clean_huber - clean_mse)),
    ]
    if min(found) == 1:
        return "seen here"
    return "the opposite here" if min(found) == -1 else "unclear"


if __name__ == "__main__":
    print(verdict())
