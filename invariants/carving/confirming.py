"""Proof by the engine that an exception is gone: what the catalogue denies is denied again, and whatever else got
through, by right, still does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from invariants import catalog, engine
from invariants.carving import variants
from invariants.carving.boxes import Side
from invariants.carving.policies import read
from invariants.carving.proving import Bench, Case, Proof, stack_of, truth_beyond
from invariants.carving.refusals import HeldByAnother, Unfit
from invariants.carving.variants import Setting
from invariants.catalog import Probe
from invariants.engine import Outcome, Policy, Request


@dataclass(frozen=True, slots=True)
class Other:
    """The box of an exception that holds on, and where it is asked for."""

    sides: tuple[Side, ...]
    setting: Setting


@dataclass(frozen=True, slots=True)
class Around:
    """Where it is asked, and beside which others; `is_shared`: one of these keeps something of this one."""

    setting: Setting
    others: tuple[Other, ...] = ()
    is_shared: bool = False


@dataclass(slots=True)
class _Asking:
    bench: Bench
    own: engine.Stack
    sides: tuple[Side, ...]
    around: Around
    through: dict[Case, Request]
    denied: dict[Case, None]
    wrong: dict[Case, None]
    more: dict[Case, None]
    same: int = 0

    def judge(self, case: Case, request: Request) -> None:
        """Write one request down by what both texts and the catalogue's own say of it."""
        own = engine.evaluate(request, self.own).outcome
        is_inside = truth_beyond(request, self.sides) is engine.FALSE
        if case.before is Outcome.DENIED:
            self._denied(case)
        elif case.after is Outcome.DENIED and own is Outcome.DENIED:
            if is_inside:
                self.through[case] = request
            else:
                self.more[case] = None
        elif case.after is not case.before or (is_inside and self._is_left(own)):
            self.wrong[case] = None
        else:
            self.same += 1

    def _is_left(self, own: Outcome) -> bool:
        """Whether what gets through should not: no other exception keeps it."""
        return own is Outcome.DENIED and not self.around.is_shared

    def _denied(self, case: Case) -> None:
        if case.after is not Outcome.DENIED:
            self.wrong[case] = None
        elif case.side:
            self.denied[case] = None
        else:
            self.same += 1


def confirm(
    record: catalog.Invariant,
    before: Sequence[Policy],
    after: Sequence[Policy],
    sides: tuple[Side, ...],
    around: Around,
) -> tuple[Proof, bool]:
    """Ask the texts as they stand and without the exception, beside the catalogue's own text.

    Returns the proof, whose `through` is denied again, and whether more than the scope is denied again
    with it.

    :raises Unfit: where it does not hold, with the first request that shows it; HeldByAnother where nothing
        would be denied again.
    """
    own = read(record.policy, catalog.grammar_of(record.type))
    asking = _Asking(
        Bench.of(record, before, after, around.setting, also=(own,)),
        stack_of(record, (own,)),
        sides,
        around,
        *({}, {}, {}, {}),
    )
    for probe, account, side in _requests(record, sides, around.setting):
        asking.judge(*asking.bench.ask(probe, account, side))
    wrong = [*asking.wrong, *lost(record, before, after, around.others)]
    proof = Proof(
        tuple(asking.through),
        tuple(asking.denied),
        asking.same,
        tuple(wrong),
        tuple(asking.through.values()),
    )
    _check(proof, record, is_shared=around.is_shared)
    return proof, bool(asking.more)


def _check(proof: Proof, record: catalog.Invariant, *, is_shared: bool) -> None:
    if proof.wrong:
        case = proof.wrong[0]
        what = (
            "would still get through"
            if case.after is Outcome.NOT_DENIED
            else "would be denied, too"
        )
        raise Unfit(
            f"The engine does not confirm the removal: {case.name} ({case.action} by {case.principal}) "
            f"{what}.",
            "Take it out by hand, and have that tried with a what-if before it is merged.",
        )
    if not proof.through and is_shared:
        raise HeldByAnother(
            "All that it lets through gets through by another exception as well, which holds on.",
            "There is nothing to remove: it goes with the last of them.",
        )
    if not proof.through:
        raise Unfit(
            f"None of the requests that {record.id} has to deny gets through by these values, as far as "
            "its probes tell.",
            "Look at the policy by hand: what stands there may be left over, or be another's.",
        )


def _requests(
    record: catalog.Invariant, sides: tuple[Side, ...], setting: Setting
) -> Iterator[tuple[Probe, str, str]]:
    """Probe, account and the side beyond which it is: within the box, beyond it, and as the catalogue asks."""
    member = setting.around.member_account
    for probe in record.must_deny:
        for number in range(variants.count(sides)):
            inner = variants.inside(probe, sides, number, setting)
            yield inner, member, ""
            if not number:
                yield from variants.outside(inner, probe, sides, setting)
    for probe in record.probes:
        for account in filter(None, (member, setting.other)):
            yield probe, account, ""


def lost(
    record: catalog.Invariant,
    before: Sequence[Policy],
    after: Sequence[Policy],
    others: Sequence[Other],
) -> Iterator[Case]:
    """What other exceptions let through, and would no longer."""
    for other in others:
        bench = Bench.of(record, before, after, other.setting)
        for probe in record.must_deny:
            for number in range(variants.count(other.sides)):
                inner = variants.inside(probe, other.sides, number, other.setting)
                case, _ = bench.ask(inner, other.setting.around.member_account)
                if case.before is Outcome.NOT_DENIED and case.after is not Outcome.NOT_DENIED:
                    yield case
