"""STS: the trust of a role is judged here, moto then issues the credentials."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4
from xml.sax.saxutils import escape

from sandbox.access import Keyring, Principal, RoleTrust
from sandbox.server.calls import Call
from sandbox.server.errors import Answer, ApiError, Failure
from sandbox.server.world import Moment

_ROLE_ARN = re.compile(r"arn:aws:iam::(?P<account>\d{12}):role/(?:.+/)?(?P<name>[\w+=,.@-]{1,64})")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")
_CHAINED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Sts:
    """The two operations of STS that the sandbox answers."""

    trust: RoleTrust
    keyring: Keyring
    real_time: Callable[[], datetime]
    forward: Callable[[Call, str], Answer]
    """Passes a call on to moto, as if from an account."""

    def assume_role(self, call: Call, moment: Moment) -> Answer:
        """Judge the trust policy, then let moto make the credentials.

        :raises Failure: invalid on bad parameters, denied when the role does not trust the caller or is not there
        """
        arn = str(call.params.get("RoleArn", ""))
        match = _ROLE_ARN.fullmatch(arn)
        if match is None:
            raise Failure("invalid", f"{arn} is invalid")
        session_name = str(call.params.get("RoleSessionName", ""))
        if not _SESSION_NAME.fullmatch(session_name):
            raise Failure("invalid", "RoleSessionName must match [\\w+=,.@-]{2,64}")
        _check_duration(call)
        account = moment.accounts.get(match["account"])
        external_id = call.params.get("ExternalId")
        # AWS answers the same for a role that is not there as for one that refuses.
        if (
            account is None
            or account.state in ("CLOSED", "SUSPENDED")
            or not self.trust.allows(call.principal, account.account_id, match["name"], external_id)
        ):
            raise Failure(
                "denied",
                f"User: {call.principal.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}",
            )
        answer = self.forward(call, account.account_id)
        principal = _issued(answer.body.decode(), account.account_id, match["name"], session_name)
        self.keyring.add(principal, now=self.real_time())
        return answer


def _check_duration(call: Call) -> None:
    seconds = str(call.params.get("DurationSeconds", "900"))
    if not seconds.isdigit() or not 900 <= int(seconds) <= 43200:
        raise Failure("invalid", "DurationSeconds must be between 900 and 43200")
    if call.principal.role and int(seconds) > _CHAINED_SECONDS:
        raise Failure(
            "invalid",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        )


def _issued(xml: str, account_id: str, role: str, session_name: str) -> Principal:
    def text(name: str) -> str:
        match = re.search(rf"<{name}>([^<]*)</{name}>", xml)
        if match is None:
            raise ApiError("InternalFailure", f"No {name} in the issued credentials", status=500)
        return match[1]

    return Principal(
        text("AccessKeyId"),
        text("SecretAccessKey"),
        text("SessionToken"),
        account_id,
        f"arn:aws:sts::{account_id}:assumed-role/{role}/{session_name}",
        text("AssumedRoleId"),
        role,
        datetime.fromisoformat(text("Expiration")).astimezone(UTC),
    )


def get_caller_identity(call: Call, moment: Moment) -> Answer:
    """Tell who holds the key."""
    holder = call.principal
    xml = (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        f"<Arn>{escape(holder.arn)}</Arn><UserId>{escape(holder.user_id)}</UserId>"
        f"<Account>{holder.account_id}</Account></GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{uuid4()}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    )
    return Answer(200, xml.encode(), (("Content-Type", "text/xml"),))
