"""What the Losses page is told of each loss, against PyTorch's own and finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.anatomy import MISTAKES, answers, stepping
from core.anatomy.answers import baseline, one_step, printed, printed_by_mistake, shape, simplex
from core.anatomy.shapes import OneStep, Shape, ShapeAxis
from core.anatomy.snippets import snippet
from core.anatomy.stepping import alone
from core.data import DATASETS
from core.errors import SpecError
from core.losses import CUSTOM, LOSSES, RIVALS, Link, Task
from core.spec import EntrantSpec
from core.training.batches import Block
from core.training.preparation import Prepared, prepare
from tests.core import plain
from tests.core.experiments import entrants

ON = {Task.BINARY: "moons", Task.MULTICLASS: "iris", Task.REGRESSION: "diabetes"}


def named(part: object) -> str:
    return part.loss if isinstance(part, EntrantSpec) else str(part)


CASES = [(entrant, task) for entrant in entrants(*LOSSES) for task in entrant.loss_spec.formulas]
every_loss = pytest.mark.parametrize(("entrant", "task"), CASES, ids=named)

#: Outputs back to logits, for outputs ``[N, C]``.
LOGITS: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": torch.log,
    "sigmoid": torch.logit,
    "identity": torch.clone,
    "exp": torch.log,
}
OUTPUTS = {Link.SOFTMAX: lambda z: z.softmax(1), Link.SIGMOID: torch.sigmoid}
OF_PROBABILITIES = (Link.SOFTMAX, Link.SIGMOID)
#: Losses that also depend on an offset of all logits, which no probability tells.
OF_SCORES_TOO = ("squentropy",)
TARGETS = {Task.BINARY: (0.0, 1.0), Task.MULTICLASS: (1.0,), Task.REGRESSION: (0.0, 1.3)}
#: Places on each axis, none of them at a kink.
PLACES = {
    ShapeAxis.PROBABILITY: (0.02, 0.3, 0.5, 0.97),
    ShapeAxis.LOGIT: (-6.4, -0.7, 0.3, 2.9),
    ShapeAxis.PREDICTION: (-2.6, 0.2, 1.1, 3.7),
}


def axes(task: Task) -> tuple[ShapeAxis, ...]:
    return (
        (ShapeAxis.PROBABILITY, ShapeAxis.LOGIT)
        if task.is_classification
        else (ShapeAxis.PREDICTION,)
    )


def is_told_by_probabilities(entrant: EntrantSpec, task: Task) -> bool:
    link = entrant.loss_spec.formulas[task].link
    return link in OF_PROBABILITIES and entrant.loss not in OF_SCORES_TOO


SHAPES = [
    pytest.param(entrant, task, axis, target, id=f"{entrant.loss}-{task}-{axis}-{target:g}")
    for entrant, task in CASES
    for axis in axes(task)
    for target in TARGETS[task]
    if axis is not ShapeAxis.PROBABILITY or is_told_by_probabilities(entrant, task)
]
every_shape = pytest.mark.parametrize(("entrant", "task", "axis", "target"), SHAPES)


# ------------------------------------------------------------------ shapes


def placed(
    entrant: EntrantSpec, task: Task, axis: ShapeAxis, x: Tensor
) -> tuple[Tensor | None, Tensor, int]:
    """Where ``x`` is on the axis: the prediction, the logits ``[N, C]``, and the followed one."""
    loss, link = entrant.loss_spec, entrant.loss_spec.formulas[task].link
    if task is Task.REGRESSION:
        value = x.clone().requires_grad_()
        rest = [torch.zeros_like(x)] * (loss.head.width(1) - 1)
        return value, torch.stack([LOGITS[link](value), *rest], 1), 0
    classes = 3 if task is Task.MULTICLASS else 2
    followed = 0 if task is Task.MULTICLASS else loss.head.width(2) - 1
    if axis is ShapeAxis.LOGIT:
        columns = [torch.zeros_like(x)] * loss.head.width(classes)
        columns[followed] = x
        return None, torch.stack(columns, 1), followed
    p = x.clone().requires_grad_()
    others = [(1 - p) / (classes - 1)] * (classes - 1)
    everything = [p, *others] if task is Task.MULTICLASS else [*others, p]
    return p, LOGITS[link](torch.stack(everything[-loss.head.width(classes) :], 1)), followed


def by_torch(
    entrant: EntrantSpec, task: Task, axis: ShapeAxis, target: float, x: Tensor
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The loss at each ``x``, dL/dz and dL/d(prediction), by autograd."""
    prediction, z, followed = placed(entrant, task, axis, x)
    z = z.requires_grad_() if prediction is None else z
    z.retain_grad()
    y = torch.full_like(x, 0 if task is Task.MULTICLASS else target)
    of = plain.loss_function(entrant.loss_spec, task)
    losses = torch.stack([of(row, each) for row, each in zip(z.split(1), y.split(1), strict=True)])
    losses.sum().backward()
    assert z.grad is not None
    by_logit = z.grad[:, followed]
    if prediction is not None:
        return losses.detach(), by_logit, prediction.grad
    output = OUTPUTS.get(entrant.loss_spec.formulas[task].link)
    if output is None:
        return losses.detach(), by_logit, None
    (change,) = torch.autograd.grad(output(z)[:, followed].sum(), z)
    return losses.detach(), by_logit, by_logit / change[:, followed]


