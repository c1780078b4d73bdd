"""Access Analyzer findings, as ListFindingsV2 and GetFindingV2 tell them (camelCase, moments as ISO text)."""

from dataclasses import dataclass

from sandbox import chance
from sandbox.findings import resources
from sandbox.findings.resources import Place
from sandbox.model import Document
from sandbox.moments import iso_text

EXTERNAL, INTERNAL = "ExternalAccess", "InternalAccess"
ROLE, KEY, PASSWORD, PERMISSION = (
    "UnusedIAMRole",
    "UnusedIAMUserAccessKey",
    "UnusedIAMUserPassword",
    "UnusedPermission",
)

_SHARED = (
    ("AWS::S3::Bucket", "AwsS3Bucket", ("s3:GetObject", "s3:ListBucket")),
    ("AWS::IAM::Role", "AwsIamRole", ("sts:AssumeRole",)),
    ("AWS::KMS::Key", "AwsKmsKey", ("kms:Decrypt", "kms:GenerateDataKey")),
    ("AWS::SQS::Queue", "AwsSqsQueue", ("sqs:SendMessage",)),
    ("AWS::SecretsManager::Secret", "AwsSecretsManagerSecret", ("secretsmanager:GetSecretValue",)),
    ("AWS::Lambda::Function", "AwsLambdaFunction", ("lambda:InvokeFunction",)),
    ("AWS::SNS::Topic", "AwsSnsTopic", ("sns:Publish",)),
    (
        "AWS::ECR::Repository",
        "AwsEcrRepository",
        ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
    ),
    ("AWS::RDS::DBSnapshot", "AwsRdsDbSnapshot", ("rds:CopyDBSnapshot",)),
)
_INTERNAL = _SHARED[0], _SHARED[8]
_VENDORS = ("464622532012", "339704711025", "772193006540")
_UNUSED = {ROLE: ("AWS::IAM::Role", "AwsIamRole"), PERMISSION: ("AWS::IAM::Role", "AwsIamRole"),
           KEY: ("AWS::IAM::User", "AwsIamUser"), PASSWORD: ("AWS::IAM::User", "AwsIamUser")}  # fmt: skip
_SERVICES = (
    ("s3", ("DeleteBucket", "PutBucketPolicy", "DeleteObject")),
    ("ec2", ("AuthorizeSecurityGroupIngress", "RunInstances")),
    ("iam", ("CreateRole", "PassRole", "PutRolePolicy")),
    ("dynamodb", ()),
    ("kms", ("ScheduleKeyDeletion",)),
)


@dataclass(frozen=True, slots=True)
class AnalyzerLife:
    """When a finding came, was looked at and changed last, and how it stands."""

    status: str
    """ACTIVE, ARCHIVED or RESOLVED."""
    created_at: int
    analyzed_at: int
    updated_at: int


def summary_and_detail(
    kind: str, place: Place, life: AnalyzerLife, seed: int
) -> tuple[str, Document, Document]:
    """Return (id, item of ListFindingsV2, answer of GetFindingV2) of the finding with that seed."""
    finding_id = chance.uuid_text(seed)
    if kind in _UNUSED:
        resource_type, own_type = _UNUSED[kind]
        details = [_unused(kind, life, seed)]
    else:
        chosen = chance.pick(seed, 1, _SHARED if kind == EXTERNAL else _INTERNAL)
        resource_type, own_type, actions = chosen
        details = [
            _external(actions, seed) if kind == EXTERNAL else _internal(actions, place, seed)
        ]
    summary: Document = {
        "id": finding_id,
        "resource": resources.identifier(own_type, place, chance.mix(seed, 3)),
        "resourceType": resource_type,
        "resourceOwnerAccount": place.account_id,
        "status": life.status,
        "findingType": kind,
        "createdAt": iso_text(life.created_at),
        "analyzedAt": iso_text(life.analyzed_at),
        "updatedAt": iso_text(life.updated_at),
    }
    return finding_id, summary, {**summary, "findingDetails": details}


def _external(actions: tuple[str, ...], seed: int) -> Document:
    is_public = seed % 9 == 0
    return {
        "externalAccessDetails": {
            "action": list(actions),
            "condition": {}
            if seed % 3
            else {"aws:SourceVpce": f"vpce-0{chance.hexadecimal(seed, 16)}"},
            "isPublic": is_public,
            "principal": {"AWS": "*" if is_public else chance.pick(seed, 2, _VENDORS)},
            "sources": [{"type": "POLICY"}],
            "resourceControlPolicyRestriction": ("NOT_APPLICABLE", "APPLICABLE")[seed % 2],
        }
    }


def _internal(actions: tuple[str, ...], place: Place, seed: int) -> Document:
    role = resources.identifier("AwsIamRole", place, chance.mix(seed, 4))
    return {
        "internalAccessDetails": {
            "action": list(actions),
            "condition": {},
            "principal": {"AWS": role},
            "principalOwnerAccount": place.account_id,
            "accessType": "INTRA_ACCOUNT",
            "principalType": "IAM_ROLE",
            "sources": [{"type": "POLICY"}],
            "resourceControlPolicyRestriction": "NOT_APPLICABLE",
            "serviceControlPolicyRestriction": ("NOT_APPLICABLE", "APPLIED")[seed % 2],
        }
    }


def _unused(kind: str, life: AnalyzerLife, seed: int) -> Document:
    last = iso_text(life.created_at - (90 + seed % 200) * 86_400)
    if kind == ROLE:
        return {"unusedIamRoleDetails": {"lastAccessed": last} if seed % 4 else {}}
    if kind == KEY:
        return {
            "unusedIamUserAccessKeyDetails": {
                "accessKeyId": f"AKIA{chance.letters(seed, 16).upper()}",
                "lastAccessed": last,
            }
        }
    if kind == PASSWORD:
        return {"unusedIamUserPasswordDetails": {"lastAccessed": last}}
    namespace, actions = chance.pick(seed, 5, _SERVICES)
    return {
        "unusedPermissionDetails": {
            "serviceNamespace": namespace,
            "actions": [{"action": action, "lastAccessed": last} for action in actions],
            "lastAccessed": last,
        }
    }
