"""Exemptions in the policies of AWS that the catalogue's own text does not have, found by trying them.

Each value that a serving Deny exempts and the catalogue's text does not is put into a request that has
to be denied. What then passes in AWS, and would not by the catalogue's text, is a carve-out.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from invariants import catalog, engine
from invariants.engine.stacks import Placed
from invariants.evaluation.coverage.asking import Asking, Heard, Ref, Subject
from invariants.evaluation.coverage.kinship import own_shapes
from invariants.evaluation.coverage.trying import Candidate, concrete, passes, requests

# As invariants are excepted: (a) is another OU, (e) a management policy further down.
PRINCIPAL, TAG, VALUE, TIME = "b", "c", "d", "f"
OTHER_OU, OVERRIDE = "a", "e"
# Beyond, the rest is counted in words: nobody reads it, and each is asked for.
MOST: Final = 100
_FAR: Final = "9999-01-01T00:00:00Z"
_TAGS: Final = ("tag/", "aws:tagkeys")
_NARROWING: Final = ("aws:principalarn", "aws:requestedregion", "aws:principaltag/")


@dataclass(frozen=True, slots=True)
class CarveOut:
    """One exemption. `value` is as the policy has it; `until` the moment at which it ends by itself.

    `is_usual`: the catalogue's text has it too, and it names this very account.
    """

    ref: Ref
    level: int
    sid: str | None
    mechanism: str
    key: str
    operator: str
    value: str
    is_usual: bool
    probe: str
    until: str = ""


def find(
    record: catalog.Invariant,
    heard: Iterable[Heard],
    serving: frozenset[Ref],
    subject: Subject,
    asking: Asking,
) -> tuple[CarveOut, ...]:
    """The exemptions of the statements that deny what has to be denied, in the order of the probes."""
    found: dict[tuple[Ref, str, str], CarveOut] = {}
    usual = _usual(record)
    for one in heard:
        for ref in one.denying:
            # By each of the requests: another policy may deny one of them to whoever is exempt.
            if ref in serving and one.must_deny:
                for carve_out in _of_statement(record, one, ref, subject, asking, usual):
                    found.setdefault((ref, carve_out.key, carve_out.value), carve_out)
    return tuple(found.values())


def _of_statement(
    record: catalog.Invariant,
    heard: Heard,
    ref: Ref,
    subject: Subject,
    asking: Asking,
    usual: frozenset[tuple[str, str]],
) -> Iterator[CarveOut]:
    placed = _placed(heard, ref, subject, asking)
    if placed is None:
        return
    for candidate in list(_candidates(placed, heard, subject, usual))[:MOST]:
        tried = requests(placed, heard, candidate, subject, asking)
        is_let_through = partial(_is_let_through, record, candidate, subject, asking)
        request = next(filter(is_let_through, tried), None)
        if request is None:
            continue
        until = _until(request, ref, subject, asking)
        yield CarveOut(
            ref=ref,
            level=int(placed.level),
            sid=placed.compiled.statement.sid,
            mechanism=TIME if until else _mechanism(candidate.key),
            key=candidate.key,
            operator=candidate.operator,
            value=candidate.value.replace(subject.account_id, "{account}"),
            is_usual=candidate.is_in_catalogue,
            probe=heard.probe.name,
            until=until,
        )


def _is_let_through(
    record: catalog.Invariant,
    candidate: Candidate,
    subject: Subject,
    asking: Asking,
    request: engine.Request,
) -> bool:
    """Whether it passes in AWS, and would not by the catalogue's text."""
    if not passes(request, asking.stacks(request, subject)):
        return False
    own = engine.evaluate(request, asking.own_stack(record)).outcome
    return candidate.is_in_catalogue or own is engine.Outcome.DENIED


def _placed(heard: Heard, ref: Ref, subject: Subject, asking: Asking) -> Placed | None:
    for stack in asking.stacks(heard.request, subject):
        if stack.layer is ref.layer:
            for placed in stack.relevant(heard.request.action).denies:
                if (placed.policy, placed.number) == (ref.policy_id, ref.number):
                    return placed
    return None


