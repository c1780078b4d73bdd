"""Every source against the sandbox AWS, which allows only what docs/iam-policy.json allows."""

import json
from datetime import UTC, date, datetime

import pytest

from findings.sources import access_analyzer, security_hub
from inventory import aws
from inventory.sources import organizations, regions
from posture.management.commands import iam_policy
from sandbox import org as organisation
from sandbox import server
from sandbox.access import Settings
from tests.fixtures.aws_door import config

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
KEYS = Settings("AKIATESTTESTTESTTEST", "a-secret-of-the-tests-000000000000000001", "external-1")


@pytest.fixture(scope="module")
def running():
    org = organisation.build(seed=7, accounts=20, anchor=date(2026, 9, 1))
    policy = json.loads(iam_policy.render())
    with server.start(org, now=NOW, settings=KEYS, policy=policy) as started:
        yield started


@pytest.fixture
def door(running, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_access_key)
    settings = config(
        endpoint_url=running.url,
        hub_role_arn=running.hub_role_arn,
        external_id=KEYS.external_id,
    )
    opened = aws.Door(settings, attempts=1)
    yield opened
    opened.close()


def read_tree(door):
    client = door.client("organizations")
    root_id = organizations.read_organization(client).root_id
    ous = list(organizations.read_ous(client, root_id=root_id))
    return root_id, ous, list(organizations.read_accounts(client, root_id=root_id, ous=ous))


def test_every_account_stands_under_a_known_parent(door):
    root_id, ous, accounts = read_tree(door)
    assert len({row.account_id for row in accounts}) == len(accounts) >= 20
    assert {row.parent_id for row in accounts} <= {root_id, *(ou.ou_id for ou in ous)}
    assert {row.parent_id for row in ous} <= {root_id, *(ou.ou_id for ou in ous)}


def test_every_policy_has_known_targets_and_content_but_for_the_one_that_is_cut_off(door):
    client = door.client("organizations")
    root_id, ous, accounts = read_tree(door)
    known = {root_id, *(ou.ou_id for ou in ous), *(row.account_id for row in accounts)}
    types = organizations.read_organization(client).policy_types
    policies = list(organizations.read_policies(client, types=types))
    assert {row.type for row in policies} == set(types)
    for policy in policies:
        whole = organizations.read_policy_content(client, policy_id=policy.policy_id)
        if policy.name == "staging-experiments":
            with pytest.raises(ValueError, match="Expecting"):
                json.loads(whole.content)
        else:
            assert json.loads(whole.content)
        targets = organizations.read_attachments(client, policy_id=policy.policy_id)
        assert {row.target_id for row in targets} <= known


def test_tags_regions_and_delegations_may_be_read(door):
    client = door.client("organizations")
    *_, accounts = read_tree(door)
    account_id = accounts[-1].account_id
    assert organizations.read_tags(client, account_id=account_id)
    services = {r.service_principal for r in organizations.read_delegated_administrators(client)}
    assert "securityhub.amazonaws.com" in services
    by_hub = regions.read_regions(door.client("account"), account_id=account_id)
    by_member = regions.read_regions(door.client("account", account_id=account_id))
    assert by_hub == by_member
    assert any(row.is_usable for row in by_hub)


def test_every_finding_can_be_read_once_and_names_a_known_control(door):
    client = door.client("securityhub")
    assert security_hub.read_home(client).home_region == "eu-west-1"
    controls = {row.control_id for row in security_hub.read_controls(client)}
    pages = list(security_hub.read_findings(client, updated_since=None))
    found = [record for page in pages for record in page.findings]
    assert not [row.reason for page in pages for row in page.rejected]
    assert len({(row.finding_id, row.product_arn) for row in found}) == len(found) > 100
    assert {row.control_id for row in found if row.product == "securityhub"} <= controls
    moments = [row.updated_at for row in found]
    assert moments == sorted(moments)


def test_reading_on_from_a_watermark_gives_what_came_since(door):
    client = door.client("securityhub")
    everything = [
        record
        for page in security_hub.read_findings(client, updated_since=None)
        for record in page.findings
    ]
    watermark = everything[len(everything) // 2].updated_at
    since = [
        record.finding_id
        for page in security_hub.read_findings(client, updated_since=watermark)
        for record in page.findings
    ]
    assert since == [row.finding_id for row in everything if row.updated_at >= watermark]


def test_every_analyzer_finding_can_be_read(door):
    client = door.client("accessanalyzer")
    controls = set()
    for analyzer in access_analyzer.read_analyzers(client):
        for page in access_analyzer.read_findings(client, analyzer=analyzer):
            assert not page.rejected
            controls |= {record.control_id for record in page.findings}
            for record in page.findings:
                is_known = analyzer.type == "ORGANIZATION" and record.workflow != "RESOLVED"
                assert (record.is_public is not None) is is_known
    assert {"AccessAnalyzer.ExternalAccess", "AccessAnalyzer.UnusedPermission"} <= controls


def test_a_wrong_external_id_is_denied(running, door):
    settings = config(
        endpoint_url=running.url, hub_role_arn=running.hub_role_arn, external_id="guessed"
    )
    client = aws.Door(settings, attempts=1).client("organizations")
    with pytest.raises(aws.Denied) as caught:
        client.call("list_accounts")
    assert caught.value.permission == "sts:AssumeRole"


def test_what_is_not_published_is_denied(door):
    client = door.client("securityhub")
    with pytest.raises(aws.Denied) as caught:
        client.call("describe_hub")
    assert caught.value.permission == "securityhub:DescribeHub"
