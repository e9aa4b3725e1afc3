"""What was held equal in an experiment, in words."""

from __future__ import annotations

from core.records import Experiment, Facts
from core.spec import ExperimentSpec, Protocol

_PROTOCOLS = {
    Protocol.SAME_RATE: "the same learning rate for all",
    Protocol.BEST_RATE: "each entrant with its own best learning rate from the same budget",
    Protocol.MATCHED_GRADIENTS: "first gradients of one size",
    Protocol.ONE_FUNCTION: "one function of p: the last layer of BCE learns twice as fast",
}


def held_equal(spec: ExperimentSpec, facts: Facts | None) -> tuple[list[str], list[str]]:
    """What is equal between the entrants of a seed, and what is not, a few words each."""
    equal = [
        "first weights of the hidden layers" if spec.network.hidden_sizes else "no hidden layers",
        "batches and their order",
        "split" if spec.data.validation_rows else "training rows",
        *spec.data.stress.in_words(),
        f"{spec.training.epochs:,} epochs",
    ]
    different: list[str] = []
    losses = {(each.loss, each.expression, each.parameters, each.then) for each in spec.entrants}
    (equal if len(losses) == 1 else different).append("loss")
    widths = {each.loss.head.width(spec.dataset.outputs) for each in spec.lineup}
    starts = {each.head_seed for each in spec.entrants}
    if len(widths) > 1:
        different.append("last layer, which has as many outputs as the loss needs")
    (equal if len(widths) == len(starts) == 1 else different).append(
        "first weights of the last layer"
    )
    equal_rates, different_rates = _learning_rates(spec, facts)
    return equal + equal_rates, different + different_rates


def _learning_rates(spec: ExperimentSpec, facts: Facts | None) -> tuple[list[str], list[str]]:
    """What is equal and what is not of how fast entrants learn."""
    rates = facts.learning_rates if facts else [each.learning_rate for each in spec.lineup]
    rate = f"learning rate {rates[0]:g}"
    match spec.training.protocol:
        case Protocol.BEST_RATE if facts is None:
            return [], ["learning rate, which is still being looked for"]
        case Protocol.ONE_FUNCTION:
            hidden = [f"{rate} of the hidden layers"] if spec.network.hidden_sizes else []
            last = f"learning rate of the last layer, {rates[0]:g}, and {2 * rates[0]:g} for BCE"
            return hidden, [last]
        case Protocol.MATCHED_GRADIENTS:
            scaled = ["factor on the gradients, so that the first ones are of one size"]
        case _:
            scaled = []
    return ([rate], scaled) if len(set(rates)) == 1 else ([], ["learning rate", *scaled])


def protocol_line(spec: ExperimentSpec, facts: Facts | None) -> str:
    """What the fairness protocol was, with its numbers: printed on every shared chart."""
    protocol = spec.training.protocol
    rates = [entrant.learning_rate for entrant in spec.lineup]
    if protocol is Protocol.SAME_RATE:
        if len(set(rates)) > 1:
            return f"learning rates {_by_title(spec, rates)}"
        return f"{_PROTOCOLS[protocol]}: {rates[0]:g}"
    line = _PROTOCOLS[protocol]
    if protocol is Protocol.ONE_FUNCTION:
        return line
    if protocol is Protocol.BEST_RATE:
        return f"{line}: {_by_title(spec, facts.learning_rates)}" if facts else line
    same = len(set(rates)) == 1
    held = "the same learning rate" if same else f"learning rates {_by_title(spec, rates)}"
    scales = f", gradients times {_by_title(spec, facts.gradient_scales)}" if facts else ""
    return f"{line}{scales}; {held}"


def _by_title(spec: ExperimentSpec, numbers: list[float]) -> str:
    """Each entrant's number, of three digits."""
    return ", ".join(
        f"{entrant.title} {float(f'{number:.3g}'):g}"
        for entrant, number in zip(spec.lineup, numbers, strict=True)
    )


def trunks_agree(experiment: Experiment) -> bool | None:
    """Whether within each seed every entrant started from the same hidden layers; None: unknown."""
    if experiment.facts is None:
        return None
    seeds = len(experiment.spec.seeds)
    trunks = experiment.facts.trunk_sha256
    return all(trunk == trunks[run % seeds] for run, trunk in enumerate(trunks))
