"""What of an edited policy is there because exceptions in force ask for it: their edits, taken out again."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from invariants.evaluation.drift import contents, matching, texts
from invariants.evaluation.drift.matching import Ties
from invariants.evaluation.drift.records import Deployed, Difference, KeptEdit, Picture

Statement = dict[str, Any]


def explained(
    picture: Picture, ties: Ties, differences: Iterable[Difference]
) -> Iterator[Difference]:
    """The differences; those of a policy's text name the exceptions whose carve-outs stand in it.

    One is explained where the policy without these is what the catalogue has: whatever else was changed
    remains drift, with all that is beside it.
    """
    by_policy: dict[str, list[KeptEdit]] = defaultdict(list)
    for edit in picture.edits:
        by_policy[edit.policy_id].append(edit)
    known: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {}
    for one in differences:
        policy = one.policy
        if one.kind != "CONTENT" or policy is None or policy.policy_id not in by_policy:
            yield one
            continue
        if policy.policy_id not in known:
            known[policy.policy_id] = _told(picture, ties, policy, by_policy[policy.policy_id])
        refs, exact = known[policy.policy_id]
        key = one.invariant.key if one.invariant is not None else ""
        yield replace(one, exceptions=refs, is_explained=bool(refs) and key in exact)


def _told(
    picture: Picture, ties: Ties, policy: Deployed, edits: Sequence[KeptEdit]
) -> tuple[tuple[str, ...], frozenset[str]]:
    """The exceptions whose edits stand in a policy, and the invariants for which it is, without them,
    what the catalogue has."""
    content, refs = without(policy.content or "", policy.type, edits)
    if not refs:
        return (), frozenset()
    bare = replace(policy, content=content)
    demands = [tie.demand for tie in ties.by_policy[policy.policy_id]]
    again = matching.tie(demands, [bare])
    still = {
        one.invariant.key for one in contents.edited(picture, again) if one.invariant is not None
    }
    exact = {tie.demand.key for tie in again.by_policy[policy.policy_id] if tie.is_exact}
    return refs, frozenset(exact - still)


def without(
    content: str, policy_type: str, edits: Sequence[KeptEdit]
) -> tuple[str, tuple[str, ...]]:
    """The policy without what these edits put into it, and the exceptions of which something was there.

    Statements that an edit changed are put back as they were, the newest edit first, for as long as any
    is found as it was written; of the others the values that it exempts are taken out.
    """
    if not texts.decides_requests(policy_type) or texts.read(policy_type, content) is None:
        return content, ()
    document = json.loads(content)
    statements: list[Statement] = list(_list(document["Statement"]))
    refs: dict[str, None] = {}
    left = list(reversed(edits))
    while (undone := _put_back(statements, left, policy_type)) is not None:
        statements, edit = undone
        left.remove(edit)
        refs[edit.ref] = None
    for edit in left:
        found = [_unmarked(one, edit.marks) for one in statements]
        if found != statements:
            statements = found
            refs[edit.ref] = None
    return json.dumps(document | {"Statement": statements}), tuple(sorted(refs))


def _put_back(
    statements: list[Statement], edits: Iterable[KeptEdit], policy_type: str
) -> tuple[list[Statement], KeptEdit] | None:
    """The statements without the first of these edits that is there as a whole; None where none is."""
    at = {_text(one, policy_type): number for number, one in enumerate(statements)}
    for edit in edits:
        changed = [_text(one, policy_type) for piece in edit.pieces for one in piece["after"]]
        if changed and all(text in at for text in changed):
            gone = {at[text] for text in changed}
            kept = [one for number, one in enumerate(statements) if number not in gone]
            return [*kept, *(dict(piece["before"]) for piece in edit.pieces)], edit
    return None


def _text(statement: Mapping[str, Any], policy_type: str) -> str:
    whole = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    found = texts.read(policy_type, whole)
    return found.units[0].text if found is not None and found.units else whole


def _unmarked(statement: Statement, marks: Iterable[Mapping[str, Any]]) -> Statement:
    """The statement without the values that it exempts for these marks."""
    conditions = statement.get("Condition")
    if not isinstance(conditions, dict):
        return statement
    taken = {
        (mark["operator"].lower(), mark["key"].lower(), value)
        for mark in marks
        if mark.get("sid", "") == statement.get("Sid", "")
        for value in mark["values"]
    }
    kept: dict[str, Any] = {}
    for operator, keys in conditions.items():
        for key, values in keys.items():
            rest = [
                value
                for value in _list(values)
                if (operator.lower(), key.lower(), value) not in taken
            ]
            if rest:
                kept.setdefault(operator, {})[key] = rest
    same = {name: value for name, value in statement.items() if name != "Condition"}
    if kept == {o: {k: _list(v) for k, v in keys.items()} for o, keys in conditions.items()}:
        return statement
    return same | ({"Condition": kept} if kept else {})


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
