"""One KPI with everything behind it: card, source, history, parts, OUs and accounts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from inventory.queries import tree
from inventory.queries.tree import OuChoice
from inventory.web import Page
from posture import charts, kpis
from posture.charts import Figure
from posture.kpis import Kpi
from posture.queries import kpis as stored
from posture.queries.figures import DAYS_A_WEEK
from posture.queries.kpi_pages import rows, signals
from posture.queries.kpi_pages.board import choose, label_of
from posture.queries.kpi_pages.drawings import drawings
from posture.queries.kpi_pages.rows import KpiRow
from posture.queries.kpis import AccountLine, KpiHistory, OuLine
from posture.queries.review_page import Mark, status

# How many weeks a history may show.
WEEKS: Final = (13, 26, 52, 104)
# How far back a KPI can be filled, in words.
_REACHES: Final = {
    "cells": "Days before Parapet filled it are filled from the kept history of account and control, so it reaches back to the first rollup.",
    "episodes": "Days before Parapet filled it are filled from the episodes of findings, so it reaches back as far as findings are kept.",
    "facts": "It is made of settings of accounts, and of those AWS tells only how they are now: it reaches back to the first day on which Parapet read them.",
    "now": "It is made of what is known of the present alone, so it reaches back to the first day on which Parapet filled it.",
}


@dataclass(frozen=True, slots=True)
class OuRow:
    """A child OU's KPI."""

    line: OuLine
    card: Kpi

    @property
    def text(self) -> str:
        return rows.whole(self.line.value, self.card.unit)

    @property
    def made_of(self) -> str:
        return rows.made_of(self.line.amounts)

    @property
    def coverage_text(self) -> str:
        return rows.whole(self.line.amounts.coverage, kpis.Unit.PERCENT)

    @property
    def delta(self) -> int | Decimal | None:
        return rows.amount(self.line.delta, self.card.unit)

    @property
    def mark(self) -> Mark:
        return status(self.line.status)


@dataclass(frozen=True, slots=True)
class AccountRow:
    """What one account brings to a KPI."""

    line: AccountLine
    card: Kpi

    @property
    def text(self) -> str:
        return rows.whole(self.line.value, self.card.unit)

    @property
    def made_of(self) -> str:
        return rows.made_of(self.line.amounts)

    @property
    def coverage_text(self) -> str:
        return rows.whole(self.line.amounts.coverage, kpis.Unit.PERCENT)

    @property
    def parts_text(self) -> str:
        """The lines beside it that this account has, in words."""
        shown = [
            f"{part.part.name} {rows.whole(part.value, part.part.unit)}"
            for part in self.line.parts
            if part.value is not None
        ]
        return ", ".join(shown)


@dataclass(frozen=True, slots=True)
class KpiPage:
    """`ou_id` is "" for somebody who sees no OU as a whole: the accounts are then their own.

    `source` is (path, lines) of what fills it; `weeks` is how many weeks the history shows.
    """

    row: KpiRow
    ou_id: str
    ou_label: str
    ous: tuple[OuChoice, ...]
    source: tuple[str, tuple[str, ...]]
    history: Figure | None
    since: date | None
    reach: str
    signals: tuple[str, ...]
    drawings: tuple[Figure, ...]
    pair: tuple[KpiRow, ...]
    children: tuple[OuRow, ...]
    accounts: Page[AccountRow]

    @property
    def card(self) -> Kpi:
        return self.row.card


def page(
    user: AnyUser,
    kpi_id: str,
    ou: OrganizationalUnit | None,
    *,
    day: date,
    weeks: int = 26,
    cursor_text: str = "",
) -> KpiPage | None:
    """A KPI of an OU (the uppermost by default); None where there is no such KPI.

    Eighteen queries at most, however long the history and however many the accounts.
    """
    card = kpis.registry().get(kpi_id)
    if card is None:
        return None
    chosen = choose(user, ou)
    line = stored.line(user, kpi_id, chosen, day=day) if chosen else None
    row = KpiRow(card, line)
    past = _history(user, card, chosen, day=day, weeks=weeks)
    path, text = kpis.source_of(card)
    return KpiPage(
        row=row,
        ou_id=chosen.ou_id if chosen else "",
        ou_label=label_of(chosen) if chosen else "",
        ous=tree.ou_choices(user),
        source=(path, tuple(text.splitlines())),
        history=_chart(row, past) if past else None,
        since=past.since if past else None,
        reach=_REACHES.get(card.reach, ""),
        signals=_signals(past),
        drawings=drawings(line, chosen, day=day) if line and chosen else (),
        pair=_pair(user, card, chosen, day=day),
        children=_children(user, card, chosen, day=day),
        accounts=accounts(user, card, chosen, day=day, cursor_text=cursor_text),
    )


