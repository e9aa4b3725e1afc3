"""What was held equal in an experiment, in words."""

from __future__ import annotations

from core.records import Experiment, Facts
from core.spec import ExperimentSpec, Protocol

_PROTOCOLS = {
    Protocol.SAME_RATE: "the same learning rate for all",
    Protocol.BEST_RATE: "each entrant with its own best learning rate from the same budget",
    Protocol.MATCHED_GRADIENTS: "first gradients of one size, the same learning rate",
    Protocol.ONE_FUNCTION: "one function of p: the BCE head learns twice as fast",
}


def protocol_line(spec: ExperimentSpec, facts: Facts | None) -> str:
    """What the fairness protocol was, with its numbers: printed on every shared chart."""
    protocol = spec.training.protocol
    rates = [entrant.learning_rate for entrant in spec.lineup]
    if protocol is Protocol.SAME_RATE:
        if len(set(rates)) > 1:
            return f"learning rates {_by_title(spec, rates)}"
        return f"{_PROTOCOLS[protocol]}: {rates[0]:g}"
    if facts is None or protocol is Protocol.ONE_FUNCTION:
        return _PROTOCOLS[protocol]
    if protocol is Protocol.BEST_RATE:
        return f"{_PROTOCOLS[protocol]}: {_by_title(spec, facts.learning_rates)}"
    same = len(set(rates)) == 1
    held = "the same learning rate" if same else f"learning rates {_by_title(spec, rates)}"
    scales = _by_title(spec, facts.gradient_scales)
    return f"first gradients of one size, gradients times {scales}; {held}"


def _by_title(spec: ExperimentSpec, numbers: list[float]) -> str:
    """Each entrant's number, of three digits."""
    return ", ".join(
        f"{entrant.title} {float(f'{number:.3g}'):g}"
        for entrant, number in zip(spec.lineup, numbers, strict=True)
    )


def trunks_agree(experiment: Experiment) -> bool | None:
    """Whether within each seed every entrant started from the same trunk; None while unknown."""
    if experiment.facts is None:
        return None
    seeds = len(experiment.spec.seeds)
    trunks = experiment.facts.trunk_sha256
    return all(trunk == trunks[run % seeds] for run, trunk in enumerate(trunks))
