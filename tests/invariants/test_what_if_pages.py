"""Asking what would change: the form and what it refuses, the task, the answer's page and the command."""

import json
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.urls import reverse

from invariants.evaluation import what_if as evaluation
from invariants.ingest.catalogue import load_catalogue
from invariants.models import Invariant, WhatIf
from invariants.policies.what_if import MAX_CHARACTERS, CannotAsk, check_text
from invariants.tasks.what_if import answer_what_if
from inventory.models import Organization, OrgPolicy, PolicyAttachment
from tests import factories
from tests.factories import NOW
from tests.fixtures import coverage

pytestmark = pytest.mark.django_db
SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
FORM = "/invariants/what-if/"
NO_KMS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "NoKeys", "Effect": "Deny", "Action": "kms:*", "Resource": "*"}],
    }
)
FULL = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
)


@pytest.fixture(scope="module")
def built(django_db_setup, django_db_blocker):
    """The catalogue takes a while to load: once for all of these tests."""
    with django_db_blocker.unblock(), transaction.atomic():
        build()
        yield
        transaction.set_rollback(True)


@pytest.fixture
def organization(built, db):
    """The catalogue loaded; two accounts below Workloads, one in Sandbox."""
    return Organization.objects.get()


def build():
    factories.root()
    Organization.objects.update(enabled_policy_types=[SCP, RCP])
    workloads = factories.ou(name="Workloads")
    sandbox = factories.ou(name="Sandbox", role="SANDBOX")
    factories.account(ou=workloads, name="shop")
    factories.account(ou=workloads, name="till")
    factories.account(ou=sandbox, name="toys")
    found = Organization.objects.get()
    load_catalogue(found, folders=(), now=NOW)
    full = OrgPolicy.objects.create(
        organization=found, policy_id="p-FullAWSAccess", name="FullAWSAccess", type=SCP,
        is_aws_managed=True, content=FULL, changed_at=NOW,
    )  # fmt: skip
    for target, kind in ((found.root_id, "ROOT"), (workloads.ou_id, "OU"), (sandbox.ou_id, "OU")):
        PolicyAttachment.objects.create(
            policy=full, target_id=target, target_kind=kind, since=NOW - timedelta(days=9)
        )
    for account in found.account_set.all():
        PolicyAttachment.objects.create(
            policy=full, target_id=account.account_id, target_kind="ACCOUNT", since=NOW
        )


@pytest.fixture
def lead(client, organization):
    client.force_login(
        factories.person(role="Security lead", username="lena"),
        backend="posture.actions.sign_in.backend.Backend",
    )
    return client


def asked(client, **said):
    values = {"act": "ATTACH", "source": "TEXT", "policy_type": SCP, "text": NO_KMS}
    return client.post(FORM, values | said)


def refused(client, **said):
    """What is said beside the form: nothing was stored."""
    response = asked(client, **said)
    assert response.status_code == 422
    assert WhatIf.objects.count() == 0
    return " ".join(str(e) for errors in response.context["form"].errors.values() for e in errors)


def test_the_form_offers_the_catalogue_the_policies_and_the_places(lead):
    page = lead.get(FORM).content.decode()
    assert 'value="kms-delete"' in page
    assert "FullAWSAccess (p-FullAWSAccess)" in page
    assert ">Workloads</option>" in page
    assert "Service control policy" in page


def test_a_question_is_stored_answered_by_the_task_and_has_an_address(lead):
    response = asked(lead, target="Workloads", name="No keys at all")
    row = WhatIf.objects.get()
    address = reverse("invariants:what_if_result", args=[row.pk])
    assert response.status_code == 302
    assert response["Location"] == address
    waiting = lead.get(address).content.decode()
    assert 'hx-trigger="every 1s"' in waiting
    assert answer_what_if(what_if_id=str(row.pk)) == "DONE"
    page = lead.get(address).content.decode()
    assert 'hx-trigger="every 1s"' not in page
    assert "2 accounts would lose something that must stay possible." in page
    assert "Denied by statement “NoKeys” of “No keys at all” at OU Workloads" in page
    assert 'href="/invariants/kms-delete/"' in page
    assert "shop" in page
    assert "toys" not in page
    fragment = lead.get(address, headers={"HX-Request": "true", "HX-Target": "answer"})
    assert fragment.content.decode().lstrip().startswith('<div class="stackv" id="answer"')
    assert "No keys at all" in lead.get(FORM).content.decode()


def test_the_task_may_run_twice_and_answers_once(lead):
    asked(lead, target="Workloads")
    row = WhatIf.objects.get()
    assert answer_what_if(what_if_id=str(row.pk)) == "DONE"
    assert answer_what_if(what_if_id=str(row.pk)) is None
    assert answer_what_if(what_if_id=str(uuid4())) is None


