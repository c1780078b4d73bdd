"""CloudTrail's records as what they mean here: who was denied what by which policy, and who changed one.

Pure: no Django, no boto. A record is data from outside: whatever it holds, reading it raises nothing
but Unreadable, and what it does not say is left empty rather than guessed.
"""

from invariants.normalise.messages import PolicyKind, Said, read_message
from invariants.normalise.records import Change, Denied, Other, Unreadable, read_record

__all__ = [
    "Change",
    "Denied",
    "Other",
    "PolicyKind",
    "Said",
    "Unreadable",
    "read_message",
    "read_record",
]
