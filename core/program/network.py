"""The network of a program: its class, and the first weights that the lab's seeds give."""

from __future__ import annotations

from collections.abc import Iterator

from core.data import derive_seed
from core.program.parts import Part
from core.spec import Activation, NetworkSpec, Scheme, by_hand

_ACTIVATIONS = {
    Activation.RELU: "ReLU",
    Activation.TANH: "Tanh",
    Activation.SIGMOID: "Sigmoid",
    Activation.GELU: "GELU",
}

_DRAW_DEFAULT = """\
def draw(layer, weights, biases):
    bound = 1 / layer.in_features**0.5
    nn.init.uniform_(layer.weight, -bound, bound, generator=weights)
    nn.init.uniform_(layer.bias, -bound, bound, generator=biases)"""

#: The lab's biases of 0 are drawn between 0 and 0, which moves their generator on.
_DRAW_SCALED = """\
def draw(layer, weights, biases):
    {scaled}
    nn.init.uniform_(layer.bias, 0, 0, generator=biases)  # all 0, drawn as the lab does"""

_DRAWS = {
    Scheme.DEFAULT: _DRAW_DEFAULT,
    Scheme.XAVIER: _DRAW_SCALED.format(
        scaled="nn.init.xavier_uniform_(layer.weight, generator=weights)"
    ),
    Scheme.KAIMING: _DRAW_SCALED.format(
        scaled='nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=weights)'
    ),
}

_SCHEMES = {
    Scheme.DEFAULT: "`nn.Linear` has drawn first weights by itself, between plus and minus 1 over "
    "the square root of the layer's inputs. These lines draw them again in the same way",
    Scheme.XAVIER: "Xavier's first weights are drawn between plus and minus the square root of 6 "
    "over inputs and outputs together, and biases are 0. These lines draw them",
    Scheme.KAIMING: "Kaiming's first weights are drawn between plus and minus the square root of 6 "
    "over the layer's inputs, and biases are 0. These lines draw them",
}
_FROM_SEEDS = (
    " from the lab's own seeds, one for the hidden layers and one each for the last layer's "
    "weights and biases, so that training starts where the lab's does."
)
_ZEROS = "All first weights and biases are 0, as the settings ask."
_HALVES = (
    " Each of the two outputs gets half of it, with opposite signs, so that they differ by "
    "`w · x + b`, the log-odds of class 1."
)

_BY_HAND = """\
with torch.no_grad():
    network.output.weight.copy_(torch.tensor([{weights}]))
    network.output.bias.copy_(torch.tensor({biases}))"""

_SEEDED = """\
def seeded(seed):
    return torch.Generator().manual_seed(seed)"""

_DIFFERENCE = """\
pair = nn.Linear({inputs}, 2)  # the last layer of CrossEntropy, with a logit for each class
draw(pair, seeded({weights}), seeded({biases}))
with torch.no_grad():
    network.output.weight.copy_({factor}(pair.weight[1:] - pair.weight[:1]))
    network.output.bias.copy_(pair.bias[1:] - pair.bias[:1])"""


def hidden_names(network: NetworkSpec) -> list[str]:
    """What the hidden layers are called."""
    count = len(network.hidden_sizes)
    return ["hidden"] if count == 1 else [f"hidden{place}" for place in range(1, count + 1)]


