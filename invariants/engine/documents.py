"""A policy as it was written: frozen, typed, and without anything decided yet."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# AWS takes this for a policy that names none; variables are then literal text.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
OLD_VERSION: Final = "2008-10-17"
VERSION: Final = "2012-10-17"


class PolicySyntaxError(ValueError):
    """The text is no policy. `path` leads to the place, as in $.Statement[0].Action[2]."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class Effect(StrEnum):
    ALLOW = "Allow"
    DENY = "Deny"


class Quantifier(StrEnum):
    """The set operator before a condition operator."""

    NONE = ""
    ANY = "ForAnyValue"
    ALL = "ForAllValues"


class Base(StrEnum):
    """The condition operators of AWS, without set operator and IfExists."""

    STRING_EQUALS = "StringEquals"
    STRING_NOT_EQUALS = "StringNotEquals"
    STRING_EQUALS_IGNORE_CASE = "StringEqualsIgnoreCase"
    STRING_NOT_EQUALS_IGNORE_CASE = "StringNotEqualsIgnoreCase"
    STRING_LIKE = "StringLike"
    STRING_NOT_LIKE = "StringNotLike"
    NUMERIC_EQUALS = "NumericEquals"
    NUMERIC_NOT_EQUALS = "NumericNotEquals"
    NUMERIC_LESS_THAN = "NumericLessThan"
    NUMERIC_LESS_THAN_EQUALS = "NumericLessThanEquals"
    NUMERIC_GREATER_THAN = "NumericGreaterThan"
    NUMERIC_GREATER_THAN_EQUALS = "NumericGreaterThanEquals"
    DATE_EQUALS = "DateEquals"
    DATE_NOT_EQUALS = "DateNotEquals"
    DATE_LESS_THAN = "DateLessThan"
    DATE_LESS_THAN_EQUALS = "DateLessThanEquals"
    DATE_GREATER_THAN = "DateGreaterThan"
    DATE_GREATER_THAN_EQUALS = "DateGreaterThanEquals"
    BOOL = "Bool"
    BINARY_EQUALS = "BinaryEquals"
    IP_ADDRESS = "IpAddress"
    NOT_IP_ADDRESS = "NotIpAddress"
    ARN_EQUALS = "ArnEquals"
    ARN_LIKE = "ArnLike"
    ARN_NOT_EQUALS = "ArnNotEquals"
    ARN_NOT_LIKE = "ArnNotLike"
    NULL = "Null"

    @property
    def is_negated(self) -> bool:
        return "Not" in self.value

    @property
    def positive(self) -> "Base":
        """The operator that this one is the negation of, or itself."""
        return Base(self.value.replace("Not", "", 1)) if self.is_negated else self

    @property
    def takes_variables(self) -> bool:
        """As the page of condition operators says: string, ARN and Boolean ones do."""
        return self.value.startswith(("String", "Arn")) or self is Base.BOOL


_BASES: Final = {base.value.lower(): base for base in Base}
_QUANTIFIERS: Final = {quantifier.value.lower(): quantifier for quantifier in Quantifier}
_IF_EXISTS: Final = "ifexists"


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator in full; `written` is the spelling of the text, whose case may differ."""

    base: Base
    quantifier: Quantifier = Quantifier.NONE
    if_exists: bool = False
    written: str = ""

    @property
    def name(self) -> str:
        """AWS's own spelling."""
        head = f"{self.quantifier.value}:" if self.quantifier else ""
        return f"{head}{self.base.value}{'IfExists' if self.if_exists else ''}"

    @property
    def is_negated(self) -> bool:
        return self.base.is_negated


def operator(written: str) -> Operator:
    """Return the operator of that name in any case.

    :raises ValueError: where AWS has no such operator; Null takes neither IfExists nor a set operator.
    """
    head, colon, tail = written.lower().rpartition(":")
    if_exists = tail.endswith(_IF_EXISTS)
    base = _BASES.get(tail.removesuffix(_IF_EXISTS))
    quantifier = _QUANTIFIERS.get(head) if head or not colon else None
    if base is None or quantifier is None or (base is Base.NULL and (if_exists or quantifier)):
        raise ValueError(f"no condition operator is called {written[:80]!r}")
    return Operator(base, quantifier, if_exists, written)


@dataclass(frozen=True, slots=True)
class Names:
    """Action or Resource, or where `is_negated` NotAction or NotResource."""

    names: tuple[str, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Principals:
    """Principal or NotPrincipal: kinds (AWS, Service, Federated, CanonicalUser) with their values.

    The bare "*" is the kind "*" with the value "*".
    """

    by_kind: tuple[tuple[str, tuple[str, ...]], ...]
    is_negated: bool = False

    @property
    def is_everyone(self) -> bool:
        return any(kind in ("*", "AWS") and "*" in values for kind, values in self.by_kind)


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key: true where one of the values matches, or where negated, none."""

    operator: Operator
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """`resources` None: not named, which matches all. `principals` None: the same."""

    effect: Effect
    actions: Names
    resources: Names | None = None
    principals: Principals | None = None
    conditions: tuple[Condition, ...] = ()
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """`version` None: not named, which AWS takes for 2008-10-17."""

    statements: tuple[Statement, ...]
    version: str | None = None
    policy_id: str | None = None

    @property
    def has_variables(self) -> bool:
        """Whether ${...} is a variable in this policy, and not literal text."""
        return self.version == VERSION
