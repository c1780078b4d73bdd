"""Rules that ask AWS's own tables of actions."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from invariants import engine
from invariants.lint import actions
from invariants.lint.actions import Action
from invariants.lint.rules import ACTION_TABLES, ORGANIZATIONS, Hit, Severity, Subject, rule
from invariants.lint.statements import Clause, View

_RCP: Final = "RESOURCE_CONTROL_POLICY"
_BY_TAG: Final = re.compile(r"aws:(requesttag|resourcetag)/|aws:tagkeys\Z")
# Calls that switch a protection on as well as off: to deny them keeps it as it is, off included.
_SWITCHES: Final = {
    "guardduty:updatedetector": "the only call that enables features of GuardDuty",
    "guardduty:updatememberdetectors": "the call that enables features for members",
}


def _is_pattern(name: str) -> bool:
    return "*" in name or "?" in name


@rule(
    "action-unknown",
    Severity.ERROR,
    explanation="AWS has no such action: the line is dead, and whatever was meant is not covered.",
    fix="Look the action up in AWS's tables of the service.",
    page=ACTION_TABLES,
)
def action_unknown(subject: Subject) -> Iterator[Hit]:
    yield from _unknown(view for view in subject.views if not view.is_not_action)


@rule(
    "not-action-unknown",
    Severity.NOTICE,
    explanation="AWS has no such action (any more), so that nothing is spared by it.",
    fix="Remove it, or look the action up in AWS's tables of the service.",
    page=ACTION_TABLES,
)
def not_action_unknown(subject: Subject) -> Iterator[Hit]:
    yield from _unknown(view for view in subject.views if view.is_not_action)


def _unknown(views: Iterable[View]) -> Iterator[Hit]:
    for view in views:
        for name in view.actions:
            if name != "*" and not actions.matching(name):
                yield Hit(view.action_path, f'No action of AWS is called "{name}"')


@rule(
    "key-not-for-action",
    Severity.ERROR,
    explanation=(
        "A request without the key: under a negated operator the Deny is unconditional for that action, "
        "under any other it never fires."
    ),
    fix="Move the action to a statement without this condition.",
    page=ACTION_TABLES,
)
def key_not_for_action(subject: Subject) -> Iterator[Hit]:
    for view in subject.denies:
        if view.is_not_action:
            continue
        for clause in view.clauses:
            yield from _without_key(view, clause)


def _without_key(view: View, clause: Clause) -> Iterator[Hit]:
    if clause.name.startswith("aws:") and not _BY_TAG.match(clause.name):
        return
    for name in view.actions:
        found = actions.matching(name)
        # A pattern takes in what it takes in; it is wrong only where no action of it has the key.
        if found and not any(actions.has_key(action, clause.key) for action in found):
            yield Hit(clause.path, f"{name} has no {clause.key}, so the Deny {_effect(clause)}")


def _effect(clause: Clause) -> str:
    asks_absence = clause.base == "Null" and "true" in clause.values
    if_exists = clause.operator is not None and clause.operator.if_exists
    is_always = clause.is_negated or asks_absence or if_exists
    return "is unconditional for it" if is_always else "never fires for it"


@rule(
    "action-without-resource",
    Severity.ERROR,
    explanation=(
        "The action knows no resources and is decided on *: an ARN in Resource never matches it, one in "
        "NotResource always does."
    ),
    fix='Move the action to a statement with "Resource": "*".',
    page=ACTION_TABLES,
)
def action_without_resource(subject: Subject) -> Iterator[Hit]:
    for view in subject.denies:
        if view.is_not_action or "*" in view.resources or not view.resources:
            continue
        for name in view.actions:
            found = actions.matching(name)
            if found and not any(action.has_resources for action in found):
                outcome = "always denied" if view.is_not_resource else "never denied"
                yield Hit(view.resource_path, f"{name} has no resources and is {outcome}")


@rule(
    "resource-of-other-service",
    Severity.ERROR,
    explanation="No resource of the action has such an ARN, so the statement never applies to it.",
    fix="Write the ARN of a resource that the action works on.",
    page=ACTION_TABLES,
)
def resource_of_other_service(subject: Subject) -> Iterator[Hit]:
    for view in subject.denies:
        if view.is_not_action or view.is_not_resource or "*" in view.resources:
            continue
        for name in view.actions:
            found = [action for action in actions.matching(name) if action.has_resources]
            if found and not any(_fits(arn, action) for action in found for arn in view.resources):
                yield Hit(view.resource_path, f"{name} works on no such resource")


def _fits(arn: str, action: Action) -> bool:
    """Whether both patterns may mean the same resource: service and first word of the rest."""
    mine = arn.split(":", 5)
    if len(mine) < 6 or _is_pattern(mine[2]):
        return True
    return any(_same(mine, pattern.split(":", 5)) for pattern in action.resources)


def _same(mine: list[str], theirs: list[str]) -> bool:
    if len(theirs) < 6 or theirs[2] not in (mine[2], "*"):
        return False
    kind, other = (re.split(r"[:/]", part[5], maxsplit=1)[0] for part in (mine, theirs))
    return _is_pattern(kind) or _is_pattern(other) or kind == other


@rule(
    "rcp-unsupported-service",
    Severity.ERROR,
    explanation="RCPs reach the services on AWS's list only: of this one nothing is denied.",
    fix="Use an SCP, or the resource's own policy.",
    page=f"{ORGANIZATIONS}/orgs_manage_policies_rcps.html#rcp-supported-services",
)
def rcp_unsupported_service(subject: Subject) -> Iterator[Hit]:
    if subject.policy_type != _RCP:
        return
    supported = engine.rcp_services()
    for view in subject.denies:
        for name in view.actions:
            service = name.partition(":")[0].lower()
            if service not in supported.prefixes and not _is_pattern(service):
                what = f"{service} was not on AWS's list of {supported.as_of}"
                yield Hit(view.action_path, what)


@rule(
    "denies-switching-on",
    Severity.WARNING,
    explanation="The same call switches the protection on, so that nobody can improve it either.",
    fix="Leave the action out, or exempt the roles that enable features.",
    page="https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UpdateDetector.html",
)
def denies_switching_on(subject: Subject) -> Iterator[Hit]:
    for view in subject.denies:
        if view.is_not_action or any(clause.is_negated for clause in view.clauses):
            continue
        for action in actions.expand(view.actions):
            if (why := _SWITCHES.get(action.name.lower())) is not None:
                yield Hit(view.action_path, f"{action.name} is {why}")
