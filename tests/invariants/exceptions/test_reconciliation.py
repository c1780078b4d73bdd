"""Exceptions beside what is deployed, from collection to collection."""

import copy
import json
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from invariants import engine
from invariants.actions import exceptions as actions
from invariants.actions.exceptions import effects
from invariants.evaluation import reconciliation
from invariants.models import CoverageProof, ExceptionMismatch, ReconciliationRun
from invariants.models.exceptions import ExceptionState as State
from invariants.models.exceptions import Risk
from invariants.queries.exceptions import policy_edit
from invariants.tasks import evaluate_invariants
from inventory.models import OrgPolicy
from tests import factories
from tests.fixtures import coverage as made
from tests.invariants.exceptions.placed import build, made_text
from tests.invariants.exceptions.world import LINK, WHY, fresh

PRINCIPAL = ("ArnNotLike", "aws:PrincipalArn")


@pytest.fixture(scope="module")
def built(django_db_setup, django_db_blocker):
    """The catalogue takes a second to load: once for all of these tests."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield build()
        transaction.set_rollback(True)


@pytest.fixture
def world(built, db):
    found = copy.deepcopy(built)
    found.scope(("ACCOUNT", found.account.account_id), ("PRINCIPAL", found.role()))
    return found


def over(world, request):
    """The day after its last one."""
    world.on(fresh(request).until)
    world.later(days=1)
    actions.tick(request.organization, now=world.now)
    assert fresh(request).state == State.EXPIRED


class TestLife:
    def test_it_is_active_once_it_is_found_and_closed_once_it_is_gone(self, world):
        request = world.implementing()
        world.collect()
        assert fresh(request).state == State.IMPLEMENTING
        assert world.state() == "ENFORCED"
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        request = fresh(request)
        assert request.state == State.ACTIVE
        assert request.found["found_in"] == request.found["accounts"] == 1
        (shown,) = request.found["carve_outs"]
        assert (shown["policy_id"], shown["value"]) == (
            world.policy.policy_id,
            "arn:aws:iam::{account}:role/Deployer",
        )
        over(world, request)
        world.collect()
        assert world.kinds() == ["ZOMBIE"]
        assert fresh(request).is_zombie
        # Deployed, and approved no more.
        counts = ReconciliationRun.objects.order_by("-pk").first().counts
        assert (counts["carve_outs"], counts["approved"], counts["not_approved"]) == (1, 0, 0)
        world.carve(*PRINCIPAL)
        world.collect()
        assert fresh(request).state == State.CLOSED
        assert world.kinds() == []
        (row,) = ExceptionMismatch.objects.all()
        assert row.ended_at == world.now
        assert "LINGER" in world.verbs(request)

    def test_a_zombie_is_told_once_however_often_it_is_seen(self, world):
        request = world.implementing()
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        over(world, request)
        world.collect()
        (first,) = world.items()
        world.collect()
        world.collect()
        (last,) = world.items()
        assert (last.pk, last.first_seen, last.last_seen) == (first.pk, first.first_seen, world.now)
        assert (last.owner_part, last.owner) == (
            "IMPLEMENTER",
            world.by("implementer").name,
        )
        assert last.due_at == fresh(request).due_at
        assert world.verbs(request).count("LINGER") == 1

    def test_a_reading_of_the_moment_it_ended_says_nothing_of_what_came_after(self, world):
        request = world.implementing()
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        actions.revoke(world.by("requester"), request.pk, why=WHY, now=world.now)
        evaluate_invariants(world.later(minutes=5))
        assert (world.kinds(), fresh(request).is_zombie) == ([], False)
        world.collect()
        assert (world.kinds(), fresh(request).is_zombie) == (["ZOMBIE"], True)

    def test_gone_before_its_time_it_is_implementing_again(self, world):
        request = world.implementing()
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        world.carve(*PRINCIPAL)
        world.collect()
        assert fresh(request).state == State.IMPLEMENTING
        assert fresh(request).verified_at is None

    def test_what_another_one_asks_for_as_well_does_not_make_a_zombie(self, world):
        first = world.implementing(asked_until=world.now.date())
        world.implementing()
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        over(world, first)
        world.collect()
        assert fresh(first).state == State.CLOSED
        assert world.kinds() == []


class TestPartialCollections:
    @pytest.mark.parametrize("state", ["FAILED", "DENIED", "NOT_CONFIGURED"])
    def test_a_reading_that_was_not_whole_neither_loses_nor_closes(self, world, state):
        request = world.implementing()
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        world.carve(*PRINCIPAL)
        world.collect(state)
        assert fresh(request).state == State.ACTIVE
        over(world, request)
        world.collect(state)
        assert fresh(request).state == State.EXPIRED
        last = ReconciliationRun.objects.order_by("-pk").first()
        assert (last.state, last.counts) == ("PARTIAL", {})
        assert last.why
        world.collect()
        assert fresh(request).state == State.CLOSED

    def test_a_zombie_stays_while_nothing_can_be_read(self, world):
        request = world.implementing()
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        over(world, request)
        world.collect()
        (before,) = world.items()
        world.carve(*PRINCIPAL)
        world.collect("FAILED")
        (after,) = world.items()
        assert (after.pk, after.last_seen) == (before.pk, before.last_seen)

    def test_a_policy_that_cannot_be_read_changes_nothing(self, world):
        request = world.implementing()
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        OrgPolicy.objects.filter(pk=world.policy.pk).update(content="")
        world.collect("PARTIAL")
        assert world.state() == "UNKNOWN"
        assert fresh(request).state == State.ACTIVE
        over(world, request)
        world.collect("PARTIAL")
        assert fresh(request).state == State.EXPIRED

    def test_it_is_not_closed_by_what_was_read_before_it_ended(self, world):
        request = world.implementing()
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        world.carve(*PRINCIPAL)
        made.reading(world.later(hours=1))
        actions.revoke(world.by("requester"), request.pk, why=WHY, now=world.later(hours=1))
        evaluate_invariants(world.later(minutes=5))
        assert fresh(request).state == State.REVOKED
        world.collect()
        assert fresh(request).state == State.CLOSED

    def test_a_carve_out_that_nobody_approved_stays_while_the_invariant_is_unknown(self, world):
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        assert world.kinds() == ["NOT_APPROVED"]
        OrgPolicy.objects.filter(pk=world.policy.pk).update(content="")
        world.collect("PARTIAL")
        assert world.kinds() == ["NOT_APPROVED"]
        world.carve(*PRINCIPAL)
        world.collect()
        assert world.kinds() == []


class TestNotDeployed:
    def test_only_once_its_clock_has_run_out(self, world):
        request = world.approved()
        world.collect()
        assert world.kinds() == []
        world.later(days=4)
        world.collect()
        (item,) = world.items()
        assert (item.kind, item.exception_id, item.owner_part) == (
            "NOT_DEPLOYED",
            request.pk,
            "PLATFORM",
        )
        assert "nobody has begun" in item.summary
        actions.implement(world.by("implementer"), request.pk, pull_request=LINK, now=world.now)
        world.collect()
        (again,) = world.items()
        assert (again.pk, again.owner_part) == (item.pk, "IMPLEMENTER")
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        assert world.kinds() == []
        assert fresh(request).state == State.ACTIVE

    def test_in_one_account_of_two_it_is_not_in_place_yet(self, world):
        shop = world.accounts["shop"]
        world.scope(
            ("ACCOUNT", world.account.account_id),
            ("ACCOUNT", shop.account_id),
            ("PRINCIPAL", world.role()),
            ("PRINCIPAL", world.role(account=shop)),
        )
        request = world.implementing()
        world.carve(*PRINCIPAL, world.role())
        world.later(days=4)
        world.collect()
        assert fresh(request).state == State.IMPLEMENTING
        (item,) = world.items()
        assert "found in 1 of 2 accounts" in item.summary
        world.carve(*PRINCIPAL, world.role(), world.role(account=shop))
        world.collect()
        assert fresh(request).state == State.ACTIVE

    def test_without_a_policy_its_scope_has_to_match_something(self, world):
        world.scope(("ACCOUNT", world.account.account_id))
        request = world.approved(target=world.control, mechanism="NONE")
        world.later(days=4)
        world.collect()
        (item,) = world.items()
        assert (item.kind, item.owner_part) == ("NOT_DEPLOYED", "REQUESTER")
        factories.finding(account=world.account, control=world.control)
        world.collect("FAILED")
        assert fresh(request).state == State.ACTIVE
        over(world, request)
        world.collect("FAILED")
        assert fresh(request).state == State.CLOSED

    def test_an_emergency_has_hours_and_no_days(self, world):
        request = world.submitted(is_emergency=True)
        actions.grant(world.by("ciso"), request.pk, why=WHY, now=world.now)
        granted_at = world.now
        world.later(hours=2)
        world.collect()
        assert world.kinds() == []
        world.later(hours=1)
        world.collect()
        (item,) = world.items()
        assert (item.kind, item.exception_id, item.owner_part) == (
            "NOT_DEPLOYED",
            request.pk,
            "PLATFORM",
        )
        assert item.due_at == granted_at + timedelta(hours=4)
        assert "granted in an emergency" in item.summary
        actions.implement(world.by("implementer"), request.pk, pull_request=LINK, now=world.now)
        world.collect()
        (again,) = world.items()
        assert (again.pk, again.owner_part) == (item.pk, "IMPLEMENTER")
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        assert world.kinds() == []
        assert fresh(request).state == State.EMERGENCY

    def test_an_emergency_that_was_approved_since_is_late_all_the_same(self, world):
        request = world.submitted(is_emergency=True)
        actions.grant(world.by("ciso"), request.pk, why=WHY, now=world.now)
        view = actions.RiskView(Risk.LOW, Risk.LOW, WHY)
        actions.assess(world.by("assessor"), request.pk, view, now=world.now)
        actions.approve(world.by("lead"), request.pk, now=world.now)
        world.later(hours=5)
        world.collect()
        (item,) = world.items()
        assert (item.kind, "is approved" in item.summary) == ("NOT_DEPLOYED", True)
        actions.tick(request.organization, now=world.later(days=400))
        world.collect()
        assert world.kinds() == []


class TestMoot:
    """Accounts in which AWS lets nothing pass, whatever is written."""

    def ended(self, world):
        request = world.implementing()
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        assert fresh(request).state == State.ACTIVE
        return request

    def suspend(self, account, state="SUSPENDED"):
        type(account).objects.filter(pk=account.pk).update(state=state)

    def test_what_has_ended_is_closed_where_its_account_is_suspended(self, world):
        request = self.ended(world)
        self.suspend(world.account)
        world.collect()
        # Nothing follows from it before its end.
        assert fresh(request).state == State.ACTIVE
        over(world, request)
        world.collect("FAILED")
        assert fresh(request).state == State.EXPIRED
        world.collect()
        assert fresh(request).state == State.CLOSED
        event = request.events.order_by("-number").first()
        assert event.verb == "CLOSE"
        assert event.note == "1 account is suspended: AWS lets nothing pass there."

    def test_one_that_is_only_being_closed_can_still_use_it(self, world):
        request = self.ended(world)
        self.suspend(world.account, "PENDING_CLOSURE")
        over(world, request)
        world.collect()
        assert fresh(request).state == State.EXPIRED

    def test_the_other_accounts_keep_it_open(self, world):
        shop = world.accounts["shop"]
        world.scope(
            ("ACCOUNT", world.account.account_id),
            ("ACCOUNT", shop.account_id),
            ("PRINCIPAL", world.role()),
            ("PRINCIPAL", world.role(account=shop)),
        )
        request = world.implementing()
        world.carve(*PRINCIPAL, world.role(), world.role(account=shop))
        world.collect()
        self.suspend(world.account)
        over(world, request)
        world.collect()
        assert (world.kinds(), fresh(request).state) == (["ZOMBIE"], State.EXPIRED)
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        assert (world.kinds(), fresh(request).state) == ([], State.CLOSED)

    def test_what_is_left_is_found_again_once_the_account_works_again(self, world):
        request = self.ended(world)
        self.suspend(world.account)
        over(world, request)
        world.collect()
        assert fresh(request).state == State.CLOSED
        self.suspend(world.account, "ACTIVE")
        world.collect()
        assert world.kinds() == ["NOT_APPROVED"]

    def test_an_account_that_has_left_closes_it(self, world):
        request = self.ended(world)
        over(world, request)
        type(world.account).objects.filter(pk=world.account.pk).update(gone_at=world.now)
        world.collect()
        assert fresh(request).state == State.CLOSED
        assert "is in the organisation any more" in request.events.order_by("-number").first().note


class TestMovedAway:
    """Accounts that were moved to an OU of exceptions."""

    def move(self, world, name="exceptions"):
        type(world.account).objects.filter(pk=world.account.pk).update(ou=world.ous[name])
        world.account.refresh_from_db()

    def test_without_anybody_having_approved_it_is_one_item(self, world):
        self.move(world)
        world.collect()
        assert world.state() == "MISSING"
        (item,) = world.items()
        assert (item.kind, item.exception_id, item.mechanism, item.account_id) == (
            "NOT_APPROVED",
            None,
            "a",
            world.account.pk,
        )
        assert "is in Exceptions, an OU of exceptions" in item.summary
        assert item.evidence["invariants"] == [world.invariant.key]
        assert item.due_at is not None
        counts = ReconciliationRun.objects.order_by("-pk").first().counts
        assert (counts["carve_outs"], counts["approved"], counts["not_approved"]) == (1, 0, 1)
        world.collect("FAILED")
        assert world.kinds() == ["NOT_APPROVED"]
        self.move(world, "work")
        world.collect()
        assert world.kinds() == []

    def test_what_holds_nowhere_is_no_exemption(self, world):
        self.move(world)
        OrgPolicy.objects.filter(pk=world.policy.pk).update(gone_at=world.now)
        world.collect()
        assert (world.state(), world.kinds()) == ("MISSING", [])

    def test_one_that_is_asked_for_names_the_request_until_it_is_in_place(self, world):
        world.scope(("ACCOUNT", world.account.account_id))
        request = world.assessed(mechanism="EXCEPTIONS_OU")
        self.move(world)
        world.collect()
        (item,) = world.items()
        assert (item.kind, item.exception_id) == ("NOT_APPROVED", request.pk)
        assert f"{request.ref} asks for it, and is not approved." in item.summary
        actions.approve(world.by("lead"), request.pk, now=world.now)
        world.collect()
        (item,) = world.items()
        assert "nobody has said that they put it in place" in item.summary
        actions.implement(world.by("implementer"), request.pk, pull_request=LINK, now=world.now)
        world.collect()
        assert (world.kinds(), fresh(request).state) == ([], State.ACTIVE)
        counts = ReconciliationRun.objects.order_by("-pk").first().counts
        assert (counts["carve_outs"], counts["approved"]) == (1, 1)


class TestNotApproved:
    def test_a_carve_out_that_nobody_asked_for(self, world):
        world.carve(*PRINCIPAL, "arn:aws:iam::*:role/Contractor")
        world.collect()
        (item,) = world.items()
        assert (item.kind, item.exception_id, item.accounts, item.account_id) == (
            "NOT_APPROVED",
            None,
            3,
            None,
        )
        assert (item.owner_part, item.owner) == ("INVARIANT_OWNER", world.invariant.owner)
        assert item.value == "arn:aws:iam::*:role/Contractor"
        counts = ReconciliationRun.objects.order_by("-pk").first().counts
        assert (counts["carve_outs"], counts["approved"], counts["not_approved"]) == (1, 0, 1)

    def test_one_that_is_asked_for_and_not_approved_names_the_request(self, world):
        request = world.assessed()
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        (item,) = world.items()
        assert (item.exception_id, item.account_id) == (request.pk, world.account.pk)
        assert "is not approved" in item.summary

    def test_one_that_nobody_said_they_put_in_place(self, world):
        request = world.approved()
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        (item,) = world.items()
        assert (item.kind, item.exception_id) == ("NOT_APPROVED", request.pk)
        assert "nobody has said" in item.summary
        actions.implement(world.by("implementer"), request.pk, pull_request=LINK, now=world.now)
        world.collect()
        assert world.kinds() == []
        assert fresh(request).state == State.ACTIVE

    def test_one_that_is_wider_than_approved(self, world):
        request = world.implementing()
        world.carve(*PRINCIPAL, "arn:aws:iam::*:role/Deploy*")
        world.collect()
        assert fresh(request).state == State.ACTIVE
        (item,) = world.items()
        assert (item.kind, item.exception_id, item.accounts) == ("NOT_APPROVED", request.pk, 3)
        assert "wider" in item.summary

    def test_the_catalogues_own_and_those_that_aws_keeps_are_none(self, world):
        world.carve(*PRINCIPAL, "arn:aws:iam::*:role/Contractor")
        OrgPolicy.objects.filter(pk=world.policy.pk).update(name="aws-guardrails-abc")
        world.collect()
        assert world.kinds() == []


class TestMechanisms:
    @pytest.mark.parametrize(
        ("mechanism", "line", "carved"),
        [
            ("TAG", ("TAG", "exempt=yes"), ("StringNotEquals", "aws:ResourceTag/exempt", "yes")),
            (
                "TAG",
                ("PRINCIPAL_TAG", "exempt=yes"),
                ("StringNotEquals", "aws:PrincipalTag/Exempt", "yes"),
            ),
            (
                "VALUE_LIST",
                ("REGION", "eu-west-3"),
                ("StringNotEquals", "aws:RequestedRegion", "eu-west-3"),
            ),
            (
                "TIME_LIMIT",
                ("PRINCIPAL", ""),
                ("DateLessThan", "aws:CurrentTime", "2027-02-01T00:00:00Z"),
            ),
        ],
    )
    def test_each_is_found_and_found_gone(self, world, mechanism, line, carved):
        kind, value = line
        world.scope(("ACCOUNT", world.account.account_id), (kind, value or world.role()))
        request = world.implementing(mechanism=mechanism)
        world.collect()
        assert fresh(request).state == State.IMPLEMENTING
        if mechanism == "TIME_LIMIT":
            with_date(world)
        else:
            world.carve(*carved)
        world.collect()
        assert fresh(request).state == State.ACTIVE, fresh(request).found
        over(world, request)
        world.carve(*PRINCIPAL)
        world.collect()
        assert fresh(request).state == State.CLOSED

    def test_principals_by_tag_from_the_edit_that_was_approved_to_its_removal(self, world):
        place = ("ACCOUNT", world.account.account_id)
        world.scope(place, ("PRINCIPAL", world.role()), ("PRINCIPAL_TAG", "team=billing"))
        request = world.implementing(mechanism="TAG")
        before = OrgPolicy.objects.get(pk=world.policy.pk).content
        deploy(world, request)
        assert '"EX' in deployed(world) and "Guard" in deployed(world)
        world.collect()
        found = fresh(request)
        assert (found.state, world.kinds()) == (State.ACTIVE, [])
        assert {one["key"]: one["value"] for one in found.found["carve_outs"]} == {
            "aws:PrincipalArn": world.role().replace(world.account.account_id, "{account}"),
            "aws:PrincipalTag/team": "billing",
        }
        over(world, request)
        world.collect()
        assert world.kinds() == ["ZOMBIE"]
        deploy(world, request)
        assert engine.fingerprint(engine.parse(deployed(world))) == engine.fingerprint(
            engine.parse(before)
        )
        world.collect()
        assert (fresh(request).state, world.kinds()) == (State.CLOSED, [])

    @pytest.mark.parametrize(
        ("line", "key"),
        [("TAG", "aws:PrincipalTag/exempt"), ("PRINCIPAL_TAG", "aws:ResourceTag/exempt")],
    )
    def test_a_tag_of_a_resource_is_none_of_a_principal(self, world, line, key):
        world.scope(("ACCOUNT", world.account.account_id), (line, "exempt=yes"))
        request = world.implementing(mechanism="TAG")
        world.carve("StringNotEquals", key, "yes")
        world.collect()
        assert fresh(request).state == State.IMPLEMENTING
        assert "NOT_APPROVED" in world.kinds()

    def test_an_account_in_an_ou_of_exceptions(self, world):
        world.scope(("ACCOUNT", world.account.account_id))
        request = world.implementing(mechanism="EXCEPTIONS_OU")
        world.collect()
        assert fresh(request).state == State.IMPLEMENTING
        world.account.ou = world.ous["exceptions"]
        world.account.save()
        world.collect()
        assert fresh(request).state == State.ACTIVE
        assert world.state() == "EXCEPTED"
        assert world.evidence()["carve_outs"][-1]["exception"] == request.ref
        over(world, request)
        world.collect()
        assert world.kinds() == ["ZOMBIE"]
        assert world.state() == "MISSING"
        world.account.ou = world.ous["work"]
        world.account.save()
        world.collect()
        assert fresh(request).state == State.CLOSED


def deployed(world):
    return OrgPolicy.objects.get(pk=world.policy.pk).content


def deploy(world, request):
    """The edit to be made next is merged as it is shown."""
    content, refused = policy_edit.current(fresh(request), now=world.now)
    assert refused is None, refused
    (edit,) = content["edits"]
    OrgPolicy.objects.filter(pk=world.policy.pk).update(content=edit["minified"])


def with_date(world):
    """A second role list with a date, as mechanism (f) has it: the Deny fires for all from then on."""
    text = made_text(world.invariant)
    (deny,) = [one for one in text["Statement"] if one["Effect"] == "Deny"]
    later = json.loads(json.dumps(deny))
    deny["Condition"]["ArnNotLike"]["aws:PrincipalArn"] = [
        *deny["Condition"]["ArnNotLike"]["aws:PrincipalArn"],
        world.role(),
    ]
    later["Sid"] = "Later"
    later["Condition"]["DateGreaterThan"] = {"aws:CurrentTime": "2027-02-01T00:00:00Z"}
    text["Statement"].append(later)
    OrgPolicy.objects.filter(pk=world.policy.pk).update(content=json.dumps(text))


class TestCoverage:
    def test_an_account_that_is_let_off_is_excepted_and_red_once_it_is_over(self, world):
        world.scope(("ACCOUNT", world.account.account_id))
        request = world.implementing(mechanism="VALUE_LIST")
        world.carve("StringNotEquals", "aws:PrincipalAccount", world.account.account_id)
        world.collect()
        assert fresh(request).state == State.ACTIVE
        assert world.state() == "EXCEPTED"
        assert world.state(world.accounts["shop"]) == "ENFORCED"
        assert world.evidence()["carve_outs"] == [
            {"mechanism": "d", "value": request.ref, "exception": request.ref}
        ]
        over(world, request)
        world.collect()
        assert world.state() == "BROKEN"
        assert world.kinds() == ["ZOMBIE"]
        world.carve("StringNotEquals", "aws:PrincipalAccount")
        world.collect()
        assert (world.state(), fresh(request).state) == ("ENFORCED", State.CLOSED)

    def test_a_carve_out_has_the_ref_of_its_exception_while_it_lasts(self, world):
        request = world.implementing()
        world.carve(*PRINCIPAL, world.role())
        world.collect()
        assert world.state() == "CARVED_OUT"
        assert [one["exception"] for one in world.evidence()["carve_outs"]] == [request.ref]
        over(world, request)
        world.collect()
        assert [one.get("exception") for one in world.evidence()["carve_outs"]] == [None]

    def test_one_for_an_ou_leaves_its_accounts_together(self, world):
        world.scope(("OU", world.ous["work"].ou_id))
        world.people["requester"] = factories.person(role="Platform engineer", username="wide")
        OrgPolicy.objects.filter(pk=world.policy.pk).update(gone_at=world.now)
        request = world.implementing(mechanism="VALUE_LIST")
        world.collect()
        assert fresh(request).state == State.ACTIVE
        assert [world.state(one) for one in world.accounts.values()] == ["EXCEPTED"] * 3
        proofs = CoverageProof.objects.filter(invariant=world.invariant, state="EXCEPTED")
        assert proofs.count() == 1


class TestCost:
    def test_what_is_asked_does_not_grow_with_exceptions(self, world):
        organization = world.account.organization
        counts = []
        for _ in range(2):
            for _ in range(2):
                world.implementing()
            world.collect()
            with CaptureQueriesContext(connection) as queries:
                picture = reconciliation.read(
                    organization, matching=effects.matching, now=world.now
                )
                seen = {one.pk: one for one in reconciliation.look(picture, now=world.now)}
                reconciliation.keep(organization, picture, seen, now=world.now)
            counts.append(len(queries))
        assert counts[0] == counts[1]
