"""What an experiment is of, in one line."""

from __future__ import annotations

from core.bounds import as_text
from core.spec import by_hand
from core.spec.experiment import ExperimentSpec
from core.spec.parts import Activation, OptimizerName, Protocol, Scheme

OPTIMIZER_TITLES = {
    OptimizerName.SGD: "SGD",
    OptimizerName.MOMENTUM: "SGD with momentum",
    OptimizerName.ADAM: "Adam",
    OptimizerName.ADAMW: "AdamW",
}
ACTIVATION_TITLES = {
    Activation.RELU: "ReLU",
    Activation.TANH: "Tanh",
    Activation.SIGMOID: "Sigmoid",
    Activation.GELU: "GELU",
}


def in_a_line(spec: ExperimentSpec) -> str:
    """As in "Spirals, noise 0.2 · 2-32-32-2 ReLU · SGD, rate 0.03 · batch 8"."""
    data, network, start = spec.dataset, spec.network, spec.network.start
    noise = f", noise {as_text(spec.data.noise)}" if data.noisy else ""
    classes = f", {data.outputs} classes" if data.most_outputs else ""
    sizes = "-".join(map(str, (data.features, *network.hidden_sizes, data.outputs)))
    activation = f" {ACTIVATION_TITLES[network.activation]}" if network.hidden_sizes else ""
    is_searched = spec.training.protocol is Protocol.BEST_RATE
    rate = "best rates" if is_searched else f"rate {as_text(spec.optimizer.learning_rate)}"
    parts = [
        f"{data.title}{classes}{noise}",
        *spec.data.stress.in_words(),
        f"{sizes}{activation}",
        f"{OPTIMIZER_TITLES[spec.optimizer.name]}, {rate}",
        f"batch {spec.training.batch_size:,}",
    ]
    if start.scheme is not Scheme.DEFAULT:
        parts.append(f"{by_hand.in_words(start)} start")
    if start.head_factor != 1:
        parts.append(f"last layer times {as_text(start.head_factor)}")
    if len(spec.seeds) > 1:
        parts.append(f"{len(spec.seeds)} seeds")
    elif spec.seeds != (0,):
        parts.append(f"seed {spec.seeds[0]}")
    return " · ".join(parts)
