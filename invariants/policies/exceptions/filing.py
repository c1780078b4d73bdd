"""What is taken as evidence, and who says something on a record."""

from typing import Final

from invariants.models.exceptions import Risk
from invariants.policies.exceptions import clocks, tiers
from invariants.policies.exceptions.facts import Facts, Who

BIGGEST: Final = 20 * 1024 * 1024
# Nothing that a browser would run, should it ever be shown.
TYPES: Final = frozenset(
    {
        "application/json",
        "application/pdf",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "image/jpeg",
        "image/png",
        "text/csv",
        "text/plain",
    }
)
NO_TALK: Final = (
    "You read this record; comments and evidence come from who asked for it and from people with a part "
    "in the process."
)


def may_talk(facts: Facts, who: Who) -> bool:
    """Whether this person comments and adds evidence: who asked, and who has a right of the process.

    An executive, who accepts critical risks alone, has a say on those alone.
    """
    if who.id == facts.requester_id or who.rights - {tiers.APPROVE_CRITICAL}:
        return True
    risk = clocks.worst(facts.severity, facts.residual_risk)
    return tiers.APPROVE_CRITICAL in who.rights and risk == Risk.CRITICAL
