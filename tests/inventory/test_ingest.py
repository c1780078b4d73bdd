"""What AWS Organizations says becomes rows, and history when it changes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from inventory import ingest
from inventory.models import (
    Account,
    DelegatedAdministrator,
    EnabledPolicyType,
    Organization,
    OrganizationalUnit,
    OrgPolicy,
    Placement,
    PolicyAttachment,
)
from inventory.sources.organizations import (
    AccountRecord,
    AttachmentRecord,
    DelegatedAdministratorRecord,
    OrganizationRecord,
    OuRecord,
    PolicyRecord,
)

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
DAY = timedelta(days=1)
ROOT = "r-ab12"
pytestmark = pytest.mark.django_db


def ou(ou_id, name, parent=ROOT):
    return OuRecord(ou_id=ou_id, arn="", name=name, parent_id=parent)


def account(number, parent, **changes):
    values = {
        "account_id": f"{number:012d}",
        "arn": "",
        "name": f"account-{number}",
        "email": "",
        "state": "ACTIVE",
        "joined_at": NOW,
        "joined_method": "CREATED",
        "parent_id": parent,
    }
    return AccountRecord(**(values | changes))


def policy(content='{"Version": "2012-10-17"}', **changes):
    values = {
        "policy_id": "p-1",
        "arn": "",
        "name": "DenyLeave",
        "description": "",
        "type": "SERVICE_CONTROL_POLICY",
        "is_aws_managed": False,
        "content": content,
    }
    return PolicyRecord(**(values | changes))


WHOLE = ingest.Inventory(
    organization=OrganizationRecord(
        org_id="o-1234567890",
        arn="arn",
        management_account_id="000000000001",
        root_id=ROOT,
        root_arn="",
        root_name="Root",
        policy_types=("SERVICE_CONTROL_POLICY",),
    ),
    # The child before its parent: the order is not ours to choose.
    ous=[ou("ou-2", "Payments", "ou-1"), ou("ou-1", "Workloads"), ou("ou-3", "Suspended")],
    accounts=[account(1, ROOT), account(2, "ou-2"), account(3, "ou-3", state="SUSPENDED")],
    tags={"000000000002": {"Owner": "Payments Team", "Environment": "Prod", "criticality": "high"}},
    policies=[policy()],
    attachments=[AttachmentRecord("p-1", "ou-1", "OU")],
    administrators=[DelegatedAdministratorRecord("000000000002", "securityhub.amazonaws.com")],
)


def store(inventory=WHOLE, *, as_of=NOW):
    return ingest.store_inventory(inventory, name="Halden Group", as_of=as_of)


def rows():
    models = (OrganizationalUnit, Account, Placement, OrgPolicy, PolicyAttachment)
    return [
        sorted(
            model.objects.values_list(*[f.attname for f in model._meta.concrete_fields]), key=repr
        )
        for model in (*models, DelegatedAdministrator)
    ]


def test_the_tree_has_paths_labels_and_roles_that_children_inherit():
    store()
    payments = OrganizationalUnit.objects.get(ou_id="ou-2")
    assert payments.path == "r-ab12/ou-1/ou-2/"
    assert payments.label == "Workloads / Payments"
    assert (payments.depth, payments.role) == (2, "WORKLOADS")
    assert OrganizationalUnit.objects.get(ou_id="ou-3").role == "SUSPENDED"


def test_tags_give_the_owner_the_environment_and_the_criticality():
    store()
    found = Account.objects.select_related("team").get(account_id="000000000002")
    assert found.team is not None
    assert (found.team.slug, found.environment, found.criticality) == ("payments-team", "prod", 2)


def test_storing_the_same_inventory_again_changes_no_row():
    store()
    before = rows()
    store(as_of=NOW + DAY)
    assert rows() == before


def test_a_move_closes_one_placement_and_opens_the_next():
    store()
    moved = replace(WHOLE, accounts=[account(1, ROOT), account(2, "ou-3"), account(3, "ou-3")])
    store(moved, as_of=NOW + DAY)
    history = Placement.objects.filter(account__account_id="000000000002").order_by("since")
    assert list(history.values_list("ou__ou_id", "since", "until")) == [
        ("ou-2", date(2026, 11, 20), date(2026, 11, 21)),
        ("ou-3", date(2026, 11, 21), None),
    ]


def test_two_moves_on_one_day_leave_the_last():
    store()
    store(replace(WHOLE, accounts=[account(2, "ou-3")]))
    placement = Placement.objects.get(account__account_id="000000000002")
    assert placement.ou.ou_id == "ou-3"


def test_what_is_no_longer_listed_is_marked_gone_and_comes_back_when_it_returns():
    store()
    fewer = replace(
        WHOLE, ous=WHOLE.ous[:2], accounts=WHOLE.accounts[:2], policies=[], attachments=[]
    )
    store(fewer, as_of=NOW + DAY)
    gone = NOW + DAY
    assert Account.objects.get(account_id="000000000003").gone_at == gone
    assert OrganizationalUnit.objects.get(ou_id="ou-3").gone_at == gone
    assert OrgPolicy.objects.get().gone_at == gone
    assert PolicyAttachment.objects.get().until == gone
    store(as_of=NOW + 2 * DAY)
    assert not Account.objects.exclude(gone_at=None).exists()
    assert PolicyAttachment.objects.filter(until=None).count() == 1


def test_tags_that_could_not_be_read_stay_as_they_were():
    store()
    store(replace(WHOLE, tags={}), as_of=NOW + DAY)
    assert Account.objects.get(account_id="000000000002").environment == "prod"


def test_white_space_is_no_change_of_a_policy_and_content_is():
    store()
    store(replace(WHOLE, policies=[policy('{"Version":"2012-10-17"}')]), as_of=NOW + DAY)
    assert OrgPolicy.objects.get().changed_at == NOW
    store(replace(WHOLE, policies=[policy('{"Version":"2008-10-17"}')]), as_of=NOW + DAY)
    assert OrgPolicy.objects.get().changed_at == NOW + DAY


def test_a_pass_that_did_not_read_policies_leaves_them_alone():
    store()
    store(replace(WHOLE, policies=None, attachments=[]), as_of=NOW + DAY)
    assert OrgPolicy.objects.get().gone_at is None
    assert PolicyAttachment.objects.get().until is None


def test_a_delegation_that_ended_goes():
    store()
    store(replace(WHOLE, administrators=[]))
    assert not DelegatedAdministrator.objects.exists()


def test_the_organisation_takes_its_time_zone_from_the_settings(db):
    assert store().time_zone == "UTC"
    ingest.store_inventory(WHOLE, name="Halden Group", time_zone="Asia/Tokyo", as_of=NOW)
    assert Organization.objects.get().time_zone == "Asia/Tokyo"


def test_policy_types_are_kept_with_when_they_were_enabled():
    def types(*names, as_of):
        of = replace(WHOLE.organization, policy_types=names)
        store(replace(WHOLE, organization=of), as_of=as_of)
        rows = EnabledPolicyType.objects.order_by("type", "since")
        return list(rows.values_list("type", "since", "until"))

    assert types("S3_POLICY", as_of=NOW) == [("S3_POLICY", NOW, None)]
    assert types("S3_POLICY", as_of=NOW + DAY) == [("S3_POLICY", NOW, None)]
    both = types("TAG_POLICY", as_of=NOW + 2 * DAY)
    assert both == [("S3_POLICY", NOW, NOW + 2 * DAY), ("TAG_POLICY", NOW + 2 * DAY, None)]
    # What began and ended within one moment was never on, and what comes back has a row of its own.
    assert types("S3_POLICY", as_of=NOW + 2 * DAY) == [
        ("S3_POLICY", NOW, NOW + 2 * DAY),
        ("S3_POLICY", NOW + 2 * DAY, None),
    ]
