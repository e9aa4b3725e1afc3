"""The forest plot as Plotly is given it."""

from __future__ import annotations

import base64

import numpy as np

from core.compare.forest import Row
from core.figures import forest_figure, forest_height
from core.figures.drawing import literal
from core.judging.yardsticks import yardsticks
from core.losses import Task

ACCURACY, NLL, *_ = yardsticks(Task.BINARY)
COLORS = {"CE": "#0072b2", "BCE": "#d55e00", "<b>mine</b> and a long name": "#009e73"}
ACROSS = Row("CE", "BCE", 0.5, -0.25, 1.25, True, False, "said")
LEFT = Row("CE", "<b>mine</b> and a long name", -2.0, -3.0, -1.0, True, False, "said <i>")
AA = Row("CE", "BCE", 0.1, 0.1, 0.1, False, True, "said")


def numbers(array):
    # What plotly.js reads; it has no whole numbers of eight bytes.
    assert array["dtype"] == "f8"
    return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"]).tolist()


def drawn(*rows, yardstick=ACCURACY):
    return forest_figure(rows, yardstick, COLORS, "id")


def lines(figure):
    return [
        (trace["line"]["color"], numbers(trace["x"]), numbers(trace["y"]))
        for trace in figure["data"]
        if trace["mode"] == "lines"
    ]


def markers(figure):
    return [
        (trace["marker"]["color"], numbers(trace["x"]), trace["marker"]["symbol"])
        for trace in figure["data"]
        if trace["mode"] == "markers"
    ]


def test_an_interval_has_the_colour_of_whom_each_part_favours():
    figure = drawn(ACROSS, LEFT)
    assert lines(figure) == [
        (COLORS["CE"], [-0.25, 0], [0, 0]),
        (COLORS["BCE"], [0, 1.25], [0, 0]),
        (COLORS["CE"], [-3, -1], [-1, -1]),
    ]
    assert markers(figure) == [
        (COLORS["BCE"], [0.5], "diamond"), (COLORS["CE"], [-2], "diamond")
    ]  # fmt: skip


def test_a_line_stands_at_0_and_labels_say_how_far_from_it():
    axis = drawn(ACROSS, LEFT)["layout"]["xaxis"]
    low, high = axis["range"]
    assert low == -high
    assert high > 3
    assert axis["tickvals"] == [-2, 0, 2]
    assert axis["ticktext"] == ["2", "0", "2"]
    assert axis["title"]["text"] == "accuracy higher by, points"
    (line,) = drawn(ACROSS)["layout"]["shapes"]
    assert line["x0"] == line["x1"] == 0
    assert drawn(ACROSS, yardstick=NLL)["layout"]["xaxis"]["title"]["text"] == "NLL lower by"


def test_whom_each_side_favours_is_written_as_text():
    first, second, _, long = drawn(ACROSS, LEFT)["layout"]["annotations"]
    assert (first["text"], first["x"], first["y"]) == ("◀ CE better", 0, 0.28)
    assert (second["text"], second["x"]) == ("BCE better ▶", 1)
    assert long["text"] == "&lt;b&gt;mine&lt;/b&gt; and a l… better ▶"
    mark = drawn(LEFT)["data"][-1]
    assert (mark["hovertemplate"], mark["text"]) == ("%{text}<extra></extra>", [literal(LEFT.said)])
    assert "<i>" not in mark["text"][0]


def test_an_a_a_check_favours_nobody_and_what_is_not_tested_is_hollow():
    figure = drawn(AA)
    assert [each["text"] for each in figure["layout"]["annotations"]] == ["◀ CE", "BCE ▶"]
    assert lines(figure) == []
    assert markers(figure) == [(COLORS["BCE"], [0.1], "diamond-open")]


def test_without_rows_it_is_an_empty_frame_of_one_row():
    assert drawn()["data"] == []
    assert forest_height(()) == forest_height((ACROSS,)) < forest_height((ACROSS, LEFT))
