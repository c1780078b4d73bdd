"""Text or objects to Policy: the grammar of policies, and of those that SCPs and RCPs may be.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from invariants.engine import reading
from invariants.engine.documents import (
    OLD_VERSION,
    VERSION,
    Condition,
    Effect,
    Names,
    Operator,
    Policy,
    PolicySyntaxError,
    Principals,
    Statement,
    operator,
)
from invariants.engine.reading import Json, within


class Grammar(Enum):
    """Which documents are taken.

    SCP: no principal, always a resource. RCP: always a resource, Deny only, Principal "*", actions with
    a service, no NotAction, Version 2012-10-17; AWS's own RCPFullAWSAccess is the one exception.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_syntax.html
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html
    """

    ANY = "any"
    SCP = "scp"
    RCP = "rcp"


_POLICY: Final = frozenset({"Version", "Id", "Statement"})
_STATEMENT: Final = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"}
    | {"Resource", "NotResource", "Condition"}
)
_KINDS: Final = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})


def parse(source: str | Mapping[str, Json], *, grammar: Grammar = Grammar.ANY) -> Policy:
    """Return the policy that a text, or the object that JSON made of it, stands for.

    Names of operators are taken in any case, as written. Values of conditions become strings, as AWS
    compares them.

    :raises PolicySyntaxError: where it is none; the error says where and why.
    """
    found = _elements(reading.read(source), reading.ROOT, _POLICY)
    version = _version(found.get("Version"))
    if "Statement" not in found:
        raise PolicySyntaxError(reading.ROOT, "a policy needs Statement")
    statements = tuple(
        _statement(value, path)
        for value, path in reading.items(found["Statement"], f"{reading.ROOT}.Statement")
    )
    policy_id = reading.text(found["Id"], f"{reading.ROOT}.Id") if "Id" in found else None
    policy = Policy(statements, version, policy_id)
    _CHECKS[grammar](policy)
    return policy


def _elements(value: Json, path: str, known: frozenset[str]) -> dict[str, Json]:
    found = dict(reading.members(value, path))
    for name in found:
        if name not in known:
            raise PolicySyntaxError(within(path, name), "AWS has no such element")
    return found


def _version(value: Json) -> str | None:
    if value is None:
        return None
    path = f"{reading.ROOT}.Version"
    version = reading.text(value, path)
    if version not in (VERSION, OLD_VERSION):
        raise PolicySyntaxError(path, f"the versions are {VERSION} and {OLD_VERSION}")
    return version


def _statement(value: Json, path: str) -> Statement:
    found = _elements(value, path, _STATEMENT)
    if "Effect" not in found:
        raise PolicySyntaxError(path, "a statement needs Effect")
    actions = _names(found, "Action", path, _action)
    if actions is None:
        raise PolicySyntaxError(path, "a statement needs Action or NotAction")
    return Statement(
        effect=_effect(found["Effect"], f"{path}.Effect"),
        actions=actions,
        resources=_names(found, "Resource", path, _resource),
        principals=_principals(found, path),
        conditions=_conditions(found["Condition"], f"{path}.Condition")
        if "Condition" in found
        else (),
        sid=reading.text(found["Sid"], f"{path}.Sid") if "Sid" in found else None,
    )


def _effect(value: Json, path: str) -> Effect:
    try:
        return Effect(reading.text(value, path))
    except PolicySyntaxError:
        raise
    except ValueError as e:
        raise PolicySyntaxError(path, "the effects are Allow and Deny") from e


def _either(found: dict[str, Json], name: str, path: str) -> tuple[str, bool] | None:
    """The element or its negation, whichever is there."""
    there = [known for known in (name, f"Not{name}") if known in found]
    if len(there) > 1:
        raise PolicySyntaxError(path, f"{name} and Not{name} exclude each other")
    return (there[0], there[0] != name) if there else None


def _names(
    found: dict[str, Json], name: str, path: str, check: Callable[[str, str], str]
) -> Names | None:
    element = _either(found, name, path)
    if element is None:
        return None
    spelled, is_negated = element
    return Names(
        tuple(
            check(reading.text(value, place), place)
            for value, place in reading.items(found[spelled], f"{path}.{spelled}")
        ),
        is_negated,
    )


def _action(name: str, path: str) -> str:
    service, colon, action = name.partition(":")
    if name != "*" and not (service and colon and action):
        raise PolicySyntaxError(path, 'an action is "service:Action" or "*"')
    return name


def _resource(name: str, path: str) -> str:
    if not name:
        raise PolicySyntaxError(path, 'a resource is an ARN or "*"')
    return name


def _principals(found: dict[str, Json], path: str) -> Principals | None:
    element = _either(found, "Principal", path)
    if element is None:
        return None
    name, is_negated = element
    value, path = found[name], f"{path}.{name}"
    if isinstance(value, str):
        if value != "*":
            raise PolicySyntaxError(path, 'a principal is "*" or an object')
        return Principals((("*", ("*",)),), is_negated)
    kinds = _elements(value, path, _KINDS)
    if not kinds:
        raise PolicySyntaxError(path, "no principal is named")
    return Principals(
        tuple(
            (kind, tuple(reading.text(*item) for item in reading.items(values, within(path, kind))))
            for kind, values in kinds.items()
        ),
        is_negated,
    )


def _conditions(value: Json, path: str) -> tuple[Condition, ...]:
    conditions: list[Condition] = []
    operators: set[str] = set()
    for written, keys in reading.members(value, path):
        place = within(path, written)
        found = _operator(written, place)
        _once(found.name, operators, place)
        named: set[str] = set()
        for key, values in reading.members(keys, place):
            _once(key.lower(), named, within(place, key))
            if not key:
                raise PolicySyntaxError(place, "a condition key needs a name")
            conditions.append(Condition(found, key, _values(values, within(place, key))))
    return tuple(conditions)


def _operator(written: str, path: str) -> Operator:
    try:
        return operator(written)
    except ValueError as e:
        raise PolicySyntaxError(path, str(e)) from e


def _once(name: str, seen: set[str], path: str) -> None:
    if name in seen:
        raise PolicySyntaxError(path, "this is named twice; case makes no difference")
    seen.add(name)


def _values(value: Json, path: str) -> tuple[str, ...]:
    return tuple(reading.scalar(*item) for item in reading.items(value, path))


_NO_RESOURCE: Final = "a statement needs Resource or NotResource"


def _no_check(policy: Policy) -> None:
    """Every policy will do."""


def _check_scp(policy: Policy) -> None:
    for number, statement in enumerate(policy.statements):
        if statement.principals is not None:
            raise PolicySyntaxError(_place(number), "an SCP has no Principal and no NotPrincipal")
        if statement.resources is None:
            raise PolicySyntaxError(_place(number), _NO_RESOURCE)


def _check_rcp(policy: Policy) -> None:
    if policy.version != VERSION:
        raise PolicySyntaxError(f"{reading.ROOT}.Version", f"an RCP has version {VERSION}")
    for number, statement in enumerate(policy.statements):
        if problem := _rcp_problem(statement):
            raise PolicySyntaxError(_place(number), problem)


def _rcp_problem(statement: Statement) -> str | None:
    principals = statement.principals
    if statement.resources is None:
        return _NO_RESOURCE
    if principals is None or principals.is_negated or principals.by_kind != (("*", ("*",)),):
        return 'the Principal of an RCP is "*"'
    is_full_access = (
        statement.actions == Names(("*",))
        and statement.resources == Names(("*",))
        and not statement.conditions
    )
    if statement.effect is Effect.ALLOW:
        return None if is_full_access else "the Effect of an RCP is Deny"
    if statement.actions.is_negated:
        return "an RCP has no NotAction"
    if any(name.partition(":")[0] == "*" for name in statement.actions.names):
        return "an action of an RCP names its service"
    return None


def _place(number: int) -> str:
    return f"{reading.ROOT}.Statement[{number}]"


_CHECKS: Final[dict[Grammar, Callable[[Policy], None]]] = {
    Grammar.ANY: _no_check,
    Grammar.SCP: _check_scp,
    Grammar.RCP: _check_rcp,
}
