"""Every KPI of state on one small organisation, against numbers made by hand."""

from datetime import timedelta

import pytest
from django.test import TestCase

from findings.models import DirtyCell
from posture import rollups
from posture.kpis import registry
from posture.models import AccountDay, KpiFill, KpiPoint, OuDay
from posture.rollups import kpis
from posture.rollups.kpis.functions.k09 import allowed_regions
from tests import factories
from tests.factories import DAY, NOW
from tests.fixtures import kpis as made

ONLY_EUROPE = """{"Statement": [{"Effect": "Deny", "NotAction": ["iam:*"], "Resource": "*",
    "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-central-1"]}}}]}"""
NOT_ASIA = """{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*",
    "Condition": {"StringNotLike": {"aws:RequestedRegion": ["eu-*", "us-*"]}}}}"""
DETECTION = ("cloudtrail.trail", "config.recorder", "guardduty.detector", "securityhub.hub")
INSPECTOR = ("inspector.ec2", "inspector.ecr", "inspector.lambda")

YES, NO = ("1", "1", "1", "1"), ("0", "1", "1", "1")
# Counts against the account, and as not covered.
UNKNOWN = ("0", "1", "0", "1")
# Counts in coverage alone.
LEFT_OUT = ("0", "0", "0", "1")


class Controls:
    """Controls by id, made when they are first asked for."""

    ACCOUNT_LEVEL = {
        "CloudTrail.1",
        "Config.1",
        "GuardDuty.1",
        "IAM.4",
        "IAM.6",
        "IAM.9",
        "Account.1",
    }

    def __init__(self):
        self.found = {}

    def __getitem__(self, control_id):
        if control_id not in self.found:
            self.found[control_id] = factories.control(
                control_id=control_id,
                severity="MEDIUM",
                is_account_level=control_id in self.ACCOUNT_LEVEL,
                is_scored=not control_id.startswith("AccessAnalyzer"),
            )
        return self.found[control_id]


