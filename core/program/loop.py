"""How a program trains: its optimizer, and the loop over epochs and batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent

from core.data import derive_seed
from core.program.criterion import LATER, Criterion
from core.program.parts import Part
from core.spec import OptimizerName, OptimizerSpec, Protocol

_CLASSES: Mapping[OptimizerName, str] = {
    OptimizerName.SGD: "SGD",
    OptimizerName.MOMENTUM: "SGD",
    OptimizerName.ADAM: "Adam",
    OptimizerName.ADAMW: "AdamW",
}

_RATE_UNKNOWN = (
    " The lab first searches the learning rate, with a short training at each of the same rates; "
    "which it finds is known once it trains, so the rate of the settings stands here."
)
_RATE_FOUND = " The lab has searched this learning rate first, with a short training at each rate."
_MATCHED = (
    " The lab scales the first gradients of the other entrants to the size of this one's, whose "
    "own factor is 1."
)
_AS_ONE_FUNCTION = (
    " As one function of p with CrossEntropy, the last layer learns twice as fast: its gradients "
    "are doubled in the loop."
)

_WHOLE = """\
epochs = {epochs}{begun}
for epoch in range(1, epochs + 1):
    {outputs} = network(inputs)
{loss}

    optimizer.zero_grad()
    loss.backward(){doubled}
    optimizer.step(){counted}

    print(f"Epoch [{{epoch}}/{{epochs}}], Loss: {{loss.item():.9g}}")"""

_BATCHES = """\
epochs = {epochs}
batch_size = {batch_size}
order = torch.Generator().manual_seed({seed}){begun}
for epoch in range(1, epochs + 1):
    total = 0.0
    for rows in torch.randperm(len(x_train), generator=order).split(batch_size):
        inputs, targets = x_train[rows], y_train[rows]
        {outputs} = network(inputs)
{loss}

        optimizer.zero_grad()
        loss.backward(){doubled}
        optimizer.step(){counted}
        total += loss.item() * len(rows)

    print(f"Epoch [{{epoch}}/{{epochs}}], Loss: {{total / len(x_train):.9g}}")"""

_DOUBLED = "network.output.weight.grad *= 2\nnetwork.output.bias.grad *= 2"

_STEP = (
    "Each step is a forward pass, `network(inputs)`; the loss; `optimizer.zero_grad()`, which "
    "clears the gradients of the step before; `loss.backward()`, which goes back through the "
    "network and computes the gradient of every parameter; and `optimizer.step()`, which moves "
    "each parameter by its gradient."
)
_TAKEN_OVER = (
    " After {step:,} steps the second loss takes over: the weights and what the optimizer has "
    "gathered of them stay, and the batches go on in their order."
)
_DIGITS = (
    " Nine digits are printed, as many as single precision needs, so that they can be held "
    "against the lab's."
)


def optimizer_part(
    spec: OptimizerSpec,
    rate: float,
    protocol: Protocol,
    *,
    is_searched: bool,
    is_found: bool,
    doubles_head: bool,
) -> Part:
    """The optimizer at the rate, and whether the lab searches for it and has found it."""
    name = _CLASSES[spec.name]
    options = [f"lr={rate!r}"]
    if spec.name is OptimizerName.MOMENTUM:
        options.append(f"momentum={spec.momentum!r}")
    if spec.weight_decay or spec.name is OptimizerName.ADAMW:
        options.append(f"weight_decay={spec.weight_decay!r}")
    code = f"optimizer = torch.optim.{name}(network.parameters(), {', '.join(options)})"
    if len(code) > 88:
        code = (
            f"optimizer = torch.optim.{name}(\n    network.parameters(),\n    "
            + ", ".join(options)
            + ",\n)"
        )
    said = {
        Protocol.BEST_RATE: (_RATE_FOUND if is_found else _RATE_UNKNOWN) if is_searched else "",
        Protocol.MATCHED_GRADIENTS: _MATCHED,
        Protocol.ONE_FUNCTION: _AS_ONE_FUNCTION if doubles_head else "",
    }
    sentence = (
        f"`torch.optim.{name}` is given the network's parameters; it is what changes them, with "
        f"the learning rate `lr`.{said.get(protocol, '')}"
    )
    return Part("Optimizer", sentence, code)


@dataclass(frozen=True)
class Takeover:
    """The criterion that training goes on with after ``step`` steps."""

    made: Criterion
    step: int


def loop_part(
    made: Criterion,
    epochs: int,
    batch_size: int | None,
    seed: int,
    *,
    doubles_head: bool,
    takeover: Takeover | None = None,
) -> Part:
    """The training loop; without a ``batch_size`` a batch holds all rows, as they come."""
    margin = "    " if batch_size is None else "        "
    computed = made.computed
    if takeover:
        computed = _one_or_the_other(made, takeover, "" if batch_size is None else "[rows]")
    template = _WHOLE if batch_size is None else _BATCHES
    code = template.format(
        epochs=epochs,
        batch_size=batch_size,
        seed=derive_seed(seed, "order"),
        outputs=made.inputs,
        loss=indent(computed, margin),
        begun="\nstep = 0" if takeover else "",
        counted=f"\n{margin}step += 1" if takeover else "",
        doubled="\n" + indent(_DOUBLED, margin) if doubles_head else "",
    )
    if batch_size is None:
        rows = "A batch holds all rows, so an epoch is one step, and its loss is what is printed."
    else:
        rows = (
            f"An epoch goes once through the training rows in a new random order, {batch_size} a "
            "batch, and prints the mean of its steps' losses, weighted by rows; each is that of "
            "before its update."
        )
    switched = _TAKEN_OVER.format(step=takeover.step) if takeover else ""
    return Part("Training loop", f"{_STEP} {rows}{switched}{_DIGITS}", code)


def _one_or_the_other(made: Criterion, takeover: Takeover, rows: str) -> str:
    """The first loss until the switch, then the second, with its own targets if it has such."""
    later = takeover.made
    own = f"targets = {LATER}{'y_train' if rows else 'targets'}{rows}\n"
    second = (own if later.encoding is not made.encoding else "") + later.computed
    return (
        f"if step < {takeover.step}:\n{indent(made.computed, '    ')}\n"
        f"else:\n{indent(second, '    ')}"
    )
