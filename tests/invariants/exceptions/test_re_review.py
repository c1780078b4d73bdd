"""What makes an exception be looked at again, and who looks."""

import copy
import json

import pytest
from django.db import transaction

from findings.models import Control, Finding, FindingPayload
from invariants.actions import exceptions as actions
from invariants.actions.exceptions import Line
from invariants.models import ExceptionMismatch, Invariant
from invariants.models.exceptions import ExceptionState as State
from invariants.policies.exceptions import NotAllowed
from inventory.models import Account, OrgPolicy, Placement
from tests import factories
from tests.invariants.exceptions.placed import build, made_text
from tests.invariants.exceptions.world import WHY, fresh

PRINCIPAL = ("ArnNotLike", "aws:PrincipalArn")


@pytest.fixture(scope="module")
def built(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), transaction.atomic():
        yield build()
        transaction.set_rollback(True)


@pytest.fixture
def world(built, db):
    found = copy.deepcopy(built)
    found.scope(("ACCOUNT", found.account.account_id), ("PRINCIPAL", found.role()))
    return found


@pytest.fixture
def active(world):
    request = world.implementing()
    world.carve(*PRINCIPAL, world.role())
    world.collect()
    assert fresh(request).state == State.ACTIVE
    world.collect()
    assert world.items() == []
    return request


def due(world):
    return [(row.kind, row.cause) for row in world.items()]


class TestCauses:
    def test_an_account_that_moves(self, world, active):
        move(world.account, world.ous["dev"], world.now.date())
        world.collect()
        assert due(world) == [("RE_REVIEW", "OU_MOVE")]
        (item,) = world.items()
        assert item.evidence == {"moved": [world.account.account_id]}
        assert (item.exception_id, item.owner_part) == (active.pk, "APPROVER")
        event = active.events.filter(verb="REVIEW").get()
        assert event.after == {"why": "OU_MOVE"}
        assert event.note == item.summary

    def test_an_account_that_moves_out_of_an_ou_or_into_it_but_none_that_is_new(self, world):
        world.people["requester"] = factories.person(role="Platform engineer", username="wide")
        world.scope(("OU", world.ous["dev"].ou_id))
        request = world.implementing(mechanism="VALUE_LIST")
        OrgPolicy.objects.filter(pk=world.policy.pk).update(gone_at=world.now)
        world.collect()
        assert fresh(request).state == State.ACTIVE
        factories.account(ou=world.ous["dev"], name="New")
        world.collect()
        assert due(world) == []
        for name, ou in (("lab", "work"), ("shop", "dev")):
            move(world.accounts[name], world.ous[ou], world.now.date())
        world.collect()
        (item,) = world.items(kind="RE_REVIEW")
        assert item.evidence == {
            "left": [world.accounts["lab"].account_id],
            "joined": [world.accounts["shop"].account_id],
        }

    def test_another_rule_in_the_policy_that_carries_it(self, world, active):
        text = json.loads(OrgPolicy.objects.get(pk=world.policy.pk).content)
        for one in text["Statement"]:
            one["Action"] = [*one["Action"], "iam:DeleteUser"]
        OrgPolicy.objects.filter(pk=world.policy.pk).update(content=json.dumps(text))
        world.collect()
        assert due(world) == [("RE_REVIEW", "POLICY")]

    def test_another_exemption_beside_it_is_another_matter(self, world, active):
        world.carve(*PRINCIPAL, world.role(), world.role("Other"))
        world.collect()
        assert due(world) == [("NOT_APPROVED", "")]

    def test_white_space_and_order_are_no_change(self, world, active):
        text = json.loads(OrgPolicy.objects.get(pk=world.policy.pk).content)
        for one in text["Statement"]:
            one["Action"] = list(reversed(one["Action"]))
        content = json.dumps(text, indent=4)
        OrgPolicy.objects.filter(pk=world.policy.pk).update(content=content)
        world.collect()
        assert due(world) == []

    def test_another_severity_of_the_invariant(self, world, active):
        before = world.invariant.severity
        after = "LOW" if before != "LOW" else "HIGH"
        Invariant.objects.filter(pk=world.invariant.pk).update(severity=after)
        world.collect()
        assert due(world) == [("RE_REVIEW", "SEVERITY")]
        (item,) = world.items()
        assert item.evidence == {"before": before, "after": after}

    def test_another_severity_of_the_control(self, world):
        world.scope(("ACCOUNT", world.account.account_id))
        factories.finding(account=world.account, control=world.control)
        request = world.approved(target=world.control, mechanism="NONE")
        world.collect()
        assert fresh(request).state == State.ACTIVE
        Control.objects.filter(pk=world.control.pk).update(severity="CRITICAL")
        world.collect()
        assert due(world) == [("RE_REVIEW", "SEVERITY")]

    @pytest.mark.parametrize(
        ("change", "is_due"),
        [
            (
                {"Compliance": {"SecurityControlParameters": [{"Name": "days", "Value": ["7"]}]}},
                True,
            ),
            ({"Compliance": {"StatusReasons": [{"ReasonCode": "PORT_22_OPEN"}]}}, True),
            ({"Note": {"Text": "seen"}}, False),
        ],
    )
    def test_a_finding_that_fails_by_another_value(self, world, change, is_due):
        world.scope(("ACCOUNT", world.account.account_id))
        finding = factories.finding(
            account=world.account, control=world.control, payload={"Compliance": {}}
        )
        world.approved(target=world.control, mechanism="NONE")
        world.collect()
        world.collect()
        FindingPayload.objects.filter(finding=finding).update(payload=change)
        Finding.objects.filter(pk=finding.pk).update(content_hash=b"another hash 16b")
        world.collect()
        assert due(world) == ([("RE_REVIEW", "VALUE")] if is_due else [])
        world.collect()
        assert len(due(world)) == is_due

    def test_a_scope_that_is_narrowed_moves_nobody(self, world):
        shop = world.accounts["shop"]
        both = [
            Line("ACCOUNT", world.account.account_id),
            Line("ACCOUNT", shop.account_id),
            Line("PRINCIPAL", world.role()),
            Line("PRINCIPAL", world.role(account=shop)),
        ]
        world.lines = both
        request = world.implementing()
        world.carve(*PRINCIPAL, world.role(), world.role(account=shop))
        world.collect()
        actions.narrow(
            world.by("requester"), request.pk, [both[1], both[3]], why=WHY, now=world.now
        )
        world.collect()
        assert world.items(kind="RE_REVIEW") == []
        # What was let through there is not approved any more.
        (item,) = world.items()
        assert (item.kind, item.account_id) == ("NOT_APPROVED", shop.pk)

    def test_what_was_not_read_says_nothing(self, world, active):
        OrgPolicy.objects.filter(pk=world.policy.pk).update(content="")
        world.collect("PARTIAL")
        world.collect("FAILED")
        assert due(world) == []

    def test_the_move_that_was_asked_for_is_none(self, world):
        world.scope(("ACCOUNT", world.account.account_id))
        request = world.implementing(mechanism="EXCEPTIONS_OU")
        world.collect()
        move(world.account, world.ous["exceptions"], world.now.date())
        world.collect()
        assert fresh(request).state == State.ACTIVE
        world.collect()
        assert due(world) == []


