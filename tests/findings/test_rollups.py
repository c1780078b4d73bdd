"""Counts are kept up as findings change, and are then what counting everything anew gives."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from findings import rollups
from findings.models import (
    Age,
    CountState,
    Dimension,
    DirtyCell,
    FacetCount,
    Finding,
    FindingCount,
    Sla,
    bits,
)
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def roll_up(now=NOW, *, limit=1000):
    """Drain all dirty cells, as the rollup of the scores does; returns how many rows changed."""
    rollups.mark_crossed(now=now)
    changed = 0
    while True:
        with transaction.atomic():
            if not rollups.take_dirty(limit=limit):
                return changed
            changed += rollups.recount(now=now)


def mark(*findings):
    DirtyCell.objects.bulk_create(
        DirtyCell(account_id=finding.account_id, control_id=finding.control_id)
        for finding in findings
    )


def counts():
    """All rows of both floors, without the keys that the database gave them."""
    lower = [f.name for f in FindingCount._meta.concrete_fields if f.name != "id"]
    upper = [f.name for f in FacetCount._meta.concrete_fields]
    return (
        sorted(FindingCount.objects.values_list(*lower)),
        sorted(FacetCount.objects.values_list(*upper)),
    )


def counted_anew():
    rollups.rebuild_counts(now=NOW)
    return counts()


@pytest.fixture
def account(db):
    parent = factories.ou(name="Workloads")
    return factories.account(ou=factories.ou(parent=parent), team=factories.team())


@pytest.fixture
def control(db):
    return factories.control(severity="HIGH")


def open_findings():
    """Open findings as the sum over nothing has them."""
    row = FacetCount.objects.filter(dimensions=0, status=0).first()
    return row.findings if row else 0


def test_a_change_is_added_to_every_sum(account, control):
    first = factories.finding(account=account, control=control)
    factories.finding(account=account, control=control, severity="LOW")
    mark(first)
    assert roll_up() == 2
    assert open_findings() == 2
    assert counts() == counted_anew()
    Finding.objects.filter(pk=first.pk).update(workflow="NOTIFIED")
    mark(first)
    assert roll_up() == 2  # one less here, one more there
    assert open_findings() == 2
    assert counts() == counted_anew()


def test_no_row_is_left_of_what_is_not_there_any_more(account, control):
    finding = factories.finding(account=account, control=control)
    mark(finding)
    roll_up()
    Finding.objects.filter(pk=finding.pk).delete()
    mark(finding)
    roll_up()
    assert counts() == ([], [])


def test_running_it_again_changes_nothing(account, control):
    finding = factories.finding(account=account, control=control)
    mark(finding)
    roll_up()
    before = counts()
    mark(finding, finding)
    assert roll_up() == 0
    assert roll_up() == 0
    assert counts() == before


def test_what_failed_half_way_is_counted_by_the_next_run(account, control):
    mark(factories.finding(account=account, control=control))
    with transaction.atomic():
        rollups.take_dirty(limit=10)
        rollups.recount(now=NOW)
        transaction.set_rollback(True)
    assert (counts(), DirtyCell.objects.count()) == (([], []), 1)
    roll_up()
    assert open_findings() == 1
    assert counts() == counted_anew()


def test_an_account_takes_its_findings_along_when_it_moves(account, control):
    mark(factories.finding(account=account, control=control))
    roll_up()
    account.ou = factories.ou(name="Sandbox")
    account.team = None
    account.environment = "sandbox"
    account.save()
    assert roll_up() == 0  # no cell is counted for it
    by_ou = FacetCount.objects.filter(dimensions=bits([Dimension.OU]), status=0)
    assert dict(by_ou.values_list("a", "findings")) == {account.ou_id: 1}
    assert counts() == counted_anew()


def test_an_ou_that_moves_takes_its_accounts_along(account, control):
    mark(factories.finding(account=account, control=control))
    roll_up()
    new_parent, leaf = factories.ou(name="Elsewhere"), account.ou
    leaf.parent, leaf.path = new_parent, f"{new_parent.path}{leaf.ou_id}/"
    leaf.save()
    roll_up()
    by_ou = FacetCount.objects.filter(dimensions=bits([Dimension.OU]), status=0)
    assert dict(by_ou.values_list("a", "findings")) == {new_parent.pk: 1, leaf.pk: 1}
    assert counts() == counted_anew()


def test_a_gone_account_counts_nowhere_until_it_comes_back(account, control):
    mark(factories.finding(account=account, control=control))
    roll_up()
    account.gone_at = NOW
    account.save()
    roll_up()
    assert counts() == ([], [])
    account.gone_at = None
    account.save()
    roll_up()
    assert open_findings() == 1
    assert counts() == counted_anew()


def test_a_control_that_is_mapped_anew_counts_in_its_new_area(account, control):
    mark(factories.finding(account=account, control=control))
    roll_up()
    control.area = "IDENTITY"
    control.save()
    roll_up()
    assert FacetCount.objects.filter(dimensions=bits([Dimension.AREA])).count() == 1
    assert counts() == counted_anew()


@pytest.mark.parametrize(
    ("opened", "due", "age", "sla"),
    [
        # Hours and seconds before or after the bound: opened_at <= bound has left the younger age.
        (timedelta(days=-7), timedelta(0), Age.MONTH, Sla.SOON),
        (timedelta(days=-7, seconds=1), timedelta(seconds=-1), Age.WEEK, Sla.OVERDUE),
        (timedelta(days=-30), timedelta(days=7), Age.QUARTER, Sla.LATER),
        (timedelta(days=-30, seconds=1), timedelta(days=7, seconds=-1), Age.MONTH, Sla.SOON),
        (timedelta(days=-90), None, Age.OLDER, Sla.NONE),
        (timedelta(days=-90, seconds=1), timedelta(days=8), Age.QUARTER, Sla.LATER),
    ],
)
def test_ages_and_due_dates_have_exact_bounds(account, control, opened, due, age, sla):
    finding = factories.finding(
        account=account,
        control=control,
        opened_at=NOW + opened,
        due_at=None if due is None else NOW + due,
    )
    mark(finding)
    roll_up()
    row = FindingCount.objects.get()
    assert (row.age, row.sla) == (age, sla)


def test_what_passes_a_bound_is_counted_anew_and_nothing_else(account, control):
    week_old = factories.finding(account=account, control=control, opened_at=NOW)
    quiet = factories.control(severity="INFORMATIONAL")
    factories.finding(account=account, control=quiet, opened_at=NOW - timedelta(days=200))
    mark(*Finding.objects.all())
    roll_up()
    for later in (1, 7, 8, 23, 30, 90):
        now = NOW + timedelta(days=later, hours=1)
        marked = rollups.mark_crossed(now=now)
        # High findings are due after 30 days.
        assert marked == (later in (7, 23, 30, 90)), later
        roll_up(now)
        row = FindingCount.objects.get(control=week_old.control)
        age = (Age.WEEK, Age.MONTH, Age.QUARTER, Age.OLDER)[sum(later >= d for d in (7, 30, 90))]
        sla = (Sla.LATER, Sla.SOON, Sla.OVERDUE)[sum(later >= d for d in (23, 30))]
        assert (row.age, row.sla) == (age, sla), later
    kept = counts()
    rollups.rebuild_counts(now=now)
    assert counts() == kept


def test_counts_never_go_back_in_time(account, control):
    mark(factories.finding(account=account, control=control))
    roll_up()
    before = counts()
    assert rollups.mark_crossed(now=NOW - timedelta(days=30)) == 0
    assert roll_up(NOW - timedelta(days=30)) == 0
    rollups.rebuild_counts(now=NOW - timedelta(days=30))
    assert CountState.objects.get().as_of == NOW
    assert counts() == before


def test_cells_are_counted_as_of_the_last_moment_whoever_drains_them(account, control):
    """A rollup that began earlier may drain what a later one has marked."""
    finding = factories.finding(account=account, control=control, opened_at=NOW)
    mark(finding)
    roll_up()
    rollups.mark_crossed(now=NOW + timedelta(days=10))
    with transaction.atomic():
        assert rollups.take_dirty(limit=10) == 1
        rollups.recount(now=NOW)
    assert FindingCount.objects.get().age == Age.MONTH


def test_one_changed_finding_writes_a_bounded_number_of_sums(account):
    """However many findings there are: each choice of dimensions has one sum less and one more."""
    controls = [factories.control() for _ in range(4)]
    for control in controls:
        for region in ("eu-west-1", "us-east-1", "eu-central-1"):
            factories.finding(account=account, control=control, region=region)
    mark(*Finding.objects.all())
    roll_up()
    changed = Finding.objects.first()
    before = set(counts()[1])
    Finding.objects.filter(pk=changed.pk).update(severity="CRITICAL")
    mark(changed)
    assert roll_up() == 2
    written = before ^ set(counts()[1])
    depth = changed.account.ou.depth
    choices = 1 + 14 + 91 + 364 + 1 + 14
    assert 0 < len(written) <= 4 * choices * depth


def test_a_batch_that_is_most_of_everything_is_summed_anew(account, monkeypatch):
    monkeypatch.setattr(rollups.facets, "_MANY", 3)
    for _ in range(3):
        control = factories.control()
        for severity in ("HIGH", "LOW", "MEDIUM"):
            mark(factories.finding(account=account, control=control, severity=severity))
    assert roll_up(limit=4) == 9
    found = counts()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'findings_facetcount' ORDER BY 1"
        )
        names = [name for (name,) in cursor.fetchall()]
    assert names == [
        "findings_facetcount_ac",
        "findings_facetcount_bc",
        "findings_facetcount_pkey",
    ]
    monkeypatch.undo()
    assert counted_anew() == found


def test_a_command_repairs_counts_that_were_tampered_with(account, control, capsys):
    mark(factories.finding(account=account, control=control))
    roll_up()
    before = [row[:-1] for row in counts()[1] if row[0] == 0]
    FacetCount.objects.update(findings=7)
    FindingCount.objects.all().delete()
    call_command("recount_findings")
    assert capsys.readouterr().out == "Counted all findings anew: 1 different kinds.\n"
    assert [row[:-1] for row in counts()[1] if row[0] == 0] == before
    assert open_findings() == 1
