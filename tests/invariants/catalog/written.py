"""Catalogue files for tests: one that is right, and changes to it."""

import yaml

PARAMETERS = {
    "organization_id": "o-exampleorg1",
    "management_account": "999900001111",
    "security_account": "222233334444",
    "member_account": "111122223333",
    "approved_regions": ["eu-central-1", "eu-west-1"],
    "key_roles": ["arn:aws:iam::*:role/keys/One", "arn:aws:iam::*:role/keys/Two"],
}


def invariant(**changes):
    """Data of a file that is right, with `changes` in place of its fields; None takes one out."""
    data = {
        "id": "kms-delete",
        "version": 1,
        "statement": {
            "persona": "Only the key team",
            "action": "deletes",
            "resource": "a key",
        },
        "why": "With the key goes the data.",
        "type": "SERVICE_CONTROL_POLICY",
        "severity": "HIGH",
        "area": "DATA_PROTECTION",
        "owner": "keys",
        "targets": {"root": True},
        "policy": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "KmsDelete",
                    "Effect": "Deny",
                    "Action": "kms:ScheduleKeyDeletion",
                    "Resource": "*",
                    "Condition": {"ArnNotLike": {"aws:PrincipalArn": ["{{key_roles}}"]}},
                }
            ],
        },
        "exceptions": [],
        "detects": {"security_hub": ["KMS.3"]},
        "replay": ["MANAGEMENT"],
        "must_deny": [
            {
                "name": "An engineer deletes a key",
                "action": "kms:ScheduleKeyDeletion",
                "resource": "arn:aws:kms:eu-central-1:{{member_account}}:key/1",
                "principal": "arn:aws:iam::*:role/Developer",
            }
        ],
        "must_allow": [
            {
                "name": "The key team deletes a key",
                "action": "kms:ScheduleKeyDeletion",
                "resource": "arn:aws:kms:eu-central-1:{{member_account}}:key/1",
                "principal": "{{key_roles}}",
            }
        ],
        "loop": {
            "control": {"present": True, "reason": "The policy."},
            "monitor": {"present": True, "reason": "KMS.3."},
            "fix": {"present": False, "reason": "It is gone."},
        },
    }
    changed = data | changes
    return {name: value for name, value in changed.items() if value is not None}


def write(folder, *documents, parameters=PARAMETERS):
    """Write each document to the file of its id, or of what it overrides."""
    folder.mkdir(exist_ok=True)
    if parameters is not None:
        (folder / "parameters.yaml").write_text(yaml.safe_dump(parameters), encoding="utf-8")
    for document in documents:
        name = document.get("id") or f"own-{document['overrides']}"
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def line_of(file, text):
    """The line, from 1, on which `text` first stands."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)
