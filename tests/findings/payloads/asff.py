"""ASFF of every product; None takes a field out."""

from hashlib import sha512

from tests.fixtures import findings as make

ACCOUNT, REGION = make.ACCOUNT, make.REGION
INSTANCE = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0a1b2c3d4e5f60718"
BUCKET = "arn:aws:s3:::halden-ledger-exports"


def guardduty(**changes):
    """An instance that talks to a known bad host; it has a public address."""
    detector = f"arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/9ab8c7d6e5f4a3b2c1d09ab8c7d6e5f4"
    address = {"AwsEc2Instance": {"IpV4Addresses": ["10.1.4.9", "198.51.100.7"]}}
    defaults = {
        "Id": f"{detector}/finding/52c9f1a8d3e74b60a1c2d3e4f5061728",
        "ProductArn": make.product("guardduty"),
        "GeneratorId": detector,
        "Types": ["TTPs/Command and Control/Backdoor:EC2-C&CActivity.B!DNS"],
        "Severity": {"Product": 8, "Label": "HIGH", "Normalized": 80},
        "Resources": [{"Type": "AwsEc2Instance", "Id": INSTANCE, "Details": address}],
        "ProductFields": {
            "aws/guardduty/service/count": "12",
            "aws/guardduty/service/eventLastSeen": "2026-05-02T09:58:00.000Z",
            "aws/guardduty/service/archived": "false",
        },
        "Workflow": {"Status": "NEW"},
        "RecordState": "ACTIVE",
    }
    return make.asff(**(defaults | changes))


def inspector(*vulnerabilities, **changes):
    """A package of an instance with vulnerabilities."""
    defaults = {
        "Id": f"arn:aws:inspector2:{REGION}:{ACCOUNT}:finding/0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "ProductArn": make.product("inspector"),
        "GeneratorId": "AWSInspector",
        "Types": ["Software and Configuration Checks/Vulnerabilities/CVE"],
        "Title": "CVE-2026-10001 - openssl",
        "Severity": {"Label": "CRITICAL", "Normalized": 90},
        "Resources": [{"Type": "AwsEc2Instance", "Id": INSTANCE, "Region": REGION}],
        "Vulnerabilities": list(vulnerabilities) or [vulnerability()],
    }
    return make.asff(**(defaults | changes))


def vulnerability(cve="CVE-2026-10001", **changes):
    row = {
        "Id": cve,
        "VulnerablePackages": [{"Name": "openssl", "Version": "3.0.7"}],
        "FixAvailable": "YES",
        "ExploitAvailable": "NO",
        "EpssScore": 0.00042,
    }
    return {key: value for key, value in (row | changes).items() if value is not None}


def reachability(source="an Internet Gateway", **changes):
    """A port of an instance that can be reached from somewhere."""
    defaults = {
        "Types": ["Software and Configuration Checks/Network Reachability"],
        "Title": f"Port 22 is reachable from {source} - TCP",
        "Vulnerabilities": None,
    }
    return inspector(**(defaults | changes))


def macie(kind="SensitiveData:S3Object-Personal", *, permission="NOT_PUBLIC", **changes):
    """Personal data in an object, or a policy finding on its bucket."""
    defaults = {
        "Id": f"arn:aws:macie2:{REGION}:{ACCOUNT}:finding/a1b2c3d4e5f60718293a4b5c6d7e8f90",
        "ProductArn": make.product("macie"),
        "GeneratorId": "aws/macie",
        "Types": [f"Sensitive Data Identifications/PII/{kind}"],
        "Severity": {"Label": "HIGH", "Normalized": 70},
        "Resources": [{"Type": "AwsS3Bucket", "Id": BUCKET}],
        "ProductFields": {"S3Bucket.effectivePermission": permission} if permission else {},
    }
    return make.asff(**(defaults | changes))


def config(**changes):
    rule = f"arn:aws:config:{REGION}:{ACCOUNT}:config-rule/config-rule-k3x9ab"
    defaults = {
        "Id": f"{rule}/finding/7c6b5a49",
        "ProductArn": make.product("config"),
        "GeneratorId": rule,
        "Title": "bucket-names-follow-our-scheme",
        "Compliance": {"Status": "FAILED"},
        "ProductFields": {"aws/config/ConfigRuleName": "bucket-names-follow-our-scheme"},
    }
    return make.asff(**(defaults | changes))


def health(**changes):
    """A notice that names a resource without an ARN; Health sets no ProductName."""
    defaults = {
        "Id": f"arn:aws:health:{REGION}:{ACCOUNT}:event/RDS/AWS_RDS_SECURITY_NOTIFICATION/1/AB12",
        "ProductArn": make.product("health"),
        "GeneratorId": "AWS_RDS_SECURITY_NOTIFICATION",
        "Severity": {"Label": "MEDIUM", "Normalized": 40},
        "Resources": [{"Type": "Other", "Id": "halden-ledger-db"}],
    }
    return make.asff(**(defaults | changes))


def patch_manager(**changes):
    """An instance that lacks patches; Patch Manager sets no ProductName either."""
    defaults = {
        "Id": f"arn:aws:patchmanager:{REGION}:{ACCOUNT}:instance/i-0a1b2c3d4e5f60718/compliance/1",
        "ProductArn": make.product("ssm-patch-manager"),
        "GeneratorId": f"arn:aws:ssm:{REGION}:{ACCOUNT}:patchbaseline/pb-0a1b2c3d4e5f60718",
        "Compliance": {"Status": "FAILED"},
        "Severity": {"Label": "HIGH"},
        "Resources": [{"Type": "AwsEc2Instance", "Id": INSTANCE}],
        "PatchSummary": {"Id": "pb-0a1b2c3d4e5f60718", "MissingCount": 14, "InstalledCount": 402},
    }
    return make.asff(**(defaults | changes))


def firewall_manager(**changes):
    """A load balancer without the web ACL that a policy asks for."""
    defaults = {
        "Id": f"arn:aws:fms:{REGION}:{ACCOUNT}:policy/5d1c/finding/e7f8",
        "ProductArn": make.product("firewall-manager"),
        "GeneratorId": f"arn:aws:fms:{REGION}:{ACCOUNT}:policy/5d1c",
        "Compliance": {"Status": "FAILED"},
        "Severity": {"Label": "MEDIUM", "Normalized": 40},
        "Resources": [
            {
                "Type": "AwsElbv2LoadBalancer",
                "Id": f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/shop/0a1b",
            }
        ],
    }
    return make.asff(**(defaults | changes))


def prowler(check="s3_bucket_public_access", *, status="FAILED", resource=BUCKET, **changes):
    """A check of Prowler as it writes it to Security Hub and into its ASFF file."""
    digest = sha512(resource.encode()).hexdigest()[:9]
    defaults = {
        "Id": f"prowler-{check}-{ACCOUNT}-{REGION}-{digest}",
        "ProductArn": make.product("prowler", company="prowler"),
        "GeneratorId": f"prowler-{check}",
        "Types": ["Software and Configuration Checks"],
        "Title": "Ensure that there are no buckets open to everyone.",
        "Severity": {"Label": "CRITICAL"},
        "Compliance": {"Status": status, "AssociatedStandards": [{"StandardsId": "CIS-3.0"}]},
        "Resources": [{"Type": "AwsS3Bucket", "Id": resource, "Region": REGION}],
        "ProductFields": {"ProviderName": "Prowler", "ProwlerResourceName": resource},
    }
    return make.asff(**(defaults | changes))
