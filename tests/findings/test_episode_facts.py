"""An episode knows what flow is counted by, whoever writes the finding or the episode (0012_flow)."""

from datetime import timedelta

import pytest
from django.db.models import F, Q

from findings import ingest
from findings.models import Episode, Finding
from tests import factories
from tests.findings.records import NOW, record

DAY = timedelta(days=1)
WEEK = 7 * DAY
pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return factories.account(account_id="200000000001")


@pytest.fixture
def catalog(account):
    return ingest.load_catalog(account.organization)


def take(catalog, *records, at=NOW):
    assert not ingest.upsert_findings(records, catalog=catalog, as_of=at).rejected


def copy_of(old, **changes):
    return record(finding_id=old.finding_id, resource_id=old.resource_id, **changes)


def out_of_step():
    """Episodes that say other than their findings do; closed ones keep their own due dates."""
    place = Q(account=F("finding__account"), control=F("finding__control"))
    same = place & Q(severity=F("finding__severity"))
    clock = Q(sla_rule=F("finding__sla_rule"), due_at=F("finding__due_at"))
    no_clock = Q(sla_rule=F("finding__sla_rule"), due_at=None, finding__due_at=None)
    is_open = Q(closed_at=None, finding__status="OPEN")
    # NULL is not false: what cannot be compared counts as out of step.
    in_step = Episode.objects.filter(same & (~is_open | clock | no_clock))
    return Episode.objects.exclude(pk__in=in_step.values("pk"))


def test_new_findings_hand_their_facts_to_their_episodes(catalog):
    failed = [record(severity=severity) for severity in ("CRITICAL", "HIGH", "LOW")]
    take(catalog, *failed, record(compliance="PASSED"), record(severity="INFORMATIONAL"))
    assert Episode.objects.count() == 4
    assert not out_of_step().exists()
    assert Episode.objects.filter(due_at__isnull=False).exclude(sla_rule="").count() >= 3


def test_a_closed_episode_keeps_the_due_date_that_it_closed_under(catalog):
    one = record(severity="HIGH")
    take(catalog, one)
    due_at, rule = Episode.objects.values_list("due_at", "sla_rule").get()
    assert due_at is not None
    passed = copy_of(one, severity="HIGH", compliance="PASSED", updated_at=NOW + DAY)
    take(catalog, passed, at=NOW + DAY)
    closed = Episode.objects.get()
    assert Finding.objects.get().due_at is None
    assert (closed.close_reason, closed.due_at, closed.sla_rule) == ("PASSED", due_at, rule)

    # Weeks later it fails again, graver: the severity is that of all of its episodes.
    graver = copy_of(one, severity="CRITICAL", updated_at=NOW + 5 * WEEK)
    take(catalog, graver, at=NOW + 5 * WEEK)
    first, second = Episode.objects.order_by("opened_at")
    assert (first.severity, first.due_at, first.sla_rule) == ("CRITICAL", due_at, rule)
    assert second.due_at == Finding.objects.get().due_at
    assert not out_of_step().exists()


def test_an_episode_that_is_resumed_has_the_due_date_of_today(catalog):
    one = record(severity="HIGH")
    take(catalog, one)
    passed = copy_of(one, severity="HIGH", compliance="PASSED", updated_at=NOW + DAY)
    take(catalog, passed, at=NOW + DAY)
    take(catalog, copy_of(one, severity="LOW", updated_at=NOW + 2 * DAY), at=NOW + 2 * DAY)
    episode, found = Episode.objects.get(), Finding.objects.get()
    assert (episode.resumed, episode.severity) == (1, "LOW")
    assert (episode.due_at, episode.sla_rule) == (found.due_at, found.sla_rule)


@pytest.mark.parametrize(
    "changes",
    [
        {"severity": "LOW"},
        {"due_at": NOW + 9 * DAY},
        {"due_at": None, "sla_rule": ""},
        {"sla_rule": "another"},
    ],
)
def test_whoever_changes_a_finding_changes_its_open_episode(catalog, changes):
    take(catalog, record(), record())
    found = Finding.objects.order_by("pk").first()
    Finding.objects.filter(pk=found.pk).update(**changes)
    episode = Episode.objects.get(finding=found)
    assert {name: getattr(episode, name) for name in changes} == changes
    assert not out_of_step().exists()


def test_a_finding_that_moves_takes_all_of_its_episodes_along(catalog, account):
    take(catalog, record())
    found = Finding.objects.get()
    Episode.objects.create(
        finding=found, opened_at=NOW - 90 * DAY, closed_at=NOW - 80 * DAY, close_reason="PASSED"
    )
    other = factories.account(ou=account.ou)
    control = factories.control()
    Finding.objects.update(account=other, control=control)
    episodes = set(Episode.objects.values_list("account", "control"))
    assert episodes == {(other.pk, control.pk)}
    assert Episode.objects.filter(due_at=None).count() == 1


def test_nobody_can_write_another_severity_or_place_into_an_episode(catalog):
    take(catalog, record(severity="HIGH"))
    before = Episode.objects.values().get()
    Episode.objects.update(severity="LOW", account_id=0, control_id=0, due_at=None, sla_rule="x")
    assert Episode.objects.values().get() == before


def test_new_rules_of_due_dates_reach_the_open_episodes_alone(catalog):
    gone, here = record(severity="HIGH"), record(severity="HIGH")
    take(catalog, gone, here)
    take(
        catalog,
        copy_of(gone, severity="HIGH", compliance="PASSED", updated_at=NOW + DAY),
        at=NOW + DAY,
    )
    kept = Episode.objects.values_list("due_at", flat=True).get(closed_at__isnull=False)
    Finding.objects.filter(status="OPEN").update(due_at=NOW - DAY, sla_version=0)
    assert Episode.objects.get(closed_at=None).due_at == NOW - DAY
    assert ingest.reclock_all() == 1
    assert Episode.objects.get(closed_at=None).due_at == Finding.objects.get(status="OPEN").due_at
    assert Episode.objects.get(closed_at__isnull=False).due_at == kept
    assert not out_of_step().exists()
