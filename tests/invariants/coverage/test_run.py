"""What a run writes: coverage, its days, its proofs and the sums of OUs."""

import random
from datetime import timedelta
from unittest import mock

import pytest
from django.test import TestCase

from invariants import tasks
from invariants.evaluation import coverage
from invariants.models import (
    Coverage,
    CoverageDay,
    CoverageProof,
    CoverageRun,
    Invariant,
    OuCoverage,
    PolicyDay,
)
from invariants.models.coverage import COUNTS
from inventory.models import Account, OrganizationalUnit, OrgPolicy, Placement
from tests import factories
from tests.factories import NOW
from tests.fixtures import coverage as made

KEY = "kms-delete"
DAY = NOW.date()


class CoverageCase(TestCase):
    """Two production accounts, one for development, one under Exceptions, one suspended; the management
    account at the root."""

    @classmethod
    def setUpTestData(cls):
        cls.organization = factories.organization()
        cls.root = factories.root()
        cls.work = factories.ou(name="Workloads")
        cls.prod = factories.ou(parent=cls.work, name="Production")
        cls.dev = factories.ou(parent=cls.work, name="Development")
        cls.special = factories.ou(name="Exceptions", role="EXCEPTIONS")
        cls.parked = factories.ou(name="Suspended", role="SUSPENDED")
        cls.shop = factories.account(ou=cls.prod, name="Shop")
        cls.bank = factories.account(ou=cls.prod, name="Bank")
        cls.lab = factories.account(ou=cls.dev, name="Lab")
        cls.odd = factories.account(ou=cls.special, name="Odd")
        cls.closed = factories.account(ou=cls.parked, name="Closed")
        cls.payer = factories.account(
            ou=cls.root, name="Payer", account_id=cls.organization.management_account_id
        )
        made.catalogue()
        ous = OrganizationalUnit.objects.values_list("ou_id", flat=True)
        accounts = Account.objects.values_list("account_id", flat=True)
        made.full_access(*ous, *accounts)
        cls.organization.refresh_from_db()

    def run_at(self, moment=NOW, state="COMPLETE"):
        if state:
            made.reading(moment, state)
        return coverage.run(self.organization, now=moment)

    def states(self, key=KEY):
        rows = Coverage.objects.filter(invariant__key=key)
        return dict(rows.values_list("account__name", "state"))

    def days(self, account, key=KEY):
        rows = CoverageDay.objects.filter(invariant__key=key, account=account).order_by("day")
        return list(rows.values_list("day", "until", "state"))


