"""A policy that is attached in AWS, adopted as an invariant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from invariants import engine
from invariants.catalog.yaml_tree import Data
from invariants.engine.reading import read
from invariants.imports.drafts import Adopted, Draft, NotImportable, draft


@dataclass(frozen=True, slots=True)
class Attachment:
    """Where a policy hangs: the root, an OU by its path of names ("Workloads/Prod"), or an account."""

    is_root: bool = False
    ou: str = ""
    account_id: str = ""


def from_attached(
    *,
    name: str,
    description: str,
    policy_type: str,
    content: str,
    attachments: Sequence[Attachment],
    taken: Sequence[str] = (),
) -> Draft:
    """Adopt a policy as DescribePolicy and ListTargetsForPolicy tell of it.

    `policy_type` is AWS's; `taken` are ids of invariants that there are.

    :raises NotImportable: for a text that is no policy of that type.
    """
    try:
        policy: Mapping[str, Any] = read(content)
    except engine.PolicySyntaxError as error:
        raise NotImportable(f"{name}: {error}") from error
    adopted = Adopted(name, description, policy_type, policy, _targets(attachments))
    return draft(adopted, taken=taken)


def _targets(attachments: Sequence[Attachment]) -> Mapping[str, Data]:
    ous = sorted({a.ou for a in attachments if a.ou})
    accounts = sorted({a.account_id for a in attachments if a.account_id})
    found: dict[str, Data] = {"root": True} if any(a.is_root for a in attachments) else {}
    return found | ({"ous": ous} if ous else {}) | ({"accounts": accounts} if accounts else {})
