"""The data of a program: loaded or generated, split and standardised as the lab does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.data import DataSpec, derive_seed
from core.losses.program import Encoding
from core.program.parts import Part


@dataclass(frozen=True)
class Source:
    """Lines that give ``features`` and ``targets``; fields in braces come from the settings."""

    lines: str
    sentence: str


def _shipped(loader: str) -> Source:
    return Source(
        f"features, targets = {loader}(return_X_y=True)", "scikit-learn ships the data set."
    )


_SOURCES = {
    "digits": _shipped("load_digits"),
    "breast_cancer": _shipped("load_breast_cancer"),
    "iris": _shipped("load_iris"),
    "wine": _shipped("load_wine"),
    "diabetes": _shipped("load_diabetes"),
    "moons": Source(
        "features, targets = make_moons({rows}, noise={noise}, random_state={seed})",
        "scikit-learn draws a data set of two moons.",
    ),
    "circles": Source(
        "features, targets = make_circles(\n"
        "    {rows}, noise={noise}, factor=0.5, random_state={seed}\n"
        ")",
        "scikit-learn draws a data set of a ring around a disc.",
    ),
    "blobs": Source(
        "centers = [(0.0, 1.0), (-0.87, -0.5), (0.87, -0.5)]\n"
        "features, targets = make_blobs(\n"
        "    {rows}, centers=centers, cluster_std={noise}, random_state={seed}\n"
        ")",
        "scikit-learn draws a data set of three clouds of points.",
    ),
    "spirals": Source(
        "rng = np.random.default_rng({seed})\n"
        "targets = np.arange({rows}) % 2\n"
        "radius = np.sqrt(rng.uniform(0, 1, {rows}))\n"
        "angle = radius * 3 * np.pi + targets * np.pi\n"
        "features = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)\n"
        "features += rng.normal(0, {noise} / 4, features.shape)",
        "NumPy draws a data set of two spirals.",
    ),
    "xor": Source(
        "rng = np.random.default_rng({seed})\n"
        "points = rng.uniform(-1, 1, ({rows}, 2))\n"
        "targets = ((points[:, 0] > 0) != (points[:, 1] > 0)).astype(int)\n"
        "features = points + rng.normal(0, {noise}, points.shape)",
        "NumPy draws a data set of points in a square, whose opposite quarters are one class.",
    ),
}

_LESSON = """\
generator = torch.Generator().manual_seed({seed})
{x} = torch.rand(32, 64, generator=generator)
{y} = torch.randint(0, 10, (32,), generator=generator)"""

_SPLIT = """\
features = features.astype("float32")

x_train, x_held_out, y_train, y_held_out = train_test_split(
    features,
    targets,
    train_size={train_rows},
    test_size={validation_rows},
    random_state={seed},{stratify}
)"""

_STANDARDISED = """\
mean = x_train.mean(axis=0, dtype="float64")
spread = x_train.std(axis=0, dtype="float64")
spread[spread == 0] = 1  # of a feature that is the same everywhere
x_train = (x_train - mean) / spread"""

#: What is done to targets of a regression before they are tensors.
_SCALED = {
    Encoding.VALUES: "y_train = (y_train - y_train.mean()) / y_train.std()",
    Encoding.COUNTS: "y_train = y_train / y_train.std()",
}

_AS_TENSOR = "{x} = torch.tensor(x_train, dtype=torch.float32)"

_IDS = "{y} = torch.tensor(y_train)"
_FLOATS = "{y} = torch.tensor(y_train, dtype=torch.float32)"

#: From class numbers to what the loss takes; ``{classes}`` is their number.
_ONE_HOT = "nn.functional.one_hot({y}, {classes}).float()"
_ENCODED: dict[tuple[Encoding, bool], str] = {
    (Encoding.ZERO_ONE, False): "{y} = {y}.float()",
    (Encoding.SIGNS, False): "{y} = 2 * {y}.float() - 1",
    (Encoding.ONE_HOT, True): "{y} = " + _ONE_HOT,
    (Encoding.SIGNS, True): "{y} = 2 * " + _ONE_HOT + " - 1",
}

#: What the reader is told of targets, by how the loss takes them.
_TARGETS = {
    Encoding.IDS: "The targets are class numbers, which this loss takes as they are.",
    Encoding.ZERO_ONE: "The targets are 0 and 1 as floats, which this loss takes.",
    Encoding.ONE_HOT: "The targets are one-hot: a row of zeros with a 1 for the true class.",
    Encoding.SIGNS: "The targets are +1 for yes and -1 for no.",
    Encoding.VALUES: "The targets are standardised too, so the loss is in units of their "
    "standard deviation.",
    Encoding.COUNTS: "This loss takes amounts of 0 or more, so the targets are but divided by "
    "their standard deviation.",
}


def part(data: DataSpec, seed: int, encoding: Encoding, width: int, names: tuple[str, str]) -> Part:
    """The lines that make the tensors ``names`` of inputs and targets, for ``width`` logits."""
    is_lesson = data.name == "lesson"
    lines = _lesson(seed) if is_lesson else _rows(data, seed, encoding)
    encoded = _ENCODED.get((encoding, width > 1))
    x, y = names
    code = "\n".join([*lines, encoded] if encoded else lines)
    sentence = _LESSON_SENTENCE if is_lesson else _sentence(data)
    return Part(
        "Data",
        f"{sentence} {_TARGETS[encoding]}",
        code.format(x=x, y=y, classes=data.entry.outputs),
    )


def _lesson(seed: int) -> Iterator[str]:
    yield _LESSON.replace("{seed}", str(derive_seed(seed, "noise")))


def _rows(data: DataSpec, seed: int, encoding: Encoding) -> Iterator[str]:
    is_classification = data.entry.task.is_classification
    source = _SOURCES[data.name].lines
    yield source.format(rows=data.rows, noise=data.noise, seed=derive_seed(seed, "noise"))
    yield _SPLIT.format(
        train_rows=data.train_rows,
        validation_rows=data.validation_rows,
        seed=derive_seed(seed, "split"),
        stratify="\n    stratify=targets," if is_classification else "",
    )
    yield ""
    yield _STANDARDISED
    if not is_classification:
        yield _SCALED[encoding]
    yield ""
    yield _AS_TENSOR
    yield _IDS if is_classification else _FLOATS


_LESSON_SENTENCE = (
    "`torch.rand` makes 32 rows of 64 random inputs, and `torch.randint` a random class from 0 to "
    "9 for each; the generator's seed makes them the same every time."
)


def _sentence(data: DataSpec) -> str:
    alike = " (of each class the same share)" if data.entry.task.is_classification else ""
    return (
        f"{_SOURCES[data.name].sentence} Of its rows {data.validation_rows:,} are held "
        f"out{alike}; the network learns from the other {data.train_rows:,}. Each feature is "
        "standardised: less its mean, divided by its standard deviation, both of the training "
        "rows alone."
    )
