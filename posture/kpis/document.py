"""The cards as a page of the documentation: docs/kpis.md."""

from collections.abc import Iterable, Mapping
from typing import Final

from posture.kpis.cards import Kpi, Part, Unit

_HEAD: Final = """\
# KPIs

Thirty numbers that say whether security gets better. Ten of them, the headlines (★), stand on the weekly
review; each has its page with history, control chart, and the accounts that it is made of.

This page is made from `posture/kpis/kpis.yaml` by `manage.py kpi_docs`; a test compares the two. What your
organisation agrees on (targets, owners, dates) goes into the file of `POSTURE_KPI_FILE`:
[operating.md](operating.md).

How every KPI is reckoned:

- It is stored as parts that add up (numerator, denominator, covered, expected) for every account and day,
  in the OU in which the account was on that day; an OU is the sum of its accounts, and is divided last.
- A day that is over is filled once more and then never again: moving an account, adding a control or
  agreeing on another target changes no number of the past.
- Without anything to make it from there is no data, which is shown as such. `covered` of `expected` is
  the coverage beside each number.
- Status comes from the target alone, movement from the control chart alone. Of fewer than 20 things a
  percentage has no status; with less than 80% coverage nothing is said to be on target.
- One decimal, rounded half up. A share shows 100.0 only for all and, where less is better, 0.0 only for
  none.
"""
_AREAS: Final = {
    "": "Overall",
    "CULTURE": "Culture",
    "ACCOUNT_MANAGEMENT": "Account management",
    "IDENTITY": "Identity and access",
    "DATA_PROTECTION": "Data protection",
    "SECURE_DEPLOYMENT": "Secure deployment",
    "MONITORING": "Monitoring and alerting",
    "VULNERABILITY": "Vulnerability management and incident response",
}
_UNITS: Final = {
    Unit.PERCENT: "percent",
    Unit.COUNT: "a count",
    Unit.RATE: "for every 100",
    Unit.DAYS: "days",
    Unit.SCORE: "points from 0 to 100",
}
_REACHES: Final = {
    "cells": "all days since the scores were first rolled up",
    "episodes": "all days since the scores were first rolled up",
    "facts": "no earlier day: account facts are kept as they are now",
    "now": "no earlier day: what it is made from is known of the present alone",
}


def render(registry: Mapping[str, Kpi]) -> str:
    """The text of the page, for the cards as they ship."""
    parts = [_HEAD, _table(registry.values())]
    area = None
    for card in registry.values():
        if card.area != area:
            area = card.area
            parts.append(f"## {_AREAS[area]}\n")
        parts.append(_card(card))
    return "\n".join(parts)


def _table(cards: Iterable[Kpi]) -> str:
    rows = [
        f"| [{card.id}](#{_anchor(card)}) | {_title(card)} | {card.target_text} |" for card in cards
    ]
    return "\n".join(["| | KPI | target |", "|---|---|---|", *rows, ""])


def _title(card: Kpi) -> str:
    return f"{card.name} ★" if card.is_headline else card.name


def _anchor(card: Kpi) -> str:
    return f"{card.id} {card.name}".lower().replace(",", "").replace(" ", "-")


def _card(card: Kpi) -> str:
    lines = [
        f"### {card.id} {card.name}",
        "",
        f"*{card.question}*",
        "",
        card.formula,
        "",
        f"- **Unit**: {_UNITS[card.unit]}, {_better(card)}",
        f"- **Target**: {card.target_text}",
        *_beside(card.parts),
        f"- **Owner**: {card.owner}",
        f"- **Exceptions**: {card.exceptions}",
        f"- **Missing data**: {card.missing_data}",
        f"- **Made from**: {'; '.join(card.sources)}",
        f"- **Can be filled for**: {_REACHES[card.reach]}",
        *([f"- **Read together with**: {', '.join(card.pair)}"] if card.pair else []),
        f"- **Filled by**: `{card.fill}`, formula version {card.formula_version}",
        "",
    ]
    return "\n".join(lines)


def _better(card: Kpi | Part) -> str:
    return "higher is better" if card.is_better_higher else "lower is better"


def _beside(parts: Iterable[Part]) -> list[str]:
    said = [
        f"  - {part.name}: {_UNITS[part.unit]}, {_better(part)}{_target(part)}" for part in parts
    ]
    return ["- **Beside it**:", *said] if said else []


def _target(part: Part) -> str:
    if part.target is None:
        return ""
    limit = "at least" if part.is_better_higher else "at most"
    return f"; {limit} {part.target}"
