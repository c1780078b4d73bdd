"""What is exported of an invariant: its name and description in AWS, and its text."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from invariants import engine
from invariants.catalog import BOUNDARY, AccountRole, Invariant

# https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreatePolicy.html
MAX_NAME: Final = 128
MAX_DESCRIPTION: Final = 512
_WORD_ENDS: Final = re.compile(r"[^A-Za-z0-9]+")


class NotExportable(ValueError):
    """The invariant is no policy that AWS Organizations takes, or has no text."""


@dataclass(frozen=True, slots=True)
class Document:
    """One policy, ready for AWS Organizations: `content` is JSON without white space. `targets` are
    names of OUs for a person to map to ids: "Root", a path, or the role of an OU."""

    invariant_id: str
    name: str
    description: str
    type: str
    content: str
    targets: tuple[str, ...]

    @property
    def identifier(self) -> str:
        """The id as Terraform takes it: s3_bpa."""
        return self.invariant_id.replace("-", "_")

    @property
    def logical_id(self) -> str:
        """The id as CloudFormation takes it: S3Bpa."""
        return "".join(part.capitalize() for part in _WORD_ENDS.split(self.invariant_id))


def document(invariant: Invariant, *, left_as_examples: Collection[str]) -> Document:
    """What AWS Organizations gets of an invariant.

    `left_as_examples` is what the catalogue says of it: parameters that nobody has set.

    :raises NotExportable: where there are any, since the policy would name strangers; and for a
        permissions boundary, which is no policy of an organisation.
    """
    if left_as_examples:
        names = ", ".join(sorted(left_as_examples))
        raise NotExportable(f"{invariant.id} still has example values: set {names}")
    if invariant.type == BOUNDARY:
        raise NotExportable(f"{invariant.id} is a permissions boundary: export its JSON alone")
    return Document(
        invariant_id=invariant.id,
        name=invariant.id[:MAX_NAME],
        description=_cut(invariant.statement.sentence),
        type=invariant.type,
        content=policy_json(invariant),
        targets=targets(invariant),
    )


def policy_json(invariant: Invariant, *, indent: int | None = None) -> str:
    """The policy as JSON: without white space for AWS, which counts it, or indented for people."""
    if indent is None:
        return engine.minified(invariant.policy)
    return json.dumps(invariant.policy, indent=indent, ensure_ascii=False) + "\n"


def targets(invariant: Invariant) -> tuple[str, ...]:
    """Names of what the policy is to be attached to, in the order of the file."""
    found = invariant.targets
    root = ("Root",) if found.root else ()
    roles = tuple(_role(role) for role in found.ou_roles)
    return tuple(dict.fromkeys((*root, *roles, *found.ous, *found.accounts)))


def _role(role: AccountRole) -> str:
    return role.value.replace("_", " ").title()


def _cut(text: str) -> str:
    return text if len(text) <= MAX_DESCRIPTION else f"{text[: MAX_DESCRIPTION - 1]}…"
