"""A finding says which invariant would have prevented it, and how that stands in its account."""

import pytest
from django.urls import reverse

from findings.queries import hints
from invariants.rollups import violations
from tests import factories as make
from tests.fixtures import invariant_pages as rows
from tests.invariants import counted

pytestmark = pytest.mark.django_db


@pytest.fixture
def finding():
    return make.finding(account=make.account(), control=make.control(control_id="KMS.5"))


def invariant(key, **changes):
    values = {"type": "SERVICE_CONTROL_POLICY", "type_name": "Service control policy"}
    record = {"detects": {"security_hub": ["KMS.5"]}}
    one = rows.invariant(key, **(values | changes), record=record)
    violations.follow_catalogue(make.organization())
    return one


def test_those_in_force_come_first_with_their_state_and_their_page(finding, client):
    engineer = make.security_engineer()
    missing, held = invariant("a-missing"), invariant("b-held")
    invariant("c-not-worked-out")
    counted.covered(missing, finding.account, state="MISSING")
    counted.covered(held, finding.account)
    counted.covered(held, make.account(), state="BROKEN")
    found = hints.prevented_by(engineer, finding)
    assert [(hint.link_text, hint.text) for hint in found] == [
        ("b-held", "Service control policy: enforced in this account."),
        ("a-missing", "Service control policy: missing in this account."),
        (
            "c-not-worked-out",
            "Service control policy: it is not worked out yet whether it holds in this account.",
        ),
    ]
    client.force_login(engineer)
    content = client.get(reverse("findings:detail", args=[finding.pk])).content.decode()
    assert reverse("invariants:detail", args=["b-held"]) in content


def test_one_that_takes_the_risk_alone_says_so(finding):
    invariant("a", type="RESOURCE_CONTROL_POLICY")
    [hint] = hints.prevented_by(make.security_engineer(), finding)
    assert hint.stops_finding is False


def test_without_an_invariant_there_is_what_aws_offers(finding):
    [hint, *_] = hints.prevented_by(make.security_engineer(), finding)
    assert hint.link_text == "AWS documentation"
    one = invariant("gone")
    one.gone_at = make.NOW
    one.save()
    [hint, *_] = hints.prevented_by(make.security_engineer(), finding)
    assert hint.is_external
