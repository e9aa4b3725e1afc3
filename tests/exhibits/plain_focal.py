"""The exhibit ``focal`` in plain PyTorch, with nothing of the lab's.

Ten networks 2-128-128-3 on three clouds that overlap, by CrossEntropy and by Focal with a gamma
of 3. The networks of one loss stand side by side in one module, as this is quicker; each has its
own rows and weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import stats
from sklearn.datasets import make_blobs
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional

SEEDS, EPOCHS, BATCH = range(100, 110), 150, 32
CENTERS = [(0.0, 1.0), (-0.87, -0.5), (0.87, -0.5)]
GAMMA = 3

Loss = Callable[[Tensor, Tensor], Tensor]


def halves(seed: int) -> list[np.ndarray]:
    x, y = make_blobs(1000, centers=CENTERS, cluster_std=0.6, random_state=seed)
    x, x_held, y, y_held = train_test_split(x, y, test_size=0.5, random_state=seed, stratify=y)
    scaler = StandardScaler().fit(x)
    return [scaler.transform(x), y, scaler.transform(x_held), y_held]


class Networks(nn.Module):
    """One network a seed: x ``[S, N, 2]`` to logits ``[S, N, 3]``."""

    def __init__(self) -> None:
        super().__init__()
        layers = []
        for seed in SEEDS:
            torch.manual_seed(seed)
            layers.append((nn.Linear(2, 128), nn.Linear(128, 128), nn.Linear(128, 3)))
        same = list(zip(*layers, strict=True))
        weights = [torch.stack([layer.weight.detach().T for layer in each]) for each in same]
        biases = [torch.stack([layer.bias.detach()[None] for layer in each]) for each in same]
        self.weights, self.biases = nn.ParameterList(weights), nn.ParameterList(biases)

    def forward(self, x: Tensor) -> Tensor:
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = torch.relu(torch.baddbmm(bias, x, weight))
        return torch.baddbmm(self.biases[-1], x, self.weights[-1])


def focal(logits: Tensor, y: Tensor) -> Tensor:
    cross_entropy = functional.cross_entropy(logits, y, reduction="none")
    return ((1 - (-cross_entropy).exp()) ** GAMMA * cross_entropy).mean()


def ece(p: np.ndarray, y: np.ndarray, bins: int = 15) -> float:
    sure, right = p.max(1), p.argmax(1) == y
    place = np.ceil(sure * bins).astype(int)
    gaps = [abs(right[place == b].sum() - sure[place == b].sum()) for b in range(1, bins + 1)]
    return sum(gaps) / len(y)


def judged(loss: Loss) -> tuple[np.ndarray, np.ndarray]:
    """ECE and NLL of each network after training."""
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
        p = networks(x_held).double().softmax(2).numpy()
    pairs = list(zip(p, y_held.numpy(), strict=True))
    return (
        np.array([ece(*pair) for pair in pairs]),
        np.array([log_loss(y_of_one, p_of_one) for p_of_one, y_of_one in pairs]),
    )


def verdict() -> str:
    torch.set_num_threads(1)
    plain, focused = judged(functional.cross_entropy), judged(focal)
    for name, of_plain, of_focused in zip(("ECE", "NLL"), plain, focused, strict=True):
        print(f"{name} {of_plain.mean():.4f} {of_focused.mean():.4f}")
    return found(
        [of_plain - of_focused for of_plain, of_focused in zip(plain, focused, strict=True)]
    )


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
