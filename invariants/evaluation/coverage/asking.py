"""Probes as requests of one account, put to the policies that decide them: SCPs by the account that asks,
RCPs by the account that owns the resource."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from invariants import catalog, engine
from invariants.catalog import Answer, Probe
from invariants.engine.truth import TRUE, UNKNOWN
from invariants.evaluation.coverage.layers import LAYERS, Layers, Way, stack
from invariants.evaluation.coverage.world import World

# Stands for every account that no policy names: no organisation has it.
ANY_ACCOUNT: Final = "000000000000"
CLOCK_KEYS: Final = frozenset({"aws:currenttime", "aws:epochtime"})


@dataclass(frozen=True, slots=True)
class Ref:
    """A statement of a policy in AWS; `number` counts from 0."""

    layer: engine.Layer
    policy_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a probe in an account.

    `denying` are the statements that deny the request, each by itself; `open` those that may, for all
    that is known. `bare_level` is the level (by its number) at which nothing allows the request.
    """

    probe: Probe
    must_deny: bool
    request: engine.Request
    answer: Answer
    verdict: engine.Verdict
    denying: tuple[Ref, ...]
    open: tuple[Ref, ...]

    @property
    def bare_level(self) -> int | None:
        if self.verdict.reason is not engine.Reason.NO_ALLOW or self.verdict.level is None:
            return None
        return int(self.verdict.level)


@dataclass(frozen=True, slots=True)
class Subject:
    """The account that is asked about, as far as policies can tell it from others.

    `account_id` is its own where a policy names it, else ANY_ACCOUNT.
    """

    account_id: str
    scp: Way
    rcp: Way

    def way(self, layer: engine.Layer) -> Way:
        return self.scp if layer is engine.Layer.SCP else self.rcp

    def is_under(self, layer: engine.Layer, policy_id: str) -> bool:
        """Whether the policy reaches the account."""
        return any(policy_id in policies for policies in self.way(layer).core)


class Asking:
    """Requests and stacks of one world, each made once."""

    def __init__(
        self,
        world: World,
        layers: Layers,
        parameters: Mapping[str, tuple[str, ...]],
        *,
        reads: Collection[str],
        now: datetime,
    ) -> None:
        self.world = world
        self._layers = layers
        self._parameters = parameters
        self.reads = frozenset(reads)
        self._now = now
        self._around = catalog.surroundings(parameters)
        accounts = {node.id for node in world.accounts} | {world.management_account_id}
        self._own_accounts = self._around.own_accounts | accounts
        self._organization = engine.Organization(world.management_account_id)
        self._requests: dict[tuple[str, str, int, bool], engine.Request] = {}
        self._stacks: dict[tuple[engine.Layer, tuple[tuple[str, ...], ...]], engine.Stack] = {}
        self._own_stacks: dict[str, engine.Stack] = {}

    @property
    def region(self) -> str:
        """An approved Region."""
        return self._around.region

    def ask(self, record: catalog.Invariant, subject: Subject) -> tuple[Heard, ...]:
        """Ask every probe of an invariant that is about the subject, must_deny first."""
        layer = next(layer for layer, name in LAYERS.items() if name == record.type)
        found = []
        for probes, must_deny in ((record.must_deny, True), (record.must_allow, False)):
            for number, probe in enumerate(probes):
                request = self._request(record.id, probe, number, must_deny, subject.account_id)
                if engine.account_of(layer, request) == subject.account_id:
                    found.append(self.hear(probe, request, subject, must_deny=must_deny))
        return tuple(found)

    def hear(
        self, probe: Probe, request: engine.Request, subject: Subject, *, must_deny: bool
    ) -> Heard:
        """Put one request to all policies that decide it."""
        stacks = tuple(self.stacks(request, subject))
        organization = self._organization
        verdicts = [engine.evaluate(request, one, organization=organization) for one in stacks]
        verdict = engine.strictest(verdicts) if verdicts else _UNREACHED
        denying: list[Ref] = []
        undecided: list[Ref] = []
        for one, found in zip(stacks, verdicts, strict=True):
            if found.outcome is not engine.Outcome.NOT_DENIED:
                _statements(request, one, found, denying, undecided)
        answer = _answer(verdict.outcome, must_deny=must_deny)
        return Heard(probe, must_deny, request, answer, verdict, tuple(denying), tuple(undecided))

    def stacks(self, request: engine.Request, subject: Subject) -> Iterator[engine.Stack]:
        """The stacks that decide a request; none of an account outside the organisation."""
        for layer in LAYERS:
            account_id = engine.account_of(layer, request)
            if account_id == subject.account_id:
                yield self._stack(layer, subject.way(layer).core)
            elif account_id is not None and account_id in self.world.nodes:
                way = self._layers.way(account_id, LAYERS[layer])
                yield self._stack(layer, way.core)

    def own_stack(self, record: catalog.Invariant) -> engine.Stack:
        """The invariant's own policy alone, as the catalogue has it."""
        found = self._own_stacks.get(record.id)
        if found is None:
            found = self._own_stacks[record.id] = catalog.stack_of(record)
        return found

    def _stack(self, layer: engine.Layer, core: tuple[tuple[str, ...], ...]) -> engine.Stack:
        found = self._stacks.get((layer, core))
        if found is None:
            found = self._stacks[layer, core] = stack(layer, core, self.world)
        return found

    def _request(
        self, invariant_id: str, probe: Probe, number: int, must_deny: bool, account_id: str
    ) -> engine.Request:
        key = (account_id, invariant_id, number, must_deny)
        found = self._requests.get(key)
        if found is None:
            found = self._requests[key] = self._made(probe, account_id)
        return found

    def _made(self, probe: Probe, account_id: str) -> engine.Request:
        around = replace(
            self._around,
            organization_id=self.world.org_id,
            member_account=account_id,
            own_accounts=self._own_accounts | {account_id},
        )
        request = catalog.probe_request(
            localised(probe, self._substitutes(account_id)), around, reads=self.reads
        )
        if not self.reads & CLOCK_KEYS:
            return request
        clock = {
            "aws:currenttime": engine.present(self._now.strftime("%Y-%m-%dT%H:%M:%SZ")),
            "aws:epochtime": engine.present(int(self._now.timestamp())),
        }
        return replace(request, context=clock | dict(request.context))

    def _substitutes(self, account_id: str) -> dict[str, str]:
        """What probes say of the catalogue's example organisation, as it is in this one."""
        real = {
            "member_account": account_id,
            "management_account": self.world.management_account_id,
            "organization_id": self.world.org_id,
        }
        return {
            values[0]: real[name]
            for name, values in self._parameters.items()
            if name in real and values[0] != real[name]
        }


