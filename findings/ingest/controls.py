"""Controls and standards, and what the ingest of findings needs to know of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import orjson

from findings import catalog
from findings.ingest.texts import storable
from findings.models import Control, Severity, Standard
from findings.normalise import payload
from findings.normalise.records import FindingRecord
from findings.sources.security_hub import ControlRecord, StandardRecord
from inventory.models import Account, Organization

BATCH = 500
PROVISIONAL = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class KnownControl:
    pk: int
    is_enabled: bool
    clock_from: date | None


@dataclass(slots=True)
class Catalog:
    """Keys of the accounts and controls of one organisation, read once for many batches.

    A control that a finding names but no list has is added on the way, so that nothing is dropped.
    """

    organization_id: int
    accounts: dict[str, int] = field(default_factory=dict)
    controls: dict[str, KnownControl] = field(default_factory=dict)

    def control_of(self, record: FindingRecord) -> KnownControl:
        known = self.controls.get(record.control_id)
        if known is None:
            row = _control_row(
                self.organization_id,
                record.control_id,
                title=record.title,
                severity=record.severity,
                remediation_url=record.remediation_url,
            )
            Control.objects.bulk_create([row], ignore_conflicts=True)
            stored = Control.objects.get(
                organization_id=self.organization_id, control_id=record.control_id
            )
            is_enabled = stored.status == Control.Status.ENABLED
            known = KnownControl(stored.pk, is_enabled, stored.clock_from)
            self.controls[record.control_id] = known
        return known


def load_catalog(organization: Organization) -> Catalog:
    """Two queries."""
    return Catalog(
        organization_id=organization.pk,
        accounts=dict(
            Account.objects.filter(organization=organization).values_list("account_id", "pk")
        ),
        controls={
            control_id: KnownControl(pk, status == Control.Status.ENABLED, clock_from)
            for control_id, pk, status, clock_from in Control.objects.filter(
                organization=organization
            ).values_list("control_id", "pk", "status", "clock_from")
        },
    )


def store_controls(
    organization: Organization, records: Iterable[ControlRecord], *, as_of: datetime
) -> int:
    """Store what Security Hub says of its controls; returns how many there were.

    A control that came or was enabled since the last look is provisional for 30 days (kpis.md R10):
    else every release of AWS looks like a bad week. No clock of one that came runs before it is
    scored (see `clocks.reclock_new`). At the first look all are as they are.
    """
    known = _described(organization)
    provisional_until = as_of.date() + PROVISIONAL
    rows = []
    for record in sorted(records, key=lambda record: record.control_id):
        row = _control_row(
            organization.pk,
            record.control_id,
            title=record.title,
            severity=record.severity,
            remediation_url=record.remediation_url,
        )
        row.description = storable(record.description)
        row.status = Control.Status(record.status)
        row.disabled_reason = storable(record.disabled_reason)
        row.parameters = orjson.loads(payload.to_json(dict(record.parameters)))
        row.standards = sorted(record.standards)
        was = known.get(record.control_id)
        row.scored_from = was.scored_from if was else None
        row.clock_from = was.clock_from if was else None
        is_enabled_anew = was is None or was.status == Control.Status.DISABLED
        if known and is_enabled_anew and row.status == Control.Status.ENABLED:
            row.scored_from = provisional_until
            row.clock_from = provisional_until if was is None else was.clock_from
        rows.append(row)
    Control.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["organization", "control_id"],
        update_fields=[
            "title",
            "description",
            "severity",
            "area",
            "status",
            "disabled_reason",
            "parameters",
            "remediation_url",
            "standards",
            "is_scored",
            "is_account_level",
            "is_delegated_admin_only",
            "scored_from",
            "clock_from",
        ],
    )
    return len(rows)


def _described(organization: Organization) -> dict[str, Control]:
    """The controls that some list had: those that only a finding has named have no standards."""
    controls = Control.objects.filter(organization=organization).exclude(standards=[])
    return {control.control_id: control for control in controls}


def store_standards(organization: Organization, records: Iterable[StandardRecord]) -> int:
    """Store the enabled standards; one that is no longer enabled goes."""
    rows = [
        Standard(
            organization=organization,
            arn=record.arn,
            subscription_arn=record.subscription_arn,
            name=record.name,
            status=record.status,
        )
        for record in sorted(records, key=lambda record: record.arn)
    ]
    Standard.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["organization", "arn"],
        update_fields=["subscription_arn", "name", "status"],
    )
    known = Standard.objects.filter(organization=organization)
    known.exclude(arn__in=[row.arn for row in rows]).delete()
    return len(rows)


def _control_row(
    organization_id: int, control_id: str, *, title: str, severity: str, remediation_url: str
) -> Control:
    fact = catalog.fact_of(control_id)
    return Control(
        organization_id=organization_id,
        control_id=control_id,
        title=storable(fact.title or title)[:300],
        severity=fact.severity or (severity if severity in Severity else Severity.MEDIUM),
        area=fact.area,
        remediation_url=storable(remediation_url)[:500],
        is_scored=fact.is_scored,
        is_account_level=fact.is_account_level,
        is_delegated_admin_only=fact.is_delegated_admin_only,
    )
