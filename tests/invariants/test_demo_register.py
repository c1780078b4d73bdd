"""The demo organisation's invariants come to their states by recorded steps."""

from datetime import UTC, datetime, timedelta

import pytest
import yaml

from invariants.ingest import catalogue as loading
from invariants.models import Invariant, InvariantMove, OuCoverage
from posture.management import register
from tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 24, 6, tzinfo=UTC)
CATALOG = register.PLAN.parent / "catalog"
STATES = yaml.safe_load(register.PLAN.read_text())["states"]


@pytest.fixture
def organization():
    factories.person(role="Security engineer", username="priya")
    factories.person(role="Security lead", username="marta")
    root = factories.root()
    loading.load_catalogue(root.organization, folders=[CATALOG], now=NOW)
    OuCoverage.objects.bulk_create(
        OuCoverage(invariant=row, ou=root, enforced=40, missing=2)
        for row in Invariant.objects.order_by("pk")
    )
    return root.organization


def advance(organization, week):
    now = NOW + timedelta(weeks=26 - week)
    return register.advance(organization, weeks_ago=week, first_weeks_ago=26, now=now)


def test_at_the_end_of_the_past_every_invariant_is_where_the_plan_has_it(organization):
    taken = sum(advance(organization, week) for week in range(26, -1, -1))

    found = dict(Invariant.objects.values_list("key", "state"))
    assert {key: found[key] for key in STATES} == {k: e["state"] for k, e in STATES.items()}
    assert InvariantMove.objects.exclude(by=None).count() == taken
    assert advance(organization, 0) == 0
    # Who is not in the plan is a draft, or retired by its own file.
    others = {state for key, state in found.items() if key not in STATES}
    assert others == {"DRAFT", "RETIRED"}


def test_what_was_in_force_before_is_taken_over_and_the_rest_comes_in_its_week(organization):
    advance(organization, 26)
    found = dict(Invariant.objects.values_list("key", "state"))
    for key, entry in STATES.items():
        if entry["state"] == "ENFORCED":
            is_old = entry["since_weeks"] <= -26
            assert (found[key] == "ENFORCED") is is_old, key
    move = InvariantMove.objects.filter(invariant__key="mon-config", after="ENFORCED").get()
    assert move.by.username == "marta"
    assert move.why.startswith("Taken over from the list kept so far.")
    assert {gate["gate"] for gate in move.gates if gate["state"] == "WAIVED"} == {
        "STAGING",
        "COVERAGE",
        "REPLAY",
    }


def test_a_step_that_a_gate_refuses_waits(organization):
    OuCoverage.objects.filter(invariant__key="mon-config").update(enforced=0, missing=42)
    advance(organization, 26)
    assert Invariant.objects.get(key="mon-config").state == "STAGED"
    OuCoverage.objects.filter(invariant__key="mon-config").update(enforced=42, missing=0)
    advance(organization, 25)
    assert Invariant.objects.get(key="mon-config").state == "ENFORCED"
