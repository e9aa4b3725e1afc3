"""How wrong a run is about the rows that it is surest of: the risk-coverage curve.

Geifman and El-Yaniv 2017, "Selective classification for deep neural networks". Rows are ranked by
how sure a run is of its predicted class; its risk at a coverage of k rows is the share of
mistakes among the k surest, and the area under the curve (AURC) is the mean over all k.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from core.judging import measures
from core.losses import Link
from core.records.snapshot import RISK_SHARES


def confidence(z: Tensor, link: Link) -> Tensor:
    """By what rows are ranked, float64 on the CPU: logits ``[S, C, N]`` to ``[S, N]``.

    Probabilities: the log-odds of the largest, which still differ where it rounds to 1. Scores
    that are no probabilities: by how much the largest is above the next. Two logits or more: one
    alone is to be given as two of softmax, 0 and z.
    """
    # Differences of logits are those of softmax's logarithms, too.
    values = logsigmoid(z.cpu().double()) if link is Link.SIGMOID else z.cpu().double()
    top = values.max(-2, keepdim=True)
    others = values.scatter(-2, top.indices, -math.inf)
    rest = others.logsumexp(-2) if link.gives_probabilities else others.amax(-2)
    return measures.without_last_bits(top.values.squeeze(-2) - rest)


def risks(sure: Tensor, wrong: Tensor) -> Tensor:
    """Share of mistakes among the 1, 2, ..., N surest rows: ``[K, N]``, float64.

    ``sure`` and ``wrong`` are ``[K, N]``. Of rows that are equally sure each counts as their mean,
    as it does over all orders that they may come in.
    """
    ordered, places = measures.in_order(-sure)
    first, last = measures.ties(ordered)
    mistakes = wrong.double().gather(-1, places)
    total = mistakes.cumsum(-1)
    among = total.gather(-1, last) - total.gather(-1, first) + mistakes.gather(-1, first)
    rows = torch.arange(1, sure.shape[-1] + 1, device=sure.device)
    return (among / (last - first + 1)).cumsum(-1) / rows


def curve(table: Tensor) -> Tensor:
    """Of ``risks`` those at 1, 2, ..., ``RISK_SHARES`` of as many equal shares of the rows.

    ``[K, RISK_SHARES]``; a share is of the fewest rows that are not less.
    """
    rows = table.shape[-1]
    counts = [math.ceil(share * rows / RISK_SHARES) for share in range(1, RISK_SHARES + 1)]
    return table[:, [count - 1 for count in counts]]
