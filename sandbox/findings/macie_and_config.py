"""Findings of Macie (data and policy) and of AWS Config rules in ASFF."""

from sandbox import chance
from sandbox.findings import native, resources
from sandbox.findings.native import Frame, Life
from sandbox.findings.resources import Place
from sandbox.model import Document

_MACIE = (
    ("SensitiveData:S3Object/Personal", "HIGH", "Sensitive Data Identifications/PII/SensitiveData:S3Object-Personal", "The object contains personal information."),
    ("SensitiveData:S3Object/Financial", "HIGH", "Sensitive Data Identifications/Financial/SensitiveData:S3Object-Financial", "The object contains financial information."),
    ("SensitiveData:S3Object/Credentials", "HIGH", "Sensitive Data Identifications/Passwords/SensitiveData:S3Object-Credentials", "The object contains credentials."),
    ("SensitiveData:S3Object/Multiple", "MEDIUM", "Sensitive Data Identifications/SensitiveData:S3Object-Multiple", "The object contains several categories of sensitive data."),
    ("Policy:IAMUser/S3BucketPublic", "HIGH", "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-S3BucketPublic", "The bucket was made public."),
    ("Policy:IAMUser/S3BucketSharedExternally", "HIGH", "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-S3BucketSharedExternally", "The bucket was shared with an account outside the organisation."),
    ("Policy:IAMUser/S3BlockPublicAccessDisabled", "HIGH", "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-S3BlockPublicAccessDisabled", "Block public access was disabled for the bucket."),
)  # fmt: skip
_RULES = (
    ("halden-approved-amis", "AwsEc2Instance"),
    ("halden-required-tags", "AwsS3Bucket"),
    ("halden-vpc-peering-approved", "AwsEc2Vpc"),
    ("halden-lambda-concurrency", "AwsLambdaFunction"),
    ("halden-rds-ca-current", "AwsRdsDbInstance"),
    ("halden-role-trust-reviewed", "AwsIamRole"),
)


def macie_finding(place: Place, life: Life, seed: int) -> Document:
    """Return the Macie finding with that seed."""
    kind, severity, asff_type, description = chance.pick(seed, 1, _MACIE)
    bucket = resources.resource("AwsS3Bucket", place, chance.mix(seed, 3))
    if kind.startswith("SensitiveData"):
        bucket["DataClassification"] = {
            "DetailedResultsLocation": f"s3://halden-log-archive-macie/{place.account_id}/{chance.hexadecimal(seed, 8)}.jsonl.gz",
            "Result": {
                "MimeType": "text/csv",
                "SizeClassified": 2048 + seed % 900_000,
                "Status": {"Code": "COMPLETE"},
            },
        }
    return native.document(
        Frame(
            product="macie",
            product_name="Macie",
            company="AWS",
            finding_id=chance.hexadecimal(seed, 32),
            generator_id="aws/macie",
            types=[asff_type],
            severity=severity,
            title=description.rstrip("."),
            description=f"{description} Finding type: {kind}.",
            original="3" if severity == "HIGH" else "2",
        ),
        place,
        life,
        bucket,
        {
            "S3Bucket:0/Type": kind,
            "JobArn": "" if kind.startswith("Policy") else "automated-sensitive-data-discovery",
        },
    )


def config_finding(place: Place, life: Life, seed: int, *, fails: bool) -> Document:
    """Return the finding of a Config rule of our own with that seed."""
    rule, resource_type = chance.pick(seed, 1, _RULES)
    rule_id = chance.letters(chance.seed_of(rule, place.account_id, place.region), 6)
    arn = f"arn:aws:config:{place.region}:{place.account_id}:config-rule/config-rule-{rule_id}"
    document = native.document(
        Frame(
            product="config",
            product_name="Config",
            company="AWS",
            finding_id=f"{arn}/finding/{chance.hexadecimal(seed, 40)}",
            generator_id=arn,
            types=["Software and Configuration Checks"],
            severity="MEDIUM" if fails else "INFORMATIONAL",
            title=rule,
            description=f"This finding is created for a resource compliance change for config rule: {rule}",
        ),
        place,
        life,
        resources.resource(resource_type, place, chance.mix(seed, 3)),
        {
            "aws/config/ConfigRuleArn": arn,
            "aws/config/ConfigRuleName": rule,
            "aws/config/ConfigComplianceType": "NON_COMPLIANT" if fails else "COMPLIANT",
        },
    )
    document["Compliance"] = {"Status": "FAILED" if fails else "PASSED"}
    return document