def _usual(record: catalog.Invariant) -> frozenset[tuple[str, str]]:
    """The values that the catalogue's own Denies compare with, by key."""
    found = set()
    for one in own_shapes(record):
        for condition in one.statement.conditions:
            found |= {(condition.key.lower(), value) for value in condition.values}
        found |= {("Action", name.lower()) for name in one.statement.actions.names}
        if one.statement.resources is not None:
            found |= {("Resource", name) for name in one.statement.resources.names}
    return frozenset(found)


def _candidates(
    placed: Placed, heard: Heard, subject: Subject, usual: frozenset[tuple[str, str]]
) -> Iterator[Candidate]:
    statement = placed.compiled.statement
    for condition in statement.conditions:
        for value, state in _exempt_states(condition, heard, subject):
            is_usual = (condition.key.lower(), value) in usual
            # What belongs to the invariant is a carve-out only where it is for this account alone.
            if is_usual and subject.account_id not in value:
                continue
            operator = condition.operator.name
            yield Candidate(condition.key, operator, value, state, is_usual)
    if statement.actions.is_negated:
        for name in statement.actions.names:
            if ("Action", name.lower()) not in usual:
                yield Candidate("Action", "NotAction", name, None, False)
    resources = statement.resources
    if resources is not None and resources.is_negated:
        for name in resources.names:
            if ("Resource", name) not in usual:
                yield Candidate("Resource", "NotResource", name, None, False)


def _exempt_states(
    condition: engine.Condition, heard: Heard, subject: Subject
) -> Iterator[tuple[str, engine.KeyState]]:
    """What the key would have to be for the condition not to hold, with the value that says so."""
    base = condition.operator.base
    key = condition.key.lower()
    if key == "aws:principalaccount" and heard.request.principal.account_id == subject.account_id:
        # Whoever asks here is of this account: that another one is exempt is no way through.
        return
    if base is engine.Base.NULL:
        for value in condition.values:
            is_absent = value.lower() == "true"
            yield value, engine.present("sample") if is_absent else engine.ABSENT
    elif base is engine.Base.BOOL:
        for value in condition.values:
            yield value, engine.present("false" if value.lower() == "true" else "true")
    elif base.is_negated:
        for value in condition.values:
            if sample := _sample(value, heard, subject):
                yield value, engine.present(sample)
    elif key.startswith(_NARROWING):
        # Denied only where the key is one of these: everybody else is exempt.
        yield "anything but " + ", ".join(condition.values), _other(key, subject)


def _sample(value: str, heard: Heard, subject: Subject) -> str:
    """A text that the pattern matches and that may be this account's; "" where there is none."""
    if "${" in value:
        return ""
    parts = value.split(":", 5)
    if value.startswith("arn:") and len(parts) == 6:
        parts[3] = concrete(parts[3], "eu-central-1")
        parts[4] = concrete(parts[4], subject.account_id, whole=True)
        parts[5] = concrete(parts[5], "sample")
        return ":".join(parts)
    if re.fullmatch(r"[0-9a-f.:]+/\d+", value):
        return value.partition("/")[0]
    return concrete(value, "sample")


def _other(key: str, subject: Subject) -> engine.KeyState:
    if key == "aws:requestedregion":
        return engine.present("xx-elsewhere-1")
    if key == "aws:principalarn":
        return engine.present(f"arn:aws:iam::{subject.account_id}:role/sample")
    return engine.ABSENT


def _until(request: engine.Request, ref: Ref, subject: Subject, asking: Asking) -> str:
    """When the exemption ends by itself: the moment from which a Deny with a date fires."""
    reads = {"aws:currenttime", "aws:epochtime"}
    moments = []
    for stack in asking.stacks(request, subject):
        relevant = stack.relevant(request.action)
        if not relevant.keys & reads:
            continue
        later = replace(
            request, context=dict(request.context) | {"aws:currenttime": engine.present(_FAR)}
        )
        if engine.evaluate(later, stack).outcome is not engine.Outcome.DENIED:
            continue
        moments += [
            value
            for placed in relevant.denies
            for condition in placed.compiled.statement.conditions
            if condition.key.lower() in reads
            for value in condition.values
        ]
    return min(moments, default="")


def _mechanism(key: str) -> str:
    key = key.lower()
    if any(word in key for word in _TAGS):
        return TAG
    return PRINCIPAL if key.startswith("aws:principal") and "org" not in key else VALUE
