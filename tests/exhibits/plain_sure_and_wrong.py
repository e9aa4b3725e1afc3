"""CrossEntropy against MSE on probabilities from two starts, in plain PyTorch.

Imports nothing of the lab.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

SEEDS, EPOCHS, BATCH, MARGIN = 8, 40, 32, 0.01
#: Factor on the first weights, and the learning rates of CrossEntropy and MSE.
CONFIDENT, GENTLE = (30.0, 20.0, 50.0), (1.0, 0.2, 1.0)


def split(seed: int) -> list[torch.Tensor]:
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.3, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(x_train)
    pixels = [torch.tensor(scaler.transform(part)).float() for part in (x_train, x_test)]
    return [*pixels, torch.tensor(y_train), torch.tensor(y_test)]


def accuracy(seed: int, factor: float, rate: float, *, squared: bool) -> float:
    x, x_test, y, y_test = split(seed)
    torch.manual_seed(seed)
    network = nn.Linear(64, 10)
    with torch.no_grad():
        network.weight *= factor
    optimizer = torch.optim.SGD(network.parameters(), lr=rate)
    one_hot = nn.functional.one_hot(y, 10).float()
    mse, entropy = nn.MSELoss(), nn.CrossEntropyLoss()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            logits = network(x[rows])
            loss = mse(logits.softmax(1), one_hot[rows]) if squared else entropy(logits, y[rows])
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return float((network(x_test).argmax(1) == y_test).double().mean())


def leads(factor: float, rate_of_entropy: float, rate_of_mse: float) -> np.ndarray:
    """CrossEntropy's accuracy less MSE's, by seed."""
    entropy = [accuracy(seed, factor, rate_of_entropy, squared=False) for seed in range(SEEDS)]
    mse = [accuracy(seed, factor, rate_of_mse, squared=True) for seed in range(SEEDS)]
    print(f"factor {factor:g}: CrossEntropy {np.mean(entropy):.4f}, MSE {np.mean(mse):.4f}")
    return np.array(entropy) - np.array(mse)


def shown(name: str, values: np.ndarray) -> int:
    """1 or -1 where a t test shows the mean to be above or below 0, else 0."""
    test = stats.ttest_1samp(values, 0)
    low, high = test.confidence_interval()
    print(f"{name}: {values.mean():.4f} [{low:.4f}, {high:.4f}], p {test.pvalue:.3g}")
    return int(np.sign(values.mean())) if test.pvalue < 0.05 else 0


def verdict() -> str:
    torch.set_num_threads(1)
    confident, gentle = leads(*CONFIDENT), leads(*GENTLE)
    found = [
        shown("confident start", confident),
        shown("gentle start, from above", MARGIN - gentle),
        shown("gentle start, from below", MARGIN + gentle),
    ]
    if min(found) == 1:
        return "seen here"
    return "the opposite here" if min(found) == -1 else "unclear"


if __name__ == "__main__":
    print(verdict())