def compare(shown: Shape, expected: tuple[Tensor, Tensor, Tensor | None], every: slice) -> None:
    names = ("loss", "by_logit", "by_prediction")
    for name, values in zip(names, expected, strict=True):
        curve = getattr(shown, name)
        if values is None:
            assert curve is None
            continue
        torch.testing.assert_close(
            torch.from_numpy(curve[every]), values, rtol=1e-9, atol=1e-11, equal_nan=True,
            msg=lambda text, name=name: f"{name}: {text}",
        )  # fmt: skip


@every_shape
def test_a_shape_is_autograds_through_torchs_loss(entrant, task, axis, target):
    shown = shape(entrant, task, axis, target)
    assert shown is not None
    assert shown.x.tolist() == axis.places == sorted(axis.places)
    assert len(shown.x) == len(shown.loss) == len(shown.by_logit) > 150
    every = slice(None, None, 12)
    compare(shown, by_torch(entrant, task, axis, target, torch.from_numpy(shown.x[every])), every)


@every_shape
def test_the_slope_of_a_shape_is_its_gradient(entrant, task, axis, target):
    """Along p or the value it is dL/dp, along a logit dL/dz."""
    step = 1e-6
    for at in PLACES[axis]:
        near = shape(entrant, task, axis, target, [at - step, at, at + step])
        slope = (near.loss[2] - near.loss[0]) / (2 * step)
        expected = near.by_logit if axis is ShapeAxis.LOGIT else near.by_prediction
        assert slope == pytest.approx(expected[1], rel=1e-5, abs=1e-7, nan_ok=True)


@pytest.mark.parametrize(
    ("entrant", "task"), [case for case in CASES if case[1].is_classification], ids=named
)
def test_what_probabilities_do_not_tell_has_no_shape_over_them(entrant, task):
    shown = shape(entrant, task, ShapeAxis.PROBABILITY, 1.0)
    assert (shown is not None) == is_told_by_probabilities(entrant, task)
    over_logits = shape(entrant, task, ShapeAxis.LOGIT, 1.0)
    assert over_logits is not None
    has_probability = entrant.loss_spec.formulas[task].link in OF_PROBABILITIES
    assert (over_logits.by_prediction is not None) == has_probability


@pytest.mark.parametrize(
    ("expression", "is_told"),
    [("-y*log(p)", True), ("-y*log(p) + z**2 / 9", False), ("logsumexp(z) - sum(y*z)", False)],
)
def test_an_own_loss_has_a_shape_over_probabilities_where_it_reads_them_alone(expression, is_told):
    (own,) = entrants(CUSTOM, expression=expression)
    for task in (Task.BINARY, Task.MULTICLASS):
        assert (shape(own, task, ShapeAxis.PROBABILITY, 1.0) is not None) == is_told
        assert shape(own, task, ShapeAxis.LOGIT, 1.0) is not None
    assert (simplex(own, 0) is not None) == is_told


