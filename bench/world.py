"""An organisation with any number of findings, made inside the database by a few statements.

The same numbers give the same organisation. Findings come in the order of their resources, four to
a resource, which is how sweeps bring them: each account's lie scattered over the whole table.

    python -m deploy.local.services --run -- python bench/world.py 50000
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from findings.models import Control
    from inventory.models import Account, Organization, OrganizationalUnit, Team

NOW: Final = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
_ORG = "o-bench00001"
_ROLES = {"Security": "SECURITY", "Infrastructure": "INFRASTRUCTURE", "Sandbox": "SANDBOX"}
_UNITS = {
    "Workloads": ("Payments", "Lending", "Cards", "Insights", "Mobile", "Web", "Data", "Partners"),
    "Infrastructure": ("Network", "Shared services", "Build", "Identity"),
    "Security": ("Audit", "Tooling"),
    "Sandbox": ("Engineering", "Research"),
    "Acquisitions": ("Northwind", "Meridian", "Halcyon", "Tern"),
    "Suspended": (),
}
_ENVIRONMENTS = ("production", "production", "staging", "development", "development", "")
_REGIONS = (
    *("eu-west-1",) * 30,
    *("eu-central-1",) * 20,
    *("us-east-1",) * 20,
    *("us-west-2",) * 8,
    *("ap-southeast-2",) * 6,
    *("eu-west-2",) * 5,
    *("eu-north-1",) * 3,
    *("ap-northeast-1",) * 3,
    *("ca-central-1",) * 2,
    "sa-east-1",
    "af-south-1",
    "",
)
_TYPES = (
    "S3Bucket",
    "Ec2Instance",
    "Ec2SecurityGroup",
    "IamUser",
    "IamRole",
    "LambdaFunction",
    "RdsDbInstance",
    "Ec2Volume",
    "KmsKey",
    "EcsTaskDefinition",
    "EksCluster",
    "ElbLoadBalancer",
    "DynamoDbTable",
    "SnsTopic",
    "SqsQueue",
    "Ec2Vpc",
    "Ec2Subnet",
    "CloudTrailTrail",
    "EcrRepository",
    "OpenSearchDomain",
    "RedshiftCluster",
    "IamPolicy",
    "EfsFileSystem",
    "ApiGatewayStage",
    "CloudFrontDistribution",
    "WafWebAcl",
    "SecretsManagerSecret",
    "SsmDocument",
    "RdsDbCluster",
    "RdsDbSnapshot",
    "Ec2NetworkAcl",
    "Ec2Eip",
    "Ec2LaunchTemplate",
    "Ec2VpnConnection",
    "Ec2TransitGateway",
    "AutoScalingGroup",
    "BackupPlan",
    "CodeBuildProject",
    "ConfigRecorder",
    "AcmCertificate",
    "AthenaWorkGroup",
    "AppSyncApi",
    "BatchJob",
    "CloudFormationStack",
    "DmsInstance",
    "DocDbCluster",
    "ElastiCacheCluster",
    "EmrCluster",
    "EventsBus",
    "FsxFileSystem",
    "GlueJob",
    "GuardDutyDetector",
    "KinesisStream",
    "LogsGroup",
    "MskCluster",
    "NeptuneCluster",
    "NetworkFirewall",
    "Route53Zone",
    "SageMakerNotebook",
    "StepFunctionsMachine",
)
# One control out of ten speaks for another product, which has but one control.
_PRODUCTS = (
    "guardduty",
    "inspector",
    "macie",
    "access-analyzer",
    "config",
    "health",
    "prowler",
    "patch-manager",
    "firewall-manager",
)
_AREAS = (
    "IDENTITY",
    "DATA_PROTECTION",
    "DATA_PROTECTION",
    "SECURE_DEPLOYMENT",
    "MONITORING",
    "VULNERABILITY",
    "ACCOUNT_MANAGEMENT",
    "CULTURE",
    "SECURE_DEPLOYMENT",
)
_SEVERITIES = ("CRITICAL", *("HIGH",) * 4, *("MEDIUM",) * 9, *("LOW",) * 5, "INFORMATIONAL")
_TITLES = (
    "{0} should block public access",
    "{0} should be encrypted at rest with a customer managed key",
    "{0} should not allow unrestricted ingress",
    "{0} should have logging turned on",
    "{0} should be tagged",
)

# A number in [0, 1) of a row, another one for each salt.
_CHANCE = "((hashint8extended({0}, {1}) & 16777215)::float8 / 16777216)"


def _chance(number: str, salt: int) -> str:
    return _CHANCE.format(number, salt)


# Resource r has findings 4r to 4r+3: of the four controls of its type, or one product's.
_RESOURCES = f"""
CREATE UNLOGGED TABLE bench_resource AS
SELECT r, (array(SELECT id FROM inventory_account ORDER BY id))
        [1 + floor(%(accounts)s * {_chance("r", 1)} ^ 1.3)::int] AS account_id,
    (%(regions)s::text[])[1 + floor(100 * {_chance("r", 2)})::int] AS region,
    floor(%(types)s * {_chance("r", 3)} ^ 1.2)::int AS type,
    CASE WHEN {_chance("r", 4)} < 0.08
        THEN floor(%(products)s * {_chance("r", 5)} ^ 1.7)::int END AS product,
    substr(md5(r::text), 1, 8) AS code,
    CASE WHEN {_chance("r", 6)} < 0.02 THEN true WHEN {_chance("r", 6)} < 0.2 THEN false END
        AS is_public
