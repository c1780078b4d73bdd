"""OCSF of Security Hub's V2 calls and of Prowler's files; `{"a": None}` takes a field out."""

import copy

from tests.findings.payloads.asff import ACCOUNT, BUCKET, INSTANCE, REGION

PRODUCT = f"arn:aws:securityhub:{REGION}::productv2/aws"
STANDARD = "standards/aws-foundational-security-best-practices/v/1.0.0"


def merged(document, changes):
    """Return the document with these changes put in, object by object."""
    found = copy.deepcopy(document)
    for key, value in changes.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = merged(found[key], value)
        else:
            found[key] = copy.deepcopy(value)
    return found


# Each time as both twins: milliseconds, and text.
MOMENTS = {
    "created_time": 1777629600000,
    "created_time_dt": "2026-05-01T10:00:00.000Z",
    "modified_time": 1777716000000,
    "modified_time_dt": "2026-05-02T10:00:00.000Z",
    "first_seen_time": 1777629540000,
    "first_seen_time_dt": "2026-05-01T09:59:00.000Z",
}


def finding(class_uid=2004, product="guardduty", **changes):
    """A finding with what all classes have."""
    document = {
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "class_uid": class_uid,
        "type_uid": f"{class_uid}01",
        "cloud": {"account": {"uid": ACCOUNT}, "provider": "AWS", "region": REGION},
        "finding_info": {
            "uid": f"arn:aws:{product}:{REGION}:{ACCOUNT}:finding/1",
            "title": "A title",
            "desc": "A description",
            "types": ["Threats"],
            **MOMENTS,
        },
        "metadata": {
            "product": {"name": product, "uid": f"{PRODUCT}/{product}", "vendor_name": "AWS"},
            "uid": "5f" * 32,
            "version": "1.6.0",
        },
        "resources": [
            {
                "cloud_partition": "aws",
                "owner": {"account": {"uid": ACCOUNT}},
                "region": REGION,
                "type": "AWS::EC2::Instance",
                "uid": INSTANCE.rpartition("/")[2],
                "uid_alt": INSTANCE,
            }
        ],
        "severity": "High",
        "severity_id": 4,
        "status": "New",
        "status_id": 1,
        "time": 1777716000000,
        "time_dt": "2026-05-02T10:00:00.000Z",
        "vendor_attributes": {"severity": "High", "severity_id": 4},
    }
    return merged(document, changes)


def control(control_id="S3.8", **changes):
    """A control finding of class 2003, as consolidated findings have it."""
    arn = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:security-control/{control_id}/finding/1"
    url = f"https://docs.aws.amazon.com/console/securityhub/{control_id}/remediation"
    own = {
        "compliance": {
            "control": control_id,
            "standards": [STANDARD, "ruleset/cis-aws-foundations-benchmark/v/1.2.0"],
            "status": "Fail",
            "status_id": 3,
        },
        "finding_info": {"uid": arn, "types": ["Posture Management"]},
        "remediation": {"desc": "See the documentation.", "references": [url]},
        "resources": [bucket()],
    }
    return merged(finding(2003, "securityhub", **own), changes)


def bucket(**changes):
    row = {
        "cloud_partition": "aws",
        "owner": {"account": {"uid": ACCOUNT}},
        "region": REGION,
        "type": "AWS::S3::Bucket",
        "uid": "arn:aws:s3:::a-bucket",
    }
    return row | changes


def inspector(*rows, **changes):
    """A vulnerability finding, class 2002."""
    own = {"vulnerabilities": list(rows) or [vulnerability()]}
    return merged(finding(2002, "inspector", **own), changes)


def vulnerability(cve="CVE-2026-10001", **changes):
    row = {
        "cve": {"uid": cve, "epss": {"score": "0.00042"}},
        "affected_packages": [{"name": "openssl", "version": "3.0.7"}],
        "is_fix_available": True,
        "is_exploit_available": False,
    }
    return merged(row, changes)


def prowler(check="s3_bucket_public_access", *, status="FAIL", resource=BUCKET, **changes):
    """A check of Prowler in its OCSF file: no ARN of a product, times in seconds and local."""
    document = {
        "message": "The bucket is public.",
        "activity_id": 1,
        "class_uid": 2004,
        "category_uid": 2,
        "type_uid": 200401,
        "metadata": {
            "event_code": check,
            "product": {"name": "Prowler", "uid": "prowler", "vendor_name": "Prowler"},
            "version": "1.4.0",
        },
        "severity_id": 5,
        "severity": "Critical",
        "status_id": 1,
        "status": "New",
        "status_code": status,
        "finding_info": {
            # 10:00 UTC, written at a place one hour ahead of it.
            "created_time": 1777716000,
            "created_time_dt": "2026-05-02T11:00:00.000001",
            "title": "Ensure that there are no buckets open to everyone.",
            "types": ["IAM"],
            "uid": f"prowler-aws-{check}-{ACCOUNT}-{REGION}-{resource.rpartition(':')[2]}",
        },
        "resources": [
            {"cloud_partition": "aws", "region": REGION, "type": "AwsS3Bucket", "uid": resource}
        ],
        "cloud": {"account": {"uid": ACCOUNT}, "provider": "aws", "region": REGION},
        "remediation": {
            "desc": "Block it.",
            "references": ["aws s3api put-public-access-block", "https://docs.example.org/s3"],
        },
    }
    return merged(document, changes)
