"""What proves a state, as JSON: probes, settings, carve-outs, the statements meant for the invariant.

{"probes": [{"name", "must_deny", "answer", "action", "principal", "resource", "outcome", "reason",
  "layer", "policy_id", "sid", "statement", "level", "missing"}],
 "settings": [{"path", "wanted", "found", "answer", "policy_id", "level"}],
 "carve_outs": [{"policy_id", "statement", "sid", "level", "mechanism", "key", "operator", "value",
  "is_usual", "until", "probe", "exception"}],
 "serves": [[policy_id, statement]], "missing": [keys], "also": [words]}

What would be empty is left out. A level is the id of the root or an OU, or ACCOUNT for the account itself;
statements count from 0; in texts {account} stands for the account; `exception` is the ref of the one in
force that people approved, also where the account as a whole is let off. Mechanisms: a another OU, b principals,
c tags, d a list of values, e a policy further down, f a time at which it ends.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from invariants import engine
from invariants.evaluation.coverage.asking import Heard
from invariants.evaluation.coverage.carve_outs import OVERRIDE, CarveOut
from invariants.evaluation.coverage.rulings import Ruling
from invariants.evaluation.coverage.scopes import Excepted
from invariants.evaluation.coverage.settings import Inherited, Told
from invariants.policies.exceptions.fitting import Asked, Fit, fit

Levels = Mapping[engine.Layer, Sequence[str]]


def of_ruling(ruling: Ruling, levels: Levels, account_id: str) -> dict[str, Any]:
    """:param levels: the ids of the levels, by layer and number."""
    return _filled(
        probes=[_probe(heard, levels, account_id) for heard in ruling.heard],
        carve_outs=[_carve_out(one, levels) for one in ruling.carve_outs],
        serves=[[ref.policy_id, ref.number] for ref in ruling.serving],
        missing=list(ruling.missing),
        also=list(ruling.also),
    )


def of_inherited(inherited: Inherited, levels: Sequence[str]) -> dict[str, Any]:
    overriding = inherited.overriding
    return _filled(
        settings=[_setting(one, levels) for one in inherited.told],
        carve_outs=[_override(overriding, levels)] if overriding else [],
    )


def of_exception(excepted: Excepted, found: dict[str, Any]) -> dict[str, Any]:
    """What was found in the account, and the exception by which it may be so."""
    carve_out = _filled(mechanism=excepted.mechanism, value=excepted.value, exception=excepted.ref)
    return found | {"carve_outs": [*found.get("carve_outs", ()), carve_out]}


def with_approvals(
    found: Mapping[str, Any], approved: Sequence[Asked], account_id: str
) -> Mapping[str, Any]:
    """The evidence with the ref of the exception in force at each carve-out that one fits."""
    if not approved or not found.get("carve_outs"):
        return found
    named = [
        one | _filled(exception=_ref_for(one, approved, account_id)) for one in found["carve_outs"]
    ]
    return dict(found) | {"carve_outs": named}


def _ref_for(carve_out: Mapping[str, Any], approved: Sequence[Asked], account_id: str) -> str:
    fitting = [(fit(one, carve_out, account_id), one.ref) for one in approved]
    best = max(fitting, key=lambda pair: pair[0])
    return best[1] if best[0] is Fit.WITHIN else ""


def lets_pass(found: Mapping[str, Any]) -> bool:
    """Whether a request passes that has to be denied: the policy exempts the account as a whole."""
    probes = found.get("probes", ())
    return any(one.get("must_deny") and one.get("answer") == "BREAKS" for one in probes)


def _probe(heard: Heard, levels: Levels, account_id: str) -> dict[str, Any]:
    verdict = heard.verdict
    request = heard.request
    principal = request.principal.arn or "*"
    return _filled(
        name=heard.probe.name,
        must_deny=heard.must_deny,
        answer=str(heard.answer),
        action=request.action,
        principal=principal.replace(account_id, "{account}"),
        resource=(request.resource or "").replace(account_id, "{account}"),
        outcome=str(verdict.outcome),
        reason=str(_reason(verdict.reason)),
        layer=str(verdict.layer),
        policy_id=verdict.policy,
        sid=verdict.sid,
        statement=verdict.statement,
        level=_level(verdict.level, levels[verdict.layer]),
        missing=list(verdict.missing),
    )


def _reason(reason: engine.Reason) -> engine.Reason:
    """Whether no policy has a say or none is attached is the same to whoever asks."""
    is_empty = reason is engine.Reason.NO_POLICIES
    return engine.Reason.NOTHING_DENIES if is_empty else reason


def _carve_out(one: CarveOut, levels: Levels) -> dict[str, Any]:
    return _filled(
        policy_id=one.ref.policy_id,
        statement=one.ref.number,
        sid=one.sid,
        level=_level(one.level, levels[one.ref.layer]),
        mechanism=one.mechanism,
        key=one.key,
        operator=one.operator,
        value=one.value,
        is_usual=one.is_usual,
        until=one.until,
        probe=one.probe,
    )


def _setting(told: Told, levels: Sequence[str]) -> dict[str, Any]:
    return _filled(
        path=told.result.setting.path,
        wanted=told.result.setting.value,
        found=told.result.found,
        answer=str(told.result.answer),
        policy_id=told.policy_id,
        level=_level(told.level, levels),
    )


def _override(told: Told, levels: Sequence[str]) -> dict[str, Any]:
    return _filled(
        policy_id=told.policy_id,
        level=_level(told.level, levels),
        mechanism=OVERRIDE,
        key=told.result.setting.path,
        value=told.result.found,
    )


def _level(number: str | int | None, levels: Sequence[str]) -> str | None:
    return None if number is None or int(number) >= len(levels) else levels[int(number)]


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
