"""Resources of the invented accounts: ids in each service's own pattern, with the details that ASFF gives for some."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox import chance
from sandbox.model import Document

_WORDS = ("assets", "ledger", "events", "exports", "sessions", "uploads", "orders", "metrics", "archive", "gateway",
          "worker", "batch", "index", "catalog", "profile", "invoices", "audit", "cache", "api", "jobs")  # fmt: skip
_PEOPLE = (
    "a.brandt",
    "t.lindqvist",
    "m.okafor",
    "svc-deploy",
    "svc-backup",
    "svc-ftp",
    "p.raman",
    "svc-reporting",
    "l.ferrante",
    "ci-legacy",
)
GLOBAL_TYPES = frozenset({"AwsCloudFrontDistribution", "AwsRoute53HostedZone"})
"""Recorded in us-east-1 wherever the account works."""
IAM_TYPES = frozenset({"AwsIamUser", "AwsIamRole", "AwsIamPolicy"})
"""Global, but recorded in the home Region."""

_PATTERNS = {
    "AwsCertificateManagerCertificate": "arn:aws:acm:{r}:{a}:certificate/{uuid}",
    "AwsApiGatewayStage": "arn:aws:apigateway:{r}::/restapis/{id10}/stages/live",
    "AwsApiGatewayV2Stage": "arn:aws:apigateway:{r}::/apis/{id10}/stages/$default",
    "AwsAppSyncGraphQlApi": "arn:aws:appsync:{r}:{a}:apis/{id26}",
    "AwsAthenaWorkGroup": "arn:aws:athena:{r}:{a}:workgroup/{w}-{h4}",
    "AwsAutoScalingAutoScalingGroup": "arn:aws:autoscaling:{r}:{a}:autoScalingGroup:{uuid}:autoScalingGroupName/{n}-{w}",
    "AwsAutoScalingLaunchConfiguration": "arn:aws:autoscaling:{r}:{a}:launchConfiguration:{uuid}:launchConfigurationName/{n}-{w}",
    "AwsBackupRecoveryPoint": "arn:aws:backup:{r}:{a}:recovery-point:{uuid}",
    "AwsCloudFormationStack": "arn:aws:cloudformation:{r}:{a}:stack/{n}-{w}/{uuid}",
    "AwsCloudFrontDistribution": "arn:aws:cloudfront::{a}:distribution/E{H13}",
    "AwsCloudTrailTrail": "arn:aws:cloudtrail:{r}:{a}:trail/{w}-{h4}",
    "AwsCloudWatchAlarm": "arn:aws:cloudwatch:{r}:{a}:alarm:{n}-{w}-{h4}",
    "AwsLogsLogGroup": "arn:aws:logs:{r}:{a}:log-group:/halden/{n}/{w}-{h4}:*",
    "AwsCodeBuildProject": "arn:aws:codebuild:{r}:{a}:project/{n}-{w}-{h4}",
    "AwsDmsReplicationInstance": "arn:aws:dms:{r}:{a}:rep:{ID26}",
    "AwsDynamoDbTable": "arn:aws:dynamodb:{r}:{a}:table/{w}-{h4}",
    "AwsEc2Snapshot": "arn:aws:ec2:{r}:{a}:snapshot/snap-0{h16}",
    "AwsEc2SecurityGroup": "arn:aws:ec2:{r}:{a}:security-group/sg-0{h16}",
    "AwsEc2Volume": "arn:aws:ec2:{r}:{a}:volume/vol-0{h16}",
    "AwsEc2Instance": "arn:aws:ec2:{r}:{a}:instance/i-0{h16}",
    "AwsEc2Vpc": "arn:aws:ec2:{r}:{a}:vpc/vpc-0{h16}",
    "AwsEc2Subnet": "arn:aws:ec2:{r}:{a}:subnet/subnet-0{h16}",
    "AwsEc2NetworkAcl": "arn:aws:ec2:{r}:{a}:network-acl/acl-0{h16}",
    "AwsEc2TransitGateway": "arn:aws:ec2:{r}:{a}:transit-gateway/tgw-0{h16}",
    "AwsEc2LaunchTemplate": "arn:aws:ec2:{r}:{a}:launch-template/lt-0{h16}",
    "AwsEc2NetworkInterface": "arn:aws:ec2:{r}:{a}:network-interface/eni-0{h16}",
    "AwsEc2ClientVpnEndpoint": "arn:aws:ec2:{r}:{a}:client-vpn-endpoint/cvpn-endpoint-0{h16}",
    "AwsEc2VpnConnection": "arn:aws:ec2:{r}:{a}:vpn-connection/vpn-0{h16}",
    "AwsEc2VpcBlockPublicAccessOptions": "arn:aws:ec2:{r}:{a}:vpc-block-public-access-options/{a}",
    "AwsEc2SnapshotBlockPublicAccess": "arn:aws:ec2:{r}:{a}:snapshot-block-public-access/{a}",
    "AwsEcrRepository": "arn:aws:ecr:{r}:{a}:repository/{n}/{w}-{h4}",
    "AwsEcsService": "arn:aws:ecs:{r}:{a}:service/{n}/{w}-{h4}",
    "AwsEcsTaskDefinition": "arn:aws:ecs:{r}:{a}:task-definition/{n}-{w}-{h4}:17",
    "AwsEcsCluster": "arn:aws:ecs:{r}:{a}:cluster/{n}-{h4}",
    "AwsEfsFileSystem": "arn:aws:elasticfilesystem:{r}:{a}:file-system/fs-0{h16}",
    "AwsEfsAccessPoint": "arn:aws:elasticfilesystem:{r}:{a}:access-point/fsap-0{h16}",
    "AwsEksCluster": "arn:aws:eks:{r}:{a}:cluster/{n}-{h4}",
    "AwsElastiCacheReplicationGroup": "arn:aws:elasticache:{r}:{a}:replicationgroup:{w}-{h4}",
    "AwsElastiCacheCacheCluster": "arn:aws:elasticache:{r}:{a}:cluster:{w}-{h4}",
    "AwsElasticBeanstalkEnvironment": "arn:aws:elasticbeanstalk:{r}:{a}:environment/{n}/{w}-{h4}",
    "AwsElbv2LoadBalancer": "arn:aws:elasticloadbalancing:{r}:{a}:loadbalancer/app/{w}-{h4}/{h16}",
    "AwsElbv2Listener": "arn:aws:elasticloadbalancing:{r}:{a}:listener/app/{w}-{h4}/{h16}/{h16}",
    "AwsElbLoadBalancer": "arn:aws:elasticloadbalancing:{r}:{a}:loadbalancer/{w}-{h4}",
    "AwsGlueJob": "arn:aws:glue:{r}:{a}:job/{w}-{h4}",
    "AwsIamPolicy": "arn:aws:iam::{a}:policy/{n}-{w}-{h4}",
    "AwsIamUser": "arn:aws:iam::{a}:user/{p}-{h4}",
    "AwsIamRole": "arn:aws:iam::{a}:role/{n}-{w}-{h4}",
    "AwsKinesisStream": "arn:aws:kinesis:{r}:{a}:stream/{w}-{h4}",
    "AwsKmsKey": "arn:aws:kms:{r}:{a}:key/{uuid}",
    "AwsLambdaFunction": "arn:aws:lambda:{r}:{a}:function:{n}-{w}-{h4}",
    "AwsNetworkFirewallFirewallPolicy": "arn:aws:network-firewall:{r}:{a}:firewall-policy/{w}-{h4}",
    "AwsOpenSearchServiceDomain": "arn:aws:es:{r}:{a}:domain/{w}-{h4}",
    "AwsRdsDbInstance": "arn:aws:rds:{r}:{a}:db:{w}-{h4}",
    "AwsRdsDbCluster": "arn:aws:rds:{r}:{a}:cluster:{w}-{h4}",
    "AwsRdsDbSnapshot": "arn:aws:rds:{r}:{a}:snapshot:{w}-{h4}",
    "AwsRdsDbClusterSnapshot": "arn:aws:rds:{r}:{a}:cluster-snapshot:{w}-{h4}",
    "AwsRedshiftCluster": "arn:aws:redshift:{r}:{a}:cluster:{w}-{h4}",
    "AwsRoute53HostedZone": "arn:aws:route53:::hostedzone/Z{H13}",
    "AwsS3Bucket": "arn:aws:s3:::{n}-{w}-{h4}",
    "AwsS3AccessPoint": "arn:aws:s3:{r}:{a}:accesspoint/{w}-{h4}",
    "AwsSageMakerNotebookInstance": "arn:aws:sagemaker:{r}:{a}:notebook-instance/{w}-{h4}",
    "AwsSecretsManagerSecret": "arn:aws:secretsmanager:{r}:{a}:secret:{n}/{w}-{id6}",
    "AwsSnsTopic": "arn:aws:sns:{r}:{a}:{n}-{w}-{h4}",
    "AwsSqsQueue": "arn:aws:sqs:{r}:{a}:{n}-{w}-{h4}",
    "AwsSsmDocument": "arn:aws:ssm:{r}:{a}:document/{n}-{w}-{h4}",
    "AwsSsmPatchCompliance": "arn:aws:ec2:{r}:{a}:instance/i-0{h16}",
    "AwsSsmAssociationCompliance": "arn:aws:ec2:{r}:{a}:instance/i-0{h16}",
    "AwsStepFunctionStateMachine": "arn:aws:states:{r}:{a}:stateMachine:{n}-{w}-{h4}",
    "AwsWafv2WebAcl": "arn:aws:wafv2:{r}:{a}:regional/webacl/{w}/{uuid}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource stands."""

    account_id: str
    account_name: str
    region: str
    owner: str
    environment: str


