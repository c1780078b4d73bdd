"""1,000 accounts and 200,000 findings through the same path, and the same number of queries a page."""

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from findings.models import Finding
from inventory.models import Account, OrganizationalUnit
from posture.models import OuDay
from sandbox import org, server
from tests.fixtures import reviews
from tests.fixtures.pipeline import ANCHOR, KEYS, NOW, ROOT, Worker, collect

ACCOUNTS, FINDINGS = 1_000, 200_000
pytestmark = pytest.mark.xdist_group("large")


@pytest.fixture
def large_sandbox():
    organization = org.build(accounts=ACCOUNTS, findings=FINDINGS, anchor=ANCHOR)
    with server.start(
        organization, policy=ROOT / "docs" / "iam-policy.json", now=NOW, settings=KEYS
    ) as running:
        yield running


def queries_of_pages():
    """Queries of the overview and of the scorecard of an OU with OUs below it, by address."""
    # Signed in as by an identity provider: a person with a password is asked for a second factor.
    values = {"is_superuser": True, "password": make_password(None)}
    user, _ = User.objects.get_or_create(username="priya", defaults=values)
    client = Client()
    production = OrganizationalUnit.objects.get(name="Production")
    found = {}
    # On the day that was collected, whenever the test runs.
    with time_machine.travel(NOW, tick=False):
        client.force_login(user)
        for name, address in (("overview", "/"), ("scorecard", f"/scorecards/{production.ou_id}/")):
            client.get(address)
            with CaptureQueriesContext(connection) as queries:
                answer = client.get(address)
            assert answer.status_code == 200
            assert b"13 weeks" in answer.content
            found[name] = len(queries)
    return found


@pytest.mark.timeout(1200)
def test_a_thousand_accounts_are_collected_to_the_end_and_cost_a_page_no_more_queries(
    worker, large_sandbox, settings, tmp_path
):
    collect()
    small = queries_of_pages()
    worker.end()
    reviews.empty_kept()
    call_command("flush", interactive=False, verbosity=0)
    settings.POSTURE_HUB_ROLE_ARN = large_sandbox.hub_role_arn
    with (tmp_path / "worker.log").open("wb") as log:
        large_worker = Worker(large_sandbox, log)
        large_worker.start()
        try:
            collection = collect(seconds=1000)
        finally:
            large_worker.end()
            worker.start()
    assert collection.state == "COMPLETE"
    snapshot = large_sandbox.world.moment().snapshot
    assert Account.objects.live().count() == len(snapshot.accounts) >= ACCOUNTS
    hub = Finding.objects.filter(product_arn__contains=":securityhub:")
    assert hub.count() == len(snapshot.findings) >= 0.95 * FINDINGS
    root = OuDay.objects.get(ou__parent=None, area="")
    assert root.accounts_total == len(snapshot.accounts)
    assert queries_of_pages() == small
