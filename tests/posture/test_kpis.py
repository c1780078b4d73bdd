"""The cards of the KPIs, what numbers they show, and how they stand."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.checks import run_checks
from django.urls import reverse

from findings.models import Area
from posture import kpis
from posture.kpis import BadKpis, Status, document, entries
from posture.kpis.registry import PATH
from posture.rollups.kpis import making

REGISTRY = kpis.load("")


def card(kpi="K10", **changes):
    """A card of the file with changes, read as the file is."""
    content = yaml.safe_load(PATH.read_text())["kpis"][kpi] | changes
    return entries.Entry("kpis.yaml", kpi, content).kpi(None, target_version=1, is_headline=False)


class TestRegistry:
    def test_all_thirty_in_order(self):
        assert list(REGISTRY) == [f"K{number}" for number in range(1, 31)]
        assert [one.number for one in REGISTRY.values()] == list(range(1, 31))

    def test_ten_headlines(self):
        assert [one.id for one in REGISTRY.values() if one.is_headline] == list(kpis.HEADLINES)
        assert len(kpis.HEADLINES) == 10

    def test_slugs_and_names_tell_them_apart(self):
        for field in ("slug", "name", "question"):
            assert len({getattr(one, field) for one in REGISTRY.values()}) == 30

    def test_areas_are_those_of_the_findings(self):
        assert set(entries.AREAS) == {"", *Area.values}

    def test_nothing_is_agreed_on_as_shipped(self):
        agreed = {(one.agreed_by, one.agreed_on, one.next_review) for one in REGISTRY.values()}
        assert agreed == {(None, None, None)}

    def test_counter_metrics_exist(self):
        for one in REGISTRY.values():
            for other in one.pair:
                assert one.id in REGISTRY[other].pair

    def test_pages_exist(self):
        for one in REGISTRY.values():
            assert all(reverse(page) for page in one.pages), one.id

    @pytest.mark.parametrize("kpi", REGISTRY)
    def test_each_is_filled_from_a_file_that_is_there(self, kpi):
        path, text = kpis.source_of(REGISTRY[kpi])
        assert Path(path).suffix in (".sql", ".py")
        assert text.strip()
        kind, _, name = REGISTRY[kpi].fill.partition(":")
        assert kind == "sql" or making._function(name)

    def test_no_file_of_sql_is_without_a_kpi(self):
        named = {one.fill.removeprefix("sql:") for one in REGISTRY.values()}
        assert {path.name for path in (PATH.parent / "sql").glob("*.sql")} <= named

    def test_a_part_is_found_by_its_id(self):
        assert REGISTRY["K2"].part("") is REGISTRY["K2"]
        assert REGISTRY["K2"].part("high").target == 90
        with pytest.raises(KeyError, match="K2 has no part 'low'"):
            REGISTRY["K2"].part("low")

    def test_a_target_in_words(self):
        assert REGISTRY["K10"].target_text == "100%"
        assert REGISTRY["K15"].target_text == "at most 0, watch up to 5"
        assert REGISTRY["K19"].target_text == "falling, by the control chart"
        said = "at least 90, watch from 80; and no gate that caps the letter below B"
        assert REGISTRY["K1"].target_text == said


class TestMistakes:
    """Each is named with file, entry and remedy."""

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"unit": "FURLONGS"}, r"kpis\.yaml, K10: unit is 'FURLONGS'\. It should be one of"),
            ({"colour": "red"}, r"K10: 'colour' is not known\. Known are"),
            ({"name": " "}, r"K10: name is ' '\. It should be a text"),
            ({"target": "lots"}, r"K10: target is 'lots'\. It should be a number, or null"),
            ({"target": float("nan")}, "K10: target is nan"),
            ({"target": True}, "K10: target is True"),
            ({"amber": 101}, r"amber is 101, the target 100\. Amber should be below it"),
            ({"target": None, "amber": 5}, r"amber has no target\. Add a target"),
            ({"agreed_on": "soon"}, r"agreed_on is 'soon'\. It should be a date such as"),
            ({"agreed_by": 7}, r"agreed_by is 7\. It should be a name, or null"),
            ({"formula_version": 0}, "formula_version is 0. It should be a whole number"),
            ({"sources": "AWS"}, r"sources is 'AWS'\. It should be a list of texts"),
            ({"weighted": "yes"}, r"weighted is 'yes'\. It should be true or false"),
            ({"fill": "magic:k10"}, "fill is 'magic:k10'. It should be sql:<file>"),
            ({"parts": ["mfa"]}, "parts has no entries"),
            ({"parts": {"mfa": {"name": "MFA"}}}, r"K10, part mfa: lacks better, unit\. Add it"),
            ({"parts": {"m" * 25: {"name": "M", "unit": "COUNT", "better": "lower"}}}, "too long"),
        ],
    )
    def test_in_a_card(self, changes, message):
        with pytest.raises(BadKpis, match=message):
            card(**changes)

    def test_something_is_missing(self):
        content = yaml.safe_load(PATH.read_text())["kpis"]["K10"]
        del content["owner"]
        with pytest.raises(BadKpis, match=r"kpis\.yaml, K10: lacks owner\. Add it"):
            entries.Entry("kpis.yaml", "K10", content).kpi(
                None, target_version=1, is_headline=False
            )


class TestAgreements:
    """What the file of POSTURE_KPI_FILE changes."""

    @pytest.fixture
    def write(self, tmp_path, settings):
        def write(text):
            path = tmp_path / "agreed.yaml"
            path.write_text(text)
            settings.POSTURE_KPI_FILE = str(path)
            kpis.load.cache_clear()
            return kpis.registry()

        return write

    def test_it_overrides_what_was_agreed_on_and_nothing_else(self, write):
        agreed = write(
            """
            target_version: 4
            kpis:
              K10: {target: 99.5, amber: 98, owner: Ada Jones, agreed_by: Board,
                    agreed_on: 2026-10-01, next_review: 2027-04-01}
              K2: {parts: {high: {target: 80, amber: null}}}
            """
        )
        root = agreed["K10"]
        assert (root.target, root.amber) == (Decimal("99.5"), 98)
        assert root.target_text == "at least 99.5%, watch from 98%"
        assert (root.owner, root.agreed_by) == ("Ada Jones", "Board")
        assert (root.agreed_on, root.next_review) == (date(2026, 10, 1), date(2027, 4, 1))
        assert root.formula == REGISTRY["K10"].formula
        assert (agreed["K2"].part("high").target, agreed["K2"].part("high").amber) == (80, None)
        assert agreed["K2"].part("critical") == REGISTRY["K2"].part("critical")
        assert {one.target_version for one in agreed.values()} == {4}
        assert REGISTRY["K10"].target_version == 1

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("kpis: {}", "should have target_version and kpis"),
            ("target_version: 2\nkpis: []", "kpis has no entries"),
            ("target_version: two\nkpis: {}", "target_version is 'two'"),
            ("target_version: 2\nkpis: {K31: {target: 1}}", "K31: there is no such KPI. Known are"),
            ("target_version: 2\nkpis: {K10: {formula: x}}", "K10: 'formula' is not known"),
            ("target_version: 2\nkpis: {K10: {target: x}}", "agreed.yaml, K10: target is 'x'"),
            ("target_version: 2\nkpis: {K10: {amber: 100}}", "Amber should be below it"),
            (
                "target_version: 2\nkpis: {K2: {parts: {low: {target: 1}}}}",
                "there is no part 'low'",
            ),
            ("target_version: 2\nkpis: {K2: {parts: {high: {unit: X}}}}", "'unit' is not known"),
            ("target_version: 2\nkpis: {K2: {parts: [high]}}", "K2: parts has no entries"),
            ("target_version: 2\nkpis: {K2: null}", "K2: is empty"),
            ("target_version: [", "line 1: is not YAML"),
        ],
    )
    def test_mistakes_name_the_file(self, write, text, message):
        with pytest.raises(BadKpis, match=message) as error:
            write(text)
        assert "agreed.yaml" in str(error.value)

    def test_a_wrong_file_stops_the_start(self, settings, tmp_path):
        settings.POSTURE_KPI_FILE = str(tmp_path / "none.yaml")
        found = [
            problem for problem in run_checks(tags=["security"]) if problem.id == "posture.E005"
        ]
        assert len(found) == 1
        assert "Set POSTURE_KPI_FILE to a readable file, or unset it" in found[0].msg


def shown(kpi, n, d, covered=1, expected=1):
    amounts = {"numerator": n, "denominator": d, "covered": covered, "expected": expected}
    value = kpis.value(kpi, **{name: Decimal(amount) for name, amount in amounts.items()})
    return None if value is None else str(value)


class TestValues:
    @pytest.mark.parametrize(
        ("kpi", "numerator", "denominator", "expected"),
        [
            ("K7", 8, 11, "72.7"),  # V16: one of eleven is excepted, and counts against it
            ("K22", 37, 40, "92.5"),  # V17
            ("K1", 1995, 2000, "99.8"),
            ("K1", 19999, 20000, "99.9"),  # never 100 while something fails
            ("K10", 20, 20, "100.0"),
            ("K9", 0, 5000, "0.0"),
            ("K9", 1, 5000, "0.1"),  # never 0 while something is there
            ("K2", 1, 80, "1.3"),  # half up
            ("K13", 7, 50, "14.0"),
            ("K15", 3, 12, "3"),
            ("K28", -4, 1, "-4"),
        ],
    )
    def test_the_number_that_is_shown(self, kpi, numerator, denominator, expected):
        assert shown(REGISTRY[kpi], numerator, denominator) == expected

    def test_days_are_divided(self):
        assert shown(card(unit="DAYS", parts={}), 25, 10) == "2.5"

    @pytest.mark.parametrize("kpi", ["K10", "K15", "K13", "K1"])
    def test_without_anything_to_make_it_from_there_is_no_data(self, kpi):
        assert shown(REGISTRY[kpi], 0, 40, covered=0, expected=40) is None
        assert shown(REGISTRY[kpi], 0, 0, covered=0, expected=0) is None

    def test_a_share_of_nothing_has_no_value(self):
        assert shown(REGISTRY["K11"], 0, 0) is None


def stands(kpi, value, denominator=100):
    value = None if value is None else Decimal(value)
    return kpis.status(kpi, value, denominator=Decimal(denominator))


class TestStatus:
    @pytest.mark.parametrize(
        ("kpi", "value", "expected"),
        [
            ("K22", "99.0", Status.ON_TARGET),
            ("K22", "98.9", Status.WATCH),
            ("K22", "97.0", Status.WATCH),
            ("K22", "96.9", Status.OFF_TARGET),
            ("K15", "0", Status.ON_TARGET),
            ("K15", "5", Status.WATCH),
            ("K15", "6", Status.OFF_TARGET),
            ("K10", "99.9", Status.OFF_TARGET),  # without an amber
            ("K28", "-3", Status.ON_TARGET),
            ("K19", "3.0", Status.NO_TARGET),
            ("K22", None, Status.NO_DATA),
            ("K19", None, Status.NO_DATA),
        ],
    )
    def test_against_the_target_alone(self, kpi, value, expected):
        assert stands(REGISTRY[kpi], value) is expected

    def test_a_percentage_of_few_things_has_no_status(self):
        assert stands(REGISTRY["K22"], "10.0", denominator=19) is Status.TOO_FEW
        assert stands(REGISTRY["K22"], "10.0", denominator=20) is Status.OFF_TARGET

    def test_weight_and_counts_are_never_too_few(self):
        assert stands(REGISTRY["K16"], "99.0", denominator=2) is Status.ON_TARGET
        assert stands(REGISTRY["K15"], "9", denominator=2) is Status.OFF_TARGET

    def test_the_worst_is_the_word_for_all(self):
        assert kpis.worst([Status.ON_TARGET, Status.OFF_TARGET, Status.NO_DATA]) == "OFF_TARGET"
        assert kpis.worst([Status.NO_DATA, Status.ON_TARGET]) is Status.ON_TARGET
        assert kpis.worst([]) is Status.NO_DATA


def test_the_documentation_is_in_step():
    written = Path(settings.BASE_DIR, "docs", "kpis.md").read_text(encoding="utf-8")
    assert written == document.render(REGISTRY), "run `manage.py kpi_docs`"
