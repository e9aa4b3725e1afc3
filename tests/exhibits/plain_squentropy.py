"""The exhibit ``squentropy`` in plain PyTorch, with nothing of the lab's.

Ten networks 64-128-10 on halves of the digits, by CrossEntropy and by Squentropy. The networks of
one loss stand side by side in one module, as this is quicker; each has its own rows and weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional

SEEDS, EPOCHS, BATCH = range(100, 110), 100, 32
MARGIN = 0.005

Loss = Callable[[Tensor, Tensor], Tensor]


def halves(seed: int) -> list[np.ndarray]:
    x, y = load_digits(return_X_y=True)
    x, x_held, y, y_held = train_test_split(x, y, test_size=0.5, random_state=seed, stratify=y)
    scaler = StandardScaler().fit(x)
    return [scaler.transform(x), y, scaler.transform(x_held), y_held]


class Networks(nn.Module):
    """One network a seed: x ``[S, N, 64]`` to logits ``[S, N, 10]``."""

    def __init__(self) -> None:
        super().__init__()
        layers = []
        for seed in SEEDS:
            torch.manual_seed(seed)
            layers.append((nn.Linear(64, 128), nn.Linear(128, 10)))
        for number, same in enumerate(zip(*layers, strict=True)):
            weight = torch.stack([layer.weight.T for layer in same])
            bias = torch.stack([layer.bias[None] for layer in same])
            self.register_parameter(f"weight{number}", nn.Parameter(weight.detach()))
            self.register_parameter(f"bias{number}", nn.Parameter(bias.detach()))

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(torch.baddbmm(self.bias0, x, self.weight0))
        return torch.baddbmm(self.bias1, hidden, self.weight1)


def squentropy(logits: Tensor, y: Tensor) -> Tensor:
    wrong = logits * (1 - functional.one_hot(y, 10))
    return functional.cross_entropy(logits, y) + wrong.square().sum(1).mean() / 9


def ece(p: np.ndarray, y: np.ndarray, bins: int = 15) -> float:
    sure, right = p.max(1), p.argmax(1) == y
    place = np.ceil(sure * bins).astype(int)
    gaps = [abs(right[place == b].sum() - sure[place == b].sum()) for b in range(1, bins + 1)]
    return sum(gaps) / len(y)


def judged(loss: Loss) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy and ECE of each network after training."""
    rows = zip(*map(halves, SEEDS), strict=True)
    x, y, x_held, y_held = (torch.as_tensor(np.stack(each)) for each in rows)
    x, x_held = x.float(), x_held.float()
    networks = Networks()
    optimizer = torch.optim.Adam(networks.parameters(), lr=1e-3)
    number = torch.arange(len(SEEDS))[:, None]
    for _ in range(EPOCHS):
        order = torch.stack([torch.randperm(x.shape[1]) for _ in SEEDS])
        for batch in order.split(BATCH, dim=1):
            logits = networks(x[number, batch])
            optimizer.zero_grad()
            sum(map(loss, logits, y[number, batch])).backward()
            optimizer.step()
    with torch.no_grad():
        p = networks(x_held).softmax(2).numpy()
    truth = y_held.numpy()
    accuracy = (p.argmax(2) == truth).mean(1)
    return accuracy, np.array([ece(*each) for each in zip(p, truth, strict=True)])


def verdict() -> str:
    torch.set_num_threads(1)
    accuracy, calibration = judged(functional.cross_entropy)
    accuracy_of_both, calibration_of_both = judged(squentropy)
    print(f"accuracy {accuracy.mean():.4f} {accuracy_of_both.mean():.4f}")
    print(f"ECE {calibration.mean():.4f} {calibration_of_both.mean():.4f}")
    return found([accuracy_of_both - accuracy + MARGIN, calibration - calibration_of_both])


def found(contrasts: list[np.ndarray]) -> str:
    """All above 0, or some below 0 by Holm, or neither."""
    tests = [stats.ttest_1samp(each, 0) for each in contrasts]
    for each, test in zip(contrasts, tests, strict=True):
        low, high = test.confidence_interval()
        print(f"{each.mean():.4f} [{low:.4f}, {high:.4f}] p = {test.pvalue:.2g}")
    if all(test.statistic > 0 and test.pvalue < 0.05 for test in tests):
        return "seen here"
    for rank, test in enumerate(sorted(tests, key=lambda test: test.pvalue)):
        if test.pvalue * (len(tests) - rank) >= 0.05:
            break
        if test.statistic < 0:
            return "the opposite here"
    return "unclear"


if __name__ == "__main__":
    print(verdict())
