"""The start of each scheme, against ``torch.nn`` and drawn again from the same uniform numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from core.data import derive_seed
from core.network.groups import make_groups, make_stack
from core.network.stack import Stack
from core.spec import Activation, ExperimentSpec, OptimizerName, Scheme
from core.training.preparation import prepare
from tests.core import plain
from tests.core.experiments import entrants


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("LOSSLAB_THREADS", "1")
    torch.set_num_threads(1)


#: Those that draw their weights; weights by hand are in ``test_by_hand``.
every_scheme = pytest.mark.parametrize(
    "scheme", [each for each in Scheme if each is not Scheme.BY_HAND]
)
every_factor = pytest.mark.parametrize("factor", [0.01, 1.0, 7.5, 300.0])
#: Of two classes CrossEntropy has two logits and BCE one, beside padding.
PAIR = ("cross_entropy", "bce")
SEEDS = (3, 8)


def spec_of(scheme: Scheme, factor: float = 1.0, data="breast_cancer", **parts) -> ExperimentSpec:
    start = {"scheme": scheme, "head_factor": factor}
    spec = {
        "data": {"name": data},
        "network": {"hidden_sizes": [16, 12], "start": start},
        "training": {"batch_size": 64, "epochs": 2, "device": "cpu"},
        "entrants": entrants(*PAIR),
        "seeds": SEEDS,
    }
    return ExperimentSpec.parse(spec | parts)


def stack_of(spec: ExperimentSpec) -> Stack:
    return make_stack(spec, make_groups(spec), torch.device("cpu"))


def weights_of(stack: Stack, place: int, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of each layer of an entrant's run, its head without padding."""
    return plain.weights_of(stack, place * len(SEEDS) + SEEDS.index(seed), 2 - place)


# ------------------------------------------------------------------ as torch.nn does it

#: What PyTorch does by itself or by its ``nn.init``, with PyTorch's own random numbers.
IN_TORCH: dict[Scheme, Callable[[nn.Linear], object]] = {
    Scheme.DEFAULT: nn.Linear.reset_parameters,
    Scheme.XAVIER: lambda layer: nn.init.xavier_uniform_(layer.weight),
    Scheme.KAIMING: lambda layer: nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu"),
    Scheme.ZEROS: lambda layer: nn.init.zeros_(layer.weight),
}


