"""Access Analyzer of the organisation at a moment: analyzers of the security account, and their findings."""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox import chance
from sandbox.findings import access_analyzer, resources
from sandbox.findings.access_analyzer import AnalyzerLife
from sandbox.findings.resources import Place
from sandbox.model import Analyzer, AnalyzerFinding, Org
from sandbox.moments import DAY, HOUR, datetime_of, seconds_of_day
from sandbox.org.accounts import AccountPlan

_RESOLVED_FOR = 90 * DAY
"""How long Access Analyzer keeps resolved findings."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of finding and how common it is."""

    finding_type: str
    analyzer: str
    lanes: float
    """Findings at a time in an account with usual care."""
    period: int
    open_days: float


_KINDS = (
    _Kind(access_analyzer.EXTERNAL, "external", 1.0, 200 * DAY, 120),
    _Kind(access_analyzer.INTERNAL, "internal", 0.5, 260 * DAY, 160),
    _Kind(access_analyzer.ROLE, "unused", 1.7, 240 * DAY, 130),
    _Kind(access_analyzer.KEY, "unused", 0.5, 180 * DAY, 70),
    _Kind(access_analyzer.PASSWORD, "unused", 0.3, 180 * DAY, 60),
    _Kind(access_analyzer.PERMISSION, "unused", 1.5, 260 * DAY, 170),
)
_TYPES = {
    "external": "ORGANIZATION",
    "internal": "ORGANIZATION_INTERNAL_ACCESS",
    "unused": "ORGANIZATION_UNUSED_ACCESS",
}


def analyzers(org: Org, now: int) -> tuple[Analyzer, ...]:
    """Return the analyzers: external and internal in every Region, unused access in the home Region."""
    built = [_analyzer(org, "unused", org.home_region, now)]
    for region in org.regions:
        built += [_analyzer(org, "external", region, now), _analyzer(org, "internal", region, now)]
    return tuple(sorted(built, key=lambda analyzer: (analyzer.region, analyzer.name)))


def findings_at(org: Org, plans: list[AccountPlan], now: int) -> Iterator[AnalyzerFinding]:
    """Yield the findings of all analyzers at that moment, account by account."""
    if org.findings == 0:
        return
    for plan in plans:
        for kind in _KINDS:
            for lane in range(_lanes(plan, kind)):
                seed = chance.seed_of(plan.seed, "analyzer", kind.finding_type, lane)
                yield from _of_lane(org, plan, kind, seed, now)


def _arn(org: Org, key: str, region: str) -> str:
    return (
        f"arn:aws:access-analyzer:{region}:{org.security_account_id}:analyzer/halden-{key}-access"
    )


def _analyzer(org: Org, key: str, region: str, now: int) -> Analyzer:
    arn = _arn(org, key, region)
    seed = chance.seed_of(arn)
    place = Place(
        org.security_account_id, "security-tooling", region, "security-engineering", "shared"
    )
    analyzed = now - (now - seed) % (6 * HOUR)
    return Analyzer(
        arn=arn,
        name=f"halden-{key}-access",
        region=region,
        type=_TYPES[key],
        status="ACTIVE",
        created_at=datetime_of(seconds_of_day(org.anchor) - 700 * DAY + seed % 50_000),
        last_resource_analyzed=resources.identifier(
            "AwsS3Bucket", place, chance.mix(seed, analyzed)
        ),
        last_resource_analyzed_at=datetime_of(analyzed),
        unused_access_age_days=90 if key == "unused" else None,
    )


def _lanes(plan: AccountPlan, kind: _Kind) -> int:
    seed = chance.seed_of(plan.seed, "analyzer", kind.finding_type)
    return int(kind.lanes * min(1.8, plan.weakness) + chance.draw(seed, 0))


def _of_lane(
    org: Org, plan: AccountPlan, kind: _Kind, seed: int, now: int
) -> Iterator[AnalyzerFinding]:
    offset = seed % kind.period
    horizon = min(now, plan.frozen_at)
    newest = (horizon - offset) // kind.period
    oldest = max(newest - 4, (plan.joined_at - offset) // kind.period)
    for number in range(oldest, newest + 1):
        own = chance.mix(seed, number)
        created_at = offset + number * kind.period + int(chance.draw(own, 0) * 0.5 * kind.period)
        if not plan.joined_at + DAY <= created_at <= horizon or chance.draw(own, 1) > 0.85:
            continue
        life = _life(kind, own, created_at, now=now, horizon=horizon)
        if life:
            yield _finding(org, plan, kind, life, own)


def _life(
    kind: _Kind, seed: int, created_at: int, *, now: int, horizon: int
) -> AnalyzerLife | None:
    """Return how the finding stands, or None once it is forgotten. One in nine is archived by somebody for months."""
    resolved_at = created_at + DAY + int(chance.waiting(kind.open_days * DAY, chance.draw(seed, 2)))
    if chance.draw(seed, 3) < 0.09:
        archived_at = created_at + int((2 + 30 * chance.draw(seed, 4)) * DAY)
        resolved_at = created_at + int((200 + 200 * chance.draw(seed, 7)) * DAY)
        if archived_at <= horizon < resolved_at:
            return AnalyzerLife(
                "ARCHIVED", created_at, _analyzed(seed, horizon, archived_at), archived_at
            )
    if resolved_at <= horizon:
        life = AnalyzerLife("RESOLVED", created_at, resolved_at, resolved_at)
        return life if now - resolved_at < _RESOLVED_FOR else None
    return AnalyzerLife("ACTIVE", created_at, _analyzed(seed, horizon, created_at), created_at)


def _analyzed(seed: int, horizon: int, at_least: int) -> int:
    return max(at_least, horizon - (horizon - seed) % DAY)


def _finding(
    org: Org, plan: AccountPlan, kind: _Kind, life: AnalyzerLife, seed: int
) -> AnalyzerFinding:
    region = org.home_region
    if kind.analyzer != "unused" and chance.draw(seed, 5) < 0.3:
        region = chance.pick(seed, 6, plan.regions)
    place = Place(plan.account_id, plan.name, region, plan.owner, plan.environment)
    finding_id, summary, detail = access_analyzer.summary_and_detail(
        kind.finding_type, place, life, seed
    )
    return AnalyzerFinding(
        analyzer_arn=_arn(org, kind.analyzer, region),
        finding_id=finding_id,
        region=region,
        summary=summary,
        detail=detail,
    )
