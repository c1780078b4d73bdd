"""The effective severity label of an ASFF finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from findings.normalise import fields

if TYPE_CHECKING:
    from collections.abc import Mapping

LABELS = frozenset({"CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL"})

# Lowest Normalized score of each label (ASFF syntax, Severity): 0; 1-39; 40-69; 70-89; 90-100.
_FLOORS = ((90.0, "CRITICAL"), (70.0, "HIGH"), (40.0, "MEDIUM"), (1.0, "LOW"))

# A rating that nobody gave is not a rating of "harmless".
UNRATED = "MEDIUM"


def label_of(raw: Mapping[str, Any]) -> str:
    """Return the label; from the score where the label is missing, from the provider's own
    severity where both are. A PASSED control finding is INFORMATIONAL, as AWS has it.
    """
    severity = raw.get("Severity")
    if isinstance(severity, dict):
        label = _label_in(severity)
        if label:
            return label
    provided = fields.mapping(fields.mapping(raw, "FindingProviderFields"), "Severity")
    return _label_in(provided) or UNRATED


def _label_in(severity: Mapping[str, Any]) -> str:
    label = severity.get("Label")
    if isinstance(label, str) and label in LABELS:
        return label
    return _label_of_score(severity.get("Normalized"))


def _label_of_score(score: object) -> str:
    # A score is a number, and in samples of AWS's own documents a string.
    try:
        number = float(score) if isinstance(score, int | float | str) else -1.0
    except (OverflowError, ValueError):
        return ""
    if not 0 <= number <= 100:
        return ""
    return next((label for floor, label in _FLOORS if number >= floor), "INFORMATIONAL")
