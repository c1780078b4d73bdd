"""How an invariant stands in an account, by what became of its probes. docs/adr/0019 has the rules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from invariants import catalog, engine
from invariants.catalog import Answer
from invariants.evaluation.coverage import carve_outs
from invariants.evaluation.coverage.asking import Asking, Heard, Ref, Subject
from invariants.evaluation.coverage.carve_outs import CarveOut
from invariants.evaluation.coverage.kinship import Kinship

ENFORCED: Final = "ENFORCED"
CARVED_OUT: Final = "CARVED_OUT"
EXCEPTED: Final = "EXCEPTED"
MISSING: Final = "MISSING"
BROKEN: Final = "BROKEN"
NOT_ENFORCEABLE: Final = "NOT_ENFORCEABLE"
NOT_APPLICABLE: Final = "NOT_APPLICABLE"
UNKNOWN: Final = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A state with its reason in words. `ref` is the statement that decides, `policy_id` its policy.

    `level` is a number of the layer's way; None where no policy decides. `serving` are the statements
    that are meant for the invariant.
    """

    state: str
    reason: str
    layer: engine.Layer | None = None
    policy_id: str | None = None
    level: int | None = None
    heard: tuple[Heard, ...] = ()
    serving: tuple[Ref, ...] = ()
    carve_outs: tuple[CarveOut, ...] = ()
    missing: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """What a ruling needs to know of the account beside its policies: the role of its OU, and which
    invariants it is a target of."""

    role: str
    in_scope: frozenset[str]


def rule(
    record: catalog.Invariant, subject: Subject, place: Place, asking: Asking, kinship: Kinship
) -> Ruling:
    """Decide an SCP's or RCP's invariant in an account that it targets."""
    return _Case(record, subject, place, asking, kinship).ruling()


