"""What would have kept a finding from coming up, and what to do where it cannot be mended.

Floors above know more than findings do (which invariant covers an account, how an exception is
asked for): they register a source when the process starts, and findings never import them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from findings.models import Finding
from inventory.access import AnyUser

PATH: Final = Path(__file__).parents[1] / "data" / "preventive_controls.yaml"


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing that prevents findings like this one.

    `title` is a short name of it; `url` leads to a page of this site or to AWS's documentation, ""
    leads nowhere. `stops_finding`: with it in place the check has nothing to fail on, else nobody can
    make use of the weakness and the finding stays.
    """

    title: str
    text: str
    url: str = ""
    link_text: str = ""
    stops_finding: bool = True
    is_external: bool = False
    kind: str = ""  # of findings/data, "" of a registered source


@dataclass(frozen=True, slots=True)
class Way:
    """Where to ask for an exception from a finding: a page of this site."""

    url: str
    text: str


HintSource: TypeAlias = Callable[[AnyUser, Finding], tuple[Hint, ...]]
WaySource: TypeAlias = Callable[[AnyUser, Finding], Way | None]
_hint_sources: list[HintSource] = []
_way_sources: list[WaySource] = []


def register_hint(source: HintSource) -> None:
    """Ask `source` for each finding that is shown. It reads finding.control and finding.account."""
    if source not in _hint_sources:
        _hint_sources.append(source)


def register_exception(source: WaySource) -> None:
    """Ask `source` where a person may request an exception from a finding; None: they may not."""
    if source not in _way_sources:
        _way_sources.append(source)


def prevented_by(user: AnyUser, finding: Finding) -> tuple[Hint, ...]:
    """What the registered sources say; where they say nothing, what AWS offers for the control."""
    said = tuple(hint for source in _hint_sources for hint in source(user, finding))
    return said or for_control(finding.control.control_id)


def exception_way(user: AnyUser, finding: Finding) -> Way | None:
    """Where to request an exception; None while nobody offers a way, or the person may not."""
    ways = (source(user, finding) for source in _way_sources)
    return next((way for way in ways if way), None)


def for_control(control_id: str) -> tuple[Hint, ...]:
    """The kinds of preventive control that cover a control, by findings/data."""
    return _by_control().get(control_id, ())


def preventable() -> frozenset[str]:
    """The controls whose findings some kind of preventive control keeps from coming up at all."""
    return frozenset(
        control_id
        for control_id, known in _by_control().items()
        if any(hint.stops_finding for hint in known)
    )


@cache
def _by_control() -> Mapping[str, tuple[Hint, ...]]:
    data: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    found: dict[str, tuple[Hint, ...]] = {}
    for entry in data["preventions"]:
        kind = data["kinds"][entry["kind"]]
        hint = Hint(
            title=f"{kind[:1].upper()}{kind[1:]}",
            text=entry["text"],
            url=entry["url"],
            link_text="AWS documentation",
            stops_finding=entry["stops"] == "finding",
            is_external=True,
            kind=entry["kind"],
        )
        for control_id in entry["controls"]:
            found[control_id] = (*found.get(control_id, ()), hint)
    return found
