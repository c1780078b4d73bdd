"""Where the filter attributes of GetFindings look in a finding. Source: AwsSecurityFindingFilters of the API reference."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sandbox.model import Document
from sandbox.server.models import structure_of

Path = tuple[str, ...]

_SAME_NAME = (
    "ProductArn",
    "AwsAccountId",
    "AwsAccountName",
    "Id",
    "GeneratorId",
    "Region",
    "FirstObservedAt",
    "LastObservedAt",
    "CreatedAt",
    "UpdatedAt",
    "Confidence",
    "Criticality",
    "Title",
    "Description",
    "SourceUrl",
    "ProductFields",
    "ProductName",
    "CompanyName",
    "UserDefinedFields",
    "VerificationState",
    "WorkflowState",
    "RecordState",
    "Sample",
)

# Attributes that are a top-level field's name and then one inner field's.
_IN_ONE = {
    "Severity": (
        "Product",
        "Normalized",
        "Label",
    ),
    "Malware": (
        "Name",
        "Type",
        "Path",
        "State",
    ),
    "Network": (
        "Direction",
        "Protocol",
        "SourceIpV4",
        "SourceIpV6",
        "SourcePort",
        "SourceDomain",
        "SourceMac",
        "DestinationIpV4",
        "DestinationIpV6",
        "DestinationPort",
        "DestinationDomain",
    ),
    "Process": (
        "Name",
        "Path",
        "Pid",
        "ParentPid",
        "LaunchedAt",
        "TerminatedAt",
    ),
    "Compliance": (
        "Status",
        "SecurityControlId",
    ),
    "Workflow": ("Status",),
    "RelatedFindings": (
        "ProductArn",
        "Id",
    ),
    "Note": (
        "Text",
        "UpdatedAt",
        "UpdatedBy",
    ),
    "FindingProviderFields": (
        "Confidence",
        "Criticality",
        "Types",
    ),
    "Vulnerabilities": (
        "ExploitAvailable",
        "FixAvailable",
    ),
}

_OTHERS = {
    "Type": "Types",
    "RecommendationText": "Remediation.Recommendation.Text",
    "ThreatIntelIndicatorType": "ThreatIntelIndicators.Type",
    "ThreatIntelIndicatorValue": "ThreatIntelIndicators.Value",
    "ThreatIntelIndicatorCategory": "ThreatIntelIndicators.Category",
    "ThreatIntelIndicatorLastObservedAt": "ThreatIntelIndicators.LastObservedAt",
    "ThreatIntelIndicatorSource": "ThreatIntelIndicators.Source",
    "ThreatIntelIndicatorSourceUrl": "ThreatIntelIndicators.SourceUrl",
    "ResourceType": "Resources.Type",
    "ResourceId": "Resources.Id",
    "ResourcePartition": "Resources.Partition",
    "ResourceRegion": "Resources.Region",
    "ResourceTags": "Resources.Tags",
    "ResourceApplicationName": "Resources.ApplicationName",
    "ResourceApplicationArn": "Resources.ApplicationArn",
    "ResourceOwnerAccountId": "Resources.Owner.Account.Id",
    "ResourceOwnerOrgId": "Resources.Owner.Organization.Id",
    "ResourceProvider": "Resources.Provider",
    "ResourceAwsEc2InstanceType": "Resources.Details.AwsEc2Instance.Type",
    "ResourceAwsEc2InstanceImageId": "Resources.Details.AwsEc2Instance.ImageId",
    "ResourceAwsEc2InstanceIpV4Addresses": "Resources.Details.AwsEc2Instance.IpV4Addresses",
    "ResourceAwsEc2InstanceIpV6Addresses": "Resources.Details.AwsEc2Instance.IpV6Addresses",
    "ResourceAwsEc2InstanceKeyName": "Resources.Details.AwsEc2Instance.KeyName",
    "ResourceAwsEc2InstanceIamInstanceProfileArn": "Resources.Details.AwsEc2Instance.IamInstanceProfileArn",
    "ResourceAwsEc2InstanceVpcId": "Resources.Details.AwsEc2Instance.VpcId",
    "ResourceAwsEc2InstanceSubnetId": "Resources.Details.AwsEc2Instance.SubnetId",
    "ResourceAwsEc2InstanceLaunchedAt": "Resources.Details.AwsEc2Instance.LaunchedAt",
    "ResourceAwsS3BucketOwnerId": "Resources.Details.AwsS3Bucket.OwnerId",
    "ResourceAwsS3BucketOwnerName": "Resources.Details.AwsS3Bucket.OwnerName",
    "ResourceAwsIamAccessKeyUserName": "Resources.Details.AwsIamAccessKey.UserName",
    "ResourceAwsIamAccessKeyPrincipalName": "Resources.Details.AwsIamAccessKey.PrincipalName",
    "ResourceAwsIamAccessKeyStatus": "Resources.Details.AwsIamAccessKey.Status",
    "ResourceAwsIamAccessKeyCreatedAt": "Resources.Details.AwsIamAccessKey.CreatedAt",
    "ResourceAwsIamUserUserName": "Resources.Details.AwsIamUser.UserName",
    "ResourceContainerName": "Resources.Details.Container.Name",
    "ResourceContainerImageId": "Resources.Details.Container.ImageId",
    "ResourceContainerImageName": "Resources.Details.Container.ImageName",
    "ResourceContainerLaunchedAt": "Resources.Details.Container.LaunchedAt",
    "ResourceDetailsOther": "Resources.Details.Other",
    "FindingProviderFieldsRelatedFindingsId": "FindingProviderFields.RelatedFindings.Id",
    "FindingProviderFieldsRelatedFindingsProductArn": "FindingProviderFields.RelatedFindings.ProductArn",
    "FindingProviderFieldsSeverityLabel": "FindingProviderFields.Severity.Label",
    "FindingProviderFieldsSeverityOriginal": "FindingProviderFields.Severity.Original",
    "ComplianceAssociatedStandardsId": "Compliance.AssociatedStandards.StandardsId",
    "ComplianceSecurityControlParametersName": "Compliance.SecurityControlParameters.Name",
    "ComplianceSecurityControlParametersValue": "Compliance.SecurityControlParameters.Value",
    # Keyword has no field of its own: it looks in all of them.
    "Keyword": "",
}


@cache
def attributes() -> dict[str, tuple[str, Path]]:
    """Give each filter attribute's kind (String, Date, Number, Map, Ip, Keyword or Boolean) and its path."""
    paths: dict[str, Path] = {name: (name,) for name in _SAME_NAME}
    for outer, inner in _IN_ONE.items():
        paths |= {f"{outer}{name}": (outer, name) for name in inner}
    paths |= {name: tuple(path.split(".")) for name, path in _OTHERS.items()}
    kinds = structure_of("securityhub", "AwsSecurityFindingFilters").members
    return {
        name: (kinds[name].name.removesuffix("FilterList"), path) for name, path in paths.items()
    }


def values_at(document: Any, path: Path) -> Iterator[Any]:
    """Give every value that a path reaches, through lists on the way and at the end."""
    if isinstance(document, list):
        for item in document:
            yield from values_at(item, path)
    elif not path:
        yield document
    elif isinstance(document, dict) and document.get(path[0]) is not None:
        yield from values_at(document[path[0]], path[1:])


def texts_in(document: Any) -> Iterator[str]:
    """Give every string inside a document, for Keyword filters."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for value in document.values():
            yield from texts_in(value)
    elif isinstance(document, list):
        for item in document:
            yield from texts_in(item)


def first_at(document: Document, path: Path) -> Any:
    """Give the first value at a path, or None."""
    return next(values_at(document, path), None)
