"""Many invariants in few policies: a root takes ten SCPs, and a catalogue has more.

Denies are alternatives, so that statements may move from one policy into another of the same type and
the same targets without a request being decided otherwise. Policies that set values may share one
policy as long as no two set the same name.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from invariants import engine
from invariants.catalog import AUTHORISATION_TYPES
from invariants.exports.documents import MAX_DESCRIPTION, Document
from invariants.lint import limits


@dataclass(slots=True)
class _Bin:
    """Documents that share one policy, and the policy so far."""

    policy: dict[str, Any]
    documents: list[Document] = field(default_factory=list)


def pack(documents: Sequence[Document]) -> tuple[Document, ...]:
    """Put documents of the same type and targets together, within the size of their type.

    What stands alone stays as it is. The ids of the invariants of a packed policy are in its
    description, as far as AWS lets it be long, and its statements keep their Sids.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[Document]] = {}
    for document in documents:
        groups.setdefault((document.type, document.targets), []).append(document)
    return tuple(packed for group in groups.values() for packed in _packed(group))


def _packed(group: Sequence[Document]) -> Iterator[Document]:
    limit = limits.current_limits().of(group[0].type).characters
    bins: list[_Bin] = []
    # The largest first: what is left over fills the gaps.
    for document in sorted(group, key=lambda d: (-len(d.content), d.invariant_id)):
        policy = json.loads(document.content)
        for one in bins:
            joined = _joined(one.policy, policy, document.type)
            if joined is not None and (limit is None or engine.minified_size(joined) <= limit):
                one.policy = joined
                one.documents.append(document)
                break
        else:
            bins.append(_Bin(policy, [document]))
    return (_document(one, number) for number, one in enumerate(bins, start=1))


def _joined(
    first: Mapping[str, Any], second: Mapping[str, Any], policy_type: str
) -> dict[str, Any] | None:
    """Both policies as one; None where that would change what they say."""
    if policy_type not in AUTHORISATION_TYPES:
        return _settings(first, second)
    if first.get("Version") != second.get("Version"):
        return None
    statements = [*_statements(first), *_statements(second)]
    sids = [statement["Sid"] for statement in statements if "Sid" in statement]
    denies = all(statement["Effect"] == "Deny" for statement in statements)
    if not denies or len(set(sids)) < len(sids):
        return None
    return {"Version": first["Version"], "Statement": statements}


def _statements(policy: Mapping[str, Any]) -> list[Any]:
    found = policy["Statement"]
    return found if isinstance(found, list) else [found]


def _settings(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any] | None:
    joined = dict(first)
    for name, value in second.items():
        if name not in joined:
            joined[name] = value
        elif isinstance(joined[name], dict) and isinstance(value, dict) and name[:2] != "@@":
            below = _settings(joined[name], value)
            if below is None:
                return None
            joined[name] = below
        else:
            return None
    return joined


def _document(one: _Bin, number: int) -> Document:
    if len(one.documents) == 1:
        return one.documents[0]
    documents = sorted(one.documents, key=lambda d: d.invariant_id)
    kind = documents[0].type.lower().replace("_", "-")
    where = "-".join(documents[0].targets).lower().replace(" ", "-").replace("/", "-")
    ids = ", ".join(document.invariant_id for document in documents)
    name = f"{kind}-{where}-{number}"[:128]
    return Document(
        invariant_id=name,
        name=name,
        description=ids if len(ids) <= MAX_DESCRIPTION else f"{ids[: MAX_DESCRIPTION - 1]}…",
        type=documents[0].type,
        content=engine.minified(one.policy),
        targets=documents[0].targets,
    )
