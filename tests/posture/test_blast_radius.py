"""The blast radius says beforehand what an exception will do: to findings, and to scores."""

from decimal import Decimal

import pytest

from findings.models import DirtyCell, Finding
from invariants.actions import exceptions as actions
from invariants.actions.exceptions import Line
from invariants.models import ExceptedFinding
from invariants.models.exceptions import ScopeKind
from invariants.queries.exceptions import blast
from inventory.models import Account
from posture import rollups, scoring
from posture.models import AccountDay, OuDay
from posture.queries import figures
from tests import factories
from tests.fixtures import invariant_pages
from tests.invariants.exceptions import world as worlds

pytestmark = pytest.mark.django_db
EXPORTS, LOGS, STAGING = (f"arn:aws:s3:::{name}" for name in ("exports", "logs", "staging"))


@pytest.fixture
def world():
    """Two accounts, one of them critical. In the first three buckets fail, one of them in two Regions,
    and one passes; in the second one fails and one passes."""
    world = worlds.build()
    Account.objects.filter(pk=world.account.pk).update(criticality=3)
    world.account.refresh_from_db()
    world.other = factories.account(ou=world.account.ou, team=world.account.team)
    other_control = factories.control(severity="HIGH")
    failing = [(EXPORTS, "eu-west-1"), (EXPORTS, "us-east-1"), (LOGS, "eu-west-1")]
    for resource, region in (*failing, (STAGING, "eu-west-1")):
        tagged = {"Resources": [{"Tags": {"stage": "test"}}]} if resource == STAGING else {}
        factories.finding(
            account=world.account, control=world.control, resource_id=resource, region=region,
            severity="MEDIUM" if resource == LOGS else "LOW", payload=tagged or None,
            updated_at=world.now,
        )  # fmt: skip
    for account, control in ((world.account, world.control), (world.other, other_control)):
        factories.finding(account=account, control=control, status="PASSED", updated_at=world.now)
    factories.finding(account=world.other, control=world.control, updated_at=world.now)
    rolled_up(world)
    return world


def rolled_up(world):
    cells = Finding.objects.order_by().values_list("account_id", "control_id").distinct()
    DirtyCell.objects.bulk_create(DirtyCell(account_id=a, control_id=c) for a, c in cells)
    rollups.roll_up(now=world.now)


def managed(row):
    return scoring.managed(figures.of_ou(row).sums)


SCOPES = {
    "all of the control in the account": ([], 4),
    "one bucket": ([(ScopeKind.RESOURCE, EXPORTS)], 2),
    # The bucket still fails in the other Region.
    "one Region": ([(ScopeKind.REGION, "eu-west-1")], 3),
    "by pattern": ([(ScopeKind.PATTERN, "*:::l?gs")], 1),
    "by tag": ([(ScopeKind.TAG, "stage=test")], 1),
    "nothing that is there": ([(ScopeKind.RESOURCE, "arn:aws:s3:::gone")], 0),
}


@pytest.mark.parametrize("name", SCOPES)
def test_what_it_says_beforehand_is_what_happens(world, name):
    lines, findings = SCOPES[name]
    place = Line(ScopeKind.ACCOUNT, world.account.account_id)
    request = world.drafted(mechanism="NONE")
    more = [Line(kind, value) for kind, value in lines]
    actions.set_scope(world.by("requester"), request.pk, [place, *more], now=world.now)
    seen = blast.radius(world.people["lead"], request, now=world.now)
    assert seen.findings == findings
    assert seen.refused is None
    assert [one.pk for one in seen.accounts] == [world.account.pk]
    places = {one.place: one for one in seen.scores or ()}

    actions.submit(world.by("requester"), request.pk, now=world.now)
    actions.triage(world.by("assessor"), request.pk, now=world.now)
    view = actions.RiskView("LOW", "LOW", worlds.WHY)
    actions.assess(world.by("assessor"), request.pk, view, now=world.now)
    actions.approve(world.by("lead"), request.pk, now=world.now)
    before = {row.ou.name: managed(row) for row in _newest()}
    loads = {row.ou.name: row.exception_n / row.exception_d for row in _newest()}
    world.looked(request, True)
    rolled_up(world)

    assert ExceptedFinding.objects.count() == findings
    if not findings:
        assert seen.scores == ()
        assert before == {row.ou.name: managed(row) for row in _newest()}
        return
    assert set(places) == {"the organisation", world.account.ou.name}
    for row in _newest():
        said = places["the organisation" if row.ou.depth == 0 else row.ou.name]
        assert (said.before, said.after) == (before[row.ou.name], managed(row))
        assert said.points == said.after - said.before
        load = row.exception_n / row.exception_d - loads[row.ou.name]
        assert said.weight_pct == scoring.one_decimal(load * 100)


def _newest():
    return OuDay.objects.filter(area="").select_related("ou").order_by("ou__depth")


def test_whoever_sees_no_ou_as_a_whole_is_told_of_the_account(world):
    request = world.drafted(mechanism="NONE")
    seen = blast.radius(world.people["requester"], request, now=world.now)
    assert [one.place for one in seen.scores] == ["this account"]
    row = AccountDay.objects.get(account=world.account, area="")
    assert seen.scores[0].before == scoring.managed(figures.of_account(row).sums)
    assert seen.scores[0].points > Decimal(0)
    assert not seen.is_partial


def test_what_a_person_does_not_see_is_not_counted_for_them(world):
    both = [
        Line(ScopeKind.ACCOUNT, world.account.account_id),
        Line(ScopeKind.ACCOUNT, world.other.account_id),
    ]
    request = world.drafted(mechanism="NONE")
    actions.set_scope(world.by("requester"), request.pk, both, now=world.now)
    stranger = factories.person(role="Team member", username="of-another-team")
    Account.objects.filter(pk=world.other.pk).update(team=factories.team(slug="others"))
    assert blast.radius(world.people["lead"], request, now=world.now).findings == 5
    seen = blast.radius(world.people["requester"], request, now=world.now)
    assert (seen.findings, seen.is_partial) == (4, True)
    unseen = blast.radius(stranger, request, now=world.now)
    assert (unseen.findings, unseen.accounts, unseen.examples) == (0, (), ())


def test_of_an_invariant_only_the_controls_count_that_the_scope_names(world):
    request = world.drafted(target=invariant_pages.invariant())
    seen = blast.radius(world.people["lead"], request, now=world.now)
    assert (seen.findings, seen.controls, seen.is_of_invariant) == (0, 0, True)
    lines = [
        Line(ScopeKind.ACCOUNT, world.account.account_id),
        Line(ScopeKind.CONTROL, world.control.control_id),
    ]
    actions.set_scope(world.by("requester"), request.pk, lines, now=world.now)
    assert blast.radius(world.people["lead"], request, now=world.now).findings == 4


def test_its_cost_does_not_grow_with_what_is_outside_of_it(
    world, django_assert_max_num_queries, monkeypatch
):
    request = world.drafted(mechanism="NONE")
    with django_assert_max_num_queries(16):
        blast.radius(world.people["lead"], request, now=world.now)
    monkeypatch.setattr(blast, "MOST", 2)
    seen = blast.radius(world.people["lead"], request, now=world.now)
    assert (seen.findings, seen.has_more, seen.scores) == (2, True, None)
