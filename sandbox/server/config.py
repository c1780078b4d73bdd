"""The recorder of AWS Config in an account and Region."""

from collections.abc import Mapping
from typing import Any

from sandbox.history import settings
from sandbox.moments import seconds_of
from sandbox.server.calls import Call, Handler
from sandbox.server.world import Moment


def describe_configuration_recorder_status(call: Call, moment: Moment) -> Mapping[str, Any]:
    plan = moment.plans[call.account_id]
    is_on = settings.is_recording(moment.org, plan, call.region, seconds_of(moment.now))
    if is_on is None:
        return {"ConfigurationRecordersStatus": []}
    base = f"arn:aws:config:{call.region}:{call.account_id}:configuration-recorder"
    return {
        "ConfigurationRecordersStatus": [
            {
                "arn": f"{base}/default/{plan.seed % 10**8:08d}",
                "name": "default",
                "recording": is_on,
                "lastStatus": "Success" if is_on else "Pending",
            }
        ]
    }


HANDLERS: dict[str, Handler] = {
    "DescribeConfigurationRecorderStatus": describe_configuration_recorder_status,
}
