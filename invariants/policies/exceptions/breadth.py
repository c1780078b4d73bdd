"""Whether a scope covers more than somebody can have meant: nothing is let through by a bare wildcard."""

from collections.abc import Mapping
from typing import Final

from invariants.models.exceptions import ScopeKind
from invariants.policies.exceptions.fitting import matches
from invariants.policies.exceptions.tags import wrong_principal_tag

# So many letters of a pattern have to be letters: `*` alone would be the account.
LEAST_LITERAL: Final = 5
# Of an ARN, so many of what stands for the resource: its first five parts are said by the rest of a scope.
LEAST_OF_RESOURCE: Final = 2
_PARTS_BEFORE: Final = 5
_WILD: Final = str.maketrans("", "", "*?")
# Resources that have nothing in common: what matches both would match any.
_ANY_TWO: Final = ("arn:aws:s3:::q", "arn:aws-cn:ec2:eu-west-9:123456789012:z/0")


def too_wide(scope: Mapping[str, tuple[str, ...]]) -> str:
    """What is wrong with the values of a scope by kind, in a sentence; "" where nothing is."""
    for pattern in scope.get(ScopeKind.PATTERN, ()):
        if is_bare(pattern):
            return f"The pattern {pattern} would cover everything: name what is needed."
    whole = (*scope.get(ScopeKind.RESOURCE, ()), *scope.get(ScopeKind.REGION, ()))
    if wild := next((value for value in whole if _is_wild(value)), ""):
        return f"{wild} has a wildcard: name each Region and resource in full, or resources by a pattern."
    for principal in scope.get(ScopeKind.PRINCIPAL, ()):
        if "*" in principal or "?" in principal:
            return f"The principal {principal} has a wildcard: give the whole ARN."
    for tag in scope.get(ScopeKind.PRINCIPAL_TAG, ()):
        if wrong := wrong_principal_tag(tag):
            return wrong
    for action in scope.get(ScopeKind.ACTION, ()):
        if not action.split(":")[-1].translate(_WILD):
            return f"The action {action} is a whole service: name the actions."
    return ""


def _is_wild(value: str) -> bool:
    """Whether it is no single Region or resource; the ARN of a log group ends in :* as it stands."""
    return "*" in (value.removesuffix(":*") if ":log-group:" in value else value)


def is_bare(pattern: str) -> bool:
    """Whether a pattern names nothing in particular; `arn:aws:*` does not either."""
    if len(pattern.translate(_WILD)) < LEAST_LITERAL or all(matches(pattern, x) for x in _ANY_TWO):
        return True
    arn = pattern.lstrip("*?")
    if not arn.startswith("arn:"):
        return False
    resource = arn.split(":", _PARTS_BEFORE)[_PARTS_BEFORE:]
    return not resource or len(resource[0].translate(_WILD)) < LEAST_OF_RESOURCE
