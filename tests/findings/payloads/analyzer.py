"""Access Analyzer as its command line exports it, and as EventBridge brings it."""

ANALYZER = "arn:aws:access-analyzer:eu-west-1:111111111111:analyzer/organisation"


def listed(kind="ExternalAccess", **changes):
    """An entry of `aws accessanalyzer list-findings-v2`; None takes a field out."""
    row = {
        "analyzedAt": "2026-05-02T10:00:00+00:00",
        "createdAt": "2026-05-01T10:00:00+00:00",
        "id": "0f9e8d7c-6b5a-4938-8271-605f4e3d2c1b",
        "resource": "arn:aws:s3:::halden-ledger-exports",
        "resourceType": "AWS::S3::Bucket",
        "resourceOwnerAccount": "123456789012",
        "status": "ACTIVE",
        "updatedAt": "2026-05-02T10:00:00+00:00",
        "findingType": kind,
    }
    return {key: value for key, value in (row | changes).items() if value is not None}


def got(*, is_public=True, **changes):
    """The answer of `aws accessanalyzer get-finding-v2`."""
    detail = {"action": ["s3:GetObject"], "isPublic": is_public, "principal": {"AWS": "*"}}
    return listed(findingDetails=[{"externalAccessDetails": detail}], **changes)


def event(kind="Access Analyzer Finding", **detail):
    """An EventBridge event: the analyzer stands in the envelope alone."""
    own = {
        "version": "1.0",
        "id": "0f9e8d7c-6b5a-4938-8271-605f4e3d2c1b",
        "status": "ACTIVE",
        "resource": "arn:aws:s3:::halden-ledger-exports",
        "resourceType": "AWS::S3::Bucket",
        "accountId": "123456789012",
        "region": "eu-west-1",
        "createdAt": "2026-05-01T10:00:00Z",
        "analyzedAt": "2026-05-02T10:00:00Z",
        "updatedAt": "2026-05-02T10:00:00.509465073Z",
        "isDeleted": False,
        "action": ["s3:GetObject"],
        "condition": {},
        "isPublic": True,
        "principal": {"AWS": "*"},
    }
    merged = {key: value for key, value in (own | detail).items() if value is not None}
    return {
        "version": "0",
        "id": "77777777-8888-4999-aaaa-bbbbbbbbbbbb",
        "detail-type": kind,
        "source": "aws.access-analyzer",
        "account": "111111111111",
        "time": "2026-05-02T10:00:05Z",
        "region": "eu-west-1",
        "resources": [ANALYZER],
        "detail": merged,
    }
