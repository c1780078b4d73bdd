"""What AWS may do to a collection: nothing is lost, nothing closes, and the page can say why."""

from datetime import timedelta

import pytest

from findings.models import Finding
from inventory.models import Account, AccountFact, CollectionRun, OrgPolicy
from posture.models import OuDay
from sandbox.faults import Rule
from tests.fixtures.pipeline import NOW, collect
from tests.fixtures.tables import contents

WEEK = timedelta(days=7)
pytestmark = [pytest.mark.usefixtures("worker"), pytest.mark.xdist_group("worker")]


def last_run(source, **filters):
    return CollectionRun.objects.filter(source=source, **filters).latest("pk")


PASSING = {
    "a throttled call": Rule(
        "error", service="securityhub", code="LimitExceededException", times=2
    ),
    "an expired session": Rule("expire", service="securityhub", times=1),
    "a server error": Rule("error", service="securityhub", times=2),
    "an empty page with a token": Rule("empty-page", operation="GetFindings", times=2),
    "a connection reset": Rule("reset", service="organizations", times=2),
    "a slow answer": Rule("slow", operation="ListAccounts", seconds=0.5, times=1),
}


def test_a_passing_fault_leaves_no_trace(sandbox, subtests):
    """One after the other over the same tables, since none of them may change anything."""
    collect()
    before = contents()
    for name, rule in PASSING.items():
        sandbox.faults.clear()
        sandbox.faults.add(rule)
        with subtests.test(name):
            assert collect().state == "COMPLETE"
            assert sandbox.faults.report()[0]["hits"] >= 1
            assert contents() == before


@pytest.mark.parametrize(
    "rule",
    [
        Rule("truncate", operation="GetFindings", times=20),
        Rule("deny", operation="GetFindings"),
        Rule("error", operation="GetFindings", status=503),
    ],
    ids=["truncated bodies", "access denied", "out of service"],
)
def test_a_sweep_that_fails_closes_nothing_and_raises_no_grade(sandbox, rule):
    early = NOW - WEEK
    sandbox.clock(early)
    collect(as_of=early)
    keys = ("key", "status", "vanished_at")
    before = sorted(Finding.objects.filter(product="securityhub").values_list(*keys), key=repr)
    score = OuDay.objects.get(ou__parent=None, area="", day=early.date())

    sandbox.clock(NOW)
    sandbox.faults.add(rule)
    assert collect().state == "PARTIAL"
    assert last_run("SECURITY_HUB").state in {"FAILED", "DENIED"}
    hub = Finding.objects.filter(product="securityhub")
    assert sorted(hub.values_list(*keys), key=repr) == before
    now = OuDay.objects.get(ou__parent=None, area="", day=NOW.date())
    # A week without a look: what passed is no longer known, what failed still fails.
    assert now.managed_n * score.managed_d <= score.managed_n * now.managed_d
    assert now.coverage_n * score.coverage_d < score.coverage_n * now.coverage_d


def test_a_denial_names_the_permission_and_the_rest_goes_on(sandbox):
    sandbox.faults.add(Rule("deny", service="access-analyzer", region="eu-central-1"))
    assert collect().state == "PARTIAL"
    denied = last_run("ACCESS_ANALYZER", region="eu-central-1")
    assert denied.state == "DENIED"
    assert denied.missing_permission == "access-analyzer:ListAnalyzers"
    assert "eu-central-1" in denied.error
    assert last_run("ACCESS_ANALYZER", region="eu-west-1").state == "COMPLETE"


def test_without_an_inventory_the_collection_fails_and_says_what_is_missing(sandbox):
    sandbox.faults.add(Rule("deny", service="organizations"))
    assert collect().state == "FAILED"
    run = last_run("ORGANIZATIONS")
    assert run.missing_permission.startswith("organizations:")
    assert not Account.objects.exists()


def test_a_denied_inventory_leaves_the_old_one_and_the_findings_are_still_read(sandbox):
    collect()
    accounts = sorted(Account.objects.values_list("account_id", "gone_at"))
    sandbox.faults.add(Rule("deny", service="organizations"))
    assert collect().state == "PARTIAL"
    assert sorted(Account.objects.values_list("account_id", "gone_at")) == accounts
    assert not OrgPolicy.objects.exclude(gone_at=None).exists()
    assert last_run("SECURITY_HUB").state == "COMPLETE"


def test_tags_that_are_denied_stay_and_make_the_run_partial(sandbox):
    collect()
    tags = sorted(Account.objects.values_list("account_id", "environment"))
    sandbox.faults.add(Rule("deny", operation="ListTagsForResource"))
    collect()
    run = last_run("ORGANIZATIONS")
    assert (run.state, run.missing_permission) == ("PARTIAL", "organizations:ListTagsForResource")
    assert sorted(Account.objects.values_list("account_id", "environment")) == tags


def test_regions_that_are_denied_are_read_as_they_were_known(sandbox):
    collect()
    regions = set(CollectionRun.objects.values_list("source", "region"))
    sandbox.faults.add(Rule("deny", operation="ListRegions"))
    collection = collect()
    assert set(collection.runs.values_list("source", "region")) == regions
    assert AccountFact.objects.filter(key="region.status").exists()
