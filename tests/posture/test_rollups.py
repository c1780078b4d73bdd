"""Cells, account days and OU days: the SQL against the plain arithmetic of posture.scoring."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from findings import ingest
from findings.ingest import drafts as ingest_drafts
from findings.models import Control, DirtyCell, FindingCount
from inventory.models import Account
from posture import rollups, scoring
from posture.models import (
    AccountDay,
    Cell,
    CellDay,
    ControlDay,
    OuControl,
    OuControlDay,
    OuDay,
)
from tests import factories
from tests.findings.records import NOW, record

DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


def take(*records, as_of=NOW):
    catalog = ingest.load_catalog(factories.organization())
    return ingest.upsert_findings(records, catalog=catalog, as_of=as_of)


@pytest.fixture
def account():
    factories.control(control_id="S3.8", severity="HIGH")
    return factories.account(account_id="200000000001", ou=factories.ou())


def cell():
    found = Cell.objects.get()
    return (found.passed, found.failed, found.excepted, found.unknown)


def test_a_cell_counts_distinct_resources_by_the_worst_that_is_said_of_them(account):
    bucket = "arn:aws:s3:::one"
    take(
        record(resource_id=bucket, compliance="PASSED"),
        record(resource_id=bucket, region="us-east-1"),
        record(compliance="PASSED"),
        record(compliance="WARNING"),
    )
    rollups.roll_up(now=NOW)
    assert cell() == (1, 1, 0, 1)


def test_a_pass_that_was_not_checked_for_three_days_is_unknown_and_a_failure_stays(account):
    old = NOW - timedelta(hours=73)
    take(record(compliance="PASSED", updated_at=old), record(updated_at=old))
    rollups.roll_up(now=NOW)
    assert cell() == (0, 1, 0, 1)


def test_ingest_and_scoring_agree_on_when_a_pass_is_stale():
    assert ingest_drafts.STALE_AFTER == scoring.STALE_AFTER


def test_a_pass_turns_unknown_by_the_mere_lapse_of_time(account):
    take(record(compliance="PASSED"))
    rollups.roll_up(now=NOW)
    assert cell() == (1, 0, 0, 0)
    assert rollups.roll_up(now=NOW + 4 * DAY) == 1
    assert cell() == (0, 0, 0, 1)


def test_an_account_level_pass_of_a_control_about_resources_is_vacuous(account):
    take(record(compliance="PASSED", resource_type="AwsAccount"))
    rollups.roll_up(now=NOW)
    assert not Cell.objects.exists()


def test_a_control_that_only_the_delegated_administrator_reports_blames_no_account(account):
    take(record(control_id="Inspector.1", resource_type="AwsAccount"))
    rollups.roll_up(now=NOW)
    assert AccountDay.objects.get(area="").raw_d == 0
    assert FindingCount.objects.get().findings == 1


def test_such_a_control_counts_once_in_the_root_and_in_no_ou(account):
    take(record(), record(control_id="Inspector.1", resource_type="AwsAccount"))
    control = Control.objects.get(control_id="Inspector.1")
    rollups.roll_up(now=NOW)
    root = OuDay.objects.get(ou__depth=0, area="")
    below = OuDay.objects.get(ou=account.ou, area="")
    assert root.managed_d - below.managed_d == scoring.WEIGHTS[control.severity]
    assert root.failed == below.failed + 1
    assert OuControl.objects.get(control=control).ou.depth == 0


def test_a_new_control_is_counted_and_shown_before_it_is_scored(account):
    Control.objects.update(scored_from=NOW.date() + DAY)
    take(record())
    rollups.roll_up(now=NOW)
    assert AccountDay.objects.get(area="").managed_d == 0
    shown = OuControl.objects.get(ou=account.ou)
    assert (shown.failed, shown.lost_weight) == (1, 0)
    assert not ControlDay.objects.get().is_counted
    rollups.roll_up(now=NOW + DAY)
    assert AccountDay.objects.get(area="", day=NOW.date() + DAY).managed_d == 5
    assert ControlDay.objects.get(day=NOW.date() + DAY).is_counted


def test_a_new_account_is_looked_at_for_two_weeks_before_it_counts_in_its_ou(account):
    Account.objects.update(joined_at=NOW - 13 * DAY)
    take(record())
    rollups.roll_up(now=NOW)
    row = AccountDay.objects.get(area="")
    assert (row.is_scored, row.managed_d) == (False, 5)
    assert OuDay.objects.get(ou=account.ou, area="").accounts == 0
    rollups.roll_up(now=NOW + DAY)
    assert AccountDay.objects.get(area="", day=NOW.date() + DAY).is_scored


def test_the_controls_of_an_ou_keep_their_past_as_changes_only(account):
    take(record())
    rollups.roll_up(now=NOW)
    rollups.roll_up(now=NOW + DAY)
    row = OuControlDay.objects.get(ou=account.ou)
    assert (row.day, row.failed, row.accounts) == (NOW.date(), 1, 1)
    take(record(resource_id="another"), as_of=NOW + 2 * DAY)
    rollups.roll_up(now=NOW + 2 * DAY)
    assert [r.failed for r in OuControlDay.objects.filter(ou=account.ou).order_by("day")] == [1, 2]
    Account.objects.update(gone_at=NOW + 3 * DAY)
    rollups.roll_up(now=NOW + 3 * DAY)
    assert OuControlDay.objects.filter(ou=account.ou).order_by("-day").first().accounts == 0


def test_a_day_knows_the_team_and_the_weight_of_its_account(account):
    take(record())
    rollups.roll_up(now=NOW)
    team = factories.team()
    Account.objects.update(team=team, criticality=3)
    rollups.roll_up(now=NOW + DAY)
    days = AccountDay.objects.filter(area="").order_by("day")
    assert [(d.team_key, d.criticality) for d in days] == [(0, 1), (team.pk, 3)]


def test_other_products_are_counted_but_not_scored(account):
    take(record(control_id="GuardDuty.Finding", compliance="", severity="CRITICAL"))
    rollups.roll_up(now=NOW)
    row = AccountDay.objects.get(area="")
    assert (row.open_critical, row.managed_d) == (1, 0)


def test_a_second_rollup_changes_nothing(account):
    take(record(), record(compliance="PASSED"))
    rollups.roll_up(now=NOW)
    models = (Cell, CellDay, AccountDay, OuDay, OuControl, FindingCount)
    keys = [[f.attname for f in m._meta.concrete_fields if not f.primary_key] for m in models]
    before = [sorted(m.objects.values_list(*k)) for m, k in zip(models, keys, strict=True)]
    assert rollups.roll_up(now=NOW) == 0
    assert [sorted(m.objects.values_list(*k)) for m, k in zip(models, keys, strict=True)] == before
    assert not DirtyCell.objects.exists()


def test_a_cell_day_is_kept_only_for_days_on_which_the_cell_changed(account):
    one = record()
    take(one)
    rollups.roll_up(now=NOW)
    rollups.roll_up(now=NOW + DAY)
    fixed = record(finding_id=one.finding_id, resource_id=one.resource_id, compliance="PASSED")
    take(fixed, as_of=NOW + DAY)
    rollups.roll_up(now=NOW + DAY)
    days = CellDay.objects.order_by("day").values_list("day", "passed", "failed")
    assert list(days) == [(NOW.date(), 0, 1), ((NOW + DAY).date(), 1, 0)]


def test_a_day_that_is_over_is_never_written_again(account):
    take(record())
    rollups.roll_up(now=NOW)
    before = list(AccountDay.objects.filter(day=NOW.date()).values())
    take(record(), as_of=NOW + DAY)
    rollups.roll_up(now=NOW + DAY)
    assert list(AccountDay.objects.filter(day=NOW.date()).values()) == before
    with pytest.raises(ValueError, match="already been rolled up"):
        rollups.roll_up(now=NOW)


def test_a_collection_that_crosses_midnight_is_rolled_up_into_the_new_day(account):
    take(record())
    rollups.roll_up(now=NOW + DAY)
    assert rollups.moment_of(NOW) == NOW + DAY
    assert rollups.moment_of(NOW + 2 * DAY) == NOW + 2 * DAY


def test_an_ou_leaves_suspended_accounts_out_of_scores_and_gates_but_not_out_of_its_findings(
    account,
):
    suspended = factories.account(
        account_id="200000000002", ou=factories.ou(name="Suspended", role="SUSPENDED")
    )
    late = {"severity": "CRITICAL", "updated_at": NOW - 8 * DAY}
    take(record(**late), record(account_id=suspended.account_id, **late))
    rollups.roll_up(now=NOW)
    row = OuDay.objects.get(ou=factories.root(), area="")
    assert (row.accounts, row.accounts_total, row.accounts_overdue_critical) == (1, 2, 1)
    assert (row.overdue_critical, row.open_critical) == (2, 2)


def test_an_account_without_evaluated_cells_does_not_count_among_the_evaluated(account):
    factories.account(account_id="200000000003", ou=account.ou)
    take(record())
    rollups.roll_up(now=NOW)
    row = OuDay.objects.get(ou=factories.root(), area="")
    assert (row.accounts, row.accounts_evaluated) == (2, 1)


findings_of = st.lists(
    st.tuples(
        st.sampled_from(["200000000001", "200000000002", "200000000003"]),
        st.sampled_from(["IAM.4", "S3.8", "EC2.8", "KMS.4"]),
        st.sampled_from(["PASSED", "FAILED", "WARNING"]),
    ),
    max_size=30,
)
SEVERITIES = {"IAM.4": "CRITICAL", "S3.8": "HIGH", "EC2.8": "MEDIUM", "KMS.4": "LOW"}


class SameAsScoring(TestCase):
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(rows=findings_of)
    def test_the_sums_of_every_ou_and_area_are_those_of_the_plain_arithmetic(self, rows):
        parent, other = factories.ou(name="Production"), factories.ou(name="Other")
        child = factories.ou(parent=parent, name="Payments")
        places = {"200000000001": parent, "200000000002": child, "200000000003": other}
        for number, (account_id, place) in enumerate(places.items(), start=1):
            factories.account(account_id=account_id, ou=place, criticality=number)
        for control_id, severity in SEVERITIES.items():
            factories.control(control_id=control_id, severity=severity)
        take(*(record(account_id=a, control_id=c, compliance=x) for a, c, x in rows))
        rollups.roll_up(now=NOW)
        for ou, members in {parent: "12", child: "2", other: "3", factories.root(): "123"}.items():
            stored = OuDay.objects.get(ou=ou, area="")
            assert as_sums(stored) == plain([r for r in rows if r[0][-1] in members])
            controls = OuControl.objects.filter(ou=ou).values_list("lost_weight", flat=True)
            assert sum(controls, Decimal(0)) == stored.managed_d - stored.managed_n


def plain(rows):
    """The same sums by posture.scoring, one cell after the other."""
    cells = {}
    for account_id, control_id, compliance in rows:
        counts = cells.setdefault(
            (account_id, control_id), {"PASSED": 0, "FAILED": 0, "WARNING": 0}
        )
        counts[compliance] += 1
    return scoring.Sums.total(
        scoring.Sums.of_cell(
            scoring.Counts(passed=c["PASSED"], failed=c["FAILED"], unknown=c["WARNING"]),
            weight=scoring.WEIGHTS[SEVERITIES[control_id]],
            criticality=int(account_id[-1]),
        )
        for (account_id, control_id), c in cells.items()
    )


def as_sums(row):
    return scoring.Sums(**{n: getattr(row, n) for n in scoring.Sums.__dataclass_fields__})


def test_the_area_of_a_control_gets_its_own_row(account):
    Control.objects.filter(control_id="S3.8").update(area="DATA_PROTECTION")
    take(record())
    rollups.roll_up(now=NOW)
    assert AccountDay.objects.get(area="DATA_PROTECTION").failed == 1
    assert AccountDay.objects.get(area="IDENTITY").failed == 0
