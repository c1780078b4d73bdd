"""The words for what the database keeps as codes."""

from types import MappingProxyType
from typing import Final

from invariants.models import Coverage

# As short as a row of a table wants it.
_SHORT: Final = MappingProxyType(
    {
        "SERVICE_CONTROL_POLICY": "SCP",
        "RESOURCE_CONTROL_POLICY": "RCP",
        "PERMISSIONS_BOUNDARY": "Boundary",
        "DECLARATIVE_POLICY_EC2": "Declarative EC2",
        "SECURITYHUB_CSPM_POLICY": "Security Hub CSPM",
        "AISERVICES_OPT_OUT_POLICY": "AI opt-out",
        "NETWORK_SECURITY_DIRECTOR_POLICY": "Network director",
    }
)
_MEANINGS: Final = MappingProxyType(
    {
        Coverage.State.ENFORCED: "a policy does what the invariant demands",
        Coverage.State.CARVED_OUT: "enforced, and the policy leaves somebody or something out",
        Coverage.State.EXCEPTED: "the account is let off",
        Coverage.State.MISSING: "no policy that reaches the account does it",
        Coverage.State.BROKEN: "a policy is there, and does not do it or does too much",
        Coverage.State.UNKNOWN: "a policy could not be read, or nothing has been worked out yet",
        Coverage.State.NOT_ENFORCEABLE: "no policy of this type reaches the management account",
        Coverage.State.NOT_APPLICABLE: "suspended, or outside of where the invariant is to hold",
    }
)


def type_short(policy_type: str, name: str) -> str:
    """A policy type for a row of a table: SCP; of most types the name, without "policy"."""
    return _SHORT.get(policy_type) or name.removesuffix(" policy")


def meaning(state: str) -> str:
    """What it means that an account is in a state of coverage."""
    return _MEANINGS[Coverage.State(state)]
