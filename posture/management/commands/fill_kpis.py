"""Fills KPIs by hand: for today, for one day, or back over all days that are over."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from posture import kpis
from posture.rollups import kpis as rollups
from posture.rollups.kpis import Filled


class Command(BaseCommand):
    help = "Fill the KPIs of today, of one day, or of all earlier days that have none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--kpi", default="", help="one KPI, such as K1; left out, all")
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--day", type=date.fromisoformat, help="such as 2026-11-20")
        which.add_argument("--back", action="store_true", help="all days that are over")

    def handle(self, **options: Any) -> None:
        now = timezone.now()
        cards = [card for card in kpis.registry().values() if options["kpi"] in ("", card.id)]
        if not cards:
            raise CommandError(f"There is no KPI {options['kpi']}. Name one of K1 to K30.")
        if options["back"]:
            self._fill_back(cards, now)
            return
        day = options["day"] or now.date()
        if day > now.date():
            raise CommandError(f"{day} has not begun. Name today or a day that is over.")
        self._end(self._said(day, rollups.fill_some(cards, day, now=now)))

    def _fill_back(self, cards: list[kpis.Kpi], now: Any) -> None:
        failed: set[str] = set()
        reaches = rollups.fill_all_back(
            cards, now=now, report=lambda day, filled: failed.update(self._said(day, filled))
        )
        for kpi_id, reach in reaches.items():
            days = f"{reach.days} days filled" if reach.since else "not filled"
            self.stdout.write(f"{kpi_id}: {days}; {reach.why}")
        self._end(failed)

    def _said(self, day: date, filled: Filled) -> set[str]:
        rows = sum(filled.rows.values())
        self.stdout.write(f"{day}: {len(filled.rows)} KPIs, {rows} rows")
        for kpi_id, error in filled.failed.items():
            self.stderr.write(f"{day}: {kpi_id} failed: {error}")
        self.stdout.flush()
        return set(filled.failed)

    def _end(self, failed: set[str]) -> None:
        if failed:
            raise CommandError(f"Failed: {', '.join(sorted(failed))}. The lines above say why.")
