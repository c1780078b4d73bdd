"""Due dates: kpis 3.9, and all rows of BOD 26-04 (V14)."""

from datetime import UTC, datetime, timedelta

import pytest

from findings import clocks
from findings.clocks import BadClocks, KnownFacts, Weakness
from posture import system_checks

RULES = clocks.load()
TEXT = clocks.PATH.read_text(encoding="utf-8")
AT = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def clock(severity="HIGH", *, is_public=None, weaknesses=()):
    found = RULES.clock_of(severity=severity, is_public=is_public, weaknesses=weaknesses)
    return found.days, found.rule


@pytest.mark.parametrize(
    ("severity", "is_public", "days", "rule"),
    [
        ("CRITICAL", None, 7, "severity:CRITICAL"),
        ("HIGH", False, 30, "severity:HIGH"),
        ("MEDIUM", None, 90, "severity:MEDIUM"),
        ("LOW", None, 180, "severity:LOW"),
        ("INFORMATIONAL", True, None, ""),
        ("CRITICAL", True, 3, "public:CRITICAL"),
        ("HIGH", True, 14, "public:HIGH"),
        ("MEDIUM", True, 90, "severity:MEDIUM"),
    ],
)
def test_a_misconfiguration_has_the_days_of_its_severity_and_less_in_public(
    severity, is_public, days, rule
):
    assert clock(severity, is_public=is_public) == (days, rule)


# V14: exploited, exposed, automatable, total impact.
V14 = {
    "0000": (None, "bod:next-upgrade"),
    "0001": (None, "bod:next-upgrade"),
    "0010": (60, "bod:60"),
    "0011": (60, "bod:60"),
    "0100": (60, "bod:60"),
    "0101": (14, "bod:14"),
    "0110": (14, "bod:14"),
    "0111": (3, "bod:3"),
    "1000": (14, "bod:14"),
    "1001": (14, "bod:14"),
    "1010": (14, "bod:14"),
    "1011": (3, "bod:3-triage"),
    "1100": (14, "bod:14"),
    "1101": (3, "bod:3-triage"),
    "1110": (3, "bod:3"),
    "1111": (3, "bod:3-triage"),
}


@pytest.mark.parametrize("bits", V14)
def test_a_vulnerability_has_the_days_of_its_tier_whatever_its_severity(bits):
    exploited, exposed, automatable, total = (bit == "1" for bit in bits)
    one = Weakness(has_fix=True, known=KnownFacts(exploited, automatable, total))
    for severity in ("LOW", "CRITICAL"):
        assert clock(severity, is_public=exposed, weaknesses=[one]) == V14[bits]


def test_where_cisa_says_nothing_it_is_not_automatable_and_of_total_impact():
    unknown = Weakness()
    assert clock(is_public=True, weaknesses=[unknown]) == (14, "bod:14")
    assert clock(is_public=None, weaknesses=[unknown]) == (None, "bod:next-upgrade")


def test_the_strictest_of_several_vulnerabilities_counts():
    named = [Weakness(), Weakness(known=KnownFacts(is_exploited=True))]
    assert clock(weaknesses=named) == (14, "bod:14")


def test_without_a_fix_the_clock_has_not_started():
    exploited = KnownFacts(is_exploited=True)
    assert clock(weaknesses=[Weakness(False, exploited)]) == (None, "no-fix")
    assert clock(weaknesses=[Weakness(False, exploited), Weakness(True)])[1] == "bod:next-upgrade"


def test_a_due_date_counts_from_the_opening_or_from_the_fix():
    found = RULES.clock_of(severity="HIGH", is_public=None)
    assert clocks.due_at(found, opened_at=AT, fix_seen_at=None) == AT + 30 * DAY
    assert clocks.due_at(found, opened_at=AT, fix_seen_at=AT - DAY) == AT + 30 * DAY
    assert clocks.due_at(found, opened_at=AT, fix_seen_at=AT + 5 * DAY) == AT + 35 * DAY


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("version: 1", "version: soon", "line 3", "version is 'soon'"),
        ("  HIGH: 30", "  HIGH: 0", "line 9", "whole number from 1 to 3650"),
        ("  HIGH: 30", "  HIHG: 30", "line 9", "'HIHG' is not known in severity. Known are CRIT"),
        ("  HIGH: 30", "  CRITICAL: 30", "line 9", "'CRITICAL' stands twice"),
        ("  HIGH: 30", "\tHIGH: 30", "line 9", "is not YAML"),
        ('"0010": 60', '"0010": never', "line 26", "'never' is no tier. Write days from 1"),
        ('    "1111": 3 triage\n', "", "line 24", "tiers lacks 1111"),
        ("exposed: false", "exposed: perhaps", "line 43", "exposed is 'perhaps'"),
        ("severity:", "severty:", "line 7", "'severty' is not known in The file"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_the_line_and_the_remedy(old, new, line, words):
    assert old in TEXT
    with pytest.raises(BadClocks) as caught:
        clocks.parse(TEXT.replace(old, new, 1), name="own.yaml")
    assert str(caught.value).startswith(f"own.yaml, {line}: ")
    assert words in str(caught.value)


def test_an_empty_file_is_refused():
    with pytest.raises(BadClocks, match=r"own.yaml, line 1: The file has no entries"):
        clocks.parse("", name="own.yaml")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadClocks, match="Set POSTURE_CLOCKS_FILE to a readable file"):
        clocks.load(str(tmp_path / "none.yaml"))


def test_own_rules_are_read_from_their_file(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(TEXT.replace("version: 1", "version: 7").replace("HIGH: 30", "HIGH: 20"))
    assert clocks.load(str(path)).clock_of(severity="HIGH", is_public=None) == clocks.Clock(
        20, "severity:HIGH", 7
    )


def test_wrong_rules_stop_the_start_with_the_remedy(settings, tmp_path):
    assert system_checks.due_dates() == []
    settings.POSTURE_CLOCKS_FILE = str(tmp_path / "none.yaml")
    (error,) = system_checks.due_dates()
    assert (error.id, "none.yaml: cannot be read" in error.msg) == ("posture.E004", True)
