"""What every task of a run needs: the way to AWS, and how the collection goes on."""

import socket
from functools import cache

from celery import current_app
from django.conf import settings

from inventory import aws


@cache
def door() -> aws.Door:
    """This process's door to AWS."""
    return aws.Door(
        aws.Config(
            endpoint_url=settings.AWS_ENDPOINT_URL or None,
            home_region=settings.POSTURE_HOME_REGION,
            hub_role_arn=settings.POSTURE_HUB_ROLE_ARN or None,
            management_role_arn=settings.POSTURE_MANAGEMENT_ROLE_ARN or None,
            member_role_name=settings.POSTURE_MEMBER_ROLE_NAME,
            external_id=settings.POSTURE_EXTERNAL_ID or None,
            rate_percent=settings.POSTURE_AWS_RATE_PERCENT,
            redis_url=settings.REDIS_URL,
            session_name=f"parapet-{socket.gethostname()}"[:64],
            write_back_role_arn=settings.POSTURE_WRITE_BACK_ROLE_ARN or None,
        )
    )


def finish(task: str, run_id: int, state: str | None) -> str | None:
    """Send the task that goes on with the collection, unless this delivery did nothing."""
    if state is not None:
        current_app.send_task(task, kwargs={"run_id": run_id})
    return state
