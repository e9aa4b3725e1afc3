"""Exhibits: famous claims about losses, each put to the test by experiments that are really run.

``EXHIBITS`` lists them. Needs no torch; ``core.exhibits.running`` trains one in this process.
"""

from core.exhibits.entries import (
    ce_is_bce,
    class_weights,
    focal,
    label_smoothing,
    loss_rises,
    mae_price,
    many_classes,
    one_neuron,
    outliers,
    square_loss,
    squentropy,
    sure_and_wrong,
    trained_bugs,
    wrong_labels,
)
from core.exhibits.exhibit import Chart, Drawing, Exhibit, Part, Source

#: In the order of the gallery.
EXHIBITS: dict[str, Exhibit] = {
    each.key: each
    for each in (
        sure_and_wrong.EXHIBIT,
        one_neuron.EXHIBIT,
        square_loss.EXHIBIT,
        many_classes.EXHIBIT,
        squentropy.EXHIBIT,
        wrong_labels.EXHIBIT,
        mae_price.EXHIBIT,
        outliers.EXHIBIT,
        label_smoothing.EXHIBIT,
        focal.EXHIBIT,
        class_weights.EXHIBIT,
        ce_is_bce.EXHIBIT,
        loss_rises.EXHIBIT,
        trained_bugs.EXHIBIT,
    )
}

__all__ = ["EXHIBITS", "Chart", "Drawing", "Exhibit", "Part", "Source"]