def accounts(
    user: AnyUser,
    card: Kpi,
    ou: OrganizationalUnit | None,
    *,
    day: date,
    cursor_text: str = "",
) -> Page[AccountRow]:
    """A page of the accounts that the KPI is made of, worst first; without an OU the person's own."""
    found = account_lines(user, card, ou, day=day, cursor_text=cursor_text)
    shown = tuple(AccountRow(line, card) for line in found.rows)
    return Page(shown, found.next_cursor, found.previous_cursor)


def account_lines(
    user: AnyUser,
    card: Kpi,
    ou: OrganizationalUnit | None,
    *,
    day: date,
    cursor_text: str,
    size: int = 0,
) -> Page[AccountLine]:
    """The same as they are stored."""
    within = ou or OrganizationalUnit.objects.filter(parent=None).order_by("pk").first()
    if within is None:
        return Page(())
    return stored.accounts_of(user, card.id, within, day=day, cursor_text=cursor_text, size=size)


def _history(
    user: AnyUser, card: Kpi, ou: OrganizationalUnit | None, *, day: date, weeks: int
) -> KpiHistory | None:
    """The weeks from the first known one on; its signals are places in what is left."""
    if ou is None:
        return None
    since = day - timedelta(days=DAYS_A_WEEK * (weeks - 1))
    found = stored.history(user, card.id, ou, since=since, until=day)
    if found is None:
        return None
    first = next((i for i, week in enumerate(found.weeks) if week.day is not None), None)
    if not first:
        return found
    moved = (
        tuple(index - first for index in found.xmr.signals if index >= first) if found.xmr else ()
    )
    xmr = replace(found.xmr, signals=moved) if found.xmr else None
    return replace(found, weeks=found.weeks[first:], xmr=xmr)


def _chart(row: KpiRow, past: KpiHistory) -> Figure:
    notes = _notes(past)
    points = [
        (week.label, rows.amount(week.value, row.card.unit), notes.get(index, ""))
        for index, week in enumerate(past.weeks)
    ]
    return charts.control_chart(
        points,
        name=row.card.name,
        xmr=past.xmr,
        target=row.target,
        unit=row.unit,
    )


def _notes(past: KpiHistory) -> dict[int, str]:
    """Changes of formula and target, at the first week that has them."""
    notes: dict[int, str] = {}
    for change in past.changes:
        places = (i for i, week in enumerate(past.weeks) if week.day and week.day >= change.day)
        index = next(places, None)
        if index is not None:
            notes[index] = f"formula {change.formula_version}, target {change.target_version}"
    return notes


def _signals(past: KpiHistory | None) -> tuple[str, ...]:
    if past is None:
        return ()
    weeks: Sequence[tuple[str, Decimal | None]] = [(week.label, week.value) for week in past.weeks]
    return signals.explain(weeks, past.xmr)


def _pair(
    user: AnyUser, card: Kpi, ou: OrganizationalUnit | None, *, day: date
) -> tuple[KpiRow, ...]:
    """The KPIs that keep this one honest."""
    cards = [kpis.registry()[kpi_id] for kpi_id in card.pair]
    return tuple(
        KpiRow(other, stored.line(user, other.id, ou, day=day) if ou else None) for other in cards
    )


def _children(
    user: AnyUser, card: Kpi, ou: OrganizationalUnit | None, *, day: date
) -> tuple[OuRow, ...]:
    """The OUs right below, worst first; those without data last."""
    if ou is None:
        return ()
    found = [OuRow(line, card) for line in stored.ous_of(user, card.id, ou, day=day)]
    sign = 1 if card.is_better_higher else -1
    return tuple(
        sorted(found, key=lambda row: (row.line.value is None, sign * (row.line.value or 0)))
    )
