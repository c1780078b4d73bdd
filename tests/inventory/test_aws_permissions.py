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
    "findings.sources.security_hub": "securityhub",
    "inventory.sources.organizations": "organizations",
    "inventory.sources.regions": "account",
}
MODULES = sorted(
    module.name
    for package in iam_policy.PACKAGES
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}.")
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
    operations = operations_in(module)
    assert operations
    declared = {action for actions in module.PERMISSIONS.values() for action in actions}
    assert actions_of(SERVICES[name], operations) == declared


def test_the_published_policy_is_in_step_with_the_code():
    call_command("iam_policy", "--check")


def test_a_policy_that_is_out_of_step_is_refused(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    with pytest.raises(CommandError, match="out of step"):
        call_command("iam_policy", "--check")
    call_command("iam_policy")
    call_command("iam_policy", "--check")


def test_the_hub_may_assume_only_member_roles_of_the_organisation():
    hub = permissions.build({"hub": ["sts:AssumeRole", "securityhub:GetFindings"]})["hub"]
    statement = next(row for row in hub["Statement"] if row["Sid"] == "Sts")
    assert statement["Resource"] == "arn:aws:iam::*:role/ParapetMemberRead"
    assert "aws:ResourceOrgID" in statement["Condition"]["StringEquals"]


def test_nothing_that_is_published_can_write():
    documents = permissions.build(permissions.discover(iam_policy.PACKAGES))
    actions = {a for d in documents.values() for row in d["Statement"] for a in row["Action"]}
    verbs = ("Get", "List", "Describe", "BatchGet")
    assert {a for a in actions if not a.partition(":")[2].startswith(verbs)} == {"sts:AssumeRole"}


def test_a_role_without_permissions_has_no_document():
    assert permissions.build({"hub": ["account:ListRegions"], "management": []}).keys() == {"hub"}