def class_part(network: NetworkSpec, features: int, width: int) -> Part:
    """The class with its layers and ``forward``; one output a row comes as a flat tensor."""
    names = hidden_names(network)
    sizes = (features, *network.hidden_sizes)
    layers = [
        f"self.{name} = nn.Linear({fan_in}, {fan_out})"
        for name, fan_in, fan_out in zip(names, sizes, sizes[1:], strict=False)
    ]
    activation = _ACTIVATIONS[network.activation]
    if names:
        layers.append(f"self.activation = nn.{activation}()")
    layers.append(f"self.output = nn.Linear({sizes[-1]}, {width})")
    steps = [f"x = self.activation(self.{name}(x))" for name in names]
    steps.append("return self.output(x)" + (".squeeze(1)" if width == 1 else ""))
    code = [
        "class Network(nn.Module):",
        "    def __init__(self):",
        "        super().__init__()",
        *(f"        {line}" for line in layers),
        "",
        "    def forward(self, x):",
        *(f"        {line}" for line in steps),
        "",
        "",
        "network = Network()",
    ]
    through = f"the hidden layers and `nn.{activation}` after each" if names else "no hidden layer"
    if len(names) == 1:
        through = f"the hidden layer and `nn.{activation}`"
    sentence = (
        "A network is a class of `nn.Module`: `__init__` makes its layers, each an `nn.Linear` of "
        "so many inputs and outputs, and `forward` says what becomes of a batch: it goes through "
        f"{through}, then through the last layer, whose {width} output{'' if width == 1 else 's'} "
        "a row the loss takes raw. Calling `network(inputs)` runs `forward`."
    )
    return Part("Network", sentence, "\n".join(code))


def start_part(
    network: NetworkSpec,
    width: int,
    seed: int,
    head_seed: int | None,
    *,
    is_difference: bool,
    is_classification: bool,
) -> Part:
    """The first weights. ``is_difference`` is that of the one logit of BCE, which starts as the
    difference of CrossEntropy's two."""
    start = network.start
    if start.scheme is Scheme.ZEROS:
        zeros = "for parameter in network.parameters():\n    nn.init.zeros_(parameter)"
        return Part("First weights", _ZEROS, zeros)
    if start.scheme is Scheme.BY_HAND:
        return _by_hand(start.weights, width, is_classification)
    head = _difference if is_difference else _head
    lines = [_SEEDED, "\n", _DRAWS[start.scheme], "\n", *_trunk(network, seed)]
    code = "\n".join([*lines, *head(network, seed, head_seed)])
    sentence = _SCHEMES[start.scheme] + _FROM_SEEDS
    if start.head_factor != 1:
        sentence += f" The last layer's weights are then multiplied by {start.head_factor:g}."
    if is_difference:
        sentence += (
            " As one function of p with CrossEntropy, the one logit starts as the difference of "
            "CrossEntropy's two."
        )
    return Part("First weights", sentence, code)


def _by_hand(weights: tuple[float, ...], width: int, is_classification: bool) -> Part:
    rows = by_hand.logit_rows(weights, width, is_classification=is_classification)
    halves = _HALVES if is_classification and width == 2 else ""
    sentence = f"The first weights are those of the settings: {by_hand.named(weights)}.{halves}"
    # A line for each output: two rows of long numbers do not fit into one.
    listed = ",\n        ".join(str(list(row[:-1])) for row in rows)
    code = _BY_HAND.format(weights=listed, biases=[row[-1] for row in rows])
    return Part("First weights", sentence, code)


def _trunk(network: NetworkSpec, seed: int) -> Iterator[str]:
    names = hidden_names(network)
    if names:
        yield f"hidden = seeded({derive_seed(seed, 'trunk')})"
    for name in names:
        yield f"draw(network.{name}, hidden, hidden)"


def _head(network: NetworkSpec, seed: int, head_seed: int | None) -> Iterator[str]:
    weights, biases = _head_seeds(seed, head_seed)
    yield f"draw(network.output, seeded({weights}), seeded({biases}))"
    if (factor := network.start.head_factor) != 1:
        yield "with torch.no_grad():"
        yield f"    network.output.weight *= {factor!r}"


def _difference(network: NetworkSpec, seed: int, head_seed: int | None) -> Iterator[str]:
    weights, biases = _head_seeds(seed, head_seed)
    factor = network.start.head_factor
    yield _DIFFERENCE.format(
        inputs=network.hidden_sizes[-1] if network.hidden_sizes else "network.output.in_features",
        weights=weights,
        biases=biases,
        factor="" if factor == 1 else f"{factor!r} * ",
    )


def _head_seeds(seed: int, head_seed: int | None) -> tuple[int, int]:
    which = "" if head_seed is None else f" {head_seed}"
    return derive_seed(seed, f"head{which}"), derive_seed(seed, f"head bias{which}")
