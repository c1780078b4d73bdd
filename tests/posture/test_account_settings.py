"""The settings on an account's page."""

import re

import pytest
from django.urls import reverse

from inventory.facts import Fact
from inventory.models import AccountFact
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return factories.account(team=factories.team(slug="payments"))


def block(client, account):
    text = client.get(reverse("posture:account", args=[account.account_id])).content.decode()
    found = re.search(
        r'<section class="card" aria-labelledby="settings-title">.*?</section>', text, re.S
    )
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


def test_an_account_that_nobody_has_asked_says_so(client, account):
    client.force_login(factories.security_engineer())
    assert "Not asked yet" in block(client, account)


def test_known_denied_and_unasked_settings_stand_beside_each_other(client, account):
    rows = [
        (Fact.ROOT_MFA, "", False, "KNOWN", ""),
        (Fact.IAM_USERS, "", None, "DENIED", "iam:GetAccountSummary"),
        ("region.status", "eu-west-1", "ENABLED", "KNOWN", ""),
        (Fact.VPC_BLOCK_PUBLIC_ACCESS, "eu-west-1", "block-ingress", "KNOWN", ""),
        (Fact.CONFIG_RECORDER, "eu-west-1", None, "UNAVAILABLE", ""),
    ]
    for key, region, value, state, permission in rows:
        AccountFact.objects.create(
            account=account,
            key=key,
            region=region,
            value=value,
            state=state,
            missing_permission=permission,
            as_of=NOW,
        )
    client.force_login(factories.team_member(team=account.team))
    text = block(client, account)
    assert "Root MFA off" in text
    assert "IAM users denied iam:GetAccountSummary" in text
    assert "Allow iam:GetAccountSummary to the role that reads it" in text
    assert "Billing contact not asked yet" in text
    assert "block-ingress" in text
    assert "not told" in text