class TestRun(CoverageCase):
    def test_every_pair_of_invariant_and_account_has_a_state_and_a_proof(self):
        made.of_invariant(KEY, self.work.ou_id)
        run = self.run_at()
        assert (run.state, run.why) == ("COMPLETE", "")
        assert Coverage.objects.count() == Invariant.objects.count() * 6
        assert self.states() == {
            "Shop": "ENFORCED",
            "Bank": "ENFORCED",
            "Lab": "ENFORCED",
            "Odd": "MISSING",
            "Closed": "NOT_APPLICABLE",
            "Payer": "NOT_ENFORCEABLE",
        }
        proof = Coverage.objects.get(invariant__key=KEY, account=self.shop).proof
        assert (proof.policy.name, proof.level) == (KEY, self.work.ou_id)
        assert [proof.policy.policy_id, 0] in proof.evidence["serves"]
        # One proof for all three.
        assert CoverageProof.objects.filter(invariant__key=KEY, state="ENFORCED").count() == 1

    def test_a_second_run_writes_nothing_and_keeps_since(self):
        made.of_invariant(KEY, self.work.ou_id)
        self.run_at()
        before = list(Coverage.objects.order_by("pk").values())
        run = self.run_at(NOW + timedelta(hours=3))
        assert (run.counts["turned"], run.counts["proofs"]) == (0, 0)
        assert list(Coverage.objects.order_by("pk").values()) == before

    def test_a_state_that_turns_has_a_day_and_a_new_since(self):
        policy = made.of_invariant(KEY, self.work.ou_id)
        self.run_at()
        later = NOW + timedelta(days=5)
        made.detach(policy, at=later)
        self.run_at(later)
        assert self.states()["Shop"] == "MISSING"
        assert Coverage.objects.get(invariant__key=KEY, account=self.shop).since == later
        turned = DAY + timedelta(days=5)
        assert self.days(self.shop) == [(DAY, turned, "ENFORCED"), (turned, None, "MISSING")]
        assert self.days(self.odd) == [(DAY, None, "MISSING")]

    def test_of_several_states_on_a_day_the_last_counts_and_a_return_leaves_no_trace(self):
        policy = made.of_invariant(KEY, self.work.ou_id)
        self.run_at()
        later = NOW + timedelta(days=5)
        made.detach(policy, at=later)
        self.run_at(later)
        made.attach(policy, self.work.ou_id)
        self.run_at(later + timedelta(hours=1))
        assert self.days(self.shop) == [(DAY, None, "ENFORCED")]

    def test_another_proof_of_the_same_state_is_no_turn(self):
        policy = made.of_invariant(KEY, self.work.ou_id)
        self.run_at()
        policy.attachments.update(target_id=self.root.ou_id)
        run = self.run_at(NOW + timedelta(days=1))
        row = Coverage.objects.get(invariant__key=KEY, account=self.shop)
        assert (row.state, row.since, row.proof.level) == ("ENFORCED", NOW, self.root.ou_id)
        assert run.counts["proofs"] >= 3
        assert not CoverageProof.objects.filter(coverage=None).exists()

    def test_an_account_that_moves_keeps_its_past(self):
        made.of_invariant(KEY, self.prod.ou_id)
        self.run_at()
        later = NOW + timedelta(days=3)
        move(self.shop, self.dev, later.date())
        self.run_at(later)
        turned = later.date()
        assert self.days(self.shop) == [(DAY, turned, "ENFORCED"), (turned, None, "MISSING")]

    def test_an_account_and_an_invariant_that_are_gone_end_their_days(self):
        made.of_invariant(KEY, self.work.ou_id)
        self.run_at()
        later = NOW + timedelta(days=3)
        Account.objects.filter(pk=self.lab.pk).update(gone_at=later)
        Invariant.objects.filter(key="mon-config").update(gone_at=later)
        self.run_at(later)
        assert "Lab" not in self.states()
        assert self.states("mon-config") == {}
        assert self.days(self.lab) == [(DAY, later.date(), "ENFORCED")]
        assert self.days(self.shop, "mon-config") == [(DAY, later.date(), "MISSING")]

    def test_without_a_catalogue_there_is_nothing_to_say(self):
        Invariant.objects.update(gone_at=NOW)
        run = self.run_at()
        assert run.counts["invariants"] == 0
        assert not Coverage.objects.exists()

    def test_a_retired_state_is_still_evaluated_only_while_the_file_has_it(self):
        Invariant.objects.filter(key=KEY).update(state="RETIRED")
        self.run_at()
        assert self.states()["Shop"] == "MISSING"


class TestSums(CoverageCase):
    def sums(self, key=KEY):
        rows = OuCoverage.objects.filter(invariant__key=key).values()
        return {
            (row["ou_id"], name): row[name] for row in rows for name in COUNTS.values() if row[name]
        }

    def counted(self, key=KEY):
        """The same by walking over all rows."""
        found = {}
        for row in Coverage.objects.filter(invariant__key=key).select_related("account__ou"):
            for ou in OrganizationalUnit.objects.live():
                if row.account.ou.path.startswith(ou.path):
                    place = (ou.pk, COUNTS[row.state])
                    found[place] = found.get(place, 0) + 1
        return found

    def test_an_ou_is_the_sum_of_what_is_below(self):
        made.of_invariant(KEY, self.prod.ou_id)
        self.run_at()
        assert self.sums() == self.counted()
        assert self.sums()[self.work.pk, "enforced"] == 2
        assert self.sums()[self.work.pk, "missing"] == 1
        assert self.sums()[self.root.pk, "not_enforceable"] == 1

    def test_they_are_what_counting_anew_gives_after_any_changes(self):
        chance = random.Random(7)
        policy = made.of_invariant(KEY, self.prod.ou_id)
        places = [self.work, self.prod, self.dev, self.special, self.root]
        moment = NOW
        for _ in range(8):
            moment += timedelta(days=1)
            policy.attachments.all().delete()
            made.attach(policy, *{one.ou_id for one in chance.sample(places, 2)})
            if chance.random() < 0.5:
                account = chance.choice([self.shop, self.bank, self.lab, self.odd])
                move(account, chance.choice(places[:-1]), moment.date())
            self.run_at(moment)
            assert self.sums() == self.counted()
            assert self.sums("tls-only") == self.counted("tls-only")
            children = [self.work.pk, self.special.pk, self.parked.pk]
            for name in ("enforced", "missing", "excepted"):
                below = sum(self.sums().get((pk, name), 0) for pk in children)
                assert below == self.sums().get((self.root.pk, name), 0)

    def test_an_account_that_moves_without_a_turn_is_counted_where_it_is(self):
        made.of_invariant(KEY, self.work.ou_id)
        self.run_at()
        move(self.shop, self.dev, DAY + timedelta(days=1))
        self.run_at(NOW + timedelta(days=1))
        assert self.sums()[self.dev.pk, "enforced"] == 2
        assert self.sums()[self.prod.pk, "enforced"] == 1


