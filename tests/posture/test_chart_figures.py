"""The larger charts: each with its finding, its words, its table, and a fixed drawing for paper."""

import itertools
import math
import re
import zlib
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from posture import charts
from posture.charts import paint

WEEKS = [f"W{week}" for week in range(35, 48)]
SCORES = [
    "91.0",
    "90.4",
    "91.6",
    "91.2",
    "90.8",
    "91.9",
    "91.1",
    "90.6",
    "91.4",
    "91.0",
    "91.7",
    "91.3",
    "87.9",
]
HISTORY = [(week, Decimal(score)) for week, score in zip(WEEKS, SCORES, strict=True)]
LIMITS = charts.Limits(Decimal("91.17"), Decimal("89.40"), Decimal("92.93"), (12,))
HOSTILE = '"><script>alert(1)</script>'
CURVE = [(2, 90), (3, 80), (5, 70), (8, 60), (13, 50)]
SVG = "{http://www.w3.org/2000/svg}"
CSS = Path(__file__).parents[2] / "static" / "css" / "app.css"


def parsed(markup):
    """The drawing as a tree; raises when it is not well-formed."""
    return ET.fromstring(str(markup))


def classed(tree, name):
    return [node for node in tree.iter() if name in node.get("class", "").split()]


def texts(tree):
    """What is drawn as text, tooltips too."""
    return [node.text for node in tree.iter() if node.tag.endswith("text")]


def rows(figure):
    return [[cell.text or "" for cell in row] for row in parsed(figure.table).iter("tr")]


def every(values, label="a", px=None):
    """Every chart drawn from the same values, None among them."""
    counts = [None if value is None else int(value) for value in values]
    named = [(f"{label}{index}", value) for index, value in enumerate(values)]
    first = counts[0] if counts else None
    known = sorted((v for v in values if v is not None), reverse=True)
    return [
        charts.waterfall(
            [(name, value, label) for name, value in named],
            before=values[0] if values else None,
            after=values[-1] if values else None,
            name=label,
            px=px,
        ),
        charts.control_chart(
            named, name=label, xmr=LIMITS if values else None, target=95, unit=label, px=px
        ),
        charts.survival(
            list(enumerate(known)), name=label, sla=7, quantiles=[(label, first)], px=px
        ),
        charts.ages(
            [(name, {"critical": n, "low": n}) for name, n in named_counts(named)],
            name=label,
            px=px,
        ),
        charts.flow([(name, n, n, n) for name, n in named_counts(named)], name=label, px=px),
        charts.cumulative([(name, n, n) for name, n in named_counts(named)], name=label, px=px),
        charts.grades([("A", first or 0), ("NR", 2)], name=label, px=px),
        charts.pareto([(name, value, label) for name, value in named], name=label, px=px),
        charts.cohort([(name, n, n, n) for name, n in named_counts(named)], name=label, px=px),
        charts.heat([(label, values)], [name for name, _ in named], name=label, px=px),
        charts.bars([(name, n, n) for name, n in named_counts(named)], name=label, px=px),
    ]


def named_counts(named):
    return [(name, None if value is None else int(value)) for name, value in named]


VALUES = st.lists(st.none() | st.integers(0, 100) | st.decimals(0, 100, places=1), max_size=15)


@given(VALUES)
@settings(max_examples=40, deadline=None)
def test_every_figure_is_well_formed_for_any_mix_of_values_and_gaps(values):
    for figure in [*every(values), *every(values, px=640)]:
        parsed(figure)
        assert " style=" not in str(figure)
        assert not re.search(r"\b(nan|inf|None)\b", figure.svg)


@pytest.mark.parametrize(
    "values", [[], [None], [None] * 4, [0], [0, 0, 0], [100, 100], [4_999_999, None, 1]]
)
def test_figures_of_hardly_anything_and_of_very_much_are_drawn(values):
    for figure in [*every(values), *every(values, px=640)]:
        parsed(figure)
        assert figure.title
        assert figure.summary


