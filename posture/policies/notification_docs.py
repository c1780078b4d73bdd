"""The table of docs/notifications.md, out of the table that decides."""

from collections.abc import Iterator
from typing import Final

from invariants.models.exceptions import Verb
from posture.policies.notifications import KINDS, RULES, Kind, Trigger, told_as

_TRIGGERS: Final = {
    Trigger.OVERDUE.value: "a wait is over its time",
    Trigger.ABSENCE.value: "left approvals",
}


def table() -> str:
    """Every kind: to whom, upon what, and how it comes by mail until one chooses otherwise."""
    return "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    yield "| kind | told to | when somebody, the clock or a collection … | by mail |"
    yield "|---|---|---|---|"
    for kind in KINDS:
        yield f"| {kind.name} | {_audiences(kind)} | {_triggers(kind)} | {_default(kind)} |"


def _audiences(kind: Kind) -> str:
    found = [rule.audience.value for rule in RULES if _is_of(rule.kind.value, kind)]
    return "; ".join(dict.fromkeys(found))


def _triggers(kind: Kind) -> str:
    found = [rule.trigger for rule in RULES if _is_of(rule.kind.value, kind)]
    return "; ".join(_word(trigger) for trigger in dict.fromkeys(found))


def _word(trigger: str) -> str:
    return _TRIGGERS.get(trigger) or str(Verb(trigger).label)


def _is_of(code: str, kind: Kind) -> bool:
    return code == kind.code.value or told_as(code, is_emergency=True) == kind.code.value


def _default(kind: Kind) -> str:
    rest = ", in quiet hours too" if kind.is_urgent else ", always" if kind.is_mandatory else ""
    return f"{kind.default.label}{rest}"
