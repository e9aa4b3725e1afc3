"""Colours: that losses, text and buttons can be read and told apart, by every eye."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.figures.learned import CLASS_LOOKS
from core.losses import LOSSES, RIVALS, LossSpec
from core.records.snapshot import MOST_SURFACE_CLASSES
from core.spec import MAX_ENTRANTS, EntrantSpec, ExperimentSpec
from core.spec.entrants import PALETTE

#: Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def linear(color: str) -> NDArray[np.float64]:
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio."""
    dark, light = sorted(float(linear(color) @ TO_XYZ[1]) for color in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def theme(mode: str) -> dict[str, str]:
    config = Path(__file__).parents[2] / ".streamlit" / "config.toml"
    colors: dict[str, str] = tomllib.loads(config.read_text())["theme"][mode]
    return colors


def test_contrast_of_black_and_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21, rel=1e-3)
    np.testing.assert_allclose(lab(linear("#ffffff")), [100, 0, 0], atol=0.01)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_losses_and_places_stand_out_from_the_page(mode: str) -> None:
    for color in [*(loss.color for loss in LOSSES.values()), *(color for color, _ in PALETTE)]:
        for background in (theme(mode)["backgroundColor"], "#ffffff", "#0e1117"):
            assert contrast(color, background) >= 3, (color, background)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_and_buttons_of_the_theme_are_readable(mode: str) -> None:
    colors = theme(mode)
    for background in (colors["backgroundColor"], colors["secondaryBackgroundColor"]):
        assert contrast(colors["textColor"], background) >= 7
        assert contrast(colors["linkColor"], background) >= 4.5
    assert contrast("#ffffff", colors["primaryColor"]) >= 4.5


def fit_one_task(one: LossSpec, other: LossSpec) -> bool:
    """Whether both can stand in one chart."""
    return bool(set(one.formulas) & set(other.formulas))


PAIRS = list(itertools.combinations(LOSSES.values(), 2))


def distance(one: str, other: str, vision: str) -> float:
    """How far two colours are from each other to an eye, in CIELAB."""
    return float(
        np.linalg.norm(lab(VISION[vision] @ linear(one)) - lab(VISION[vision] @ linear(other)))
    )


@pytest.mark.parametrize("vision", VISION)
def test_losses_stay_apart_for_every_eye(vision: str) -> None:
    for one, other in PAIRS:
        if fit_one_task(one, other) or one.dash == other.dash:
            assert distance(one.color, other.color, vision) >= 15, (one.key, other.key)


def test_a_color_stands_twice_only_with_another_dash_and_in_another_task() -> None:
    shared = [(one, other) for one, other in PAIRS if one.color == other.color]
    for one, other in shared:
        assert one.dash != other.dash, (one.key, other.key)
        assert not fit_one_task(one, other), (one.key, other.key)
    assert len({loss.color for loss in LOSSES.values()}) == len(LOSSES) - len(shared)


def test_the_rivals_have_colors_and_dashes_of_their_own() -> None:
    for attribute in ("color", "dash"):
        assert len({getattr(LOSSES[key], attribute) for key in RIVALS}) == len(RIVALS)
    others = {loss.color for loss in LOSSES.values() if loss.key not in RIVALS}
    assert not others & {LOSSES[key].color for key in RIVALS}


# ------------------------------------------------------------------ classes


def test_there_is_a_look_for_every_class_of_a_surface() -> None:
    assert len(CLASS_LOOKS) == MOST_SURFACE_CLASSES
    assert len({symbol for _color, symbol in CLASS_LOOKS}) == len(CLASS_LOOKS)


@pytest.mark.parametrize("vision", VISION)
def test_classes_stay_apart_for_every_eye(vision: str) -> None:
    for (color, _), (other, _) in itertools.combinations(CLASS_LOOKS, 2):
        assert distance(color, other, vision) >= 15, (color, other)


# ------------------------------------------------------------------ entrants by place


def test_there_is_a_look_for_every_place_and_no_two_are_alike() -> None:
    assert len(PALETTE) == MAX_ENTRANTS == 10
    assert len({color for color, _dash in PALETTE}) == len(PALETTE)
    assert {dash for _color, dash in PALETTE} == {loss.dash for loss in LOSSES.values()}


@pytest.mark.parametrize("vision", VISION)
def test_places_stay_apart_for_every_eye_and_close_ones_by_their_dashes(vision: str) -> None:
    for (color, dash), (other_color, other_dash) in itertools.combinations(PALETTE, 2):
        lowest = 20 if dash == other_dash else 15
        assert distance(color, other_color, vision) >= lowest, (color, other_color)


@pytest.mark.parametrize("count", range(2, MAX_ENTRANTS))
def test_where_a_loss_repeats_all_entrants_have_the_looks_of_their_places(count: int) -> None:
    repeated = (EntrantSpec(loss="mse"),) * count
    lineup = ExperimentSpec(entrants=(EntrantSpec(loss="hinge"), *repeated)).lineup
    assert [(entrant.color, entrant.dash) for entrant in lineup] == list(PALETTE[: count + 1])


def test_entrants_of_different_losses_look_like_their_losses() -> None:
    entrants = tuple(EntrantSpec(loss=key) for key in (*RIVALS, "hinge"))
    lineup = ExperimentSpec(entrants=entrants).lineup
    for entrant, spec in zip(lineup, entrants, strict=True):
        loss = LOSSES[spec.loss]
        assert (entrant.color, entrant.dash) == (loss.color, loss.dash)
