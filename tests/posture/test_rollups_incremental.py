"""A rollup writes what was touched; the rows must be those that writing everything would give."""

from datetime import timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from findings.models import Control, DirtyCell, Finding
from inventory.models import Account
from posture import rollups
from posture.models import AccountDay, Cell, CellDay, OuControl, OuDay, RollupState, TouchedCell
from posture.rollups import days
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
OF_A_DAY = (AccountDay, OuDay, OuControl)


def contents(*models):
    """The rows of these tables without their own keys."""
    found = {}
    for model in models:
        names = [f.attname for f in model._meta.concrete_fields if not f.primary_key]
        found[model.__name__] = sorted(map(str, model.objects.values_list(*names)))
    return found


def mark(account, control):
    DirtyCell.objects.create(account=account, control=control)


@pytest.fixture
def world(db):
    production = factories.ou(name="Production")
    accounts = [
        factories.account(ou=factories.ou(parent=production, name="Payments"), criticality=3),
        factories.account(ou=production),
        factories.account(ou=factories.ou(name="Sandbox")),
    ]
    controls = [
        factories.control(control_id="S3.8", severity="CRITICAL", area="DATA_PROTECTION"),
        factories.control(control_id="IAM.4", severity="HIGH", area="IDENTITY"),
    ]
    for account in accounts:
        for control in controls:
            factories.finding(account=account, control=control, updated_at=NOW)
            mark(account, control)
    rollups.roll_up(now=NOW)
    return accounts, controls


def test_only_the_touched_account_and_the_ous_above_it_are_written(world, monkeypatch):
    accounts, controls = world
    written = []
    write = days.write
    monkeypatch.setattr(days, "write_all", lambda day: pytest.fail("everything was written"))
    monkeypatch.setattr(
        days, "write", lambda day, **only: (written.append(only), write(day, **only))
    )
    before = {row.pk: row.open_critical for row in OuDay.objects.filter(area="")}
    factories.finding(account=accounts[0], control=controls[0])
    mark(accounts[0], controls[0])
    rollups.roll_up(now=NOW)
    assert written == [{"accounts": {accounts[0].pk}, "controls": {controls[0].pk}}]
    changed = {
        row.ou.name for row in OuDay.objects.filter(area="") if row.open_critical != before[row.pk]
    }
    assert changed == {factories.root().name, "Production", "Payments"}
    assert not TouchedCell.objects.exists()


def test_where_nothing_changed_nothing_is_written_and_the_rollup_is_as_of_now(world, monkeypatch):
    for name in ("write", "write_all"):
        monkeypatch.setattr(days, name, lambda *_, **__: pytest.fail("something was written"))
    later = NOW + timedelta(seconds=5)
    assert rollups.roll_up(now=later) == 0
    assert RollupState.objects.get(name="scores").as_of == later


def test_what_was_touched_is_still_written_after_a_rollup_that_died(world, monkeypatch):
    accounts, controls = world
    factories.finding(account=accounts[1], control=controls[1])
    mark(accounts[1], controls[1])
    with monkeypatch.context() as broken:
        broken.setattr(days, "write", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rollups.roll_up(now=NOW)
    rollups.roll_up(now=NOW)
    assert AccountDay.objects.get(account=accounts[1], area="", day=NOW.date()).open_high == 2


def test_a_due_date_that_passes_is_counted_without_any_change_of_the_finding(world):
    accounts, controls = world
    found = factories.finding(
        account=accounts[2], control=controls[0], due_at=NOW + timedelta(hours=1)
    )
    mark(accounts[2], controls[0])
    rollups.roll_up(now=NOW)
    row = AccountDay.objects.filter(account=accounts[2], area="", day=NOW.date())
    before = row.get().overdue_critical
    rollups.roll_up(now=NOW + timedelta(hours=2))
    assert row.get().overdue_critical == before + 1
    controls_of_root = OuControl.objects.get(ou=factories.root(), control=found.control)
    assert (
        controls_of_root.overdue
        == Cell.objects.get(account=accounts[2], control=found.control).overdue + 2
    )


def test_all_cells_anew_are_the_cells_that_were_kept_up(world):
    before = contents(Cell, CellDay, *OF_A_DAY)
    assert rollups.rebuild_cells(now=NOW) == 0
    Cell.objects.update(failed=7)
    assert rollups.rebuild_cells(now=NOW) == Cell.objects.count()
    assert contents(Cell, CellDay, *OF_A_DAY) == before


def test_a_repair_writes_the_sums_of_ous_anew(world):
    before = contents(*OF_A_DAY)
    OuDay.objects.update(failed=70)
    Cell.objects.filter(account=world[0][0]).update(failed=7)
    assert rollups.rebuild_cells(now=NOW)
    assert contents(*OF_A_DAY) == before


class TestRecountScores:
    def test_sums_that_somebody_changed_by_hand_are_right_again(self, world, capsys):
        before = contents(*OF_A_DAY)
        OuDay.objects.update(failed=70)
        OuControl.objects.update(failed=70)
        with time_machine.travel(NOW, tick=False):
            call_command("recount_scores")
        assert "0 had been wrong" in capsys.readouterr().out
        assert contents(*OF_A_DAY) == before

    def test_a_clock_that_goes_back_is_refused(self, world):
        with (
            time_machine.travel(NOW - DAY, tick=False),
            pytest.raises(CommandError, match="already been rolled up: nothing was changed"),
        ):
            call_command("recount_scores")


changes = st.lists(
    st.tuples(
        st.sampled_from(
            ["open", "mend", "criticality", "move", "gone", "area", "delegate", "time", "day"]
        ),
        st.integers(0, 2),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=8,
)


class Incremental(TestCase):
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(changes=changes)
    def test_rolling_up_changes_one_by_one_ends_as_writing_everything_does(self, changes):
        accounts, controls = world.__wrapped__(None)
        now = NOW
        for kind, which, control_at in changes:
            account, control = accounts[which], controls[control_at]
            now = self._apply(kind, account, control, now)
            rollups.roll_up(now=now)
        kept_up = contents(Cell, *OF_A_DAY)
        RollupState.objects.update(inventory="")
        rollups.rebuild_cells(now=now)
        assert contents(Cell, *OF_A_DAY) == kept_up

    def _apply(self, kind, account, control, now):
        if kind == "open":
            factories.finding(account=account, control=control, updated_at=now)
        elif kind == "mend":
            Finding.objects.filter(account=account, control=control).update(
                status="PASSED", opened_at=None, due_at=None, updated_at=now
            )
        elif kind == "criticality":
            Account.objects.filter(pk=account.pk).update(criticality=5)
        elif kind == "move":
            Account.objects.filter(pk=account.pk).update(ou=factories.ou())
        elif kind == "gone":
            Account.objects.filter(pk=account.pk).update(gone_at=now)
        elif kind == "area":
            Control.objects.filter(pk=control.pk).update(area="MONITORING")
        elif kind == "delegate":
            Control.objects.filter(pk=control.pk).update(is_delegated_admin_only=True)
        if kind in ("open", "mend"):
            mark(account, control)
        return now + {"time": timedelta(hours=2), "day": 4 * DAY}.get(kind, timedelta(0))
