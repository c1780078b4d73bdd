"""Files of CISA: the catalogue of known exploited vulnerabilities (KEV), and Vulnrichment."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

KEV_URL = "https://www.cisa.gov/known-exploited-vulnerabilities-catalog"
VULNRICHMENT_URL = "https://github.com/cisagov/vulnrichment"
_LONGEST_ID = 32
_GZIP = b"\x1f\x8b"
_FLAGS = {"yes": True, "no": False}
_IMPACTS = {"total": True, "partial": False}


class WrongFile(ValueError):
    """A file that is not what it should be: says what is wrong and where to get the right one."""


@dataclass(frozen=True, slots=True)
class Exploited:
    """A CVE of the KEV catalogue."""

    cve: str
    added_on: date


@dataclass(frozen=True, slots=True)
class Decision:
    """What Vulnrichment says of a CVE (SSVC); None where it does not say."""

    cve: str
    is_automatable: bool | None
    has_total_impact: bool | None


def load(path: Path) -> object:
    """Return what a JSON file holds, plain or compressed with gzip.

    :raises WrongFile: it cannot be read, or is not JSON
    """
    try:
        content = path.read_bytes()
        return orjson.loads(gzip.decompress(content) if content[:2] == _GZIP else content)
    except (OSError, EOFError, zlib.error) as e:
        raise WrongFile(f"It cannot be read ({e}). Name a readable file, and get it anew.") from e
    except orjson.JSONDecodeError as e:
        raise WrongFile(f"It is not JSON ({e}). Get the whole file anew.") from e


def parse_kev(raw: object) -> list[Exploited]:
    """Return the catalogue, each CVE once, by id.

    :raises WrongFile: it is something else, or less than it says it is
    """
    rows = raw.get("vulnerabilities") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(rows, list) or not rows:
        raise WrongFile(
            f"This is not CISA's KEV catalogue: it has no `vulnerabilities`. Get the JSON from "
            f"{KEV_URL}."
        )
    found = {one.cve: one for one in (_exploited(row, n) for n, row in enumerate(rows))}
    count = raw.get("count")
    if isinstance(count, int) and count != len(rows):
        raise WrongFile(
            f"The catalogue says it has {count} vulnerabilities, but {len(rows)} are in the file. "
            f"Get the whole file from {KEV_URL}."
        )
    return [found[cve] for cve in sorted(found)]


def _exploited(row: object, number: int) -> Exploited:
    if not isinstance(row, dict):
        row = {}
    cve, added = row.get("cveID"), row.get("dateAdded")
    try:
        return Exploited(_cve(cve), date.fromisoformat(str(added)))
    except ValueError as e:
        raise WrongFile(
            f"Vulnerability {number + 1} of the catalogue has cveID {cve!r} and dateAdded "
            f"{added!r}. Get the JSON from {KEV_URL}."
        ) from e


def parse_vulnrichment(raw: object) -> Decision | None:
    """Return what CISA decided on the CVE of a record; None where it has not looked at it.

    The newest decision counts where there are several.

    :raises WrongFile: it is no CVE record
    """
    record = raw if isinstance(raw, dict) else {}
    try:
        cve = _cve(_mapping(record, "cveMetadata").get("cveId"))
    except ValueError as e:
        raise WrongFile(
            "This is no CVE record: it has no `cveMetadata.cveId`. Get the files from "
            f"{VULNRICHMENT_URL}."
        ) from e
    decisions = sorted(_decisions(record), key=lambda content: str(content.get("timestamp", "")))
    if not decisions:
        return None
    options = _options(decisions[-1])
    return Decision(
        cve,
        is_automatable=_FLAGS.get(options.get("automatable", "")),
        has_total_impact=_IMPACTS.get(options.get("technical impact", "")),
    )


def _decisions(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the contents of every SSVC metric of the containers that CISA added (ADP)."""
    for container in _rows(_mapping(record, "containers"), "adp"):
        for metric in _rows(container, "metrics"):
            other = _mapping(metric, "other")
            if other.get("type") == "ssvc":
                yield _mapping(other, "content")


def _options(content: Mapping[str, Any]) -> dict[str, str]:
    return {
        str(name).lower(): str(value).lower()
        for option in _rows(content, "options")
        for name, value in option.items()
    }


def _cve(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("CVE-") or len(value) > _LONGEST_ID:
        raise ValueError(value)
    return value


def _mapping(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def _rows(raw: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = raw.get(name)
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
