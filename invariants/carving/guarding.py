"""A tag that exempts has to be guarded: whoever may set it decides whether the Deny holds."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Final

from invariants import engine, lint
from invariants.carving.boxes import Scope
from invariants.carving.grounds import Ground
from invariants.carving.policies import GUARD, Carved
from invariants.carving.refusals import Unfit
from invariants.catalog import SCP
from invariants.engine import Base, Condition, Effect, Names, Operator, Quantifier, Statement

# Who brings the tag: the catalogue's parameters that dp-tags leaves out as well.
_BRINGERS: Final = ("platform_roles", "access_roles")


def unguarded(
    scope: Scope, policy_type: str, policy: engine.Policy, ground: Ground
) -> tuple[str, ...]:
    """The tags of a scope that neither this policy nor another one in force guards where they are set.

    Of resources in the accounts of the scope; of principals there as well for an SCP, and in the whole
    organisation for an RCP, which is asked about every caller.
    """
    own = engine.document(policy)
    near = lint.guards_of([own, *_in_force(ground, scope.members)])
    far = near
    if policy_type != SCP and scope.principal_tags:
        # What an RCP denies is asked of resources: it keeps nobody from tagging a principal elsewhere.
        far = lint.guards_of(_in_force(ground, frozenset(ground.accounts())))
    found = [
        *(key for key, _ in scope.tags if not _is_among(key, near.tags)),
        *(key for key, _ in scope.principal_tags if not _is_among(key, far.principal_tags)),
    ]
    return tuple({key.lower(): key for key in reversed(found)}.values())[::-1]


def _is_among(tag: str, guards: Collection[str]) -> bool:
    return any(fnmatchcase(tag, guard) for guard in guards)


def words(token: str, scope: Scope, after: Iterable[str]) -> tuple[str, ...]:
    """What whoever asks and decides has to know of an exemption by a tag of principals, as sentences.

    :param after: the texts of the edited policies
    """
    if not scope.principal_tags:
        return ()
    sid = f"{token}{GUARD}"
    guarded = (
        f"Nothing guards the tag today: the statement {sid} leaves setting it to the platform's roles."
        if any(f'"{sid}"' in text for text in after)
        else "A policy in force guards the tag: see in it who may set it, and that it leaves no other case "
        "open, since AWS takes TEAM for the same tag of a principal as team."
    )
    hangs_on = (
        "The exemption is only as good as the protection of the tag: whoever may set "
        f"{_pairs(scope.principal_tags)} on a role or user (iam:TagRole, iam:TagUser), or pass it along with a "
        "session (sts:TagSession), is exempt."
    )
    beyond = (
        "No SCP reaches the management account or an identity provider: see that no trust policy lets them "
        "pass this tag."
    )
    return guarded, hangs_on, beyond


def steps(scope: Scope) -> tuple[str, ...]:
    """What is to be done about the tags of principals."""
    if not scope.principal_tags:
        return ()
    tags = _pairs(scope.principal_tags)
    return (f"Then set the tag {tags} on the roles or users that are meant, and on no others.",)


def _pairs(tags: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{key}={value}" for key, value in tags)


def guard(
    carved: Carved,
    tags: Sequence[str],
    policy_type: str,
    parameters: Mapping[str, tuple[str, ...]],
    *,
    token: str,
    ignores_case: bool = False,
) -> Carved:
    """With a statement that lets nobody but the platform set or remove the tags.

    :param ignores_case: Team is a tag of principals like team, which aws:TagKeys tells apart:
        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#case-sensitivity
    :raises Unfit: in a policy that cannot hold it, or where nobody is named who may set them.
    """
    names = ", ".join(tags)
    if policy_type != SCP:
        raise Unfit(
            f"Nothing guards the tag {names}: whoever may set it would be exempt.",
            "Put it among the tags that dp-tags guards, and enforce that first.",
        )
    roles = tuple(role for name in _BRINGERS for role in parameters.get(name, ()))
    if not roles:
        raise Unfit(
            f"Nothing guards the tag {names}, and the catalogue does not say who may set it.",
            "Set platform_roles in parameters.yaml, or guard the tag by a policy of your own.",
        )
    base = Base.STRING_EQUALS_IGNORE_CASE if ignores_case else Base.STRING_LIKE
    like = Operator(base, Quantifier.ANY)
    unlike = Operator(Base.ARN_NOT_LIKE)
    statement = Statement(
        Effect.DENY,
        Names(("*",)),
        Names(("*",)),
        conditions=(
            Condition(replace(like, written=like.name), "aws:TagKeys", tuple(tags)),
            Condition(replace(unlike, written=unlike.name), "aws:PrincipalArn", roles),
        ),
        sid=f"{token}{GUARD}",
    )
    statements = (*carved.policy.statements, statement)
    return replace(carved, policy=replace(carved.policy, statements=statements))


def _in_force(ground: Ground, accounts: Collection[str]) -> Iterable[Mapping[str, Any]]:
    """The SCPs that reach all of these accounts; the management account none does."""
    wanted = frozenset(accounts) - {ground.management_account_id}
    for policy in ground.policies.values():
        if policy.type == SCP and policy.text and wanted <= ground.reach(policy.id):
            try:
                yield json.loads(policy.text)
            except ValueError:
                continue
