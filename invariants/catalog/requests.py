"""From a probe to a request that the engine can decide on.

A probe says what matters to it. Around it stands an ordinary request: from the organisation's own
network of identities, over TLS, without tags, in an approved Region, by a person and not through
another service. Where the ordinary request does not settle a key either, the key stays unknown, and
a policy that reads it makes the probe unknown instead of passing it by luck.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from invariants import engine
from invariants.catalog.parameters import Values
from invariants.catalog.records import ContextValue, Probe, StateOf

# Services that answer in us-east-1 for the whole world.
# https://docs.aws.amazon.com/general/latest/gr/rande.html#global-endpoints
GLOBAL_SERVICES: Final = frozenset(
    {
        "account",
        "aws-marketplace",
        "billing",
        "budgets",
        "ce",
        "cloudfront",
        "health",
        "iam",
        "organizations",
        "payments",
        "route53",
        "route53domains",
        "shield",
        "support",
        "tax",
        "trustedadvisor",
    }
)
GLOBAL_REGION: Final = "us-east-1"

# Keys of an ordinary request. Those of a service are read by its own actions only.
_ABSENT: Final = engine.ABSENT
_ORDINARY: Final[Mapping[str, engine.KeyState]] = MappingProxyType(
    {
        "aws:assumedroot": _ABSENT,
        "aws:ec2instancesourcevpc": _ABSENT,
        "aws:ec2instancesourceprivateipv4": _ABSENT,
        "aws:securetransport": engine.present("true"),
        "aws:tagkeys": _ABSENT,
        "aws:viaawsservice": engine.present("false"),
        "ec2:roledelivery": _ABSENT,
        "ec2:sourceinstancearn": _ABSENT,
        "s3:tlsversion": engine.present("1.3"),
        "s3:x-amz-server-side-encryption-customer-algorithm": _ABSENT,
    }
)
_FROM_SERVICES: Final = (
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
)
_TAGS: Final = re.compile(r"[a-z0-9-]+:(principal|resource|request)tag/", re.IGNORECASE)
_STAR_REGION: Final = re.compile(r"^(arn:[^:]*:[^:]*:)\*(?=:)")
_STAR_ACCOUNT: Final = re.compile(r"^(arn:[^:]*:[^:]*:[^:]*:)\*(?=:)")
_REGION_AND_ACCOUNT: Final = re.compile(r"arn:[^:]*:[^:]*:([^:]*):(\d{12}|):")
_STATES: Final[Mapping[str, engine.KeyState]] = MappingProxyType(
    {
        "ABSENT": _ABSENT,
        "PRESENT_UNKNOWN": engine.PRESENT_UNKNOWN,
        "UNKNOWN": engine.UNKNOWN_STATE,
    }
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The organisation that probes are asked in: its id, its own accounts as far as probes name
    them, the member account that a star stands for, and an approved Region."""

    organization_id: str
    member_account: str
    own_accounts: frozenset[str]
    region: str


def surroundings(values: Values) -> Surroundings:
    """The surroundings that a catalogue's parameters describe.

    :raises KeyError: for a catalogue without the parameters of the shipped one.
    """
    own = ("member_account", "security_account", "management_account")
    return Surroundings(
        organization_id=values["organization_id"][0],
        member_account=values["member_account"][0],
        own_accounts=frozenset(values[name][0] for name in own),
        region=values["approved_regions"][0],
    )


def localised(text: str, account: str, region: str) -> str:
    """An ARN whose Region or account is a star, as one of `region` and `account`; any other text as
    it is."""
    return _STAR_ACCOUNT.sub(rf"\g<1>{account}", _STAR_REGION.sub(rf"\g<1>{region}", text))


def probe_request(
    probe: Probe, around: Surroundings, *, reads: Iterable[str] = ()
) -> engine.Request:
    """The request that a probe stands for.

    `reads` are the condition keys of the policies that will decide it. Of these, tags that the probe
    does not give are absent, and so are keys that belong to other services than the action's.
    """
    principal = _principal(probe, around)
    resource = _local(probe.resource, around)
    owner = _owner(probe, resource, principal, around)
    context: dict[str, engine.KeyState] = dict(_ORDINARY)
    context |= _organisation_keys(principal, owner, around)
    context["aws:requestedregion"] = engine.present(_region(probe, resource, around))
    if principal.type is not engine.PrincipalType.SERVICE:
        context |= dict.fromkeys(_FROM_SERVICES, _ABSENT)
    service = probe.action.partition(":")[0].lower()
    context |= {k: _ABSENT for k in map(str.lower, reads) if _cannot_be_there(k, service, context)}
    context |= {k.lower(): _state(v, around) for k, v in probe.context.items()}
    return engine.Request(
        action=probe.action,
        resource=resource,
        principal=principal,
        resource_account_id=owner,
        context=context,
    )


def _local(text: str, around: Surroundings) -> str:
    return localised(text, around.member_account, around.region)


def _principal(probe: Probe, around: Surroundings) -> engine.Principal:
    if probe.principal == "*":
        return engine.ANONYMOUS
    return engine.principal_of(_local(probe.principal, around))


def _owner(probe: Probe, resource: str, principal: engine.Principal, around: Surroundings) -> str:
    if probe.resource_account:
        return probe.resource_account
    match = _REGION_AND_ACCOUNT.match(resource)
    return (match and match[2]) or principal.account_id or around.member_account


def _organisation_keys(
    principal: engine.Principal, owner: str, around: Surroundings
) -> dict[str, engine.KeyState]:
    ours = engine.present(around.organization_id)
    # What AWS says of an account outside: another organisation's id, or nothing where it has none.
    elsewhere = engine.OneOf((engine.present("o-elsewhere0"), _ABSENT))
    keys: dict[str, engine.KeyState] = {
        "aws:resourceaccount": engine.present(owner),
        "s3:resourceaccount": engine.present(owner),
        "aws:resourceorgid": ours if owner in around.own_accounts else elsewhere,
        "aws:principalorgid": _ABSENT,
    }
    if principal.account_id:
        is_own = principal.account_id in around.own_accounts
        keys["aws:principalorgid"] = ours if is_own else elsewhere
    elif principal.type is engine.PrincipalType.SERVICE:
        keys["aws:principalaccount"] = _ABSENT
        keys["aws:principalarn"] = _ABSENT
    return keys


def _region(probe: Probe, resource: str, around: Surroundings) -> str:
    match = _REGION_AND_ACCOUNT.match(resource)
    if match and match[1]:
        return match[1]
    is_global = probe.action.partition(":")[0] in GLOBAL_SERVICES
    return GLOBAL_REGION if is_global else around.region


def _cannot_be_there(key: str, service: str, context: Mapping[str, engine.KeyState]) -> bool:
    if key in context:
        return False
    if _TAGS.match(key):
        return True
    prefix = key.partition(":")[0]
    # Keys of identity providers belong to sts: "token.actions.githubusercontent.com:sub".
    belongs_to = "sts" if "." in prefix else prefix
    return belongs_to not in ("aws", service)


def _state(value: ContextValue, around: Surroundings) -> engine.KeyState:
    if isinstance(value, StateOf):
        if value.state:
            return _STATES[value.state]
        return engine.OneOf(tuple(_present(v, around) for v in value.one_of))
    return _present(value, around)


def _present(value: str | bool | int | tuple[str, ...], around: Surroundings) -> engine.KeyState:
    values = value if isinstance(value, tuple) else (value,)
    texts = (_local(v, around) if isinstance(v, str) else v for v in values)
    return engine.present(*texts)
