"""How well each run knows how sure it may be: rescaled probabilities, and its surest rows.

Runs of all groups whose outputs are read alike are judged together, as most of the time goes into
beginning an operation and not into its numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.judging import measures, selective, temperature
from core.losses import Link


@dataclass(frozen=True)
class Sureness:
    """Of K runs: ``risks`` ``[K, N]`` at every coverage, ``temperatures`` ``[K]``, and NLL and ECE
    ``[2, K]`` of the rows that judge these, ``before`` and ``after``.

    NaN where outputs are not finite, and but for the risks where they are no probabilities.
    """

    risks: Tensor
    temperatures: Tensor
    before: Tensor
    after: Tensor


def sureness(logits: Sequence[Tensor], links: Sequence[Link], y: Tensor) -> Sureness:
    """Of each group's logits ``[S, C, N]`` of the same rows; y ``[S, N]`` are their classes."""
    seeds, rows = y.shape
    risks = torch.full((len(logits), seeds, rows), torch.nan, dtype=torch.float64)
    scores = logits[0].new_full((5, len(logits), seeds), torch.nan)
    for link, places, z in _alike(logits, links):
        truth, are_broken = y.repeat(len(places), 1), measures.broken(z)
        wrong = measures.predicted_classes(z) != truth
        found = selective.risks(selective.confidence(z, link), wrong.cpu())
        found[are_broken.cpu()] = torch.nan
        risks[places] = found.view(-1, seeds, rows)
        if link.gives_probabilities:
            of_runs = temperature.rescaled(z, truth, link)
            table = torch.cat([of_runs.temperatures[None], of_runs.before, of_runs.after])
            scores[:, places] = table.masked_fill(are_broken, torch.nan).view(5, -1, seeds)
    temperatures, before, after = scores.flatten(1).split([1, 2, 2])
    return Sureness(risks.flatten(0, 1), temperatures[0], before, after)


def _alike(
    logits: Sequence[Tensor], links: Sequence[Link]
) -> Iterator[tuple[Link, list[int], Tensor]]:
    """Groups by their link: their places, and the logits of all their runs together."""
    read = [_read(z, link) for z, link in zip(logits, links, strict=True)]
    for link in dict.fromkeys(link for link, _z in read):
        places = [place for place, (of, _z) in enumerate(read) if of is link]
        yield link, places, torch.cat([read[place][1] for place in places])


def _read(z: Tensor, link: Link) -> tuple[Link, Tensor]:
    """One logit is as 0 and z are under softmax, whatever both are divided by."""
    if z.shape[-2] > 1:
        return link, z
    of_two = Link.SOFTMAX if link is Link.SIGMOID else link
    return of_two, torch.cat([torch.zeros_like(z), z], -2)