def identifier(resource_type: str, place: Place, seed: int) -> str:
    """Return the id of the resource with that seed.

    :raises KeyError: when the type is unknown.
    """
    text = chance.letters(seed, 26)
    digits = chance.hexadecimal(seed, 16)
    return _PATTERNS[resource_type].format(
        r=place.region,
        a=place.account_id,
        n=place.account_name,
        w=chance.pick(seed, 1, _WORDS),
        p=chance.pick(seed, 2, _PEOPLE),
        uuid=chance.uuid_text(seed),
        h4=digits[:4],
        h16=digits,
        H13=digits[:13].upper(),
        id6=text[:6],
        id10=text[:10],
        id26=text,
        ID26=text.upper(),
    )


def resource(resource_type: str, place: Place, seed: int) -> Document:
    """Return the ASFF resource with that seed."""
    resource_id = identifier(resource_type, place, seed)
    document: Document = {
        "Type": resource_type,
        "Id": resource_id,
        "Partition": "aws",
        "Region": place.region,
    }
    if seed % 5:
        document["Tags"] = {"owner": place.owner, "environment": place.environment}
    details = _DETAILS.get(resource_type)
    if details:
        document["Details"] = {resource_type: details(resource_id, seed)}
    return document


def account_resource(place: Place) -> Document:
    """Return the resource of an account-level check."""
    return {
        "Type": "AwsAccount",
        "Id": f"AWS::::Account:{place.account_id}",
        "Partition": "aws",
        "Region": place.region,
    }


