"""Who approves what: the rights of the process, and whose approvals a risk needs."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from invariants.models.exceptions import Risk, Seat

REQUEST: Final = "invariants.request_exceptions"
TRIAGE: Final = "invariants.triage_exceptions"
ASSESS: Final = "invariants.assess_exceptions"
APPROVE: Final = "invariants.approve_exceptions"
ACCEPT: Final = "invariants.accept_exception_risk"
APPROVE_HIGH: Final = "invariants.approve_high_exceptions"
APPROVE_CRITICAL: Final = "invariants.approve_critical_exceptions"
IMPLEMENT: Final = "invariants.implement_exceptions"
RIGHTS: Final = (
    REQUEST,
    TRIAGE,
    ASSESS,
    APPROVE,
    ACCEPT,
    APPROVE_HIGH,
    APPROVE_CRITICAL,
    IMPLEMENT,
)
# Rights that a person who is away can leave to a delegate.
DELEGABLE: Final = frozenset({APPROVE, ACCEPT, APPROVE_HIGH, APPROVE_CRITICAL})

# invariants.md 5.3. Each approval is by another person.
SEATS: Final[Mapping[str, tuple[Seat, ...]]] = MappingProxyType(
    {
        Risk.LOW: (Seat.LEAD,),
        Risk.MEDIUM: (Seat.LEAD, Seat.OWNER),
        Risk.HIGH: (Seat.CISO,),
        Risk.CRITICAL: (Seat.CISO, Seat.EXECUTIVE),
    }
)
# In an emergency one grants alone; before an assessment the severity of the target stands for the risk.
GRANTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        Risk.LOW: APPROVE,
        Risk.MEDIUM: APPROVE,
        Risk.HIGH: APPROVE_HIGH,
        Risk.CRITICAL: APPROVE_HIGH,
    }
)
RIGHT_OF: Final[Mapping[Seat, str]] = MappingProxyType(
    {
        Seat.LEAD: APPROVE,
        Seat.OWNER: ACCEPT,
        Seat.CISO: APPROVE_HIGH,
        Seat.EXECUTIVE: APPROVE_CRITICAL,
    }
)


def right_of(seat: Seat, severity: str) -> str:
    return GRANTS[Risk(severity)] if seat is Seat.EMERGENCY else RIGHT_OF[seat]
