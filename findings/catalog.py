"""Facts about controls that no AWS API tells: findings/data/control_areas.yaml, read once."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).parent / "data" / "control_areas.yaml"


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
def _data() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return loaded


@cache
def _areas() -> dict[str, str]:
    """Exact control ids ("EC2.8") and services ("EC2") to the code of their area."""
    return {
        name: area
        for area, members in _data()["areas"].items()
        for name in [*members["controls"], *members["services"]]
    }


def fact_of(control_id: str) -> ControlFact:
    """What we know of a control; a pseudo-control reports no passes and is therefore not scored."""
    service, _, rest = control_id.partition(".")
    pseudo = _data()["pseudo_controls"]
    known = pseudo.get(control_id) or (pseudo["*.Finding"] if rest == "Finding" else None)
    if known:
        return ControlFact(
            area=known["area"] or "",
            title=known["title"],
            severity=known["severity"],
            is_scored=False,
        )
    areas = _areas()
    return ControlFact(
        area=areas.get(control_id) or areas.get(service) or "",
        is_account_level=control_id in _data()["account_level"],
        is_delegated_admin_only=control_id in _data()["delegated_admin_only"],
    )
