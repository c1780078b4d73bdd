"""A change of one policy, for people and tools: its texts, its budget, what the linter says, Terraform."""

import difflib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from invariants import engine, exports, lint
from invariants.carving.boxes import Side
from invariants.carving.grounds import Ground
from invariants.carving.policies import Carved, Piece
from invariants.catalog import AUTHORISATION_TYPES

_MAX_DESCRIPTION: Final = 512
_MOST_SAID: Final = 3
_SPLIT: Final = "split-exemption"


@dataclass(frozen=True, slots=True)
class Mark:
    """What somebody who looks for the carve-out finds: values of a key in a statement of the new text."""

    policy_id: str
    sid: str
    key: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """Characters without white space, or policies at one target. `limit` None: AWS publishes none."""

    before: int
    after: int
    limit: int | None

    @property
    def is_over(self) -> bool:
        return self.limit is not None and self.after > self.limit


@dataclass(frozen=True, slots=True)
class Change:
    """One policy before and after, as JSON with an indent of two; "" where there is none.

    `policy_id` "" for a policy that is to be made. `attach` and `detach` are ids of targets. `pieces` are
    the statements that changed, to be undone one day.
    """

    policy_id: str
    name: str
    description: str
    type: str
    before: str
    after: str
    size: Budget
    slots: Budget | None = None
    attach: tuple[str, ...] = ()
    detach: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    marks: tuple[Mark, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def minified(self) -> str:
        """As AWS is given it."""
        return compact(self.after, self.type)

    @property
    def diff(self) -> str:
        """Unified, with three lines around."""
        name = self.name.replace("\n", " ")
        lines = difflib.unified_diff(
            self.before.splitlines(),
            self.after.splitlines(),
            fromfile=f"a/{name}.json" if self.before else "/dev/null",
            tofile=f"b/{name}.json" if self.after else "/dev/null",
            lineterm="",
        )
        return "".join(f"{line}\n" for line in lines)

    def as_json(self) -> dict[str, Any]:
        return {
            "policy_id": self.policy_id,
            "name": self.name,
            "description": self.description,
            "type": self.type,
            "before": self.before,
            "after": self.after,
            "minified": self.minified,
            "size": _budget(self.size),
            "slots": _budget(self.slots) if self.slots else None,
            "attach": list(self.attach),
            "detach": list(self.detach),
            "pieces": [piece.as_json() for piece in self.pieces],
            "marks": [
                {
                    "policy_id": mark.policy_id,
                    "sid": mark.sid,
                    "key": mark.key,
                    "operator": mark.operator,
                    "values": list(mark.values),
                }
                for mark in self.marks
            ],
            "remarks": list(self.remarks),
        }


def _budget(one: Budget) -> dict[str, Any]:
    return {"before": one.before, "after": one.after, "limit": one.limit, "is_over": one.is_over}


def printed(document: Mapping[str, Any]) -> str:
    """One value a line, so that a diff shows each."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def shown(policy: engine.Policy) -> str:
    """A policy for people: values as lists, so that one more is one line more."""
    document = engine.document(policy)
    return printed(document | {"Statement": [_listed(one) for one in document["Statement"]]})


def _listed(statement: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(statement)
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        if name in found and found[name] != "*":
            found[name] = _list(found[name])
    if "Condition" in found:
        found["Condition"] = {
            operator: {key: _list(values) for key, values in keys.items()}
            for operator, keys in found["Condition"].items()
        }
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def compact(text: str, policy_type: str) -> str:
    """The text without white space; of a policy that decides requests without lists of one as well."""
    if not text:
        return ""
    if policy_type in AUTHORISATION_TYPES:
        return engine.print_policy(engine.parse(text))
    return engine.minified(text)


def size_of(before: str, after: str, policy_type: str) -> Budget:
    """:param before: text of the policy, "" where there is none."""
    limit = lint.current_limits().of(policy_type).characters
    used = engine.minified_size(before) if before else 0
    return Budget(used, len(compact(after, policy_type)), limit)


def slots_of(
    ground: Ground, targets: Iterable[str], policy_type: str, *, added: int
) -> Budget | None:
    """Of the fullest of the targets."""
    counts = [len(ground.of_type(target, policy_type)) for target in targets]
    if not counts:
        return None
    return Budget(max(counts), max(counts) + added, lint.current_limits().of(policy_type).slots)


def marks_of(policy_id: str, carved: Carved, sides: Collection[Side]) -> tuple[Mark, ...]:
    """The values of the sides that stand in changed statements, or names where names carry them."""
    found: list[Mark] = []
    for piece in carved.pieces:
        for statement in piece.after:
            sid = statement.sid or ""
            for side in sides:
                for condition in side.outside:
                    for there in statement.conditions:
                        values = tuple(v for v in condition.values if v in there.values)
                        is_same = there.key.lower() == condition.key.lower()
                        if is_same and values and there.operator.base.is_negated:
                            name = there.operator.name
                            found.append(Mark(policy_id, sid, there.key, name, values))
    return tuple(dict.fromkeys(found))


def remarks_of(before: str, after: str, policy_type: str, ground: Ground) -> tuple[str, ...]:
    """What the linter says of the new text and not of the old one, a sentence or two for each rule."""
    guards = lint.guards_of(_documents(ground))
    known = {(one.rule.id, one.message) for one in _linted(before, policy_type, guards)}
    by_rule: dict[str, list[lint.LintFinding]] = {}
    for one in _linted(after, policy_type, guards):
        # An edit of several sides is split on purpose, and the engine has proven what it comes to.
        if (one.rule.id, one.message) not in known and one.rule.id != _SPLIT:
            by_rule.setdefault(one.rule.id, []).append(one)
    return tuple(_remark(found) for found in by_rule.values())


def _remark(found: Sequence[lint.LintFinding]) -> str:
    said = "; ".join(one.message for one in found[:_MOST_SAID])
    more = len(found) - _MOST_SAID
    rest = f"; and {more} more" if more > 0 else ""
    rule = found[0].rule
    return f"{said}{rest}. {rule.explanation} {rule.fix}"


def _linted(text: str, policy_type: str, guards: lint.Guards) -> tuple[lint.LintFinding, ...]:
    return lint.lint(text, policy_type, guards=guards) if text else ()


def _documents(ground: Ground) -> Iterable[Mapping[str, Any]]:
    for policy in ground.policies.values():
        if policy.type in AUTHORISATION_TYPES and policy.text and ground.targets(policy.id):
            try:
                yield json.loads(policy.text)
            except ValueError:
                continue


def terraform_of(change: Change) -> str:
    """The policy as a whole resource, with what to import where it stands in AWS already."""
    document = exports.Document(
        invariant_id=_identifier(change.name),
        name=change.name,
        description=change.description[:_MAX_DESCRIPTION],
        type=change.type,
        content=change.minified,
        targets=(),
    )
    name = document.identifier
    lines = []
    if change.policy_id:
        lines += [
            "# Where Terraform does not know the policy yet; needs Terraform 1.5.",
            "import {",
            f"  to = aws_organizations_policy.{name}",
            f'  id = "{change.policy_id}"',
            "}",
            "",
        ]
    lines.append(exports.resource(document))
    for number, target in enumerate(change.attach):
        lines += [
            f'resource "aws_organizations_policy_attachment" "{name}_{number}" {{',
            f"  policy_id = aws_organizations_policy.{name}.id",
            f"  target_id = {exports.quoted(target)}",
            "}",
            "",
        ]
    return "\n".join(lines)


def _identifier(name: str) -> str:
    """A name that Terraform takes: letters, digits, hyphens and underscores, a letter first."""
    plain = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name)
    plain = plain.strip("-").lower() or "policy"
    return plain if plain[0].isalpha() else f"policy-{plain}"
