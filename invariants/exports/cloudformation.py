"""Policies and their attachments as a CloudFormation template (JSON)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from invariants.exports.documents import Document

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_RESOURCES: Final = 500


def cloudformation(documents: Sequence[Document]) -> str:
    """One template: each policy as AWS::Organizations::Policy. Ids of targets are parameters, a list
    each; an empty one leaves the policy unattached.

    The text is given as a JSON object, since CloudFormation finds drift only there.
    """
    names = sorted({target for d in documents for target in d.targets})
    template: dict[str, Any] = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Invariants as policies of AWS Organizations",
        "Parameters": {_parameter(name): _parameter_of(name) for name in names},
        "Conditions": {f"Has{_parameter(name)}": _is_given(name) for name in names},
        "Resources": dict(_resources(documents)),
    }
    filled = {key: value for key, value in template.items() if value}
    return json.dumps(filled, indent=2, ensure_ascii=False) + "\n"


def _resources(documents: Sequence[Document]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """One policy after another: Organizations refuses changes to policies that come at once."""
    previous: str | None = None
    for document in documents:
        resource: dict[str, Any] = {
            "Type": "AWS::Organizations::Policy",
            "Properties": {
                "Name": document.name,
                "Description": document.description,
                "Type": document.type,
                "Content": json.loads(document.content),
                "TargetIds": [_target(name) for name in document.targets],
            },
        }
        if previous:
            resource["DependsOn"] = previous
        previous = document.logical_id
        yield document.logical_id, resource


def _target(name: str) -> Mapping[str, Any]:
    parameter = _parameter(name)
    return {"Fn::If": [f"Has{parameter}", {"Ref": parameter}, {"Ref": "AWS::NoValue"}]}


def _parameter(name: str) -> str:
    return "Target" + "".join(part for part in name.title() if part.isalnum())


def _parameter_of(name: str) -> Mapping[str, Any]:
    return {
        "Type": "String",
        "Default": "",
        "Description": f"Id of {name}; empty leaves its policies unattached",
        "AllowedPattern": r"^$|^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}|\d{12})$",
    }


def _is_given(name: str) -> Mapping[str, Any]:
    return {"Fn::Not": [{"Fn::Equals": [{"Ref": _parameter(name)}, ""]}]}
