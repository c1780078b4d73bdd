import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from inventory import aws
from inventory.aws.door import SESSION_SECONDS
from tests.fixtures.aws_door import (  # noqa: F401
    HUB,
    MEMBER,
    base_credentials_fixture,
    config,
    door_fixture,
    endpoint_fixture,
)
from tests.fixtures.aws_endpoint import Said

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

PAGE = {"Accounts": [{"Id": "1"}], "NextToken": "two"}
BLOCKED = """<PublicAccessBlockConfiguration>
<BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>"""
LAST = {"Accounts": [{"Id": "2"}], "NextToken": None}


def test_the_hub_role_is_taken_on_from_the_base_credentials_with_the_external_id(endpoint, door):
    endpoint.say("ListAccounts", LAST)
    door.client("organizations").call("list_accounts")
    assume, call = endpoint.asked
    assert assume.key == "AKIABASE"
    assert assume.params["RoleArn"] == f"arn:aws:iam::{HUB}:role/ParapetHubRead"
    assert assume.params["ExternalId"] == "an-external-id"
    assert assume.params["RoleSessionName"] == "parapet-collect-1"
    assert assume.params["DurationSeconds"] == str(SESSION_SECONDS)
    assert endpoint.roles[call.key] == f"arn:aws:iam::{HUB}:role/ParapetHubRead"


def test_a_member_role_is_taken_on_from_the_hub_role(endpoint, door):
    endpoint.say("ListRegions", {"Regions": []})
    door.client("account", account_id=MEMBER).call("list_regions")
    hub, member, call = endpoint.asked
    assert endpoint.roles[member.key] == hub.params["RoleArn"]
    assert endpoint.roles[call.key] == f"arn:aws:iam::{MEMBER}:role/ParapetMemberRead"


def test_credentials_are_kept_for_each_account(endpoint, door):
    endpoint.say("ListRegions", {"Regions": []})
    for account_id in (MEMBER, None, MEMBER, "333333333333"):
        door.client("account", account_id=account_id).call("list_regions")
    assert endpoint.operations().count("AssumeRole") == 3


def test_accounts_that_are_asked_at_once_are_each_asked_as_themselves(endpoint, door):
    accounts = [f"44444444444{n}" for n in range(4)]

    def ask(account_id):
        for _ in range(5):
            door.client("account", account_id=account_id).call(
                "get_alternate_contact", AccountId=account_id, AlternateContactType="SECURITY"
            )

    endpoint.say("GetAlternateContact", {"AlternateContact": {"Name": "somebody"}})
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(ask, accounts))
    calls = endpoint.questions("GetAlternateContact")
    assert len(calls) == 20
    for call in calls:
        assert endpoint.roles[call.key].split(":")[4] == call.params["AccountId"]


def test_credentials_are_taken_on_again_before_they_end(endpoint, door, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("inventory.aws.door.time.monotonic", lambda: now[0])
    endpoint.say("ListAccounts", LAST)
    client = door.client("organizations")
    for at, sessions in ((1000, 1), (1000 + 3299, 1), (1000 + 3301, 2)):
        now[0] = at
        client.call("list_accounts")
        assert endpoint.operations().count("AssumeRole") == sessions
    assert len({asked.key for asked in endpoint.questions("ListAccounts")}) == 2


def test_without_a_hub_role_the_base_credentials_are_used(endpoint):
    endpoint.say("ListAccounts", LAST)
    opened = aws.Door(config(endpoint_url=endpoint.url, hub_role_arn=None), attempts=1)
    opened.client("organizations").call("list_accounts")
    assert [asked.key for asked in endpoint.asked] == ["AKIABASE"]


def test_an_expired_session_is_renewed_once(endpoint, door):
    endpoint.fail("ListAccounts", "ExpiredTokenException", then=[LAST])
    assert door.client("organizations").call("list_accounts") == {"Accounts": [{"Id": "2"}]}
    assert endpoint.operations() == ["AssumeRole", "ListAccounts", "AssumeRole", "ListAccounts"]


def test_a_session_that_stays_expired_is_denied(endpoint, door):
    endpoint.fail("ListAccounts", "ExpiredTokenException", "The security token is expired.")
    with pytest.raises(aws.Denied, match="ExpiredToken"):
        door.client("organizations").call("list_accounts")
    assert endpoint.operations().count("AssumeRole") == 2


def test_an_expired_hub_session_is_renewed_on_the_way_to_a_member(endpoint, door):
    endpoint.say("ListRegions", {"Regions": []})
    door.client("account").call("list_regions")
    expired = "<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>"
    answers = [endpoint._assume(f"arn:aws:iam::{HUB}:role/{n}") for n in ("hub", "member")]
    endpoint.say("AssumeRole", Said(expired, 400), *answers)
    door.client("account", account_id=MEMBER).call("list_regions")
    assert endpoint.operations()[2:] == ["AssumeRole"] * 3 + ["ListRegions"]


def test_a_role_that_refuses_us_is_denied_and_names_everything(endpoint, door):
    endpoint.denied_roles.add(f"arn:aws:iam::{MEMBER}:role/ParapetMemberRead")
    with pytest.raises(aws.Denied) as caught:
        door.client("account", account_id=MEMBER, region="eu-north-1").call("list_regions")
    error = caught.value
    assert (error.service, error.operation) == ("sts", "AssumeRole")
    assert (error.account_id, error.permission) == (MEMBER, "sts:AssumeRole")
    for part in ("sts:AssumeRole", MEMBER, "eu-west-1", "docs/iam-policy.json"):
        assert part in str(error)


def test_an_error_survives_the_way_between_processes(endpoint, door):
    endpoint.fail("ListAccounts", "AccessDeniedException", status=403)
    with pytest.raises(aws.Denied) as caught:
        door.client("organizations").call("list_accounts")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy)) == (aws.Denied, str(caught.value))


