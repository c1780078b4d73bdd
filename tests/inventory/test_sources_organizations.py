import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inventory import aws
from inventory.sources import organizations
from inventory.sources.organizations import OuRecord
from tests.fixtures.aws_door import (  # noqa: F401
    base_credentials_fixture,
    door_fixture,
    endpoint_fixture,
)

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

ANSWERS = json.loads((Path(__file__).parents[1] / "fixtures" / "organizations.json").read_text())
ROOT = "r-a1b2"
TREE = {ROOT: ["ou-a1b2-prod", "ou-a1b2-test"], "ou-a1b2-prod": ["ou-a1b2-shop"]}


@pytest.fixture
def client(door):
    return door.client("organizations")


def ou(name, parent_id=ROOT):
    return OuRecord(f"ou-a1b2-{name}", "arn", name, parent_id)


def account(number, **changes):
    return ANSWERS["Account"] | {"Id": f"{number:012d}"} | changes


def tree_answers(endpoint):
    """Answer ListOrganizationalUnitsForParent by its parent."""
    rows = {
        parent: [{"Id": i, "Arn": f"arn:{i}", "Name": i.upper()} for i in children]
        for parent, children in TREE.items()
    }
    order = [ROOT, "ou-a1b2-prod", "ou-a1b2-test", "ou-a1b2-shop"]
    endpoint.say(
        "ListOrganizationalUnitsForParent",
        *({"OrganizationalUnits": rows.get(parent, [])} for parent in order),
    )


def test_text_that_people_wrote_in_aws_has_nothing_that_postgresql_refuses(endpoint, client):
    """One such name would otherwise stop every collection."""
    children = [{"Id": "ou-a1b2-prod", "Arn": "arn", "Name": "Pro\0duction"}]
    endpoint.say(
        "ListOrganizationalUnitsForParent",
        {"OrganizationalUnits": children},
        {"OrganizationalUnits": []},
    )
    endpoint.say("ListTagsForResource", {"Tags": [{"Key": "ow\0ner", "Value": "\0"}]})
    content = {"Content": '{"a": "\0"}'}
    endpoint.say("DescribePolicy", {"Policy": ANSWERS["DescribePolicy"]["Policy"] | content})
    assert [row.name for row in organizations.read_ous(client, root_id=ROOT)] == ["Production"]
    assert organizations.read_tags(client, account_id="000000000001") == {"owner": ""}
    found = organizations.read_policy_content(client, policy_id="p-12345678")
    assert found.content == '{"a": ""}'


def test_the_organisation_has_the_types_enabled_on_its_root(endpoint, client):
    endpoint.say("DescribeOrganization", ANSWERS["DescribeOrganization"])
    endpoint.say("ListRoots", ANSWERS["ListRoots"])
    found = organizations.read_organization(client)
    assert (found.org_id, found.management_account_id) == ("o-exampleorgid", "111111111111")
    assert (found.root_id, found.root_name) == (ROOT, "Root")
    assert found.policy_types == ("RESOURCE_CONTROL_POLICY", "SERVICE_CONTROL_POLICY")


def test_an_account_outside_any_organisation_is_not_configured(endpoint, client):
    endpoint.fail("DescribeOrganization", "AWSOrganizationsNotInUseException")
    with pytest.raises(aws.NotConfigured):
        organizations.read_organization(client)


def test_ous_come_after_their_parents(endpoint, client):
    tree_answers(endpoint)
    found = list(organizations.read_ous(client, root_id=ROOT))
    assert [(row.ou_id, row.parent_id) for row in found] == [
        ("ou-a1b2-prod", ROOT),
        ("ou-a1b2-test", ROOT),
        ("ou-a1b2-shop", "ou-a1b2-prod"),
    ]
    asked = endpoint.questions("ListOrganizationalUnitsForParent")
    assert [call.params["MaxResults"] for call in asked] == [20] * 4


def test_paths_give_every_parent_without_a_walk(endpoint, client):
    rows = [
        account(1, Paths=[f"o-exampleorgid/{ROOT}/000000000001/"]),
        account(2, Paths=[f"o-exampleorgid/{ROOT}/ou-a1b2-prod/ou-a1b2-shop/000000000002/"]),
    ]
    endpoint.say("ListAccounts", {"Accounts": rows[:1], "NextToken": "t"}, {"Accounts": rows[1:]})
    found = list(organizations.read_accounts(client, root_id=ROOT, ous=[ou("prod")]))
    assert [row.parent_id for row in found] == [ROOT, "ou-a1b2-shop"]
    assert "ListAccountsForParent" not in endpoint.operations()