def address(seed: int, number: int) -> str:
    """Return an IPv4 address of a documentation range (RFC 5737)."""
    return (
        f"{('192.0.2', '198.51.100', '203.0.113')[seed % 3]}.{1 + chance.mix(seed, number) % 254}"
    )


def _instance(_: str, seed: int) -> Document:
    return {
        "Type": ("t3.medium", "m7g.large", "c7i.xlarge", "r6i.large")[seed % 4],
        "ImageId": f"ami-0{chance.hexadecimal(seed + 1, 16)}",
        "IpV4Addresses": [f"10.{seed % 200}.{seed // 7 % 250}.{1 + seed // 11 % 250}"],
        "VpcId": f"vpc-0{chance.hexadecimal(seed + 2, 16)}",
        "SubnetId": f"subnet-0{chance.hexadecimal(seed + 3, 16)}",
    }


def _security_group(resource_id: str, seed: int) -> Document:
    return {
        "GroupName": chance.pick(seed, 1, _WORDS),
        "GroupId": resource_id.rpartition("/")[2],
        "OwnerId": resource_id.split(":")[4],
        "VpcId": f"vpc-0{chance.hexadecimal(seed + 2, 16)}",
    }


def _bucket(_: str, seed: int) -> Document:
    return {"OwnerId": chance.hexadecimal(seed + 4, 64)}


def _function(resource_id: str, seed: int) -> Document:
    return {
        "FunctionName": resource_id.rpartition(":")[2],
        "Runtime": ("python3.13", "nodejs22.x", "java21", "python3.9")[seed % 4],
        "MemorySize": (128, 256, 512, 1024)[seed // 4 % 4],
        "Timeout": 30,
    }


def _database(resource_id: str, seed: int) -> Document:
    return {
        "DBInstanceIdentifier": resource_id.rpartition(":")[2],
        "DBInstanceClass": ("db.t4g.medium", "db.r6g.large")[seed % 2],
        "Engine": ("postgres", "mysql", "aurora-postgresql")[seed % 3],
        "StorageEncrypted": bool(seed % 6),
    }


def _user(resource_id: str, seed: int) -> Document:
    return {
        "UserName": resource_id.rpartition("/")[2],
        "Path": "/",
        "UserId": f"AIDA{chance.letters(seed, 16).upper()}",
    }


_DETAILS: dict[str, Callable[[str, int], Document]] = {
    "AwsEc2Instance": _instance,
    "AwsEc2SecurityGroup": _security_group,
    "AwsS3Bucket": _bucket,
    "AwsLambdaFunction": _function,
    "AwsRdsDbInstance": _database,
    "AwsIamUser": _user,
}
