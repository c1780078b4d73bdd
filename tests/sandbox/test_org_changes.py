"""The event history of the management account tells who changed the organisation, as its policies did change."""

import json
from collections import Counter
from datetime import date, timedelta

import pytest
from botocore.exceptions import ClientError

from sandbox import history
from sandbox import org as organisation
from sandbox.history import org_changes
from sandbox.moments import seconds_of
from tests.sandbox.conftest import NOW

QUARTER = timedelta(days=90)


@pytest.fixture
def management(callers, running):
    arn = f"arn:aws:iam::{running.org.management_account_id}:role/ParapetManagementRead"
    keys = callers._assumed(callers.hub("sts"), arn)
    return callers._client(arn, keys, "cloudtrail", "us-east-1")


def looked_up(client, **asked):
    found, token = [], {}
    while True:
        answer = client.lookup_events(**asked, **token)
        found += answer["Events"]
        if not answer.get("NextToken"):
            return found
        token = {"NextToken": answer["NextToken"]}


def test_events_come_newest_first_of_the_last_ninety_days(management):
    events = looked_up(management, MaxResults=7)
    times = [event["EventTime"] for event in events]
    assert times == sorted(times, reverse=True)
    assert NOW - QUARTER <= times[-1] < times[0] <= NOW
    assert len({event["EventId"] for event in events}) == len(events) > 20
    assert {event["EventSource"] for event in events} == {"organizations.amazonaws.com"}


def test_the_edit_in_the_console_names_the_person_and_the_policy(management, snapshot):
    attributes = [{"AttributeKey": "EventName", "AttributeValue": "UpdatePolicy"}]
    found = looked_up(management, LookupAttributes=attributes)
    by_hand = [one for one in found if one["Username"] != "terraform"]
    *_, event, earlier = by_hand
    assert earlier["Username"] == "amina.brandt@halden.example"
    policy = next(p for p in snapshot.policies if p.name == "require-imdsv2")
    assert event["Username"] == "luca.ferrante@halden.example"
    named = {"ResourceType": "AWS::Organizations::Policy", "ResourceName": policy.policy_id}
    assert event["Resources"] == [named]
    record = json.loads(event["CloudTrailEvent"])
    asked = record["requestParameters"]
    assert asked == {"policyId": policy.policy_id, "content": policy.content}
    assert record["sessionCredentialFromConsole"] == "true"
    assert record["userIdentity"]["arn"].endswith("/luca.ferrante@halden.example")


def test_a_time_outside_and_a_second_attribute_are_refused(management):
    with pytest.raises(ClientError) as error:
        management.lookup_events(StartTime=NOW, EndTime=NOW - QUARTER)
    assert error.value.response["Error"]["Code"] == "InvalidTimeRangeException"
    one = {"AttributeKey": "EventName", "AttributeValue": "UpdatePolicy"}
    with pytest.raises(ClientError) as error:
        management.lookup_events(LookupAttributes=[one, one])
    assert error.value.response["Error"]["Code"] == "InvalidLookupAttributesException"


def test_only_the_management_account_has_them_and_only_in_us_east_1(running, callers):
    assert callers.hub("cloudtrail", "us-east-1").lookup_events()["Events"] == []
    arn = f"arn:aws:iam::{running.org.management_account_id}:role/ParapetManagementRead"
    elsewhere = callers._client(arn, callers._credentials[arn], "cloudtrail", "eu-west-1")
    assert elsewhere.lookup_events()["Events"] == []


@pytest.mark.parametrize("week", range(1, 27))
def test_whatever_changes_in_a_week_has_its_event(week):
    built = organisation.build(anchor=date(2026, 9, 1), findings=0)
    until = NOW - timedelta(weeks=week - 1)
    since = until - timedelta(weeks=1)
    before, after = (standing(built, moment) for moment in (since, until))
    found = [
        change
        for change in org_changes.changes(built, seconds_of(since), seconds_of(until) + 1)
        if "policyId" in change.params
    ]
    told = {
        (change.name, change.params["policyId"], change.params.get("targetId", ""))
        for change in found
    }
    changes_of = Counter(one.params["policyId"] for one in found if one.name == "UpdatePolicy")
    for policy_id in after.keys() - before.keys():
        assert ("CreatePolicy", policy_id, "") in told
    for policy_id in before.keys() - after.keys():
        assert ("DeletePolicy", policy_id, "") in told
    enabled = {history.snapshot(built, moment).enabled_policy_types for moment in (since, until)}
    for policy_id in before.keys() & after.keys():
        text, targets = before[policy_id]
        new_text, new_targets = after[policy_id]
        is_told = ("UpdatePolicy", policy_id, "") in told
        # What is taken out and put back within a week is told twice, and leaves the text as it was.
        assert is_told == (text != new_text) or (is_told and changes_of[policy_id] > 1)
        for target in new_targets - targets:
            assert ("AttachPolicy", policy_id, target) in told
        # AWS detaches without a call when a policy type is disabled.
        for target in targets - new_targets if len(enabled) == 1 else ():
            assert ("DetachPolicy", policy_id, target) in told


def standing(built, moment):
    """Content and targets of each policy of the organisation's own."""
    return {
        policy.policy_id: (policy.content, set(policy.target_ids))
        for policy in history.snapshot(built, moment).policies
        if not policy.aws_managed
    }
