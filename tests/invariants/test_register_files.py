"""Exports of the register, and policies of AWS as drafts: the pages and the commands."""

import json
from datetime import UTC, datetime
from io import StringIO

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.urls import reverse

from invariants import catalog
from invariants.ingest import catalogue as loading
from invariants.models import CoverageProof, Invariant
from inventory.models import OrgPolicy
from tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
DENY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "NoTrailStops",
            "Effect": "Deny",
            "Action": "cloudtrail:StopLogging",
            "Resource": "*",
            "Condition": {
                "ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/halden/Platform"]}
            },
        }
    ],
}


@pytest.fixture
def loaded():
    """mon-config and mon-logs are enforced, and have no example values any more."""
    loading.load_catalogue(factories.root().organization, folders=[], now=NOW)
    for key in ("mon-config", "mon-logs"):
        found = Invariant.objects.get(key=key)
        found.version.source |= {"examples": []}
        found.version.save()
        Invariant.objects.filter(pk=found.pk).update(state="ENFORCED")


@pytest.fixture
def engineer(client):
    person = factories.security_engineer()
    client.force_login(person)
    return person


def attached(content=None, **changes):
    text = json.dumps(DENY) if content is None else content
    values = {"name": "trail-guard", "content": text} | changes
    return factories.policy(target="r-ab12", target_kind="ROOT", **values).policy


def test_a_policy_is_exported_as_aws_takes_it(client, loaded, engineer):
    answer = client.get(reverse("invariants:export", args=["mon-config", "policy.json"]))
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == 'attachment; filename="mon-config.json"'
    assert json.loads(answer.content) == catalog.load()["mon-config"].policy


def test_an_invariant_is_exported_for_terraform_and_cloudformation(client, loaded, engineer):
    terraform = client.get(reverse("invariants:export", args=["mon-config", "terraform"]))
    assert 'resource "aws_organizations_policy" "mon_config"' in terraform.content.decode()
    assert terraform["Content-Disposition"].endswith('"mon-config.tf"')
    template = client.get(reverse("invariants:export", args=["mon-config", "cloudformation"]))
    assert json.loads(template.content)["Resources"]["MonConfig"]["Type"] == (
        "AWS::Organizations::Policy"
    )


@pytest.mark.parametrize("form", ["policy.json", "terraform", "cloudformation"])
def test_a_policy_with_example_values_is_refused_by_name(client, loaded, engineer, form):
    answer = client.get(reverse("invariants:export", args=["kms-delete", form]))
    assert answer.status_code == 409
    assert "kms-delete still has example values: set key_roles." in answer.content.decode()


def test_the_pack_has_all_that_is_enforced_and_nothing_else(client, loaded, engineer):
    answer = client.get(reverse("invariants:pack", args=["policy.json"]))
    (packed,) = json.loads(answer.content)
    sids = {statement["Sid"] for statement in packed["policy"]["Statement"]}
    both = [catalog.load()[key] for key in ("mon-config", "mon-logs")]
    assert sids == {s["Sid"] for record in both for s in record.policy["Statement"]}
    assert packed["targets"] == ["Root"]


def test_a_pack_with_example_values_names_each_that_has_them(client, loaded, engineer):
    Invariant.objects.filter(key__in=["kms-delete", "backup-vault"]).update(state="ENFORCED")
    answer = client.get(reverse("invariants:pack", args=["terraform"]))
    assert answer.status_code == 409
    said = answer.content.decode()
    assert "backup-vault still has example values" in said
    assert "kms-delete still has example values" in said


def test_nothing_enforced_is_said(client, loaded, engineer):
    Invariant.objects.update(state="DRAFT")
    answer = client.get(reverse("invariants:pack", args=["terraform"]))
    assert answer.status_code == 409
    assert "No invariant is enforced yet" in answer.content.decode()


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("export", ["mon-config", "policy.json"]),
        ("pack", ["terraform"]),
        ("adopt_list", []),
        ("adopt", ["p-any"]),
    ],
)
def test_the_text_of_policies_is_for_who_sees_the_whole_organisation(client, loaded, name, args):
    client.force_login(factories.ou_reader(ou=factories.ou()))
    assert client.get(reverse(f"invariants:{name}", args=args)).status_code == 403


