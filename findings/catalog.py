"""Facts about controls that no AWS API tells: findings/data/control_areas.yaml, read once."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from findings.normalise import control_facts

PROWLER = "Prowler"


@dataclass(frozen=True, slots=True)
class ControlFact:
    """`area` is "" where nobody has mapped the control; `title`, `severity` only for pseudo-controls."""

    area: str = ""
    title: str = ""
    severity: str = ""
    is_scored: bool = True
    is_account_level: bool = False
    is_delegated_admin_only: bool = False


@cache
def _areas() -> dict[str, str]:
    """Exact control ids ("EC2.8") and services ("EC2") to the code of their area."""
    return {
        name: area
        for area, members in control_facts.load()["areas"].items()
        for name in [*members["controls"], *members["services"]]
    }


@cache
def _areas_of_prowler() -> dict[str, str]:
    """Services as Prowler writes them ("awslambda") to the code of their area."""
    areas = {name.lower(): area for name, area in _areas().items()}
    named = control_facts.load()["prowler_services"]
    return areas | {service: areas[name.lower()] for service, name in named.items()}


def fact_of(control_id: str) -> ControlFact:
    """What we know of a control; a pseudo-control reports no passes and is therefore not scored."""
    service, _, rest = control_id.partition(".")
    pseudo: dict[str, Any] = control_facts.load()["pseudo_controls"]
    known = pseudo.get(control_id) or (pseudo["*.Finding"] if rest == "Finding" else None)
    if known:
        return ControlFact(
            area=known["area"] or "",
            title=known["title"],
            severity=known["severity"],
            is_scored=False,
        )
    if service == PROWLER:
        # A check of its own: the finding brings title and severity. Not scored: a file says nothing
        # of the accounts that it does not name.
        return ControlFact(
            area=_areas_of_prowler().get(rest.partition("_")[0], ""), is_scored=False
        )
    areas = _areas()
    return ControlFact(
        area=areas.get(control_id) or areas.get(service) or "",
        is_account_level=control_id in control_facts.load()["account_level"],
        is_delegated_admin_only=control_id in control_facts.load()["delegated_admin_only"],
    )
