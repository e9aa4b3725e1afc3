"""An experiment as a whole PyTorch program: written, run in a process of its own, and compared.

Needs no torch, as the process that runs the program is another.
"""

from core.program.parts import Part, Program
from core.program.writing import of_experiment, written

__all__ = ["Part", "Program", "of_experiment", "written"]
