"""All checks of an organisation, laid out once: which resources each account has and which controls look at them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from sandbox import chance
from sandbox.findings.control_checks import ControlFace
from sandbox.findings.resources import GLOBAL_TYPES, IAM_TYPES, Place
from sandbox.history import catalogue, root_user
from sandbox.history.catalogue import CatalogueControl
from sandbox.history.checks import Check, Slot
from sandbox.history.held import held_since
from sandbox.history.story import LEADERS, ROOT_CONTROLS, waves_on
from sandbox.model import Org
from sandbox.moments import DAY, WEEK, seconds_of_day
from sandbox.org import accounts
from sandbox.org.accounts import AccountPlan

PER_ACCOUNT = 75
"""Findings of an account when the organisation does not ask for a number."""
NATIVE_SHARE = 0.085
"""Share of findings that come from GuardDuty, Inspector, Macie and Config."""
_VACUOUS_SHARE = 0.06
_PER_REGION = frozenset({"GuardDuty.1", "Config.1"})
"""Account-level controls that are reported in every Region of an account; the others in its home Region."""

_WEIGHTS = {
    "AwsS3Bucket": 1.0, "AwsIamPolicy": 0.5, "AwsIamRole": 0.55, "AwsIamUser": 0.4, "AwsKmsKey": 0.5,
    "AwsEc2SecurityGroup": 0.55, "AwsEc2Vpc": 0.5, "AwsEc2Subnet": 0.4, "AwsEc2NetworkAcl": 0.3, "AwsEc2Instance": 0.45,
    "AwsEc2Volume": 0.5, "AwsEc2LaunchTemplate": 0.3, "AwsLambdaFunction": 0.4, "AwsRdsDbInstance": 0.3,
    "AwsRdsDbCluster": 0.3, "AwsRdsDbSnapshot": 0.3, "AwsEcsTaskDefinition": 0.3, "AwsEcsService": 0.3,
    "AwsElbv2LoadBalancer": 0.3, "AwsElbv2Listener": 0.3, "AwsDynamoDbTable": 0.3, "AwsSecretsManagerSecret": 0.35,
    "AwsEcrRepository": 0.3, "AwsEksCluster": 0.2, "AwsCodeBuildProject": 0.25, "AwsLogsLogGroup": 0.5,
    "AwsCloudWatchAlarm": 0.4, "AwsSsmPatchCompliance": 0.4, "AwsSsmAssociationCompliance": 0.3,
}  # fmt: skip
_OTHER_WEIGHT = 0.14
_SPECIAL = {
    "customer": "AwsCloudFrontDistribution AwsElbv2LoadBalancer AwsEcsService AwsEcsTaskDefinition AwsEksCluster "
    "AwsApiGatewayStage AwsApiGatewayV2Stage AwsElastiCacheReplicationGroup AwsElastiCacheCacheCluster AwsWafv2WebAcl",
    "payments": "AwsRdsDbInstance AwsRdsDbCluster AwsRdsDbSnapshot AwsKmsKey AwsSecretsManagerSecret AwsDynamoDbTable "
    "AwsSqsQueue AwsStepFunctionStateMachine AwsBackupRecoveryPoint",
    "data": "AwsGlueJob AwsRedshiftCluster AwsAthenaWorkGroup AwsKinesisStream AwsOpenSearchServiceDomain "
    "AwsSageMakerNotebookInstance AwsDmsReplicationInstance AwsS3AccessPoint",
    "infrastructure": "AwsEc2VpnConnection AwsEc2ClientVpnEndpoint AwsEc2TransitGateway AwsCodeBuildProject "
    "AwsEcrRepository AwsRoute53HostedZone AwsNetworkFirewallFirewallPolicy AwsBackupRecoveryPoint AwsCloudFormationStack",
    "exceptions": "AwsElbLoadBalancer AwsEc2Instance AwsEc2Volume AwsIamUser AwsElasticBeanstalkEnvironment AwsEfsFileSystem",
    "acquired": "AwsElbLoadBalancer AwsEc2Instance AwsIamUser AwsElasticBeanstalkEnvironment AwsAutoScalingLaunchConfiguration "
    "AwsRdsDbInstance AwsEfsFileSystem AwsEfsAccessPoint",
    "sandbox": "AwsIamUser AwsSageMakerNotebookInstance AwsLambdaFunction",
}
_MODEST = frozenset({"management", "security", "retired", "policy-staging"})
"""Kinds of accounts with few resources."""


@dataclass(frozen=True)
class World:
    """Everything of an organisation that its history is told from. One per organisation: see `world_of`."""

    org: Org
    anchor: int
    scale: float
    vacuous_share: float
    native_rate: float
    """Findings of other products against the usual number of an account."""

    @property
    def story_start(self) -> int:
        """Return when the story begins: 26 weeks before the anchor day."""
        return self.anchor - 26 * WEEK

    @cached_property
    def faces(self) -> Mapping[str, ControlFace]:
        """Return what the findings of each control share."""
        return {control.control_id: _face(control) for control in catalogue.all_controls().values()}

    @cached_property
    def disabled(self) -> Mapping[str, int]:
        """Return when each control is disabled that ever is."""
        return {
            control_id: self.anchor + since for control_id, (since, _) in catalogue.DISABLED.items()
        }

    @cached_property
    def _checks(self) -> dict[str, list[Check]]:
        return {}

    def checks_of(self, plan: AccountPlan) -> list[Check]:
        """Return every check of an account, resources that are not there yet included."""
        known = self._checks.get(plan.key)
        if known is None:
            known = self._checks[plan.key] = list(_checks(self, plan))
        return known

    @cached_property
    def _checks_by_place(self) -> dict[str, dict[tuple[str, str], list[Check]]]:
        return {}

    def checks_in(self, plan: AccountPlan, control_id: str, region: str) -> list[Check]:
        """Return the checks of a control in an account and Region; where none is reported, the one that might be."""
        places = self._checks_by_place.get(plan.key)
        if places is None:
            places = {}
            for check in self.checks_of(plan):
                if not check.is_vacuous:
                    places.setdefault((check.control.control_id, check.place.region), []).append(
                        check
                    )
            self._checks_by_place[plan.key] = places
        found = places.get((control_id, region))
        if found is None:
            found = [account_check(self, plan, catalogue.all_controls()[control_id], region)]
            places[control_id, region] = found
        return found


@lru_cache(maxsize=2)
def world_of(org: Org) -> World:
    """Return the world of an organisation: found by bisection, so that the anchor day has the findings asked for."""
    anchor = seconds_of_day(org.anchor)
    plans = [plan for plan in accounts.plans_at(org, anchor) if plan.frozen_at > anchor - 90 * DAY]
    wanted = org.findings if org.findings is not None else PER_ACCOUNT * org.size
    sizes = {plan.key: _sizes(plan) for plan in plans}
    fixed = sum(1 for plan in plans for _ in _account_controls(org, plan))
    target = wanted * (1 - NATIVE_SHARE - _VACUOUS_SHARE) - fixed
    low, high = 0.0, 2.0
    while _resource_checks(sizes, high) < target:
        high *= 2
    for _ in range(18):
        middle = (low + high) / 2
        low, high = (middle, high) if _resource_checks(sizes, middle) < target else (low, middle)
    empty = sum(_empty_controls(sizes[plan.key], low) for plan in plans)
    return World(
        org=org,
        anchor=anchor,
        scale=low,
        vacuous_share=min(1.0, wanted * _VACUOUS_SHARE / max(1, empty)),
        native_rate=wanted / (PER_ACCOUNT * org.size),
    )


@lru_cache(maxsize=1)
def _by_type() -> dict[str, list[CatalogueControl]]:
    found: dict[str, list[CatalogueControl]] = {}
    for control in catalogue.all_controls().values():
        found.setdefault(control.resource_type, []).append(control)
    return found


def _sizes(plan: AccountPlan) -> list[tuple[str, float, float]]:
    """Return (type, expected number at scale 1, draw) of every resource type in an account."""
    special = frozenset(_SPECIAL.get(plan.kind, "").split())
    factor = 0.45 if plan.kind in _MODEST else 1.0
    sizes = []
    for resource_type in _by_type():
        if resource_type == catalogue.ACCOUNT_TYPE:
            continue
        weight = _WEIGHTS.get(resource_type, _OTHER_WEIGHT) * factor
        if resource_type in special:
            weight = max(2.2 * weight, 0.7)
        seed = chance.seed_of(plan.seed, "size", resource_type)
        sizes.append(
            (resource_type, weight * (0.3 + 1.4 * chance.draw(seed, 0)), chance.draw(seed, 1))
        )
    return sizes


def _number(weight: float, draw: float, scale: float) -> int:
    return int(weight * scale + draw)


def _resource_checks(sizes: Mapping[str, list[tuple[str, float, float]]], scale: float) -> int:
    by_type = _by_type()
    return sum(
        _number(weight, draw, scale) * len(by_type[resource_type])
        for rows in sizes.values()
        for resource_type, weight, draw in rows
    )


def _empty_controls(rows: list[tuple[str, float, float]], scale: float) -> int:
    by_type = _by_type()
    return sum(
        len(by_type[kind]) for kind, weight, draw in rows if _number(weight, draw, scale) == 0
    )


def _account_controls(org: Org, plan: AccountPlan) -> Iterator[tuple[CatalogueControl, str]]:
    """Yield (control, Region) of the account-level checks of an account."""
    density = 1.0 if org.findings is None else min(1.0, org.findings / (30 * org.size))
    for control in _by_type()[catalogue.ACCOUNT_TYPE]:
        if control.is_administrator_only and plan.account_id != org.security_account_id:
            continue
        if chance.draw(chance.seed_of(plan.seed, control.control_id), 9) >= density:
            continue
        regions = plan.regions if control.control_id in _PER_REGION else plan.regions[:1]
        for region in regions:
            yield control, region


def _checks(world: World, plan: AccountPlan) -> Iterator[Check]:
    for control, region in _account_controls(world.org, plan):
        yield _check(world, plan, control, _place(plan, region), None)
    by_type = _by_type()
    for resource_type, weight, draw in _sizes(plan):
        number = _number(weight, draw, world.scale)
        slots = [_slot(plan, resource_type, index) for index in range(number)]
        for slot in slots:
            for control in by_type[resource_type]:
                yield _check(world, plan, control, slot.place, slot)
        if not slots:
            yield from _vacuous(world, plan, by_type[resource_type])


def account_check(world: World, plan: AccountPlan, control: CatalogueControl, region: str) -> Check:
    """Return the check of an account-level control in any Region, whether or not Security Hub reports it there."""
    return _check(world, plan, control, _place(plan, region), None)


def _vacuous(world: World, plan: AccountPlan, controls: list[CatalogueControl]) -> Iterator[Check]:
    """Yield the checks of a type that the account has nothing of: AWS reports them PASSED on the account."""
    for control in controls:
        if chance.draw(chance.seed_of(plan.seed, control.control_id), 8) < world.vacuous_share:
            check = _check(world, plan, control, _place(plan, plan.regions[0]), None)
            check.is_vacuous = True
            yield check


def _slot(plan: AccountPlan, resource_type: str, index: int) -> Slot:
    seed = chance.seed_of(plan.seed, "slot", resource_type, index)
    region = plan.regions[0]
    if resource_type in GLOBAL_TYPES:
        region = "us-east-1"
    elif resource_type not in IAM_TYPES and chance.draw(seed, 3) < 0.35:
        region = chance.pick(seed, 4, plan.regions)
    lifetime = int((250 + 1100 * chance.draw(seed, 1)) * DAY)
    return Slot(
        resource_type=resource_type,
        place=_place(plan, region),
        seed=seed,
        opens_at=plan.joined_at + int(chance.draw(seed, 7) * 9 * DAY) + 7200,
        lifetime=lifetime,
        phase=seed % lifetime,
    )


def _check(
    world: World, plan: AccountPlan, control: CatalogueControl, place: Place, slot: Slot | None
) -> Check:
    owner = slot.seed if slot else chance.seed_of(plan.seed, place.region)
    seed = chance.seed_of(owner, control.control_id)
    fate = chance.seed_of(owner, LEADERS.get(control.control_id, control.control_id))
    released = catalogue.released_at(world.org, control.control_id)
    is_of_root = control.control_id in ROOT_CONTROLS
    spans = [wave.span(fate) for wave in waves_on(control.control_id, control.area, plan.kind)]
    return Check(
        control=control,
        plan=plan,
        place=place,
        slot=slot,
        seed=seed,
        fate=fate,
        begins_at=max(plan.joined_at + 4 * 3600 + fate % 20_000, released + fate % 90_000),
        settled_at=root_user.removed_at(world.org, plan)
        if is_of_root
        else held_since(world.org, plan, control.control_id),
        waves=tuple(
            (first + world.anchor, last + world.anchor) for first, last in filter(None, spans)
        ),
    )


def _place(plan: AccountPlan, region: str) -> Place:
    return Place(plan.account_id, plan.name, region, plan.owner, plan.environment)


def _face(control: CatalogueControl) -> ControlFace:
    return ControlFace(
        control_id=control.control_id,
        title=control.title,
        description=control.description,
        severity=control.severity,
        remediation_url=catalogue.remediation_url(control.control_id),
        standards=[{"StandardsId": standard} for standard in control.associated],
        requirements=catalogue.requirements(control),
    )