FROM generate_series(0, (%(findings)s - 1) / 4) r
"""
_FINDINGS = f"""
INSERT INTO findings_finding (organization_id, key, finding_id, product_arn, product, feed,
    account_id, region, control_id, title, severity, status, compliance, workflow, record_state,
    resource_id, resource_type, resource_count, is_public, is_excepted, content_hash,
    first_observed_at, created_at, updated_at, opened_at, due_at, sla_rule, sla_version,
    last_failed_at, last_passed_at)
SELECT %(organization)s, decode(md5('key' || i), 'hex'),
    'arn:aws:' || CASE WHEN c.product = 'securityhub' THEN 'securityhub' ELSE c.product END || ':'
        || region || ':' || a.account_id || ':' || c.generator || '/finding/' || md5(i::text)::uuid,
    'arn:aws:securityhub:' || region || '::product/aws/' || c.product, c.product, 'SECURITY_HUB',
    x.account_id, region, c.id, c.title, x.severity, status,
    CASE WHEN c.product <> 'securityhub' THEN '' WHEN status = 'OPEN' THEN 'FAILED'
        WHEN status = 'UNKNOWN' THEN 'WARNING' ELSE 'PASSED' END,
    CASE WHEN status <> 'OPEN' THEN CASE WHEN u2 < 0.8 THEN 'RESOLVED' ELSE 'NEW' END
        WHEN u2 < 0.86 THEN 'NEW' WHEN u2 < 0.93 THEN 'NOTIFIED'
        WHEN u2 < 0.98 THEN 'SUPPRESSED' ELSE 'RESOLVED' END,
    CASE WHEN status = 'CLOSED' THEN 'ARCHIVED' ELSE 'ACTIVE' END,
    'arn:aws:' || lower(c.type) || ':' || region || ':' || a.account_id || ':' || c.word || '-'
        || x.code, 'Aws' || c.type, 1, x.is_public,
    u3 < 0.006, decode(md5('content' || i), 'hex'), opened, opened,
    %(now)s - interval '18 hours' * u3 ^ 2, CASE WHEN status = 'OPEN' THEN opened END,
    CASE WHEN status = 'OPEN' THEN opened + days END,
    CASE WHEN status = 'OPEN' AND days IS NOT NULL THEN 'severity:' || x.severity ELSE '' END, 1,
    CASE WHEN status = 'OPEN' THEN %(now)s - interval '18 hours' * u3 ^ 2 END,
    CASE WHEN status = 'PASSED' THEN %(now)s - interval '18 hours' * u3 ^ 2 END
FROM (
    SELECT x.*, i, c.ordinal,
        CASE WHEN x.product IS NULL THEN c.severity
            ELSE (%(severities)s::text[])[1 + floor(20 * {_chance("i", 11)})::int] END AS severity,
        CASE WHEN {_chance("i", 12)} < c.failing THEN 'OPEN' WHEN {_chance("i", 13)} < 0.82
            AND x.product IS NULL THEN 'PASSED' WHEN {_chance("i", 13)} < 0.86
            AND x.product IS NULL THEN 'UNKNOWN' ELSE 'CLOSED' END AS status,
        {_chance("i", 14)} AS u2, {_chance("i", 15)} AS u3,
        %(now)s - interval '1 hour' - interval '400 days' * {_chance("i", 16)} ^ 2 AS opened
    FROM bench_resource x
    CROSS JOIN LATERAL generate_series(4 * x.r, least(4 * x.r + 3, %(findings)s - 1)) i
    JOIN bench_control c ON c.ordinal = CASE WHEN x.product IS NULL
        THEN (x.type + %(types)s * (i %% 4)) %% %(own)s ELSE %(own)s + x.product END
    ORDER BY i
) x
JOIN bench_control c USING (ordinal)
JOIN inventory_account a ON a.id = x.account_id
LEFT JOIN (VALUES ('CRITICAL', interval '7 days'), ('HIGH', interval '30 days'),
    ('MEDIUM', interval '90 days'), ('LOW', interval '180 days')) clock (s, days) ON s = x.severity
