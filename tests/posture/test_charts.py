from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posture import charts

WEEKS = [f"W{week}" for week in range(35, 48)]
SCORES = [61.2, 61.9, 62.4, 63.8, 63.1, 64.9, 66.0, 67.2, 68.1, 68.0, 69.7, 70.9, 72.4]
POINTS = list(zip(WEEKS, SCORES, strict=True))
HOSTILE = '"><script>alert(1)</script>'


def parsed(svg):
    """The drawing as a tree; raises when it is not well-formed."""
    return ET.fromstring(str(svg))


def classed(tree, name):
    return [node for node in tree.iter() if name in node.get("class", "").split()]


def everything(values):
    """Every chart drawn from the same values."""
    points = [(f"W{index}", value) for index, value in enumerate(values)]
    counts = [None if value is None else int(value) for value in values]
    labels = [label for label, _ in points]
    return [
        charts.spark(values),
        charts.strip(points),
        charts.trend(points, name="Score"),
        charts.columns([("low", counts)], labels, name="Findings"),
        charts.chart_table(points, caption="Score"),
        charts.columns_table([("low", counts)], labels, caption="Findings"),
        *(charts.ring(value, "C") for value in values),
        *(charts.minibar(value) for value in values),
        *(charts.signed(value, limit=50) for value in values),
        charts.stack([("low", count or 0) for count in counts]),
    ]


@given(st.lists(st.none() | st.integers(0, 100) | st.decimals(0, 100, places=1), max_size=20))
def test_every_chart_is_well_formed_for_any_mix_of_values_and_gaps(values):
    for drawing in everything(values):
        parsed(drawing)
        assert " style=" not in drawing
        assert "nan" not in drawing.lower()


@pytest.mark.parametrize("values", [[], [None], [None, None, None], [72.4], [0, 0, 0], [100, 100]])
def test_charts_of_hardly_anything_are_drawn(values):
    for drawing in everything(values):
        parsed(drawing)


def test_labels_names_and_notes_are_escaped():
    drawings = [
        charts.trend([(HOSTILE, 1.0, HOSTILE), ("b", 2.0)], name=HOSTILE, unit=HOSTILE, target=3),
        charts.columns([(HOSTILE, [1])], [HOSTILE], name=HOSTILE),
        charts.chart_table([(HOSTILE, 1.0, HOSTILE)], caption=HOSTILE, head=HOSTILE, value=HOSTILE),
        charts.columns_table([(HOSTILE, [1])], [HOSTILE], caption=HOSTILE, head=HOSTILE),
        charts.strip([(HOSTILE, 5)], label=HOSTILE),
        charts.stack([(HOSTILE, 1)], label=HOSTILE),
        charts.spark([1, 2], tone=HOSTILE, label=HOSTILE),
        charts.ring(5, HOSTILE, sub=HOSTILE),
        charts.minibar(5, tone=HOSTILE, label=HOSTILE),
    ]
    for drawing in drawings:
        assert "<script" not in drawing
        parsed(drawing)


def test_a_gap_breaks_the_line_of_a_trend_instead_of_touching_zero():
    tree = parsed(
        charts.trend([("a", 60), ("b", 61), ("c", None), ("d", 62), ("e", 63)], name="Score")
    )
    lines = classed(tree, "ln")
    assert len(lines) == 2
    assert [line.get("d").count("M") for line in lines] == [1, 1]


def test_a_gap_says_no_data_in_its_tooltip():
    tree = parsed(charts.trend([("a", 60), ("b", None), ("c", 62)], name="Score"))
    assert [text.text for text in classed(tree, "t2")] == ["60", "no data", "62"]


def test_a_point_between_two_gaps_is_still_visible():
    tree = parsed(charts.trend([("a", None), ("b", 61), ("c", None)], name="Score"))
    assert classed(tree, "ln") == []
    assert classed(tree, "dot")


def test_a_trend_tells_its_first_and_last_known_value_and_the_gaps():
    points = [("W1", None), ("W2", 61.2), ("W3", None), ("W4", Decimal("72.4"))]
    tree = parsed(charts.trend(points, name="Posture score", unit="%"))
    assert tree.get("role") == "img"
    assert tree[0].tag == "title"
    assert tree[0].text == "Posture score: 72.4% in W4, from 61.2% in W2; 2 of 4 without data"


def test_a_trend_without_any_value_says_so():
    assert "<title>Score: no data</title>" in charts.trend([("W1", None)], name="Score")


def test_the_axis_of_a_percentage_does_not_pass_one_hundred():
    tree = parsed(charts.trend([("a", 99.5), ("b", 100)], name="Coverage", unit="%"))
    ticks = [text.text for text in classed(tree, "e") if text.get("x") == "-10"]
    assert ticks[-1] == "100%"


def test_the_target_is_always_inside_the_axis():
    tree = parsed(charts.trend(POINTS, name="Score", target=95))
    line = classed(tree, "goal")[0]
    assert 0 <= float(line.get("y1")) <= 212


