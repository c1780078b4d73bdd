"""Everything that is frozen of a week, put together."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from django.db.models import Max

from inventory.models import CollectionRun, Organization, OrganizationalUnit
from posture import kpis
from posture.kpis.snapshots import (
    VERSION,
    KpiEntry,
    Movers,
    OrganizationName,
    ScoreBlock,
    SlaBlock,
    Snapshot,
)
from posture.kpis.weeks import Week
from posture.models import KpiFill
from posture.rollups.reviews import measures, scores
from posture.rollups.reviews.scores import Days

_NOTHING: Final = "NR (no data in this week)"
# Runs that read something.
_READ: Final = (CollectionRun.State.COMPLETE, CollectionRun.State.PARTIAL)


def build(
    organization: Organization,
    root: OrganizationalUnit | None,
    week: Week,
    *,
    days: Days | None,
    until: date,
) -> Snapshot:
    """The snapshot of a week, without its notes. About fifteen queries, whatever the history.

    :param days: None when nothing was rolled up in the week: then it says so, and nothing else.
    :param until: the last day of the week that was over when it was closed.
    """
    if root is None or days is None:
        return _empty(organization, week)
    entries = measures.read(root, week, until=until)
    found = scores.read(root, days)
    versions = _versions(organization, days.day)
    return Snapshot(
        version=VERSION,
        organization=OrganizationName(organization.org_id, organization.label),
        week=week.name,
        starts_on=week.starts_on,
        ends_on=week.ends_on,
        data_day=days.day,
        data_as_of=_as_of(organization, days.day),
        coverage=found.score.coverage,
        formula_versions={kpi: formula for kpi, (formula, _) in versions.items()},
        target_versions={kpi: target for kpi, (_, target) in versions.items()},
        score=found.score,
        grades=found.grades,
        kpis=entries,
        change=found.change,
        movers=found.movers,
        sla=measures.sla(entries),
        flow=measures.weeks_of_flow(root, until=until),
        exceptions=measures.exceptions(
            entries,
            load=found.score.exception_load,
            disabled_controls=found.disabled_controls,
        ),
        areas=found.areas,
        ous=found.ous,
        controls=found.controls,
        practices=measures.practices(entries),
        headlines=_headlines(entries),
        previous_day=days.before,
    )


def _empty(organization: Organization, week: Week) -> Snapshot:
    """Of a week without any data: the cards of the KPIs, and "no data" everywhere."""
    entries = measures.cards_alone()
    cards = kpis.registry().values()
    return Snapshot(
        version=VERSION,
        organization=OrganizationName(organization.org_id, organization.label),
        week=week.name,
        starts_on=week.starts_on,
        ends_on=week.ends_on,
        data_day=None,
        data_as_of=None,
        coverage=None,
        formula_versions={card.id: card.formula_version for card in cards},
        target_versions={card.id: card.target_version for card in cards},
        score=ScoreBlock(reason=_NOTHING),
        grades={},
        kpis=entries,
        change=None,
        movers=Movers(),
        sla=SlaBlock(),
        flow=(),
        exceptions=measures.exceptions((), load=None, disabled_controls=None),
        areas=(),
        ous=(),
        controls=(),
        practices=measures.practices(entries),
        headlines=_headlines(entries),
    )


def _headlines(entries: tuple[KpiEntry, ...]) -> dict[str, int]:
    """How many of the ten stand how."""
    return dict(sorted(Counter(entry.status for entry in entries if entry.is_headline).items()))


def _versions(organization: Organization, day: date) -> dict[str, tuple[int, int]]:
    """(formula, target) that each KPI of the day was filled by; today's of those that were not."""
    found = {
        card.id: (card.formula_version, card.target_version) for card in kpis.registry().values()
    }
    fills = KpiFill.objects.filter(organization=organization, day=day)
    rows = fills.values_list("kpi", "formula_version", "target_version")
    return found | {kpi: (formula, target) for kpi, formula, target in rows}


def _as_of(organization: Organization, day: date) -> datetime | None:
    """How fresh the numbers of the day are: no fresher than what was read of the findings.

    A rollup goes on where AWS cannot be reached, and a day that is over is filled once more.
    """
    fills = KpiFill.objects.filter(organization=organization, day=day)
    filled = fills.order_by("-data_as_of").values_list("data_as_of", flat=True).first()
    read = CollectionRun.objects.filter(
        organization=organization,
        source=CollectionRun.Source.SECURITY_HUB,
        state__in=_READ,
        collection__as_of__lt=datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC),
    ).aggregate(at=Max("collection__as_of"))["at"]
    # Where findings come by files or events alone there is no run.
    return min(filled, read) if filled and read else filled
