"""Rules of conditions: operators, sets, keys that are not there."""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from invariants import engine
from invariants.lint import actions
from invariants.lint.rules import (
    GLOBAL_KEYS,
    OPERATORS,
    SET_OPERATORS,
    Hit,
    Severity,
    Subject,
    rule,
)
from invariants.lint.statements import Clause, View

_EQUALS: Final = frozenset(
    {"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"}
)
# Requests really say "*" here, for everybody.
_LITERAL_STAR: Final = frozenset({"lambda:principal", "ec2:add/group", "ec2:remove/group"})
# What says who somebody is, and what says from where or how they come: exemptions of both kinds are
# nearly always meant together.
_WHO: Final = ("aws:principalarn", "aws:principaltag/", "aws:userid", "aws:username")
_FROM: Final = (
    "aws:sourceip",
    "aws:vpcsourceip",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:multifactorauthpresent",
    "aws:currenttime",
)


def _clauses(subject: Subject) -> Iterator[tuple[View, Clause]]:
    return ((view, clause) for view in subject.views for clause in view.clauses)


@rule(
    "wildcard-in-equals",
    Severity.ERROR,
    explanation="StringEquals takes * and ? as they stand, so that the value matches nothing real.",
    fix="Use StringLike or StringNotLike, or Null to ask whether the key is there.",
    page=OPERATORS,
)
def wildcard_in_equals(subject: Subject) -> Iterator[Hit]:
    for _, clause in _clauses(subject):
        if clause.base not in _EQUALS or clause.name in _LITERAL_STAR:
            continue
        for value in clause.values:
            plain = value.replace("${*}", "").replace("${?}", "")
            if "*" in plain or "?" in plain:
                yield Hit(clause.path, f'{clause.written} compares "{value}" literally')


@rule(
    "if-exists-on-negated",
    Severity.NOTICE,
    explanation="A negated operator is true of an absent key anyway: IfExists changes nothing here.",
    fix="Leave IfExists out, or add Null to let requests without the key through.",
    page=OPERATORS,
)
def if_exists_on_negated(subject: Subject) -> Iterator[Hit]:
    for _, clause in _clauses(subject):
        if clause.operator and clause.is_negated and clause.operator.if_exists:
            yield Hit(clause.path, f"{clause.written} does the same without IfExists")


@rule(
    "set-operator-on-single",
    Severity.WARNING,
    explanation="ForAllValues and ForAnyValue are for keys with several values; AWS warns of any other.",
    fix="Use the plain operator.",
    page=SET_OPERATORS,
)
def set_operator_on_single(subject: Subject) -> Iterator[Hit]:
    for _, clause in _clauses(subject):
        if clause.operator and clause.operator.quantifier and _is_single(clause.key):
            yield Hit(clause.path, f"{clause.key} has one value, and {clause.written} is for sets")


def _is_single(key: str) -> bool:
    return actions.is_multivalued(key) is False


@rule(
    "set-operator-missing",
    Severity.ERROR,
    explanation="A key with several values cannot be compared as one: the result is not defined.",
    fix="Say ForAnyValue: or ForAllValues:.",
    page=SET_OPERATORS,
)
def set_operator_missing(subject: Subject) -> Iterator[Hit]:
    for _, clause in _clauses(subject):
        operator = clause.operator
        if operator is None or operator.quantifier or operator.base is engine.Base.NULL:
            continue
        if actions.is_multivalued(clause.key):
            yield Hit(clause.path, f"{clause.key} may have several values")


@rule(
    "for-all-without-null",
    Severity.WARNING,
    explanation="ForAllValues is true of a request without the key, so that the Deny fires there too.",
    fix='Add "Null": {key: "false"}, or use ForAnyValue.',
    page=SET_OPERATORS,
)
def for_all_without_null(subject: Subject) -> Iterator[Hit]:
    for view in subject.denies:
        for clause in view.clauses:
            is_all = clause.operator and clause.operator.quantifier is engine.Quantifier.ALL
            if is_all and not view.has_null(clause.key, "false"):
                yield Hit(clause.path, f"It is true where {clause.key} is absent")


