"""The lines of a scope as they are typed: what is no such thing is said, with what to write instead."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from django.http import QueryDict

from invariants.models.exceptions import ScopeKind
from invariants.policies.exceptions.breadth import is_bare
from invariants.policies.exceptions.tags import wrong_principal_tag

# Fields of many values, one a line, and the lines of a scope that they are.
LISTS: Final[Mapping[str, ScopeKind]] = MappingProxyType(
    {
        "accounts": ScopeKind.ACCOUNT,
        "ous": ScopeKind.OU,
        "principals": ScopeKind.PRINCIPAL,
        "principal_tags": ScopeKind.PRINCIPAL_TAG,
        "actions": ScopeKind.ACTION,
        "regions": ScopeKind.REGION,
        "resources": ScopeKind.RESOURCE,
        "patterns": ScopeKind.PATTERN,
        "tags": ScopeKind.TAG,
        "controls": ScopeKind.CONTROL,
    }
)
# Ids and tags may have commas in them.
_WITH_COMMAS: Final = ("resources", "patterns", "tags", "principal_tags")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_OU: Final = re.compile(r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32}")
_PRINCIPAL: Final = re.compile(r"arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[^\s]+")
_ACTION: Final = re.compile(r"[a-z0-9-]+:[A-Za-z0-9*?]+")
_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}|global")
_TAG: Final = re.compile(r"[^=\s][^=]*=.*")
LONGEST_LINE: Final = 2048


def split(name: str, text: str) -> list[str]:
    """The values of a field, each once, in the order in which they were typed. No value has a NUL in it:
    the field says so, and the database takes none."""
    between = r"\n" if name in _WITH_COMMAS else r"[\n,]"
    parts = re.split(between, text.replace("\0", ""))
    return list(dict.fromkeys(one.strip() for one in parts if one.strip()))


def joined(data: QueryDict | None) -> QueryDict | None:
    """Check boxes and lines of text come to the same: one value a line."""
    if data is None:
        return None
    copied = data.copy()
    for name in LISTS:
        copied[name] = "\n".join(data.getlist(name))
    return copied


def by_name(lines: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The text of each field for the lines of a scope, as (kind, value)."""
    names = {kind.value: name for name, kind in LISTS.items()}
    values: dict[str, list[str]] = {name: [] for name in LISTS}
    for kind, value in lines:
        values[names[str(kind)]].append(value)
    return {name: "\n".join(some) for name, some in values.items()}


def wrong(kind: ScopeKind, value: str) -> str:
    """What is wrong with a line of a scope, and the remedy; "" where nothing is."""
    if len(value) > LONGEST_LINE:
        return f"{value[:60]}… is too long: give the ARN alone."
    look = _LOOKS.get(kind)
    return look(value) if look else ""


def _account(value: str) -> str:
    if _ACCOUNT.fullmatch(value):
        return ""
    return f"{value} is no account: give its id of twelve digits."


def _ou(value: str) -> str:
    return (
        "" if _OU.fullmatch(value) else f"{value} is no OU: give its id, such as ou-ab12-11111111."
    )


def _principal(value: str) -> str:
    if "*" in value or "?" in value:
        return f"{value} has a wildcard, which is not accepted: give the whole ARN of each role."
    if not _PRINCIPAL.fullmatch(value):
        return f"{value} is no ARN of a role or user: arn:aws:iam::123456789012:role/name."
    return ""


def _action(value: str) -> str:
    if not _ACTION.fullmatch(value):
        return f"{value} is no action: write it as policies do, such as s3:PutBucketPolicy."
    if not value.split(":")[1].strip("*?"):
        return f"{value} is a whole service, which is not accepted: name the actions."
    return ""


def _region(value: str) -> str:
    return "" if _REGION.fullmatch(value) else f"{value} is no Region: such as eu-west-1."


def _resource(value: str) -> str:
    # The ARN of a log group ends so, and is meant as it stands.
    if "*" in value.removesuffix(":*") or "?" in value:
        return f"{value} has a wildcard: give the whole id, or move it to “Resources by pattern”."
    return ""


def _pattern(value: str) -> str:
    if is_bare(value):
        return f"{value} would cover everything: write more of what the resources have in common."
    return ""


def _tag(value: str) -> str:
    return "" if _TAG.fullmatch(value) else f"{value} is no tag: write key=value."


_LOOKS: Final = MappingProxyType(
    {
        ScopeKind.ACCOUNT: _account,
        ScopeKind.OU: _ou,
        ScopeKind.PRINCIPAL: _principal,
        ScopeKind.ACTION: _action,
        ScopeKind.REGION: _region,
        ScopeKind.RESOURCE: _resource,
        ScopeKind.PATTERN: _pattern,
        ScopeKind.TAG: _tag,
        ScopeKind.PRINCIPAL_TAG: wrong_principal_tag,
    }
)
