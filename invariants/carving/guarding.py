"""A tag that exempts has to be guarded: whoever may set it decides whether the Deny holds."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Final

from invariants import engine, lint
from invariants.carving.grounds import Ground
from invariants.carving.policies import GUARD, Carved
from invariants.carving.refusals import Unfit
from invariants.catalog import SCP
from invariants.engine import Base, Condition, Effect, Names, Operator, Quantifier, Statement

# Who brings the tag: the catalogue's parameters that dp-tags leaves out as well.
_BRINGERS: Final = ("platform_roles", "access_roles")


def unguarded(tags: Iterable[str], ground: Ground, policy: engine.Policy) -> tuple[str, ...]:
    """The tags that neither this policy nor another one in force guards."""
    documents = [engine.document(policy), *_in_force(ground)]
    guards = lint.guards_of(documents).tags
    return tuple(
        tag for tag in dict.fromkeys(tags) if not any(fnmatchcase(tag, guard) for guard in guards)
    )


def guard(
    carved: Carved,
    tags: Sequence[str],
    policy_type: str,
    parameters: Mapping[str, tuple[str, ...]],
    *,
    token: str,
) -> Carved:
    """With a statement that lets nobody but the platform set or remove the tags.

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
    like = Operator(Base.STRING_LIKE, Quantifier.ANY)
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


def _in_force(ground: Ground) -> Iterable[Mapping[str, Any]]:
    for policy in ground.policies.values():
        if policy.type == SCP and policy.text and ground.targets(policy.id):
            try:
                yield json.loads(policy.text)
            except ValueError:
                continue