class _Case:
    def __init__(
        self,
        record: catalog.Invariant,
        subject: Subject,
        place: Place,
        asking: Asking,
        kinship: Kinship,
    ) -> None:
        self.record = record
        self.subject = subject
        self.place = place
        self.asking = asking
        self.kinship = kinship
        self.heard = asking.ask(record, subject)
        self.denials = [one for one in self.heard if one.must_deny]
        self.promises = [one for one in self.heard if not one.must_deny]
        self.serving = frozenset(self._serving())

    def ruling(self) -> Ruling:
        found = self._decided()
        serving = tuple(sorted(self.serving, key=_by_place))
        return replace(found, heard=self.heard, serving=serving)

    def _decided(self) -> Ruling:
        if not self.denials:
            return Ruling(UNKNOWN, "No probe of the invariant asks about this account.")
        if (bare := self._bare()) is not None:
            return bare
        if any(one.answer is Answer.BREAKS for one in self.denials):
            return self._not_enforced()
        if open_denials := [one for one in self.denials if one.answer is Answer.UNKNOWN]:
            return self._unknown(open_denials, "has to be denied")
        if broken := [one for one in self.promises if self._is_ours(one, one.denying)]:
            return self._locked_out(broken)
        if doubtful := [one for one in self.promises if self._is_doubtful(one)]:
            return self._unknown(doubtful, "must stay possible")
        return self._enforced()

    def _bare(self) -> Ruling | None:
        """Where a level allows nothing at all, everything is denied, for whatever reason."""
        for one in self.promises:
            level = one.bare_level
            if level is None:
                continue
            way = self.subject.way(one.verdict.layer)
            if level < len(way.core) and not self._allows_anything(one, level):
                reason = (
                    "Nothing is allowed at a level above the account: no policy there allows "
                    "anything (AWS attaches FullAWSAccess), so every request is denied, those "
                    "too that must stay possible."
                )
                return Ruling(BROKEN, reason, layer=one.verdict.layer, level=level)
        return None

    def _allows_anything(self, heard: Heard, level: int) -> bool:
        for stack in self.asking.stacks(heard.request, self.subject):
            if stack.layer is heard.verdict.layer:
                return any(
                    placed.compiled.statement.effect is engine.Effect.ALLOW
                    for placed in stack.placed[level]
                )
        return True

    def _not_enforced(self) -> Ruling:
        passing = [one for one in self.denials if one.answer is Answer.BREAKS]
        held = len([one for one in self.denials if one.answer is Answer.HOLDS])
        names = _listed(one.probe.name for one in passing)
        if meant := self._meant():
            said = (
                f"{held} of the {len(self.denials)}" if held else f"None of the {len(self.denials)}"
            )
            reason = (
                f"A policy that is meant for it is attached, but does not do what it should. "
                f"{said} requests that must be denied {_are(held)}. Not denied: {names}."
            )
            return self._at(Ruling(BROKEN, reason), meant[0])
        if self._is_off():
            reason = (
                f"{catalog.type_name(self.record.type)}: this type of policy is switched off on the "
                "root of the organisation, so that none is in force."
            )
            return Ruling(MISSING, reason)
        if held:
            reason = (
                f"No policy for it reaches the account. {held} of the {len(self.denials)} requests "
                f"that must be denied {_are(held)}, by what is there for something else. "
                f"Not denied: {names}."
            )
            return Ruling(MISSING, reason)
        return Ruling(MISSING, "No policy that reaches the account denies what must be denied.")

    def _locked_out(self, broken: Sequence[Heard]) -> Ruling:
        names = _listed(one.probe.name for one in broken)
        reason = (
            "What must be denied is, but so is what must stay possible: "
            f"{names}. The carve-out for it is missing or wrong."
        )
        return self._at(Ruling(BROKEN, reason), broken[0].denying[0])

    def _unknown(self, doubtful: Sequence[Heard], wanted: str) -> Ruling:
        first = doubtful[0].verdict
        names = _listed(one.probe.name for one in doubtful)
        missing = tuple(dict.fromkeys(key for one in doubtful for key in one.verdict.missing))
        if first.reason is engine.Reason.UNREADABLE_POLICY:
            policy = first.policy
            reason = (
                f"A policy above the account could not be read, so it is not known whether it denies "
                f"what {wanted}: {names}. Let the collector call organizations:DescribePolicy on it."
            )
        else:
            policy = first.policy
            keys = f" It depends on {_listed(missing)}." if missing else ""
            reason = f"It is not known whether is denied what {wanted}: {names}.{keys}"
        level = int(first.level) if first.level is not None else None
        return Ruling(
            UNKNOWN, reason, layer=first.layer, policy_id=policy, level=level, missing=missing
        )

    def _enforced(self) -> Ruling:
        count = len(self.denials)
        all_of = "The request" if count == 1 else f"All {count} requests"
        reason = f"{all_of} that must be denied {_are(count)}"
        reason += ", and what must stay possible is." if self.promises else "."
        also = tuple(
            f"{one.probe.name}: denied by a policy that is there for something else."
            for one in self.promises
            if one.answer is Answer.BREAKS
        )
        serving = self.serving or frozenset(ref for one in self.denials for ref in one.denying)
        found = carve_outs.find(self.record, self.denials, serving, self.subject, self.asking)
        ruling = Ruling(ENFORCED, reason, also=also)
        if found:
            said = f"{reason} {_exempt(found)}"
            ruling = Ruling(CARVED_OUT, said, carve_outs=found, also=also)
            return self._at(ruling, found[0].ref)
        return self._by_verdict(ruling, self.denials[0])

    def _serving(self) -> Iterable[Ref]:
        """The statements that are meant for the invariant: kin to it, or kin to none, the organisation's
        own, and denying what it has to deny."""
        for ref in self.kinship.meant_for(self.record.id):
            if self.subject.is_under(ref.layer, ref.policy_id):
                yield ref
        for one in self.denials:
            for ref in one.denying:
                if self.kinship.is_nobodys(ref):
                    yield ref

    def _meant(self) -> list[Ref]:
        """What is meant for the invariant, those first that deny something of it."""
        denying = {ref for one in self.denials for ref in one.denying}
        return sorted(self.serving, key=lambda ref: (ref not in denying, _by_place(ref)))

    def _is_ours(self, heard: Heard, refs: Iterable[Ref]) -> bool:
        """Whether one of the statements that deny a promise is the invariant's own business.

        In an account of the role that the promise is made for, every statement is that no other
        invariant answers for which the account is a target of.
        """
        if heard.answer is Answer.HOLDS:
            return False
        is_promised = heard.probe.account_role == self.place.role
        return any(
            ref in self.serving
            or (is_promised and not (self.kinship.of(ref) & self.place.in_scope))
            for ref in refs
        )

    def _is_doubtful(self, heard: Heard) -> bool:
        if heard.answer is not Answer.UNKNOWN:
            return False
        is_unreadable = heard.verdict.reason is engine.Reason.UNREADABLE_POLICY
        return is_unreadable or not heard.open or self._is_ours(heard, heard.open)

    def _is_off(self) -> bool:
        return self.record.type not in self.asking.world.enabled_types

    def _at(self, ruling: Ruling, ref: Ref) -> Ruling:
        way = self.subject.way(ref.layer)
        levels = [n for n, policies in enumerate(way.core) if ref.policy_id in policies]
        level = levels[0] if levels else None
        return replace(ruling, layer=ref.layer, policy_id=ref.policy_id, level=level)

    def _by_verdict(self, ruling: Ruling, heard: Heard) -> Ruling:
        """Named after what decides the first request: the invariant's own policy where it is there."""
        own = [ref for ref in heard.denying if ref in self.serving]
        if own:
            return self._at(ruling, own[0])
        verdict = heard.verdict
        level = int(verdict.level) if verdict.level is not None else None
        return replace(ruling, layer=verdict.layer, policy_id=verdict.policy, level=level)


def _by_place(ref: Ref) -> tuple[str, str, int]:
    return ref.layer.value, ref.policy_id, ref.number


def _are(count: int) -> str:
    return "is denied" if count == 1 else "are denied"


def _exempt(found: Sequence[CarveOut]) -> str:
    """By key: the values are in the evidence, since they may name other accounts."""
    keys = _listed(one.key for one in found)
    many = f"{len(found)} exemptions are" if len(found) > 1 else "An exemption is"
    return f"{many} in force beyond what the catalogue has, by {keys}."


def _listed(names: Iterable[str], most: int = 3) -> str:
    """Names for a sentence, the first three and how many more."""
    found = list(dict.fromkeys(names))
    more = len(found) - most
    said = "; ".join(found[:most])
    return f"{said}; and {more} more" if more > 0 else said
