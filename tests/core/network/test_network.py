"""The stack against plain PyTorch: a ``nn.Sequential``, autograd, ``torch.optim``."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from core.data import DATASETS
from core.losses import Head, Task, fitting
from core.network.groups import make_groups
from core.network.stack import Batch, Stack
from core.network.start import initialise
from core.spec import Activation, EntrantSpec, ExperimentSpec, OptimizerName, StartSpec
from core.training.preparation import Prepared, prepare
from tests.core import plain
from tests.core.experiments import CHANGED, changed, entrants, races


@pytest.fixture(autouse=True)
def one_thread():
    """A second thread costs these sizes more than it brings."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


HIDDEN = (6, 5, 4)
DEPTHS = range(len(HIDDEN) + 1)
DATA = {Task.BINARY: "moons", Task.MULTICLASS: "iris", Task.REGRESSION: "diabetes"}
RACES = [
    pytest.param(task, keys, id=f"{task}-{number}")
    for task in Task
    for number, keys in enumerate(races(task), start=1)
]
BATCHES = {Task.BINARY: 12, Task.MULTICLASS: 50, Task.REGRESSION: 100}


def spec_for(task: Task, raced: Sequence[EntrantSpec], **parts: object) -> ExperimentSpec:
    """A small stack, the last batch of an epoch shorter."""
    spec = {
        "data": {"name": DATA[task], "rows": 50},
        "training": {"batch_size": BATCHES[task], "epochs": 1, "device": "cpu"},
        "entrants": raced,
    }
    return ExperimentSpec.parse(spec | parts)


# ------------------------------------------------------------------ gradients


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("activation", Activation)
@pytest.mark.some(8)
@pytest.mark.parametrize(("task", "keys"), RACES)
def test_gradients_are_autograds(task, keys, activation, depth):
    """In float64, where only a wrong formula could show: 1e-12."""
    network = {"hidden_sizes": HIDDEN[:depth], "activation": activation}
    spec = spec_for(task, entrants(*keys), network=network)
    groups = make_groups(spec)
    stack = Stack(len(groups), spec.layer_sizes, activation, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 9, spec.dataset.features, generator=generator, dtype=torch.float64)
    y = torch.arange(9.0).double() % spec.dataset.outputs + (task is Task.REGRESSION)
    for run, group in enumerate(groups):
        initialise(stack, run, 0, group.width, StartSpec())
    runs = slice(0, len(groups))
    batch = Batch(stack.layers_of(runs), activation, 9)
    rows = batch.flat(torch.cat([x, torch.ones(1, 9, 1)], 2).repeat(len(groups), 1, 1))
    logits = torch.zeros(len(groups), stack.layer_sizes[-1], 9, dtype=torch.float64)
    logit_gradients = torch.zeros_like(logits)
    batch.forward(rows.transpose(-1, -2), batch.flat(logits))
    for run, group in enumerate(groups):
        encoded = plain.columns(y, task, group.width).T
        gradient = group.formula.gradient(logits[run, : group.width], encoded)
        logit_gradients[run, : group.width] = gradient
    batch.backward(rows, batch.flat(logit_gradients))
    for run, group in enumerate(groups):
        network = plain.network_of(stack, run, group.width)
        plain.loss_function(group.entrant.loss, task)(network(x[0]), y).backward()
        for layer, linear in zip(stack.layers, network[::2], strict=True):
            rows = len(linear.bias)
            close(layer.weight_gradient[run, :rows], linear.weight.grad)
            close(layer.bias_gradient[run, :rows, 0], linear.bias.grad)


def close(ours: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-14)


