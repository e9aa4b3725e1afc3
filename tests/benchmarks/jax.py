"""The engine beside JAX, which compiles an epoch into one program: ``jax.lax.scan`` of its steps.

Both sides have a process of their own on the same core, and one thread. JAX's has the network,
losses, rows and batches of ours and Adam as it is written in the paper; the losses of all steps
come to NumPy at the end of each epoch. Compiling is outside, and JAX judges nothing.

JAX is in ``requirements-bench.txt``. Where it can't be imported, the lines are left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from core.data import DataSpec, load
from tests.benchmarks.process import ENGINE, Side, a_core
from tests.benchmarks.rounds import THREADS_VARIABLE, in_turns, ratio
from tests.benchmarks.sides import CLASSES, LEARNING_RATE, RACE, RACE_60, SINGLE, Task, ours

#: XLA is to compute with one thread; that its process has one core makes sure of it.
ONE_THREAD = {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}
#: Two seconds of training or more for the faster side: what is kept to be replayed costs ours some
#: hundredths of a second once.
TASKS = {"single": (SINGLE, 960), "race": (RACE, 108), "race60": (RACE_60, 36)}

Array = Any
Epoch = Callable[[Array, Array], tuple[Array, Array]]


def measure() -> dict[str, float]:
    """Medians of paired ratios: JAX's time divided by ours."""
    core = a_core()
    with (
        Side(ENGINE | {THREADS_VARIABLE: "1"}, core) as ours_side,
        Side(ONE_THREAD, core) as jax_side,
    ):
        try:
            version = jax_side.call(_version)
        except ImportError as error:
            print(f"JAX can't be imported ({error}), so the lines against it are left out.")
            return {}
        print(f"JAX {version}")
        measured = {}
        for name, (task, epochs) in TASKS.items():
            jax_side.call(_seconds, task, 1)
            sides = {
                "ours": lambda task=task, epochs=epochs: ours_side.call(ours, task, epochs),
                "jax": lambda task=task, epochs=epochs: jax_side.call(_seconds, task, epochs),
            }
            measured[f"{name}_vs_jax"] = ratio(in_turns(sides), "jax")
    return measured


# ------------------------------------------------------------------ in the process of JAX


def _version() -> str:
    import jax

    return str(jax.__version__)


def _seconds(task: Task, epochs: int) -> float:
    """Of so many epochs from a new start."""
    import jax

    start, epoch = _compiled(task)
    state = start()
    keys = list(jax.random.split(jax.random.PRNGKey(1), epochs))
    jax.block_until_ready((state, keys))
    begin = time.perf_counter()
    steps = 0
    for key in keys:
        state, losses = epoch(state, key)
        steps += len(np.asarray(losses))
    seconds = time.perf_counter() - begin
    assert steps == task.spec(epochs).total_steps
    return seconds


@cache
def _compiled(task: Task) -> tuple[Callable[[], Array], Epoch]:
    """What makes a start, and what trains one epoch of all runs; compiled when first called.

    The state is parameters, Adam's two moments and the step; x is ``[S, N, D]``.
    """
    import jax
    import jax.numpy as jnp

    x, one_hot = _rows(task)
    seeds, rows, features = x.shape
    whole, rest = divmod(rows, task.batch)
    differentiate = jax.value_and_grad(_total(task), has_aux=True)

    def step(state: Array, batch: Array) -> tuple[Array, Array]:
        parameters, first, second, count = state
        (_, losses), gradients = differentiate(parameters, *batch)
        count += 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
        rate, bias = LEARNING_RATE / (1 - 0.9**count), 1 / (1 - 0.999**count)
        parameters = jax.tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(v * bias) + 1e-8), parameters, first, second
        )
        return (parameters, first, second, count), losses

    def batches(values: Array, order: Array) -> tuple[Array, Array]:
        """Of whole batches ``[n, S, B, ...]``, and of the rest."""
        ordered = jnp.take_along_axis(values, order[:, :, None], 1)
        full = ordered[:, : whole * task.batch].reshape(seeds, whole, task.batch, -1)
        return full.swapaxes(0, 1), ordered[:, whole * task.batch :]

    def epoch(state: Array, key: Array) -> tuple[Array, Array]:
        keys = jax.random.split(key, seeds)
        order = jax.vmap(lambda each: jax.random.permutation(each, rows))(keys)
        (x_full, x_rest), (y_full, y_rest) = batches(x, order), batches(one_hot, order)
        state, losses = jax.lax.scan(step, state, (x_full, y_full))
        if rest:
            state, last = step(state, (x_rest, y_rest))
            losses = jnp.concatenate([losses, last[None]])
        return state, losses

    def start() -> Array:
        sizes = (features, *task.hidden, CLASSES)
        parameters = []
        for key, fan_in, fan_out in zip(
            jax.random.split(jax.random.PRNGKey(0), len(sizes)), sizes, sizes[1:], strict=False
        ):
            bound = fan_in**-0.5
            weights = jax.random.uniform(
                key, (task.runs, fan_in, fan_out), minval=-bound, maxval=bound
            )
            parameters.append((weights, jnp.zeros((task.runs, 1, fan_out))))
        none = jax.tree.map(jnp.zeros_like, parameters)
        return parameters, none, jax.tree.map(jnp.copy, none), jnp.zeros(())

    return jax.jit(start), jax.jit(epoch, donate_argnums=0)


def _rows(task: Task) -> tuple[Array, Array]:
    """x ``[S, N, D]`` and one-hot targets ``[S, N, C]``, one of each seed."""
    import jax
    import jax.numpy as jnp

    data = [load(DataSpec(name="digits"), seed) for seed in task.seeds]
    targets = jnp.stack([jnp.asarray(each.y_train, int) for each in data])
    return jnp.stack([jnp.asarray(each.x_train) for each in data]), jax.nn.one_hot(targets, CLASSES)


def _total(task: Task) -> Callable[[Array, Array, Array], tuple[Array, Array]]:
    """The sum of all runs' losses ``[K]``, which are returned too; runs are in order of losses."""
    import jax
    import jax.numpy as jnp

    of_loss = {
        "cross_entropy": lambda z, y: -(jax.nn.log_softmax(z) * y).sum(2).mean(1),
        "bce": lambda z, y: (jax.nn.softplus(z) - z * y).mean((1, 2)),
        "mse": lambda z, y: jnp.square(jax.nn.softmax(z) - y).mean((1, 2)),
    }
    seeds = len(task.seeds)

    def total(parameters: Array, x: Array, one_hot: Array) -> tuple[Array, Array]:
        values = jnp.tile(x, (len(task.losses), 1, 1))
        for weights, biases in parameters[:-1]:
            values = jax.nn.relu(values @ weights + biases)
        weights, biases = parameters[-1]
        logits = jnp.split(values @ weights + biases, len(task.losses))
        losses = jnp.concatenate(
            [of_loss[loss](z, one_hot) for loss, z in zip(task.losses, logits, strict=True)]
        )
        return losses.sum(), losses

    assert seeds * len(task.losses) == task.runs
    return total


if __name__ == "__main__":
    print(measure())
