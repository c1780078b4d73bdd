"""Due dates from what is known of vulnerabilities, now and when that changes."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from findings import clocks
from findings.clocks import KnownFacts, Weakness
from findings.ingest import store
from findings.models import Finding, FindingVulnerability, KnownVulnerability, Status
from findings.sources.cisa import Decision, Exploited
from inventory.models import Organization

BATCH: Final = 1000


def _no_beat(_: int) -> None:
    """For who does not want to know."""


def known_weaknesses(cves: Collection[str]) -> dict[str, Weakness]:
    """What CISA says of these CVEs (one query, none without a CVE)."""
    if not cves:
        return {}
    rows = KnownVulnerability.objects.filter(cve__in=cves).values_list(
        "cve", "is_exploited", "is_automatable", "has_total_impact"
    )
    return {
        cve: Weakness(known=KnownFacts(is_exploited, is_automatable, has_total_impact))
        for cve, is_exploited, is_automatable, has_total_impact in rows
    }


def todays_rules() -> clocks.Rules:
    """The rules of the installation, by what has been imported (one query)."""
    rules = clocks.load(settings.POSTURE_CLOCKS_FILE)
    return rules if has_catalogue() else rules.without_catalogue()


def has_catalogue() -> bool:
    """Whether a KEV catalogue has been imported: it is never empty."""
    return KnownVulnerability.objects.filter(is_exploited=True).exists()


def store_exploited(catalogue: Iterable[Exploited], *, now: datetime) -> list[str]:
    """Make the KEV catalogue ours: one that is no longer in it is no longer exploited.

    Returns the CVEs of which something changed, by id.
    """
    wanted = {one.cve: one.added_on for one in catalogue}
    known = KnownVulnerability.objects.filter(is_exploited=True)
    stored = dict(known.values_list("cve", "kev_added_on"))
    changed = sorted(cve for cve, added in wanted.items() if stored.get(cve) != added)
    rows = [
        KnownVulnerability(cve=cve, is_exploited=True, kev_added_on=wanted[cve], updated_at=now)
        for cve in changed
    ]
    gone = sorted(stored.keys() - wanted.keys())
    with transaction.atomic():
        _upsert(rows, ["is_exploited", "kev_added_on", "updated_at"])
        known.filter(cve__in=gone).update(is_exploited=False, kev_added_on=None, updated_at=now)
    return sorted({*changed, *gone})


def store_decisions(decisions: Iterable[Decision], *, now: datetime) -> list[str]:
    """Store what Vulnrichment says; returns the CVEs of which something changed, by id."""
    wanted = {one.cve: (one.is_automatable, one.has_total_impact) for one in decisions}
    stored = {
        cve: tuple(facts)
        for cve, *facts in KnownVulnerability.objects.filter(cve__in=list(wanted)).values_list(
            "cve", "is_automatable", "has_total_impact"
        )
    }
    changed = sorted(cve for cve, facts in wanted.items() if stored.get(cve) != facts)
    rows = [
        KnownVulnerability(
            cve=cve,
            is_automatable=wanted[cve][0],
            has_total_impact=wanted[cve][1],
            updated_at=now,
        )
        for cve in changed
    ]
    _upsert(rows, ["is_automatable", "has_total_impact", "updated_at"])
    return changed


def _upsert(rows: Sequence[KnownVulnerability], columns: list[str]) -> None:
    KnownVulnerability.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["cve"],
        update_fields=columns,
    )


def reclock_named(cves: Sequence[str], *, beat: Callable[[int], None] = _no_beat) -> int:
    """Give the open findings that name these CVEs their due dates anew; returns how many changed.

    `beat` is told, now and then, how many have been looked at.
    """
    changed = 0
    for start in range(0, len(cves), BATCH):
        some = cves[start : start + BATCH]
        named = FindingVulnerability.objects.filter(cve__in=some).values("finding")
        changed += _reclock(Finding.objects.filter(pk__in=named), beat=beat)
    return changed


def reclock_vulnerable(*, beat: Callable[[int], None] = _no_beat) -> int:
    """Give the open findings that name any CVE their due dates anew; returns how many changed."""
    named = FindingVulnerability.objects.values("finding")
    return _reclock(Finding.objects.filter(pk__in=named), beat=beat)


def reclock_outdated(*, beat: Callable[[int], None] = _no_beat) -> int:
    """Give the open findings that have another version of the rules their due dates anew."""
    version = clocks.load(settings.POSTURE_CLOCKS_FILE).version
    return _reclock(Finding.objects.exclude(sla_version=version), beat=beat)


def reclock_new(
    organization: Organization, *, now: datetime, beat: Callable[[int], None] = _no_beat
) -> int:
    """Give the open findings of new controls, read before their control was, their due dates anew."""
    rows = Finding.objects.filter(organization=organization, control__clock_from__gt=now.date())
    return _reclock(rows, beat=beat)


def reclock_all(*, beat: Callable[[int], None] = _no_beat) -> int:
    """Give every open finding its due date anew; returns how many changed."""
    return _reclock(Finding.objects.all(), beat=beat)


def _reclock(rows: QuerySet[Finding], *, beat: Callable[[int], None]) -> int:
    rules = todays_rules()
    rows = rows.filter(status=Status.OPEN).order_by("pk")
    changed, seen, last = 0, 0, 0
    while numbers := list(rows.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic(), store.open_cursor() as cursor:
            reclocked, cells = store.reclock(cursor, numbers, rules=rules)
            store.mark_dirty(cursor, cells)
        changed, seen, last = changed + reclocked, seen + len(numbers), numbers[-1]
        beat(seen)
    return changed