# Loss, dL/dp and dL/dz at p = 0.3 for the true class, worked out by hand.
AT_0_3 = [
    ("cross_entropy", Task.BINARY, -math.log(0.3), -1 / 0.3, 0.3 - 1),
    ("cross_entropy", Task.MULTICLASS, -math.log(0.3), -1 / 0.3, 0.3 - 1),
    ("bce", Task.BINARY, -math.log(0.3), -1 / 0.3, 0.3 - 1),
    # The others are asked for 0 at 0.35 each: two more questions, a third of the mean.
    ("bce", Task.MULTICLASS, -math.log(0.3 * 0.65**2) / 3, -(1 / 0.3 + 1 / 0.65) / 3, -0.7 / 3),
    ("mse", Task.BINARY, 0.49, -1.4, -1.4 * 0.21),
    # (0.7^2 + 2 * 0.35^2) / 3, and its slope where the others fall by half of what p gains.
    ("mse", Task.MULTICLASS, 0.245, -0.7, -0.7 * 0.21),
]


@pytest.mark.parametrize(("key", "task", "loss", "by_p", "by_z"), AT_0_3)
def test_hand_values_at_a_probability_of_0_3(key, task, loss, by_p, by_z):
    point = shape(EntrantSpec(loss=key), task, ShapeAxis.PROBABILITY, 1.0, [0.3])
    assert point.loss == pytest.approx([loss], rel=1e-12)
    assert point.by_prediction == pytest.approx([by_p], rel=1e-12)
    assert point.by_logit == pytest.approx([by_z], rel=1e-12)


def test_the_first_of_them_is_the_number_in_every_textbook():
    point = shape(EntrantSpec(loss="cross_entropy"), Task.BINARY, ShapeAxis.PROBABILITY, 1.0, [0.3])
    found = [*point.loss, *point.by_prediction, *point.by_logit]
    assert [round(value, 4) for value in found] == [1.2040, -3.3333, -0.7]


@pytest.mark.parametrize("target", [0.0, 1.0])
@pytest.mark.parametrize("axis", [ShapeAxis.PROBABILITY, ShapeAxis.LOGIT])
def test_squared_error_on_a_sigmoid_never_pushes_harder_than_8_27ths(axis, target):
    steepest = np.abs(shape(EntrantSpec(loss="mse"), Task.BINARY, axis, target).by_logit).max()
    assert 0.999 * 8 / 27 < steepest <= 8 / 27


@pytest.mark.parametrize("axis", [ShapeAxis.PROBABILITY, ShapeAxis.LOGIT])
def test_squared_error_on_a_softmax_never_pushes_harder_than_that_either(axis):
    steepest = np.abs(shape(EntrantSpec(loss="mse"), Task.MULTICLASS, axis, 1.0).by_logit).max()
    assert 0 < steepest <= 8 / 27


# ------------------------------------------------------------------ three classes

ON_SIMPLEX = [entrant for entrant, task in CASES if task is Task.MULTICLASS]
every_simplex = pytest.mark.parametrize("entrant", ON_SIMPLEX, ids=named)


@every_simplex
@pytest.mark.parametrize("true_class", [0, 1, 2])
def test_a_simplex_holds_the_loss_of_each_answer(entrant, true_class):
    link = entrant.loss_spec.formulas[Task.MULTICLASS].link
    shown = simplex(entrant, true_class)
    if not is_told_by_probabilities(entrant, Task.MULTICLASS):
        assert shown is None
        return
    assert shown.p.shape == (3, len(shown.losses))
    np.testing.assert_allclose(shown.p.sum(0), 1, rtol=1e-12)
    assert shown.p.min() == 0
    assert (shown.p == 1).sum(1).tolist() == [1, 1, 1]
    edge = answers._EDGE
    p = torch.from_numpy((shown.p + edge) / (1 + 3 * edge))[:, ::17].T
    of = plain.loss_function(entrant.loss_spec, Task.MULTICLASS)
    y = torch.tensor([true_class]).double()
    expected = [of(LOGITS[link](row), y).item() for row in p.split(1)]
    np.testing.assert_allclose(shown.losses[::17], expected, rtol=1e-9, atol=1e-12)


