"""Probes that the text of a policy implies, each tried on the engine before it is proposed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from invariants import engine
from invariants.catalog import RCP, Probe, StateOf, Surroundings, run_probe
from invariants.catalog.probing import Answer
from invariants.catalog.yaml_tree import Data
from invariants.lint import actions

# An account that AWS uses in its examples; the probes of a draft are read by a person anyway.
SAMPLE_ACCOUNT: Final = "111122223333"
_SAMPLE: Final = f"arn:aws:iam::{SAMPLE_ACCOUNT}:role/SomebodyElse"
_AROUND: Final = Surroundings(
    organization_id="o-exampleorg1",
    member_account=SAMPLE_ACCOUNT,
    own_accounts=frozenset({SAMPLE_ACCOUNT}),
    region="eu-central-1",
)
_STRANGER: Final = "arn:aws:iam::987654321098:role/Stranger"
_OUTSIDE_ADDRESS: Final = "198.51.100.1"
_REGIONS: Final = ("ap-southeast-2", "sa-east-1", "us-gov-west-1", "cn-north-1")
_ABSENT: Final = StateOf(state="ABSENT")
_OF_OURS: Final = frozenset({"aws:principalorgid", "aws:principalaccount", "aws:principalorgpaths"})
# What follows from who calls.
_FROM_CALLER: Final = _OF_OURS | {"aws:principalarn", "aws:principalisawsservice"}
_FULL_ACCESS: Final = engine.parse(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)
# At most so many of a statement's actions are probed: the rest are alike.
_ACTIONS: Final = 3
_AREAS: Final[Mapping[str, str]] = {
    "account": "ACCOUNT_MANAGEMENT",
    "organizations": "ACCOUNT_MANAGEMENT",
    "iam": "IDENTITY",
    "sso": "IDENTITY",
    "sts": "IDENTITY",
    "cloudtrail": "MONITORING",
    "config": "MONITORING",
    "guardduty": "MONITORING",
    "logs": "MONITORING",
    "securityhub": "MONITORING",
    "inspector2": "VULNERABILITY",
    "ec2": "SECURE_DEPLOYMENT",
    "lambda": "SECURE_DEPLOYMENT",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What could be made out of a policy: data as a catalogue file has it, and notes on the rest."""

    must_deny: tuple[Data, ...] = ()
    must_allow: tuple[Data, ...] = ()
    exceptions: tuple[Data, ...] = ()
    notes: tuple[str, ...] = ()
    area: str = "DATA_PROTECTION"


def propose(policy: engine.Policy, policy_type: str) -> Proposal:
    """Probes that `policy` answers as they demand, by the engine.

    A Deny proposes a request that it denies, by a caller whom nothing exempts, and the same request
    by each role that it exempts; where it exempts none, a request that only reads. What the engine
    does not confirm is left out, and said to be missing.
    """
    denies = [s for s in policy.statements if s.effect is engine.Effect.DENY]
    stack = _stack(policy, policy_type)
    must_deny: dict[str, Data] = {}
    must_allow: dict[str, Data] = {}
    notes: list[str] = []
    for number, statement in enumerate(denies):
        name = statement.sid or f"statement {number + 1}"
        found = [p for p in _denied(statement, name) if _holds(p, stack, must_deny=True)]
        if not found:
            notes.append(f"No request could be proposed that {name} denies: write one.")
        must_deny |= {p.name: _data(p) for p in found[:_ACTIONS]}
        spared = (q for p in found[:1] for q in _exempt(statement, p))
        must_allow |= {q.name: _data(q) for q in spared if _holds(q, stack, must_deny=False)}
    if not must_allow:
        readings = (q for s in denies for q in _reading(s) if _holds(q, stack, must_deny=False))
        must_allow |= {q.name: _data(q) for q in islice(readings, 1)}
    if not must_allow:
        notes.append("No request could be proposed that must stay possible: write one.")
    return Proposal(
        must_deny=tuple(must_deny.values()),
        must_allow=tuple(must_allow.values()),
        exceptions=tuple(_exceptions(denies)),
        notes=tuple(notes),
        area=_area(denies),
    )


def _stack(policy: engine.Policy, policy_type: str) -> engine.Stack:
    layer = engine.Layer.RCP if policy_type == RCP else engine.Layer.SCP
    policies = (engine.Attached("FullAWSAccess", _FULL_ACCESS), engine.Attached("policy", policy))
    return engine.compile_stack(layer, [engine.Level("root", policies)])


def _denied(statement: engine.Statement, name: str) -> Iterator[Probe]:
    """Candidates: actions of the statement on a resource of it, with the context that it asks for."""
    context = _asked_for(statement)
    for action in _actions(statement):
        yield Probe(
            name=f"{name}: {action.name}",
            action=action.name,
            principal=_principal(statement),
            resource=_resource(statement, action),
            context=context,
        )


