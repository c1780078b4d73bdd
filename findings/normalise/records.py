"""What a finding is to us, whichever product reported it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Unreadable(ValueError):
    """A finding that lacks what we cannot do without; names the field and the remedy."""

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        self.field = field
        super().__init__(f"{field}: {problem}. {remedy}")


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """A CVE that a finding names; None where the finding does not say. `epss` is 0 to 1."""

    cve: str
    has_fix: bool | None = None
    has_exploit: bool | None = None
    epss: float | None = None


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """One finding; (finding_id, product_arn) is its key.

    `product` is a slug from the product ARN (securityhub, guardduty, ...). `control_id` is
    Security Hub's, or a pseudo-control such as GuardDuty.Finding. `severity` is the effective
    label. `compliance` is "", PASSED, FAILED, WARNING or NOT_AVAILABLE. `region` and
    `resource_region` may be "" (global), `resource_*` describe the first of `resource_count`
    resources. `is_public` is None where the product does not say. All times are aware, UTC.
    `payload` is the finding as it came. `content_hash` (16 bytes) changes only when something
    changed that people care about: not when the finding was merely seen again.
    """

    finding_id: str
    product_arn: str
    product: str
    account_id: str
    region: str
    control_id: str
    generator_id: str
    title: str
    description: str
    severity: str
    compliance: str
    workflow: str
    record_state: str
    resource_id: str
    resource_type: str
    resource_region: str
    resource_count: int
    standards: tuple[str, ...]
    first_observed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    remediation_url: str
    is_public: bool | None
    note: str
    # A product's own JSON: its shape is not ours to type.
    payload: Mapping[str, Any]
    content_hash: bytes
    vulnerabilities: tuple[Vulnerability, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A finding that could not be read, and why; `source_id` is "" where even that is missing.

    `shape` is how it would have to be read (asff, ocsf, access_analyzer, "" where nothing tells, or
    text where it is not even JSON), `context` what its reader needs besides, so that it can be tried
    again.
    """

    source_id: str
    reason: str
    payload: Any
    shape: str = "asff"
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of findings.

    `watermark` is the latest `updated_at` on this page, None for a page without findings.
    """

    findings: tuple[FindingRecord, ...]
    rejected: tuple[Rejected, ...]
    watermark: datetime | None