def test_without_paths_the_tree_is_walked_and_a_mover_is_asked_for(endpoint, client):
    endpoint.say("ListAccounts", {"Accounts": [account(1), account(2), account(3)]})
    endpoint.say("ListAccountsForParent", {"Accounts": [account(1)]}, {"Accounts": [account(2)]})
    endpoint.say("ListParents", {"Parents": [{"Id": "ou-a1b2-test", "Type": "OU"}]})
    found = list(organizations.read_accounts(client, root_id=ROOT, ous=[ou("prod")]))
    assert [row.parent_id for row in found] == [ROOT, "ou-a1b2-prod", "ou-a1b2-test"]
    assert [call.params["ChildId"] for call in endpoint.questions("ListParents")] == [
        "000000000003"
    ]


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"State": "CLOSED", "Status": "SUSPENDED"}, "CLOSED"),
        ({"State": None, "Status": "SUSPENDED"}, "SUSPENDED"),
    ],
)
def test_state_goes_before_status(said, state):
    raw = account(1, JoinedTimestamp=None, **said)
    assert organizations.parse_account(raw, parent_id=ROOT).state == state


def test_the_time_of_joining_is_in_utc(endpoint, client):
    path = [f"o-exampleorgid/{ROOT}/000000000001/"]
    endpoint.say("ListAccounts", {"Accounts": [account(1, Paths=path, JoinedTimestamp=1.7e9)]})
    [found] = organizations.read_accounts(client, root_id=ROOT, ous=[])
    assert found.joined_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert found.joined_at.tzinfo is UTC


def test_tags_are_a_dictionary(endpoint, client):
    endpoint.say("ListTagsForResource", {"Tags": [{"Key": "owner", "Value": "shop"}]})
    assert organizations.read_tags(client, account_id="000000000001") == {"owner": "shop"}


def test_policies_of_each_type_are_listed_without_content(endpoint, client):
    endpoint.say("ListPolicies", *ANSWERS["ListPolicies"])
    types = ("SERVICE_CONTROL_POLICY", "TAG_POLICY")
    found = list(organizations.read_policies(client, types=types))
    assert [(row.name, row.type, row.is_aws_managed, row.content) for row in found] == [
        ("FullAWSAccess", "SERVICE_CONTROL_POLICY", True, ""),
        ("cost-tags", "TAG_POLICY", False, ""),
    ]
    assert [c.params["Filter"] for c in endpoint.questions("ListPolicies")] == list(types)


def test_the_content_of_a_policy_is_the_text_as_saved(endpoint, client):
    endpoint.say("DescribePolicy", ANSWERS["DescribePolicy"])
    found = organizations.read_policy_content(client, policy_id="p-12345678")
    assert found.content == '{"Version": "2012-10-17", "Statement": []}'
    assert found.description == "Keeps Regions"


def test_targets_have_our_words(endpoint, client):
    endpoint.say("ListTargetsForPolicy", ANSWERS["ListTargetsForPolicy"])
    found = list(organizations.read_attachments(client, policy_id="p-12345678"))
    assert [(row.target_id, row.target_kind) for row in found] == [
        (ROOT, "ROOT"),
        ("ou-a1b2-prod", "OU"),
        ("000000000001", "ACCOUNT"),
    ]


def test_delegated_administrators_are_listed_by_service(endpoint, client):
    endpoint.say("ListDelegatedAdministrators", {"DelegatedAdministrators": [account(1)]})
    services = [{"ServicePrincipal": f"{n}.amazonaws.com"} for n in ("config", "securityhub")]
    endpoint.say("ListDelegatedServicesForAccount", {"DelegatedServices": services})
    found = list(organizations.read_delegated_administrators(client))
    assert [(row.account_id, row.service_principal) for row in found] == [
        ("000000000001", "config.amazonaws.com"),
        ("000000000001", "securityhub.amazonaws.com"),
    ]


def test_a_denied_page_in_the_middle_is_an_error_and_not_the_end(endpoint, client):
    first = {"Accounts": [account(1)], "NextToken": "t"}
    endpoint.fail("ListAccounts", "AccessDeniedException", status=403)
    endpoint.script["ListAccounts"].insert(0, type(endpoint.script["ListAccounts"][0])(first))
    with pytest.raises(aws.Denied) as caught:
        list(organizations.read_accounts(client, root_id=ROOT, ous=[]))
    assert caught.value.permission == "organizations:ListAccounts"
