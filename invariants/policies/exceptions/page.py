"""docs/exceptions.md: the table of steps as a diagram and in words."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from invariants.models.exceptions import ExceptionState as State
from invariants.models.exceptions import Risk, Seat, Verb
from invariants.policies.exceptions import clocks, tiers
from invariants.policies.exceptions.actors import WAITS_FOR
from invariants.policies.exceptions.clocks import Clocks
from invariants.policies.exceptions.guards import GUARDS
from invariants.policies.exceptions.table import TRANSITIONS, Transition

_HEAD: Final = """\
# The life of an exception

Written by `manage.py exception_docs` from `invariants/policies/exceptions`; a test compares the two.

An exception is asked for by one person, its risk is assessed by a second, it is approved by a third (at
medium and critical risk by a fourth as well), and put in place by yet another. Nobody has two of these
parts on one record, in no round of it, and neither through somebody whom they stand in for: the database
refuses it, whatever page, API, command or client of the database it comes from. An emergency changes the
order, not the parts.

It is *active* only once a collection has found the carve-out in AWS (without a policy: that its scope
matches), and *closed* only once a collection that looked after its end does not find it any more. Ended
and still in place, it is a zombie. What could not be read changes nothing.

Findings in the scope of an exception in force count as excepted: neutral in the managed score, failing in
the raw one. An exception from an invariant covers the findings of the controls that its scope names, and
of no others. When it ends they fail again the same day; days that are over stay as they are.

Every step is an event with who, when, from where, why, and each field before and after. The database
numbers them without a gap, refuses to change or remove one, and refuses a change that no event of the same
transaction tells of.

A renewal is a request of its own, reviewed like the first; there are two at most. The day that was typed
is kept, also where the limit of the risk cuts it. After a standstill the clock catches up: what ended
meanwhile ends as of when it did, and of the notices that were missed only the last is given. It looks
every five minutes, one exception after the other: one that fails is named in the log, holds up no other, and
is tried again the next time. Half of its life is a reason to look at it again. Business days are those of the
organisation's time zone, without weekends and the days of `POSTURE_HOLIDAYS`.

## Ways to it

Pages, the [API](api.md#writing) and `manage.py exception` take the same steps under the same guards, and the
log says which it was. Whoever runs commands says whose rights count (`--as`); the log has the name of the
shell's user beside that. There is no administration by Django. Tokens of the API neither assess nor approve,
and stand in for nobody. What one person may approve counts once on a record, by themselves or by whoever
stands in for them.

## The record for an auditor

`/exceptions/<ref>/record.json` and `record.pdf`, the API and `manage.py exception show --json` tell the same:
what was asked for, the scope, everybody's part, approvals of every round, the edits of policies that were
approved, what collections found, where AWS did not agree, comments, evidence files by name, size and SHA-256,
and every event. `sha256` is of all else, as JSON with sorted keys, without blanks (`","`, `":"`), in UTF-8:

```bash
jq -jcS 'del(.sha256)' EX-0001.json | sha256sum
```

Addresses of clients are for who may read the audit log; what names accounts that the reader does not see is
left out and counted. `is_whole` says whether anything is missing.
"""
_ENDS: Final = (State.CLOSED, State.RENEWED, State.REJECTED, State.WITHDRAWN)
_VERBS: Final[Mapping[Verb, str]] = MappingProxyType(
    {
        Verb.SUBMIT: "submit",
        Verb.TRIAGE: "triage",
        Verb.ASSESS: "assess risk",
        Verb.REQUEST_CHANGES: "request changes",
        Verb.APPROVE: "approve",
        Verb.GRANT: "grant in an emergency",
        Verb.REJECT: "reject",
        Verb.WITHDRAW: "withdraw",
        Verb.IMPLEMENT: "start implementing",
        Verb.FIND: "found in place",
        Verb.LOSE: "no longer found",
        Verb.WARN: "ends soon",
        Verb.EXPIRE: "expire",
        Verb.REVOKE: "revoke",
        Verb.REMOVE: "start removing",
        Verb.CLOSE: "found removed",
        Verb.SUPERSEDE: "renewal in place",
    }
)


def render() -> str:
    """The page."""
    newest = clocks.VERSIONS[clocks.NEWEST]
    parts = [_diagram(), _steps(), _guards(), _waits(newest), _tiers(newest)]
    return "\n".join([_HEAD, *(line for part in parts for line in (*part, ""))]).rstrip() + "\n"


def _diagram() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {State.DRAFT}"
    for state in State:
        yield f'    state "{state.label}" as {state}'
    for step in TRANSITIONS:
        if step.before != step.after:
            yield f"    {step.before} --> {step.after}: {_VERBS[step.verb]}"
    for state in _ENDS:
        yield f"    {state} --> [*]"
    yield "```"


def _steps() -> Iterator[str]:
    yield "| from | step | to | who | demands |"
    yield "|---|---|---|---|---|"
    for step in TRANSITIONS:
        yield _row(step)


def _row(step: Transition) -> str:
    guards = ", ".join(_name(guard) for guard in step.guards) or "nothing more"
    cells = (step.before.label, _VERBS[step.verb], step.after.label, step.actor.words, guards)
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _guards() -> Iterator[str]:
    yield "| demand | means |"
    yield "|---|---|"
    for guard, rule in GUARDS.items():
        yield f"| {_name(guard)} | {rule.demand} |"


def _waits(newest: Clocks) -> Iterator[str]:
    yield "| state | waits for | clock |"
    yield "|---|---|---|"
    for state, owner in WAITS_FOR.items():
        yield f"| {State(state).label} | {owner} | {_clock(State(state), newest)} |"


def _clock(state: State, newest: Clocks) -> str:
    decision = ", ".join(
        f"{Risk(risk).label.lower()} {span.words}" for risk, span in newest.decision.items()
    )
    removal = f"{newest.removal.words} from its end"
    return {
        State.SUBMITTED: f"{newest.triage.words}; an emergency {newest.emergency_grant.words}",
        State.TRIAGED: f"from the triage: {decision}",
        State.RISK_ASSESSED: f"from the triage: {decision}",
        State.CHANGES_REQUESTED: newest.changes.words,
        State.EMERGENCY: f"{newest.emergency_approval.words}; it ends after "
        f"{newest.emergency_stop.total_seconds() // 3600:.0f} hours",
        State.APPROVED: f"{newest.implementation.words} from the approval",
        State.IMPLEMENTING: f"{newest.implementation.words} from the approval",
        State.EXPIRED: removal,
        State.REVOKED: removal,
        State.CLOSING: removal,
        State.EXPIRING: "its last day; notices "
        + ", ".join(str(days) for days in newest.notices)
        + " days before",
    }.get(state, "none")


def _tiers(newest: Clocks) -> Iterator[str]:
    yield "| risk | approved by | granted in an emergency with the right | lasts at most |"
    yield "|---|---|---|---|"
    for risk, seats in tiers.SEATS.items():
        by = " and ".join(str(Seat(seat).label) for seat in seats)
        right, days = tiers.GRANTS[risk], newest.most_days[risk]
        yield f"| {Risk(risk).label} | {by} | `{right}` | {days} days |"


def _name(guard: str) -> str:
    return guard.replace("_", " ").lower()