def test_a_trend_labels_the_newest_point():
    tree = parsed(charts.trend(POINTS, name="Score"))
    assert next(text.text for text in classed(tree, "ax") if text.get("y") == "207") == "W47"


def test_numbered_flags_stand_at_notes_only():
    points = [("a", 1.0, "first"), ("b", None, "not drawn"), ("c", 3.0, "second"), ("d", 4.0, "")]
    tree = parsed(charts.trend([charts.Point(*point) for point in points], name="Score"))
    assert [flag.findtext("text") for flag in classed(tree, "flag")] == ["1", "2"]


def test_the_table_has_every_point_of_the_trend_newest_first():
    tree = parsed(charts.chart_table([("W1", 60), ("W2", None), ("W3", 62.5)], caption="Score"))
    rows = [[cell.text for cell in row] for row in tree.iter("tr")]
    assert rows == [
        ["Week", "Value", "Change"],
        ["W3", "62.5", None],
        ["W2", "no data", None],
        ["W1", "60", None],
    ]


def test_the_table_of_columns_has_one_column_per_series():
    tree = parsed(
        charts.columns_table(
            [("low", [1, 2]), ("critical", [None, 1])], ["W1", "W2"], caption="Findings"
        )
    )
    rows = [[cell.text for cell in row] for row in tree.iter("tr")]
    assert rows == [["Week", "Critical", "Low"], ["W2", "1", "2"], ["W1", "no data", "1"]]


def test_columns_of_a_missing_week_are_empty_and_say_so():
    tree = parsed(charts.columns([("low", [None, 4])], ["W1", "W2"], name="Findings"))
    first, second = classed(tree, "hit")
    assert classed(first, "f-low") == []
    assert first[-1].findtext("title") == "W1: no data"
    assert classed(second, "f-low")


def test_a_ring_has_a_tick_at_each_grade_cut_of_the_score():
    tree = parsed(charts.ring(Decimal("72.4"), "C"))
    offsets = [float(tick.get("stroke-dashoffset")) for tick in classed(tree, "tick")]
    assert [round(0.27 - offset) for offset in offsets] == [50, 70, 85, 95]


def test_a_ring_takes_its_colour_from_the_letter_not_from_the_score():
    tree = parsed(charts.ring(Decimal("97.2"), "C"))
    assert "g-c" in tree.get("class")
    assert tree.get("aria-label") == "Score 97.2 of 100, grade C"


@pytest.mark.parametrize("letter", [None, "", "NR"])
def test_a_ring_without_a_letter_is_grey_and_says_not_rated(letter):
    tree = parsed(charts.ring(Decimal("98.3"), letter))
    assert "g-n" in tree.get("class")
    assert tree.get("aria-label") == "Score 98.3 of 100, not rated"


def test_a_ring_without_a_score_has_no_arc():
    tree = parsed(charts.ring(None, None))
    assert classed(tree, "val") == []
    assert tree.get("aria-label") == "No score, not rated"


def test_a_missing_share_is_a_hatched_bar_with_words():
    tree = parsed(charts.minibar(None))
    assert "none" in tree.get("class")
    assert tree.get("aria-label") == "no data"
    assert len(tree) == 1


def test_a_stack_fills_the_bar_and_keeps_the_smallest_count_visible():
    tree = parsed(charts.stack([("critical", 1), ("high", 0), ("low", 99_999)]))
    widths = [float(part.get("width").rstrip("%")) for part in tree if part.get("class") != "gap"]
    assert len(widths) == 2
    assert sum(widths) == pytest.approx(100, abs=0.1)
    assert widths[0] > 1


def test_a_stack_says_its_counts():
    tree = parsed(charts.stack([("critical", 2), ("low", 4935)]))
    assert tree.get("aria-label") == "2 critical, 4,935 low"


def test_a_sparkline_without_a_label_is_decoration():
    assert parsed(charts.spark([1, 2])).get("aria-hidden") == "true"
    assert parsed(charts.spark([1, 2], label="rises")).get("role") == "img"


def test_a_sparkline_marks_its_end_only_when_the_end_is_known():
    assert classed(parsed(charts.spark([1, 2, None])), "lone") == []
    assert parsed(charts.spark([1, 2, None])).find("circle") is None
    assert parsed(charts.spark([1, 2])).find("circle") is not None


@pytest.mark.parametrize(
    ("score", "step"),
    [
        (None, 0),
        (0, 1),
        (49.9, 2),
        (50, 3),
        (69.9, 4),
        (70, 5),
        (84.9, 6),
        (85, 7),
        (94.9, 8),
        (95, 9),
    ],
)
def test_heat_steps_change_at_the_grade_cuts(score, step):
    assert charts.heat_step(score) == step


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "no data"),
        (1234, "1,234"),
        (72.449, "72.4"),
        (Decimal("0.25"), "0.3"),
        (Decimal("95.0"), "95.0"),
    ],
)
def test_values_have_at_most_one_decimal_rounded_half_up(value, text):
    assert charts.value_text(value) == text
