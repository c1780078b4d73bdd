"""What is to get through: the requests that an exception is for, as sides that each narrow the others."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from invariants.carving import naming
from invariants.carving.globs import is_pattern
from invariants.carving.refusals import Unfit
from invariants.engine import Base, Condition, Layer, Operator, Quantifier

PRINCIPAL_ARN: Final = "aws:PrincipalArn"
PRINCIPAL_TAG: Final = "aws:PrincipalTag/"
PRINCIPAL_ORG: Final = "aws:PrincipalOrgID"
_ACTION: Final = re.compile(r"[a-z0-9-]+:[A-Za-z0-9_*?]+", re.ASCII)
_REGION: Final = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)+", re.ASCII)
_ACCOUNT: Final = re.compile(r"[0-9]{12}", re.ASCII)
_TAG: Final = re.compile(r"[\w .:/=+@-]{1,128}=[\w .:/=+@-]{0,256}")
_RESOURCE: Final = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[^:\s]*:[^:\s]*:[^\s\"$]+")


class Kind(StrEnum):
    """The sides in the order in which a statement is taken apart: the first stays in the statement itself."""

    PRINCIPAL = "PRINCIPAL"
    HOME = "HOME"
    PLACE = "PLACE"
    TAG = "TAG"
    REGION = "REGION"
    RESOURCE = "RESOURCE"
    ACTION = "ACTION"
    TIME = "TIME"


@dataclass(frozen=True, slots=True)
class Scope:
    """What an exception names; lines of one kind add up, kinds narrow each other, an empty one narrows nothing.
    Resources and their `tags` are one kind, and so are principals and theirs.

    `ous` are paths of ids from the root, each closed by a slash; `members` are the accounts of `accounts`
    and those beneath `ous` today; `until` is the moment (ISO 8601, UTC) from which it no longer holds.
    """

    accounts: tuple[str, ...] = ()
    ous: tuple[str, ...] = ()
    members: frozenset[str] = frozenset()
    regions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    principals: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    until: str = ""
    principal_tags: tuple[tuple[str, str], ...] = ()

    @property
    def every_tag(self) -> tuple[tuple[str, str], ...]:
        """(key, value) of resources and of principals."""
        return (*self.tags, *self.principal_tags)

    @property
    def is_accounts_alone(self) -> bool:
        named = self.regions, self.resources, self.every_tag, self.principals, self.actions
        return not any(named)


def without_end(scope: Scope) -> Scope:
    """The scope as policies hold it that do not end it by themselves."""
    return replace(scope, until="")


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the box. `outside` are conditions that all hold of a request beyond it; `inside` is the
    condition that holds within it (None: several would be alternatives, which one statement cannot say).
    `actions` and `resources` are names instead of conditions."""

    kind: Kind
    outside: tuple[Condition, ...] = ()
    inside: Condition | None = None
    actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()


def sides(
    scope: Scope, layer: Layer, *, org_id: str, reach: Collection[str] | None
) -> tuple[Side, ...]:
    """The sides of a scope, for policies of one layer.

    `reach` are the accounts that the policy reaches; None where that is not known.

    :raises Unfit: for a principal that no policy can name.
    """
    _check(scope)
    principals = naming.principals_of(scope, layer)
    found = [
        _of_principals(principals, scope, layer),
        _of_home(principals, scope, org_id) if layer is Layer.RCP else None,
        _of_place(scope, layer, org_id) if _needs_place(scope, principals, layer, reach) else None,
        *_of_things(scope),
        _of_values(Kind.REGION, "aws:RequestedRegion", scope.regions),
        Side(Kind.ACTION, actions=scope.actions) if scope.actions else None,
        _of_time(scope.until) if scope.until else None,
    ]
    order = list(Kind)
    return tuple(sorted((s for s in found if s), key=lambda side: order.index(side.kind)))


def _check(scope: Scope) -> None:
    """That each line is what a policy can hold.

    :raises Unfit: naming the first that is not.
    """
    for values, shape, what, example in (
        (scope.actions, _ACTION, "action", "s3:GetObject"),
        (scope.regions, _REGION, "Region", "eu-central-1"),
        (scope.accounts, _ACCOUNT, "account", "111122223333"),
        (tuple(f"{key}={value}" for key, value in scope.every_tag), _TAG, "tag", "exempt=yes"),
        (scope.resources, _RESOURCE, "ARN", "arn:aws:s3:::bucket/*"),
    ):
        for value in values:
            if not shape.fullmatch(value):
                raise Unfit(
                    f'"{value[:200]}" is no {what} that a policy can name.',
                    f"Write it as AWS does, for instance {example}.",
                )


def _of_principals(principals: tuple[str, ...], scope: Scope, layer: Layer) -> Side | None:
    """RCPs with IfExists, as AWS's examples have it: of services there is neither ARN nor tag."""
    if not principals and not scope.principal_tags:
        return None
    is_rcp = layer is Layer.RCP
    outside, inside = [], []
    if principals:
        outside.append(_condition(Base.ARN_NOT_LIKE, PRINCIPAL_ARN, principals, is_rcp))
        inside.append(_condition(Base.ARN_LIKE, PRINCIPAL_ARN, principals))
    for key, values in _by_key(scope.principal_tags).items():
        name = f"{PRINCIPAL_TAG}{key}"
        outside.append(_condition(Base.STRING_NOT_EQUALS, name, values, is_rcp))
        inside.append(_condition(Base.STRING_EQUALS, name, values))
    return Side(Kind.PRINCIPAL, tuple(outside), inside[0] if len(inside) == 1 else None)