def heights(entrant: EntrantSpec, true_class: int) -> dict[tuple[float, ...], float]:
    shown = simplex(entrant, true_class)
    return {tuple(p): height for p, height in zip(shown.p.T.tolist(), shown.losses, strict=True)}


@pytest.mark.parametrize(
    "entrant",
    [each for each in ON_SIMPLEX if is_told_by_probabilities(each, Task.MULTICLASS)],
    ids=named,
)
def test_a_simplex_treats_wrong_classes_alike_and_is_lowest_at_the_true_one(entrant):
    first, second = heights(entrant, 0), heights(entrant, 1)
    for (a, b, c), height in first.items():
        assert first[a, c, b] == pytest.approx(height, rel=1e-12)
        assert second[b, a, c] == pytest.approx(height, rel=1e-12)
    lowest = min(first, key=first.__getitem__)
    if entrant.loss in RIVALS:
        assert lowest == (1, 0, 0)
    # Targets may be soft, and the lowest place then is where they are.
    assert lowest[0] >= 0.9
    assert first[1, 0, 0] < first[0, 1, 0] == pytest.approx(first[0, 0, 1], rel=1e-12)


# ------------------------------------------------------------------ data and code


@every_loss
def test_the_baseline_is_that_of_a_training(entrant, task):
    (expected,) = prepare(alone(entrant, ON[task])).facts().baselines
    assert baseline(entrant, ON[task]) == pytest.approx(expected, rel=1e-6)


@every_loss
def test_printed_is_what_the_program_prints(entrant, task, capsys):
    exec(snippet(entrant.loss, task).code, {"__name__": "__main__"})
    assert printed(entrant, task) == capsys.readouterr().out.strip()
    assert math.isfinite(float(printed(entrant, task)))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.key)
def test_a_mistake_prints_something_else(mistake, capsys):
    expected = []
    for code in (mistake.wrong_code, mistake.right_code):
        exec(code, {"__name__": "__main__"})
        expected.append(capsys.readouterr().out.strip())
    wrong, right = printed_by_mistake(mistake.key)
    assert [wrong, right] == expected
    assert wrong != right


def test_every_question_has_its_function():
    asked = {baseline, one_step, printed, printed_by_mistake, shape, simplex}
    assert set(answers.ANSWERS.values()) >= asked
    assert all(answers.ANSWERS[function.__name__] is function for function in asked)


# ------------------------------------------------------------------ one step


def prepared_for(entrant: EntrantSpec, dataset: str) -> Prepared:
    return prepare(
        alone(
            entrant,
            dataset,
            network={"hidden_sizes": [stepping.HIDDEN]},
            optimizer={"name": "sgd", "learning_rate": stepping.LEARNING_RATE},
            training={"batch_size": stepping.EXAMPLES, "device": "cpu"},
        )
    )


def whole_batches(prepared: Prepared) -> Iterator[Block]:
    """Batch after batch, epoch after epoch, without those that an epoch's end cuts short."""
    endless = prepared.batches.endless()
    return (batch for batch in endless if batch.size == stepping.EXAMPLES)


class Program:
    """The same training as a plain program: Linear, ReLU, the loss, SGD."""

    def __init__(self, entrant: EntrantSpec, dataset: str) -> None:
        prepared = prepared_for(entrant, dataset)
        self.task = DATASETS[dataset].task
        self.width = entrant.loss_spec.head.width(DATASETS[dataset].outputs)
        self.network: nn.Sequential = plain.network_of(prepared.learner.stack, 0, self.width)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=stepping.LEARNING_RATE)
        self.loss = plain.loss_function(entrant.loss_spec, self.task)
        self.batches = whole_batches(prepared)

    def examples(self) -> tuple[Tensor, Tensor, Tensor]:
        """x ``[N, D]``, targets as the loss reads them ``[N, C]`` and as a data set does."""
        batch = next(self.batches)
        encoded = batch.newest[0][0]
        has_classes = self.task.is_classification and self.width > 1
        return batch.rows[0], encoded.T, encoded.argmax(0).float() if has_classes else encoded[0]

    def step(self) -> None:
        x, _encoded, y = self.examples()
        self.optimizer.zero_grad()
        self.loss(self.network(x), y).backward()
        self.optimizer.step()