def differentiated(
    sizes: tuple[int, ...], activation: Activation, examples: int, runs: int = 1
) -> tuple[Batch, list[tuple[Tensor, Tensor]]]:
    """A batch, and pairs of what it and autograd give, all runs of the same examples."""
    stack = Stack(runs, sizes, activation, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    stack.flat.normal_(0, 0.05, generator=generator)
    batch = Batch(stack.layers, activation, examples)
    rows = torch.randn(examples, sizes[0] + 1, generator=generator, dtype=torch.float64)
    rows[:, -1] = 1
    upstream = torch.randn(sizes[-1], examples, generator=generator, dtype=torch.float64)
    logits = torch.empty(runs, *upstream.shape, dtype=torch.float64)
    of_all = batch.flat(rows.repeat(runs, 1, 1))
    batch.forward(of_all.transpose(-1, -2), batch.flat(logits))
    batch.backward(of_all, batch.flat(upstream.repeat(runs, 1, 1)))
    pairs = []
    for run in range(runs):
        network = plain.network_of(stack, run, sizes[-1])
        z = network(rows[:, :-1])
        (z * upstream.T).sum().div(examples).backward()
        pairs.append((logits[run], z.detach().T))
        for layer, linear in zip(stack.layers, network[::2], strict=True):
            pairs.append((layer.weight_gradient[run], linear.weight.grad))
            pairs.append((layer.bias_gradient[run, :, 0], linear.bias.grad))
    return batch, pairs


@pytest.mark.parametrize("examples", [9, 40, 300])
def test_gradients_of_wide_layers_are_autograds(examples: int) -> None:
    """Those of a single run are worked out elsewhere and copied."""
    _batch, pairs = differentiated((5, 1100, 1030, 3), Activation.TANH, examples)
    for ours, autograds in pairs:
        close(ours, autograds)


@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("runs", [1, 4])
@pytest.mark.parametrize(("examples", "is_by_example"), [(1, True), (15, True), (16, False)])
def test_gradients_of_few_examples_are_autograds(
    activation: Activation, runs: int, examples: int, is_by_example: bool
) -> None:
    """They lie one after the other in memory, and where there are more, units do."""
    batch, pairs = differentiated((5, 60, 50, 3), activation, examples, runs)
    assert [hidden.stride(-2) == 1 for hidden in batch.activations] == [is_by_example] * 2
    for ours, autograds in pairs:
        close(ours, autograds)


# ------------------------------------------------------------------ the first 100 steps

STEPS = 100
OPTIMIZERS = {
    OptimizerName.SGD: 0.05,
    OptimizerName.MOMENTUM: 0.02,
    OptimizerName.ADAM: 0.01,
    OptimizerName.ADAMW: 0.01,
}


#: These see every two of activation, optimizer and depth together; the others each of them once.
THOROUGH = ("cross_entropy", "bce", "mse", "l1", "huber", "hinge")
PAIRS = [
    (activation, optimizer, (row + column) % len(DEPTHS))
    for row, activation in enumerate(Activation)
    for column, optimizer in enumerate(OptimizerName)
]
ONCE = list(zip(Activation, OptimizerName, DEPTHS, strict=True))


@pytest.mark.some(12)
@pytest.mark.parametrize(("activation", "optimizer", "depth"), PAIRS)
@pytest.mark.parametrize("task", Task)
def test_the_first_100_steps_are_plain_pytorchs(task, activation, optimizer, depth):
    """With ragged batches and weight decay."""
    keys = [loss.key for loss in fitting(task) if loss.key in THOROUGH]
    compare_first_steps(task, activation, optimizer, depth, entrants(*keys))


@pytest.mark.some(8)
@pytest.mark.parametrize(("activation", "optimizer", "depth"), ONCE)
@pytest.mark.parametrize(("task", "keys"), RACES)
def test_so_are_those_of_every_other_loss_and_of_other_parameters(
    task, keys, activation, optimizer, depth
):
    classes = DATASETS[DATA[task]].outputs
    others = [changed(key, classes) for key in keys if key in CHANGED or key not in THOROUGH]
    compare_first_steps(task, activation, optimizer, depth, others)


def compare_first_steps(
    task: Task,
    activation: Activation,
    optimizer: OptimizerName,
    depth: int,
    raced: Sequence[EntrantSpec],
) -> None:
    """The steps of a stack against those of plain networks.

    In float32, as in training: both sides round at 1e-7 and sum in different orders, so
    losses agree to 1e-5. Adam divides a gradient by its own size, so where it is nearly
    0 its rounding is all there is: weights agree to 1e-5, a thousandth of one Adam step.
    """
    spec = spec_for(
        task,
        raced,
        network={"hidden_sizes": HIDDEN[:depth], "activation": activation},
        optimizer={"name": optimizer, "learning_rate": OPTIMIZERS[optimizer], "weight_decay": 0.01},
    )
    with torch.inference_mode():
        prepared = prepare(spec)
    networks = plain.networks_of(prepared.learner.stack, prepared.learner.groups)
    with torch.inference_mode():
        batches = list(itertools.islice(prepared.batches.endless(), STEPS))
        recorded = torch.cat([prepared.learner.step(batch) for batch in batches])
    assert len({batch.size for batch in batches}) == 2
    ys = [[targets_of(target[0], task).clone() for target in batch.newest] for batch in batches]
    xs = [batch.rows[0].clone() for batch in batches]
    expected = plain_steps(spec, networks, xs, ys)
    torch.testing.assert_close(recorded, expected, rtol=1e-5, atol=1e-6)
    for run, group in enumerate(prepared.learner.groups):
        ours = plain.weights_of(prepared.learner.stack, run, group.width)
        for (weight, bias), linear in zip(ours, networks[run][::2], strict=True):
            torch.testing.assert_close(weight, linear.weight.data, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(bias, linear.bias.data, rtol=1e-5, atol=1e-5)


def targets_of(encoded: Tensor, task: Task) -> Tensor:
    """``[N]`` from the columns that the batch holds."""
    return encoded[0] if len(encoded) == 1 else encoded.argmax(0).float()


def plain_steps(
    spec: ExperimentSpec, networks: list[nn.Sequential], xs: list[Tensor], ys: list[list[Tensor]]
) -> Tensor:
    """Step losses ``[steps, losses]`` of plain networks.

    One optimizer holds all their parameters and one backward serves their sum: neither
    mixes them, and it takes a third of the time.
    """
    task = spec.dataset.task
    functions = [plain.loss_function(each.loss, task) for each in spec.lineup]
    optimizer = plain.optimizer(spec.optimizer, [p for n in networks for p in n.parameters()])
    recorded = []
    for x, targets in zip(xs, ys, strict=True):
        runs = zip(functions, networks, targets, strict=True)
        values = [function(network(x), y) for function, network, y in runs]
        optimizer.zero_grad()
        total = torch.stack(values)
        total.sum().backward()
        optimizer.step()
        recorded.append(total.detach())
    return torch.stack(recorded)


# ------------------------------------------------------------------ the start


def started(head_width: int, seed: int = 3, widest: int = 10) -> Stack:
    stack = Stack(1, (64, 128, 32, widest), Activation.RELU)
    initialise(stack, 0, seed, head_width, StartSpec())
    return stack


def test_the_start_is_distributed_as_in_nn_linear():
    """Uniform over +-1/sqrt(in): its bounds reached, its mean and deviation."""
    for weight, bias in plain.weights_of(started(10), 0, 10):
        bound = weight.shape[1] ** -0.5
        reference = nn.Linear(weight.shape[1], weight.shape[0]).weight.detach()
        assert weight.abs().max() <= bound
        assert bias.abs().max() <= bound
        assert weight.max() > 0.97 * bound
        assert weight.min() < -0.97 * bound
        assert abs(weight.mean()) < 5 * bound / (3 * weight.numel()) ** 0.5
        assert weight.std() == pytest.approx(bound / 3**0.5, rel=0.1)
        assert reference.std() == pytest.approx(bound / 3**0.5, rel=0.1)


def test_a_seed_starts_every_head_from_the_same_trunk():
    wide, narrow = started(10), started(1)
    trunk = 65 * 128 + 129 * 32
    assert wide.trunk_size == narrow.trunk_size == trunk
    assert torch.equal(wide.parameters_of(0)[:trunk], narrow.parameters_of(0)[:trunk])
    assert not torch.equal(started(10, seed=4).parameters_of(0), wide.parameters_of(0))


@pytest.mark.parametrize("width", [1, 2, 9])
def test_a_narrower_head_is_the_first_rows_of_a_wider_one(width):
    wide, narrow = started(10).layers[-1], started(width).layers[-1]
    assert torch.equal(narrow.weight[:, :width], wide.weight[:, :width])
    assert torch.equal(narrow.bias[:, :width], wide.bias[:, :width])
    assert not narrow.weight[:, width:].any()
    assert not narrow.bias[:, width:].any()


# ------------------------------------------------------------------ heads of two widths


def parameters_of(prepared: Prepared) -> Tensor:
    """A row of each run."""
    stack = prepared.learner.stack
    return torch.stack([stack.parameters_of(run) for run in range(stack.runs)])


def test_padding_of_a_narrow_head_stays_zero_while_weight_decay_trains_the_rest():
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "breast_cancer"},
            "network": {"hidden_sizes": [5]},
            "optimizer": {"name": "adam", "weight_decay": 0.1},
            "entrants": entrants("cross_entropy", "bce"),
            "training": {"device": "cpu"},
        }
    )
    with torch.inference_mode():
        prepared = prepare(spec)
        before = parameters_of(prepared)
        for batch in itertools.islice(prepared.batches.endless(), 40):
            prepared.learner.step(batch)
    head = prepared.learner.stack.layers[-1]
    assert [each.loss.head for each in spec.lineup] == [Head.PER_CLASS, Head.NARROWEST]
    assert head.weight[1, 1:].tolist() == [[0.0] * 5]
    assert head.bias[1, 1:].tolist() == [[0.0]]
    moved = (parameters_of(prepared) != before).sum(1).tolist()
    assert moved == [spec.parameters, spec.parameters - 6]
