"""The data of a program: loaded or generated, split and standardised as the lab does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.data import DataSpec, derive_seed
from core.data.generated import MOST_ON_RING
from core.losses.program import Encoding
from core.program import stress
from core.program.criterion import LATER
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
        "place = np.arange({classes})\n"
        "{ring}\n"
        "centers = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)\n"
        "features, targets = make_blobs(\n"
        "    {rows}, centers=centers, cluster_std={noise}, random_state={seed}\n"
        ")",
        "scikit-learn draws a data set of clouds of points, one a class.",
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

_RING = """\
angle = np.pi / 2 + 2 * np.pi * place / {classes}
radius = np.full({classes}, np.sqrt(3) / 2 / np.sin(np.pi / {classes}))"""
_SUNFLOWER = """\
angle = np.pi * (3 - np.sqrt(5)) * place
radius = np.sqrt(place + 0.5)"""

#: Data sets that are tensors from the start, with nothing to split or to standardise.
_TENSORS = {
    "lesson": Source(
        "generator = torch.Generator().manual_seed({seed})\n"
        "{x} = torch.rand(32, 64, generator=generator)\n"
        "{y} = torch.randint(0, 10, (32,), generator=generator)",
        "`torch.rand` makes 32 rows of 64 random inputs, and `torch.randint` a random class from "
        "0 to 9 for each; the generator's seed makes them the same every time.",
    ),
    "neuron": Source(
        "{x} = torch.tensor([[1.0]])\n{y} = torch.tensor([0])",
        "There is one row: the input 1, whose class is 0.",
    ),
}

_SPLIT = """\
features = features.astype("float32")

x_train, x_held_out, y_train, y_held_out = train_test_split(
    features,
    targets,
    train_size={first_rows},
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

#: By how much amounts and standardised values of the same rows differ.
_SHIFT = "shift = y_train.mean() / y_train.std()"

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


def part(
    data: DataSpec,
    seed: int,
    encoding: Encoding,
    width: int,
    names: tuple[str, str],
    later: Encoding | None = None,
) -> Part:
    """The lines that make the tensors ``names`` of inputs and targets, for ``width`` logits.

    Where a loss takes over that wants the targets in another encoding, ``later``, there is a second
    tensor of them.
    """
    tensors = _TENSORS.get(data.name)
    if tensors:
        lines = [tensors.lines.replace("{seed}", str(derive_seed(seed, "noise")))]
    else:
        lines = [*_rows(data, seed, encoding, later)]
    is_wide = width > 1
    if later is not None and data.entry.task.is_classification:
        lines.append(LATER + _ENCODED.get((later, is_wide), "{y} = {y}"))
    if encoded := _ENCODED.get((encoding, is_wide)):
        lines.append(encoded)
    x, y = names
    sentences = [tensors.sentence if tensors else _sentence(data), _TARGETS[encoding]]
    if later is not None:
        sentences.append(f"The second loss has targets of its own. {_TARGETS[later]}")
    return Part(
        "Data",
        " ".join(sentences),
        "\n".join(lines).format(x=x, y=y, classes=data.entry.outputs),
    )


def _rows(data: DataSpec, seed: int, encoding: Encoding, later: Encoding | None) -> Iterator[str]:
    is_classification = data.entry.task.is_classification
    source = _SOURCES[data.name].lines
    classes = data.classes
    yield source.format(
        rows=data.rows,
        noise=data.noise,
        classes=classes,
        ring=(_RING if classes <= MOST_ON_RING else _SUNFLOWER).format(classes=classes),
        seed=derive_seed(seed, "noise"),
    )
    yield _SPLIT.format(
        first_rows=data.unheld_rows,
        validation_rows=data.validation_rows,
        seed=derive_seed(seed, "split"),
        stratify="\n    stratify=targets," if is_classification else "",
    )
    yield from stress.dropping(data)
    yield ""
    yield _STANDARDISED
    has_later_values = later is not None and not is_classification
    if has_later_values:
        yield _SHIFT
    if not is_classification:
        yield _SCALED[encoding]
    yield from stress.changing(data, seed)
    if has_later_values:
        yield f"{LATER}y_train = y_train {'+' if later is Encoding.COUNTS else '-'} shift"
    yield ""
    yield _AS_TENSOR
    yield _IDS if is_classification else _FLOATS
    if has_later_values:
        yield LATER + _FLOATS.replace("(y_train", f"({LATER}y_train")


def _sentence(data: DataSpec) -> str:
    alike = " (of each class the same share)" if data.entry.task.is_classification else ""
    return (
        f"{_SOURCES[data.name].sentence} Of its rows {data.validation_rows:,} are held "
        f"out{alike}; the network learns from the other {data.train_rows:,}. Each feature is "
        "standardised: less its mean, divided by its standard deviation, both of the training "
        f"rows alone.{stress.sentence(data)}"
    )
