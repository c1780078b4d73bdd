"""The controls of the world: those that KPIs read by name, others of every kind, and products'."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from findings.models import Control
    from inventory.models import Organization

TYPES = (
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
# The controls of these resources that KPIs read, so that they find what they look for.
_NAMED: Final = {
    "S3Bucket": ("S3.8", "S3.5", "S3.1", "S3.19"),
    "Ec2Instance": ("EC2.8", "SSM.1", "EC2.170", "SSM.2"),
    "Ec2SecurityGroup": ("EC2.53", "EC2.54", "EC2.13", "EC2.14"),
    "IamUser": ("IAM.5", "IAM.3", "IAM.2", "IAM.8"),
    "IamRole": ("IAM.4", "IAM.6", "IAM.9", "Account.1"),
    "LambdaFunction": ("Lambda.2", "ECS.8", "ECS.10", "Glue.4"),
    "RdsDbInstance": ("RDS.3", "RDS.13", "RDS.27", "RDS.35"),
    "Ec2Volume": ("EC2.3", "EC2.7", "EC2.18", "EC2.19"),
    "KmsKey": ("KMS.1", "KMS.2", "IAM.1", "IAM.21"),
    "EksCluster": ("EKS.2", "EKS.3", "EFS.1", "EFS.8"),
    "ElbLoadBalancer": ("ELB.1", "ELB.3", "ELB.17", "ELB.18"),
    "DynamoDbTable": ("DynamoDB.3", "ElastiCache.1", "ElastiCache.2", "ElastiCache.4"),
    "SnsTopic": ("SNS.1", "Neptune.1", "Neptune.6", "DocumentDB.1"),
    "SqsQueue": ("SQS.1", "Kinesis.1", "Redshift.10", "Opensearch.1"),
    "CloudTrailTrail": ("CloudTrail.1", "CloudTrail.2", "CloudTrail.3", "CloudTrail.4"),
    "SecretsManagerSecret": ("SecretsManager.1", "SecretsManager.2", "SecretsManager.4", "ACM.1"),
    "CodeBuildProject": ("CodeBuild.1", "CodeBuild.2", "CodeBuild.3", "Config.1"),
}
# One control out of ten speaks for another product, which has but one control.
PRODUCTS: Final = {
    "guardduty": "GuardDuty.Finding",
    "inspector": "Inspector.Vulnerability",
    "macie": "Macie.Finding",
    "access-analyzer": "AccessAnalyzer.ExternalAccess",
    "config": "Config.Finding",
    "health": "Health.Finding",
    "prowler": "Prowler.Finding",
    "patch-manager": "PatchManager.Finding",
    "firewall-manager": "FirewallManager.Finding",
}
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
SEVERITIES = ("CRITICAL", *("HIGH",) * 4, *("MEDIUM",) * 9, *("LOW",) * 5, "INFORMATIONAL")
_TITLES = (
    "{0} should block public access",
    "{0} should be encrypted at rest with a customer managed key",
    "{0} should not allow unrestricted ingress",
    "{0} should have logging turned on",
    "{0} should be tagged",
)


def write_controls(organization: "Organization", controls: int) -> None:
    """The controls, and what the findings of each look like in the table bench_control."""
    from django.db import connection  # noqa: PLC0415

    from findings.models import Control  # noqa: PLC0415

    own = max(controls - len(PRODUCTS), 1)
    made = [_control(organization, number) for number in range(own)]
    made += [_product_control(organization, name) for name in PRODUCTS]
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

    kind = TYPES[number % len(TYPES)]
    series = number // len(TYPES)
    named = _NAMED.get(kind, ())
    control_id = named[series] if series < len(named) else f"{kind}.{series + 1}"
    control = Control(
        organization=organization,
        control_id=control_id,
        title=_TITLES[(number * 3) % len(_TITLES)].format(kind),
        severity=SEVERITIES[(number * 13) % len(SEVERITIES)],
        area=_AREAS[(number * 5) % len(_AREAS)] if number % 41 else "",
    )
    # Most controls fail rarely, some nearly always.
    failing = 0.02 + 0.7 * ((number * 37 % 101) / 101) ** 2.6
    word = _WORDS[number % len(TYPES) % len(_WORDS)]
    return control, (kind, word, "securityhub", f"security-control/{control_id}", failing)


def _product_control(organization: "Organization", product: str) -> _Made:
    from findings.models import Control  # noqa: PLC0415

    control = Control(
        organization=organization,
        control_id=PRODUCTS[product],
        title=f"What {product} found",
        severity="MEDIUM",
        area="VULNERABILITY" if product in ("inspector", "guardduty") else "MONITORING",
        is_scored=False,
    )
    return control, ("Ec2Instance", "node", product, product, 0.4)
