"""Adopting a policy that is attached in AWS: the draft is right as far as it goes, and says how far."""

import json

import pytest
import yaml

from invariants import catalog, exports, imports
from invariants.catalog import RCP, SCP, Answer

CATALOGUE = catalog.load()


def adopt(policy, policy_type=SCP, **changes):
    return imports.from_attached(
        **{
            "name": "Sec-KeysStay",
            "description": "Keys are not deleted.",
            "policy_type": policy_type,
            "content": policy if isinstance(policy, str) else json.dumps(policy),
            "attachments": [imports.Attachment(is_root=True)],
            **changes,
        }
    )


def statement(**changes):
    base = {"Sid": "Keys", "Effect": "Deny", "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [base | changes]}


EXEMPT = {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/keys/Admin"}}


def test_it_is_a_draft_that_says_what_a_person_has_to_write():
    draft = adopt(statement())
    assert draft.id == "sec-keys-stay"
    assert draft.data["draft"] is True
    assert draft.data["statement"]["resource"] == "Keys are not deleted"
    assert draft.data["owner"] == draft.data["why"] == imports.TO_WRITE
    assert draft.text.startswith("# Draft from the Service control policy 'Sec-KeysStay'.")


def test_targets_are_where_it_hangs():
    attachments = [
        imports.Attachment(ou="Workloads/Prod"),
        imports.Attachment(account_id="111122223333"),
        imports.Attachment(ou="Sandbox"),
    ]
    draft = adopt(statement(), attachments=attachments)
    assert draft.data["targets"] == {
        "ous": ["Sandbox", "Workloads/Prod"],
        "accounts": ["111122223333"],
    }


def test_a_denial_and_its_carve_out_become_probes():
    draft = adopt(statement(Condition=EXEMPT))
    assert [probe["action"] for probe in draft.data["must_deny"]] == ["kms:ScheduleKeyDeletion"]
    (allowed,) = draft.data["must_allow"]
    assert allowed["principal"] == "arn:aws:iam::111122223333:role/keys/Admin"
    assert draft.data["exceptions"] == [
        {"who": "Admin", "carve_out": "PRINCIPAL_ARN", "via": "arn:aws:iam::*:role/keys/Admin"}
    ]


def test_without_a_carve_out_a_request_that_only_lists_is_proposed():
    (allowed,) = adopt(statement()).data["must_allow"]
    assert allowed["action"].startswith("kms:List")


def test_an_absent_key_that_fires_is_written_down():
    condition = {"StringNotEquals": {"s3:x-amz-object-ownership": "BucketOwnerEnforced"}}
    draft = adopt(statement(Action="s3:CreateBucket", Condition=condition))
    (probe,) = draft.data["must_deny"]
    assert probe["context"] == {"s3:x-amz-object-ownership": {"state": "ABSENT"}}


def test_another_region_is_found_for_a_policy_on_regions():
    condition = {"StringNotEquals": {"aws:RequestedRegion": ["ap-southeast-2", "eu-west-1"]}}
    draft = adopt(statement(Action=["ec2:*", "s3:*"], Condition=condition))
    assert {p["context"]["aws:RequestedRegion"] for p in draft.data["must_deny"]} == {"sa-east-1"}


def test_what_cannot_be_proposed_is_said():
    condition = {"NumericGreaterThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "7"}}
    draft = adopt(statement(Condition=condition))
    assert "must_deny" not in draft.data
    assert "No request could be proposed that Keys denies: write one." in draft.notes


def test_a_policy_that_sets_values_becomes_settings():
    policy = {"ec2_attributes": {"serial_console_access": {"status": {"@@assign": "disabled"}}}}
    draft = adopt(policy, "DECLARATIVE_POLICY_EC2")
    assert draft.data["must_set"] == [
        {"path": "ec2_attributes.serial_console_access.status", "value": "disabled"}
    ]
    assert draft.data["replay"] == ["NONE"]


@pytest.mark.parametrize(
    ("content", "policy_type"),
    [("{", SCP), ("[]", SCP), ('{"Statement": 3}', SCP), ('{"a": {"@@assing": 1}}', "S3_POLICY")],
)
def test_what_is_no_policy_is_refused_by_its_name(content, policy_type):
    with pytest.raises(imports.NotImportable, match="Sec-KeysStay"):
        adopt(content, policy_type)


@pytest.mark.parametrize("name", ["Über", "123", "FullAWSAccess", "aws-guardrails-NllhqI", "a__b"])
def test_any_name_becomes_an_id(name, tmp_path):
    draft = adopt(statement(), name=name)
    (tmp_path / draft.file_name).write_text(draft.text, encoding="utf-8")
    assert draft.id in catalog.read_folders([tmp_path]).entries


@pytest.mark.parametrize("invariant", list(CATALOGUE), ids=lambda i: i.id)
def test_every_shipped_policy_can_be_adopted_back(invariant, tmp_path):
    draft = adopt(exports.policy_json(invariant), invariant.type, name=invariant.id)
    (tmp_path / draft.file_name).write_text(draft.text, encoding="utf-8")
    loaded = catalog.read_folders([tmp_path])[draft.id]
    assert loaded.policy == yaml.safe_load(json.dumps(invariant.policy))
    if loaded.is_authorisation:
        around = catalog.surroundings(CATALOGUE.parameters)
        answers = {r.answer for r in catalog.run_probes(loaded, around)}
        assert answers <= {Answer.HOLDS}
    else:
        assert {r.answer for r in catalog.run_settings(loaded)} == {Answer.HOLDS}


def test_most_shipped_policies_give_probes_both_ways():
    deciding = [i for i in CATALOGUE if i.type in (SCP, RCP)]
    both = [
        i.id
        for i in deciding
        if {"must_deny", "must_allow"} <= set(adopt(exports.policy_json(i), i.type).data)
    ]
    assert len(both) / len(deciding) > 0.7
