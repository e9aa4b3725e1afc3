"""Plain data -> Plotly figures."""

from core.figures.drawing import Figure
from core.figures.learned import (
    confusion_figure,
    predicted_figure,
    reliability_figure,
    surface_figure,
)
from core.figures.race import lens_figure, range_figure, shared_figure, units_figure
from core.figures.shape import QUANTITIES, shape_figure, simplex_figure
from core.figures.train import loss_figure, rivals_figure

__all__ = [
    "QUANTITIES",
    "Figure",
    "confusion_figure",
    "lens_figure",
    "loss_figure",
    "predicted_figure",
    "range_figure",
    "reliability_figure",
    "rivals_figure",
    "shape_figure",
    "shared_figure",
    "simplex_figure",
    "surface_figure",
    "units_figure",
]
