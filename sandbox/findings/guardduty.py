"""GuardDuty findings in ASFF."""

from sandbox import chance
from sandbox.findings import native, resources
from sandbox.findings.native import Frame, Life
from sandbox.findings.resources import Place
from sandbox.model import Document

TYPES = (
    ("Recon:EC2/PortProbeUnprotectedPort", 2.0, "AwsEc2Instance", "TTPs/Discovery/Recon:EC2-PortProbeUnprotectedPort",
     "An unprotected port of an EC2 instance is being probed.", "PORT_PROBE"),
    ("UnauthorizedAccess:EC2/SSHBruteForce", 2.0, "AwsEc2Instance", "TTPs/Initial Access/UnauthorizedAccess:EC2-SSHBruteForce",
     "An EC2 instance is the target of SSH brute force attempts.", "NETWORK_CONNECTION"),
    ("CryptoCurrency:EC2/BitcoinTool.B!DNS", 8.0, "AwsEc2Instance", "Effects/Resource Consumption/CryptoCurrency:EC2-BitcoinTool.B!DNS",
     "An EC2 instance queries a domain name of a cryptocurrency pool.", "DNS_REQUEST"),
    ("Policy:IAMUser/RootCredentialUsage", 2.0, "AwsIamUser", "TTPs/Policy:IAMUser-RootCredentialUsage",
     "An API was invoked with root user credentials.", "AWS_API_CALL"),
    ("UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", 8.0, "AwsIamUser",
     "TTPs/UnauthorizedAccess:IAMUser-InstanceCredentialExfiltration.OutsideAWS",
     "Credentials of an instance role are used from an address outside AWS.", "AWS_API_CALL"),
    ("Stealth:S3/ServerAccessLoggingDisabled", 2.0, "AwsS3Bucket", "TTPs/Defense Evasion/Stealth:S3-ServerAccessLoggingDisabled",
     "Server access logging was disabled for a bucket.", "AWS_API_CALL"),
    ("Policy:S3/BucketAnonymousAccessGranted", 8.0, "AwsS3Bucket", "TTPs/Policy:S3-BucketAnonymousAccessGranted",
     "A bucket policy grants anonymous access.", "AWS_API_CALL"),
    ("Exfiltration:S3/AnomalousBehavior", 8.0, "AwsS3Bucket", "Effects/Data Exfiltration/Exfiltration:S3-AnomalousBehavior",
     "Objects are read from a bucket in an unusual way.", "AWS_API_CALL"),
    ("Discovery:IAMUser/AnomalousBehavior", 2.0, "AwsIamUser", "TTPs/Discovery/IAMUser-AnomalousBehavior",
     "An identity lists resources in an unusual way.", "AWS_API_CALL"),
    ("Execution:Runtime/NewBinaryExecuted", 5.0, "AwsEcsTaskDefinition", "TTPs/Execution/Execution:Runtime-NewBinaryExecuted",
     "A binary that was created lately runs in a container.", "RUNTIME"),
    ("AttackSequence:IAM/CompromisedCredentials", 9.5, "AwsIamUser", "TTPs/AttackSequence:IAM-CompromisedCredentials",
     "A sequence of actions tells of compromised credentials.", "AWS_API_CALL"),
)  # fmt: skip
"""(type, severity, resource type, ASFF type, description, action)."""
_ODDS = (0, 0, 0, 0, 1, 1, 1, 2, 3, 3, 4, 5, 5, 5, 6, 7, 8, 8, 8, 9, 9, 3, 0, 1, 5, 8, 10)


def label_of(severity: float) -> str:
    """Return the ASFF label of a GuardDuty severity (1.0 to 10.0).

    Source: GuardDuty user guide, severity levels: low 1-3.9, medium 4-6.9, high 7-8.9, critical 9-10.
    """
    if severity >= 9:
        return "CRITICAL"
    return "HIGH" if severity >= 7 else "MEDIUM" if severity >= 4 else "LOW"


def finding(place: Place, life: Life, seed: int) -> Document:
    """Return the GuardDuty finding with that seed."""
    kind, severity, resource_type, asff_type, description, action = TYPES[
        chance.pick(seed, 1, _ODDS)
    ]
    detector = chance.hexadecimal(chance.seed_of("detector", place.account_id, place.region), 32)
    arn = f"arn:aws:guardduty:{place.region}:{place.account_id}:detector/{detector}"
    fields = {
        "aws/guardduty/service/serviceName": "guardduty",
        "aws/guardduty/service/detectorId": detector,
        "aws/guardduty/service/archived": str(life.is_archived).lower(),
        "aws/guardduty/service/count": str(1 + seed % 60),
        "aws/guardduty/service/action/actionType": action,
        "aws/guardduty/service/resourceRole": "TARGET"
        if resource_type == "AwsEc2Instance"
        else "ACTOR",
    }
    document = native.document(
        Frame(
            product="guardduty",
            product_name="GuardDuty",
            company="Amazon",
            finding_id=f"{arn}/finding/{chance.hexadecimal(seed, 32)}",
            generator_id=arn,
            types=[asff_type],
            severity=label_of(severity),
            title=description.rstrip("."),
            description=f"{description} Finding type: {kind}.",
            original=str(severity),
        ),
        place,
        life,
        resources.resource(resource_type, place, chance.mix(seed, 3)),
        fields,
    )
    document["Action"] = _action(action, seed)
    document["SourceUrl"] = (
        f"https://{place.region}.console.aws.amazon.com/guardduty/home?region={place.region}"
        f"#/findings?macros=current&fId={chance.hexadecimal(seed, 32)}"
    )
    return document


def _action(action: str, seed: int) -> Document:
    remote = {
        "IpAddressV4": resources.address(seed, 4),
        "Country": {"CountryName": ("Netherlands", "Brazil", "Vietnam")[seed % 3]},
    }
    if action == "NETWORK_CONNECTION":
        return {
            "ActionType": action,
            "NetworkConnectionAction": {
                "ConnectionDirection": "INBOUND",
                "Protocol": "TCP",
                "Blocked": False,
                "RemoteIpDetails": remote,
                "LocalPortDetails": {"Port": 22, "PortName": "SSH"},
            },
        }
    if action == "PORT_PROBE":
        details = {
            "LocalPortDetails": {"Port": 3306, "PortName": "MySQL"},
            "RemoteIpDetails": remote,
        }
        return {
            "ActionType": action,
            "PortProbeAction": {"PortProbeDetails": [details], "Blocked": False},
        }
    if action == "DNS_REQUEST":
        return {
            "ActionType": action,
            "DnsRequestAction": {"Domain": "pool.example.net", "Protocol": "UDP", "Blocked": False},
        }
    if action == "AWS_API_CALL":
        call = {
            "Api": "ListBuckets",
            "ServiceName": "s3.amazonaws.com",
            "CallerType": "remoteIp",
            "RemoteIpDetails": remote,
        }
        return {"ActionType": action, "AwsApiCallAction": call}
    return {"ActionType": action}
