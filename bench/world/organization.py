"""The organisation of the world: OUs, teams, accounts, and what is known of each account."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from inventory.models import Account, Organization, OrganizationalUnit, Team

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
# The Regions that every account has; the last few kinds of facts are told of each of them.
_FACT_REGIONS = (
    *(
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eu-central-1",
        "eu-north-1",
        "us-east-1",
        "us-east-2",
    ),
    *("us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "ap-south-1", "ap-northeast-1"),
    *("ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2"),
)
# Of the whole account, and of each Region: the key, its usual value, and the other one.
_OF_ACCOUNT = (
    ("root.access_keys", "0", "1"),
    ("root.mfa", "true", "false"),
    ("root.password", "false", "true"),
    ("contact.security", "true", "false"),
    ("s3.block_public_access", '{"BlockPublicAcls": true}', '{"BlockPublicAcls": false}'),
    ("iam.users", "4", "0"),
    ("iam.roles", "60", "25"),
    ("iam.passwords", "0", "3"),
    ("iam.passwords_with_mfa", "0", "2"),
    ("iam.access_keys", "0", "5"),
    ("iam.access_keys_old", "0", "2"),
)
_OF_REGION = (
    ("region.status", '"ENABLED_BY_DEFAULT"', '"ENABLED_BY_DEFAULT"'),
    ("cloudtrail.trail", "true", "false"),
    ("config.recorder", "true", "false"),
    ("guardduty.detector", "true", "false"),
    ("securityhub.hub", "true", "false"),
    ("ebs.encryption_by_default", "true", "false"),
    ("ec2.imds_v2_default", "true", "false"),
    ("inspector.ec2", "true", "false"),
    ("inspector.ecr", "true", "false"),
    ("inspector.lambda", "true", "false"),
    ("macie.session", "true", "false"),
    ("macie.automated_discovery", "true", "false"),
)
# One fact in twenty is the other way, and one in a hundred was refused.
_FACTS: Final = """
INSERT INTO inventory_accountfact (account_id, region, key, value, state, missing_permission, as_of)
SELECT account_id, region, key,
    CASE WHEN chance >= 0.01 THEN CASE WHEN chance < 0.06 THEN other ELSE usual END::jsonb END,
    CASE WHEN chance < 0.01 THEN 'DENIED' ELSE 'KNOWN' END,
    CASE WHEN chance < 0.01 THEN 'service:Describe' ELSE '' END, %(now)s - interval '3 hours'
FROM (
    SELECT a.id AS account_id, f.*, (hashtextextended(concat(a.id, region, key), 0) & 16777215)
        ::float8 / 16777216 AS chance
    FROM inventory_account a CROSS JOIN (
        SELECT '' AS region, * FROM unnest(%(keys)s::text[], %(usual)s::text[], %(other)s::text[])
            o (key, usual, other)
        UNION ALL
        SELECT region, o.* FROM unnest(%(regions)s::text[]) region CROSS JOIN unnest(
            %(region_keys)s::text[], %(region_usual)s::text[], %(region_other)s::text[])
            o (key, usual, other)
    ) f
) told
"""


def write_organization(accounts: int, *, now: datetime) -> "Organization":
    """OUs, teams, and accounts of every environment, each with its facts."""
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
        (_account(number, organization, units, teams, now) for number in range(accounts)),
        batch_size=1000,
    )
    _write_facts(now=now)
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
    now: datetime,
) -> "Account":
    from inventory.models import Account  # noqa: PLC0415

    unit = units[(number * 7) % len(units)]
    environment = _ENVIRONMENTS[(number // len(units)) % len(_ENVIRONMENTS)]
    return Account(
        organization=organization,
        account_id=str(100000000001 + number * 7919),
        name=f"{unit.name.lower().replace(' ', '-')}-{environment or 'other'}-{number:04}",
        state="ACTIVE" if number % 97 else "SUSPENDED",
        joined_at=now - timedelta(days=900),
        ou=unit,
        environment=environment,
        criticality={"production": 4, "staging": 2}.get(environment, 1),
        team=teams[(number * 11) % len(teams)] if number % 9 else None,
    )


def _write_facts(*, now: datetime) -> None:
    from django.db import connection  # noqa: PLC0415

    values: dict[str, Any] = {"now": now, "regions": list(_FACT_REGIONS)}
    for prefix, facts in (("", _OF_ACCOUNT), ("region_", _OF_REGION)):
        values[f"{prefix}keys"] = [key for key, _, _ in facts]
        values[f"{prefix}usual"] = [usual for _, usual, _ in facts]
        values[f"{prefix}other"] = [other for _, _, other in facts]
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, values)
