"""Findings that invariants should make impossible, and controls that recur without one."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from findings.models import Episode, Finding
from invariants.models import InvariantControl, Recurrence, Violation
from invariants.queries import candidates, violations
from invariants.rollups import violations as rollup
from tests import factories as make
from tests.fixtures import invariant_pages as rows
from tests.invariants import counted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]
NOW = make.NOW
LONG_AGO = NOW - timedelta(days=60)


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


def count():
    make.count_findings()
    return rollup.rebuild(make.organization(), now=NOW)


def invariant(
    key="s3-public", *, kind="SERVICE_CONTROL_POLICY", controls=("S3.8",), analyzer=(), **changes
):
    detects = {"security_hub": list(controls), "access_analyzer": list(analyzer)}
    return rows.invariant(key, type=kind, record={"detects": detects}, **changes)


def opened(account, control, *, at=NOW - timedelta(days=3), **changes):
    return make.finding(account=account, control=control, opened_at=at, **changes)


@pytest.fixture
def s3():
    return make.control(control_id="S3.8")


@pytest.fixture
def engineer(db):
    return make.security_engineer()


def stored():
    found = Violation.objects.order_by("invariant__key", "account", "control")
    return [(row.invariant.key, row.account, row.open, row.from_before) for row in found]


class TestViolations:
    def test_findings_where_it_is_in_force_are_counted_and_older_ones_apart(self, s3, engineer):
        account, other = make.account(), make.account()
        one = invariant()
        counted.covered(one, account)
        counted.covered(one, other, state="CARVED_OUT")
        opened(account, s3)
        opened(account, s3, at=LONG_AGO)
        make.finding(account=account, control=s3, status="PASSED")
        opened(other, s3)
        assert count()["violations"] == 2
        assert stored() == [("s3-public", account, 2, 1), ("s3-public", other, 1, 0)]
        found = violations.of_invariant(engineer, one)
        assert (found.open, found.from_before, found.new, found.all_accounts) == (3, 1, 2, 2)
        assert violations.open_by_invariant(engineer) == {one.pk: 3}

    @pytest.mark.parametrize(
        "state", ["MISSING", "BROKEN", "EXCEPTED", "UNKNOWN", "NOT_ENFORCEABLE", "NOT_APPLICABLE"]
    )
    def test_where_it_is_not_in_force_nothing_is_a_violation(self, state, s3):
        account = make.account()
        counted.covered(invariant(), account, state=state)
        opened(account, s3)
        count()
        assert stored() == []

    def test_what_is_no_longer_open_is_no_longer_counted(self, s3, engineer):
        account = make.account()
        one = invariant()
        counted.covered(one, account)
        finding = opened(account, s3)
        count()
        Finding.objects.filter(pk=finding.pk).update(status="CLOSED", opened_at=None, due_at=None)
        count()
        assert stored() == []
        assert violations.of_invariant(engineer, one).open == 0

    def test_counting_twice_writes_nothing(self, s3):
        account = make.account()
        counted.covered(invariant(), account)
        opened(account, s3)
        count()
        assert count() == {"violations": 0, "recurrences": 0}

    def test_a_risk_that_is_taken_away_leaves_its_finding(self, engineer):
        """KMS.5 reads the key's own policy: an RCP keeps strangers out and the finding open."""
        control = make.control(control_id="KMS.5")
        account = make.account()
        one = invariant(kind="RESOURCE_CONTROL_POLICY", controls=("KMS.5",))
        counted.covered(one, account)
        opened(account, control)
        count()
        assert InvariantControl.objects.get().stops == "RISK"
        found = violations.of_invariant(engineer, one)
        assert (found.open, found.at_risk) == (0, 1)
        assert violations.open_by_invariant(engineer) == {}
        # A service control policy is not known to do as much for it: the catalogue is taken at its word.
        counted.covered(invariant("kms-other", controls=("KMS.5",)), account)
        count()
        assert set(InvariantControl.objects.values_list("invariant__key", "stops")) == {
            ("s3-public", "RISK"),
            ("kms-other", "FINDING"),
        }

    def test_access_analyzer_is_named_by_its_pseudo_control(self, engineer):
        control = make.control(control_id="AccessAnalyzer.ExternalAccess")
        account = make.account()
        one = invariant(kind="SERVICE_CONTROL_POLICY", controls=(), analyzer=("ExternalAccess",))
        counted.covered(one, account)
        opened(account, control)
        count()
        assert violations.of_invariant(engineer, one).open == 1

    def test_a_control_that_leaves_the_catalogue_leaves_the_counts(self, s3):
        account = make.account()
        one = invariant()
        counted.covered(one, account)
        opened(account, s3)
        count()
        rows.version(one, record={"detects": {}}, read={})
        count()
        assert (InvariantControl.objects.count(), stored()) == (0, [])

    def test_before_anything_is_counted_nothing_is_known(self, engineer):
        one = invariant()
        assert violations.open_by_invariant(engineer) is None
        assert violations.of_invariant(engineer, one).is_known is False

    def test_people_see_the_counts_of_their_own_accounts(self, s3):
        team = make.team()
        mine, other = make.account(team=team), make.account()
        one = invariant()
        for account in (mine, other):
            counted.covered(one, account)
            opened(account, s3)
        count()
        member = make.team_member(team=team)
        found = violations.of_invariant(member, one)
        assert (found.open, [row.account_pk for row in found.accounts]) == (1, [mine.pk])
        assert violations.open_by_invariant(member) == {one.pk: 1}
        assert violations.open_by_invariant(make.stranger()) == {}


