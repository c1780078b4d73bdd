"""Exceptions for pages and actions: where one stands, who somebody is to it, and what they could do."""

from invariants.queries.exceptions.standing import (
    ASKS,
    calendar_of,
    facts_of,
    moment_of,
    times_of,
    verbs_for,
    who_is,
)

__all__ = [
    "ASKS",
    "calendar_of",
    "facts_of",
    "moment_of",
    "times_of",
    "verbs_for",
    "who_is",
]