def test_the_same_question_is_not_asked_twice_while_it_waits(lead):
    assert (
        asked(lead, target="Workloads")["Location"] == asked(lead, target="Workloads")["Location"]
    )
    assert WhatIf.objects.count() == 1


def test_one_person_has_a_few_questions_waiting_and_no_more(lead):
    for number in range(5):
        asked(lead, target="Workloads", name=f"n{number}", text=NO_KMS + " " * number)
    response = asked(lead, target="Workloads", text=NO_KMS + " " * 9)
    assert response.status_code == 422
    assert "still waiting" in response.content.decode()


def test_a_page_says_when_no_worker_takes_the_question(lead):
    asked(lead, target="Workloads")
    WhatIf.objects.update(requested_at=NOW - timedelta(days=1))
    row = WhatIf.objects.get()
    page = lead.get(reverse("invariants:what_if_result", args=[row.pk])).content.decode()
    assert "No worker has taken the question" in page


def test_what_has_expired_is_not_there_and_goes_with_the_next_question(lead):
    asked(lead, target="Workloads")
    WhatIf.objects.update(expires_at=NOW - timedelta(days=400))
    row = WhatIf.objects.get()
    assert lead.get(reverse("invariants:what_if_result", args=[row.pk])).status_code == 404
    asked(lead, target="Sandbox")
    assert WhatIf.objects.get().target_name == "Sandbox"


@pytest.mark.parametrize("role", ["Team member", ()])
def test_who_does_not_see_the_whole_organisation_is_refused(client, organization, role):
    client.force_login(
        factories.person(role=role, username="member"),
        backend="posture.actions.sign_in.backend.Backend",
    )
    row = _question(organization)
    assert client.get(FORM).status_code == 403
    assert asked(client, target="Workloads").status_code == 403
    assert client.get(reverse("invariants:what_if_result", args=[row.pk])).status_code == 403


def _question(organization):
    return WhatIf.objects.create(
        organization=organization, act="ATTACH", source="TEXT", policy_name="x", policy_type=SCP,
        policy_text=NO_KMS, target_id=organization.root_id, target_name="Root", digest="0" * 64,
        requested_by_name="somebody", requested_at=NOW, expires_at=NOW + timedelta(days=4000),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"text": ""}, "There is no text. Paste the policy's JSON."),
        ({"text": '{"Version": "2012-10-17",}'}, "no JSON at line 1, column 26"),
        ({"text": "[1, 2]"}, "a policy is an object, this is a list"),
        (
            {"text": "x" * (MAX_CHARACTERS + 1)},
            "no policy of AWS Organizations has more than 40,000",
        ),
        ({"text": '{"a": "\x00"}'}, "Null characters are not allowed"),
        ({"text": NO_KMS.replace("Deny", "Forbid")}, "$.Statement[0].Effect"),
        ({"policy_type": RCP}, "It reads as an SCP: choose that type."),
        ({"policy_type": "TAG_POLICY"}, "It reads as an SCP: choose that type."),
        (
            {"text": '{"ec2_attributes": {"x": {"@@assign": "y"}}}'},
            "It sets values and decides no requests",
        ),
        ({"policy_type": ""}, "Choose the type of the policy."),
        ({"target": ""}, "Choose where"),
        ({"target": "Nowhere"}, "There is no root, OU or account “Nowhere”"),
        ({"target": "999999999999"}, "There is no root, OU or account “999999999999”"),
        ({"act": "BURN"}, "Choose whether the policy is attached or detached."),
        ({"source": "THE MOON"}, "Choose where the policy comes from."),
        ({"act": "DETACH"}, "Only a policy that is in AWS can be detached"),
        (
            {"source": "INVARIANT", "invariant": "no-such"},
            "The catalogue has no invariant “no-such”",
        ),
        ({"source": "INVARIANT", "invariant": "payer-workloads"}, "is a permissions boundary"),
        ({"source": "INVARIANT", "invariant": "dp-identity"}, "still has example values"),
        ({"source": "AWS", "policy": "p-nothing0"}, "AWS has no policy “p-nothing0”"),
        (
            {"source": "AWS", "policy": "p-FullAWSAccess"},
            "is attached to Workloads already: nothing would change",
        ),
    ],
)
def test_what_is_no_question_is_refused_with_the_item_and_the_remedy(lead, said, words):
    assert words in refused(lead, **({"target": "Workloads"} | said))


def test_a_name_of_two_places_is_refused_with_both_ids(lead):
    twins = [factories.ou(parent=factories.ou(name=f"Part {n}"), name="Twin") for n in (1, 2)]
    words = refused(lead, target="Twin")
    assert all(twin.ou_id in words for twin in twins)
    assert asked(lead, target=twins[0].label).status_code == 302


