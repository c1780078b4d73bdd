"""A collection through real parts: sandbox AWS over HTTP, a Celery worker, Postgres."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from findings.models import Control, DirtyCell, Episode, Finding, FindingCount, SeenFinding
from inventory import actions
from inventory.facts import Fact
from inventory.models import Account, AccountFact, Collection, CollectionRun, OrgPolicy
from posture import tasks
from posture.models import AccountDay, Cell, OuDay
from tests import factories
from tests.fixtures.pipeline import NOW, collect, ended, wait_for
from tests.fixtures.tables import contents

WEEK = timedelta(days=7)
pytestmark = [pytest.mark.usefixtures("worker"), pytest.mark.xdist_group("worker")]


def test_a_collection_ends_in_scores_that_are_the_sums_of_what_aws_said(sandbox):
    assert collect().state == "COMPLETE"
    snapshot = sandbox.world.moment().snapshot
    assert Account.objects.live().count() == len(snapshot.accounts)
    read = [p for p in snapshot.policies if p.type in snapshot.enabled_policy_types]
    assert OrgPolicy.objects.count() == len(read)
    hub = Finding.objects.filter(product_arn__contains=":securityhub:")
    assert hub.count() == len(snapshot.findings)
    root = OuDay.objects.get(ou__parent=None, area="")
    parts = AccountDay.objects.filter(area="", is_scored=True)
    assert root.managed_d > 0
    # What only the delegated administrator reports is added once, to the whole.
    of_all = Cell.objects.filter(control__is_delegated_admin_only=True, passed__gt=0)
    assert of_all.exists()
    for name in ("managed_n", "managed_d", "raw_n", "coverage_d", "failed"):
        below = OuDay.objects.filter(ou__depth=1, area="").aggregate(total=Sum(name))["total"]
        at_root = parts.filter(ou__depth=0).aggregate(total=Sum(name))["total"] or 0
        assert parts.aggregate(total=Sum(name))["total"] == below + at_root
    assert root.managed_d > parts.aggregate(total=Sum("managed_d"))["total"]
    in_list = Finding.objects.filter(status="OPEN", severity="CRITICAL")
    assert root.open_critical == in_list.count()
    counted = FindingCount.objects.aggregate(total=Sum("findings"))["total"]
    assert counted == Finding.objects.count()
    assert not DirtyCell.objects.exists()
    assert not SeenFinding.objects.exists()


def test_a_worker_asks_an_account_for_its_settings_and_the_collection_goes_on(sandbox):
    known = sandbox.world.moment().snapshot.accounts[-1]
    account = factories.account(account_id=known.account_id, name=known.name)
    collection = actions.start_collection(as_of=NOW, is_full=False, requested_by="test")
    # After the last stage that reads there is only the rollup.
    Collection.objects.filter(pk=collection.pk).update(stage=Collection.Stage.FINDINGS)
    runs = actions.add_runs(
        collection,
        [("ACCOUNT_FACTS", account.account_id, "")],
        organization=account.organization,
        now=NOW,
        full_since=NOW,
    )
    tasks.enqueue(runs)
    assert wait_for(lambda: ended(collection.pk)).state == "COMPLETE"
    facts = AccountFact.objects.filter(account=account, state="KNOWN")
    assert facts.filter(key=Fact.ROOT_MFA, region="").exists()
    assert (
        facts.filter(key=Fact.CLOUDTRAIL).count() == facts.filter(key=Fact.EBS_ENCRYPTION).count()
    )


def test_every_area_has_a_score_and_every_control_is_mapped(sandbox):
    collect()
    areas = OuDay.objects.filter(ou__parent=None, managed_d__gt=0).values_list("area", flat=True)
    assert len(set(areas)) == 8
    assert not Control.objects.filter(area="").exists()


def test_collecting_again_changes_no_row_but_the_runs(sandbox):
    collect()
    before = contents()
    collect()
    assert contents() == before
    assert Collection.objects.count() == 2
    assert CollectionRun.objects.filter(source="SECURITY_HUB").last().counts["new"] == 0


def test_an_incremental_collection_reads_what_changed_and_ends_like_a_full_one(sandbox):
    collect(as_of=NOW - timedelta(hours=2))
    later = NOW + timedelta(hours=20)
    sandbox.clock(later)
    sandbox_findings = len(sandbox.world.moment().snapshot.findings)
    assert collect(as_of=later, is_full=False).state == "COMPLETE"
    run = CollectionRun.objects.filter(source="SECURITY_HUB").last()
    assert not run.is_full
    statuses = sorted(Finding.objects.values_list("key", "status"), key=repr)
    collect(as_of=later, is_full=True)
    again = Finding.objects.filter(vanished_at=None)
    assert again.filter(product_arn__contains=":securityhub:").count() == sandbox_findings
    gone = set(Finding.objects.exclude(vanished_at=None).values_list("key", flat=True))
    assert [s for s in statuses if s[0] not in gone] == sorted(
        again.values_list("key", "status"), key=repr
    )


def test_weeks_collected_one_after_the_other_make_a_trend_and_freeze_the_past(sandbox):
    moments = [NOW - 2 * WEEK, NOW - WEEK, NOW]
    frozen = {}
    for moment in moments:
        sandbox.clock(moment)
        assert collect(as_of=moment).state == "COMPLETE"
        rows = OuDay.objects.order_by("day", "ou__ou_id", "area")
        for day, values in frozen.items():
            assert list(rows.filter(day=day).values()) == values
        frozen[moment.date()] = list(rows.filter(day=moment.date()).values())
    assert len({row["managed_n"] for rows in frozen.values() for row in rows}) > 3
    assert Episode.objects.filter(close_reason="PASSED").exists()


def test_an_account_that_joins_later_is_scored_from_the_day_it_joined(sandbox):
    early = NOW - 26 * WEEK
    sandbox.clock(early)
    collect(as_of=early)
    before = set(Account.objects.values_list("account_id", flat=True))
    sandbox.clock(NOW)
    collect()
    joined = set(Account.objects.values_list("account_id", flat=True)) - before
    assert joined
    days = AccountDay.objects.filter(account__account_id__in=joined).values_list("day", flat=True)
    assert set(days) == {NOW.date()}


def test_the_score_can_be_recomputed_by_hand_from_the_cells(sandbox):
    collect()
    weights = {"CRITICAL": 10, "HIGH": 5, "MEDIUM": 2, "LOW": 1}
    row = AccountDay.objects.filter(area="", managed_d__gt=0).order_by("account__account_id")[0]
    total_n = total_d = Decimal(0)
    for cell in row.account.cell_set.select_related("control"):
        if judged := cell.passed + cell.failed:
            weight = weights.get(cell.control.severity, 0) * row.account.criticality
            total_n += Decimal(weight * cell.passed) / judged
            total_d += weight
    assert row.managed_d == total_d
    assert abs(row.managed_n - total_n) < Decimal("0.0000001")