@pytest.mark.parametrize("px", [None, 640])
def test_hostile_labels_are_escaped_wherever_they_stand(px):
    for figure in every([1, 2, None], label=HOSTILE, px=px):
        assert "<script" not in str(figure)
        parsed(figure)


def test_a_figure_names_its_drawing_describes_it_and_brings_its_table():
    for figure in every([61, None, 63]):
        tree = parsed(figure)
        drawing = next(node for node in tree.iter() if node.get("role") == "img")
        assert drawing[0].text == figure.title
        assert drawing[1].text == figure.summary
        assert tree.findtext("figcaption/b") == figure.title
        assert tree.find("details") is not None


def test_a_title_of_ones_own_is_the_title_everywhere():
    figure = charts.flow([("W1", 1, 0, 2)], name="Flow", title="Backlog falls")
    assert parsed(figure.svg)[0].text == figure.title == "Backlog falls"


def test_on_paper_nothing_needs_a_stylesheet_or_the_page_around_it():
    for figure in every([61, None, 63, Decimal("70.5")], px=640):
        tree = ET.fromstring(str(figure.svg))
        assert tree.tag == f"{SVG}svg"
        assert (tree.get("width"), tree.get("viewBox").split()[2]) == ("640", "640")
        assert not [node for node in tree.iter() if node.get("class")]
        assert "%;" not in figure.svg
        assert "var(" not in figure.svg
        used = set(re.findall(r"url\(#([\w-]+)\)", figure.svg))
        assert used <= {node.get("id") for node in tree.iter(f"{SVG}pattern")}
        for node in tree.iter():
            if node.tag in (f"{SVG}rect", f"{SVG}circle"):
                assert node.get("fill"), ET.tostring(node)
            if node.tag in (f"{SVG}rect", f"{SVG}line"):
                assert "%" not in f"{node.get('x')}{node.get('x1')}{node.get('width')}"


def test_on_paper_everything_stands_within_the_sheet():
    for figure in every([61, None, 63], px=640):
        tree = ET.fromstring(str(figure.svg))
        room = float(tree.find(f"{SVG}g").get("transform")[len("translate(") :].split()[0])
        for node in tree.iter(f"{SVG}rect"):
            if node.get("x") and node.get("width"):
                assert 0 <= room + float(node.get("x")) <= 640.1
                assert room + float(node.get("x")) + float(node.get("width")) <= 640.6


def test_typst_draws_every_figure_with_its_colours(tmp_path):
    figures = every([61, None, 63, Decimal("70.5")], px=640)
    for index, figure in enumerate(figures):
        (tmp_path / f"{index}.svg").write_text(str(figure.svg), encoding="utf-8")
    images = "".join(f'#image("{index}.svg", alt: "x")' for index in range(len(figures)))
    page = tmp_path / "page.typ"
    page.write_text(f"#set page(height: auto)\n{images}", encoding="utf-8")
    drawn = _colours(typst.compile(str(page), format="pdf"))
    for token in ("accent", "crit", "ok", "ink-3", "low"):
        assert paint.TOKENS[token] in drawn, token


