"""Whose a policy is: AWS's, Control Tower's, or the organisation's own."""

from enum import StrEnum
from typing import Final

from invariants import engine
from invariants.evaluation.drift import texts
from invariants.evaluation.drift.records import Deployed

# https://docs.aws.amazon.com/controltower/latest/controlreference/controls.html
_CONTROL_TOWER: Final = "aws-guardrails-"


class PolicyClass(StrEnum):
    """AWS_MANAGED and CONTROL_TOWER are kept by AWS: nobody here changes them, and they are no drift."""

    AWS_MANAGED = "AWS_MANAGED"
    CONTROL_TOWER = "CONTROL_TOWER"
    CUSTOMER = "CUSTOMER"


def class_of(policy: Deployed) -> PolicyClass:
    """The class of a policy. A name is no proof: whoever may create policies may call one a guardrail,
    so that one which grants anything is taken for a customer's. Control Tower's only deny.
    """
    if policy.is_aws_managed:
        return PolicyClass.AWS_MANAGED
    if policy.name.startswith(_CONTROL_TOWER) and _only_denies(policy):
        return PolicyClass.CONTROL_TOWER
    return PolicyClass.CUSTOMER


def _only_denies(policy: Deployed) -> bool:
    if not texts.decides_requests(policy.type):
        return True
    text = texts.read(policy.type, policy.content) if policy.content else None
    return text is None or all(one.effect is engine.Effect.DENY for one in text.statements)
