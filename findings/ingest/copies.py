"""Incoming copies of findings: checked, and with the keys of what they belong to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Final

from findings.clocks import Weakness
from findings.ingest.controls import Catalog
from findings.ingest.texts import is_storable
from findings.ingest.timeline import State
from findings.models import Feed, Status
from findings.normalise import reader
from findings.normalise.records import FindingRecord, Rejected, Unreadable

# GetFindings shows what BatchUpdateFindings wrote, and linked Regions what happened in them, only
# minutes later; events come at once. A reading therefore knows the workflow of this long ago.
LAG: Final = timedelta(minutes=15)
# Of two feeds that bring the same finding, the one that answers for it.
FEEDS: Final = (Feed.FILE, Feed.SECURITY_HUB, Feed.ACCESS_ANALYZER)
RANKS: Final[Mapping[str, int]] = {feed.value: rank for rank, feed in enumerate(FEEDS)}
# Where two copies agree in all times, failing counts before all others.
_STRENGTHS: Final = {Status.CLOSED: 0, Status.PASSED: 1, Status.UNKNOWN: 2, Status.OPEN: 3}
_COMPLIANCES: Final = {"FAILED": Status.OPEN, "PASSED": Status.PASSED}
# Of a copy that AWS archived because its control was switched off.
_LOST: Final = {"FAILED": Status.OPEN, "PASSED": Status.CLOSED}
# The columns that hold only so much: text a product chooses, so it may be anything.
_WIDTHS: Final = {"product": 60, "region": 32, "control_id": 80, "resource_type": 120}
_LARGEST: Final = 2**31 - 1
_LONGEST_CVE: Final = 32


@dataclass(frozen=True, slots=True)
class Batch:
    """What all copies of a batch have in common. `is_event`: `as_of` is when AWS said it."""

    as_of: datetime
    feed: Feed
    is_event: bool = False

    @property
    def known_at(self) -> datetime:
        """As of when the batch knows the workflow, on one scale for events and readings."""
        return self.as_of + LAG if self.is_event else self.as_of


@dataclass(frozen=True, slots=True)
class Copy:
    """A record with the keys of its finding, account and control."""

    record: FindingRecord
    key: bytes
    account: int
    control: int
    is_control_enabled: bool
    status: Status
    clock_from: date | None
    weaknesses: tuple[Weakness, ...] = ()

    @property
    def order(self) -> tuple[datetime, int, bytes]:
        """Which of two copies that were read at the same time is the newer."""
        return self.record.updated_at, strength(self.status), self.record.content_hash


def key_of(*, product_arn: str, finding_id: str) -> bytes:
    """The 16 bytes that tell a finding apart."""
    return blake2b(f"{product_arn}\0{finding_id}".encode(), digest_size=16).digest()


def strength(status: Status) -> int:
    return _STRENGTHS[status]


def status_of(
    record: FindingRecord, *, is_control_enabled: bool = True, workflow: str = ""
) -> Status:
    """What AWS's three states come to (kpis 4.2, R3, R5); `workflow` "" is the record's own.

    What AWS archived because its control was switched off was lost sight of, which mends nothing:
    FAILED is carried as OPEN, and what says neither FAILED nor PASSED is UNKNOWN, so that a failure
    from before is carried through it.
    """
    if record.record_state == "ARCHIVED":
        return Status.CLOSED if is_control_enabled else _LOST.get(record.compliance, Status.UNKNOWN)
    if record.compliance:
        return _COMPLIANCES.get(record.compliance, Status.UNKNOWN)
    return Status.CLOSED if (workflow or record.workflow) == "RESOLVED" else Status.OPEN


def state_of(copy: Copy, status: Status) -> State | None:
    """What a copy says of failing; None where it says nothing."""
    if status == Status.OPEN:
        return State.OPEN
    if status == Status.PASSED:
        return State.PASSED
    if status == Status.UNKNOWN:
        return None
    is_archived = copy.record.record_state == "ARCHIVED" and copy.record.workflow != "RESOLVED"
    return State.ARCHIVED if is_archived else State.RESOLVED


def failed_or_ended_at(record: FindingRecord, *, is_open: bool, as_of: datetime) -> datetime:
    """When a copy's state began, as far as it says; a provider's clock may be ahead of ours."""
    at = record.updated_at
    if is_open and record.first_observed_at and record.first_observed_at > at:
        at = record.first_observed_at
    return min(at, as_of)


def prepare(
    records: Sequence[FindingRecord], *, catalog: Catalog, weaknesses: Mapping[str, Weakness]
) -> tuple[list[Copy], list[Rejected]]:
    """Return the copies that can be stored, and the others with the reason.

    `weaknesses` are what is known of the CVEs that the records name.
    """
    copies: list[Copy] = []
    rejected: list[Rejected] = []
    for record in records:
        problem = _problem(record) or _stranger(record, catalog)
        if problem:
            rejected.append(refuse(record, problem))
            continue
        control = catalog.control_of(record)
        copies.append(
            Copy(
                record=record,
                key=key_of(product_arn=record.product_arn, finding_id=record.finding_id),
                account=catalog.accounts[record.account_id],
                control=control.pk,
                is_control_enabled=control.is_enabled,
                status=status_of(record, is_control_enabled=control.is_enabled),
                clock_from=control.clock_from,
                weaknesses=_weaknesses(record, weaknesses) if record.vulnerabilities else (),
            )
        )
    return copies, rejected


def refuse(record: FindingRecord, problem: str) -> Rejected:
    """A record that cannot be stored, with all that is needed to read its payload again."""
    try:
        shape = reader.shape_of(record.payload)
    except Unreadable:
        shape = ""
    context = {"analyzer_arn": record.product_arn, "region": record.region}
    is_listed = shape == reader.ACCESS_ANALYZER
    return Rejected(
        record.finding_id,
        problem,
        record.payload,
        shape=shape,
        context=context if is_listed else {},
    )


def cves_of(records: Iterable[FindingRecord]) -> set[str]:
    return {
        one.cve
        for record in records
        for one in record.vulnerabilities
        if len(one.cve) <= _LONGEST_CVE
    }


def _weaknesses(record: FindingRecord, known: Mapping[str, Weakness]) -> tuple[Weakness, ...]:
    return tuple(
        Weakness(has_fix=one.has_fix, known=known[one.cve].known)
        if one.cve in known
        else Weakness(has_fix=one.has_fix)
        for one in record.vulnerabilities
    )


def _stranger(record: FindingRecord, catalog: Catalog) -> str:
    if record.account_id in catalog.accounts:
        return ""
    return (
        f"AwsAccountId: account {record.account_id} is not in the inventory. "
        "It is taken in at the next collection after AWS Organizations lists it."
    )


def _problem(record: FindingRecord) -> str:
    """Why Postgres would not take a record, "" where it does."""
    for name, width in _WIDTHS.items():
        if len(getattr(record, name)) > width:
            return (
                f"{name}: is longer than {width} characters. Ask the product that sent the finding "
                "to shorten it."
            )
    if not 0 <= record.resource_count <= _LARGEST:
        return f"Resources: {record.resource_count} cannot be counted. Ask the product to mend it."
    texts = (
        record.finding_id + record.product_arn + record.product + record.region
        + record.control_id + record.title + record.resource_id + record.resource_type
    )  # fmt: skip
    if not is_storable(texts):
        return (
            "Text: has a NUL or half of a surrogate pair, which cannot be stored. Ask the product "
            "that sent the finding to leave it out."
        )
    return ""
