"""The KPIs of flow, each in a world small enough to count by hand. Days are before the day's end."""

from datetime import timedelta
from decimal import Decimal

import pytest

from findings.models import (
    Episode,
    Finding,
    FindingVulnerability,
    KnownVulnerability,
    WorkflowChange,
)
from inventory.models import Account, Placement
from posture.kpis import Status
from posture.models import Attestation, CellDay, KpiPoint, ReviewAction, WeeklyReview
from posture.queries.kpis import lines_of
from tests import factories
from tests.fixtures.episodes import (
    DAY,
    END,
    NIGHT,
    account,
    account_points,
    ago,
    episode,
    fact,
    fill,
    point,
    points,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return account(ou=factories.ou(name="Shop"))


@pytest.fixture
def high():
    return factories.control(severity="HIGH")


@pytest.fixture
def critical():
    return factories.control(severity="CRITICAL")


# One row: (opened, closed, due, more) and whether it counts in the week's numerator, denominator.
@pytest.mark.parametrize(
    ("opened", "closed", "due", "more", "counts"),
    [
        (30, 5, 3, {}, (1, 1)),
        (30, 3, 3, {}, (1, 1)),
        (30, 2, 3, {}, (0, 1)),
        (30, None, 3, {}, (0, 1)),
        (30, None, 0.01, {}, (0, 1)),
        # Due after the day, or before the week.
        (30, 5, -1, {}, (0, 0)),
        (30, 9, 8, {}, (0, 0)),
        # Excepted before the due date, and after it.
        (30, None, 3, {"excepted": 4}, (0, 0)),
        (30, None, 3, {"excepted": 2}, (0, 1)),
        # Nobody saw it fixed; a resource that is gone is fixed.
        (30, 5, 3, {"reason": "VANISHED"}, (0, 1)),
        (30, 5, 3, {"reason": "ARCHIVED"}, (1, 1)),
        # Closed in time and failing again before it was due: open, so missed.
        (30, None, 3, {"lapse": (8, 6)}, (0, 1)),
        # As of the end of the day it was closed, and came back on the next.
        (30, None, 3, {"lapse": (4, -0.01)}, (1, 1)),
        # Closed since the day was over.
        (30, -0.01, 3, {}, (0, 1)),
        (30, 5, None, {}, (0, 0)),
        (30, 5, 3, {"severity": "MEDIUM"}, (0, 0)),
    ],
)
def test_k2_counts_what_was_due_in_the_week(shop, high, opened, closed, due, more, counts):
    episode(account=shop, control=high, opened=opened, closed=closed, due=due, **more)

    fill("K2")

    assert points("K2")[""] == counts


def test_k2_reads_an_organisation_by_the_week_and_teams_by_four(shop, high, critical):
    other = account(ou=factories.ou(name="Bank"))
    episode(account=shop, control=critical, opened=20, closed=13.5, due=13)
    episode(account=shop, control=critical, opened=9, due=2)
    episode(account=shop, control=high, opened=35, closed=6, due=5)
    episode(account=other, control=high, opened=50, closed=19, due=20)

    fill("K2")

    assert points("K2") == {
        "": (1, 2),
        "critical": (0, 1),
        "high": (1, 1),
        "month": (2, 4),
        "month_critical": (1, 2),
        "month_high": (1, 2),
    }
    assert points("K2", ou=other.ou) == {"": (0, 0), "month": (0, 1), "month_high": (0, 1)}
    found = point("K2").details["severities"]
    assert found["CRITICAL"] == {
        "open": 1,
        "overdue": 1,
        "due_14": 0,
        "bands": [
            ["up to 7 days", 1],
            ["8 to 30 days", 0],
            ["31 to 90 days", 0],
            ["over 90 days", 0],
        ],
        "attainment": "0.0",
        "week": {"in_time": 0, "late": 0, "still_open": 1, "excepted": 0},
        "month": {"in_time": 1, "late": 0, "still_open": 1, "excepted": 0},
    }
    assert found["HIGH"]["month"] == {"in_time": 1, "late": 1, "still_open": 0, "excepted": 0}
    assert found["HIGH"]["attainment"] == "100.0"


def test_k2_a_control_in_its_first_days_has_no_due_dates(shop):
    new = factories.control(severity="HIGH", scored_from=DAY - timedelta(days=1))
    episode(account=shop, control=new, opened=20, due=3)
    episode(account=shop, control=new, opened=20, due=0.5)

    fill("K2")

    assert points("K2")[""] == (0, 1)
    # In the stock it stands all the same, as in the list of findings.
    assert point("K2").details["severities"]["HIGH"]["overdue"] == 2


def test_the_stock_is_told_by_how_long_it_is_past_due(shop, high):
    for due in (-20, -13.9, -1, 0.5, 6.9, 8, 40, 95):
        episode(account=shop, control=high, opened=100, due=due)
    episode(account=shop, control=high, opened=100, due=None)

    fill("K2")

    told = point("K2").details["severities"]["HIGH"]
    assert (told["open"], told["overdue"], told["due_14"]) == (9, 5, 2)
    assert [number for _, number in told["bands"]] == [2, 1, 1, 1]


def test_a_closed_day_never_changes(shop, high):
    told = episode(account=shop, control=high, opened=30, due=3)
    fill("K2")
    before = list(KpiPoint.objects.order_by("pk").values())
    Episode.objects.filter(pk=told.pk).update(closed_at=ago(4), close_reason="PASSED")
    Account.objects.filter(pk=shop.pk).update(ou=factories.ou(name="Elsewhere"))

    assert fill("K2", now=NIGHT + timedelta(days=3)) == 0

    assert list(KpiPoint.objects.order_by("pk").values()) == before


def test_a_moved_account_counts_where_it_was_on_the_day(shop, high):
    place = shop.ou
    episode(account=shop, control=high, opened=30, due=3)
    Placement.objects.filter(account=shop).update(until=DAY + timedelta(days=1))
    Account.objects.filter(pk=shop.pk).update(ou=factories.ou(name="Elsewhere"))

    fill("K2")

    assert points("K2", ou=place)[""] == (0, 1)
    assert point("K2", ou=place).details["severities"]["HIGH"]["overdue"] == 1


def test_an_account_of_which_nothing_is_known_is_not_covered(high):
    dark = account(coverage=0, watched_days=0)
    episode(account=dark, control=high, opened=30, due=3)

    fill("K2")

    assert (point("K2").covered, point("K2").expected) == (0, 1)


@pytest.mark.parametrize(
    ("rows", "counts"),
    [
        ([(50, 40)], (0, 1)),
        # Failed again, on another resource of the same account and control; that one is open.
        ([(50, 40), (30, None)], (1, 1)),
        # It failed before the close, not after it.
        ([(50, 40), (45, None)], (0, 1)),
        ([(50, 40), (30, 20), (10, None)], (2, 2)),
        # Closed longer ago than 90 days.
        ([(120, 95), (30, None)], (0, 0)),
        # A resource that is gone counts only where another one failed in its place.
        ([(50, 40, {"reason": "ARCHIVED"})], (0, 0)),
        ([(50, 40, {"reason": "ARCHIVED"}), (30, None)], (1, 1)),
        # Nobody saw it closed.
        ([(50, 40, {"reason": "VANISHED"}), (30, None)], (0, 0)),
        # Failing again within 14 days resumes the episode: a fix that did not hold.
        ([(50, None, {"lapse": (40, 30)})], (1, 1)),
        ([(50, 10, {"lapse": (40, 30)})], (1, 2)),
        ([(50, None, {"lapse": (4, -0.01)})], (0, 1)),
        ([(50, 40, {"severity": "LOW"})], (0, 0)),
        # Closed by an exception is not fixed.
        ([(50, 40, {"excepted": 41})], (0, 0)),
    ],
)
def test_k4_counts_what_failed_again(shop, high, rows, counts):
    for opened, closed, *more in rows:
        episode(
            account=shop, control=high, opened=opened, closed=closed, **(more[0] if more else {})
        )

    fill("K4")

    assert points("K4") == {"": counts}


def test_k4_another_account_or_control_is_another_mistake(shop, high, critical):
    episode(account=shop, control=high, opened=50, closed=40)
    episode(account=shop, control=critical, opened=30)
    episode(account=account(), control=high, opened=30)

    fill("K4")

    assert points("K4") == {"": (0, 1)}


def _review(**changes):
    values = {
        "organization": factories.organization(),
        "iso_year": 2026,
        "iso_week": 45,
        "starts_on": DAY - timedelta(days=18),
        "ends_on": DAY - timedelta(days=12),
        "snapshot": {},
        "snapshot_hash": "0" * 64,
        "proposed_answer": "SAME",
        "answer": "SAME",
    }
    return WeeklyReview.objects.create(**(values | changes))


@pytest.mark.parametrize(
    ("due", "closed", "outcome", "counts"),
    [
        (3, 5, "DONE", (1, 1)),
        (3, 3, "DONE", (1, 1)),
        (3, 2, "DONE", (0, 1)),
        (3, None, "", (0, 1)),
        # Due on the day itself: the day is over.
        (0, 0, "DONE", (1, 1)),
        (0, None, "", (0, 1)),
        (-1, None, "", (0, 0)),
        (28, 30, "DONE", (0, 0)),
        (3, 5, "DROPPED", (0, 0)),
        (3, 1, "DROPPED", (0, 1)),
        (3, -1, "DONE", (0, 1)),
    ],
)
def test_k6_counts_actions_by_their_first_date(shop, due, closed, outcome, counts):
    ReviewAction.objects.create(
        organization=factories.organization(),
        review=_review(),
        text="Close it",
        owner="Priya",
        first_due_on=DAY - timedelta(days=due),
        due_on=DAY + timedelta(days=9),
        closed_on=None if closed is None else DAY - timedelta(days=closed),
        outcome=outcome,
        created_by="marta",
    )

    # On the day itself, what is due on it has time until it ends.
    fill("K6", now=END - timedelta(minutes=1))
    assert points("K6")[""] == (counts if due else (0, 0))

    fill("K6")
    assert points("K6")[""] == counts


def test_k6_says_how_many_reviews_were_held_and_nothing_before_the_first(shop):
    fill("K6", now=factories.NOW)
    assert point("K6").covered == 0

    _review()
    _review(
        iso_week=44,
        starts_on=DAY - timedelta(days=25),
        ends_on=DAY - timedelta(days=19),
        state="PUBLISHED",
        published_at=ago(15),
    )
    fill("K6", now=factories.NOW)

    assert points("K6")["held"][0] == 1
    assert point("K6").covered == 1


def test_k19_is_a_rate_of_production_without_what_was_there_before(high, critical):
    shop, bank = account(), account()
    test = account(environment="development")
    new = account(watched_days=3)
    joined = account(joined_at=ago(16))
    episode(account=shop, control=high, opened=6)
    episode(account=shop, control=critical, opened=1, closed=0.5)
    episode(account=test, control=high, opened=2)
    # Too early, too mild, of a new control, of an account that is new to us or to the organisation,
    # of a product that has no passes.
    episode(account=bank, control=high, opened=8)
    episode(account=bank, control=high, opened=2, severity="MEDIUM")
    later = DAY + timedelta(days=20)
    episode(account=bank, control=factories.control(scored_from=later), opened=2)
    episode(account=new, control=high, opened=1)
    episode(account=joined, control=high, opened=6)
    episode(account=bank, control=factories.control(is_scored=False), opened=2)

    # Of this one most checks tell nothing: that few failures came is no news.
    mute = account(coverage=79)
    episode(account=mute, control=high, opened=2)

    fill("K19")

    # 2 in shop, bank and joined; two of five were not watched for the whole week.
    assert points("K19") == {"": (2, 3), "non_production": (1, 1)}
    assert (point("K19").covered, point("K19").expected) == (3, 5)


def test_k24_follows_the_loops_of_accounts_whose_fix_is_attested(shop):
    logs = factories.control(control_id="CloudTrail.1", severity="HIGH")
    ssh = factories.control(control_id="EC2.19", severity="MEDIUM")
    for control, passed in ((logs, 3), (ssh, 0)):
        counts = {"passed": passed, "failed": 0, "excepted": 0, "unknown": 1}
        CellDay.objects.create(account=shop, control=control, day=DAY, **counts)
    dark = account()
    # What was there when the control was new: nobody knows since when.
    later = factories.control(control_id="S3.1", scored_from=DAY - timedelta(days=1))
    episode(account=shop, control=later, opened=5)
    for owner in (shop, dark):
        episode(account=owner, control=logs, opened=5, closed=4.5)
        episode(account=owner, control=ssh, opened=5, closed=3)
        episode(account=owner, control=ssh, opened=2)
        # Younger than a day, older than four weeks, no loop.
        episode(account=owner, control=ssh, opened=0.5)
        episode(account=owner, control=ssh, opened=29, closed=28.9)
        episode(account=owner, control=factories.control(), opened=5, closed=4.5)
    Attestation.objects.create(
        organization=factories.organization(),
        account=shop,
        subject="LOOP_FIX",
        statement="Runbooks tested",
        owner="Priya",
        attested_on=DAY,
        expires_on=DAY + timedelta(days=90),
        recorded_by="priya",
    )

    fill("K24")

    assert points("K24") == {"": (1, 3), "ready": (1, 8)}
    assert (point("K24").covered, point("K24").expected) == (1, 2)
    # 12 h, 48 h, and one open for 48 h.
    assert point("K24").details == {"median_hours": 48, "p90_hours": None}


def _threat(shop, *, severity="CRITICAL", created=2, met=None, workflow="NEW", changed=()):
    control = Finding.objects.filter(control__control_id="GuardDuty.Finding").first()
    control = (
        control.control
        if control
        else factories.control(control_id="GuardDuty.Finding", is_scored=False)
    )
    own = episode(
        account=shop,
        control=control,
        opened=created if met is None else met,
        severity=severity,
        created_at=ago(created),
        workflow=workflow,
    )
    for minutes, before, after in changed:
        at = ago(created) + timedelta(minutes=minutes)
        WorkflowChange.objects.create(finding=own.finding, at=at, before=before, after=after)


@pytest.mark.parametrize(
    ("threat", "counts"),
    [
        ({"changed": [(15, "NEW", "NOTIFIED")]}, (1, 1)),
        ({"changed": [(16, "NEW", "NOTIFIED")]}, (0, 1)),
        ({"severity": "HIGH", "changed": [(239, "NEW", "RESOLVED")]}, (1, 1)),
        ({"severity": "MEDIUM", "changed": [(1, "NEW", "NOTIFIED")]}, (0, 0)),
        ({}, (0, 1)),
        # Not due for acknowledgement before the day ended; due before the last 28 days.
        ({"created": 0.005}, (0, 0)),
        ({"created": 28.5}, (0, 0)),
        ({"created": 28.005}, (0, 1)),
        # A rule suppressed it: left out, not praised.
        ({"changed": [(1, "NEW", "SUPPRESSED")]}, (0, 0)),
        # Met when somebody had already seen it: in time only if we met it in time.
        ({"workflow": "NOTIFIED"}, (1, 1)),
        ({"workflow": "NOTIFIED", "met": 1}, (0, 0)),
        # Seen after the day was over: on the day it was still NEW.
        ({"workflow": "NOTIFIED", "changed": [(3000, "NEW", "NOTIFIED")]}, (0, 1)),
        ({"workflow": "SUPPRESSED", "changed": [(3000, "NEW", "SUPPRESSED")]}, (0, 1)),
        (
            {
                "workflow": "RESOLVED",
                "changed": [(1, "NEW", "NOTIFIED"), (2, "NOTIFIED", "RESOLVED")],
            },
            (1, 1),
        ),
    ],
)
def test_k25_counts_threats_that_somebody_looked_at_in_time(shop, threat, counts):
    _threat(shop, **threat)

    fill("K25")

    assert points("K25")[""] == counts


def _weakness(shop, control, cve, *, rule, due, resource="i-1", **more):
    own = episode(
        account=shop,
        control=control,
        opened=60,
        due=due,
        sla_rule=rule,
        resource_id=resource,
        **more,
    )
    FindingVulnerability.objects.create(finding=own.finding, cve=cve)
    return own


@pytest.fixture
def catalogue():
    """CISA's catalogue of known exploited vulnerabilities has been imported."""
    KnownVulnerability.objects.create(cve="CVE-2021-44228", is_exploited=True, updated_at=NIGHT)


def test_k26_counts_pairs_of_cve_and_resource_past_their_tier(shop, catalogue):
    found = factories.control(control_id="Inspector.Vulnerability", is_scored=False)
    account()
    _weakness(shop, found, "CVE-2026-1", rule="bod:3-triage", due=2, severity="LOW")
    # The same pair told twice, and the CVE on another resource.
    _weakness(shop, found, "CVE-2026-1", rule="bod:3", due=1)
    _weakness(shop, found, "CVE-2026-1", rule="bod:3", due=-1, resource="i-2")
    _weakness(shop, found, "CVE-2026-2", rule="bod:14", due=1)
    _weakness(shop, found, "CVE-2026-3", rule="bod:14", due=-1)
    _weakness(shop, found, "CVE-2026-4", rule="bod:60", due=9)
    _weakness(shop, found, "CVE-2026-5", rule="bod:next-upgrade", due=None)
    _weakness(shop, found, "CVE-2026-6", rule="no-fix", due=None)
    _weakness(shop, found, "CVE-2026-7", rule="bod:3", due=2, closed=1)
    _weakness(shop, found, "CVE-2026-8", rule="bod:3", due=2, is_excepted=True)
    # Closed since the day was over: its tier is still known.
    _weakness(shop, found, "CVE-2026-9", rule="bod:14", due=3, closed=-0.01)

    fill("K26")

    assert points("K26") == {"": (3, 0), "three_days": (1, 0), "fourteen_days": (2, 3)}
    assert (point("K26").covered, point("K26").expected) == (1, 2)
    assert point("K26").details == {
        "tiers": [["3 days", 2, 1], ["14 days", 3, 2], ["60 days", 1, 1]]
    }


def test_k26_without_a_catalogue_nothing_overdue_says_nothing(shop):
    fact(shop, "inspector.ec2")

    fill("K26")

    assert (point("K26").covered, point("K26").expected) == (0, 1)


def test_k26_nothing_overdue_where_nobody_scans_is_no_data(shop, catalogue):
    bank = account()
    fact(bank, "inspector.ec2")
    fact(shop, "inspector.ec2", value=False)

    fill("K26")

    assert (point("K26").covered, point("K26").expected) == (1, 2)
    # Of an account with nothing found and nothing missing there is no row.
    assert account_points("K26") == {shop.pk: (0, 0)}


def test_k27_share_open_at_the_due_day_and_curve_of_vector_v10(shop, high):
    # V10: closed after 2, 3, 5, 8 and 13 days, open for 20, 30, 45, 60 and 90.
    for opened, lasted in ((100, 2), (90, 3), (80, 5), (70, 8), (60, 13)):
        episode(account=shop, control=high, opened=opened, closed=opened - lasted, due=opened - 7)
    for opened in (20, 30, 45, 60, 90):
        episode(account=shop, control=high, opened=opened, due=opened - 7)

    fill("K27")

    assert points("K27") == {"": (7, 10), "high": (7, 10)}
    told = point("K27").details
    assert told["high"] == told["high"] | {
        "median": 13,
        "p75": None,
        "p90": None,
        "closed": 5,
        "open": 5,
        "excepted": 0,
        "entered": 0,
        "followed": 90,
        "due_day": 30,
        "open_share": "50.0",
        "steps": [[2, "90.0"], [3, "80.0"], [5, "70.0"], [8, "60.0"], [13, "50.0"]],
    }
    assert told["critical"]["open_share"] is None


@pytest.mark.parametrize(
    ("opened", "closed", "due", "more", "counts", "kind"),
    [
        (50, 45, 43, {}, (0, 1), "closed"),
        (50, 45, 43, {"reason": "ARCHIVED"}, (0, 1), "closed"),
        (50, 45, 43, {"reason": "VANISHED"}, (1, 1), "open"),
        (50, 40, 43, {}, (1, 1), "closed"),
        (50, None, 43, {"excepted": 44}, (0, 0), "excepted"),
        (50, None, 43, {"excepted": 42}, (1, 1), "excepted"),
        (50, 45, 43, {"excepted": 40}, (0, 1), "closed"),
        (5, None, -2, {}, (0, 0), "open"),
        (5, 4, -2, {}, (0, 0), "closed"),
        (181, 175, 174, {}, (0, 0), None),
    ],
)
def test_k27_follows_each_for_as_long_as_it_was_watched(
    shop, high, opened, closed, due, more, counts, kind
):
    episode(account=shop, control=high, opened=opened, closed=closed, due=due, **more)

    fill("K27")

    assert points("K27")[""] == counts
    told = point("K27").details
    assert [name for name in ("closed", "open", "excepted") if told and told[name]] == (
        [kind] if kind else []
    )


def test_k27_what_was_open_before_the_first_look_enters_late(high):
    new = account(watched_days=20)
    # Open for 10 days when it was first met, closed 5 days later; the other was opened since.
    episode(account=new, control=high, opened=30.5, closed=15.5, due=23)
    episode(account=new, control=high, opened=10, closed=5, due=3)

    fill("K27")

    assert points("K27")[""] == (0, 1)
    told = point("K27").details
    assert (told["entered"], told["steps"]) == (1, [[5, "0.0"], [15, "0.0"]])


def test_k28_counts_what_came_and_went_and_what_is_there(shop, high, critical):
    later = DAY + timedelta(days=20)
    episode(account=shop, control=high, opened=6)
    episode(account=shop, control=critical, opened=5, closed=1)
    episode(account=shop, control=high, opened=40, closed=6.9)
    episode(account=shop, control=high, opened=100, lapse=(3, 1))
    episode(account=shop, control=high, opened=100, lapse=(9, 2))
    episode(account=shop, control=high, opened=20, closed=2, reason="VANISHED")
    episode(account=shop, control=factories.control(scored_from=later), opened=2)
    # Closed, and opened, since the day was over.
    episode(account=shop, control=high, opened=60, closed=-0.01)
    episode(account=shop, control=high, opened=-0.01)

    fill("K28")

    assert {part: number for part, (number, _) in points("K28").items()} == {
        "": 1,
        "opened": 2,
        "reopened": 2,
        "closed": 3,
        "entries": 1,
        "backlog": 5,
    }
    assert point("K28").details == {
        "ages": [
            ["up to 7 days", {"critical": 0, "high": 2}],
            ["8 to 30 days", {"critical": 0, "high": 0}],
            ["31 to 90 days", {"critical": 0, "high": 1}],
            ["over 90 days", {"critical": 0, "high": 2}],
        ],
        "expected_days": "11.7",
        "vanished": 1,
        # Of three weeks nobody told.
        "is_shrinking": None,
    }


def test_k28_the_net_flow_of_a_week_is_what_the_backlog_grew_by(shop, high):
    before, after = DAY - timedelta(days=7), DAY
    factories.account_day(account=shop, day=before)
    spans = [(50, 3, None), (50, None, (9, 5)), (50, None, (5, 2)), (50, 6, (20, 12)), (6, 2, None)]
    for opened, closed, lapse in spans:
        more = {"lapse": lapse} if lapse else {}
        episode(account=shop, control=high, opened=opened, closed=closed, **more)

    for day in (before, after):
        fill("K28", day=day)

    grew = point("K28", "backlog").numerator - point("K28", "backlog", day=before).numerator
    assert point("K28").numerator == grew == -1


def test_k28_a_week_that_was_not_watched_is_no_data_but_the_pile_is_known(high):
    new = account(watched_days=3)
    episode(account=new, control=high, opened=2)

    fill("K28")

    assert (point("K28").covered, point("K28", "opened").covered) == (0, 0)
    assert (point("K28", "backlog").covered, point("K28", "backlog").numerator) == (1, 1)


def test_k28_an_account_that_tells_little_brings_no_good_week(high):
    mute = account(coverage=79)
    episode(account=mute, control=high, opened=30, closed=3)

    fill("K28")

    assert (point("K28").numerator, point("K28").covered) == (0, 0)


@pytest.mark.parametrize(
    ("nets", "is_shrinking", "status"),
    [
        ((5, -1, -1, -1), True, Status.ON_TARGET),
        ((-1, 5, 5, -9), False, Status.OFF_TARGET),
        # Of two weeks nobody told.
        ((-1, -1, None, None), None, Status.ON_TARGET),
        ((5, -1, None, None), None, Status.OFF_TARGET),
    ],
)
def test_k28_is_on_target_where_three_of_four_weeks_are(shop, high, nets, is_shrinking, status):
    for week, net in enumerate(nets):
        for _ in range(abs(net or 0)):
            opened, closed = (7 * week + 3, None) if net > 0 else (200, 7 * week + 3)
            episode(account=shop, control=high, opened=opened, closed=closed)
        if net is not None:
            day = DAY - timedelta(days=7 * week)
            if week:
                factories.account_day(account=shop, day=day)
    for week in reversed(range(4)):
        if nets[week] is not None:
            fill("K28", day=DAY - timedelta(days=7 * week))

    line = next(one for one in lines_of(factories.root(), day=DAY) if one.kpi.id == "K28")
    assert point("K28").details["is_shrinking"] is is_shrinking
    assert (line.value, line.status) == (nets[0], status)


def test_a_day_filled_back_is_as_it_was_then(shop, high):
    past = DAY - timedelta(days=10)
    factories.account_day(account=shop, day=past)
    episode(account=shop, control=high, opened=30, closed=9, due=12)
    episode(account=shop, control=high, opened=9)

    fill("K28", day=past)
    fill("K2", day=past)

    assert point("K28", "backlog", day=past).numerator == 1
    assert points("K2", day=past)[""] == (0, 1)


def test_a_new_severity_or_due_date_reaches_the_episode_and_a_close_keeps_them(shop, high):
    own = episode(account=shop, control=high, opened=30, due=3)
    Finding.objects.filter(pk=own.finding_id).update(severity="CRITICAL", due_at=ago(9))
    own.refresh_from_db()
    assert (own.severity, own.due_at, own.account_id) == ("CRITICAL", ago(9), shop.pk)

    Finding.objects.filter(pk=own.finding_id).update(
        status="PASSED", opened_at=None, due_at=None, sla_rule=""
    )
    Episode.objects.filter(pk=own.pk).update(closed_at=END, close_reason="PASSED")
    Finding.objects.filter(pk=own.finding_id).update(severity="HIGH")

    own.refresh_from_db()
    assert (own.severity, own.due_at) == ("HIGH", ago(9))
    assert point_count() == Decimal(0)


def point_count():
    return Decimal(KpiPoint.objects.count())