GOOD = ("ENFORCED", "CARVED_OUT", "EXCEPTED")


class TestPartialReadings(CoverageCase):
    """Nothing becomes better by a reading that broke off."""

    @pytest.fixture(autouse=True)
    def _subtests(self, subtests):
        self.subtests = subtests

    def test_what_was_never_read_as_a_whole_is_not_proven(self):
        made.of_invariant(KEY, self.work.ou_id)
        run = self.run_at(state="")
        assert run.state == "PARTIAL"
        assert "never read" in run.why
        assert self.states()["Shop"] == "UNKNOWN"
        assert self.states()["Odd"] == "MISSING"

    def test_after_one_that_failed_nothing_becomes_better_and_what_was_proven_stays(self):
        policy = made.of_invariant(KEY, self.prod.ou_id)
        self.run_at()
        made.attach(policy, self.dev.ou_id, self.special.ou_id)
        for number, state in enumerate(("FAILED", "DENIED", "NOT_CONFIGURED")):
            with self.subtests.test(state=state):
                run = self.run_at(NOW + timedelta(hours=number + 1), state)
                assert run.state == "PARTIAL"
                assert self.states()["Shop"] == "ENFORCED"
                assert self.states()["Lab"] == "MISSING"
                assert self.states()["Odd"] == "MISSING"
        self.run_at(NOW + timedelta(hours=5))
        assert self.states()["Lab"] == "ENFORCED"

    def test_what_becomes_worse_is_said(self):
        policy = made.of_invariant(KEY, self.work.ou_id)
        self.run_at()
        policy.attachments.filter(target_id=self.work.ou_id).update(target_id=self.prod.ou_id)
        self.run_at(NOW + timedelta(hours=1), "FAILED")
        assert self.states()["Shop"] == "ENFORCED"
        assert self.states()["Lab"] == "MISSING"

    def test_a_new_account_is_not_proven_by_it(self):
        made.of_invariant(KEY, self.work.ou_id)
        self.run_at()
        factories.account(ou=self.prod, name="New")
        made.attach(
            OrgPolicy.objects.get(name="FullAWSAccess"), Account.objects.get(name="New").account_id
        )
        self.run_at(NOW + timedelta(hours=1), "FAILED")
        assert self.states()["New"] == "UNKNOWN"
        self.run_at(NOW + timedelta(hours=2))
        assert self.states()["New"] == "ENFORCED"

    def test_a_missing_pair_does_not_leave_the_scope(self):
        self.run_at()
        Account.objects.filter(pk=self.shop.pk).update(state="SUSPENDED")
        self.run_at(NOW + timedelta(hours=1), "FAILED")
        assert self.states()["Shop"] == "MISSING"
        self.run_at(NOW + timedelta(hours=2))
        assert self.states()["Shop"] == "NOT_APPLICABLE"

    def test_an_account_that_comes_into_scope_is_not_proven(self):
        made.of_invariant(KEY, self.work.ou_id)
        Account.objects.filter(pk=self.shop.pk).update(state="SUSPENDED")
        self.run_at()
        Account.objects.filter(pk=self.shop.pk).update(state="ACTIVE")
        self.run_at(NOW + timedelta(hours=1), "FAILED")
        assert self.states()["Shop"] == "UNKNOWN"

    def test_what_was_proven_too_long_ago_is_unknown(self):
        made.of_invariant(KEY, self.work.ou_id)
        self.run_at()
        run = self.run_at(NOW + timedelta(hours=73), "FAILED")
        assert "2026-11-20 12:00" in run.why
        assert self.states()["Shop"] == "UNKNOWN"
        assert self.states()["Odd"] == "MISSING"

    def test_no_share_of_any_invariant_rises(self):
        """Random changes seen by a reading that broke off: the pairs that hold, of those in scope."""
        chance = random.Random(3)
        policies = [
            made.of_invariant(key, self.prod.ou_id) for key in (KEY, "kms-grant", "tls-only")
        ]
        self.run_at()
        for number in range(6):
            for policy in policies:
                policy.attachments.all().delete()
                made.attach(
                    policy, chance.choice([self.work, self.prod, self.dev, self.special]).ou_id
                )
            state = chance.choice(["ACTIVE", "SUSPENDED"])
            Account.objects.filter(pk=chance.choice([self.shop, self.lab, self.odd]).pk).update(
                state=state
            )
            before = self.shares()
            self.run_at(NOW + timedelta(hours=number + 1), "FAILED")
            after = self.shares()
            assert {key for key in before if after[key] > before[key]} == set()

    def shares(self):
        found = {}
        for key in (KEY, "kms-grant", "tls-only"):
            states = list(self.states(key).values())
            within = [one for one in states if one not in ("NOT_APPLICABLE", "NOT_ENFORCEABLE")]
            held = [one for one in within if one in GOOD[:2]]
            found[key] = len(held) / len(within) if within else 0
        return found

    def test_a_policy_that_could_not_be_read_makes_unknown_what_is_under_it_alone(self):
        made.of_invariant(KEY, self.work.ou_id)
        made.policy("Secret", None, self.prod.ou_id)
        run = self.run_at(state="PARTIAL")
        assert run.state == "COMPLETE"
        assert self.states()["Shop"] == "UNKNOWN"
        assert self.states()["Lab"] == "ENFORCED"