def _actions(statement: engine.Statement) -> list[actions.Action]:
    names = statement.actions.names
    if statement.actions.is_negated:
        spared = {action.name for action in actions.expand(names)}
        names = ("ec2:RunInstances", "s3:CreateBucket", "lambda:CreateFunction")
        return [a for a in actions.expand(names) if a.name not in spared]
    if "*" in names:
        names = ("ec2:RunInstances", "s3:CreateBucket")
    return list(actions.expand(names))[:_ACTIONS]


def _principal(statement: engine.Statement) -> str:
    """A caller of the kind that the statement singles out, else somebody whom nothing names."""
    for condition in statement.conditions:
        key, is_negated = condition.key.lower(), condition.operator.is_negated
        if key == "aws:principalarn" and not is_negated:
            return _concrete(condition.values[0])
        if key in _OF_OURS and is_negated:
            return _STRANGER
    return _SAMPLE


def _resource(statement: engine.Statement, action: actions.Action) -> str:
    named = statement.resources
    if named is None or named.is_negated or "*" in named.names:
        return _concrete(action.resources[0]) if action.resources else "*"
    return _concrete(named.names[0])


def _concrete(pattern: str) -> str:
    """A name that a pattern of ARNs stands for."""
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return pattern.replace("*", "example").replace("?", "x")
    fixed = {1: "aws", 3: "eu-central-1", 4: SAMPLE_ACCOUNT}
    filled = [fixed.get(i, "example") if part == "*" else part for i, part in enumerate(parts)]
    return ":".join(part.replace("*", "example").replace("?", "x") for part in filled)


def _asked_for(statement: engine.Statement) -> dict[str, str | StateOf]:
    """The context in which the Deny fires, as far as the conditions tell it."""
    found: dict[str, str | StateOf] = {}
    for condition in statement.conditions:
        if condition.key.lower() in _FROM_CALLER:
            continue
        if (value := _firing(condition)) is not None:
            found.setdefault(condition.key, value)
    return found


def _firing(condition: engine.Condition) -> str | StateOf | None:
    """A state of the key for which the condition is true. None: what an ordinary request has."""
    key, first = condition.key.lower(), condition.values[0]
    if condition.operator.base is engine.Base.NULL:
        return _ABSENT if first == "true" else "example"
    if not condition.operator.is_negated:
        return _plain(first)
    if key == "aws:requestedregion":
        return next((region for region in _REGIONS if region not in condition.values), None)
    if key == "aws:sourceip":
        return _OUTSIDE_ADDRESS
    return None if "tag/" in key else _ABSENT


def _plain(value: str) -> str:
    return value.replace("*", "example").replace("?", "x")


def _reading(statement: engine.Statement) -> Iterator[Probe]:
    """Requests that list things, of the services that the statement speaks of."""
    services = {name.partition(":")[0].lower() for name in statement.actions.names}
    for service in sorted(services):
        listing = (a for a in actions.actions_of(service).values() if ":List" in a.name)
        for action in islice((a for a in listing if not a.has_resources), _ACTIONS):
            yield Probe(
                name=f"Listing stays possible: {action.name}",
                action=action.name,
                principal=_SAMPLE,
            )


def _exempt(statement: engine.Statement, denied: Probe) -> Iterator[Probe]:
    """The same request by each role that the statement spares."""
    for value in _exempt_roles([statement]):
        principal = _concrete(value)
        yield Probe(
            name=f"{denied.name}, by {principal.rpartition('/')[2]}",
            action=denied.action,
            principal=principal,
            resource=denied.resource,
            context=denied.context,
        )


def _exempt_roles(statements: Iterable[engine.Statement]) -> Iterator[str]:
    for statement in statements:
        for condition in statement.conditions:
            if condition.key.lower() == "aws:principalarn" and condition.operator.is_negated:
                yield from (v for v in condition.values if ":role/" in v and "${" not in v)


def _exceptions(denies: Iterable[engine.Statement]) -> Iterator[Data]:
    for value in dict.fromkeys(_exempt_roles(denies)):
        yield {"who": value.rpartition("/")[2] or value, "carve_out": "PRINCIPAL_ARN", "via": value}


def _holds(probe: Probe, stack: engine.Stack, *, must_deny: bool) -> bool:
    try:
        result = run_probe(probe, _AROUND, stack, must_deny=must_deny)
    except ValueError:
        # A pattern for callers that are neither roles, users nor root has no example.
        return False
    return result.answer is Answer.HOLDS


def _data(probe: Probe) -> Data:
    data: dict[str, Data] = {
        "name": probe.name,
        "action": probe.action,
        "resource": probe.resource,
        "principal": probe.principal,
    }
    context = {
        k: {"state": v.state} if isinstance(v, StateOf) else v for k, v in probe.context.items()
    }
    return data | ({"context": context} if context else {})


def _area(denies: Iterable[engine.Statement]) -> str:
    """A first guess by the service that is denied; data protection where nothing else fits."""
    for statement in denies:
        for name in statement.actions.names:
            if (area := _AREAS.get(name.partition(":")[0].lower())) is not None:
                return area
    return "DATA_PROTECTION"
