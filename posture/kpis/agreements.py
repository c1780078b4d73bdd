"""What an organisation has agreed on of its KPIs: the file that POSTURE_KPI_FILE names."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from posture.kpis.entries import AGREED, BadKpis, Entry

_PART_AGREED: Final = frozenset({"target", "amber"})


@dataclass(frozen=True, slots=True)
class Agreements:
    """`target_version` 0 is none: nothing has been agreed on otherwise."""

    target_version: int = 0
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def of(self, kpi_id: str) -> Entry | None:
        return self.entries.get(kpi_id)

    def check(self, known: Collection[str]) -> None:
        """:raises BadKpis: it speaks of a KPI that there is not."""
        for kpi_id, entry in self.entries.items():
            if kpi_id not in known:
                raise entry.fail("there is no such KPI", "Known are K1 to K30.")


def read_agreements(root: Any, *, name: str) -> Agreements:
    """:raises BadKpis: the content of the file `name` is wrong."""
    if not isinstance(root, dict) or set(root) != {"target_version", "kpis"}:
        raise BadKpis(f"{name}: should have target_version and kpis, and nothing else.")
    top = Entry(name, "the file", root)
    version = top.number("target_version")
    if not isinstance(root["kpis"], dict):
        raise top.fail("kpis has no entries", "Give it entries such as K1: {target: 92}.")
    entries = {}
    for kpi_id, content in root["kpis"].items():
        entry = Entry(name, str(kpi_id), content)
        known = frozenset({*AGREED, "parts"})
        entry.keys(known, optional=known)
        for part, changes in entry.mapping("parts").items():
            beside = Entry(name, f"{kpi_id}, part {part}", changes)
            beside.keys(_PART_AGREED, optional=_PART_AGREED)
        entries[str(kpi_id)] = entry
    return Agreements(version, entries)
