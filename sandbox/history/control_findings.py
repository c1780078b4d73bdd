"""Control findings of the organisation at a moment."""

from collections.abc import Iterator

from sandbox import chance
from sandbox.findings import control_checks, resources
from sandbox.findings.control_checks import Identity, Verdict
from sandbox.history.checks import Check, status_at
from sandbox.history.story import ROOT_CONTROLS, acceptances_of
from sandbox.history.world import World
from sandbox.model import Document
from sandbox.moments import DAY, HOUR, NEVER, iso_text
from sandbox.org.accounts import AccountPlan

ARCHIVED_FOR = 30 * DAY
ACTIVE_FOR = 90 * DAY
"""How long AWS keeps findings after their last update."""
_OF_ROOT_MFA = ROOT_CONTROLS - {"IAM.4"}
_UNKNOWN_SHARE = 0.012
_NOTIFIED_AFTER = 3 * DAY
_MUTE_ACCOUNT = "northwick-erp"
_MUTE_FROM, _MUTE_UNTIL = -6 * DAY, 9 * DAY
"""The account whose checks stop reporting for a while, in seconds relative to the anchor day."""


def findings_at(world: World, plan: AccountPlan, now: int) -> Iterator[Document]:
    """Yield the control findings of one account at that moment."""
    horizon = last_check_possible(world, plan, now)
    disabled = world.disabled
    for check in world.checks_of(plan):
        if check.begins_at > horizon:
            continue
        off_at = disabled.get(check.control.control_id, NEVER)
        last = min(horizon, off_at, _void_at(check))
        if check.begins_at <= last:
            yield from _of_check(world, check, now=now, horizon=last, off_at=off_at)


def _void_at(check: Check) -> int:
    """Return from when on a control does not apply: of MFA, when there are no root credentials to protect; or NEVER.

    Source: AWS Config, root-account-hardware-mfa-enabled, which returns NOT_APPLICABLE; Security Hub archives the finding.
    """
    return check.settled_at if check.control.control_id in _OF_ROOT_MFA else NEVER


def last_check_possible(world: World, plan: AccountPlan, now: int) -> int:
    """Return the moment up to which the account's checks have run."""
    horizon = min(now, plan.frozen_at)
    if plan.key == _MUTE_ACCOUNT and world.anchor + _MUTE_FROM <= now < world.anchor + _MUTE_UNTIL:
        horizon = min(horizon, world.anchor + _MUTE_FROM)
    return horizon


def _of_check(
    world: World, check: Check, *, now: int, horizon: int, off_at: int
) -> Iterator[Document]:
    """Yield the current finding of a check, and that of the resource before it while AWS keeps it."""
    archived_at = off_at + 3 * DAY + check.seed % (2 * DAY) if off_at < NEVER else NEVER
    archived_at = min(archived_at, _void_at(check))
    if archived_at + ARCHIVED_FOR <= now:
        return
    generation = check.slot.generation_at(horizon) if check.slot else 0
    if check.slot:
        death = check.slot.death(generation - 1)
        if death <= horizon and now - death < ARCHIVED_FOR:
            gone = _finding(
                world, check, generation=generation - 1, horizon=death, archived_at=death
            )
            if gone:
                yield gone
    current = _finding(
        world,
        check,
        generation=generation,
        horizon=horizon,
        archived_at=archived_at if archived_at <= now else NEVER,
    )
    if current and now - horizon < ACTIVE_FOR:
        yield current


def _finding(
    world: World, check: Check, *, generation: int, horizon: int, archived_at: int
) -> Document | None:
    """Return the finding of one resource as it stood when its checks ran last, or None when it was not there yet."""
    birth = max(check.slot.birth(generation) if check.slot else 0, check.begins_at)
    if birth > horizon:
        return None
    identity = check.identities.get(generation)
    if identity is None:
        identity = _identity(world, check, generation, birth)
        check.identities.clear()
        check.identities[generation] = identity
    verdict = _verdict(world, check, generation=generation, birth=birth, horizon=horizon)
    if archived_at < NEVER:
        verdict = _archived(check, verdict, archived_at, is_gone=archived_at == horizon)
    return control_checks.finding(world.faces[check.control.control_id], identity, verdict)