"""
_EPISODES = """
INSERT INTO findings_episode (finding_id, opened_at, close_reason, resumed)
SELECT id, opened_at, '', 0 FROM findings_finding WHERE status = 'OPEN' ORDER BY id
"""
_PAYLOADS = """
INSERT INTO findings_findingpayload (finding_id, payload)
SELECT id, jsonb_build_object('SchemaVersion', '2018-10-08', 'Id', finding_id,
    'ProductArn', product_arn, 'AwsAccountId', split_part(finding_id, ':', 5), 'Region', region,
    'Title', title, 'Description', 'This control checks the resource. ' || repeat(title || '. ', 5),
    'Severity', jsonb_build_object('Label', severity), 'CreatedAt', created_at,
    'UpdatedAt', updated_at, 'Workflow', jsonb_build_object('Status', workflow),
    'RecordState', record_state, 'Resources', jsonb_build_array(jsonb_build_object(
        'Id', resource_id, 'Type', resource_type, 'Region', region)))
FROM findings_finding ORDER BY id
"""
_MARK_DIRTY = """
INSERT INTO findings_dirtycell (account_id, control_id)
SELECT account_id, control_id FROM findings_finding GROUP BY 1, 2 ORDER BY 1, 2
"""


def fill(
    findings: int,
    *,
    accounts: int = 1000,
    controls: int = 250,
    now: datetime = NOW,
    with_payloads: bool = True,
) -> None:
    """Fill an empty, migrated database; every cell is dirty afterwards, nothing is rolled up.

    :param now: the moment that ages, due dates and checks look back from.
    """
    from django.db import connection, transaction  # noqa: PLC0415 - after django.setup()

    with transaction.atomic():
        organization = _inventory(accounts)
        _controls(organization, controls)
    values: dict[str, Any] = {
        "organization": organization.pk,
        "findings": findings,
        "accounts": accounts,
        "regions": list(_REGIONS),
        "types": len(_TYPES),
        "own": max(controls - len(_PRODUCTS), 1),
        "products": len(_PRODUCTS),
        "severities": list(_SEVERITIES),
        "now": now,
    }
    tables = {"findings_episode": _EPISODES, "findings_dirtycell": _MARK_DIRTY}
    if with_payloads:
        tables["findings_findingpayload"] = _PAYLOADS
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        cursor.execute(_RESOURCES, values)
        cursor.execute("ANALYZE bench_resource; ANALYZE bench_control; ANALYZE inventory_account")
        with _without_indexes(cursor, "findings_finding"):
            cursor.execute(_FINDINGS, values)
        for table, statement in tables.items():
            with _without_indexes(cursor, table):
                cursor.execute(statement)
        cursor.execute("DROP TABLE bench_resource, bench_control")
    with connection.cursor() as cursor:
        # The visibility map is what lets an index-only scan be one.
        for table in ("findings_finding", *tables):
            cursor.execute(f"VACUUM (ANALYZE) {table}")  # our own names


@contextmanager
def _without_indexes(cursor: Any, table: str) -> Iterator[None]:
    """Loading first and building indexes (and checking references) afterwards is much quicker."""
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype IN ('u', 'f')",
        [table],
    )
    constraints = cursor.fetchall()
    for name, _ in constraints:
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = %s::regclass AND NOT indisprimary",
        [table],
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        cursor.execute(definition)
    for name, definition in constraints:
        cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')


def _inventory(accounts: int) -> "Organization":
    from inventory.models import Account, Organization, Team  # noqa: PLC0415

    organization = Organization.objects.create(
        org_id=_ORG,
        name="Meridian Group",
        arn=f"arn:aws:organizations::100000000001:organization/{_ORG}",
        management_account_id="100000000001",
        root_id="r-benc",
        home_region="eu-west-1",
    )
    units = _units(organization)
    teams = Team.objects.bulk_create(
        Team(slug=f"team-{number:02}", name=f"Team {number:02}") for number in range(40)
    )
    Account.objects.bulk_create(
        (_account(number, organization, units, teams) for number in range(accounts)),
        batch_size=1000,
    )
    return organization


def _units(organization: "Organization") -> "list[OrganizationalUnit]":
    from inventory.models import OrganizationalUnit  # noqa: PLC0415

    def make(name: str, parent: OrganizationalUnit | None, top: str) -> OrganizationalUnit:
        number = OrganizationalUnit.objects.count()
        ou_id = f"ou-benc-{number:08}" if parent else organization.root_id
        role = "SUSPENDED" if top == "Suspended" else _ROLES.get(top, "WORKLOADS")
        return OrganizationalUnit.objects.create(
            organization=organization,
            ou_id=ou_id,
            name=name,
            parent=parent,
            path=f"{parent.path if parent else ''}{ou_id}/",
            label=f"{parent.label} / {name}" if parent and parent.label else name if parent else "",
            depth=parent.depth + 1 if parent else 0,
            role=role,
        )

    root = make("Root", None, "")
    leaves = []
    for top, names in _UNITS.items():
        unit = make(top, root, top)
        leaves += [make(name, unit, top) for name in names] or [unit]
    return leaves


def _account(
    number: int,
    organization: "Organization",
    units: "list[OrganizationalUnit]",
    teams: "list[Team]",
) -> "Account":
    from inventory.models import Account  # noqa: PLC0415

    unit = units[(number * 7) % len(units)]
    environment = _ENVIRONMENTS[(number // len(units)) % len(_ENVIRONMENTS)]
    return Account(
        organization=organization,
        account_id=str(100000000001 + number * 7919),
        name=f"{unit.name.lower().replace(' ', '-')}-{environment or 'other'}-{number:04}",
        state="ACTIVE" if number % 97 else "SUSPENDED",
        joined_at=NOW - timedelta(days=900),
        ou=unit,
        environment=environment,
        criticality={"production": 4, "staging": 2}.get(environment, 1),
        team=teams[(number * 11) % len(teams)] if number % 9 else None,
    )


def _controls(organization: "Organization", controls: int) -> None:
    """The controls, and what the findings of each look like in the table bench_control."""
    from django.db import connection  # noqa: PLC0415

    from findings.models import Control  # noqa: PLC0415

    own = max(controls - len(_PRODUCTS), 1)
    made = [_control(organization, number) for number in range(own)]
    made += [_product_control(organization, name) for name in _PRODUCTS]
    Control.objects.bulk_create(control for control, _ in made)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_control (ordinal int, id bigint, title text, severity text,"
            " type text, word text, product text, generator text, failing float8)"
        )
        cursor.executemany(
            "INSERT INTO bench_control VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (ordinal, control.pk, control.title, control.severity, *facts)
                for ordinal, (control, facts) in enumerate(made)
            ],
        )


_Made = tuple["Control", tuple[str, str, str, str, float]]
_WORDS = ("meridian-lake", "ledger", "web-assets", "audit-trail", "batch", "reports", "images")


def _control(organization: "Organization", number: int) -> _Made:
    from findings.models import Control  # noqa: PLC0415

    kind = _TYPES[number % len(_TYPES)]
    series = number // len(_TYPES)
    control_id = f"{kind}.{series + 1}"
    control = Control(
        organization=organization,
        control_id=control_id,
        title=_TITLES[(number * 3) % len(_TITLES)].format(kind),
        severity=_SEVERITIES[(number * 13) % len(_SEVERITIES)],
        area=_AREAS[(number * 5) % len(_AREAS)] if number % 41 else "",
    )
    # Most controls fail rarely, some nearly always.
    failing = 0.02 + 0.7 * ((number * 37 % 101) / 101) ** 2.6
    word = _WORDS[number % len(_TYPES) % len(_WORDS)]
    return control, (kind, word, "securityhub", f"security-control/{control_id}", failing)


def _product_control(organization: "Organization", product: str) -> _Made:
    from findings.models import Control  # noqa: PLC0415

    control = Control(
        organization=organization,
        control_id=f"{product}.Finding",
        title=f"What {product} found",
        severity="MEDIUM",
        area="VULNERABILITY" if product in ("inspector", "guardduty") else "MONITORING",
        is_scored=False,
    )
    return control, ("Ec2Instance", "node", product, product, 0.4)


def start_django() -> None:
    """Make models usable in a script, with the settings that the environment gives."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "posture.settings")
    os.environ.setdefault("POSTURE_ALLOWED_HOSTS", "testserver")
    import django  # noqa: PLC0415 - after the environment

    django.setup()


def main() -> int:
    start_django()
    start = time.perf_counter()
    fill(int(sys.argv[1]), with_payloads="--no-payloads" not in sys.argv)
    print(f"filled in {time.perf_counter() - start:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
