"""Account management reads: Regions and contacts.

Rule (account API reference, `AccountId`): the management account and the delegated administrator may name a member account; the
management account itself is only ever asked without AccountId.
"""

from collections.abc import Mapping
from typing import Any

from sandbox.model import Account
from sandbox.server.calls import Call, Handler
from sandbox.server.errors import ApiError, Failure
from sandbox.server.models import model_of
from sandbox.server.world import Moment

_PRINCIPAL = "account.amazonaws.com"


def _account(call: Call, moment: Moment) -> Account:
    """Find the account that is asked for.

    :raises Failure: denied, when the caller may not ask for it; invalid, when the management account names itself
    """
    asked = call.params.get("AccountId")
    if asked is None:
        return moment.accounts[call.account_id]
    management = moment.org.management_account_id
    if asked == call.account_id == management:
        raise Failure("invalid", "The management account must omit AccountId for itself")
    is_trusted = call.account_id == management or _PRINCIPAL in moment.services_of.get(
        call.account_id, ()
    )
    account = moment.accounts.get(asked)
    if account is None or asked == management or not is_trusted:
        action = f"account:{call.operation}"
        raise Failure(
            "denied",
            f"User: {call.principal.arn} is not authorized to perform: {action} on resource: "
            f"arn:aws:account::{management}:account/{moment.org.organization_id}/{asked}",
        )
    return account


def list_regions(call: Call, moment: Moment) -> Mapping[str, Any]:
    account = _account(call, moment)
    wanted = call.params.get("RegionOptStatusContains")
    found = [
        {"RegionName": item.region, "RegionOptStatus": item.status}
        for item in moment.snapshot.regions.get(account.account_id, ())
        if not wanted or item.status in wanted
    ]
    shown, token = call.page(moment, found, default=50, largest=50)
    return {"Regions": list(shown), "NextToken": token}


def get_alternate_contact(call: Call, moment: Moment) -> Mapping[str, Any]:
    account = _account(call, moment)
    kind = call.params["AlternateContactType"]
    if kind not in model_of("account").shape_for("AlternateContactType").metadata["enum"]:
        raise Failure("invalid", f"Invalid AlternateContactType {kind}")
    contact = moment.snapshot.contacts.get(account.account_id, {}).get(kind)
    if contact is None:
        raise ApiError(
            "ResourceNotFoundException",
            f"No alternate contact of type {kind} is set for the account.",
            status=404,
        )
    return {
        "AlternateContact": {
            "Name": contact.name,
            "Title": contact.title,
            "EmailAddress": contact.email,
            "PhoneNumber": contact.phone,
            "AlternateContactType": contact.contact_type,
        }
    }


def get_contact_information(call: Call, moment: Moment) -> Mapping[str, Any]:
    account = _account(call, moment)
    # All accounts share the organisation's seat; 555-01xx numbers are kept for fiction.
    return {
        "ContactInformation": {
            "FullName": f"{moment.org.name} {account.name}",
            "AddressLine1": "1 Example Street",
            "City": "Dublin",
            "PostalCode": "D02 X285",
            "CountryCode": "IE",
            "PhoneNumber": "+1 202 555 0100",
            "CompanyName": moment.org.name,
        }
    }


HANDLERS: dict[str, Handler] = {
    "ListRegions": list_regions,
    "GetAlternateContact": get_alternate_contact,
    "GetContactInformation": get_contact_information,
}
