"""What the Region-by-Region services have in common: who may call, and who administers them."""

from sandbox.server.calls import Call
from sandbox.server.errors import Failure
from sandbox.server.world import Moment


def check_region(call: Call, moment: Moment) -> None:
    """Refuse a caller whose account may not use the Region, as AWS does: it does not know the key there.

    :raises Failure: unknown_key
    """
    if not moment.is_region_on(call.account_id, call.region):
        raise Failure("unknown_key")


def is_administrator(call: Call, moment: Moment, principal: str) -> bool:
    """Tell whether the caller's account is the delegated administrator of a service."""
    return principal in moment.services_of.get(call.account_id, ())