def by_torch(scheme: Scheme, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """The weights that PyTorch gives a layer that draws its numbers from the generator."""
    fan_out, fan_in = shape
    layer = nn.Linear(fan_in, fan_out)
    # PyTorch's layers draw from the one generator that all share.
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(generator.get_state())
        IN_TORCH[scheme](layer)
        generator.set_state(torch.get_rng_state())
    return layer.weight.detach()


@every_scheme
def test_the_first_weights_and_the_head_are_those_of_torchs_own_initialisation(scheme):
    """From the same generator; of the trunk only the first layer, where biases draw as well."""
    stack = stack_of(spec_of(scheme))
    for seed in SEEDS:
        trunk, head = (
            torch.Generator().manual_seed(derive_seed(seed, purpose))
            for purpose in ("trunk", "head")
        )
        for place in (0, 1):
            (first, _), _, (last, _) = weights_of(stack, place, seed)
            state = trunk.get_state(), head.get_state()
            torch.testing.assert_close(
                first, by_torch(scheme, first.shape, trunk), rtol=1e-6, atol=0
            )
            torch.testing.assert_close(last, by_torch(scheme, last.shape, head), rtol=1e-6, atol=0)
            trunk.set_state(state[0])
            head.set_state(state[1])


BOUNDS: dict[Scheme, Callable[[int, int], float]] = {
    Scheme.DEFAULT: lambda fan_in, fan_out: fan_in**-0.5,
    Scheme.XAVIER: lambda fan_in, fan_out: math.sqrt(6 / (fan_in + fan_out)),
    Scheme.KAIMING: lambda fan_in, fan_out: math.sqrt(6 / fan_in),
    Scheme.ZEROS: lambda fan_in, fan_out: 0.0,
}


def drawn(shape: torch.Size, bound: float, generator: torch.Generator) -> Tensor:
    """U(-bound, bound) of uniform numbers between 0 and 1."""
    return (2 * torch.rand(shape, generator=generator, dtype=torch.float32) - 1) * bound


@every_factor
@every_scheme
def test_every_number_is_the_uniform_draw_of_its_bound(scheme, factor):
    stack = stack_of(spec_of(scheme, factor))
    for place, seed in ((place, seed) for place in (0, 1) for seed in SEEDS):
        trunk, head, head_bias = (
            torch.Generator().manual_seed(derive_seed(seed, purpose))
            for purpose in ("trunk", "head", "head bias")
        )
        *hidden, (last, last_bias) = weights_of(stack, place, seed)
        for weight, bias in hidden:
            bound = BOUNDS[scheme](weight.shape[1], weight.shape[0])
            bias_bound = bound if scheme is Scheme.DEFAULT else 0.0
            close(weight, drawn(weight.shape, bound, trunk), bound)
            close(bias, drawn(bias.shape, bias_bound, trunk), bias_bound)
        bound = BOUNDS[scheme](last.shape[1], last.shape[0])
        bias_bound = bound if scheme is Scheme.DEFAULT else 0.0
        close(last, factor * drawn(last.shape, bound, head), factor * bound)
        close(last_bias, drawn(last_bias.shape, bias_bound, head_bias), bias_bound)


def close(ours: Tensor, expected: Tensor, bound: float) -> None:
    """But for rounding near 0, where 2 u - 1 has lost digits."""
    torch.testing.assert_close(ours, expected, rtol=1e-6, atol=2e-7 * bound)


@pytest.mark.parametrize("scheme", [Scheme.DEFAULT, Scheme.XAVIER, Scheme.KAIMING])
def test_bounds_are_reached_and_not_passed(scheme):
    """Of a wide layer, so that a bound of another fan would show."""
    spec = spec_of(scheme, network={"hidden_sizes": [400, 50], "start": {"scheme": scheme}})
    for weight, _bias in plain.weights_of(stack_of(spec), 0, 2)[:-1]:
        bound = BOUNDS[scheme](weight.shape[1], weight.shape[0])
        assert 0.99 * bound < weight.abs().max() <= bound * (1 + 1e-6)
        assert weight.std() == pytest.approx(bound / 3**0.5, rel=0.02)
        assert abs(weight.mean()) < 0.02 * bound


@pytest.mark.parametrize("scheme", [Scheme.XAVIER, Scheme.KAIMING, Scheme.ZEROS])
def test_biases_are_0(scheme):
    stack = stack_of(spec_of(scheme, factor=300.0))
    assert not any(layer.bias.any() for layer in stack.layers)
    assert scheme is not Scheme.ZEROS or not stack.flat.any()


# ------------------------------------------------------------------ what is shared


def trunks_and_heads(stack: Stack) -> tuple[Tensor, Tensor]:
    """Of each of four entrants and each seed."""
    every = torch.stack([stack.parameters_of(run) for run in range(stack.runs)])
    starts = every.view(4, len(SEEDS), -1)
    return starts[..., : stack.trunk_size], starts[..., stack.trunk_size :]


@every_scheme
def test_entrants_of_a_seed_share_the_trunk_and_seeds_do_not(scheme):
    spec = spec_of(scheme, factor=5.0, entrants=entrants("bce", "mse", "cross_entropy", "mse"))
    stack = stack_of(spec)
    trunks, heads = trunks_and_heads(stack)
    assert torch.equal(trunks, trunks[:1].expand_as(trunks))
    assert torch.equal(trunks[:, 0], trunks[:, 1]) == (scheme is Scheme.ZEROS)
    # Two entrants of one loss begin as one network.
    assert torch.equal(heads[1], heads[3])
    assert torch.equal(heads[0], heads[1]), "one logit each"
    assert torch.equal(heads[0], heads[2]) == (scheme is Scheme.ZEROS)


@every_scheme
@pytest.mark.parametrize("factor", [0.01, 3.0, 300.0])
def test_the_factor_is_that_of_the_heads_weights_alone(scheme, factor):
    one, many = (stack_of(spec_of(scheme, each)) for each in (1.0, factor))
    for layer, other in zip(one.layers[:-1], many.layers[:-1], strict=True):
        assert torch.equal(layer.parameters, other.parameters)
    assert torch.equal(one.layers[-1].bias, many.layers[-1].bias)
    torch.testing.assert_close(
        many.layers[-1].weight, one.layers[-1].weight * factor, rtol=1e-6, atol=0
    )
    # Rows that pad the narrower head stay 0.
    assert not many.layers[-1].weight[len(SEEDS) :, 1:].any()


def test_another_head_seed_starts_the_head_elsewhere_and_nothing_else():
    entrants = [
        {"loss": "cross_entropy"},
        {"loss": "cross_entropy", "head_seed": 1},
        {"loss": "mse", "head_seed": 1},
        {"loss": "cross_entropy", "head_seed": 2},
    ]
    stack = stack_of(spec_of(Scheme.DEFAULT, data="iris", entrants=entrants))
    trunks, heads = trunks_and_heads(stack)
    assert torch.equal(trunks, trunks[:1].expand_as(trunks))
    # Entrants that ask for the same other start get the same one.
    assert torch.equal(heads[1], heads[2])
    for one, other in ((0, 1), (0, 3), (1, 3)):
        assert (heads[one] != heads[other]).float().mean() > 0.9
    bound = 12**-0.5
    assert heads.abs().max() <= bound
    for place, head_seed in ((1, 1), (3, 2)):
        for number, seed in enumerate(SEEDS):
            purpose = f"head {head_seed}"
            generator = torch.Generator().manual_seed(derive_seed(seed, purpose))
            weight = stack.layers[-1].weight[place * len(SEEDS) + number]
            close(weight, drawn(weight.shape, bound, generator), bound)


# ------------------------------------------------------------------ and then training


@pytest.mark.some(8)
@every_scheme
@pytest.mark.parametrize("factor", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("optimizer", [OptimizerName.ADAM, OptimizerName.MOMENTUM])
def test_training_from_it_is_that_of_a_plain_loop_from_the_same_weights(scheme, factor, optimizer):
    """Two epochs of two hidden layers; from zeros the heads' biases alone can move."""
    spec = spec_of(
        scheme,
        factor,
        network={
            "hidden_sizes": [8, 6],
            "activation": Activation.TANH,
            "start": {"scheme": scheme, "head_factor": factor},
        },
        optimizer={"name": optimizer, "learning_rate": 0.01, "weight_decay": 0.01},
    )
    with torch.inference_mode():
        prepared = prepare(spec)
    learner = prepared.learner
    networks = plain.networks_of(learner.stack, learner.groups)
    with torch.inference_mode():
        batches = [batch for _ in range(2) for batch in prepared.batches.epoch()]
        recorded = torch.cat([learner.step(batch) for batch in batches])
    for run, network in enumerate(networks):
        group = learner.groups[run // len(SEEDS)]
        function = plain.loss_function(group.entrant.loss, spec.dataset.task)
        step = plain.optimizer(spec.optimizer, list(network.parameters()))
        losses = []
        for batch in batches:
            encoded = batch.newest[group.entrant.place][run % len(SEEDS)].clone()
            y = encoded[0] if len(encoded) == 1 else encoded.argmax(0).float()
            loss = function(network(batch.rows[run % len(SEEDS)].clone()), y)
            step.zero_grad()
            loss.backward()
            step.step()
            losses.append(loss.item())
        torch.testing.assert_close(recorded[:, run], torch.tensor(losses), rtol=1e-5, atol=1e-6)
        ours = plain.weights_of(learner.stack, run, group.width)
        for (weight, bias), linear in zip(ours, network[::2], strict=True):
            torch.testing.assert_close(weight, linear.weight.data, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(bias, linear.bias.data, rtol=1e-5, atol=1e-5)
    if scheme is Scheme.ZEROS:
        assert not any(layer.parameters.any() for layer in learner.stack.layers[:-1])
        assert learner.stack.layers[-1].bias.any()