def test_a_policy_of_aws_becomes_a_draft_that_a_person_has_to_finish(
    client, loaded, engineer, tmp_path
):
    policy = attached()
    page = client.get(reverse("invariants:adopt", args=[policy.policy_id])).content.decode()
    assert "trail-guard.yaml" in page
    for name in ("statement", "why", "owner"):
        assert f'The field <span class="mono">{name}</span>' in page

    file = client.get(reverse("invariants:adopt", args=[policy.policy_id]), {"download": "1"})
    assert file["Content-Disposition"] == 'attachment; filename="trail-guard.yaml"'
    data = yaml.safe_load(file.content)
    assert data["draft"] is True
    assert data["targets"] == {"root": True}
    # It can be loaded at once, as a draft.
    (tmp_path / "trail-guard.yaml").write_bytes(file.content)
    load = loading.load_catalogue(factories.root().organization, folders=[tmp_path], now=NOW)
    assert load.problems == []
    assert Invariant.objects.get(key="trail-guard").version.content["draft"] is True


def test_the_list_says_what_each_policy_serves(client, loaded, engineer):
    served, other = attached(), attached(name="another", policy_id="p-other001")
    CoverageProof.objects.create(
        invariant=Invariant.objects.get(key="mon-cloudtrail"),
        digest=b"1" * 32,
        state="ENFORCED",
        reason="It holds.",
        policy=served,
    )
    attached(name="FullAWSAccess", policy_id="p-FullAWSAccess", is_aws_managed=True)
    rows = client.get(reverse("invariants:adopt_list")).context["rows"]
    assert [(row.policy_id, row.serves, row.targets) for row in rows] == [
        (other.policy_id, (), 1),
        (served.policy_id, ("mon-cloudtrail",), 1),
    ]


def test_what_is_not_there_is_not_found_and_what_cannot_be_read_is_said(client, loaded, engineer):
    managed = attached(policy_id="p-FullAWSAccess", is_aws_managed=True)
    assert client.get(reverse("invariants:adopt", args=["p-none"])).status_code == 404
    assert client.get(reverse("invariants:adopt", args=[managed.policy_id])).status_code == 404
    for content, words in (("", "could not be read from AWS"), ("{", "trail-guard")):
        unread = attached(content, policy_id=f"p-unread{len(content)}")
        answer = client.get(reverse("invariants:adopt", args=[unread.policy_id]))
        assert answer.status_code == 409
        assert words in answer.content.decode()


def test_the_commands_write_the_same_files(loaded, tmp_path, capsys):
    call_command("export_invariants", "mon-config", "--form", "policy.json")
    assert json.loads(capsys.readouterr().out) == catalog.load()["mon-config"].policy
    call_command("export_invariants", "--to", str(tmp_path), stdout=StringIO())
    assert "aws_organizations_policy" in (tmp_path / "invariants.tf").read_text()
    with pytest.raises(CommandError, match="set key_roles"):
        call_command("export_invariants", "kms-delete")
    with pytest.raises(CommandError, match="no invariant none-such"):
        call_command("export_invariants", "none-such")


def test_the_command_adopts_a_policy_by_its_name_or_id(loaded, tmp_path, capsys):
    policy = attached()
    call_command("adopt_policy", "trail-guard")
    assert "draft: true" in capsys.readouterr().out
    call_command("adopt_policy", policy.policy_id, "--to", str(tmp_path), stdout=StringIO())
    assert (tmp_path / "trail-guard.yaml").is_file()
    with pytest.raises(CommandError, match="not overwritten"):
        call_command("adopt_policy", policy.policy_id, "--to", str(tmp_path))
    OrgPolicy.objects.update(gone_at=NOW)
    with pytest.raises(CommandError, match="collect first"):
        call_command("adopt_policy", "trail-guard")


def test_policies_of_a_tfvars_become_drafts(tmp_path):
    source = tmp_path / "source"
    (source / "policies").mkdir(parents=True)
    (source / "policies" / "trail.json").write_text(json.dumps(DENY))
    tfvars = source / "org.tfvars"
    entry = '{ policy_name = "TrailGuard"\n policy_description = "No stops."\n policy_json_file = "%s" }'
    tfvars.write_text(
        f"organization = {{\n service_control_policies = {{\n trail = {entry % 'policies/trail.json'}\n }}\n}}\n"
    )
    out = tmp_path / "drafts"
    call_command("import_tfvars", str(tfvars), "--to", str(out), stdout=StringIO())
    (draft,) = out.glob("*.yaml")
    assert yaml.safe_load(draft.read_text())["draft"] is True
    with pytest.raises(CommandError, match="not overwritten"):
        call_command("import_tfvars", str(tfvars), "--to", str(out))
    # It reads nothing that lies elsewhere.
    (tmp_path / "secret.json").write_text(json.dumps(DENY))
    tfvars.write_text(tfvars.read_text().replace("policies/trail.json", "../secret.json"))
    with pytest.raises(CommandError, match="outside the folder"):
        call_command("import_tfvars", str(tfvars), "--to", str(tmp_path / "more"))
