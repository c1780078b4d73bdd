"""Rules of exemptions: who gets through that should not, and who does not that should."""

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from invariants import engine
from invariants.lint.rules import (
    GLOBAL_KEYS,
    IAM,
    ORGANIZATIONS,
    RCP_EXAMPLES,
    Guards,
    Hit,
    Severity,
    Subject,
    rule,
)
from invariants.lint.statements import Clause, View, views

_RCP: Final = "RESOURCE_CONTROL_POLICY"
# Keys that an AWS service, as the caller, does not have, or not with our values.
_IDENTITY: Final = (
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principaltag/",
)
_TAG: Final = re.compile(r"[a-z0-9-]+:(?:principal|resource)tag/(.+)", re.IGNORECASE)
_OF_PRINCIPAL: Final = "aws:principaltag/"
# By which a principal comes to a tag; a role or user that is created with one takes the same right.
_TAGGING_PRINCIPALS: Final = ("iam:tagrole", "iam:taguser", "sts:tagsession")
_ROLE: Final = re.compile(r"arn:[^:]*:iam::([^:]*):role/(.+)", re.DOTALL)
# Paths and names under which AWS alone creates roles.
_AWS_ROLES: Final = ("aws-reserved/", "aws-service-role/")
# Services that answer in one Region for the whole world: a policy on Regions that leaves one of them
# out cuts people off from it wherever they are.
_GLOBAL: Final = (
    "budgets",
    "ce",
    "cloudfront",
    "globalaccelerator",
    "health",
    "iam",
    "organizations",
    "route53",
    "shield",
    "sts",
    "support",
    "trustedadvisor",
)


def guards_of(documents: Iterable[Mapping[str, Any]]) -> Guards:
    """What the policies of an organisation guard: tags that only few may set, roles that only few
    may create."""
    found = Guards()
    for document in documents:
        for view in views(document):
            if view.is_deny and not view.is_not_action:
                tags = _guarded_tags(view)
                of_principals = tags if _is_about_principals(view) else frozenset()
                found |= Guards(tags, _guarded_roles(view), of_principals)
    return found


def _guarded_tags(view: View) -> frozenset[str]:
    """A Deny of tagging with these keys, from which only named principals are exempt."""
    others = [c for c in view.clauses if c.name != "aws:tagkeys"]
    tags = frozenset(v for c in view.clauses if _names_tags(c) for v in c.values)
    is_tagging = any(action == "*" or "tag" in action.lower() for action in view.actions)
    return tags if is_tagging and _only_principals_exempt(others, tags) else frozenset()


def _is_about_principals(view: View) -> bool:
    """Whether it keeps tags from roles, users and sessions alike, wherever they are."""
    names = [action.lower() for action in view.actions]
    is_whole = "*" in view.resources and not view.is_not_resource
    return is_whole and all(
        any(fnmatchcase(action, name) for name in names) for action in _TAGGING_PRINCIPALS
    )


def _names_tags(clause: Clause) -> bool:
    """ForAllValues would let through whoever sets one more tag."""
    is_any = clause.operator and clause.operator.quantifier is engine.Quantifier.ANY
    return clause.name == "aws:tagkeys" and bool(is_any) and not clause.is_negated


def _guarded_roles(view: View) -> frozenset[str]:
    """A Deny of creating these roles, from which only named principals are exempt. One of every
    action says what an account may do, not who may create roles."""
    names = [action.lower() for action in view.actions if action != "*"]
    creates = any(fnmatchcase("iam:createrole", name) for name in names)
    if not creates or view.is_not_resource or not _only_principals_exempt(view.clauses):
        return frozenset()
    return frozenset(view.resources)


def _only_principals_exempt(clauses: Iterable[Clause], tags: frozenset[str] = frozenset()) -> bool:
    """By their ARN, or by a tag that is itself one of the guarded `tags`."""
    return all(clause.is_negated and _is_principal(clause, tags) for clause in clauses)


def _is_principal(clause: Clause, tags: frozenset[str]) -> bool:
    match = _TAG.fullmatch(clause.key)
    by_tag = clause.name.startswith("aws:principaltag/") and match
    return clause.name == "aws:principalarn" or bool(
        by_tag and any(fnmatchcase(by_tag[1], guard) for guard in tags)
    )


@rule(
    "rcp-without-service-carve-out",
    Severity.ERROR,
    explanation=(
        "RCPs bind AWS services too. They have no organisation and no role, and a negated operator is true "
        "of them: EC2 can no longer assume a service role, logs are no longer delivered."
    ),
    fix='Add "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}.',
    page=RCP_EXAMPLES,
)
def rcp_without_service_carve_out(subject: Subject) -> Iterator[Hit]:
    if subject.policy_type != _RCP:
        return
    for view in subject.denies:
        names = {clause.name for clause in view.clauses}
        by_identity = next((c for c in view.negated() if c.name.startswith(_IDENTITY)), None)
        if by_identity and "aws:principalisawsservice" not in names:
            yield Hit(by_identity.path, "AWS services as callers are denied")


