import ast
import importlib
import pkgutil
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from django.core.management import call_command
from django.core.management.base import CommandError

from inventory.aws import permissions
from posture.management.commands import iam_policy

CALLS = {"call", "pages", "items"}
# The sources of which service a module's calls are.
SERVICES = {
    "findings.sources.access_analyzer": "accessanalyzer",
    "findings.sources.event_queue": "sqs",
    "findings.sources.security_hub": "securityhub",
    "findings.sources.security_hub_v2": "securityhub",
    "findings.sources.write_back": "securityhub",
    "invariants.sources.effective_policies": "organizations",
    "invariants.sources.organization_changes": "cloudtrail",
    "inventory.sources.account_facts.central_root": "iam",
    "inventory.sources.account_facts.cloud_trail": "cloudtrail",
    "inventory.sources.account_facts.config": "config",
    "inventory.sources.account_facts.contacts": "account",
    "inventory.sources.account_facts.credential_report": "iam",
    "inventory.sources.account_facts.ec2": "ec2",
    "inventory.sources.account_facts.s3": "s3control",
    "inventory.sources.account_facts.summary": "iam",
    "inventory.sources.organizations": "organizations",
    "inventory.sources.regions": "account",
    "inventory.sources.service_coverage.guardduty": "guardduty",
    "inventory.sources.service_coverage.identity_center": "sso-admin",
    "inventory.sources.service_coverage.inspector": "inspector2",
    "inventory.sources.service_coverage.macie": "macie2",
    "inventory.sources.service_coverage.security_hub": "securityhub",
}
MODULES = sorted(
    module.name
    for package in iam_policy.PACKAGES
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
)


def operations_in(module):
    """Return the first argument of every call(), pages() and items() of a client."""
    tree = ast.parse(Path(module.__file__).read_text())
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CALLS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "client"
        and isinstance(node.args[0], ast.Constant)
    }


def actions_of(service, operations):
    model = botocore.session.Session().get_service_model(service)
    names = {xform_name(name): name for name in model.operation_names}
    return {permissions.action_of(model.signing_name, names[name]) for name in operations}


@pytest.mark.parametrize("name", MODULES)
def test_a_source_declares_exactly_the_permissions_of_its_calls(name):
    module = importlib.import_module(name)
    granted = getattr(module, "PERMISSIONS", {})
    declared = {action for actions in granted.values() for action in actions}
    if name in SERVICES:
        operations = operations_in(module)
        assert operations
        assert actions_of(SERVICES[name], operations) == declared
    else:
        assert not declared
        assert not operations_in(module)


def test_the_published_policy_is_in_step_with_the_code():
    call_command("iam_policy", "--check")


def test_a_policy_that_is_out_of_step_is_refused(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    with pytest.raises(CommandError, match="out of step"):
        call_command("iam_policy", "--check")
    call_command("iam_policy")
    call_command("iam_policy", "--check")


def test_the_hub_may_assume_only_our_read_roles_of_the_organisation():
    hub = permissions.build({"hub": ["sts:AssumeRole", "securityhub:GetFindings"]})["hub"]
    statement = next(row for row in hub["Statement"] if row["Sid"] == "Sts")
    assert statement["Resource"] == [
        "arn:aws:iam::*:role/ParapetMemberRead",
        "arn:aws:iam::*:role/ParapetManagementRead",
    ]
    assert "aws:ResourceOrgID" in statement["Condition"]["StringEquals"]


def actions_in(*roles):
    documents = permissions.build(permissions.discover(iam_policy.PACKAGES))
    return {a for role in roles for row in documents[role]["Statement"] for a in row["Action"]}


def test_the_roles_of_every_installation_can_write_nothing():
    verbs = ("Get", "List", "Describe", "BatchGet")
    actions = actions_in("hub", "member", "management")
    # AWS lists making the credential report, and looking up events, among the reads (Service
    # Authorization Reference).
    allowed = {"sts:AssumeRole", "iam:GenerateCredentialReport", "cloudtrail:LookupEvents"}
    assert {a for a in actions if not a.partition(":")[2].startswith(verbs)} == allowed


def test_who_writes_back_can_do_nothing_else():
    assert actions_in("write_back") == {"securityhub:BatchUpdateFindings"}


def test_who_reads_events_touches_that_one_queue_alone():
    document = permissions.build(permissions.discover(iam_policy.PACKAGES))["events"]
    assert {row["Resource"] for row in document["Statement"]} == {permissions.QUEUE_ARN}
    assert {action.partition(":")[0] for action in actions_in("events")} == {"sqs"}


def test_a_role_without_permissions_has_no_document():
    assert permissions.build({"hub": ["account:ListRegions"], "management": []}).keys() == {"hub"}
