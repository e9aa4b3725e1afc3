"""What a person can learn of each loss: its step, its shape, its code, and what goes wrong.

Reading this needs no torch. ``running.run`` runs the code, where torch is at hand.
"""

from core.anatomy.mistakes import MISTAKES, Mistake
from core.anatomy.running import run
from core.anatomy.snippets import PATTERN, Snippet, snippet

__all__ = ["MISTAKES", "PATTERN", "Mistake", "Snippet", "run", "snippet"]