@rule(
    "for-any-if-exists",
    Severity.WARNING,
    explanation="What ForAnyValue with IfExists says of an absent key AWS does not document.",
    fix="Leave IfExists out, and say with Null what holds for an absent key.",
    page=SET_OPERATORS,
)
def for_any_if_exists(subject: Subject) -> Iterator[Hit]:
    for _, clause in _clauses(subject):
        operator = clause.operator
        if operator and operator.quantifier is engine.Quantifier.ANY and operator.if_exists:
            yield Hit(clause.path, f"{clause.written} on an absent key is not documented")


@rule(
    "mfa-without-if-exists",
    Severity.WARNING,
    explanation=(
        "Requests with long-term keys do not carry aws:MultiFactorAuthPresent, and a plain Bool does "
        "not fire without it."
    ),
    fix="Use BoolIfExists.",
    page=GLOBAL_KEYS,
)
def mfa_without_if_exists(subject: Subject) -> Iterator[Hit]:
    for view in subject.denies:
        for clause in view.clauses:
            if clause.name == "aws:multifactorauthpresent" and clause.written == "Bool":
                yield Hit(clause.path, "A request with long-term keys is not denied")


@rule(
    "bool-without-if-exists",
    Severity.NOTICE,
    explanation=(
        "Keys of a service come from the parameters of a request. Where a parameter is left out the key "
        "is absent, and a plain Bool does not deny."
    ),
    fix="Use BoolIfExists; or waive this with a reason if the service fills the key in.",
    page=OPERATORS,
)
def bool_without_if_exists(subject: Subject) -> Iterator[Hit]:
    for view in subject.denies:
        for clause in view.clauses:
            if clause.written == "Bool" and not clause.name.startswith("aws:"):
                yield Hit(clause.path, f"Requests without {clause.key} are not denied")


@rule(
    "absent-parameter",
    Severity.NOTICE,
    explanation=(
        "Keys of a service come from the parameters of a request. Where a parameter is left out the key "
        "is absent, and a negated operator denies."
    ),
    fix='Add "Null": {key: "false"} if leaving it out is fine; if not, waive this with a reason.',
    page=OPERATORS,
)
def absent_parameter(subject: Subject) -> Iterator[Hit]:
    for view in subject.denies:
        for clause in view.negated():
            prefix = clause.name.partition(":")[0]
            if prefix == "aws" or "." in prefix or view.has_null(clause.key, "false"):
                continue
            yield Hit(clause.path, f"Requests without {clause.key} are denied")


@rule(
    "either-exemption",
    Severity.WARNING,
    explanation=(
        "Conditions are ANDed, so the Deny fires only where no exemption applies: whoever is exempt is so "
        "from anywhere, and from there everybody is exempt."
    ),
    fix="Write two statements if both are to be demanded.",
    page="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html",
)
def either_exemption(subject: Subject) -> Iterator[Hit]:
    for view in subject.denies:
        exempt = list(view.negated())
        who = [clause for clause in exempt if clause.name.startswith(_WHO)]
        where = [clause for clause in exempt if clause.name.startswith(_FROM)]
        # Several networks in one Deny are a perimeter, from which people are exempt on purpose.
        if who and len(where) == 1:
            what = f"Either {who[0].key} or {where[0].key} is enough to be let through"
            yield Hit(where[0].path, what)


@rule(
    "split-exemption",
    Severity.WARNING,
    explanation=(
        "Statements are ORed: each of two Denies exempts its own list, so that only what is in both lists "
        "gets through."
    ),
    fix="Put both lists into one statement.",
    page="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html",
)
def split_exemption(subject: Subject) -> Iterator[Hit]:
    for first, second in combinations(list(subject.denies), 2):
        if not _overlap(first, second):
            continue
        lists = {clause.name: set(clause.values) for clause in first.negated()}
        for clause in second.negated():
            other = lists.get(clause.name)
            if other is not None and other != set(clause.values):
                what = f"{first.sid or first.path} has another list for {clause.key}"
                yield Hit(clause.path, what)


def _overlap(first: View, second: View) -> bool:
    if first.is_not_action or second.is_not_action:
        return False
    if set(first.resources) != set(second.resources):
        return False
    mine, theirs = (
        {action.name.lower() for action in actions.expand(view.actions)} or set(view.actions)
        for view in (first, second)
    )
    return bool(mine & theirs) or "*" in first.actions or "*" in second.actions