class TestKpisOfState(TestCase):
    """Bright is well kept, Dim has gaps, Silent tells nothing; Parked and Closed count nowhere."""

    @classmethod
    def setUpTestData(cls):
        cls.controls = Controls()
        cls.accounts()
        cls.facts()
        cls.findings()
        cls.attestations()
        rollups.roll_up(now=NOW)
        cls.filled = kpis.fill_day(DAY, now=NOW)

    @classmethod
    def accounts(cls):
        cls.production = factories.ou(name="Production")
        onboarding = factories.ou(name="Onboarding", role="ONBOARDING")
        suspended = factories.ou(name="Suspended", role="SUSPENDED")
        cls.payments = factories.team(slug="payments")
        tags = {"Owner": "payments", "on-call": "payments", "Executive": "vp-payments"}
        cls.bright = factories.account(
            ou=cls.production, name="Bright", team=cls.payments, tags=tags
        )
        cls.dim = factories.account(ou=onboarding, name="Dim", tags={}, environment="development")
        cls.silent = factories.account(name="Silent", tags={"on-call": " "}, environment="")
        factories.account(ou=suspended, name="Parked")
        factories.account(ou=cls.production, name="Closed", state="SUSPENDED")
        target = cls.production.ou_id
        factories.policy(target=target, type="BACKUP_POLICY", name="daily")
        factories.policy(target=target, name="only-europe", content=ONLY_EUROPE)
        factories.policy(target="r-ab12", target_kind="ROOT", name="not-asia", content=NOT_ASIA)

    @classmethod
    def facts(cls):
        bright, dim = cls.bright, cls.dim
        made.region(bright, "eu-west-1")
        made.region(bright, "eu-south-1", status="ENABLED")
        made.region(bright, "us-west-1", status="DISABLED")
        made.region(dim, "eu-west-1")
        made.facts(bright, {"root.access_keys": 0, "root.mfa": True, "contact.security": True})
        made.facts(bright, {"iam.passwords": 4, "iam.passwords_with_mfa": 3})
        made.facts(bright, {"iam.access_keys": 0, "iam.access_keys_old": 0})
        made.facts(bright, {"iam.roles": 40, "iam.users": 10})
        on = dict.fromkeys([*DETECTION, *INSPECTOR], True)
        on |= {"ec2.imds_v2_default": True, "macie.session": True}
        made.facts(bright, on | {"macie.automated_discovery": True}, region="eu-west-1")
        half = {"cloudtrail.trail": True, "config.recorder": False, "securityhub.hub": True}
        made.facts(bright, half, region="eu-south-1")
        made.fact(bright, "guardduty.detector", region="eu-south-1", state="DENIED")
        made.fact(bright, "inspector.ec2", region="eu-south-1", state="UNAVAILABLE")
        made.facts(dim, {"inspector.ec2": True, "inspector.ecr": False}, region="eu-west-1")
        made.facts(dim, {"ec2.imds_v2_default": False}, region="eu-west-1")
        # Told too long ago to be taken for the present.
        made.fact(dim, "root.mfa", False, as_of=NOW - timedelta(days=4))

    @classmethod
    def check(cls, account, control_id, **counts):
        made.checked(account, cls.controls[control_id], **counts)

    @classmethod
    def findings(cls):
        bright, dim = cls.bright, cls.dim
        of_account = {"resource_type": "AwsAccount", "resource_id": "AWS::::Account:1"}
        old = NOW - timedelta(hours=80)
        cls.check(bright, "GuardDuty.1", passed=1, region="eu-south-1", **of_account)
        for control_id in ("CloudTrail.1", "Config.1"):
            cls.check(dim, control_id, passed=1, **of_account)
        cls.check(dim, "GuardDuty.1", passed=1, updated_at=old, **of_account)
        cls.check(bright, "IAM.6", failed=1, **of_account)
        cls.check(bright, "IAM.9", failed=1, **of_account)
        for control_id in ("IAM.4", "IAM.9"):
            cls.check(dim, control_id, passed=1, **of_account)
        cls.check(dim, "Account.1", failed=1, **of_account)
        cls.check(dim, "IAM.3", failed=1, resource_type="AwsIamUser")
        cls.check(dim, "IAM.5", passed=2, failed=1, resource_type="AwsIamUser")
        cls.check(bright, "EC2.8", passed=3, failed=1, unknown=1, resource_type="AwsEc2Instance")
        cls.check(bright, "EC2.8", passed=1, region="us-east-2", resource_type="AwsEc2Instance")
        cls.check(bright, "EC2.3", passed=3, failed=1)
        cls.check(dim, "EC2.3", unknown=1)
        cls.check(bright, "S3.5", passed=4)
        cls.check(dim, "S3.5", passed=1, **of_account)
        cls.check(bright, "ACM.1", passed=1, failed=1)
        cls.check(dim, "SSM.1", passed=1, failed=3)
        cls.check(bright, "ECS.8", passed=1, failed=2)
        cls.check(bright, "SecretsManager.1", passed=3, failed=1)
        cls.check(bright, "KMS.1", passed=2, failed=1, workflow="SUPPRESSED")
        cls.exposed()
        cls.unused()

    @classmethod
    def exposed(cls):
        bright = cls.bright
        ledger, website = "arn:aws:s3:::ledger", "arn:aws:s3:::website"
        opened = NOW - timedelta(days=12, hours=5)
        cls.check(bright, "S3.2", failed=1, is_public=True, resource_id=ledger)
        external = "AccessAnalyzer.ExternalAccess"
        cls.check(bright, external, failed=1, is_public=True, resource_id=ledger, opened_at=opened)
        cls.check(bright, external, failed=1, is_public=False)
        cls.check(bright, "S3.3", failed=1, is_public=True, is_excepted=True, resource_id=website)
        cls.check(bright, "S3.8", failed=2)

    @classmethod
    def unused(cls):
        role = "AccessAnalyzer.UnusedIAMRole"
        month = NOW - timedelta(days=31)
        cls.check(cls.bright, role, failed=2, opened_at=month)
        cls.check(cls.bright, role, failed=1)
        cls.check(cls.bright, role, failed=1, opened_at=month, is_excepted=True)
        cls.check(cls.dim, role, failed=1, opened_at=month)

    @classmethod
    def attestations(cls):
        made.attestation("GUARDIAN", account=cls.bright)
        made.attestation("EXECUTIVE")
        made.attestation("RUNBOOK", team=cls.payments)
        made.attestation("IR_EXERCISE", team=cls.payments)
        made.attestation("IDENTITY_MFA", team=cls.payments)
        made.attestation("RUNBOOK", account=cls.dim, withdrawn_on=DAY, withdrawn_by="dana")
        made.attestation("GUARDIAN", account=cls.dim, expires_on=DAY)
        long_ago = DAY - timedelta(days=400)
        made.attestation("IR_EXERCISE", account=cls.dim, attested_on=long_ago)

    def expect(self, kpi, **accounts):
        """Each account by its name, with its amounts by part ("" is the KPI itself).

        Counts of 0 are in the sums alone.
        """
        card = registry()[kpi]
        expected = {
            (part, name): row
            for name, rows in accounts.items()
            for part, row in rows.items()
            if card.part(part).unit != "COUNT" or row != NO
        }
        assert made.of_accounts(kpi) == expected
        for part in {part for rows in accounts.values() for part in rows}:
            sums = [
                sum(
                    int(float(rows[part][place]) * 10) for rows in accounts.values() if part in rows
                )
                for place in range(4)
            ]
            root = made.of_ous(kpi, part)["Root"]
            assert [int(float(amount) * 10) for amount in root] == sums

    def test_nothing_failed_and_each_is_recorded(self):
        assert not self.filled.failed
        fills = KpiFill.objects.filter(day=DAY)
        assert {row.kpi for row in fills} == {f"K{number}" for number in range(1, 31)}
        assert {(row.error, row.is_final, row.source) for row in fills} == {("", False, "NIGHTLY")}
        assert {row.data_as_of for row in fills} == {NOW}

    def test_k1_is_what_the_scorecards_show(self):
        for row in AccountDay.objects.filter(area="", is_scored=True):
            shown = made.of_accounts("K1").get(("", row.account.name), ("0", "0", "0", "0"))
            assert shown[1:] == made.texts(row.managed_d, row.coverage_n, row.coverage_d)
        for row in OuDay.objects.filter(area="").exclude(coverage_d=0):
            shown = made.of_ous("K1")[row.ou.name]
            assert shown == made.texts(row.managed_n, row.managed_d, row.coverage_n, row.coverage_d)

    def test_k1_says_letters(self):
        point = KpiPoint.objects.get(kpi="K1", part="", ou=factories.root())
        assert point.details["grades"] == {"A": 0, "B": 0, "C": 0, "D": 1, "F": 1, "NR": 1}
        assert (point.details["letter"], point.details["capped"]) == ("D", "D")

    def test_k3_exception_debt(self):
        rows = {key: row for key, row in made.of_accounts("K3").items() if key[0]}
        assert rows == {("suppressed", "Bright"): YES}
        assert made.of_ous("K3", "suppressed")["Root"] == ("1", "3", "3", "3")
        assert made.of_ous("K3", "accounts")["Root"] == ("0", "3", "3", "3")
        assert made.of_accounts("K3")["", "Dim"][0] == "0"
        point = KpiPoint.objects.get(kpi="K3", part="", ou=factories.root())
        assert point.details["suppressed_unapproved"] == 1
        assert (point.details["active"], point.details["zombies"], point.details["bands"]) == (
            0,
            0,
            [],
        )

    def test_k5_ownership(self):
        self.expect(
            "K5",
            Bright=dict.fromkeys(["", "owner", "on_call", "executive", "guardian"], YES),
            Dim={"": NO, "owner": NO, "on_call": NO, "executive": YES, "guardian": NO},
            Silent={"": NO, "owner": NO, "on_call": NO, "executive": YES, "guardian": NO},
        )

    def test_k7_and_k20_wait_for_invariants(self):
        assert not made.of_accounts("K7")
        assert not KpiPoint.objects.filter(kpi__in=["K7", "K20"]).exists()

    def test_k8_placement(self):
        names = ["", "placed", "environment", "contact", "owner", "backup", "dwell"]
        self.expect(
            "K8",
            Bright=dict.fromkeys(names, YES),
            Dim=dict.fromkeys(names, NO) | {"placed": YES, "environment": YES},
            Silent=dict.fromkeys(names, NO) | {"dwell": YES},
        )

    def test_k9_unexpected_regions(self):
        self.expect(
            "K9",
            Bright={"": YES, "resources": YES},
            Dim={"": NO, "resources": NO},
            Silent={"": LEFT_OUT, "resources": UNKNOWN},
        )

    def test_k10_root(self):
        self.expect(
            "K10",
            Bright={"": YES, "no_keys": YES, "mfa": YES, "hardware": NO},
            Dim={"": YES, "no_keys": YES, "mfa": YES, "hardware": UNKNOWN},
            Silent=dict.fromkeys(["", "no_keys", "mfa", "hardware"], UNKNOWN),
        )

    def test_k11_mfa_of_people(self):
        self.expect(
            "K11",
            Bright={"": ("3", "4", "1", "1"), "users": ("4", "1", "1", "1"), "attested": YES},
            Dim={"": ("2", "3", "1", "1"), "users": ("3", "1", "1", "1"), "attested": NO},
            Silent={"": LEFT_OUT, "users": UNKNOWN, "attested": NO},
        )

    def test_k12_credentials(self):
        self.expect(
            "K12",
            Bright={"": NO, "credentials": ("4", "1", "1", "1"), "stale": NO},
            Dim={"": NO, "credentials": ("3", "1", "1", "1"), "stale": YES},
            Silent=dict.fromkeys(["", "credentials", "stale"], LEFT_OUT),
        )

    def test_k13_unused_access(self):
        self.expect(
            "K13",
            Bright={"": ("2", "50", "1", "1"), "policies": ("1", "1", "3", "3")},
            Dim={"": LEFT_OUT},
            Silent={"": LEFT_OUT},
        )

    def test_k14_imdsv2(self):
        self.expect(
            "K14",
            Bright={"": ("4", "5", "5", "6"), "defaults": ("1", "1", "1", "2")},
            Dim={"defaults": NO},
            Silent={"defaults": LEFT_OUT},
        )

    def test_k15_public_exposure(self):
        names = ["", "exposure_days", "guardrails", "external"]
        self.expect(
            "K15",
            Bright={
                "": YES,
                "exposure_days": ("12", "1", "1", "1"),
                "guardrails": ("2", "1", "1", "1"),
                "external": YES,
            },
            Dim=dict.fromkeys(names, UNKNOWN),
            Silent=dict.fromkeys(names, UNKNOWN),
        )

    def test_k16_encryption_at_rest(self):
        self.expect("K16", Bright={"": ("1.5", "2", "2", "2")}, Dim={"": ("0", "0", "0", "2")})

    def test_k17_encryption_in_transit(self):
        self.expect("K17", Bright={"": ("3", "4", "4", "4"), "expiring": ("1", "1", "2", "2")})

    def test_k18_data_discovery(self):
        self.expect("K18", Bright={"": YES}, Silent={"": LEFT_OUT})

    def test_k21_secrets(self):
        self.expect(
            "K21",
            Bright={
                "": ("2", "1", "3", "3"),
                "failing": ("3", "1", "7", "7"),
                "rotated": ("3", "4", "4", "4"),
            },
        )

    def test_k22_detection(self):
        services = ["cloudtrail", "config", "guardduty", "securityhub"]
        both = ("2", "2", "2", "2")
        half = ("1", "2", "2", "2")
        self.expect(
            "K22",
            Bright={"": half, **dict.fromkeys(services, both), "config": half},
            Dim={"": UNKNOWN, **dict.fromkeys(services, YES), "guardduty": UNKNOWN},
            Silent=dict.fromkeys(["", *services], UNKNOWN),
        )
        assert made.of_ous("K22")["Root"] == ("1", "4", "2", "4")

    def test_k22_draws_the_ous_below(self):
        point = KpiPoint.objects.get(kpi="K22", part="", ou=factories.root())
        assert point.details["heat"] == {
            "columns": ["CloudTrail", "AWS Config", "GuardDuty", "Security Hub"],
            "rows": [
                ["Onboarding", [[1, 1], [1, 1], None, [1, 1]]],
                ["Production", [[2, 2], [1, 2], [2, 2], [2, 2]]],
            ],
        }

    def test_k23_freshness(self):
        # Seven controls on the account, 2 each; Dim misses IAM.6, and its GuardDuty.1 and EC2.3 are
        # stale; Silent misses them all.
        rows = made.of_accounts("K23")
        dim = AccountDay.objects.get(account=self.dim, area="")
        assert rows["", "Dim"] == (
            *made.texts(dim.coverage_n, dim.coverage_d + 2, dim.coverage_d + 2, dim.coverage_d + 2),
        )
        assert dim.coverage_d - dim.coverage_n == 4
        assert rows["", "Silent"] == ("0", "14", "14", "14")

    def test_k29_patches(self):
        self.expect("K29", Dim={"": ("0.5", "2", "2", "2")})

    def test_k30_readiness(self):
        names = ["", "contact", "runbook", "exercise", "inspector"]
        self.expect(
            "K30",
            Bright=dict.fromkeys(names, YES),
            Dim=dict.fromkeys(names, NO),
            Silent=dict.fromkeys(names, NO) | {"contact": UNKNOWN, "inspector": UNKNOWN},
        )

    def test_every_ou_is_the_sum_of_its_accounts(self):
        for point in KpiPoint.objects.filter(ou=self.production).exclude(kpi="K6"):
            bright = made.of_accounts(point.kpi).get((point.part, "Bright"))
            # A count of 0 has no row of its own.
            assert made.amounts(point) == bright or (point.numerator == 0 and bright is None)


