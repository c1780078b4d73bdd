"""The removal of an exception that no approved edit undoes: its values out of every policy that serves, as the
engine confirms it."""

from dataclasses import replace

from invariants import catalog
from invariants.carving import by_value, values
from invariants.carving.asking import Asked, Neighbour, token_of
from invariants.carving.boxes import Side, layer_of, sides
from invariants.carving.by_value import Plucked
from invariants.carving.confirming import Around, Other, confirm
from invariants.carving.policies import Carved, Usual, read, usual_of
from invariants.carving.proving import Proof
from invariants.carving.refusals import AlreadySo
from invariants.carving.serving import Text
from invariants.carving.undoing import Undoing, without_guards
from invariants.carving.values import Held, Wanted
from invariants.carving.variants import Setting


def by_value_of(
    asked: Asked, texts: list[Text], setting: Setting
) -> tuple[list[tuple[Text, Carved]], Proof, tuple[str, ...]]:
    """The texts without it, the proof, and what else has to be known, in sentences.

    :raises Unfit: where a value lets through more than it, or the engine does not confirm it; AlreadySo
        where there is nothing of it alone.
    """
    own = read(asked.record.policy, catalog.grammar_of(asked.record.type))
    usual = values.usual_names(own) | usual_of(own).keys()
    found: list[tuple[Text, Plucked]] = []
    refused: AlreadySo | None = None
    for text in texts:
        try:
            found.append((text, _plucked(asked, text, usual)))
        except AlreadySo as error:
            refused = refused or error
    if not found:
        raise refused or AlreadySo("No policy serves it there.", "There is nothing to remove.")
    after = {id(text): one.carved.policy for text, one in found}
    is_shared = any(one.is_shared for _, one in found)
    around = Around(setting, others_of(asked, texts[0], setting), is_shared)
    proof, is_more = confirm(
        asked.record,
        [text.policy for text in texts],
        [after.get(id(text), text.policy) for text in texts],
        texts[0].sides,
        around,
    )
    remarks = [remark for _, one in found for remark in one.remarks]
    if is_more:
        remarks.append(
            f"As it stands the policy lets through more than {asked.ref} asked for: whoever or whatever is "
            "beyond its scope and gets through by the same value is denied again, too."
        )
    return [(text, one.carved) for text, one in found], proof, tuple(dict.fromkeys(remarks))


def others_of(asked: Asked, text: Text, setting: Setting) -> tuple[Other, ...]:
    """The exceptions that hold on, each as it is asked for in an account of its own."""
    found = []
    for one in asked.others:
        account_id = min(one.scope.members, default=setting.around.member_account)
        around = replace(setting.around, member_account=account_id)
        paths = {**setting.paths, account_id: asked.ground.path(account_id)}
        there = replace(setting, around=around, paths=paths)
        found.append(Other(_sides_of(one, asked, text), there))
    return tuple(found)


def _plucked(asked: Asked, text: Text, usual: Usual) -> Plucked:
    reach = asked.ground.reach(text.standing.id)
    wanted = Wanted(
        ref=asked.ref,
        values=values.values_of(text.sides, asked.way),
        sighted=tuple(one for one in asked.sighted if one.policy_id == text.standing.id),
        usual=usual,
        others=tuple(
            Held(one.ref, values.values_of(_sides_of(one, asked, text), one.way))
            for one in asked.others
        ),
        members=asked.scope.members,
        is_theirs=bool(reach) and reach <= asked.scope.members,
    )
    found = by_value.pluck(text.policy, text.numbers, wanted)
    undoing = Undoing(
        tokens=(asked.token, *map(token_of, asked.renews)),
        tags=tuple(key for key, _ in asked.scope.every_tag),
        guarded=tuple(key for one in asked.others for key, _ in one.scope.every_tag),
    )
    policy = without_guards(found.carved.policy, undoing)
    return replace(found, carved=replace(found.carved, policy=policy))


def _sides_of(other: Neighbour, asked: Asked, text: Text) -> tuple[Side, ...]:
    return sides(
        other.scope,
        layer_of(text.standing.type),
        org_id=asked.ground.org_id,
        reach=asked.ground.reach(text.standing.id),
    )
