"""The edit that puts an exception in place, and the one that takes it out."""

from dataclasses import replace

from invariants import catalog, engine
from invariants.carving import confirming, guarding, overriding, proving, relocating, removing
from invariants.carving.asking import Asked, Way, token_of
from invariants.carving.boxes import Scope, layer_of, sides
from invariants.carving.edit import Edit
from invariants.carving.policies import Carved, carve, read, usual_of
from invariants.carving.refusals import AlreadySo, HeldByAnother, Unfit
from invariants.carving.serving import Text, fit, texts_of
from invariants.carving.telling import (
    Change,
    marks_of,
    remarks_of,
    shown,
    size_of,
    slots_of,
)
from invariants.carving.undoing import Other, Undoing, uncarve
from invariants.carving.variants import Setting
from invariants.carving.whole import still_denied


def put_in(asked: Asked) -> Edit:
    """The edit by which the exception gets into force.

    :raises Unfit: where none can be made that lets exactly the scope through; and AlreadySo where the
        policies let it through as they stand.
    """
    if asked.way is Way.EXCEPTIONS_OU:
        return relocating.put_in(asked)
    if asked.way is Way.CHILD_OVERRIDE:
        return overriding.put_in(asked)
    scope = fit(asked)
    texts = texts_of(asked, scope)
    carved = [carve(one.policy, one.numbers, one.sides, token=asked.token) for one in texts]
    if not any(one.is_changed for one in carved):
        raise AlreadySo(
            "The policies let all of this through as they stand.",
            "Nothing has to be changed; the next collection will find the exception in place.",
        )
    carved = [_guarded(asked, scope, text, one) for text, one in zip(texts, carved, strict=True)]
    proof = _proved(asked, scope, texts, [one.policy for one in carved])
    changes = [
        _change(asked, text, one) for text, one in zip(texts, carved, strict=True) if one.is_changed
    ]
    edited = {one.policy_id: one.after for one in changes if one.policy_id}
    return Edit(
        asked.ref,
        asked.record.id,
        asked.way,
        is_removal=False,
        changes=tuple(changes),
        steps=_steps(asked, scope, changes),
        warnings=still_denied(asked, proof.requests, edited),
        proof=proof,
        about_tags=guarding.words(asked.token, scope, [one.after for one in changes]),
    )


def take_out(asked: Asked) -> Edit:
    """The edit that makes the policies what they would be without the exception.

    :raises Unfit: where nothing of it is found, or others changed the statements so that it cannot be
        told apart.
    """
    if asked.way is Way.EXCEPTIONS_OU:
        return relocating.take_out(asked)
    if asked.way is Way.CHILD_OVERRIDE:
        return overriding.take_out(asked)
    scope = fit(asked)
    texts = texts_of(asked, scope)
    try:
        found, proof = _undone(asked, scope, texts)
        warnings: tuple[str, ...] = ()
    except Unfit as refused:
        try:
            found, proof, warnings = removing.by_value_of(asked, texts, _setting(asked, scope))
        except HeldByAnother:
            raise
        except AlreadySo:
            # Of the two reasons the one that says more.
            raise refused from None
    changes = [_change(asked, text, one) for text, one in found]
    return Edit(
        asked.ref,
        asked.record.id,
        asked.way,
        is_removal=True,
        changes=tuple(changes),
        steps=_steps(asked, scope, changes, is_removal=True),
        warnings=warnings,
        proof=proof,
    )


def _undone(
    asked: Asked, scope: Scope, texts: list[Text]
) -> tuple[list[tuple[Text, Carved]], proving.Proof]:
    """The statements as they were before the approved edit.

    :raises Unfit: where they are no longer as it left them; AlreadySo where it is not found, or is seen in a
        form that no edit has.
    """
    found: list[tuple[Text, Carved]] = []
    refused: Unfit | None = None
    for text in texts:
        try:
            found.append((text, _without(asked, text)))
        except AlreadySo as error:
            if any(one.policy_id == text.standing.id for one in asked.sighted):
                raise
            refused = error
    if not found:
        raise refused or Unfit("Nothing of it is found.", "There is nothing to remove.")
    after = [one.policy for _, one in found]
    before = [one.policy for one, _ in found]
    setting = _setting(asked, scope)
    proof = proving.prove(asked.record, after, before, texts[0].sides, setting)
    others = removing.others_of(asked, texts[0], setting)
    is_lost = any(confirming.lost(asked.record, before, after, others))
    if proof.wrong or not proof.through or is_lost:
        raise Unfit(
            "The engine does not confirm the removal: another exception may let the same through.",
            "Compare the text with what was approved, and take it out by hand if nothing else holds.",
        )
    return found, proof


