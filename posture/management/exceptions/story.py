"""What sandbox/data/exceptions.yaml tells, with its days as moments."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from django.conf import settings

PLAN: Final = Path(settings.BASE_DIR) / "sandbox" / "data" / "exceptions.yaml"
_SATURDAY: Final = 5
# Two steps on one record have at least so long between them, also where a weekend moves them together.
_APART: Final = timedelta(minutes=11)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that somebody does. `said` is what comes with it, by the names of the file.

    `refused`: it is tried, and has to be refused.
    """

    at: datetime
    do: str
    by: str
    said: Mapping[str, Any]
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One request with its life. `ticket` tells it from others; days of `fields` are dates."""

    ticket: str
    by: str
    drafted_at: datetime
    target: Mapping[str, str]
    renews: str
    fields: Mapping[str, Any]
    scope: Mapping[str, tuple[str, ...]]
    milestones: tuple[tuple[str, date], ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Away:
    """Somebody who is away, and who approves meanwhile."""

    by: str
    delegate: str
    since: date
    until: date
    said_at: datetime


@dataclass(frozen=True, slots=True)
class Story:
    install_day: date
    requests: tuple[Asked, ...]
    away: tuple[Away, ...]


# Asked for once for each collection of the past; the file belongs to the program.
@cache
def tell(install_day: date) -> Story:
    """The story of an organisation that was installed on that day."""
    document = yaml.safe_load(PLAN.read_text(encoding="utf-8"))
    return Story(
        install_day=install_day,
        requests=tuple(_asked(one, install_day) for one in document["requests"]),
        away=tuple(_away(one, install_day) for one in document["away"]),
    )


def _asked(told: Mapping[str, Any], install_day: date) -> Asked:
    any_day = bool(told.get("emergency"))
    steps = tuple(_steps(told, install_day, any_day=any_day))
    drafted_at = _moment(told["drafted"], install_day, any_day=any_day)
    starts, ends = told["days"]
    fields = {
        name: " ".join(str(told[name]).split())
        for name in (
            *("title", "reason", "justification", "system", "business_owner"),
            *("data_classification", "compensating", "remediation_plan", "mechanism"),
        )
        if name in told
    }
    return Asked(
        ticket=told["ticket"],
        by=told["by"],
        drafted_at=drafted_at,
        target=told.get("target", {}),
        renews=told.get("renews", ""),
        fields=fields
        | {
            "ticket": told["ticket"],
            "starts_on": install_day + timedelta(days=starts),
            "asked_until": install_day + timedelta(days=ends),
            "is_emergency": any_day,
        },
        scope={kind: tuple(values) for kind, values in told.get("scope", {}).items()},
        milestones=tuple(
            (text, install_day + timedelta(days=days)) for text, days in told.get("milestones", ())
        ),
        steps=steps,
    )


def _steps(told: Mapping[str, Any], install_day: date, *, any_day: bool) -> Iterator[Step]:
    last = _moment(told["drafted"], install_day, any_day=any_day)
    for one in told.get("steps", ()):
        last = max(_moment(one["at"], install_day, any_day=any_day), last + _APART)
        said = {name: v for name, v in one.items() if name not in ("at", "do", "by", "refused")}
        by = one.get("by", told["by"])
        yield Step(last, one["do"], by, said, refused=bool(one.get("refused")))


def _away(told: Mapping[str, Any], install_day: date) -> Away:
    since, until = (install_day + timedelta(days=days) for days in told["days"])
    said_at = _moment(told["said"], install_day, any_day=False)
    return Away(told["by"], told["delegate"], since, until, said_at)


def _moment(text: str, install_day: date, *, any_day: bool) -> datetime:
    """`-12 09:40` is twelve days before the install day; people work on the Monday after a weekend."""
    days, _, clock = str(text).partition(" ")
    day = install_day + timedelta(days=int(days))
    if not any_day and day < install_day:
        while day.weekday() >= _SATURDAY:
            day += timedelta(days=1)
    hour, _, minute = clock.partition(":")
    return datetime.combine(day, time(int(hour), int(minute)), tzinfo=UTC)