def _of_home(principals: tuple[str, ...], scope: Scope, org_id: str) -> Side | None:
    """In an RCP the caller may be anybody, and anybody can tag roles of their own: only those of this
    organisation are let through by a tag. Whoever is named by ARN is, wherever they come from."""
    if not scope.principal_tags:
        return None
    outside = [_condition(Base.STRING_NOT_EQUALS, PRINCIPAL_ORG, (org_id,), if_exists=True)]
    if principals:
        outside.append(_condition(Base.ARN_NOT_LIKE, PRINCIPAL_ARN, principals, if_exists=True))
    inside = None if principals else _condition(Base.STRING_EQUALS, PRINCIPAL_ORG, (org_id,))
    return Side(Kind.HOME, tuple(outside), inside)


def _needs_place(
    scope: Scope, principals: tuple[str, ...], layer: Layer, reach: Collection[str] | None
) -> bool:
    """Not where another side says the account already, or the policy reaches no other."""
    if not scope.accounts and not scope.ous:
        return False
    if reach is not None and frozenset(reach) <= scope.members:
        return False
    if layer is Layer.SCP:
        is_open = not principals or bool(scope.principal_tags)
        return is_open or any(is_pattern(arn.split(":")[4]) for arn in principals)
    return not scope.resources or bool(scope.tags) or not all(map(_is_one_place, scope.resources))


def _is_one_place(arn: str) -> bool:
    """Whether the ARN says whose it is: by an account, or as the name of a bucket, which is unique."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return False
    if parts[2] == "s3" and not parts[4]:
        return not is_pattern(parts[5].partition("/")[0])
    return parts[4].isdecimal()


def _of_place(scope: Scope, layer: Layer, org_id: str) -> Side:
    whose = "Principal" if layer is Layer.SCP else "Resource"
    paths = tuple(f"{org_id}/{path}*" for path in scope.ous)
    outside, inside = [], []
    if scope.accounts:
        key = f"aws:{whose}Account"
        outside.append(_condition(Base.STRING_NOT_EQUALS, key, scope.accounts))
        inside.append(_condition(Base.STRING_EQUALS, key, scope.accounts))
    if paths:
        key = f"aws:{whose}OrgPaths"
        # The key of several values: https://docs.aws.amazon.com/IAM/latest/UserGuide/
        # reference_policies_condition-keys.html#condition-keys-principalorgpaths
        outside.append(_condition(Base.STRING_NOT_LIKE, key, paths, quantifier=Quantifier.ALL))
        inside.append(_condition(Base.STRING_LIKE, key, paths, quantifier=Quantifier.ANY))
    return Side(Kind.PLACE, tuple(outside), inside[0] if len(inside) == 1 else None)


def _of_things(scope: Scope) -> Iterable[Side | None]:
    """Resources by name and by tag add up: one side, unless there is one of the two alone."""
    by_key = _by_key(scope.tags)
    outside = tuple(
        _condition(Base.STRING_NOT_EQUALS, f"aws:ResourceTag/{key}", values)
        for key, values in by_key.items()
    )
    inside = None
    if len(by_key) == 1 and not scope.resources:
        (key,) = by_key
        inside = _condition(Base.STRING_EQUALS, f"aws:ResourceTag/{key}", by_key[key])
    if scope.tags or scope.resources:
        kind = Kind.TAG if scope.tags else Kind.RESOURCE
        yield Side(kind, outside, inside, resources=scope.resources)


def _by_key(tags: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """The values of each key. Keys of conditions are compared in any case, and JSON has room for one."""
    written: dict[str, str] = {}
    found: dict[str, tuple[str, ...]] = {}
    for key, value in tags:
        name = written.setdefault(key.lower(), key)
        found[name] = (*found.get(name, ()), value)
    return found


def _of_values(kind: Kind, key: str, values: tuple[str, ...]) -> Side | None:
    if not values:
        return None
    outside = _condition(Base.STRING_NOT_EQUALS, key, values)
    return Side(kind, (outside,), _condition(Base.STRING_EQUALS, key, values))


def _of_time(until: str) -> Side:
    return Side(
        Kind.TIME,
        (_condition(Base.DATE_GREATER_THAN_EQUALS, "aws:CurrentTime", (until,)),),
        _condition(Base.DATE_LESS_THAN, "aws:CurrentTime", (until,)),
    )


def _condition(
    base: Base,
    key: str,
    values: tuple[str, ...],
    if_exists: bool = False,
    quantifier: Quantifier = Quantifier.NONE,
) -> Condition:
    found = Operator(base, quantifier, if_exists)
    return Condition(replace(found, written=found.name), key, values)


def layer_of(policy_type: str) -> Layer:
    return Layer.RCP if policy_type == "RESOURCE_CONTROL_POLICY" else Layer.SCP
