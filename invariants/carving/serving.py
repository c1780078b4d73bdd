"""The policies that serve an invariant where the exception is to hold, ready to be cut."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from invariants import catalog, engine
from invariants.carving.asking import Asked, Way
from invariants.carving.boxes import Scope, Side, layer_of, sides, without_end
from invariants.carving.grounds import Standing
from invariants.carving.policies import read
from invariants.carving.refusals import Unfit
from invariants.carving.telling import printed

_NEEDS: Mapping[Way, tuple[str, str]] = {
    Way.PRINCIPAL_LIST: ("principals", "Name the roles or users that are to be exempt, by ARN."),
    Way.TAG: (
        "tags",
        "Name the tag, of resources or of principals, as key=value in the scope.",
    ),
    Way.TIME_LIMIT: ("until", "Say until when it is to hold."),
}


@dataclass(frozen=True, slots=True)
class Text:
    """A serving policy, its text taken apart, and which statements serve."""

    standing: Standing
    policy: engine.Policy
    numbers: frozenset[int]
    sides: tuple[Side, ...]


def fit(asked: Asked) -> Scope:
    """The scope as the mechanism takes it.

    :raises Unfit: where the mechanism is none for this invariant, or the scope lacks what it needs.
    """
    record = asked.record
    if not record.is_authorisation:
        raise Unfit(
            f"{record.id} sets values and decides no requests: nobody can be exempt from it by a list.",
            "Override the value in a policy further down, or move the account.",
        )
    scope = asked.scope
    name, remedy = _NEEDS.get(asked.way, ("", ""))
    if name and not (scope.every_tag if name == "tags" else getattr(scope, name)):
        raise Unfit(f"The scope says no {name if name != 'until' else 'end'}.", remedy)
    if asked.way is Way.VALUE_LIST and not _names_values(scope):
        raise Unfit(
            "The scope names nothing that could stand in a list of values.",
            "Name accounts, Regions, resources or actions.",
        )
    if not scope.members:
        raise Unfit(
            "The scope names no account of the organisation.", "Name accounts or OUs in the scope."
        )
    if scope.members == {asked.ground.management_account_id}:
        raise Unfit(
            "Neither SCPs nor RCPs reach the management account.",
            "Nothing stands in the way there; look for another cause of the refusal.",
        )
    return scope if asked.way is Way.TIME_LIMIT else without_end(scope)


def _names_values(scope: Scope) -> bool:
    return any((scope.accounts, scope.ous, scope.regions, scope.resources, scope.actions))


def texts_of(asked: Asked, scope: Scope) -> list[Text]:
    """What serves the invariant in the accounts; where nothing does, the catalogue's own text."""
    serving = dict(asked.serving)
    for policy_id in asked.kept.pieces:
        serving.setdefault(policy_id, frozenset())
    if not serving:
        record = asked.record
        own = Standing(
            "", record.id, record.type, printed(record.policy), record.statement.sentence
        )
        return [_text(asked, scope, own, None)]
    return [
        _text(asked, scope, asked.ground.policies[policy_id], numbers)
        for policy_id, numbers in sorted(serving.items())
        if policy_id in asked.ground.policies
    ]


def _text(asked: Asked, scope: Scope, standing: Standing, numbers: Collection[int] | None) -> Text:
    if standing.type != asked.record.type:
        raise Unfit(
            f"{standing.name} serves {asked.record.id}, and is a policy of another type than the "
            "catalogue's.",
            "Change that policy by hand, and write down in the request how.",
        )
    if standing.is_kept_by_aws:
        raise Unfit(
            f"{standing.name} is kept by AWS (Control Tower): a change of it would be undone.",
            "Move the account to an OU where the control is not on.",
        )
    if not standing.text:
        raise Unfit(
            f"The text of {standing.name} could not be read from AWS.",
            "Give the collector organizations:DescribePolicy, and look again after the next collection.",
        )
    policy = read(standing.text, catalog.grammar_of(standing.type))
    every = range(len(policy.statements)) if numbers is None else numbers
    found = sides(
        scope,
        layer_of(standing.type),
        org_id=asked.ground.org_id,
        reach=asked.ground.reach(standing.id) if standing.id else None,
    )
    return Text(standing, policy, frozenset(every), found)