def _colours(pdf):
    """The colours that things are filled with in a PDF, as hex."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    inflated = (zlib.decompressobj().decompress(stream) for stream in streams if stream[:1] == b"x")
    found = re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) scn", b"".join(inflated))
    return {"#" + "".join(f"{round(255 * float(part)):02x}" for part in one) for one in found}


def test_the_colours_on_paper_are_those_of_the_light_theme():
    css = CSS.read_text()
    for name, colour in paint.TOKENS.items():
        light = re.search(rf"--{name}: light-dark\(oklch\(([\d. ]+)\)", css)
        assert light, name
        lightness, chroma, hue = map(float, (light[1] + " 0 0").split()[:3])
        assert _hex(_lab(lightness, chroma, hue)) == colour, name
    for step, colour in enumerate(paint.HEAT, start=1):
        assert _hex(_heat_step(css, step)) == colour, step


def _heat_step(css, step):
    """The mix of a colour with the white surface that app.css asks for."""
    rule = re.search(
        rf"\.h{step} {{ --hc: color-mix\(in oklab, (.*?) ([\d.]+)%, var\(--surface\)\)", css
    )
    source = rule[1]
    if source == "var(--ok)":
        source = re.search(r"--ok: (light-dark\(.*?\));", css)[1]
    numbers = re.search(r"oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)", source)
    share = float(rule[2]) / 100
    colour = _lab(*(float(numbers[index]) for index in (1, 2, 3)))
    return tuple(a * share + b * (1 - share) for a, b in zip(colour, (1, 0, 0), strict=True))


def _lab(lightness, chroma, hue):
    angle = math.radians(hue)
    return lightness, chroma * math.cos(angle), chroma * math.sin(angle)


def _hex(lab):
    """OKLab to sRGB as CSS Color 4 defines it."""
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _gamma(part)):02x}" for part in linear)


def _gamma(part):
    part = min(max(part, 0.0), 1.0)
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055


def test_a_class_without_a_colour_on_paper_is_an_error_not_a_black_shape():
    with pytest.raises(KeyError):
        paint.attributes("f-unheard-of")


class TestWaterfall:
    PARTS = [
        ("Exits", Decimal("0.3"), "2 accounts left"),
        ("Posture", Decimal("2.1"), ""),
        ("Entries", Decimal("-0.8"), "control enabled SSM.7"),
        ("Exceptions", Decimal("-0.1"), ""),
    ]

    def drawn(self, **changes):
        values = {"before": Decimal("70.9"), "after": Decimal("72.4")} | changes
        return charts.waterfall(self.PARTS, **values)

    def test_says_what_the_score_did_and_prints_signs_and_causes(self):
        figure = self.drawn()
        assert figure.title == "Score rose 1.5 points to 72.4"
        told = texts(parsed(figure.svg))
        for text in ("70.9", "+0.3", "+2.1", "\N{MINUS SIGN}0.8", "2 accounts left"):
            assert text in told
        assert "entries \N{MINUS SIGN}0.8 (control enabled SSM.7)" in figure.summary

    def test_each_part_begins_where_the_one_before_ended(self):
        tree = parsed(self.drawn().svg)
        up, down = classed(tree, "f-up"), classed(tree, "f-down")
        first, second = (float(bar.get("y")) for bar in up)
        assert second + float(up[1].get("height")) == pytest.approx(first, abs=0.2)
        assert float(down[0].get("y")) == pytest.approx(second, abs=0.2)

    def test_an_axis_that_begins_above_zero_says_so(self):
        assert "axis begins at 70" in self.drawn().svg
        low = charts.waterfall([("Posture", 30, "")], before=0, after=30)
        assert "axis begins" not in low.svg

    def test_a_part_without_data_is_hatched_and_said(self):
        figure = charts.waterfall([("Exits", None, ""), ("Posture", 1, "")], before=70, after=71)
        assert len(classed(parsed(figure.svg), "none")) == 1
        assert ["Exits", "no data", ""] in rows(figure)

    def test_without_an_earlier_score_nothing_is_compared(self):
        assert self.drawn(before=None).title == ("Score 72.4, with nothing to compare it with yet")
        assert self.drawn(before=None, after=None).title == "Score: no data"
        assert self.drawn(after=Decimal("70.9")).title == "Score unchanged at 70.9"


class TestControlChart:
    def drawn(self, weeks=HISTORY, **changes):
        values = {"name": "SLA attainment", "xmr": LIMITS, "target": 95, "unit": "%"} | changes
        return charts.control_chart(weeks, **values)

    def test_a_value_beyond_its_limits_is_the_finding(self):
        assert self.drawn().title == (
            "SLA attainment: 87.9% in W47, outside its usual range of 89.4% to 92.9%"
        )
        assert self.drawn(HISTORY[:-1]).title.endswith("within its usual range of 89.4% to 92.9%")

    def test_a_run_within_the_limits_is_a_signal_too(self):
        limits = charts.Limits(Decimal(91), Decimal(80), Decimal(99), (11, 12))
        assert "the weeks before lean one way" in self.drawn(xmr=limits).title
        assert "Signals: W46 to W47." in self.drawn(xmr=limits).summary
        scattered = charts.Limits(Decimal(91), Decimal(80), Decimal(99), (2, 3, 4, 12))
        assert "Signals: W37 to W39, W47." in self.drawn(xmr=scattered).summary

    def test_a_share_is_never_said_to_be_usually_below_nothing_or_above_all(self):
        limits = charts.Limits(Decimal(50), Decimal("-14.4"), Decimal("114.4"))
        figure = self.drawn(xmr=limits)
        assert figure.title.endswith("within its usual range of 0.0% to 100.0%")
        assert {"lower 0.0%", "upper 100.0%"} <= set(texts(parsed(figure.svg)))
        count = self.drawn(xmr=limits, unit="").title
        assert count.endswith("of \N{MINUS SIGN}14.4 to 114.4")

    def test_signals_are_ringed_and_the_target_is_marks_not_a_line(self):
        tree = parsed(self.drawn().svg)
        assert len(classed(tree, "sg")) == 1
        assert len(classed(tree, "mk")) == len(HISTORY)
        assert not classed(tree, "goal")

    def test_limits_are_named_at_the_side(self):
        told = texts(parsed(self.drawn().svg))
        assert {"upper 92.9%", "mean 91.2%", "lower 89.4%", "target 95%"} <= set(told)

    def test_labels_at_the_side_never_touch(self):
        close = charts.Limits(Decimal("91.0"), Decimal("90.9"), Decimal("91.1"))
        tree = parsed(self.drawn(xmr=close, target=91).svg)
        places = sorted(float(node.get("y")) for node in tree.iter("text") if node.get("dx") == "9")
        assert len(places) == 4
        assert min(b - a for a, b in itertools.pairwise(places)) >= 12

    def test_any_object_with_limits_will_do(self):
        xmr = SimpleNamespace(mean=91, low=89, high=93, signals=(), moving_range=1)
        assert self.drawn(xmr=xmr).title.endswith("outside its usual range of 89% to 93%")

    def test_a_gap_breaks_the_line_and_is_never_a_signal(self):
        weeks = [("W1", 60), ("W2", 61), ("W3", None), ("W4", 62), ("W5", 63)]
        figure = self.drawn(weeks, xmr=charts.Limits(60, 55, 65, (2,)))
        tree = parsed(figure.svg)
        assert len(classed(tree, "ln")) == 2
        assert not classed(tree, "sg")
        assert "1 without data" in figure.summary
        assert ["W3", "no data", "", "\N{EN DASH}", ""] in rows(figure)

    def test_without_limits_it_says_why(self):
        assert self.drawn(xmr=None).summary.endswith("Too few weeks for limits.")

    def test_limits_beyond_what_a_percentage_can_be_do_not_stretch_the_axis(self):
        wide = charts.Limits(Decimal(99), Decimal(96), Decimal("102.0"))
        tree = parsed(self.drawn([("W1", 99), ("W2", 100)], xmr=wide, target=None).svg)
        assert "100%" in texts(tree)
        assert "110%" not in texts(tree)

    def test_points_of_a_table_carry_their_notes(self):
        figure = self.drawn([("W1", 99, "target raised"), ("W2", 98)], xmr=None)
        assert rows(figure)[-1] == ["W1", "99%", "", "\N{EN DASH}", "target raised"]


class TestSurvival:
    def drawn(self, **changes):
        values = {"name": "Critical", "sla": 7, "quantiles": [("median", 13), ("p90", None)]}
        return charts.survival(CURVE, **(values | changes))

    def test_tells_what_is_still_open_when_due(self):
        figure = self.drawn()
        assert figure.title.startswith("Critical: 70.0% still open 7 days after opening")
        assert figure.summary.startswith(
            "Median 13 days; p90 not reached; 70.0% still open on day 7."
        )

    def test_the_curve_is_made_of_steps(self):
        path = classed(parsed(self.drawn().svg), "ln")[0].get("d")
        points = [tuple(map(float, pair.split(","))) for pair in path[1:].split("L")]
        assert all(a[0] == b[0] or a[1] == b[1] for a, b in itertools.pairwise(points))

    def test_says_nothing_of_days_that_nobody_was_watched(self):
        figure = self.drawn(sla=30)
        assert "not known yet" in figure.summary
        assert "30 days" not in figure.title
        assert self.drawn(sla=30, followed=40).title.startswith(
            "Critical: 50.0% still open 30 days"
        )

    def test_nothing_closed_yet_is_all_open_and_no_episode_is_no_data(self):
        assert charts.survival([], name="Critical", sla=7, followed=9).title.startswith(
            "Critical: 100.0% still open 7 days"
        )
        assert charts.survival([], name="Critical", sla=7).title == "Critical: no data"


class TestAges:
    BANDS = [
        ("up to 7 days", {"critical": 12, "high": 55}),
        ("over 180 days", {"critical": 1, "high": None}),
        ("8 to 30 days", {"critical": None, "high": None}),
    ]

    def test_names_the_band_with_most(self):
        figure = charts.ages(self.BANDS, name="Backlog")
        assert figure.title == "Backlog: 68 open, most of them up to 7 days old (67)"

    def test_a_column_of_which_a_part_is_unknown_is_at_least_its_sum(self):
        told = texts(parsed(charts.ages(self.BANDS, name="Backlog").svg))
        assert "\N{GREATER-THAN OR EQUAL TO} 1" in told
        assert "no data" in told

    def test_segments_carry_letter_and_count(self):
        assert "C 12" in texts(parsed(charts.ages(self.BANDS, name="Backlog").svg))

    def test_the_most_severe_stands_on_the_ground(self):
        tree = parsed(charts.ages(self.BANDS[:1], name="Backlog").svg)
        critical, high = classed(tree, "f-critical")[0], classed(tree, "f-high")[0]
        assert float(critical.get("y")) > float(high.get("y"))


class TestFlow:
    def test_net_counts_reopened_ones_and_leaves_entries_out(self):
        week = charts.Week("W47", 10, 2, 7, 30)
        assert week.net == 5
        figure = charts.flow([week], name="Findings")
        assert figure.title == "Findings: 5 more opened than closed in W47"
        assert rows(figure)[1] == ["W47", "10", "2", "7", "+5", "30"]

    def test_closed_ones_hang_below_zero(self):
        tree = parsed(charts.flow([("W1", 10, 0, 4)], name="Findings").svg)
        up, down = classed(tree, "f-opened")[0], classed(tree, "f-closed")[0]
        zero = float(classed(tree, "zero")[0].get("y1"))
        assert float(up.get("y")) < zero
        assert float(down.get("y")) == pytest.approx(zero, abs=0.1)

    def test_a_week_without_data_breaks_the_net_line(self):
        weeks = [("W1", 1, 0, 2), ("W2", None, None, None), ("W3", 3, 0, 1)]
        figure = charts.flow(weeks, name="Findings")
        assert len(classed(parsed(figure.svg), "net")) == 2
        assert "1 of 3 weeks without data" in figure.summary


class TestCumulativeFlow:
    WEEKS = [("W44", 3, 20), ("W45", 4, 22), ("W46", None, 21), ("W47", 5, 14)]

    def test_what_was_closed_adds_up_and_the_pile_stands_on_it(self):
        figure = charts.cumulative(self.WEEKS, name="Flow")
        assert rows(figure)[1:] == [
            ["W47", "5", "12", "14"],
            ["W46", "no data", "no data", "21"],
            ["W45", "4", "7", "22"],
            ["W44", "3", "3", "20"],
        ]
        assert figure.title == "Flow: the pile shrank from 20 to 14 since W44"
        assert {"open 14", "closed 12"} <= set(texts(parsed(figure.svg)))

    def test_a_week_without_data_is_a_gap_in_both_bands_and_is_said(self):
        figure = charts.cumulative(self.WEEKS, name="Flow")
        tree = parsed(figure.svg)
        assert [len(classed(tree, css)) for css in ("f-closed", "f-pile", "none")] == [2, 2, 1]
        assert "1 of 4 weeks without data, what was closed in them is in no sum" in figure.summary

    def test_the_upper_band_is_as_high_as_the_pile(self):
        tree = parsed(charts.cumulative([("W1", 10, 30), ("W2", 10, 20)], name="Flow", px=640).svg)
        points = classed(tree, "f-pile") or [
            node for node in tree.iter() if node.get("fill-opacity") == "0.22"
        ]
        heights = [float(point.split(",")[1]) for point in points[0].get("d")[1:-1].split("L")]
        (first, second), (below_second, below_first) = heights[:2], heights[2:]
        assert (below_first - first) / (below_second - second) == pytest.approx(1.5, abs=0.02)

    def test_one_week_alone_and_a_pile_that_stays(self):
        assert charts.cumulative([("W1", 0, 7)], name="Flow").title == "Flow: 7 open in W1"
        same = charts.cumulative([("W1", 2, 7), ("W2", 2, 7)], name="Flow")
        assert same.title == "Flow: the pile is as large as in W1 (7)"


class TestGrades:
    COUNTS = {"A": 120, "B": 180, "C": 60, "D": 30, "F": 4, "NR": 18}

    def test_letters_stand_in_their_segments_or_below(self):
        told = texts(parsed(charts.grades(self.COUNTS, px=640).svg))
        assert told == ["A 120", "B 180", "C 60", "D 30", "and F 4, NR 18"]

    def test_the_segments_fill_the_bar(self):
        tree = parsed(charts.grades(self.COUNTS).svg)
        bars = [node for node in tree.iter("rect") if "g-" in node.get("class", "")]
        assert sum(float(bar.get("width")[:-1]) + 0.2 for bar in bars) == pytest.approx(
            100, abs=0.1
        )

    def test_the_finding_is_how_many_are_good(self):
        assert charts.grades(self.COUNTS).title == "300 of 412 accounts have grade A or B"
        assert charts.grades({}).title == "Accounts by grade: no data"


class TestPareto:
    def test_is_sorted_with_running_shares_of_the_whole(self):
        figure = charts.pareto(
            [("S3.8", Decimal(20), ""), ("EC2.8", Decimal(30), ""), ("SSM.1", None, "")],
            name="Lost weight",
            total=100,
        )
        assert rows(figure)[1:] == [
            ["EC2.8", "30.0", "30.0%", ""],
            ["S3.8", "20.0", "50.0%", ""],
            ["SSM.1", "no data", "no data", ""],
        ]
        assert len(classed(parsed(figure.svg), "none")) == 1

    def test_long_names_end_in_an_ellipsis_and_are_whole_in_the_tooltip(self):
        name = "Config.1 AWS Config should be enabled and use the service-linked role"
        figure = charts.pareto([(name, 1, "12 accounts")], name="Lost weight")
        assert f"{name}: 12 accounts" in figure.svg
        assert name not in texts(parsed(figure.svg))


class TestCohort:
    def test_what_is_still_open_counts_as_missed(self):
        figure = charts.cohort([("W47", 6, 1, 2)], name="SLA attainment")
        assert figure.title == "SLA attainment: 66.7% in time of those due in W47"
        assert rows(figure)[1] == ["W47", "6", "1", "2", "66.7%"]

    def test_nothing_due_is_neither_good_nor_missing(self):
        figure = charts.cohort([("W46", None, None, None), ("W47", 0, 0, 0)], name="SLA")
        assert figure.title == "SLA: nothing was due"
        assert [row[-1] for row in rows(figure)[1:]] == ["none due", "no data"]


class TestHeat:
    def test_numbers_are_printed_rounded_down_and_gaps_are_hatched(self):
        figure = charts.heat(
            [("Sandbox", [Decimal("99.9"), None])], ["Config", "Macie"], name="Coverage"
        )
        tree = parsed(figure.svg)
        assert "99%" in texts(tree)
        assert len(classed(tree, "h0")) == 1
        assert figure.title == "Coverage: lowest is Config in Sandbox, 99%"
        assert "1 without data" in figure.summary

    def test_a_grid_wider_than_a_phone_scrolls_and_takes_the_focus(self):
        figure = charts.heat([("Sandbox", [1])], ["Config"], name="Coverage")
        region = parsed(figure.plot)
        assert (region.get("tabindex"), region.get("role")) == ("0", "region")


def test_a_sparkline_rings_its_signals():
    tree = parsed(charts.spark([1, 2, None, 4], signals=(1, 2)))
    assert len(classed(tree, "sg")) == 1


class TestBars:
    def test_what_is_past_its_time_is_part_of_the_bar_and_of_the_words(self):
        figure = charts.bars([("3 days", 4, 1), ("14 days", 8, 0)], name="Vulnerabilities")
        tree = parsed(figure.svg)
        assert figure.title == "Vulnerabilities: 1 of 12 overdue"
        assert figure.summary == "3 days: 4, 1 overdue; 14 days: 8, 0 overdue."
        assert [node.get("width") for node in classed(tree, "f-bar")] == ["50.00%", "100.00%"]
        assert [node.get("width") for node in classed(tree, "f-open")] == ["12.50%"]
        assert rows(figure)[1:] == [["3 days", "4", "1"], ["14 days", "8", "0"]]

    def test_rows_without_a_time_have_no_such_part_and_a_gap_is_hatched(self):
        figure = charts.bars(
            [("up to 30 days", 6, None), ("older", None, None)], name="Ages", past=""
        )
        tree = parsed(figure.svg)
        assert figure.title == "Ages: 6" and rows(figure)[0] == ["Row", "All"]
        assert len(classed(tree, "none")) == 1 and not classed(tree, "f-open")
        assert charts.bars([], name="Ages").title == "Ages: no data"


@pytest.mark.parametrize(("tone", "colour"), [("ok", "#008e95"), ("warn", "#e76220"), ("bad", "#ab0034"), ("", "#636772")])  # fmt: skip
def test_a_sparkline_on_paper_has_the_colour_that_it_has_on_the_page(tone, colour):
    drawing = parsed(charts.spark([1, 2, None, 4, 5], tone=tone, is_static=True))
    lines = [node.get("stroke") for node in drawing.iter() if node.get("stroke-width") == "1.5"]
    assert lines == [colour, colour]


def test_a_small_bar_on_paper_has_its_width_and_its_tick():
    drawing = parsed(charts.minibar(50, mark=75, label="half", px=120))
    assert [node.get("width") for node in drawing] == ["120", "60.0", "2"]
    assert "class=" not in charts.minibar(None, px=120) and "p-unk" in charts.minibar(None, px=120)


def test_a_sparkline_on_paper_has_its_colours():
    drawing = charts.spark([1, 2, None, 4], goal=3, signals=(1,), is_static=True)
    assert "class=" not in drawing
    assert 'stroke="#636772"' in drawing
    parsed(drawing)
