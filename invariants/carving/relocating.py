"""The edit that moves an account to an OU of exceptions, and the one that moves it back."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from invariants import catalog, engine, exports
from invariants.carving.asking import Asked
from invariants.carving.edit import Edit
from invariants.carving.grounds import Ground, Place, Standing
from invariants.carving.moving import EXCEPTIONS, Move, move, slots, the_account, upon
from invariants.carving.policies import read
from invariants.carving.proving import Case, Proof
from invariants.carving.refusals import Unfit
from invariants.carving.telling import Budget, Change, Mark, printed, size_of
from invariants.catalog import RCP, SCP


def put_in(asked: Asked) -> Edit:
    """The account moved, with what it would lose beside the serving statements attached to it.

    :raises Unfit: where the move would do more or less than was asked for; AlreadySo where it is there.
    """
    if not asked.serving:
        raise Unfit(
            f"No policy serves {asked.record.id} in the account: moving it would change nothing.",
            "Look for what denies the request, and ask for an exception from that.",
        )
    found = move(asked.ground, asked.scope, asked.serving, asked.record.id)
    rests = [_rest_change(asked, found, one, document) for one, document in found.rests]
    place = _place_change(asked, found, rests)
    target = found.target.label or found.target.name
    steps = []
    if found.kept or rests:
        names = ", ".join([*(one.name for one in found.kept), *(change.name for change in rests)])
        steps.append(
            f"First attach to the account what it would lose and needs: {names}, by a pull request."
        )
    steps += [
        f"Move the account from {found.source.label or found.source.name} to {target}.",
        "Link the pull request here. The next collection says whether the account is there.",
    ]
    gained = ", ".join(one.name for one in found.gained)
    warnings = (f"{target} brings further policies upon the account: {gained}.",) if gained else ()
    return Edit(
        asked.ref,
        asked.record.id,
        asked.way,
        is_removal=False,
        changes=(place, *rests),
        steps=tuple(steps),
        warnings=warnings,
        proof=_proof(asked, found),
        moved_from=found.source.id,
        extra_terraform=_terraform(found, back=False),
    )


def take_out(asked: Asked) -> Edit:
    """The account moved back to where it was.

    :raises Unfit: where it is not known where that was, or it is not in an OU of exceptions.
    """
    account_id = the_account(asked.scope, asked.ground)
    source = asked.ground.places[asked.ground.places[account_id].parent_id or ""]
    if source.role != EXCEPTIONS:
        raise Unfit(
            f"The account is in {source.label or source.name}, which is no OU of exceptions.",
            "There is nothing to remove; the next collection will say whether it is gone.",
        )
    target = asked.ground.places.get(asked.kept.moved_from)
    if target is None:
        raise Unfit(
            "From which OU the account was moved is not written down.",
            "Move it back by hand, to the OU of its team.",
        )
    above = upon(asked.ground, asked.ground.way(target.id))
    own = upon(asked.ground, (account_id,))
    again = {one.id for one in above}
    surplus = tuple(one for one in own if one.id in again or one.name.startswith(asked.new_name))
    found = Move(account_id, source, target, surplus, (), (), ())
    before, after = (
        _standing(asked, found, source, own),
        _standing(asked, found, target, [one for one in own if one not in surplus]),
    )
    names = ", ".join(one.name for one in surplus)
    steps = [f"Move the account back to {target.label or target.name}."]
    if names:
        steps.append(f"Then detach from the account what it inherits again: {names}.")
    steps.append("Link the pull request here. The next collection says whether it is there.")
    through = tuple(
        _case(asked.record.id, one.name, account_id)
        for one in above
        if one.id not in {p.id for p in upon(asked.ground, asked.ground.way(source.id))}
    )
    return Edit(
        asked.ref,
        asked.record.id,
        asked.way,
        is_removal=True,
        changes=(_account_change(asked, account_id, before, after),),
        steps=tuple(steps),
        warnings=(),
        proof=Proof(through, (), len(above), ()),
        moved_from=source.id,
        extra_terraform=_terraform(found, back=True),
    )


def _rest_change(
    asked: Asked, found: Move, policy: Standing, document: Mapping[str, Any]
) -> Change:
    """What of a serving policy is not the invariant's, as a policy of the account's own."""
    after = printed(document)
    budget = slots(found, asked.ground, policy.type)
    return Change(
        policy_id="",
        name=f"{asked.new_name}-rest-of-{policy.id}"[:128],
        description=f"{asked.ref}: {policy.name} without {asked.record.id}",
        type=policy.type,
        before="",
        after=after,
        size=size_of("", after, policy.type),
        slots=Budget(
            len(asked.ground.of_type(found.account_id, policy.type)), budget.used, budget.limit
        ),
        attach=(found.account_id,),
    )


def _place_change(asked: Asked, found: Move, rests: Collection[Change]) -> Change:
    own = upon(asked.ground, (found.account_id,))
    before = _standing(asked, found, found.source, own)
    after = _standing(asked, found, found.target, [*own, *found.kept])
    after["Policies"] += [{"Name": one.name, "Attached": found.account_id} for one in rests]
    change = _account_change(asked, found.account_id, before, after)
    types = sorted({one.type for one in found.lost}) or [asked.record.type]
    budget = slots(found, asked.ground, types[0])
    used = len(asked.ground.of_type(found.account_id, types[0]))
    return replace(change, slots=Budget(used, budget.used, budget.limit))


def _account_change(
    asked: Asked, account_id: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Change:
    return Change(
        policy_id="",
        name=f"account-{account_id}",
        description=f"{asked.ref}: where the account stands",
        type="ACCOUNT",
        before=printed(before),
        after=printed(after),
        size=Budget(0, 0, None),
        marks=(Mark("", "", "ParentId", "", (str(after["ParentId"]),)),),
    )


def _standing(
    asked: Asked, found: Move, parent: Place, own: Collection[Standing]
) -> dict[str, Any]:
    """The account with its OU and the policies upon it, and where each is attached."""
    rows = [
        {"Name": asked.ground.policies[one].name, "Attached": place}
        for place in asked.ground.way(parent.id)
        for one in asked.ground.attached.get(place, ())
        if one in asked.ground.policies
    ]
    rows += [{"Name": one.name, "Attached": found.account_id} for one in own]
    return {
        "Account": found.account_id,
        "ParentId": parent.id,
        "Parent": parent.label or parent.name,
        "Policies": rows,
    }


def _proof(asked: Asked, found: Move) -> Proof:
    """By what reaches the account: each serving statement is gone, and every other one still there."""
    ground, serving = asked.ground, asked.serving
    before = [one.id for one in upon(ground, ground.way(found.account_id))]
    lost = {one.id for one in found.lost}
    after = [one for one in before if one not in lost]
    after += [one.id for one in (*found.kept, *found.gained)]
    kept = _statements(ground, after, {})
    for _, document in found.rests:
        kept |= _canonical(engine.parse(document), frozenset())
    wanted = _statements(ground, before, serving)
    missing = wanted - kept
    gone = _statements(ground, before, {}) - wanted - kept
    through = tuple(
        _case(asked.record.id, statement.sid or "a statement", found.account_id)
        for policy_id, numbers in serving.items()
        for number, statement in enumerate(_parsed(ground, policy_id).statements)
        if number in numbers and _canonical(engine.Policy((statement,)), frozenset()) <= gone
    )
    if missing or not (through or asked.record.type not in (SCP, RCP)):
        raise Unfit(
            "The policies that would reach the account after the move are not those that should.",
            "Compare them by hand, or use another mechanism.",
        )
    if not through:
        through = tuple(
            _case(asked.record.id, ground.policies[one].name, found.account_id) for one in serving
        )
    return Proof(through, (), len(wanted), ())


def _case(invariant_id: str, name: str, account_id: str) -> Case:
    outcome = engine.Outcome
    return Case(name, invariant_id, account_id, "", outcome.DENIED, outcome.NOT_DENIED)


def _parsed(ground: Ground, policy_id: str) -> engine.Policy:
    policy = ground.policies[policy_id]
    if policy.type not in (SCP, RCP):
        return engine.Policy(())
    return read(policy.text, catalog.grammar_of(policy.type))


def _statements(
    ground: Ground, ids: Collection[str], without: Mapping[str, Collection[int]]
) -> frozenset[engine.Statement]:
    found: frozenset[engine.Statement] = frozenset()
    for policy_id in ids:
        left_out = frozenset(without.get(policy_id, ()))
        found |= _canonical(_parsed(ground, policy_id), left_out)
    return found


def _canonical(policy: engine.Policy, left_out: frozenset[int]) -> frozenset[engine.Statement]:
    """Each statement by itself, in the one form of all that say the same."""
    return frozenset(
        engine.canonical(engine.Policy((statement,))).statements[0]
        for number, statement in enumerate(policy.statements)
        if number not in left_out
    )


def _terraform(found: Move, *, back: bool) -> str:
    account = found.account_id
    lines = [
        f"# Set parent_id of the aws_organizations_account {account} to {exports.quoted(found.target.id)}, or:",
        f"#   aws organizations move-account --account-id {account} \\",
        f"#     --source-parent-id {found.source.id} --destination-parent-id {found.target.id}",
        "",
    ]
    for one in () if back else found.kept:
        lines += [
            f'resource "aws_organizations_policy_attachment" "{one.id.replace("-", "_")}_{account}" {{',
            f"  policy_id = {exports.quoted(one.id)}",
            f"  target_id = {exports.quoted(account)}",
            "}",
            "",
        ]
    return "\n".join(lines)
