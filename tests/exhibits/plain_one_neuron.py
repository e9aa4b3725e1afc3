"""One sigmoid neuron from w = b = 2 under two costs, in plain PyTorch.

Imports nothing of the lab.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

STEPS, STRETCH = 300, 30


def costs(criterion: nn.Module, rate: float) -> np.ndarray:
    """The cost before each step and after the last, for x = 1 and target 0."""
    neuron = nn.Sequential(nn.Linear(1, 1), nn.Sigmoid()).double()
    nn.init.constant_(neuron[0].weight, 2.0)
    nn.init.constant_(neuron[0].bias, 2.0)
    optimizer = torch.optim.SGD(neuron.parameters(), lr=rate)
    x, target = torch.ones(1, 1).double(), torch.zeros(1, 1).double()
    recorded = []
    for _ in range(STEPS + 1):
        cost = criterion(neuron(x), target)
        recorded.append(cost.item())
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
    return np.array(recorded)


def falls(recorded: np.ndarray) -> np.ndarray:
    """How much of the whole fall came in each tenth of the steps."""
    each = -np.diff(recorded[::STRETCH])
    return each / each.sum()


def verdict() -> str:
    torch.set_num_threads(1)
    squared, entropy = falls(costs(nn.MSELoss(), 0.075)), falls(costs(nn.BCELoss(), 0.0107))
    print(f"squared error by tenths: {squared.round(4)}")
    print(f"cross-entropy by tenths: {entropy.round(4)}")
    contrasts = [squared[1:].max() - squared[0], entropy[0] - entropy[1:].max()]
    print(f"contrasts: {contrasts}")
    if min(contrasts) > 0:
        return "seen here"
    return "the opposite here" if min(contrasts) < 0 else "unclear"


if __name__ == "__main__":
    print(verdict())