class TestLooking:
    def due(self, world, request):
        move(world.account, world.ous["dev"], world.now.date())
        world.collect()
        return ExceptionMismatch.objects.get(exception=request, kind="RE_REVIEW")

    def test_it_lasts_until_somebody_has_looked(self, world, active):
        item = self.due(world, active)
        world.collect()
        world.collect()
        assert [row.pk for row in world.items()] == [item.pk]
        actions.look_again(world.by("lead"), item.pk, note=WHY, now=world.later(minutes=5))
        item.refresh_from_db()
        assert (item.ended_at, item.answered_by, item.answer) == (
            world.now,
            world.by("lead").name,
            WHY,
        )
        assert world.verbs(active)[-2:] == ["REVIEW", "REVIEWED"]
        world.collect()
        assert world.items() == []

    def test_another_change_asks_anew(self, world, active):
        item = self.due(world, active)
        actions.look_again(world.by("lead"), item.pk, note=WHY, now=world.later(minutes=5))
        move(world.account, world.ous["work"], world.now.date())
        world.collect()
        (again,) = world.items()
        assert again.pk != item.pk

    @pytest.mark.parametrize(
        ("name", "note", "word"),
        [
            ("requester", WHY, "Who asked for it"),
            ("implementer", WHY, "right"),
            ("lead", "ok", "Write what came of it"),
        ],
    )
    def test_who_may_not(self, world, active, name, note, word):
        item = self.due(world, active)
        with pytest.raises(NotAllowed, match=word):
            actions.look_again(world.by(name), item.pk, note=note, now=world.now)
        assert world.items() == [item]

    def test_it_ends_with_its_exception(self, world, active):
        self.due(world, active)
        actions.revoke(world.by("requester"), active.pk, why=WHY, now=world.later(minutes=5))
        world.collect()
        assert world.kinds() == ["ZOMBIE"]


def move(account, ou, day):
    Placement.objects.filter(account=account, until=None, since__lt=day).update(until=day)
    Placement.objects.filter(account=account, since=day).delete()
    Placement.objects.create(account=account, ou=ou, since=day)
    Account.objects.filter(pk=account.pk).update(ou=ou)
    account.ou = ou


def test_the_text_is_the_catalogues(world):
    """What these tests carve into is what is shipped."""
    (deny,) = [one for one in made_text(world.invariant)["Statement"] if one["Effect"] == "Deny"]
    assert PRINCIPAL[1] in deny["Condition"][PRINCIPAL[0]]
