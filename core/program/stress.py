"""The lines of a program that make training rows worse, as the lab's conditions do."""

from __future__ import annotations

from collections.abc import Iterator

from core.data import DataSpec, Flips, OutliersIn, derive_seed

_FIRST_ROWS = """\
# Rows come shuffled, so the first ones are a random sample.
x_train, y_train = x_train[:{count}], y_train[:{count}]"""

_KEPT = """\
# Of each class those rows stay whose place within it, divided by the class's weight, is smallest.
place = np.empty(len(y_train))
for label in range({classes}):
    rows = np.flatnonzero(y_train == label)
    weight = {weight}
    place[rows] = (np.arange(len(rows)) + 0.5) / weight
kept = np.sort(np.argsort(place, kind="stable")[:{count}])
x_train, y_train = x_train[kept], y_train[kept]"""

_FLIPPED = """\
# {count:,} labels become another class.
draw = np.random.default_rng({seed})
rows = draw.permutation(len(y_train))[:{count}]
steps = {steps}
y_train[rows] = (y_train[rows] + steps) % {classes}"""

_NOISE = """\
# Noise on every feature.
draw = np.random.default_rng({seed})
x_train = x_train + {size!r} * draw.normal(size=x_train.shape)"""

_OUTLIERS = """\
# {count:,} rows move by {size:g} standard deviations in a random direction.
draw = np.random.default_rng({seed})
rows = draw.permutation(len(x_train))[:{count}]
way = draw.normal(size={moved}.shape)[rows]
way /= np.linalg.norm(way, axis=1, keepdims=True)
{moved}[rows] += {size!r} * way"""


def dropping(data: DataSpec) -> Iterator[str]:
    """What keeps but some of the training rows, before they are standardised."""
    stress, classes = data.stress, data.entry.outputs
    if not stress.drops_rows:
        return
    yield ""
    if not data.entry.task.is_classification:
        yield _FIRST_ROWS.format(count=data.train_rows)
        return
    is_even = stress.imbalance == 1
    weight = "len(rows)" if is_even else f"{stress.imbalance!r} ** (-label / {classes - 1})"
    yield _KEPT.format(classes=classes, weight=weight, count=data.train_rows)


def changing(data: DataSpec, seed: int) -> Iterator[str]:
    """What is done to the standardised training rows."""
    stress, classes, rows = data.stress, data.entry.outputs, data.train_rows
    if stress.flipped_labels:
        is_random = stress.flips is Flips.RANDOM
        yield ""
        yield _FLIPPED.format(
            count=round(stress.flipped_labels * rows),
            seed=derive_seed(seed, "flipped labels"),
            steps=f"draw.integers(1, {classes}, len(y_train))[rows]" if is_random else "1",
            classes=classes,
        )
    if stress.feature_noise:
        yield ""
        yield _NOISE.format(size=stress.feature_noise, seed=derive_seed(seed, "feature noise"))
    if stress.outliers:
        is_of_targets = stress.outliers_in is OutliersIn.TARGETS
        yield ""
        yield _OUTLIERS.format(
            count=round(stress.outliers * rows),
            seed=derive_seed(seed, "outliers"),
            size=stress.outlier_size,
            moved="y_train[:, None]" if is_of_targets else "x_train",
        )


def sentence(data: DataSpec) -> str:
    """What is done to the rows, or nothing."""
    said = ", ".join(data.stress.in_words())
    return f" As the settings ask, these rows are made worse: {said}." if said else ""
