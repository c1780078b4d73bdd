"""An organisation as coverage is decided on it: its tree, its policies, and what is attached where."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from invariants.policies.exceptions.fitting import Asked

ROOT: Final = "ROOT"
OU: Final = "OU"
ACCOUNT: Final = "ACCOUNT"


@dataclass(frozen=True, slots=True)
class Node:
    """The root, an OU or an account. `role` is an OU's, of an account that of its OU; `state` is AWS's
    word for an account's."""

    id: str
    name: str
    kind: str
    parent_id: str | None = None
    role: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A policy as it stands in AWS. `content` None: nobody could read it. `pk` None: it is only thought of."""

    id: str
    name: str
    type: str
    content: str | None
    pk: int | None = None
    is_aws_managed: bool = False

    @property
    def is_kept_by_aws(self) -> bool:
        """Whether AWS keeps it, for all its customers or by Control Tower.

        https://docs.aws.amazon.com/controltower/latest/controlreference/controls.html
        """
        return self.is_aws_managed or self.name.startswith("aws-guardrails-")


@dataclass(frozen=True, slots=True)
class Attachment:
    policy_id: str
    target_id: str


@dataclass(frozen=True, slots=True)
class World:
    """`attachments` are those in force, in the order in which they were made: of several management
    policies at one level the first counts. `nodes` and `policies` are by AWS's ids. `approved` are the
    exceptions in force."""

    org_id: str
    root_id: str
    management_account_id: str
    enabled_types: frozenset[str]
    nodes: Mapping[str, Node]
    policies: Mapping[str, PolicyText]
    attachments: tuple[Attachment, ...]
    approved: tuple[Asked, ...] = ()

    @property
    def accounts(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes.values() if node.kind == ACCOUNT)

    def way(self, account_id: str) -> tuple[str, ...]:
        """The ids from the root down to the OU that holds the account, without the account itself."""
        found: list[str] = []
        node_id = self.nodes[account_id].parent_id
        while node_id is not None:
            found.append(node_id)
            node_id = self.nodes[node_id].parent_id
        return tuple(reversed(found))
