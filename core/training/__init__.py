"""Training: every run of an experiment as one stack, step by step.

``train(spec)`` is what the app, the benchmarks and the tests call; there is no other way to
train. It knows nothing of pages, databases or processes.
"""

from core.training.loop import train

__all__ = ["train"]
