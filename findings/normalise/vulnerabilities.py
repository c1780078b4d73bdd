"""The vulnerabilities that a finding names, in ASFF and in OCSF."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from findings.normalise import fields
from findings.normalise.records import Vulnerability

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# The longest id that the database takes; CVE-2024-1234567 has 16 characters.
LONGEST_ID = 32

# A partial fix mends some of the packages: there is something to do, so the clock runs.
_FIXES = {"YES": True, "PARTIAL": True, "NO": False}
_EXPLOITS = {"YES": True, "NO": False}


def of_asff(raw: Mapping[str, Any]) -> tuple[Vulnerability, ...]:
    """Return those of `Vulnerabilities[]`, by id, each once."""
    return _once(
        Vulnerability(
            cve=cve,
            has_fix=_FIXES.get(fields.text(row, "FixAvailable")),
            has_exploit=_EXPLOITS.get(fields.text(row, "ExploitAvailable")),
            epss=_share(row.get("EpssScore")),
        )
        for row in fields.rows(raw, "Vulnerabilities")
        for cve in _ids(fields.text(row, "Id"), fields.texts(row, "RelatedVulnerabilities"))
    )


def of_ocsf(raw: Mapping[str, Any]) -> tuple[Vulnerability, ...]:
    """Return those of `vulnerabilities[]`, by id, each once."""
    return _once(
        Vulnerability(
            cve=cve,
            has_fix=_has_fix(row),
            has_exploit=_flag(row, "is_exploit_available"),
            epss=_share(fields.mapping(_about(row), "epss").get("score")),
        )
        for row in fields.rows(raw, "vulnerabilities")
        for cve in _ids(
            fields.text(_about(row), "uid"), fields.texts(row, "related_vulnerabilities")
        )
    )


def _about(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return fields.mapping(row, "cve") or fields.mapping(row, "advisory")


def _ids(own: str, related: list[str]) -> set[str]:
    """Return the ids to follow: an advisory such as ALAS2-2024-2 is followed by the CVEs it mends,
    since what is known of exploitation is known by CVE.
    """
    found = own.strip().upper()
    others = {name.strip().upper() for name in related} if not found.startswith("CVE-") else set()
    cves = {name for name in others if name.startswith("CVE-")}
    return {name for name in {found, *cves} if 0 < len(name) <= LONGEST_ID}


def _once(found: Iterable[Vulnerability]) -> tuple[Vulnerability, ...]:
    """One for each id; where two speak of it, a yes counts and the higher probability."""
    known: dict[str, Vulnerability] = {}
    for item in found:
        other = known.get(item.cve)
        known[item.cve] = item if other is None else _joined(item, other)
    return tuple(known[cve] for cve in sorted(known))


def _joined(one: Vulnerability, other: Vulnerability) -> Vulnerability:
    return Vulnerability(
        cve=one.cve,
        has_fix=_either(one.has_fix, other.has_fix),
        has_exploit=_either(one.has_exploit, other.has_exploit),
        epss=max((item.epss for item in (one, other) if item.epss is not None), default=None),
    )


def _either(one: bool | None, other: bool | None) -> bool | None:
    said = [value for value in (one, other) if value is not None]
    return any(said) if said else None


def _has_fix(row: Mapping[str, Any]) -> bool | None:
    if fields.text(row, "fix_coverage").upper() == "PARTIAL":
        return True
    return _flag(row, "is_fix_available")


def _flag(row: Mapping[str, Any], name: str) -> bool | None:
    value = row.get(name)
    return value if isinstance(value, bool) else None


def _share(value: object) -> float | None:
    """Return a probability from 0 to 1; botocore gives a number, files at times a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) and 0 <= number <= 1 else None
