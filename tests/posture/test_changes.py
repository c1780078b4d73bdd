"""Why scores moved: the SQL over what changed against the plain arithmetic over all cells."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from findings.models import Control
from inventory.models import Account, Organization, OrganizationalUnit
from posture import scoring
from posture.models import Cell, CellDay, OuDay, ScoreChange
from posture.queries import changes
from posture.rollups.changes import write_changes
from posture.scoring import Counts, Part, Sums
from tests import factories
from tests.factories import DAY
from tests.posture.written import noon, write_day

pytestmark = pytest.mark.django_db

WEEK = timedelta(days=7)
BEFORE = DAY - WEEK


def changed(ou, *, day=DAY):
    write_changes(day, now=noon(day))
    return ScoreChange.objects.get(ou=ou, day=day)


def shown(row):
    return [
        scoring.one_decimal(getattr(row, name)) for name in ("exits", "posture", "entries", "total")
    ]


def causes(row, part=None):
    return {
        (cause["part"], cause["cause"], cause["name"]): cause["cells"]
        for cause in row.causes
        if part is None or cause["part"] == part
    }


@pytest.fixture
def v8():
    """V8 of the KPI design: two accounts, one HIGH and one CRITICAL control."""
    ou = factories.ou()
    a, b = (factories.account(ou=ou, name=name) for name in "ab")
    high = factories.control(control_id="EC2.8", severity="HIGH")
    critical = factories.control(control_id="IAM.4", severity="CRITICAL")
    before = {(a, high): (8, 2, 0, 0), (a, critical): (1, 0, 0, 0)}
    before |= {(b, high): (5, 5, 0, 0), (b, critical): (1, 0, 0, 0)}
    write_day(before, day=BEFORE)
    after = before | {(a, high): (9, 1, 0, 0), (b, high): (6, 4, 0, 0)}
    return ou, a, b, after


def points(*values):
    return [Decimal(value) for value in values]


def test_v8_a_new_control_moves_the_score_as_an_entry_and_is_named(v8):
    ou, a, b, cells = v8
    new = factories.control(control_id="SSM.7", severity="HIGH")
    write_day(cells | {(a, new): (0, 4, 0, 0), (b, new): (1, 3, 0, 0)})
    for place in (ou, factories.root()):
        row = changed(place)
        assert shown(row) == points("0.0", "3.3", "-19.8", "-16.5")
        assert row.exits + row.posture + row.entries + row.exceptions == row.total
        assert (row.before, row.exceptions) == (BEFORE, 0)
        assert causes(row) == {
            ("entries", "control enabled", "SSM.7"): 2,
            ("posture", "improved", "EC2.8"): 2,
        }


def test_v8_a_control_in_grace_moves_nothing_until_its_grace_ends(v8):
    ou, a, b, cells = v8
    new = factories.control(control_id="SSM.7", severity="HIGH", scored_from=DAY + WEEK)
    cells |= {(a, new): (0, 4, 0, 0), (b, new): (1, 3, 0, 0)}
    write_day(cells)
    assert shown(changed(ou)) == points("0.0", "3.3", "0.0", "3.3")
    write_day(cells, day=DAY + WEEK)
    row = changed(ou, day=DAY + WEEK)
    assert causes(row) == {("entries", "control left grace", "SSM.7"): 2}
    assert scoring.one_decimal(row.total) == Decimal("-19.8")


def test_v9_a_leaving_account_moves_the_score_without_any_work_done():
    ou = factories.ou()
    good, other = factories.account(ou=ou), factories.account(ou=ou, name="leaver")
    control = factories.control(severity="HIGH")
    cells = {(good, control): (1, 0, 0, 0), (other, control): (9, 1, 0, 0)}
    write_day(cells, day=BEFORE)
    other.gone_at = noon(DAY)
    other.save()
    write_day(cells)
    row = changed(ou)
    assert (row.exits, row.posture, row.entries, row.total) == (5, 0, 0, 5)
    assert causes(row) == {("exits", "account left", "leaver"): 1}


def test_a_move_is_an_exit_here_an_entry_there_and_nothing_above():
    old, new = factories.ou(name="Old"), factories.ou(name="New")
    mover, one, two = (factories.account(ou=place) for place in (old, old, new))
    control = factories.control()
    cells = {(mover, control): (0, 4, 0, 0)}
    cells |= {(one, control): (4, 0, 0, 0), (two, control): (3, 1, 0, 0)}
    write_day(cells, day=BEFORE)
    Account.objects.filter(pk=mover.pk).update(ou=new)
    write_day(cells)
    assert causes(changed(old)) == {("exits", "account moved", mover.name): 1}
    assert causes(changed(new)) == {("entries", "account moved", mover.name): 1}
    root = changed(factories.root())
    assert (root.total, root.causes) == (0, [])


@pytest.mark.parametrize(
    ("then", "now", "cause"),
    [
        ((0, 3, 0, 0), (0, 0, 3, 0), ("exits", "exception granted")),
        ((0, 0, 3, 0), (0, 3, 0, 0), ("entries", "exception expired")),
        ((2, 1, 0, 0), (0, 0, 0, 3), ("exits", "data lost")),
        ((0, 0, 0, 3), (2, 1, 0, 0), ("entries", "data regained")),
        ((2, 1, 0, 0), (0, 0, 0, 0), ("exits", "resources gone")),
        ((0, 0, 0, 0), (2, 1, 0, 0), ("entries", "resources added")),
        ((2, 2, 0, 0), (3, 1, 0, 0), ("posture", "improved")),
        ((2, 2, 0, 0), (1, 3, 0, 0), ("posture", "worsened")),
        ((2, 2, 0, 0), (2, 1, 1, 0), ("exceptions", "exception granted")),
        ((2, 1, 1, 0), (2, 2, 0, 0), ("exceptions", "exception expired")),
    ],
)
def test_what_happens_to_a_cell_has_a_cause(then, now, cause):
    account = factories.account(name="shop")
    other = (factories.account(), factories.control(severity="LOW"))
    key = (account, factories.control(control_id="KMS.4"))
    steady = {other: (1, 1, 0, 0)}
    write_day(steady | {key: then}, day=BEFORE)
    write_day(steady | {key: now})
    name = "shop" if cause[1].startswith("data") else "KMS.4"
    assert causes(changed(factories.root())) == {(*cause, name): 1}


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"severity": "LOW"}, ("posture", "severity changed")),
        ({"severity": "INFORMATIONAL"}, ("exits", "severity changed")),
        ({"is_scored": False}, ("exits", "control no longer scored")),
    ],
)
def test_a_control_that_weighs_something_else_is_a_cause_of_its_own(change, cause):
    account = factories.account()
    control = factories.control(control_id="KMS.4", severity="HIGH")
    cells = {(account, control): (1, 3, 0, 0), (account, factories.control()): (5, 1, 0, 0)}
    write_day(cells, day=BEFORE)
    Control.objects.filter(pk=control.pk).update(**change)
    write_day(cells)
    assert causes(changed(factories.root())) == {(*cause, "KMS.4"): 1}


def test_a_control_that_is_switched_off_leaves_with_its_passes():
    account = factories.account()
    control = factories.control(control_id="KMS.4")
    other = {(account, factories.control()): (5, 1, 0, 0)}
    write_day(other | {(account, control): (4, 0, 0, 0)}, day=BEFORE)
    Control.objects.filter(pk=control.pk).update(status="DISABLED")
    write_day(other | {(account, control): (0, 0, 0, 4)})
    assert causes(changed(factories.root())) == {("exits", "control disabled", "KMS.4"): 1}


def test_an_account_that_weighs_more_is_told_apart_from_what_was_done_in_it():
    weak, strong = factories.account(name="weak"), factories.account()
    control = factories.control(control_id="KMS.4")
    cells = {(weak, control): (1, 3, 0, 0), (strong, control): (4, 0, 0, 0)}
    write_day(cells, day=BEFORE)
    Account.objects.filter(pk=weak.pk).update(criticality=3)
    write_day(cells | {(weak, control): (2, 2, 0, 0)})
    row = changed(factories.root())
    found = {(one["cause"], one["name"]): Decimal(one["points"]) for one in row.causes}
    assert found.keys() == {("criticality changed", "weak"), ("improved", "KMS.4")}
    assert abs(sum(found.values()) - row.posture) <= Decimal("2e-7")
    assert found["criticality changed", "weak"] < 0 < found["improved", "KMS.4"]


def test_a_suspended_account_and_a_new_one_are_named(v8):
    ou, a, _b, cells = v8
    Account.objects.filter(pk=a.pk).update(state="SUSPENDED")
    joined = factories.account(ou=ou, name="joined")
    control = factories.control()
    write_day(cells | {(joined, control): (1, 1, 0, 0)})
    assert causes(changed(ou))[("exits", "account no longer scored", "a")] == 2
    assert causes(changed(ou))[("entries", "account joined", "joined")] == 1


def test_an_organisation_wide_control_moves_the_root_alone(v8):
    ou, a, _b, cells = v8
    whole = factories.control(control_id="Inspector.1", is_delegated_admin_only=True)
    write_day(cells | {(a, whole): (0, 1, 0, 0)})
    assert ("entries", "control enabled", "Inspector.1") in causes(changed(factories.root()))
    assert causes(changed(ou)) == {("posture", "improved", "EC2.8"): 2}


def test_another_organisation_moves_nothing_here(v8):
    _ou, _a, _b, cells = v8
    theirs = OrganizationalUnit.objects.create(
        organization=Organization.objects.create(
            org_id="o-other00001",
            name="Other",
            arn="arn:aws:organizations::200000000001:organization/o-other00001",
            management_account_id="200000000001",
            root_id="r-zz99",
            home_region="eu-west-1",
        ),
        ou_id="r-zz99",
        name="Root",
        path="r-zz99/",
        depth=0,
    )
    account = factories.account(ou=theirs)
    whole = factories.control(control_id="Inspector.1", is_delegated_admin_only=True)
    Control.objects.filter(pk=whole.pk).update(organization=theirs.organization)
    write_day({(account, whole): (1, 1, 0, 0)} | cells, day=BEFORE)
    write_day({(account, whole): (0, 2, 0, 0)} | cells)
    assert causes(changed(factories.root())) == {}
    assert causes(changed(theirs)) == {("posture", "worsened", "Inspector.1"): 1}


def test_the_week_is_compared_with_the_newest_day_a_week_earlier_or_more(v8):
    ou, _a, _b, cells = v8
    write_day(cells, day=DAY - timedelta(days=4))
    write_day(cells, day=DAY + timedelta(days=2))
    assert changed(ou, day=DAY + timedelta(days=2)).before == BEFORE


def test_a_second_writing_changes_nothing_and_a_day_that_is_over_stays(v8):
    ou, _a, _b, cells = v8
    write_day(cells)
    first = ScoreChange.objects.filter(pk=changed(ou).pk).values().get()
    assert ScoreChange.objects.filter(pk=changed(ou).pk).values().get() == first
    OuDay.objects.filter(ou=ou, day=DAY).update(managed_n=0)
    assert write_changes(DAY, now=noon(DAY + timedelta(days=1))) == 0
    assert ScoreChange.objects.filter(pk=first["id"]).values().get() == first


def test_an_ou_without_a_score_on_either_day_has_no_split(v8):
    ou, _a, _b, cells = v8
    fresh = factories.ou(name="Fresh")
    write_day(cells)
    assert write_changes(DAY, now=noon(DAY)) == 2
    assert set(ScoreChange.objects.values_list("ou_id", flat=True)) == {ou.pk, factories.root().pk}
    assert not ScoreChange.objects.filter(ou=fresh).exists()


def test_people_read_the_split_of_what_they_see(v8):
    ou, _a, _b, cells = v8
    write_day(cells)
    row = changed(ou)
    reader = factories.ou_reader(ou=ou)
    assert changes.of_week(reader, ou, day=DAY) == row
    assert changes.of_week(reader, ou, day=DAY + timedelta(days=7)) is None
    split = changes.between(reader, ou, BEFORE, DAY)
    assert (split.before, split.after) == (Decimal("88.3"), Decimal("91.7"))
    assert split.change.posture == row.posture
    assert changes.of_week(reader, factories.root(), day=DAY) is None
    assert changes.between(reader, factories.root(), BEFORE, DAY) is None


# --- The same by a plain implementation over all cells ---------------------------------------------

ACCOUNTS, CONTROLS, PLACES = 3, 4, 4
COUNTS = st.tuples(*[st.integers(0, 3)] * 4)
SEVERITIES = st.sampled_from(["CRITICAL", "HIGH", "MEDIUM", "INFORMATIONAL"])


@dataclass(frozen=True)
class State:
    """One day: where each account is (None: gone), what it weighs, what each control is, the cells."""

    places: list[Any] = field(default_factory=list)
    criticalities: list[Any] = field(default_factory=list)
    controls: list[Any] = field(default_factory=list)  # (severity, is counted, is enabled)
    counts: list[Any] = field(default_factory=list)


STATES = st.builds(
    State,
    places=st.lists(st.sampled_from([None, 0, 1, 2, 3]), min_size=ACCOUNTS, max_size=ACCOUNTS),
    criticalities=st.lists(st.integers(1, 3), min_size=ACCOUNTS, max_size=ACCOUNTS),
    controls=st.lists(
        st.tuples(SEVERITIES, st.sampled_from([True, True, False]), st.booleans()),
        min_size=CONTROLS,
        max_size=CONTROLS,
    ),
    counts=st.lists(COUNTS, min_size=ACCOUNTS * CONTROLS, max_size=ACCOUNTS * CONTROLS),
)


class World:
    """Root > parent > child, and a suspended OU; the last control is of the whole organisation."""

    def __init__(self):
        self.root = factories.root()
        self.parent = factories.ou(name="Parent")
        self.child = factories.ou(name="Child", parent=self.parent)
        self.suspended = factories.ou(name="Suspended", role="SUSPENDED")
        self.ous = [self.root, self.parent, self.child, self.suspended]
        self.accounts = [factories.account(name=f"a{number}") for number in range(ACCOUNTS)]
        self.controls = [
            factories.control(
                control_id=f"C.{number}", is_delegated_admin_only=number == CONTROLS - 1
            )
            for number in range(CONTROLS)
        ]

    def write(self, state, *, day):
        for account, place, criticality in zip(
            self.accounts, state.places, state.criticalities, strict=True
        ):
            account.gone_at = noon(day) if place is None else None
            account.ou = self.ous[place or 0]
            account.criticality = criticality
            account.save()
        for control, (severity, counted, enabled) in zip(
            self.controls, state.controls, strict=True
        ):
            control.severity = severity
            control.scored_from = None if counted else day + WEEK + WEEK
            control.status = "ENABLED" if enabled else "DISABLED"
            control.save()
        write_day(self.cells(state), day=day)

    def cells(self, state):
        keys = [(a, c) for a in self.accounts for c in self.controls]
        return dict(zip(keys, state.counts, strict=True))

    def plain(self, state, ou, *, counts=None):
        """{(account, control): Sums} of the cells that count in the OU, one after the other."""
        found = {}
        for index, ((account, control), now) in enumerate(self.cells(state).items()):
            place = state.places[self.accounts.index(account)]
            criticality = state.criticalities[self.accounts.index(account)]
            severity, is_counted, _ = state.controls[self.controls.index(control)]
            if control.is_delegated_admin_only:
                is_in, criticality = ou == self.root and place is not None, 1
            else:
                is_in = place in (0, 1, 2) and self.ous[place].path.startswith(ou.path)
            if is_in and is_counted:
                shown = counts[index] if counts else Counts(*now)
                weight = scoring.WEIGHTS[severity]
                found[account, control] = Sums.of_cell(
                    shown, weight=weight, criticality=criticality
                )
        return found


class SameAsScoring(TestCase):
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(before=STATES, after=STATES, keep=st.sets(st.integers(0, ACCOUNTS * CONTROLS - 1)))
    def test_the_split_of_every_ou_is_that_of_the_plain_arithmetic(self, before, after, keep):
        for index in keep:
            after.counts[index] = before.counts[index]
        world = World()
        world.write(before, day=BEFORE)
        world.write(after, day=DAY)
        write_changes(DAY, now=noon(DAY))
        stored = {row.ou_id: row for row in ScoreChange.objects.all()}
        registered = [
            scoring.as_registered(Counts(*was), Counts(*now))
            for was, now in zip(before.counts, after.counts, strict=True)
        ]
        for ou in world.ous:
            expected = scoring.change(
                world.plain(before, ou),
                world.plain(after, ou),
                world.plain(after, ou, counts=registered),
            )
            row = stored.get(ou.pk)
            assert (row is None) == (expected is None)
            if row and expected:
                names = ("exits", "posture", "entries", "exceptions", "total")
                assert {n: getattr(row, n) for n in names} == {
                    n: getattr(expected, n) for n in names
                }
                self.check_causes(row)

    def check_causes(self, row):
        """All causes fit into what is kept here, so they sum to their part."""
        assert len(row.causes) < changes.CAUSES_KEPT
        for part in Part:
            total = sum(
                (Decimal(one["points"]) for one in row.causes if one["part"] == part), Decimal(0)
            )
            assert abs(total - getattr(row, part)) < Decimal("2e-6")


class NestingChangesNothing(TestCase):
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(before=STATES, after=STATES)
    def test_another_level_between_changes_no_split_above(self, before, after):
        found = []
        for is_deep in (False, True):
            for model in (ScoreChange, CellDay, Cell):
                model.objects.all().delete()
            Account.objects.all().delete()
            OuDay.objects.all().delete()
            Control.objects.all().delete()
            world = World()
            if is_deep:
                between = factories.ou(name="Between", parent=world.parent)
                OrganizationalUnit.objects.filter(pk=world.child.pk).update(
                    parent=between, path=f"{between.path}{world.child.ou_id}/", depth=3
                )
                world.child.refresh_from_db()
            world.write(before, day=BEFORE)
            world.write(after, day=DAY)
            write_changes(DAY, now=noon(DAY))
            rows = ScoreChange.objects.filter(ou__in=[world.root, world.parent])
            names = ("ou__name", "exits", "posture", "entries", "exceptions", "total")
            found.append(sorted(rows.values_list(*names)))
        assert found[0] == found[1]