class TestTask(CoverageCase):
    def test_an_evaluation_that_fails_is_on_record_and_leaves_what_there_was(self):
        made.of_invariant(KEY, self.work.ou_id)
        self.run_at()
        with mock.patch.object(
            coverage.running.read, "world", side_effect=RuntimeError("disk full")
        ):
            assert tasks.evaluate_invariants(NOW + timedelta(hours=1)) == 1
        last = CoverageRun.objects.order_by("-pk").first()
        assert (last.state, last.why) == ("FAILED", "RuntimeError: disk full")
        assert self.states()["Shop"] == "ENFORCED"

    def test_policies_as_code_have_days(self):
        policy = made.of_invariant(KEY, self.work.ou_id)
        made.policy(
            "by-hand",
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}],
            },
            self.dev.ou_id,
        )
        made.policy("Secret", None, self.dev.ou_id)
        self.run_at()
        rows = PolicyDay.objects.values_list(
            "policy__name", "kind", "is_as_code", "is_known", "until"
        )
        assert set(rows) == {
            (KEY, "OWN", True, True, None),
            ("by-hand", "OWN", False, True, None),
            ("Secret", "OWN", False, False, None),
            ("FullAWSAccess", "KEPT_BY_AWS", False, True, None),
        }
        text = policy.content.replace('"Resource": "*"', '"Resource": "arn:aws:kms:*:*:key/*"')
        assert text != policy.content
        OrgPolicy.objects.filter(pk=policy.pk).update(content=text)
        later = NOW + timedelta(days=2)
        self.run_at(later)
        days = PolicyDay.objects.filter(policy=policy).order_by("day")
        assert list(days.values_list("day", "until", "is_as_code")) == [
            (DAY, later.date(), True),
            (later.date(), None, False),
        ]


def move(account, ou, day):
    Placement.objects.filter(account=account, until=None, since__lt=day).update(until=day)
    Placement.objects.filter(account=account, since=day).delete()
    Placement.objects.create(account=account, ou=ou, since=day)
    Account.objects.filter(pk=account.pk).update(ou=ou)