def localised(probe: Probe, substitutes: Mapping[str, str]) -> Probe:
    """The probe with each text that holds a key of `substitutes` rewritten."""

    def text(value: Any) -> Any:
        if isinstance(value, str):
            for old, new in substitutes.items():
                value = value.replace(old, new)
            return value
        if isinstance(value, tuple):
            return tuple(text(one) for one in value)
        if isinstance(value, catalog.StateOf):
            return replace(value, one_of=text(value.one_of))
        return value

    return replace(
        probe,
        principal=text(probe.principal),
        resource=text(probe.resource),
        resource_account=text(probe.resource_account),
        context={key: text(value) for key, value in probe.context.items()},
    )


_UNREACHED: Final = engine.Verdict(
    engine.Outcome.NOT_DENIED, engine.Layer.SCP, engine.Reason.NO_POLICIES
)


def _answer(outcome: engine.Outcome, *, must_deny: bool) -> Answer:
    if outcome is engine.Outcome.UNKNOWN:
        return Answer.UNKNOWN
    is_denied = outcome is engine.Outcome.DENIED
    return Answer.HOLDS if is_denied is must_deny else Answer.BREAKS


def _statements(
    request: engine.Request,
    asked: engine.Stack,
    verdict: engine.Verdict,
    denying: list[Ref],
    undecided: list[Ref],
) -> None:
    """Add the statements that deny the request, and those that may."""
    for placed in asked.relevant(request.action).denies:
        truth = placed.compiled.truth_for_action(request)
        if truth is TRUE:
            denying.append(Ref(asked.layer, placed.policy, placed.number))
        elif truth is UNKNOWN:
            undecided.append(Ref(asked.layer, placed.policy, placed.number))
    # Several worlds of a request may agree on a verdict that no statement has alone.
    if verdict.policy is not None and verdict.statement is not None:
        ref = Ref(asked.layer, verdict.policy, verdict.statement)
        found = denying if verdict.outcome is engine.Outcome.DENIED else undecided
        if not found:
            found.append(ref)