def close(shown: np.ndarray | float, expected: Tensor) -> None:
    torch.testing.assert_close(
        torch.as_tensor(shown), expected.detach().to(torch.float32), rtol=2e-5, atol=2e-6
    )


def compare_step(seen: OneStep, entrant: EntrantSpec, program: Program) -> None:
    """``seen`` is the program's next step, number by number."""
    x, encoded, y = program.examples()
    hidden = program.network[:-1](x)
    z = program.network[-1](hidden)
    z.retain_grad()
    head = program.network[-1].weight
    mean = program.loss(z, y)
    program.optimizer.zero_grad()
    mean.backward()
    close(seen.x, x)
    close(seen.hidden, hidden)
    close(seen.logits, z)
    close(seen.outputs, plain.LINKS[entrant.loss_spec.formulas[program.task].link](z))
    close(seen.targets, encoded)
    # This one holds each prediction against the targets of all.
    targets = [y] * len(z) if entrant.loss == "broadcast_mse" else y.split(1)
    rows = zip(z.split(1), targets, strict=True)
    close(seen.losses, torch.stack([program.loss(row, each) for row, each in rows]))
    close(np.float32(seen.mean), mean)
    close(seen.logit_gradients, z.grad)
    close(seen.weight_gradients, head.grad)
    close(np.float32(abs(seen.weight_gradients[seen.weight])), head.grad.abs().max())
    close(np.float32(seen.before), head[seen.weight])
    program.optimizer.step()
    close(np.float32(seen.after), head[seen.weight])
    close(np.float32(seen.mean_after), program.loss(program.network(x), y))


@every_loss
def test_a_step_is_that_of_a_plain_program(entrant, task):
    program = Program(entrant, ON[task])
    compare_step(one_step(entrant, ON[task], 1), entrant, program)
    for _ in range(3):
        program.step()
    seen = one_step(entrant, ON[task], 5)
    compare_step(seen, entrant, program)
    assert seen.step == 5
    assert len(seen.x) == stepping.EXAMPLES
    assert seen.hidden.shape[1] == stepping.HIDDEN
    assert seen.parameters == sum(each.numel() for each in program.network.parameters())
    assert seen.after == pytest.approx(
        seen.before - seen.learning_rate * seen.weight_gradients[seen.weight], abs=1e-6
    )


def test_steps_follow_each_other_over_the_end_of_an_epoch():
    """Wine's 142 rows leave two for the last batch: the step after the 35th is in epoch 2."""
    entrant = EntrantSpec(loss="cross_entropy")
    program = Program(entrant, "wine")
    for _ in range(34):
        program.step()
    for step in (35, 36, 37):
        compare_step(one_step(entrant, "wine", step), entrant, program)


@pytest.mark.parametrize("step", [1, 2, 40])
def test_the_same_step_is_the_same_numbers(step):
    first, second = (one_step(EntrantSpec(loss="bce"), "iris", step) for _ in range(2))
    assert first.losses.tobytes() == second.losses.tobytes()
    assert (first.mean, first.mean_after, first.weight) == (
        second.mean,
        second.mean_after,
        second.weight,
    )


@pytest.mark.parametrize(
    ("entrant", "task"),
    [(each, task) for each in entrants(*LOSSES) for task in Task if each.loss_spec.refusal(task)],
    ids=named,
)
def test_a_loss_that_does_not_fit_is_refused_with_the_reason(entrant, task):
    with pytest.raises(SpecError) as refused:
        one_step(entrant, ON[task], 1)
    assert entrant.loss_spec.refusal(task) in str(refused.value)
    assert entrant.loss_spec.title in str(refused.value)