def test_pages_follow_the_token_through_empty_pages_to_a_null_token(endpoint, door):
    endpoint.say("ListAccounts", PAGE, {"Accounts": [], "NextToken": "three"}, LAST)
    client = door.client("organizations")
    found = list(client.items("list_accounts", "Accounts", MaxResults=20))
    assert [raw["Id"] for raw in found] == ["1", "2"]
    asked = [call.params.get("NextToken") for call in endpoint.questions("ListAccounts")]
    assert asked == [None, "two", "three"]


def test_a_token_that_leads_to_itself_ends_as_malformed(endpoint, door):
    endpoint.say("ListAccounts", PAGE)
    with pytest.raises(aws.Malformed, match="token"):
        list(door.client("organizations").pages("list_accounts"))


def test_a_last_page_without_its_list_is_malformed_and_not_empty(endpoint, door):
    endpoint.say("ListAccounts", {"NextToken": "two"}, {"NextToken": ""})
    with pytest.raises(aws.Malformed, match="no Accounts"):
        list(door.client("organizations").items("list_accounts", "Accounts"))
    assert len(endpoint.questions("ListAccounts")) == 2


@pytest.mark.parametrize("body", ['{"Accounts": [{"Id": "1"', "{}", "<html></html>", ""])
def test_an_answer_that_was_cut_is_unavailable_and_not_an_empty_list(endpoint, door, body):
    endpoint.say("ListAccounts", Said(body))
    with pytest.raises(aws.Unavailable, match="cut off"):
        door.client("organizations").call("list_accounts")


@pytest.mark.parametrize("way", ["cut", "closed"])
def test_a_broken_connection_is_unavailable(endpoint, door, way):
    endpoint.say("ListAccounts", Said(PAGE, way=way))
    with pytest.raises(aws.Unavailable) as caught:
        door.client("organizations").call("list_accounts")
    assert (caught.value.operation, caught.value.account_id) == ("ListAccounts", HUB)


def test_nobody_listening_is_unavailable(base_credentials):
    opened = aws.Door(config(endpoint_url="http://127.0.0.1:9", hub_role_arn=None), attempts=1)
    with pytest.raises(aws.Unavailable, match="EndpointConnectionError"):
        opened.client("organizations").call("list_accounts")


def test_a_hiccup_is_tried_again(endpoint):
    endpoint.say("ListAccounts", Said({"message": "busy"}, 503), LAST)
    opened = aws.Door(config(endpoint_url=endpoint.url, hub_role_arn=None), attempts=2)
    assert opened.client("organizations").call("list_accounts") == {"Accounts": [{"Id": "2"}]}


def test_wrong_parameters_are_malformed(door):
    with pytest.raises(aws.Malformed, match="ParamValidation"):
        door.client("organizations").call("list_accounts", Color="blue")


def test_s3_control_works_on_an_endpoint_without_account_hosts(endpoint, door):
    endpoint.say("GetPublicAccessBlock", Said(BLOCKED))
    client = door.client("s3control", account_id=MEMBER)
    client.call("get_public_access_block", AccountId=MEMBER)
    assert endpoint.asked[-1].operation == "GetPublicAccessBlock"


def test_the_management_role_has_to_be_set(endpoint, door):
    with pytest.raises(aws.NotConfigured, match="POSTURE_MANAGEMENT_ROLE_ARN"):
        door.management_client("iam")


def test_secrets_are_not_in_what_is_printed():
    text = repr(config(redis_url="redis://:pass@host/0"))
    assert "an-external-id" not in text
    assert "pass" not in text
