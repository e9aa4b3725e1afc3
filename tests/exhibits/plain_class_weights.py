"""The exhibit ``class_weights`` in plain PyTorch, with nothing of the lab's.

Ten networks 30-32-2 on halves of the breast cancer data by SGD, with and without ten times the
weight on malignant ones, without and with weight decay. The networks of one setting stand side by
side in one module, as this is quicker; each has its own rows and weights.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

SEEDS, BATCH = range(100, 110), 16
EARLY, LATE = 3, 300
#: Where the size of the logits is read for how they grow.
DOUBLINGS = (75, 150, 300)
#: Malignant is class 0.
WEIGHTS = torch.tensor([10.0, 1.0])


def halves(seed: int) -> list[np.ndarray]:
    x, y = load_breast_cancer(return_X_y=True)
    x, x_held, y, _y_held = train_test_split(x, y, test_size=0.5, random_state=seed, stratify=y)
    scaler = StandardScaler().fit(x)
    return [scaler.transform(x), y, scaler.transform(x_held)]


class Networks(nn.Module):
    """One network a seed: x ``[S, N, 30]`` to logits ``[S, N, 2]``."""

    def __init__(self) -> None:
        super().__init__()
        layers = []
        for seed in SEEDS:
            torch.manual_seed(seed)
            layers.append((nn.Linear(30, 32), nn.Linear(32, 2)))
        same = list(zip(*layers, strict=True))
        weights = [torch.stack([layer.weight.detach().T for layer in each]) for each in same]
        biases = [torch.stack([layer.bias.detach()[None] for layer in each]) for each in same]
        self.weights, self.biases = nn.ParameterList(weights), nn.ParameterList(biases)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(torch.baddbmm(self.biases[0], x, self.weights[0]))
        return torch.baddbmm(self.biases[1], hidden, self.weights[1])


def trained(weights: Tensor | None, decay: float) -> tuple[dict, dict]:
    """By epoch: the share of held-out rows that each network calls malignant, and the root mean
    square of its logits there, less their mean over the classes."""
    rows = zip(*map(halves, SEEDS), strict=True)
    x, y, x_held = (torch.as_tensor(np.stack(each)) for each in rows)
    x, x_held = x.float(), x_held.float()
    networks, loss = Networks(), nn.CrossEntropyLoss(weights)
    optimizer = torch.optim.SGD(networks.parameters(), lr=0.1, weight_decay=decay)
    number = torch.arange(len(SEEDS))[:, None]
    called, sizes = {}, {}
    for epoch in range(1, LATE + 1):
        order = torch.stack([torch.randperm(x.shape[1]) for _ in SEEDS])
        for batch in order.split(BATCH, dim=1):
            logits = networks(x[number, batch])
            optimizer.zero_grad()
            sum(map(loss, logits, y[number, batch])).backward()
            optimizer.step()
        if epoch in (EARLY, *DOUBLINGS):
            with torch.no_grad():
                z = networks(x_held).double()
            called[epoch] = (z.argmax(2) == 0).double().mean(1).numpy()
            sizes[epoch] = (z - z.mean(2, keepdim=True)).square().mean((1, 2)).sqrt().numpy()
    return called, sizes


def verdict() -> str:
    torch.set_num_threads(1)
    (plain, sizes), (weighted, _) = trained(None, 0), trained(WEIGHTS, 0)
    (plain_decayed, _), (weighted_decayed, _) = trained(None, 0.01), trained(WEIGHTS, 0.01)
    early, late = (weighted[epoch] - plain[epoch] for epoch in (EARLY, LATE))
    decayed = weighted_decayed[LATE] - plain_decayed[LATE]
    print(f"push {early.mean():.4f} early, {late.mean():.4f} late, {decayed.mean():.4f} decayed")
    quarter, half, whole = (sizes[epoch] for epoch in DOUBLINGS)
    growth = (whole - half) / (half - quarter)
    return found([early - late, decayed - late, 0.41 - (growth - 1), 0.41 + (growth - 1)])


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
