"""Does a policy do what its invariant says: its probes by the engine, its settings by inheritance."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from invariants import engine
from invariants.catalog.records import Invariant, Probe, Setting
from invariants.catalog.requests import Surroundings, probe_request
from invariants.catalog.vocabulary import BOUNDARY, RCP, SCP

_FULL_ACCESS: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
_GRAMMARS: Final = {SCP: engine.Grammar.SCP, RCP: engine.Grammar.RCP}


class Answer(StrEnum):
    """UNKNOWN: the request does not say enough for the policies that decide it."""

    HOLDS = "HOLDS"
    BREAKS = "BREAKS"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What became of one probe. `must_deny`: which way it had to go."""

    probe: Probe
    must_deny: bool
    answer: Answer
    verdict: engine.Verdict


@dataclass(frozen=True, slots=True)
class SettingResult:
    """What a management policy comes to at one path; `found` is None where nothing is set."""

    setting: Setting
    answer: Answer
    found: Any


def grammar_of(policy_type: str) -> engine.Grammar:
    return _GRAMMARS.get(policy_type, engine.Grammar.ANY)


def stack_of(invariant: Invariant) -> engine.Stack:
    """The invariant's own policy alone at the root, beside the one that AWS attaches.

    :raises PolicySyntaxError: for a policy that AWS would refuse; a loaded one is none.
    """
    policy = engine.parse(invariant.policy, grammar=grammar_of(invariant.type))
    attached = [engine.Attached(invariant.id, policy)]
    # A boundary allows what it allows and nothing else; an SCP has AWS's allowance beside it.
    if invariant.type != BOUNDARY:
        attached.insert(0, engine.Attached("FullAWSAccess", engine.parse(_FULL_ACCESS)))
    layer = engine.Layer.RCP if invariant.type == RCP else engine.Layer.SCP
    return engine.compile_stack(layer, [engine.Level("root", tuple(attached))])


@dataclass(frozen=True, slots=True)
class Prepared:
    """A probe with its request made, to be asked of many stacks."""

    invariant_id: str
    probe: Probe
    must_deny: bool
    request: engine.Request

    def ask(self, stack: engine.Stack) -> ProbeResult:
        """What `stack` does with the request: the stack of the layer and account that decide it."""
        verdict = engine.evaluate(self.request, stack)
        answer = _answer(verdict.outcome, must_deny=self.must_deny)
        return ProbeResult(self.probe, self.must_deny, answer, verdict)


def prepare(
    invariant: Invariant, around: Surroundings, *, reads: Collection[str] = ()
) -> tuple[Prepared, ...]:
    """Make the requests of an invariant's probes, those that must be denied first.

    `reads` are the condition keys of all policies that will be asked (`engine.keys_read`).
    """
    return tuple(
        Prepared(invariant.id, probe, must_deny, probe_request(probe, around, reads=reads))
        for probes, must_deny in ((invariant.must_deny, True), (invariant.must_allow, False))
        for probe in probes
    )


def run_probes(
    invariant: Invariant, around: Surroundings, *, stack: engine.Stack | None = None
) -> tuple[ProbeResult, ...]:
    """Ask every probe of `invariant` once, those that must be denied first.

    `stack` is what decides: an account's policies, or the invariant's own alone where none is given.
    """
    decides = stack or stack_of(invariant)
    return tuple(
        run_probe(probe, around, decides, must_deny=must_deny)
        for probes, must_deny in ((invariant.must_deny, True), (invariant.must_allow, False))
        for probe in probes
    )


def run_probe(
    probe: Probe, around: Surroundings, stack: engine.Stack, *, must_deny: bool
) -> ProbeResult:
    """Ask one probe of one stack."""
    request = probe_request(probe, around, reads=stack.relevant(probe.action).keys)
    return Prepared("", probe, must_deny, request).ask(stack)


def keys_of(stack: engine.Stack) -> frozenset[str]:
    """Condition keys that the policies of a stack read."""
    policies = (a.policy for level in stack.levels for a in level.policies if a.policy)
    return frozenset(key for policy in policies for key in engine.keys_read(policy))


def run_settings(
    invariant: Invariant, effective: Mapping[str, Any] | None = None
) -> tuple[SettingResult, ...]:
    """Compare what the invariant demands with an effective policy.

    `effective` is an account's, without inheritance operators; where none is given it is what the
    invariant's own policy alone comes to.
    """
    document = engine.effective_policy([[invariant.policy]]) if effective is None else effective
    return tuple(_setting(setting, document) for setting in invariant.must_set)


def _answer(outcome: engine.Outcome, *, must_deny: bool) -> Answer:
    if outcome is engine.Outcome.UNKNOWN:
        return Answer.UNKNOWN
    is_denied = outcome is engine.Outcome.DENIED
    return Answer.HOLDS if is_denied is must_deny else Answer.BREAKS


def _setting(setting: Setting, document: Mapping[str, Any]) -> SettingResult:
    found: Any = document
    for name in setting.path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    holds = found == setting.value
    if isinstance(setting.value, list) and isinstance(found, list):
        holds = all(item in found for item in setting.value)
    return SettingResult(setting, Answer.HOLDS if holds else Answer.BREAKS, found)
