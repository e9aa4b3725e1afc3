"""Two bugs beside their right twins in plain PyTorch: is each bug's harm shown?"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
from scipy.stats import ttest_1samp
from sklearn.datasets import load_diabetes, load_digits
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

SEEDS = 6
EPOCHS = {"digits": 20, "diabetes": 30}
ACCURACY = 0.9
NEXT_TO_NOTHING = 0.1

Rows = tuple[Tensor, Tensor, Tensor, "np.ndarray[tuple[int], np.dtype[np.float64]]"]
Loss = Callable[[Tensor, Tensor], Tensor]


def rows(name: str, seed: int) -> Rows:
    """Standardised rows to train on, and held-out ones with their targets."""
    x, y = (load_digits if name == "digits" else load_diabetes)(return_X_y=True)
    is_classes = name == "digits"
    x, x_out, y, y_out = train_test_split(
        x, y, test_size=0.4, random_state=seed, stratify=y if is_classes else None
    )
    scaler = StandardScaler().fit(x)
    if not is_classes:
        y, y_out = (y - y.mean()) / y.std(), (y_out - y.mean()) / y.std()
    features, held_out = (torch.tensor(scaler.transform(each)).float() for each in (x, x_out))
    return (
        features,
        torch.tensor(y, dtype=torch.long if is_classes else torch.float),
        held_out,
        y_out,
    )


def train(
    loss_fn: Loss, data: Rows, outputs: int, rate: float, epochs: int, seed: int
) -> list[Tensor]:
    """The outputs for the held-out rows at the end of each epoch."""
    x, y, held_out, _ = data
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(x.shape[1], 32), nn.ReLU(), nn.Linear(32, outputs))
    optimizer = torch.optim.SGD(network.parameters(), lr=rate)
    found = []
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            loss_fn(network(x[batch]), y[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            found.append(network(held_out))
    return found


def epochs_to_accuracy(loss_fn: Loss, seed: int) -> int:
    """The first epoch at whose end the accuracy is there, at most the last."""
    data = rows("digits", seed)
    found = train(loss_fn, data, 10, 0.1, EPOCHS["digits"], seed)
    reached = [accuracy_score(data[3], z.argmax(1)) >= ACCURACY for z in found]
    return reached.index(True) + 1 if any(reached) else len(found)


def values(loss_fn: Loss, seed: int) -> float:
    """R² after training."""
    data = rows("diabetes", seed)
    found = train(loss_fn, data, 1, 0.01, EPOCHS["diabetes"], seed)
    return float(r2_score(data[3], found[-1][:, 0].numpy()))


def contrasts() -> dict[str, list[float]]:
    """Numbers, one a seed, that are above 0 where the claim holds."""
    ce, mse = nn.CrossEntropyLoss(), nn.MSELoss()
    names = ("epochs later to 90%", "R2 less", f"R2 below {NEXT_TO_NOTHING}")
    found: dict[str, list[float]] = {name: [] for name in names}
    for seed in range(SEEDS):
        right = epochs_to_accuracy(ce, seed)
        bug = epochs_to_accuracy(lambda z, y: ce(z.softmax(1), y), seed)
        r2 = values(lambda z, y: mse(z[:, 0], y), seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            r2_bug = values(mse, seed)
        numbers = (bug - right, r2 - r2_bug, NEXT_TO_NOTHING - r2_bug)
        for name, number in zip(names, numbers, strict=True):
            found[name].append(number)
    return found


def verdict() -> str:
    """Seen where all means are shown to be above 0, opposite where one is below (Holm)."""
    tests = []
    for name, numbers in contrasts().items():
        test = ttest_1samp(numbers, 0)
        low, high = test.confidence_interval()
        mean = float(np.mean(numbers))
        tests.append((float(test.pvalue), mean))
        print(f"{name}: {mean:.3f} ({low:.3f} to {high:.3f}), p = {test.pvalue:.2g}, n = {SEEDS}")
    if all(p < 0.05 and mean > 0 for p, mean in tests):
        return "seen here"
    for place, (p, mean) in enumerate(sorted(tests)):
        if p * (len(tests) - place) >= 0.05:
            break
        if mean < 0:
            return "the opposite here"
    return "unclear"


if __name__ == "__main__":
    print(verdict())