@rule(
    "rcp-role-of-any-account",
    Severity.ERROR,
    explanation="In an RCP the caller may be anybody: a role of that name can be created in any account.",
    fix="Write the account into the ARN.",
    page=f"{ORGANIZATIONS}/orgs_manage_policies_rcps.html",
)
def rcp_role_of_any_account(subject: Subject) -> Iterator[Hit]:
    if subject.policy_type != _RCP:
        return
    for view in subject.denies:
        for clause, value, match in _exempt_roles(view):
            if "*" in match[1] or "?" in match[1]:
                yield Hit(clause.path, f'"{value}" exempts a role of every account in the world')


@rule(
    "role-name-wildcard",
    Severity.WARNING,
    explanation="An exemption by a pattern of names is open to whoever may create a role that fits it.",
    fix="Name the role, or deny iam:CreateRole on the pattern to everybody but the platform.",
    page=f"{IAM}/reference_policies_condition-keys.html#condition-keys-principalarn",
)
def role_name_wildcard(subject: Subject) -> Iterator[Hit]:
    guards = subject.guards | guards_of([subject.document])
    for view in subject.denies:
        for clause, value, match in _exempt_roles(view):
            name = match[2]
            if not any(star in name for star in "*?") or name.startswith(_AWS_ROLES):
                continue
            if not any(_covers(guarded, value) for guarded in guards.roles):
                yield Hit(
                    clause.path, f'Anybody who may create roles can create one like "{value}"'
                )


def _exempt_roles(view: View) -> Iterator[tuple[Clause, str, re.Match[str]]]:
    for clause in view.negated():
        if clause.name != "aws:principalarn":
            continue
        for value in clause.values:
            if match := _ROLE.fullmatch(value):
                yield clause, value, match


def _covers(guarded: str, value: str) -> bool:
    """Whether every role that `value` stands for is one that `guarded` stands for."""
    return guarded == "*" or fnmatchcase(value, guarded)


@rule(
    "session-arn",
    Severity.ERROR,
    explanation="aws:PrincipalArn is the ARN of the role, never that of its session: this matches nobody.",
    fix="Write arn:aws:iam::ACCOUNT:role/NAME, with the role's path.",
    page=f"{IAM}/reference_policies_condition-keys.html#condition-keys-principalarn",
)
def session_arn(subject: Subject) -> Iterator[Hit]:
    for view in subject.views:
        for clause in view.clauses:
            if clause.name != "aws:principalarn":
                continue
            for value in clause.values:
                if ":sts:" in value or ":assumed-role/" in value:
                    yield Hit(clause.path, f'"{value}" is the ARN of a session')


@rule(
    "unguarded-tag",
    Severity.WARNING,
    explanation="Whoever may set or remove the tag decides whether the Deny holds.",
    fix="Deny the setting of the tag (ForAnyValue on aws:TagKeys) to everybody but the platform.",
    page=f"{IAM}/access_tags.html",
)
def unguarded_tag(subject: Subject) -> Iterator[Hit]:
    guards = subject.guards | guards_of([subject.document])
    for view in subject.denies:
        for clause in view.clauses:
            match = _TAG.fullmatch(clause.key)
            of_principal = clause.name.startswith(_OF_PRINCIPAL)
            known = guards.principal_tags if of_principal else guards.tags
            if match and not any(fnmatchcase(match[1], guard) for guard in known):
                yield Hit(clause.path, f'Nothing guards the tag "{match[1]}"')


@rule(
    "region-without-global-services",
    Severity.ERROR,
    explanation=(
        "Services without a Region answer in us-east-1. A Deny by Region cuts people off from IAM, from "
        "support and from the bill."
    ),
    fix="Name these services in NotAction.",
    page=f"{GLOBAL_KEYS}#condition-keys-requestedregion",
)
def region_without_global_services(subject: Subject) -> Iterator[Hit]:
    for view in subject.denies:
        by_region = next((c for c in view.negated() if c.name == "aws:requestedregion"), None)
        if by_region is None or "us-east-1" in by_region.values:
            continue
        left_out = [name for name in _GLOBAL if not _is_spared(view, name)]
        if left_out:
            yield Hit(view.action_path, f"Denied outside the Regions: {', '.join(left_out)}")


def _is_spared(view: View, service: str) -> bool:
    names = [action.lower() for action in view.actions]
    named = any(fnmatchcase(f"{service}:anything", name) for name in names)
    return named if view.is_not_action else not named
