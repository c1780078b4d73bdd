"""Rules of grammar and spelling."""

import re
from collections.abc import Iterator
from typing import Any, Final

from invariants import engine
from invariants.engine.reading import within
from invariants.lint import actions
from invariants.lint.rules import (
    GLOBAL_KEYS,
    OPERATORS,
    RCP_SYNTAX,
    SCP_SYNTAX,
    VARIABLES,
    Hit,
    Severity,
    Subject,
    rule,
)

_SCP: Final = "SERVICE_CONTROL_POLICY"
_RCP: Final = "RESOURCE_CONTROL_POLICY"
_AUTHORISATION: Final = frozenset({_SCP, _RCP, "PERMISSIONS_BOUNDARY"})
_VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
# As published policies write what the reader has to put in: {{a}}, <my-org-id>, {region-1}, [ROLE].
_TO_FILL_IN: Final = re.compile(
    r"\{\{[^}]*\}\}|<[A-Za-z][\w .-]*>|(?<![${])\{[A-Za-z][\w-]*\}|\[[A-Z][A-Z_]+\]"
    r"|\b(?:ACCOUNT|ORG)[_-]?ID\b"
)


def is_authorisation(policy_type: str) -> bool:
    return policy_type in _AUTHORISATION


@rule(
    "syntax",
    Severity.ERROR,
    explanation="AWS refuses the policy, so nothing of it is in force.",
    fix="Correct what the message names.",
    page="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html",
    is_management=True,
)
def syntax(subject: Subject) -> Iterator[Hit]:
    try:
        if is_authorisation(subject.policy_type):
            engine.parse(subject.document, grammar=engine.Grammar.ANY)
        else:
            engine.parse_management(subject.document)
    except engine.PolicySyntaxError as error:
        yield Hit(error.path, error.problem)


def _grammar(subject: Subject, policy_type: str, grammar: engine.Grammar) -> Iterator[Hit]:
    """What a layer's own grammar refuses of a policy that is one by the language's."""
    if subject.policy_type != policy_type or any(syntax(subject)):
        return
    try:
        engine.parse(subject.document, grammar=grammar)
    except engine.PolicySyntaxError as error:
        yield Hit(error.path, error.problem)


@rule(
    "scp-grammar",
    Severity.ERROR,
    explanation="An SCP has no Principal: it is about all principals of the accounts below it.",
    fix="Name principals by the condition key aws:PrincipalArn.",
    page=SCP_SYNTAX,
)
def scp_grammar(subject: Subject) -> Iterator[Hit]:
    yield from _grammar(subject, _SCP, engine.Grammar.SCP)


@rule(
    "rcp-grammar",
    Severity.ERROR,
    explanation=(
        "An RCP only denies, its Principal is *, and it has neither NotPrincipal nor NotAction nor a "
        "bare * as its Action."
    ),
    fix="Name the services in Action (s3:*), and the principals by condition keys.",
    page=RCP_SYNTAX,
)
def rcp_grammar(subject: Subject) -> Iterator[Hit]:
    yield from _grammar(subject, _RCP, engine.Grammar.RCP)


@rule(
    "old-version",
    Severity.ERROR,
    explanation="Without Version 2012-10-17 a variable ${…} is taken for literal text.",
    fix='Write "Version": "2012-10-17".',
    page="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html",
)
def old_version(subject: Subject) -> Iterator[Hit]:
    if subject.document.get("Version") != engine.VERSION:
        uses = any("${" in text for _, text in _texts(subject.document, "$"))
        what = "its variables are not replaced" if uses else "new elements are not understood"
        yield Hit("$.Version", f"The version is not {engine.VERSION}, so {what}")


@rule(
    "operator-spelling",
    Severity.ERROR,
    explanation="AWS documents one spelling of each operator; another may be refused or ignored.",
    fix="Use AWS's spelling.",
    page=OPERATORS,
)
def operator_spelling(subject: Subject) -> Iterator[Hit]:
    seen = {
        clause.written: clause
        for view in subject.views
        for clause in view.clauses
        if clause.operator and clause.operator.name != clause.written
    }
    for clause in seen.values():
        assert clause.operator
        path = clause.path.removesuffix(f".{clause.key}")
        yield Hit(path, f'"{clause.written}" is written {clause.operator.name}')


@rule(
    "key-spelling",
    Severity.NOTICE,
    explanation="Keys are compared in any case, but people search for AWS's spelling.",
    fix="Use AWS's spelling.",
    page=GLOBAL_KEYS,
)
def key_spelling(subject: Subject) -> Iterator[Hit]:
    for view in subject.views:
        for clause in view.clauses:
            right = actions.spelling(clause.key)
            if right is not None and right != clause.key:
                yield Hit(clause.path, f'"{clause.key}" is written {right}')


@rule(
    "key-unknown",
    Severity.WARNING,
    explanation=(
        "If no request carries the key, a negated operator fires always and any other never. Keys that AWS "
        "has added since its tables were last read are reported too."
    ),
    fix="Look the key up in AWS's tables of the service.",
    page=GLOBAL_KEYS,
)
def key_unknown(subject: Subject) -> Iterator[Hit]:
    for view in subject.views:
        for clause in view.clauses:
            if not actions.is_known_key(clause.key):
                yield Hit(clause.path, f'AWS has no condition key "{clause.key}"')


@rule(
    "placeholder",
    Severity.ERROR,
    explanation=(
        "${Account} is no placeholder to AWS but a variable without a value: in Resource it matches "
        "nothing, and under a negated operator it is true for everybody."
    ),
    fix="Write the value, or * for the account part of an ARN.",
    page=VARIABLES,
    is_management=True,
)
def placeholder(subject: Subject) -> Iterator[Hit]:
    for path, text in _texts(subject.document, "$"):
        for name in _VARIABLE.findall(text):
            key = name.split(",")[0].strip()
            if key not in ("*", "?", "$") and (":" not in key or not actions.is_known_key(key)):
                yield Hit(path, f"${{{name}}} is no variable that AWS knows")
        for left in _TO_FILL_IN.findall(text):
            yield Hit(path, f"{left} is still to be filled in")


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            below = within(path, str(name))
            yield below, str(name)
            yield from _texts(item, below)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _texts(item, f"{path}[{number}]")
