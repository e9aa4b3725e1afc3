"""NLL: the negative log-likelihood of log-probabilities, CrossEntropy's second half."""

from __future__ import annotations

from collections.abc import Mapping

from core.losses import constants, words
from core.losses.card import Card
from core.losses.cross_entropy import backward, forward
from core.losses.entry import Formula, Head, Link, LossSpec, for_classes
from core.losses.program import Program, one_logit_a_class
from core.losses.task import Task


def formulas() -> Mapping[Task, Formula]:
    """Behind a log-softmax it is CrossEntropy, forward and backward."""
    formula = r"-\ell_t,\quad \ell = \log \mathrm{softmax}(z)"
    return for_classes(Formula(Link.SOFTMAX, formula, forward, backward, constants.log_frequencies))


def card() -> Card:
    return Card(
        summary="It picks the log-probability of the true class and turns its sign: the second "
        "half of cross-entropy, for networks that end in a log-softmax.",
        example_formula=(("C classes, with true class t", r"L = -\log \hat{y}_t"),),
        batch_formula=r"J = -\frac{1}{N} \sum_{n=1}^{N} \log \hat{y}_{n,t_n}",
        symbols=(
            words.PROBABILITY,
            words.TRUE_CLASS,
            words.ONE_HOT_TARGET,
            words.LOGITS,
            words.N,
        ),
        takes="Log-probabilities, float, shape [N, C]: as a rule the output of log-softmax. The "
        "formulas are written with the probabilities themselves.",
        target=words.CLASS_IDS,
        reduction=words.OVER_EXAMPLES,
        unit="nats",
        proper_scoring_rule="Yes, strictly, for log-probabilities of any origin whose exponentials "
        "add up to 1. Numbers that do not add up are no score: making them all larger lowers it.",
        noise_model="The categorical distribution, as for cross-entropy.",
        use_when="The network has to hand out log-probabilities anyway, for instance to print "
        "them, or makes probabilities in another way than a softmax.",
        avoid_when="The input is logits or plain probabilities: the class cannot tell, and the "
        "number it returns means nothing. CrossEntropyLoss does both steps safely.",
        gradient_formula=(
            (
                "In each logit, through the log-softmax",
                rf"{words.BY_LOGIT} \hat{{y}}_i - y_i",
            ),
        ),
        gradient="Behind a log-softmax it trains exactly as cross-entropy does. In the "
        "log-probabilities themselves it is -1 for the true class and 0 for the others.",
        source="PyTorch documentation of torch.nn.NLLLoss; "
        "Bishop, Pattern Recognition and Machine Learning, Springer, 2006, section 4.3.4.",
    )


PROGRAM = Program(
    one_logit_a_class("""\
log_probabilities = logits.log_softmax(dim=1)
loss_fn = nn.NLLLoss()
loss = loss_fn(log_probabilities, targets)""")
)

LOSS = LossSpec(
    key="nll",
    title="NLL",
    torch_class="NLLLoss",
    head=Head.PER_CLASS,
    encoding="class ids, held one-hot",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#224BFF",
    dash="dashdot",
    make_card=card,
    program=PROGRAM,
)