def _archived(check: Check, verdict: Verdict, archived_at: int, *, is_gone: bool) -> Verdict:
    """Return the verdict after archiving; where the resource is gone, or what was checked, it is NOT_AVAILABLE."""
    if not is_gone:
        return Verdict(
            verdict.compliance,
            verdict.workflow,
            True,
            verdict.since,
            archived_at,
            verdict.reason,
            verdict.note,
        )
    return Verdict(
        "NOT_AVAILABLE",
        verdict.workflow,
        True,
        archived_at,
        archived_at,
        "CONFIG_EVALUATIONS_EMPTY" if check.slot else "CONFIG_RETURNS_NOT_APPLICABLE",
        verdict.note,
    )


def _identity(world: World, check: Check, generation: int, birth: int) -> Identity:
    if check.slot:
        resource = resources.resource(
            check.slot.resource_type, check.place, chance.mix(check.slot.seed, 900 + generation)
        )
    else:
        resource = resources.account_resource(check.place)
    return control_checks.identify(
        world.faces[check.control.control_id],
        check.place,
        [resource],
        chance.mix(check.seed, 700 + generation),
        birth,
    )


def _verdict(world: World, check: Check, *, generation: int, birth: int, horizon: int) -> Verdict:
    if check.is_vacuous:
        updated = last_check(check.seed, birth=birth, since=birth, horizon=horizon)
        return Verdict("PASSED", "RESOLVED", False, birth, updated, "CONFIG_EVALUATIONS_EMPTY")
    if chance.draw(check.seed, 60) < _UNKNOWN_SHARE:
        return _unknown(check, birth, horizon)
    status = status_at(
        check, generation=generation, birth=birth, now=horizon, story_start=world.story_start
    )
    updated = last_check(check.seed, birth=birth, since=status.since, horizon=horizon)
    note = _acceptance(world, check, birth=birth, horizon=horizon)
    if note:
        return Verdict(
            "FAILED" if status.fails else "PASSED",
            "SUPPRESSED",
            False,
            status.since,
            updated,
            note=note,
        )
    if not status.fails:
        return Verdict("PASSED", "RESOLVED", False, status.since, updated)
    is_notified = horizon - status.since > _NOTIFIED_AFTER and chance.draw(check.seed, 61) < 0.3
    return Verdict("FAILED", "NOTIFIED" if is_notified else "NEW", False, status.since, updated)


def _unknown(check: Check, birth: int, horizon: int) -> Verdict:
    updated = last_check(check.seed, birth=birth, since=birth, horizon=horizon)
    if check.control.is_periodic:
        return Verdict("WARNING", "NEW", False, birth, updated, "CONFIG_ACCESS_DENIED")
    return Verdict("NOT_AVAILABLE", "NEW", False, birth, updated, "CONFIG_RETURNS_NOT_APPLICABLE")


def last_check(seed: int, *, birth: int, since: int, horizon: int) -> int:
    """Return when the check ran last: every 12 or 24 hours at a time of its own, and at each change."""
    interval = 12 * HOUR if seed % 3 == 0 else 24 * HOUR
    ran = horizon - (horizon - seed) % interval
    return max(birth, since, ran)


def _acceptance(world: World, check: Check, *, birth: int, horizon: int) -> Document | None:
    """Return the note of the decision that suppressed this finding, if one did. Suppression survives a pass."""
    for decision in acceptances_of(check.control.control_id, check.plan.kind):
        decided_at = world.anchor + decision.since
        is_chosen = chance.draw(check.seed, 80) < decision.share
        if is_chosen and birth < decided_at <= horizon:
            return {
                "Text": decision.note,
                "UpdatedBy": decision.by,
                "UpdatedAt": iso_text(decided_at),
            }
    return _quiet_suppression(check, birth, horizon)


def _quiet_suppression(check: Check, birth: int, horizon: int) -> Document | None:
    """Return the note of a finding that somebody silenced without a decision: few, and a reason to ask."""
    if chance.draw(check.seed, 90) >= 0.004:
        return None
    silenced_at = birth + int((40 + 300 * chance.draw(check.seed, 91)) * DAY)
    if silenced_at > horizon:
        return None
    return {
        "Text": "known, will fix later",
        "UpdatedBy": check.plan.owner,
        "UpdatedAt": iso_text(silenced_at),
    }
