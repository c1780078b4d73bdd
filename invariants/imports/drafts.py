"""An invariant as a program can know it: a policy, where it is attached, and what its text implies.

A draft loads and shows, and nobody may rely on it: who it is for and why, a person has to write.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from invariants import engine
from invariants.catalog import AUTHORISATION_TYPES, TYPE_NAMES, type_name
from invariants.catalog.yaml_tree import Data
from invariants.imports.proposals import Proposal, propose

TO_WRITE: Final = "TO WRITE"
_NOT_ID: Final = re.compile(r"[^a-z0-9]+")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")


class NotImportable(ValueError):
    """What was given is no policy. The text says which one, and why."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A catalogue file to be: its id, its data in the order of the file, and what a person should
    know before they adopt it."""

    id: str
    data: Mapping[str, Data]
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        return f"{self.id}.yaml"

    @property
    def text(self) -> str:
        """The file, notes first as comments."""
        notes = "".join(f"# {note}\n" for note in self.notes)
        body = yaml.dump(
            dict(self.data), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100
        )
        return f"{notes}{body}"


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        """Values that stand twice are written twice: no anchors in a file for people."""
        return True


@dataclass(frozen=True, slots=True)
class Adopted:
    """A policy as it stands somewhere: in AWS, or in somebody's Terraform. `targets` as the catalogue
    writes them."""

    name: str
    description: str
    type: str
    policy: Mapping[str, Any]
    targets: Mapping[str, Data]


def draft(adopted: Adopted, *, taken: Sequence[str] = ()) -> Draft:
    """Adopt a policy as an invariant that is a draft.

    `taken` are ids that are in use. Probes are proposed from the policy where its text implies one.

    :raises NotImportable: for a policy that AWS would refuse.
    """
    invariant_id = _free(_id_of(adopted.name), taken)
    is_authorisation = adopted.type in AUTHORISATION_TYPES
    proposal = _proposal(adopted) if is_authorisation else Proposal()
    data: dict[str, Data] = {
        "id": invariant_id,
        "version": 1,
        "draft": True,
        "statement": _statement(adopted),
        "why": TO_WRITE,
        "type": adopted.type,
        "severity": "MEDIUM",
        "area": proposal.area,
        "owner": TO_WRITE,
        "targets": dict(adopted.targets),
        "policy": _plain(adopted.policy),
        "exceptions": list(proposal.exceptions),
        "detects": {},
        "replay": ["MANAGEMENT"] if is_authorisation else ["NONE"],
        "must_deny": list(proposal.must_deny),
        "must_allow": list(proposal.must_allow),
        "must_set": [] if is_authorisation else _settings(adopted),
        "loop": {
            "control": {"present": True, "reason": f"The policy {adopted.name}."},
            "monitor": {"present": False, "reason": TO_WRITE},
            "fix": {"present": False, "reason": TO_WRITE},
        },
    }
    # A file has to say that it knows no exceptions; tests that nobody has written are left out.
    written = {k: v for k, v in data.items() if v != [] or k == "exceptions"}
    return Draft(invariant_id, written, _notes(adopted, proposal))


def _proposal(adopted: Adopted) -> Proposal:
    try:
        policy = engine.parse(adopted.policy)
    except engine.PolicySyntaxError as error:
        raise NotImportable(f"{adopted.name}: {error}") from error
    return propose(policy, adopted.type)


def _settings(adopted: Adopted) -> list[Data]:
    try:
        effective = engine.effective_policy([[adopted.policy]])
    except engine.PolicySyntaxError as error:
        raise NotImportable(f"{adopted.name}: {error}") from error
    return [{"path": path, "value": value} for path, value in _leaves(effective, "")]


def _leaves(value: Data, path: str) -> list[tuple[str, Data]]:
    if not isinstance(value, Mapping):
        return [(path, value)]
    # A name with a dot cannot stand in a path of dots.
    below = [(name, item) for name, item in value.items() if "." not in name]
    return [leaf for name, item in below for leaf in _leaves(item, f"{path}.{name}".lstrip("."))]


def _statement(adopted: Adopted) -> dict[str, str]:
    what = adopted.description.strip().rstrip(".") or adopted.name
    return {"persona": TO_WRITE, "action": "is bound by", "resource": what}


def _notes(adopted: Adopted, proposal: Proposal) -> tuple[str, ...]:
    kind = type_name(adopted.type) if adopted.type in TYPE_NAMES else adopted.type
    head = (
        f"Draft from the {kind} {adopted.name!r}. Write what says {TO_WRITE}, then remove `draft`."
    )
    return (head, *proposal.notes)


def _id_of(name: str) -> str:
    spaced = _HUMP.sub("-", name).lower()
    words = _NOT_ID.sub("-", spaced).strip("-") or "policy"
    return words if words[0].isalpha() else f"policy-{words}"


def _free(wanted: str, taken: Sequence[str]) -> str:
    if wanted not in taken:
        return wanted
    number = next(n for n in range(2, len(taken) + 3) if f"{wanted}-{n}" not in taken)
    return f"{wanted}-{number}"


def _plain(value: Data) -> Data:
    """Text and numbers as Python's own, whatever the parser's classes."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