def test_a_policy_that_could_not_be_read_cannot_be_asked_about(lead, organization):
    OrgPolicy.objects.create(
        organization=organization, policy_id="p-dark0001", name="dark", type=SCP, content="",
        changed_at=NOW,
    )  # fmt: skip
    assert "could not be read from AWS" in refused(
        lead, source="AWS", policy="p-dark0001", target="Workloads"
    )


def test_detaching_from_where_it_is_not_attached_names_where_it_is(lead, organization):
    policy = OrgPolicy.objects.create(
        organization=organization, policy_id="p-here0001", name="here", type=SCP, content=NO_KMS,
        changed_at=NOW,
    )  # fmt: skip
    PolicyAttachment.objects.create(
        policy=policy, target_id=organization.root_id, target_kind="ROOT", since=NOW
    )
    detach = {"act": "DETACH", "source": "AWS", "policy": "p-here0001"}
    assert f"it is attached to {organization.root_id}" in refused(lead, target="Sandbox", **detach)
    assert asked(lead, target="Root", **detach).status_code == 302
    row = WhatIf.objects.get()
    assert answer_what_if(what_if_id=str(row.pk)) == "DONE"
    row.refresh_from_db()
    assert row.result["sums"]["RELIEF"]["accounts"] == 3
    assert row.result["sums"]["HARM"]["probes"] == 0


def test_what_was_not_read_whole_is_said_before_anything_else(lead):
    asked(lead, target="Workloads")
    row = WhatIf.objects.get()
    address = reverse("invariants:what_if_result", args=[row.pk])
    assert answer_what_if(what_if_id=str(row.pk)) == "DONE"
    assert "never read as a whole" in lead.get(address).content.decode()
    coverage.reading(NOW)
    WhatIf.objects.update(state="WAITING", result=None)
    evaluation.answer(str(row.pk), now=NOW)
    assert "It may be otherwise." not in lead.get(address).content.decode()


def test_hostile_text_stays_text(lead):
    name = "<script>alert(1)</script>{{ x }}\u202e"
    text = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Sid": "<img src=x>", "Effect": "Deny", "Action": "kms:*", "Resource": "*"}
            ],
        }
    )
    asked(lead, target="Workloads", name=name, text=text)
    row = WhatIf.objects.get()
    evaluation.answer(str(row.pk), now=NOW)
    page = lead.get(reverse("invariants:what_if_result", args=[row.pk])).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_place_that_is_gone_before_the_answer_is_said(lead, organization):
    asked(lead, target="Sandbox")
    row = WhatIf.objects.get()
    organization.account_set.filter(name="toys").update(gone_at=NOW)
    organization.organizationalunit_set.filter(name="Sandbox").update(gone_at=NOW)
    assert answer_what_if(what_if_id=str(row.pk)) == "FAILED"
    page = lead.get(reverse("invariants:what_if_result", args=[row.pk])).content.decode()
    assert "The place is gone" in page


def test_every_policy_of_the_catalogue_passes_the_check_of_its_type(organization):
    for row in Invariant.objects.exclude(type="PERMISSIONS_BOUNDARY").select_related("version"):
        check_text(json.dumps(row.version.content["policy"]), row.type)
    with pytest.raises(CannotAsk):
        check_text(json.dumps({"Statement": []}), SCP)


def command(*arguments, code=0):
    out = StringIO()
    if not code:
        call_command("what_if", *arguments, stdout=out)
        return out.getvalue()
    with pytest.raises(SystemExit) as left:
        call_command("what_if", *arguments, stdout=out)
    assert left.value.code == code
    return out.getvalue()


def test_the_command_answers_as_the_page_and_ends_with_1_where_harm_is_done(organization, tmp_path):
    file = tmp_path / "no-keys.json"
    file.write_text(NO_KMS)
    said = command("--policy", str(file), "--target", "Workloads", code=1)
    assert said.startswith("Attach no-keys.json to Workloads (ou-")
    assert "Newly denied, though it must stay possible" in said
    row = WhatIf.objects.get()
    assert str(row.pk) in said
    found = json.loads(command("--invariant", "acct-leave-org", "--target", "Sandbox", "--json"))
    assert found["sums"]["GAIN"]["accounts"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--policy", "/no/such/file"), "/no/such/file cannot be read"),
        (("--aws", "p-nothing0"), "AWS has no policy"),
        (("--invariant", "no-such"), "The catalogue has no invariant"),
    ],
)
def test_the_command_refuses_in_one_line(organization, arguments, words):
    with pytest.raises(CommandError, match=words):
        call_command("what_if", *arguments, "--target", "Workloads")
