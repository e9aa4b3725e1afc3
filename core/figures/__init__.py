"""Plain data -> Plotly figures."""

from core.figures.drawing import Figure
from core.figures.ends import ends_figure
from core.figures.forest import forest_figure, forest_height
from core.figures.learned import (
    CLASS_LOOKS,
    FEW_ROWS,
    SHADES,
    confusion_figure,
    curve_figure,
    predicted_figure,
    reliability_figure,
    shaded,
    surface_figure,
    truth_figure,
)
from core.figures.pushes import push_figure
from core.figures.race import Ghost, lens_figure, range_figure, shared_figure, units_figure
from core.figures.risk import risk_figure
from core.figures.shape import QUANTITIES, shape_figure, simplex_figure
from core.figures.train import loss_figure

__all__ = [
    "CLASS_LOOKS",
    "FEW_ROWS",
    "QUANTITIES",
    "SHADES",
    "Figure",
    "Ghost",
    "confusion_figure",
    "curve_figure",
    "ends_figure",
    "forest_figure",
    "forest_height",
    "lens_figure",
    "loss_figure",
    "predicted_figure",
    "push_figure",
    "range_figure",
    "reliability_figure",
    "risk_figure",
    "shaded",
    "shape_figure",
    "shared_figure",
    "simplex_figure",
    "surface_figure",
    "truth_figure",
    "units_figure",
]