@pytest.mark.django_db
class TestRemovedRootCredentials:
    """Root credentials that were removed centrally need no MFA."""

    def secured(self, account):
        rollups.roll_up(now=NOW)
        kpis.fill("K10", DAY, now=NOW)
        return made.of_accounts("K10")["", account.name]

    def test_no_password_and_no_key_is_secured(self):
        account = factories.account()
        central = "organization.root_credentials_management"
        made.facts(account, {"root.access_keys": 0, "root.mfa": False, central: True})
        made.fact(account, "root.password", False)
        assert self.secured(account) == YES

    def test_without_the_feature_the_password_can_be_recovered(self):
        account = factories.account()
        made.facts(account, {"root.access_keys": 0, "root.mfa": False, "root.password": False})
        assert self.secured(account) == NO

    def test_the_management_account_keeps_its_root_user(self):
        account = factories.account(account_id="100000000001")
        central = "organization.root_credentials_management"
        made.facts(account, {"root.access_keys": 0, "root.mfa": False, central: True})
        made.fact(account, "root.password", False)
        assert self.secured(account) == NO

    def test_what_was_refused_is_not_secured(self):
        account = factories.account()
        made.fact(account, "root.mfa", True)
        made.fact(account, "root.access_keys", state="DENIED")
        assert self.secured(account) == UNKNOWN


