"""What a rule of the linter is, and all of them by id."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from invariants.lint.statements import View, views

IAM: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
ORGANIZATIONS: Final = "https://docs.aws.amazon.com/organizations/latest/userguide"
OPERATORS: Final = f"{IAM}/reference_policies_elements_condition_operators.html"
GLOBAL_KEYS: Final = f"{IAM}/reference_policies_condition-keys.html"
SET_OPERATORS: Final = (
    f"{IAM}/reference_policies_condition-single-vs-multi-valued-context-keys.html"
)
VARIABLES: Final = f"{IAM}/reference_policies_variables.html"
SCP_SYNTAX: Final = f"{ORGANIZATIONS}/orgs_manage_policies_scps_syntax.html"
RCP_SYNTAX: Final = f"{ORGANIZATIONS}/orgs_manage_policies_rcps_syntax.html"
RCP_EXAMPLES: Final = f"{ORGANIZATIONS}/orgs_manage_policies_rcps_examples.html"
ACTION_TABLES: Final = (
    "https://docs.aws.amazon.com/service-authorization/latest/reference/"
    "reference_policies_actions-resources-contextkeys.html"
)


class Severity(StrEnum):
    """ERROR: the policy does not do what it says. WARNING: it does more or less than most people
    read. NOTICE: right, and worth a thought."""

    ERROR = "ERROR"
    WARNING = "WARNING"
    NOTICE = "NOTICE"


@dataclass(frozen=True, slots=True)
class Guards:
    """What other policies of the organisation protect: `tags` are tag keys that only few may set,
    `roles` are ARNs of roles that only few may create, `principal_tags` are tag keys that only few may
    set on roles, users and sessions. All with wildcards."""

    tags: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    principal_tags: frozenset[str] = frozenset()

    def __or__(self, other: "Guards") -> "Guards":
        return Guards(
            self.tags | other.tags,
            self.roles | other.roles,
            self.principal_tags | other.principal_tags,
        )


@dataclass(frozen=True)
class Subject:
    """The policy that is being linted, and what is known around it."""

    document: Mapping[str, Any]
    policy_type: str
    guards: Guards

    @cached_property
    def views(self) -> tuple[View, ...]:
        return views(self.document)

    @property
    def denies(self) -> Iterator[View]:
        return (view for view in self.views if view.is_deny)


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a rule struck, as the engine writes paths ($.Statement[0].Action), and on what."""

    path: str
    message: str


Check: TypeAlias = Callable[[Subject], Iterator[Hit]]


@dataclass(frozen=True, slots=True)
class Rule:
    """`explanation` says what goes wrong, `fix` what to write instead, `page` is AWS's word for it.

    `is_management`: whether it reads policies that set values as well as those that decide requests.
    """

    id: str
    severity: Severity
    explanation: str
    fix: str
    page: str
    check: Check
    is_management: bool = False


_RULES: Final[dict[str, Rule]] = {}
RULES: Final[Mapping[str, Rule]] = MappingProxyType(_RULES)


def rule(
    rule_id: str,
    severity: Severity,
    *,
    explanation: str,
    fix: str,
    page: str,
    is_management: bool = False,
) -> Callable[[Check], Check]:
    """Register the decorated function as a rule."""

    def register(check: Check) -> Check:
        _RULES[rule_id] = Rule(rule_id, severity, explanation, fix, page, check, is_management)
        return check

    return register
