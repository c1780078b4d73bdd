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

Lines of a scope of one kind add up, and kinds narrow each other. Resources by id, tag and pattern are one
kind; principals by ARN and those that carry a tag are another. Whoever may set that tag decides who is
exempt: see [the edit of the policy](policy-edits.md#tags-and-who-may-set-them).

Every step is an event with who, when, from where, why, and each field before and after. The database
numbers them without a gap, refuses to change or remove one, and refuses a change that no event of the same
transaction tells of.

A renewal is a request of its own, reviewed like the first; there are two at most. One that is no wider takes
over what is in place: whoever put that in place is its implementer, and neither assesses nor approves it. Wider,
or where it was removed or lost meanwhile, somebody has to put it in place again. The day that was typed
is kept, also where the limit of the risk cuts it. After a standstill the clock catches up: what ended
meanwhile ends as of when it did, and of the notices that were missed only the last is given. It looks
every five minutes, one exception after the other: one that fails is named in the log, holds up no other, and
is tried again the next time. Half of its life is a reason to look at it again. Business days are those of the
organisation's time zone, without weekends and the days of `POSTURE_HOLIDAYS`.

## Beside what is deployed

Each collection compares what was approved with what is deployed. What differs is an item of the inbox, with an
owner, an age, a clock, and what helps: approved and not deployed once its clock has run out (an emergency: after
as many hours as it may take to grant it), deployed and not approved, ended and still deployed, and what has to be
looked at again. It waits for who put the exception in place, or for whoever may where that person no longer may;
for the platform team; for the team that the invariant names as its owner, and whoever manages invariants; for the
approvers of its tier; or for who asked. A request of which an item says what is to be done does not wait beside it.

An account in an OU of role *exceptions* that is without an invariant which holds elsewhere was let off as well:
without an approval it is deployed and not approved, one item for all such accounts of the OU. What the invariant
itself grants to such OUs is none.

In an account that is suspended or closed AWS lets nothing pass, and no SCP or RCP reaches the management account:
there an exception that has ended is moot, whatever the policy still says. A collection that was whole closes it
where that is so of all its accounts that can be judged and it is gone from the others; the log says why. An
account that is only being closed still counts, and so does one outside the targets by now: of that nothing can be
told, and the exception stays open until it can. Should the account work again, what is left is found as deployed
and not approved. While an exception lasts nothing follows from a suspension.

A policy that differs from the catalogue by what exceptions in force let through has drifted, and names them. Where
that is all of the difference it does not count as open drift; anything else beside it does.

## Ways to it

Pages, the [API](api.md#writing) and `manage.py exception` take the same steps under the same guards, and the
log says which it was. Whoever runs commands says whose rights count (`--as`); the log has the name of the
shell's user beside that, who can act under one name only on a record. There is no administration by Django.
Tokens of the API neither assess nor approve, and stand in for nobody. What one person may approve counts once on a record, by themselves or by whoever
stands in for them; where it was used, they are an approver of the record and have no other part in it.

Of two who decide at the same moment one comes first. The other is told who decided what meanwhile, with what
they had typed kept, and nothing of theirs is done: a page sends with each step which event it showed last. The
record is locked for the length of a step, so that nothing is lost or done twice, and neither the clock nor a
collection is in the way of it.

## The numbers

*Exceptions in numbers* has every number of the process with its meaning, its target and where it comes from;
its CSV file and `/api/v1/exceptions/numbers/` have the same values. K3, the weekly review (page, mail and
paper) and scorecards count by the same conditions; a test compares them in one world.

- Tiles and tables are of the moment of the page. Lines are of one OU, for who sees all of it: a point is what
  the last collection of its day counted, and the page says when that was.
- Waits count what is still open for as long as it has waited (Kaplan and Meier), so that nothing gets better
  by leaving it undecided; where too few are decided it says *not reached yet*, and *no data* without any.
- A decision is in time by one business day for the triage and then the days of its risk. A late triage wins no
  time; what was sent back waits for who asked, and starts anew when it is submitted again.
- AWS records no call that a carve-out let through. Utilisation is a least share, of calls in the scope that a
  policy denied within 90 days; an exception without one is unknown, and so are all where no event queue or
  import records denials.
- The zombie rate is known of the whole organisation, after a comparison that was whole.

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
