"""An account moved to an OU of exceptions: which policies it loses, and gets back as its own.

What reaches an account is the sum of what is attached above it. The move may take the serving statements
away and nothing else: every other policy that it would lose is attached to the account itself.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from invariants import engine, lint
from invariants.carving.boxes import Scope
from invariants.carving.grounds import Ground, Place, Standing
from invariants.carving.policies import read
from invariants.carving.refusals import AlreadySo, Unfit
from invariants.catalog import RCP, SCP, TYPE_NAMES, grammar_of

EXCEPTIONS: Final = "EXCEPTIONS"
_IN_PARTS: Final = "Use another mechanism, or attach the policy to OUs beneath the root first."


@dataclass(frozen=True, slots=True)
class Move:
    """`kept` are policies that are attached to the account, since the move takes them away; `rests` are
    serving policies as they are without the serving statements, each under the id of the whole one.
    `gained` are policies that the new OU adds. `slots` are the policies at the account by type."""

    account_id: str
    source: Place
    target: Place
    lost: tuple[Standing, ...]
    kept: tuple[Standing, ...]
    rests: tuple[tuple[Standing, Mapping[str, Any]], ...]
    gained: tuple[Standing, ...]


def move(
    ground: Ground, scope: Scope, serving: Mapping[str, Collection[int]], invariant_id: str
) -> Move:
    """:raises Unfit: where the move would do more or less than was asked for."""
    account_id = the_account(scope, ground)
    targets = ground.with_role(EXCEPTIONS)
    source = ground.places[ground.places[account_id].parent_id or ""]
    if not targets:
        raise Unfit(
            "No OU of the organisation has the role of exceptions.",
            "Give one that role under Accounts, or use another mechanism.",
        )
    if source in targets:
        raise AlreadySo(
            f"The account is in {source.label or source.name} already.",
            "Where something stands in its way there, use another mechanism.",
        )
    refused: Unfit | None = None
    for target in targets:
        try:
            return _to(ground, account_id, source, target, serving, invariant_id)
        except Unfit as error:
            refused = error
    raise refused or AssertionError


def the_account(scope: Scope, ground: Ground) -> str:
    """The one account that is to be moved.

    :raises Unfit: where the scope names something else.
    """
    if not scope.is_accounts_alone:
        raise Unfit(
            "Moving an account exempts all of it, which is more than was asked for.",
            "Name principals, Regions or resources in the policy instead: another mechanism does that.",
        )
    if scope.ous or len(scope.accounts) != 1:
        raise Unfit(
            "One account is moved at a time.",
            "Ask for each account in a request of its own.",
        )
    account_id = scope.accounts[0]
    if account_id not in ground.places:
        raise Unfit(
            f"Account {account_id} is not in the organisation's tree.",
            "Take it out of the scope, or wait for the next collection.",
        )
    return account_id


def _to(
    ground: Ground,
    account_id: str,
    source: Place,
    target: Place,
    serving: Mapping[str, Collection[int]],
    invariant_id: str,
) -> Move:
    above = ground.way(source.id)
    beyond = ground.way(target.id)
    here, there = (upon(ground, way) for way in (above, beyond))
    own = {one.id for one in upon(ground, (account_id,))}
    for policy_id in serving:
        if policy_id in {one.id for one in there} | own:
            where = "the account itself" if policy_id in own else target.label or target.name
            raise Unfit(
                f"{ground.policies[policy_id].name} serves {invariant_id} and is in force there as well: "
                f"by its attachment to {where} or above it.",
                _IN_PARTS,
            )
    kept_there = {one.id for one in there} | own
    lost = tuple(one for one in here if one.id not in kept_there)
    gained = tuple(one for one in there if one.id not in {p.id for p in here} | own)
    rests = tuple(_rest(one, serving[one.id]) for one in lost if one.id in serving)
    found = Move(
        account_id,
        source,
        target,
        lost,
        tuple(one for one in lost if one.id not in serving),
        tuple((one, document) for one, document in rests if document is not None),
        gained,
    )
    _check(found, ground)
    return found


def upon(ground: Ground, way: Collection[str]) -> tuple[Standing, ...]:
    """What is attached to any of the places, once each."""
    ids = dict.fromkeys(one for place in way for one in ground.attached.get(place, ()))
    return tuple(ground.policies[one] for one in ids if one in ground.policies)


def _rest(policy: Standing, numbers: Collection[int]) -> tuple[Standing, Mapping[str, Any] | None]:
    """What of a serving policy is not the invariant's; None where nothing is."""
    if policy.type not in (SCP, RCP):
        return policy, None
    parsed = read(policy.text, grammar_of(policy.type))
    left = tuple(s for number, s in enumerate(parsed.statements) if number not in numbers)
    if not left:
        return policy, None
    return policy, engine.document(engine.Policy(left, parsed.version))


def _check(found: Move, ground: Ground) -> None:
    """That AWS takes as many policies at the account, and that nothing allows less over there."""
    for policy_type in {one.type for one in found.lost}:
        budget = slots(found, ground, policy_type)
        name = TYPE_NAMES.get(policy_type, policy_type)
        if budget.is_over:
            raise Unfit(
                f"The account would lose {name} policies that have nothing to do with this exception, and "
                f"has no room for them: {budget.used} of {budget.limit}.",
                f"Attach some of them to {found.target.label or found.target.name} first, or use another "
                "mechanism.",
            )
    for one in found.lost:
        if not one.text:
            raise Unfit(
                f"The text of {one.name} could not be read from AWS, so what the account would lose is not "
                "known.",
                "Give the collector organizations:DescribePolicy, and look again after the next collection.",
            )


def slots(found: Move, ground: Ground, policy_type: str) -> lint.Budget:
    """The policies at the account after the move."""
    own = len(ground.of_type(found.account_id, policy_type))
    added = [*found.kept, *(one for one, _ in found.rests)]
    return lint.slot_budget(own + sum(one.type == policy_type for one in added), policy_type)
