"""The process of exceptions: one table of steps, who takes them, what they demand, and their clocks.

An exception is asked for by one person, its risk is assessed by a second, approved by a third (and, by
its tier, a fourth), and put in place by another. Nobody has two of these parts on one record, an
emergency included. What only AWS can show, that a carve-out is there and that it is gone, only a
collection says.
"""

from invariants.policies.exceptions.facts import CLOCK, COLLECTION, Facts, Moment, Said, Who
from invariants.policies.exceptions.table import (
    TRANSITIONS,
    NotAllowed,
    Transition,
    can,
    check,
    check_approval,
    step,
    steps,
)

__all__ = [
    "CLOCK",
    "COLLECTION",
    "TRANSITIONS",
    "Facts",
    "Moment",
    "NotAllowed",
    "Said",
    "Transition",
    "Who",
    "can",
    "check",
    "check_approval",
    "step",
    "steps",
]
