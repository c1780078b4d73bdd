"""The values of those filters whose values are known beforehand."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from findings.models import Age, Area, Exposure, Severity, Sla, Status
from findings.queries.filters import NONE

# Value and label, by parameter.
KNOWN: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "severity": dict(Severity.choices),
        "status": dict(Status.choices),
        "area": {**dict(Area.choices), NONE: "none"},
        "age": dict(Age.choices),
        "sla": dict(Sla.choices),
        "exposure": dict(Exposure.choices),
        "excepted": {"yes": "Excepted", "no": "Not excepted"},
    }
)


def value_of(name: str, word: str) -> str:
    """The value that a person means by `word`, typed in any case or as its label; else the word."""
    folded = word.casefold()
    for value, label in KNOWN.get(name, {}).items():
        if folded in (value.casefold(), label.casefold()):
            return value
    return word
