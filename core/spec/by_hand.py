"""Weights by hand: of one neuron, whose few weights a person can name.

A network without hidden layers that has one or two features x and decides between two classes, or
predicts a value, is the function w . x + b of the ``StartSpec.weights`` w and b. For two classes
that is the log-odds of class 1, for a value the value itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.bounds import as_text, quoted
from core.data import Dataset
from core.spec.entrants import EntrantSpec
from core.spec.parts import MOST_BY_HAND, NetworkSpec, Scheme, StartSpec


def takes_weights(data: Dataset) -> bool:
    """Whether weights by hand are allowed for the data, if there is no hidden layer."""
    return data.features <= MOST_BY_HAND and data.outputs <= 2


def logit_rows(
    weights: Sequence[float], width: int, *, is_classification: bool
) -> tuple[tuple[float, ...], ...]:
    """For each of ``width`` logits its weights and bias, for w and b together ``weights``.

    - One logit: z = w . x + b.
    - Two logits, of two classes: z_1 = (w . x + b) / 2 and z_0 = -z_1. Under a softmax their
      difference is the log-odds of class 1, so that entrants with one logit and with two start as
      the same function. Losses of raw outputs start from the same two numbers.
    - Mean and log-variance of a value: w . x + b, and 0, a variance of 1.

    A loss that predicts an amount, exp(z), starts with w . x + b as the amount's logarithm.
    """
    as_they_are = tuple(weights)
    if width == 1:
        return (as_they_are,)
    if is_classification:
        half = tuple(value / 2 for value in weights)
        return tuple(-value for value in half), half
    return as_they_are, (0.0,) * len(weights)


def named(weights: Sequence[float]) -> str:
    """As in "w = 2, b = 2"."""
    *of_features, bias = map(as_text, weights)
    names = ["w"] if len(of_features) == 1 else [f"w{n}" for n in range(1, len(of_features) + 1)]
    pairs = [*zip(names, of_features, strict=True), ("b", bias)]
    return ", ".join(f"{name} = {value}" for name, value in pairs)


def in_words(start: StartSpec) -> str:
    """The scheme as it is told; of weights by hand each one."""
    if start.scheme is not Scheme.BY_HAND:
        return start.scheme.value
    return f"by hand {named(start.weights)}" if start.weights else "by hand"


def misfits(network: NetworkSpec, data: Dataset, entrants: Sequence[EntrantSpec]) -> Iterable[str]:
    """A sentence for all that weights by hand do not go with."""
    start = network.start
    if start.scheme is not Scheme.BY_HAND:
        if start.weights:
            yield (
                f"Weights by hand were {quoted(list(start.weights))}; the start "
                f"{start.scheme.value!r} has weights of its own, so allowed is an empty list, or "
                f"the start {Scheme.BY_HAND.value!r}."
            )
        return
    if network.hidden_sizes:
        yield (
            f"Hidden sizes were {quoted(list(network.hidden_sizes))}; weights by hand are those of "
            "a network without hidden layers, so allowed is an empty list."
        )
    if takes_weights(data):
        yield from _wrong_count(start, data)
    else:
        outputs = f"{data.outputs} classes" if data.outputs > 1 else "a value"
        yield (
            f"Data set was {quoted(data.key)}, with {data.features} features and {outputs}; "
            "allowed with weights by hand are 1 or 2 features, and two classes or a value."
        )
    if start.head_factor != 1:
        yield (
            f"Factor on the last layer was {as_text(start.head_factor)}; weights by hand are taken "
            "as they are, so allowed is 1."
        )
    for place, entrant in enumerate(entrants, start=1):
        if entrant.head_seed is not None:
            yield (
                f"Entrant {place}: Seed of the last layer was {quoted(entrant.head_seed)}; weights "
                "by hand are not drawn, so another seed would start the same and allowed is none."
            )


def _wrong_count(start: StartSpec, data: Dataset) -> Iterable[str]:
    allowed = "w and b" if data.features == 1 else "w1, w2 and b"
    if len(start.weights) != data.features + 1:
        of = "1 feature" if data.features == 1 else f"{data.features} features"
        yield (
            f"Weights by hand were {quoted(list(start.weights))}; {data.title} has {of}, so "
            f"allowed is a list of {allowed}."
        )
