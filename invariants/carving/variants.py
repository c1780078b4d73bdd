"""Requests within a box and beyond it, made from the probes of an invariant."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from invariants import engine
from invariants.carving.boxes import PRINCIPAL_ARN, PRINCIPAL_TAG, Kind, Side
from invariants.catalog import Probe, Surroundings
from invariants.engine import Request

MOST: Final = 12
_ELSEWHERE: Final = "xx-elsewhere-1"
_REGION_KEY: Final = "aws:RequestedRegion"
_STRANGER: Final = "arn:aws:iam::098765432109:role/not-exempt/Somebody"


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the requests are made: the organisation, one account of the scope, one that is not in it.

    `paths` are the chains of ids from the root, by account; `other` "" where the scope is all there is;
    `is_of_resources`: the account that owns the resource counts, as RCPs have it.
    """

    around: Surroundings
    other: str
    paths: Mapping[str, str]
    now: datetime
    is_of_resources: bool = False


def count(sides: Sequence[Side]) -> int:
    """How many variants it takes to have had each value once, as far as that is tried."""
    longest = [1]
    for side in sides:
        longest += [len(side.actions), len(side.resources), len(side.outside)]
        longest.append(2 if side.kind is Kind.TIME else 1)
        longest += [len(condition.values) for condition in side.outside]
    return min(max(longest), MOST)


def inside(probe: Probe, sides: Sequence[Side], number: int, setting: Setting) -> Probe:
    """The probe within the box, by the values of each side with this number, counted round and round."""
    found = probe
    for side in sides:
        found = _within(found, side, number, setting)
    # The Region was that of the resource, which may be another one now.
    region = _region_of(probe.resource) if found.resource != probe.resource else ""
    if region and _REGION_KEY not in found.context:
        found = _told(found, _REGION_KEY, region)
    owner = owner_of(found.resource)
    if setting.is_of_resources:
        return replace(found, resource_account=owner or setting.around.member_account)
    return (
        found
        if found.resource == probe.resource or not owner
        else replace(found, resource_account=owner)
    )


def _within(probe: Probe, side: Side, number: int, setting: Setting) -> Probe:
    """The probe on the inner side of one side."""
    match side.kind:
        case Kind.PRINCIPAL:
            condition = _nth(side.outside, number)
            value = _nth(condition.values, number)
            if condition.key == PRINCIPAL_ARN:
                return replace(probe, principal=_sample(value))
            return _told(_by_a_role(probe, setting), condition.key, value)
        case Kind.HOME:
            return _at_home(probe, setting)
        case Kind.RESOURCE:
            return replace(probe, resource=_sample(_nth(side.resources, number)))
        case Kind.ACTION:
            return replace(probe, action=_action(probe.action, side.actions, number))
        case Kind.REGION | Kind.TAG:
            condition = _nth(side.outside, number)
            return _told(probe, condition.key, _nth(condition.values, number))
        case Kind.TIME:
            until = side.outside[0].values[0]
            return _told(probe, "aws:CurrentTime", stamp(_before(until, setting.now, number)))
    return probe


def _by_a_role(probe: Probe, setting: Setting) -> Probe:
    """By somebody who can carry a tag: neither root, nor a service, nor anybody at all."""
    is_arn = probe.principal.startswith("arn:")
    if is_arn and not probe.principal.endswith(":root"):
        return probe
    return replace(probe, principal=f"arn:aws:iam::{setting.around.member_account}:role/Tagged")


def _at_home(probe: Probe, setting: Setting) -> Probe:
    """By a principal of the organisation, where it is one by tag."""
    is_tagged = any(key.startswith(PRINCIPAL_TAG) for key in probe.context)
    if not is_tagged or owner_of(probe.principal) in setting.around.own_accounts:
        return probe
    return replace(probe, principal=f"arn:aws:iam::{setting.around.member_account}:role/Tagged")


_T = TypeVar("_T")


def _nth(values: Sequence[_T], number: int) -> _T:
    return values[number % len(values)]


def _told(probe: Probe, key: str, value: str) -> Probe:
    return replace(probe, context={**probe.context, key: value})


def _region_of(resource: str) -> str:
    """The Region that an ARN names; "" where it names none, or any."""
    parts = resource.split(":", 5)
    return parts[3] if len(parts) == 6 and parts[3] != "*" else ""


def owner_of(resource: str) -> str:
    """The account that an ARN names, "" where it names none."""
    parts = resource.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[4].isdecimal() else ""


def outside(
    inner: Probe, probe: Probe, sides: Sequence[Side], setting: Setting
) -> Iterator[tuple[Probe, str, str]]:
    """The request beyond one side, with the account in which it is made."""
    member = setting.around.member_account
    for side in sides:
        context = dict(inner.context)
        match side.kind:
            case Kind.PRINCIPAL:
                yield _by_another(inner, side), member, side.kind
            case Kind.HOME:
                yield replace(inner, principal=_STRANGER), member, side.kind
            case Kind.REGION:
                context[_REGION_KEY] = _ELSEWHERE
                yield replace(inner, context=context), member, side.kind
            case Kind.RESOURCE if inner.resource != "*":
                yield replace(inner, resource=_another(inner.resource)), member, side.kind
                yield replace(inner, resource=probe.resource), member, side.kind
            case Kind.TAG:
                kept = {k: v for k, v in context.items() if not k.startswith("aws:ResourceTag/")}
                yield replace(inner, context=kept), member, side.kind
            case Kind.ACTION if probe.action != inner.action:
                yield replace(inner, action=probe.action), member, side.kind
            case Kind.TIME:
                context["aws:CurrentTime"] = side.outside[0].values[0]
                yield replace(inner, context=context), member, side.kind
            case Kind.PLACE if setting.other:
                yield _moved(inner, member, setting.other), setting.other, side.kind
            case _:
                pass


def _by_another(inner: Probe, side: Side) -> Probe:
    """The request by a principal with none of the tags and none of the ARNs."""
    keys = {condition.key for condition in side.outside}
    context = {key: value for key, value in inner.context.items() if key not in keys}
    principal = inner.principal
    if PRINCIPAL_ARN in keys:
        principal = principal.rpartition(":")[0] + ":role/not-exempt/Somebody"
    return replace(inner, principal=principal, context=context)


def _another(resource: str) -> str:
    head, _, name = resource.rpartition(":")
    return f"{head}:not-exempt-{name}"


def _moved(probe: Probe, member: str, other: str) -> Probe:
    """The request in another account, whoever's account counts."""
    return replace(
        probe,
        principal=probe.principal.replace(member, other),
        resource=probe.resource.replace(member, other),
        resource_account=probe.resource_account.replace(member, other),
    )


def _sample(pattern: str) -> str:
    return pattern.replace("*", "sample").replace("?", "x")


def _action(own: str, actions: tuple[str, ...], number: int) -> str:
    """The probe's own action where the scope has it; else one of the scope."""
    from_scope = actions[number % len(actions)]
    for one in actions:
        if engine.statement_truth(_named(one), Request(own)) is engine.TRUE:
            return own
    return _sample(from_scope)


def _named(action: str) -> engine.Statement:
    return engine.Statement(engine.Effect.DENY, engine.Names((action,)))


def _before(until: str, now: datetime, number: int) -> datetime:
    """A moment at which it still holds: now, or every other time the last minute."""
    last = datetime.fromisoformat(until.replace("Z", "+00:00")) - timedelta(minutes=1)
    return last if number % 2 else min(now, last)


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
