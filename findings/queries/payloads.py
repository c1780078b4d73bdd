"""What a finding's own JSON says to people: ASFF, OCSF or Access Analyzer's, anything in any place.

Pure. What is missing, or is something else than it should be, reads as nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from inventory import links

MAX_TEXT: Final = 4000
MAX_TAGS: Final = 50
# What Inspector writes where it has no advice.
_NO_ADVICE: Final = frozenset({"none provided", "none provided."})


@dataclass(frozen=True, slots=True)
class Package:
    """A package that a vulnerability is in; `fixed_in` is "" where the product names no version."""

    name: str
    version: str
    fixed_in: str


@dataclass(frozen=True, slots=True)
class Said:
    """The product's own words, "" where it says nothing; `url` is http or https, or "".

    `packages` are by CVE.
    """

    description: str
    remediation_text: str
    remediation_url: str
    tags: tuple[tuple[str, str], ...]
    packages: Mapping[str, tuple[Package, ...]]


def read(payload: Any) -> Said:  # AWS's JSON: any shape
    """The words of a payload; of none at all where it was removed or says nothing."""
    urls = (
        text(payload, "Remediation", "Recommendation", "Url"),
        *(item for item in _items(payload, "remediation", "references") if isinstance(item, str)),
    )
    advice = text(payload, "Remediation", "Recommendation", "Text") or text(
        payload, "remediation", "desc"
    )
    return Said(
        description=_cut(
            text(payload, "Description")
            or text(payload, "finding_info", "desc")
            or _grants(payload)
        ),
        remediation_text="" if advice.strip().casefold() in _NO_ADVICE else _cut(advice),
        remediation_url=next((url for url in urls if links.is_web_link(url)), ""),
        tags=_tags(payload),
        packages=_packages(payload),
    )


def text(value: Any, *path: str) -> str:
    """A text inside the JSON, "" where anything on the way is missing or something else."""
    found = _at(value, *path)
    return found if isinstance(found, str) else ""


def _at(value: Any, *path: str) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _items(value: Any, *path: str) -> list[Any]:
    found = _at(value, *path)
    return found if isinstance(found, list) else []


def _cut(words: str) -> str:
    return words if len(words) <= MAX_TEXT else f"{words[:MAX_TEXT]}…"


def _grants(payload: Any) -> str:
    """What Access Analyzer found, in words: who from outside may do what."""
    if error := text(payload, "error"):
        return f"Access Analyzer could not analyse the resource: {error}."
    sentences = []
    for row in _items(payload, "findingDetails"):
        details = _at(row, "externalAccessDetails")
        if not isinstance(details, Mapping):
            continue
        principals = _at(details, "principal")
        named = sorted(principals.items()) if isinstance(principals, Mapping) else []
        who = ", ".join("anybody" if name == "*" else f"{kind} {name}" for kind, name in named)
        actions = ", ".join(str(action) for action in _items(details, "action"))
        sentences.append(f"{who or 'Somebody outside'} may do {actions or 'something'}.")
    joined = " ".join(sentences)
    return joined[:1].upper() + joined[1:]


def _tags(payload: Any) -> tuple[tuple[str, str], ...]:
    """Tags of the first resource, by name."""
    first = next(iter(_items(payload, "Resources") or _items(payload, "resources")), None)
    pairs: list[tuple[str, str]] = []
    marked = _at(first, "Tags")
    if isinstance(marked, Mapping):
        pairs = [(str(name), str(value)) for name, value in marked.items()]
    for tag in _items(first, "tags"):
        if name := text(tag, "name") or text(tag, "key"):
            pairs.append((name, text(tag, "value")))
    return tuple(sorted(pairs)[:MAX_TAGS])


def _packages(payload: Any) -> dict[str, tuple[Package, ...]]:
    found: dict[str, tuple[Package, ...]] = {}
    for row in _items(payload, "Vulnerabilities"):
        found[text(row, "Id")] = tuple(
            Package(text(one, "Name"), text(one, "Version"), text(one, "FixedInVersion"))
            for one in _items(row, "VulnerablePackages")
        )
    for row in _items(payload, "vulnerabilities"):
        found[text(row, "cve", "uid")] = tuple(
            Package(text(one, "name"), text(one, "version"), text(one, "fixed_in_version"))
            for one in _items(row, "affected_packages")
        )
    return found