def _guarded(asked: Asked, scope: Scope, text: Text, carved: Carved) -> Carved:
    tags = guarding.unguarded(scope, text.standing.type, carved.policy, asked.ground)
    if not tags or not carved.is_changed:
        return carved
    return guarding.guard(
        carved,
        tags,
        text.standing.type,
        asked.parameters,
        token=asked.token,
        ignores_case=bool(scope.principal_tags),
    )


def _proved(
    asked: Asked, scope: Scope, texts: list[Text], after: list[engine.Policy]
) -> proving.Proof:
    before = [text.policy for text in texts]
    setting = _setting(asked, scope)
    proof = proving.prove(asked.record, before, after, texts[0].sides, setting)
    if proof.wrong:
        case = proof.wrong[0]
        raise Unfit(
            f"The engine does not confirm the edit: {case.name} ({case.action} by {case.principal}) came "
            "out otherwise than it should.",
            "Write this edit by hand, and have it tried with a what-if before it is merged.",
        )
    if not proof.through:
        raise Unfit(
            f"None of the requests that {asked.record.id} has to deny is in this scope: as far as its "
            "probes tell, nothing stands in the way.",
            "Check principals, Regions, resources and actions of the scope, or choose the invariant whose "
            "policy denies the request.",
        )
    return proof


def _setting(asked: Asked, scope: Scope) -> Setting:
    ground = asked.ground
    around = catalog.surroundings(asked.parameters)
    members = sorted(scope.members - {ground.management_account_id})
    accounts = sorted(frozenset(ground.accounts()) - {ground.management_account_id})
    other = next((one for one in accounts if one not in scope.members), "")
    return Setting(
        around=replace(
            around,
            organization_id=ground.org_id,
            member_account=members[0],
            own_accounts=around.own_accounts | frozenset(accounts) | {ground.management_account_id},
        ),
        other=other,
        paths={one: ground.path(one) for one in (members[0], other) if one},
        now=asked.now,
        is_of_resources=asked.record.type == catalog.RCP,
    )


def _without(asked: Asked, text: Text) -> Carved:
    own = read(asked.record.policy, catalog.grammar_of(asked.record.type))
    layer = layer_of(text.standing.type)
    reach = asked.ground.reach(text.standing.id)
    others = tuple(
        Other(
            sides(one.scope, layer, org_id=asked.ground.org_id, reach=reach),
            token_of(one.ref),
            one.kept.pieces.get(text.standing.id, ()),
        )
        for one in asked.others
    )
    return uncarve(
        text.policy,
        text.numbers,
        text.sides,
        Undoing(
            tokens=(asked.token, *map(token_of, asked.renews)),
            pieces=asked.kept.pieces.get(text.standing.id, ()),
            usual=usual_of(own),
            others=others,
            tags=tuple(key for key, _ in asked.scope.every_tag),
            guarded=tuple(key for one in asked.others for key, _ in one.scope.every_tag),
        ),
    )


def _change(asked: Asked, text: Text, carved: Carved) -> Change:
    """:raises Unfit: where AWS would refuse the text."""
    standing = text.standing
    before = shown(text.policy)
    after = shown(carved.policy)
    size = size_of(standing.text, after, standing.type)
    if size.is_over:
        raise Unfit(
            f"{standing.name} would have {size.after} characters, and AWS takes {size.limit}.",
            f"Move {size.after - (size.limit or 0)} characters or more of it into a policy of its own "
            "first, name fewer things in the scope, or move the account.",
        )
    read(after, catalog.grammar_of(standing.type))
    return Change(
        policy_id=standing.id,
        name=standing.name,
        description=standing.description,
        type=standing.type,
        before=before,
        after=after,
        size=size,
        slots=slots_of(asked.ground, asked.ground.targets(standing.id), standing.type, added=0),
        pieces=carved.pieces,
        marks=marks_of(standing.id, carved, text.sides),
        remarks=remarks_of(before, after, standing.type, asked.ground),
    )


def _steps(
    asked: Asked, scope: Scope, changes: list[Change], *, is_removal: bool = False
) -> tuple[str, ...]:
    """What is to be done, in order."""
    names = " and ".join(change.name for change in changes)
    found = [f"Change {names} as shown, by a pull request."]
    if not all(change.policy_id for change in changes):
        said = f"No policy serves {asked.record.id} in these accounts today."
        found = [f"{said} Before one is attached there, change the catalogue's text as shown."]
    if not is_removal:
        found += guarding.steps(scope)
    if scope.tags and not is_removal:
        pairs = ", ".join(f"{key}={value}" for key, value in scope.tags)
        found.append(
            f"Then set the tag {pairs} on the resources, by a role that may. Where an action does not "
            "tell AWS the tags of its resource, it stays denied."
        )
    found.append(
        "Link the pull request here. The next collection says whether the carve-out is "
        + ("gone." if is_removal else "in place.")
    )
    return tuple(found)
