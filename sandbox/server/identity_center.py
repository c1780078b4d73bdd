"""IAM Identity Center reads: the organisation's instance, its permission sets, and where they are provisioned."""

from collections.abc import Mapping
from typing import Any

from sandbox import chance
from sandbox.history.services import PERMISSION_SETS, provisioned_at
from sandbox.model import Org
from sandbox.moments import DAY, datetime_of, seconds_of_day
from sandbox.server.calls import Call, Handler
from sandbox.server.errors import ApiError, Failure
from sandbox.server.regional import check_region, is_administrator
from sandbox.server.world import Moment

PRINCIPAL = "sso.amazonaws.com"
_PAGE = 100


def _instance_id(org: Org) -> str:
    return f"ssoins-{chance.hexadecimal(chance.seed_of(org.seed, 'identity center'), 16)}"


def instance_arn(org: Org) -> str:
    """Give the ARN of the organisation's instance."""
    return f"arn:aws:sso:::instance/{_instance_id(org)}"


def set_arn(org: Org, name: str) -> str:
    """Give the ARN of a permission set."""
    suffix = chance.hexadecimal(chance.seed_of(org.seed, "permission set", name), 16)
    return f"arn:aws:sso:::permissionSet/{_instance_id(org)}/ps-{suffix}"


def _is_trusted(call: Call, moment: Moment) -> bool:
    is_management = call.account_id == moment.org.management_account_id
    return is_management or is_administrator(call, moment, PRINCIPAL)


def check_caller(call: Call, moment: Moment) -> None:
    """Refuse whoever may not look into the organisation's instance; listing instances is open to all.

    :raises ApiError: AccessDeniedException, or ResourceNotFoundException in a Region without the instance
    :raises Failure: denied
    """
    check_region(call, moment)
    if call.operation == "ListInstances":
        return
    org = moment.org
    if not _is_trusted(call, moment):
        raise Failure("denied", "The account is not the organization's management account")
    if call.region != org.home_region or call.params.get("InstanceArn") != instance_arn(org):
        raise ApiError("ResourceNotFoundException", "Instance not found")


def list_instances(call: Call, moment: Moment) -> Mapping[str, Any]:
    org = moment.org
    is_everywhere = call.params.get("RegionScope") == "ALL_REGIONS"
    found = []
    if _is_trusted(call, moment) and (is_everywhere or call.region == org.home_region):
        store = chance.hexadecimal(chance.seed_of(org.seed, "identity store"), 10)
        found = [
            {
                "InstanceArn": instance_arn(org),
                "IdentityStoreId": f"d-{store}",
                "OwnerAccountId": org.management_account_id,
                "Name": "halden",
                "CreatedDate": datetime_of(seconds_of_day(org.anchor) - 880 * DAY),
                "Status": "ACTIVE",
                "PrimaryRegion": org.home_region,
            }
        ]
    shown, token = call.page(moment, found, default=_PAGE, largest=_PAGE)
    return {"Instances": list(shown), "NextToken": token}


def list_permission_sets(call: Call, moment: Moment) -> Mapping[str, Any]:
    found = [set_arn(moment.org, one.name) for one in PERMISSION_SETS]
    shown, token = call.page(moment, found, default=_PAGE, largest=_PAGE)
    return {"PermissionSets": list(shown), "NextToken": token}


def list_accounts_for_provisioned_permission_set(call: Call, moment: Moment) -> Mapping[str, Any]:
    wanted = call.params.get("PermissionSetArn")
    for one in PERMISSION_SETS:
        if wanted == set_arn(moment.org, one.name):
            found = provisioned_at(moment.org, one, moment.now)
            shown, token = call.page(moment, found, default=_PAGE, largest=_PAGE)
            return {"AccountIds": list(shown), "NextToken": token}
    raise ApiError("ResourceNotFoundException", "PermissionSet not found")


HANDLERS: dict[str, Handler] = {
    "ListInstances": list_instances,
    "ListPermissionSets": list_permission_sets,
    "ListAccountsForProvisionedPermissionSet": list_accounts_for_provisioned_permission_set,
}
