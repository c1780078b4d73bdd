"""Reads kpis.yaml, and over it the file in which an organisation keeps what it has agreed on."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml
from django.conf import settings

from posture.kpis.agreements import Agreements, read_agreements
from posture.kpis.cards import Kpi
from posture.kpis.entries import BadKpis, Entry

PATH: Final = Path(__file__).with_name("kpis.yaml")
HEADLINES: Final = ("K1", "K2", "K3", "K7", "K10", "K12", "K15", "K22", "K26", "K28")
IDS: Final = tuple(f"K{number}" for number in range(1, 31))
_POSTURE: Final = Path(__file__).resolve().parents[1]


def registry() -> Mapping[str, Kpi]:
    """All KPIs by id, from K1 to K30, as this installation has agreed on them.

    :raises BadKpis: a file is missing or wrong; the text names file, entry and remedy.
    """
    return load(settings.POSTURE_KPI_FILE)


@cache
def load(agreed: str = "") -> Mapping[str, Kpi]:
    """As `registry`, with the agreements of that file; "" is none."""
    agreements = Agreements() if not agreed else read_agreements(_read(Path(agreed)), name=agreed)
    return parse(_read(PATH), agreements, name=PATH.name)


def parse(root: Any, agreements: "Agreements", *, name: str) -> Mapping[str, Kpi]:
    """The KPIs of a file's content.

    :raises BadKpis: it is wrong; `name` is the file's in the message.
    """
    if not isinstance(root, dict) or set(root) != {"target_version", "kpis"}:
        raise BadKpis(f"{name}: should have target_version and kpis, and nothing else.")
    cards = root["kpis"]
    if not isinstance(cards, dict) or tuple(cards) != IDS:
        raise BadKpis(f"{name}: should have K1 to K30 in this order, each once.")
    agreements.check(IDS)
    version = agreements.target_version or root["target_version"]
    found = {
        kpi_id: Entry(name, kpi_id, card).kpi(
            agreements.of(kpi_id), target_version=version, is_headline=kpi_id in HEADLINES
        )
        for kpi_id, card in cards.items()
    }
    return MappingProxyType(found)


def source_of(kpi: Kpi) -> tuple[str, str]:
    """(path within the project, text) of the SQL or the function that fills the KPI."""
    kind, _, name = kpi.fill.partition(":")
    if kind == "sql":
        place = _POSTURE / "kpis" / "sql" / name
    else:
        place = _POSTURE / "rollups" / "kpis" / "functions" / f"{name}.py"
    return str(place.relative_to(_POSTURE.parent)), place.read_text(encoding="utf-8")


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as e:
        raise BadKpis(
            f"{path}: cannot be read ({e}). Set POSTURE_KPI_FILE to a readable file, or unset it."
        ) from e
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise BadKpis(f"{path}, line {line}: is not YAML ({e}). Mend the line.") from e
