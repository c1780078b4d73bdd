"""What is old of denials goes in batches, and what goes is never counted again."""

from datetime import timedelta

import pytest

from invariants.ingest import retention, trail
from invariants.models import (
    Denial,
    DenialDay,
    DenialServes,
    OrgChangeEvent,
    TakenEvent,
    TrailFeed,
)
from tests import factories as make
from tests.fixtures import invariant_pages as rows
from tests.invariants import counted, trails

pytestmark = pytest.mark.django_db
NOW = make.NOW


def remove(*, keep_days=30, until=NOW + timedelta(minutes=1)):
    return retention.remove_old(keep_days=keep_days, now=NOW, clock=lambda: NOW, until=until)


def left():
    models = (Denial, DenialDay, DenialServes, TakenEvent, OrgChangeEvent)
    return [model.objects.count() for model in models]


@pytest.fixture
def denied():
    old, young = NOW - timedelta(days=40), NOW - timedelta(days=3)
    given = [
        trails.record(role="Gone", at=old),
        trails.record(role="Both", at=old),
        trails.record(role="Both", at=young),
        trails.change() | {"eventTime": old.isoformat()},
    ]
    counted.taken(*given)
    one = rows.invariant()
    for row in Denial.objects.all():
        DenialServes.objects.create(denial=row, invariant=one, is_certain=True)
    return given


def test_days_and_events_go_and_a_denial_with_any_day_stays(denied):
    assert remove() == {"days of denials": 2, "events": 2, "changes of policies": 1, "denials": 1}
    assert left() == [1, 1, 1, 1, 0]
    row = Denial.objects.get()
    assert row.principal.endswith("Both")
    assert row.first_at == NOW - timedelta(days=40)
    assert sum(remove().values()) == 0


def test_what_has_gone_is_not_counted_again(denied):
    remove()
    again = trail.take(
        make.organization(), denied, kind=TrailFeed.Kind.FILES, keep_days=30, now=NOW
    )
    assert (again.counts["old"], again.counts["twice"]) == (3, 1)
    assert left()[:2] == [1, 1]


def test_it_goes_in_batches_until_the_time_is_over(denied, monkeypatch):
    monkeypatch.setattr(retention, "LIMIT", 1)
    assert remove(until=NOW)["days of denials"] == 0
    assert left() == [2, 3, 2, 3, 1]
    assert remove()["days of denials"] == 2
    assert left() == [1, 1, 1, 1, 0]
