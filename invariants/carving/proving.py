"""Proof by the engine: the edited policy lets exactly the box through, and denies what it denied before.

The requests are the invariant's own probes and variants of them: within the box by one value of each side
after another, and beyond it by one side at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from invariants import catalog, engine
from invariants.carving import variants
from invariants.carving.boxes import Side, layer_of
from invariants.carving.variants import Setting, stamp
from invariants.catalog import Probe
from invariants.engine import Outcome, Policy, Request

_EVERYTHING: Final = engine.parse(
    {
        "Version": engine.VERSION,
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
)


@dataclass(frozen=True, slots=True)
class Case:
    """One request and what both texts say of it. `side`: which side it is beyond, "" within the box or
    as the catalogue asks it."""

    name: str
    action: str
    principal: str
    side: str
    before: Outcome
    after: Outcome


@dataclass(frozen=True, slots=True)
class Proof:
    """`through` were denied and no longer are; `denied` are beyond the box and still denied; `wrong` is
    what should have come out otherwise; `requests` are those of `through`."""

    through: tuple[Case, ...]
    denied: tuple[Case, ...]
    unchanged: int
    wrong: tuple[Case, ...]
    requests: tuple[Request, ...] = ()

    @property
    def holds(self) -> bool:
        return bool(self.through) and not self.wrong

    def as_json(self) -> dict[str, Any]:
        return {
            "holds": self.holds,
            "through": [_told(case) for case in self.through],
            "denied": [_told(case) for case in self.denied],
            "unchanged": self.unchanged,
            "wrong": [_told(case) for case in self.wrong],
        }


def _told(case: Case) -> dict[str, str]:
    return {
        "name": case.name,
        "action": case.action,
        "principal": case.principal,
        "side": case.side,
    }


@dataclass(slots=True)
class Bench:
    """Both texts, compiled, to be asked."""

    before: engine.Stack
    after: engine.Stack
    reads: frozenset[str]
    setting: Setting

    @classmethod
    def of(
        cls,
        record: catalog.Invariant,
        before: Sequence[Policy],
        after: Sequence[Policy],
        setting: Setting,
        *,
        also: Sequence[Policy] = (),
    ) -> "Bench":
        """`also`: texts that the same requests are put to elsewhere."""
        reads = frozenset(
            key.lower() for text in (*before, *after, *also) for key in engine.keys_read(text)
        )
        return cls(stack_of(record, before), stack_of(record, after), reads, setting)

    def ask(self, probe: Probe, member: str, side: str = "") -> tuple[Case, Request]:
        around = replace(self.setting.around, member_account=member)
        request = _clocked(catalog.probe_request(probe, around, reads=self.reads), self.setting)
        request = _pathed(request, self.setting.paths, self.reads)
        case = Case(
            probe.name,
            request.action,
            request.principal.arn or probe.principal,
            side,
            engine.evaluate(request, self.before).outcome,
            engine.evaluate(request, self.after).outcome,
        )
        return case, request


def prove(
    record: catalog.Invariant,
    before: Sequence[Policy],
    after: Sequence[Policy],
    sides: tuple[Side, ...],
    setting: Setting,
) -> Proof:
    """Ask the texts before and after, alone beside AWS's own allowance, what they say of the requests."""
    bench = Bench.of(record, before, after, setting)
    member = setting.around.member_account
    through: dict[Case, Request] = {}
    denied: list[Case] = []
    wrong: list[Case] = []
    for probe in record.must_deny:
        for number in range(variants.count(sides)):
            inner = variants.inside(probe, sides, number, setting)
            case, request = bench.ask(inner, member)
            if (
                case.before is not Outcome.DENIED
                or truth_beyond(request, sides) is not engine.FALSE
            ):
                continue
            if case.after is Outcome.NOT_DENIED:
                through[case] = request
            else:
                wrong.append(case)
            if number:
                continue
            for outer, account, side in variants.outside(inner, probe, sides, setting):
                beyond, request = bench.ask(outer, account, side)
                is_beyond = truth_beyond(request, sides) is engine.TRUE
                if is_beyond and beyond.before is Outcome.DENIED:
                    (denied if beyond.after is Outcome.DENIED else wrong).append(beyond)
    same, moved = _plain(bench, record, sides, member)
    return Proof(
        tuple(through),
        _distinct(denied),
        same,
        _distinct([*wrong, *moved]),
        tuple(through.values()),
    )


def _plain(
    bench: Bench, record: catalog.Invariant, sides: tuple[Side, ...], member: str
) -> tuple[int, list[Case]]:
    """The catalogue's probes as they are: those that are not in the box come out as before."""
    same, moved = 0, []
    for probe in record.probes:
        for account in filter(None, (member, bench.setting.other)):
            case, request = bench.ask(probe, account)
            if case.before is case.after:
                same += 1
            elif truth_beyond(request, sides) is engine.TRUE:
                moved.append(case)
    return same, moved


def truth_beyond(request: Request, sides: tuple[Side, ...]) -> engine.Truth:
    """Whether the request is beyond any side: FALSE means that it is in the box for certain.

    Read from the sides alone, not from what was written into the policy.
    """
    found = engine.FALSE
    for side in sides:
        outside = engine.Statement(
            engine.Effect.DENY,
            engine.Names(side.actions, True) if side.actions else engine.Names(("*",)),
            engine.Names(side.resources, True) if side.resources else engine.Names(("*",)),
            conditions=side.outside,
        )
        truth = engine.statement_truth(outside, request)
        if truth is engine.TRUE:
            return truth
        if truth is engine.UNKNOWN:
            found = truth
    return found


def stack_of(record: catalog.Invariant, policies: Sequence[Policy]) -> engine.Stack:
    """The texts at one level, as `catalog.stack_of` has the invariant's own."""
    attached = [engine.Attached(f"{number}", one) for number, one in enumerate(policies)]
    if record.type != catalog.BOUNDARY:
        attached.insert(0, engine.Attached("FullAWSAccess", _EVERYTHING))
    return engine.compile_stack(layer_of(record.type), [engine.Level("root", tuple(attached))])


def _clocked(request: Request, setting: Setting) -> Request:
    if "aws:currenttime" in request.states:
        return request
    clock = {"aws:currenttime": engine.present(stamp(setting.now))}
    return replace(request, context=dict(request.context) | clock)


def _pathed(request: Request, paths: Mapping[str, str], reads: frozenset[str]) -> Request:
    """With the places of both accounts in the organisation's tree, where the texts read them."""
    added: dict[str, engine.KeyState] = {}
    whose = {
        "aws:principalorgpaths": request.principal.account_id,
        "aws:resourceorgpaths": request.resource_account_id,
    }
    for key, account_id in whose.items():
        if key in reads:
            path = paths.get(account_id or "")
            added[key] = engine.present(path) if path else engine.ABSENT
    return replace(request, context=dict(request.context) | added) if added else request


def _distinct(cases: list[Case]) -> tuple[Case, ...]:
    return tuple(dict.fromkeys(cases))
