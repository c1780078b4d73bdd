"""The vulnerabilities that a finding names, with what the product and CISA say of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from findings.models import Finding, FindingVulnerability, KnownVulnerability
from findings.queries.payloads import Package

SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class VulnerabilityRow:
    """One CVE. None where nobody says; `epss_pct` is 0 to 100."""

    cve: str
    url: str
    is_exploited: bool
    kev_added_on: date | None
    is_automatable: bool | None
    has_total_impact: bool | None
    has_fix: bool | None
    has_exploit: bool | None
    epss_pct: Decimal | None
    packages: tuple[Package, ...]


def of(
    finding: Finding, packages: Mapping[str, tuple[Package, ...]]
) -> tuple[VulnerabilityRow, ...]:
    """Known exploited first, then the likeliest to be exploited; SHOWN at most. Two queries."""
    named = list(
        FindingVulnerability.objects.filter(finding=finding).order_by("-epss", "cve")[: SHOWN * 4]
    )
    known = KnownVulnerability.objects.in_bulk([row.cve for row in named]) if named else {}
    rows = [_row(one, known.get(one.cve), packages.get(one.cve, ())) for one in named]
    rows.sort(key=lambda row: (not row.is_exploited, -(row.epss_pct or Decimal(-1)), row.cve))
    return tuple(rows[:SHOWN])


def _row(
    named: FindingVulnerability, known: KnownVulnerability | None, packages: tuple[Package, ...]
) -> VulnerabilityRow:
    return VulnerabilityRow(
        cve=named.cve,
        url=f"https://nvd.nist.gov/vuln/detail/{named.cve}" if named.cve.startswith("CVE-") else "",
        is_exploited=bool(known and known.is_exploited),
        kev_added_on=known.kev_added_on if known else None,
        is_automatable=known.is_automatable if known else None,
        has_total_impact=known.has_total_impact if known else None,
        has_fix=named.has_fix,
        has_exploit=named.has_exploit,
        epss_pct=None if named.epss is None else named.epss * 100,
        packages=packages,
    )
