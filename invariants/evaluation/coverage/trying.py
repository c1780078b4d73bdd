"""A value that a Deny exempts, put into requests that have to be denied: what passes is let through by it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from invariants import engine
from invariants.engine.stacks import Placed
from invariants.evaluation.coverage.asking import Asking, Heard, Subject

# Beyond the probe's own action: each is asked for.
_MOST: Final = 20
# What hardly any policy denies for its own sake, for statements that deny whatever is done.
_ORDINARY: Final = ("sqs:SendMessage", "logs:PutLogEvents", "lambda:InvokeFunction", "s3:GetObject")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value to be tried: in the key `key`, or where that is "Resource" or "Action" instead of it."""

    key: str
    operator: str
    value: str
    state: engine.KeyState | None
    is_in_catalogue: bool


def requests(
    placed: Placed, heard: Heard, candidate: Candidate, subject: Subject, asking: Asking
) -> Iterator[engine.Request]:
    """The probe's request with the exempt value in it, then the same with other actions.

    A carve-out may let through some of what the statement denies, and the probe ask for something else;
    or another policy may deny what the probe asks for, whoever asks.
    """
    first = _varied(heard.request, candidate, subject)
    if first is None:
        return
    yield first
    if candidate.key == "Action":
        return
    others = dict.fromkeys(_others(placed, heard, candidate, subject, asking))
    others.pop(heard.request.action, None)
    has_action = placed.compiled.has_action
    for action in islice((one for one in others if has_action(one.lower())), _MOST):
        yield replace(first, action=action)


def _others(
    placed: Placed, heard: Heard, candidate: Candidate, subject: Subject, asking: Asking
) -> Iterator[str]:
    """Actions of the probe's service that the statement names, or that what is left of it spares; and
    ordinary ones where it denies all."""
    actions = placed.compiled.statement.actions
    service = f"{heard.request.service}:"
    if not actions.is_negated:
        yield from _whole(actions.names, service)
    for stack in asking.stacks(heard.request, subject):
        for one in stack.relevant(heard.request.action).denies:
            statement = one.compiled.statement
            if (
                one.policy == placed.policy
                and statement.actions.is_negated
                and any(candidate.value in condition.values for condition in statement.conditions)
            ):
                yield from _whole(statement.actions.names, service)
    if actions.is_negated or "*" in actions.names:
        yield from _ORDINARY


def _whole(names: Iterable[str], service: str) -> Iterator[str]:
    """Those that are one action each, of the service."""
    for name in names:
        if name.lower().startswith(service) and not set(name) & {"*", "?"}:
            yield name


def passes(request: engine.Request, stacks: Iterable[engine.Stack]) -> bool:
    """Whether it passes for certain: what may be denied for all that is known is no carve-out."""
    return all(
        engine.evaluate(request, stack).outcome is engine.Outcome.NOT_DENIED for stack in stacks
    )


def _varied(
    request: engine.Request, candidate: Candidate, subject: Subject
) -> engine.Request | None:
    """The request with the exempt value in it; None where nobody of this account can make it."""
    if candidate.key == "Action":
        name = concrete(candidate.value, "Sample")
        return replace(request, action=name) if ":" in name else None
    if candidate.key == "Resource":
        name = _sample_of_resource(candidate.value, request, subject)
        return replace(request, resource=name)
    key, state = candidate.key.lower(), candidate.state
    if state is None:
        return None
    if key == "aws:principalarn" and isinstance(state, engine.Present):
        return _asked_by(request, state.values[0])
    return replace(request, context=dict(request.context) | {key: state})


def _asked_by(request: engine.Request, arn: str) -> engine.Request | None:
    try:
        principal = engine.principal_of(arn)
    except ValueError:
        return None
    # An SCP decides about principals of its own account: a role of another one is not exempt by it.
    if principal.account_id != request.principal.account_id and request.principal.account_id:
        return None
    context = {
        k: v for k, v in request.context.items() if not k.lower().startswith("aws:principalarn")
    }
    return replace(request, principal=principal, context=context)


def _sample_of_resource(value: str, request: engine.Request, subject: Subject) -> str:
    parts = value.split(":", 5)
    if len(parts) != 6:
        return concrete(value, "sample")
    parts[3] = concrete(parts[3], "eu-central-1")
    parts[4] = concrete(parts[4], subject.account_id, whole=True)
    parts[5] = concrete(parts[5], "sample")
    return ":".join(parts)


def concrete(pattern: str, sample: str, *, whole: bool = False) -> str:
    if whole and set(pattern) <= {"*"} and pattern:
        return sample
    return pattern.replace("*", sample).replace("?", "x")