@pytest.mark.django_db
def test_an_account_in_which_security_hub_finds_no_user_has_no_credentials():
    account = factories.account()
    control = factories.control(control_id="IAM.3")
    made.checked(account, control, passed=1, resource_type="AwsAccount")
    rollups.roll_up(now=NOW)
    kpis.fill("K12", DAY, now=NOW)
    assert made.of_accounts("K12")["", account.name] == YES


@pytest.mark.django_db
def test_detection_is_a_share_of_pairs_and_not_of_what_reports():
    """V17 of kpis.md: 40 pairs, 37 fully on, though everything that reports is on."""
    accounts = [factories.account() for _ in range(20)]
    for place, account in enumerate(accounts):
        made.region(account, "eu-west-1", "us-east-1")
        for region in ("eu-west-1", "us-east-1") if place >= 3 else ("eu-west-1",):
            made.facts(account, dict.fromkeys(DETECTION, True), region=region)
    rollups.roll_up(now=NOW)
    kpis.fill("K22", DAY, now=NOW)
    assert made.of_ous("K22")["Root"] == ("37", "40", "37", "40")
    assert made.shown("K22", factories.root()) == "92.5"


@pytest.mark.django_db
def test_the_buckets_of_findings_are_those_of_the_cells():
    """V15 of kpis.md: what becomes of a finding decides what a KPI of cells counts."""
    account, control = factories.account(), factories.control(control_id="S3.5", severity="LOW")
    made.checked(account, control, passed=1)
    made.checked(account, control, failed=1)
    made.checked(account, control, failed=1, workflow="SUPPRESSED")
    made.checked(account, control, failed=1, workflow="RESOLVED")
    made.checked(account, control, failed=1, updated_at=NOW - timedelta(hours=100))
    made.checked(account, control, unknown=1)
    made.checked(account, control, passed=1, updated_at=NOW - timedelta(hours=100))
    made.checked(account, control, passed=1, resource_type="AwsAccount")
    factories.finding(account=account, control=control, status="CLOSED", record_state="ARCHIVED")
    organisation_wide = factories.control(control_id="ELB.1", is_delegated_admin_only=True)
    made.checked(account, organisation_wide, failed=1)
    DirtyCell.objects.create(account=account, control=control)
    rollups.roll_up(now=NOW)
    kpis.fill("K17", DAY, now=NOW)
    # One pass, four failures, two unknown (which lower no coverage: the cell is evaluated).
    assert made.of_accounts("K17") == {("", account.name): ("0.2", "1", "1", "1")}


class TestAllowedRegions:
    """What is left over by a policy that denies other Regions."""

    def test_lists_of_wide_denials(self):
        assert allowed_regions(ONLY_EUROPE) == [frozenset({"eu-west-1", "eu-central-1"})]
        assert allowed_regions(NOT_ASIA) == [frozenset({"eu-*", "us-*"})]

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "[]",
            "not json",
            '{"Statement": [{"Effect": "Allow", "Action": "*"}]}',
            ONLY_EUROPE.replace('"NotAction": ["iam:*"]', '"Action": ["ec2:RunInstances"]'),
            ONLY_EUROPE.replace("StringNotEquals", "StringEquals"),
            ONLY_EUROPE.replace("aws:RequestedRegion", "aws:PrincipalOrgID"),
        ],
    )
    def test_anything_else_leaves_no_list(self, content):
        assert allowed_regions(content) == []