class TestCandidates:
    def recurring(self, control, *, accounts=2, **changes):
        places = [make.account() for _ in range(accounts)]
        for place in places:
            opened(place, control, **changes)
        return places

    def test_what_recurs_where_nothing_prevents_it_is_ranked_by_how_often(self, s3, engineer):
        other = make.control(control_id="IAM.3", area="IDENTITY")
        first, *_ = self.recurring(s3, accounts=3)
        self.recurring(other, accounts=1)
        one = invariant(state="DRAFT")
        counted.covered(one, first)
        count()
        found = candidates.candidates(engineer)
        assert [(row.control_id, row.opened, row.open, row.accounts) for row in found.rows] == [
            ("S3.8", 2, 2, 2),
            ("IAM.3", 1, 1, 1),
        ]
        assert found.rows[0].covered == 1
        assert [(would.key, would.state) for would in found.rows[0].invariants] == [
            ("s3-public", "DRAFT")
        ]
        assert found.rows[1].invariants == ()
        assert found.rows[1].hint is not None

    def test_old_findings_are_open_and_not_new(self, s3, engineer):
        self.recurring(s3, at=NOW - timedelta(days=200))
        count()
        [row] = candidates.candidates(engineer).rows
        assert (row.opened, row.open) == (0, 2)

    def test_a_finding_that_failed_again_is_told_apart(self, s3, engineer):
        account = make.account()
        finding = opened(account, s3)
        Episode.objects.create(
            finding=finding,
            opened_at=NOW - timedelta(days=80),
            closed_at=NOW - timedelta(days=50),
            close_reason="PASSED",
        )
        count()
        [row] = candidates.candidates(engineer).rows
        assert (row.opened, row.reopened, row.open) == (2, 1, 1)

    def test_a_control_that_nothing_prevents_is_no_candidate(self, engineer):
        self.recurring(make.control(control_id="Nothing.1"))
        count()
        assert candidates.candidates(engineer).rows == ()
        assert Recurrence.objects.count() == 0

    def test_filters_and_scope(self, s3, client):
        team = make.team()
        mine = make.account(team=team)
        opened(mine, s3)
        opened(make.account(), s3)
        invariant()
        iam = make.control(control_id="IAM.3", area="IDENTITY")
        opened(mine, iam)
        count()
        member = make.team_member(team=team)
        found = candidates.candidates(member)
        assert [(row.control_id, row.open) for row in found.rows] == [("IAM.3", 1), ("S3.8", 1)]
        assert [row.control_id for row in candidates.candidates(member, area="IDENTITY").rows] == [
            "IAM.3"
        ]
        assert [row.control_id for row in candidates.candidates(member, is_without=True).rows] == [
            "IAM.3"
        ]
        client.force_login(member)
        content = client.get(reverse("invariants:candidates")).content.decode()
        assert "/invariants/s3-public/" in content
        assert "no invariant in the catalogue yet" in content
        assert "adopt a policy" not in content
        client.force_login(make.stranger())
        content = client.get(reverse("invariants:candidates")).content.decode()
        assert "S3.8" not in content

    def test_before_anything_is_counted_the_page_says_so(self, client, engineer):
        client.force_login(engineer)
        make.organization()
        content = client.get(reverse("invariants:candidates")).content.decode()
        assert "Not counted yet" in content
        assert "not the same as none" in content

    @pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
    def test_the_page_costs_the_same_for_many_controls(self, headers, client, engineer, s3):
        client.force_login(engineer)
        url = reverse("invariants:candidates")
        self.recurring(s3)
        count()
        client.get(url, headers=headers)
        with CaptureQueriesContext(connection) as few:
            client.get(url, headers=headers)
        for number in (1, 2, 3):
            self.recurring(make.control(control_id=f"S3.{number}"))
        invariant(controls=("S3.1", "S3.2"))
        count()
        with CaptureQueriesContext(connection) as many:
            content = client.get(url, headers=headers).content.decode()
        assert "S3.3" in content
        assert len(many) == len(few)
