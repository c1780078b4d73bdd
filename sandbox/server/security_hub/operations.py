"""Which function answers which Security Hub operation."""

from sandbox.server.calls import Handler
from sandbox.server.security_hub import (
    catalog,
    findings,
    findings_v2,
    hub,
    statistics_v2,
    updates_v2,
)

HANDLERS: dict[str, Handler] = {
    "GetFindings": findings.get_findings,
    "BatchUpdateFindings": findings.batch_update_findings,
    "DescribeHub": hub.describe_hub,
    "ListFindingAggregators": hub.list_finding_aggregators,
    "GetFindingAggregator": hub.get_finding_aggregator,
    "ListMembers": hub.list_members,
    "ListOrganizationAdminAccounts": hub.list_organization_admin_accounts,
    "GetEnabledStandards": catalog.get_enabled_standards,
    "DescribeStandards": catalog.describe_standards,
    "DescribeStandardsControls": catalog.describe_standards_controls,
    "ListSecurityControlDefinitions": catalog.list_security_control_definitions,
    "BatchGetSecurityControls": catalog.batch_get_security_controls,
    "ListStandardsControlAssociations": catalog.list_standards_control_associations,
    "BatchGetStandardsControlAssociations": catalog.batch_get_standards_control_associations,
    "DescribeSecurityHubV2": hub.describe_hub_v2,
    "ListAggregatorsV2": hub.list_aggregators_v2,
    "GetFindingsV2": findings_v2.get_findings_v2,
    "GetFindingStatisticsV2": statistics_v2.get_finding_statistics_v2,
    "BatchUpdateFindingsV2": updates_v2.batch_update_findings_v2,
}
