"""The edit of the policy of a request: worked out from what is attached, kept with the approval, shown."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.test import TestCase
from django.urls import reverse

from invariants import engine
from invariants.actions import exceptions as actions
from invariants.actions.exceptions import Line, Sight
from invariants.evaluation import coverage, drift
from invariants.models import Drift, ExceptionPolicyEdit, ExceptionRequest, Invariant
from invariants.models.exceptions import ScopeKind
from invariants.queries import drift as queries
from invariants.queries.exceptions import policy_edit, worked_out
from inventory.models import Account, OrganizationalUnit, OrgPolicy, Placement
from tests import factories
from tests.fixtures import coverage as made
from tests.invariants.exceptions import world

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
KEY = "mon-config"


class EditCase(TestCase):
    """mon-config is attached above the account of the world and one other."""

    @classmethod
    def setUpTestData(cls):
        cls.world = world.build()
        cls.account = cls.world.account
        cls.other = factories.account(ou=cls.account.ou, name="Other")
        cls.role = f"arn:aws:iam::{cls.account.account_id}:role/Recorder"
        made.catalogue()
        ous = OrganizationalUnit.objects.values_list("ou_id", flat=True)
        made.full_access(*ous, *Account.objects.values_list("account_id", flat=True))
        made.of_invariant(KEY, cls.account.ou.ou_id)
        made.reading(NOW, "COMPLETE")
        coverage.run(factories.organization(), now=NOW)
        cls.policy = OrgPolicy.objects.get(name=KEY)

    def submitted(self, mechanism="PRINCIPAL_LIST", lines=None):
        by = self.world.by("requester")
        target = Invariant.objects.get(key=KEY)
        request = self.world.drafted(target=target, mechanism=mechanism)
        scope = [Line(ScopeKind.ACCOUNT, self.account.account_id)]
        scope += [Line(ScopeKind.PRINCIPAL, self.role)] if lines is None else lines
        actions.set_scope(by, request.pk, scope, now=NOW)
        return actions.submit(by, request.pk, now=NOW)

    def approved(self, **options):
        request = self.submitted(**options)
        actions.triage(self.world.by("assessor"), request.pk, now=NOW)
        view = actions.RiskView("LOW", "LOW", world.WHY)
        actions.assess(self.world.by("assessor"), request.pk, view, now=NOW)
        return actions.approve(self.world.by("lead"), request.pk, now=NOW)

    def active(self, **options):
        """Approved, with the approved text in AWS, and seen there."""
        request = self.approved(**options)
        kept = ExceptionPolicyEdit.objects.get(request=request)
        (edit,) = kept.content["edits"]
        OrgPolicy.objects.filter(pk=self.policy.pk).update(content=edit["minified"])
        coverage.run(factories.organization(), now=NOW)
        actions.implement(
            self.world.by("implementer"), request.pk, pull_request=world.LINK, now=NOW
        )
        actions.verify(request.pk, Sight(True, NOW, {"policy": self.policy.policy_id}), now=NOW)
        return world.fresh(request)

    def shown(self, request, name="lead"):
        return policy_edit.shown(self.world.people[name], request, now=NOW)


class TestEdit(EditCase):
    def test_the_attached_policy_is_edited_and_not_the_catalogue(self):
        document = json.loads(self.policy.content)
        document["Statement"][0]["Sid"] = "OursAlone"
        OrgPolicy.objects.filter(pk=self.policy.pk).update(content=json.dumps(document))
        request = self.submitted()
        content, refused = policy_edit.current(request, now=NOW)
        assert refused is None
        (edit,) = content["edits"]
        assert edit["policy_id"] == self.policy.policy_id
        after = json.loads(edit["minified"])
        assert [one["Sid"] for one in after["Statement"]] == ["OursAlone"]
        listed = after["Statement"][0]["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
        assert self.role in listed
        assert content["proof"]["holds"]
        assert content["marks"] == [
            {
                "policy_id": self.policy.policy_id,
                "sid": "OursAlone",
                "key": "aws:PrincipalArn",
                "operator": "ArnNotLike",
                "values": [self.role],
            }
        ]

    def test_the_edit_is_kept_as_it_was_approved_and_the_database_keeps_it(self):
        request = self.approved()
        kept = ExceptionPolicyEdit.objects.get(request=request)
        content, _ = policy_edit.current(request, now=NOW)
        assert kept.content == content
        with pytest.raises(DatabaseError), transaction.atomic():
            ExceptionPolicyEdit.objects.filter(pk=kept.pk).update(why="another")
        with pytest.raises(DatabaseError), transaction.atomic():
            kept.delete()

    def test_why_none_could_be_made_is_kept_as_well(self):
        request = self.approved(lines=[])
        kept = ExceptionPolicyEdit.objects.get(request=request)
        assert (kept.content, kept.why) == ({}, "The scope says no principals.")

    def test_once_it_is_in_place_the_edit_takes_it_out_and_gives_back_the_original(self):
        original = engine.fingerprint(engine.parse(self.policy.content))
        request = self.active()
        content, refused = policy_edit.current(request, now=NOW)
        assert refused is None
        assert content["is_removal"]
        (edit,) = content["edits"]
        assert engine.fingerprint(engine.parse(edit["minified"])) == original

    def test_removing_one_exception_keeps_another_from_the_same_invariant(self):
        first = self.active()
        second = self.approved(
            mechanism="TIME_LIMIT",
            lines=[Line(ScopeKind.PRINCIPAL, self.role.replace("Recorder", "Second"))],
        )
        kept = ExceptionPolicyEdit.objects.get(request=second)
        (edit,) = kept.content["edits"]
        OrgPolicy.objects.filter(pk=self.policy.pk).update(content=edit["minified"])
        coverage.run(factories.organization(), now=NOW)
        content, refused = policy_edit.current(world.fresh(first), now=NOW)
        assert refused is None, refused
        text = content["edits"][0]["minified"]
        assert self.role not in text
        assert self.role.replace("Recorder", "Second") in text
        assert "DateGreaterThanEquals" in text

    def test_what_somebody_wrote_by_hand_is_taken_out_by_value(self):
        request = self.approved()
        document = json.loads(self.policy.content)
        (statement,) = document["Statement"]
        exempt = statement.setdefault("Condition", {}).pop("ArnNotLike", {})
        values = [*exempt.get("aws:PrincipalArn", ()), self.role, self.role + "Another"]
        statement["Condition"]["ArnNotLikeIfExists"] = {"AWS:PrincipalArn": values}
        OrgPolicy.objects.filter(pk=self.policy.pk).update(content=json.dumps(document))
        coverage.run(factories.organization(), now=NOW)
        by = self.world.by("implementer")
        actions.implement(by, request.pk, pull_request=world.LINK, now=NOW)
        actions.verify(request.pk, Sight(True, NOW, {}), now=NOW)
        content, refused = policy_edit.current(world.fresh(request), now=NOW)
        assert refused is None, refused
        (edit,) = content["edits"]
        values.remove(self.role)
        assert json.loads(edit["minified"]) == document
        assert content["proof"]["holds"]
        # A pattern that somebody put there instead lets through more: people decide on it.
        values[-1] = self.role[:-3] + "*"
        OrgPolicy.objects.filter(pk=self.policy.pk).update(content=json.dumps(document))
        coverage.run(factories.organization(), now=NOW)
        content, refused = policy_edit.current(world.fresh(request), now=NOW)
        assert content == {}
        assert f'"{values[-1]}", which lets through more than {request.ref}' in refused.why

    def test_an_account_that_somebody_moved_goes_back_to_where_it_was(self):
        request = self.submitted(mechanism="EXCEPTIONS_OU", lines=[])
        home = self.account.ou
        away = factories.ou(name="Exceptions", parent=home.parent, role="EXCEPTIONS")
        Account.objects.filter(pk=self.account.pk).update(ou=away)
        day = NOW.date()
        Placement.objects.filter(account=self.account).delete()
        for ou, since, until in ((home, 90, 10), (away, 10, None)):
            Placement.objects.create(
                account=self.account,
                ou=ou,
                since=day - timedelta(days=since),
                until=until and day - timedelta(days=until),
            )
        edit = worked_out.work_out(request, removal=True, now=NOW)
        assert f'"ParentId": "{home.ou_id}"' in edit.changes[0].after

    def test_an_exception_that_is_in_place_already_needs_nothing(self):
        self.active()
        shown = self.shown(self.submitted())
        assert shown.told is None
        assert shown.refused.is_already

    def test_a_policy_that_cannot_be_read_is_not_guessed_at(self):
        request = self.submitted()
        OrgPolicy.objects.filter(pk=self.policy.pk).update(content="")
        shown = self.shown(request)
        assert shown.told is None
        assert "could not be read" in shown.refused.why

    def test_no_policy_no_edit(self):
        request = self.world.submitted(mechanism="NONE")
        assert policy_edit.section(self.world.people["lead"], request) is None


class TestDrift(EditCase):
    """The policy differs from the catalogue by what was approved."""

    def compared(self):
        made.in_force(KEY)
        drift.evaluate(factories.organization(), now=NOW)
        (row,) = Drift.objects.lasting().filter(kind="CONTENT")
        seen = queries.inbox(
            self.world.people["lead"], queries.Filters(), cursor_text="", now=NOW
        ).standings
        assert seen["open"] + seen["explained"] == Drift.objects.lasting().count()
        return row.exceptions, row.is_explained, Drift.objects.open().filter(pk=row.pk).exists()

    def test_what_is_approved_and_in_place_is_named_and_does_not_count_as_open(self):
        request = self.active()
        assert self.compared() == ([request.ref], True, False)
        row = Drift.objects.get(kind="CONTENT")
        self.client.force_login(self.world.people["lead"])
        text = self.client.get("/invariants/drift/?state=explained").content.decode()
        assert f"only what {request.ref} lets through" in text
        page = self.client.get(reverse("invariants:drift_entry", args=[row.pk])).content.decode()
        assert "To restore the policy would take them out." in page

    def test_whatever_else_was_changed_is_drift_as_before(self):
        request = self.active()
        policy = OrgPolicy.objects.get(pk=self.policy.pk)
        document = json.loads(policy.content)
        document["Statement"].append(
            {"Sid": "More", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}
        )
        policy.content = json.dumps(document)
        policy.save()
        assert self.compared() == ([request.ref], False, True)

    def test_once_it_has_ended_nothing_explains_it(self):
        request = self.active()
        assert self.compared()[1] is True
        actions.revoke(self.world.by("requester"), request.pk, why=world.WHY, now=NOW)
        assert self.compared() == ([], False, True)

    def test_one_that_nobody_has_said_they_put_in_place_explains_nothing(self):
        kept = ExceptionPolicyEdit.objects.get(request=self.approved())
        (edit,) = kept.content["edits"]
        OrgPolicy.objects.filter(pk=self.policy.pk).update(content=edit["minified"])
        assert self.compared() == ([], False, True)


class TestWhoSeesIt(EditCase):
    def test_text_is_for_who_sees_the_whole_organisation(self):
        request = self.submitted()
        whole = self.shown(request, "lead")
        assert whole.sees_text
        assert any(self.role in line.text for line in whole.told.changes[0].lines)
        mine = self.shown(request, "requester")
        assert not mine.sees_text
        assert mine.told.changes[0].lines == ()
        assert mine.told.own == (("aws:PrincipalArn", (self.role,)),)
        assert mine.told.changes[0].size.limit == whole.told.changes[0].size.limit
        theirs = self.shown(request, "colleague")
        assert theirs.told.own == ()
        assert (theirs.told.through, theirs.told.steps) == ((), ())

    def test_what_an_exemption_by_tag_hangs_on_is_told_to_everybody(self):
        tagged = [Line(ScopeKind.PRINCIPAL_TAG, "team=lake")]
        request = self.submitted("TAG", lines=tagged)
        for name in ("lead", "requester", "colleague"):
            said = " ".join(self.shown(request, name).told.about_tags)
            assert "Nothing guards the tag today" in said
            assert "whoever may set team=lake on a role or user" in said
        own = self.shown(request, "requester").told.own
        assert ("aws:PrincipalTag/team", ("lake",)) in own
        self.client.force_login(self.world.people["colleague"])
        page = self.client.get(reverse("exceptions:policy_edit", args=[request.ref]))
        assert "Nothing guards the tag today" in page.content.decode()

    def test_why_none_can_be_made_names_nothing_to_who_only_sees_a_part(self):
        request = self.submitted()
        OrgPolicy.objects.filter(pk=self.policy.pk).update(content="")
        assert KEY in self.shown(request, "requester").refused.why
        assert KEY not in self.shown(request, "colleague").refused.why

    def test_files_are_for_who_sees_the_whole_organisation(self):
        request = self.submitted()
        for form in ("diff", "tf", "json"):
            url = reverse("exceptions:edit_file", args=[request.ref, form])
            self.client.force_login(self.world.people["requester"])
            assert self.client.get(url).status_code == 403
            self.client.force_login(self.world.people["lead"])
            answer = self.client.get(url)
            assert answer.status_code == 200
            assert self.role in answer.content.decode()
            assert answer["Content-Disposition"].endswith(f'edit.{form}"')
        self.client.force_login(factories.stranger())
        assert self.client.get(url).status_code == 403

    def test_the_fragment_shows_diff_budget_and_proof(self):
        request = self.submitted()
        self.client.force_login(self.world.people["lead"])
        url = reverse("exceptions:policy_edit", args=[request.ref])
        assert "<h1>What approval changes</h1>" in self.client.get(url).content.decode()
        answer = self.client.get(url, headers={"HX-Request": "true"})
        page = answer.content.decode()
        assert answer.status_code == 200
        assert "<html" not in page
        assert 'class="l add"' in page
        assert "of 10,240" in page
        assert "No longer denied" in page

    def test_what_was_approved_is_downloaded_as_it_was(self):
        request = self.active()
        url = reverse("exceptions:edit_file", args=[request.ref, "json"])
        self.client.force_login(self.world.people["lead"])
        approved = self.client.get(url, {"which": "approved"}).json()
        assert not approved["is_removal"]
        assert self.client.get(url).json()["is_removal"]

    def test_where_none_can_be_made_the_file_says_why(self):
        request = self.submitted(lines=[])
        self.client.force_login(self.world.people["lead"])
        answer = self.client.get(reverse("exceptions:edit_file", args=[request.ref, "tf"]))
        assert answer.status_code == 409
        assert "Name the roles or users" in answer.content.decode()


def test_the_states_are_those_of_the_process():
    removal = {"ACTIVE", "EXPIRING", "EXPIRED", "REVOKED", "CLOSING"}
    for state in ExceptionRequest.State.values:
        request = ExceptionRequest(state=state)
        ends = policy_edit.title_of(request) == "What its end changes"
        assert ends is (state in removal)
