"""What a person can learn of each loss: its card, its code, and what goes wrong with it.

Reading this needs no torch. ``running.run`` runs the code, where torch is at hand.
"""

from core.anatomy.mistakes import MISTAKES, Mistake
from core.anatomy.running import run
from core.anatomy.snippets import PATTERN, Snippet, snippet
from core.losses import LOSSES, Card

#: Each loss's card by the loss's key.
CARDS: dict[str, Card] = {loss.key: loss.card for loss in LOSSES.values()}

__all__ = ["CARDS", "MISTAKES", "PATTERN", "Card", "Mistake", "Snippet", "run", "snippet"]
