"""The public access block of S3 for an account. Only the account itself may ask."""

from collections.abc import Mapping
from typing import Any

from sandbox.history import settings
from sandbox.moments import seconds_of
from sandbox.server.calls import Call, Handler
from sandbox.server.errors import ApiError, Failure
from sandbox.server.world import Moment


def get_public_access_block(call: Call, moment: Moment) -> Mapping[str, Any]:
    """Answer; an account that never set it has no configuration.

    :raises Failure: denied, for another account
    :raises ApiError: NoSuchPublicAccessBlockConfiguration
    """
    if call.params["AccountId"] != call.account_id:
        raise Failure("denied", "Access Denied")
    plan = moment.plans[call.account_id]
    found = settings.s3_block(moment.org, plan, seconds_of(moment.now))
    if found is None:
        raise ApiError(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
            status=404,
        )
    return {"PublicAccessBlockConfiguration": found}


HANDLERS: dict[str, Handler] = {"GetPublicAccessBlock": get_public_access_block}
