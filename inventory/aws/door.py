"""The only door to AWS: clients by (service, account, Region) through assumed roles."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import botocore.loaders
import botocore.session
import redis
from botocore.config import Config as BotoConfig
from botocore.credentials import Credentials

from inventory.aws import errors
from inventory.aws.bucket import TokenBucket
from inventory.aws.client import Client
from inventory.aws.rates import GLOBAL_SERVICES, rate_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from botocore.model import ServiceModel

# A role taken on from another role lasts an hour at most (IAM User Guide, "Role chaining"), and
# an hour is the shortest maximum that a role can have: so an hour is always granted.
SESSION_SECONDS = 3600
MARGIN_SECONDS = 300
# Longer than any fair queue at half of AWS's rates, shorter than a task's time limit.
QUEUE_SECONDS = 120.0
ATTEMPTS = 4

# Service models are large and never change: one copy a process, whatever doors it has.
_MODELS = botocore.loaders.create_loader()
_ACCOUNT_HOST = re.compile(r"//\d{12}\.")


@dataclass(frozen=True, slots=True)
class Config:
    """Where AWS is and as whom we go there.

    :param endpoint_url: None = real AWS
    :param hub_role_arn: None = the base credentials are the hub role already
    :param management_role_arn: None = no reads that only the management account may do
    :param external_id: None = roles without an external id in their trust
    :param rate_percent: share of AWS's published rates that we use; 0 = no throttle
    :param redis_url: where the shared buckets live; None = no throttle
    :param write_back_role_arn: who may change findings; None = the hub role itself
    """

    endpoint_url: str | None
    home_region: str
    hub_role_arn: str | None
    management_role_arn: str | None
    member_role_name: str
    external_id: str | None = field(repr=False)
    rate_percent: int
    redis_url: str | None = field(repr=False)
    session_name: str
    write_back_role_arn: str | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials of a role; `stale_at` on this process's monotonic clock."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    stale_at: float


class Door:
    """Hands out clients; holds credentials in memory and nowhere else.

    One per process is enough; threads may share it. `sleep` and `attempts` are for tests.
    """

    def __init__(
        self,
        config: Config,
        *,
        sleep: Callable[[float], None] = time.sleep,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.config = config
        self._sleep = sleep
        self._attempts = attempts
        self._session = botocore.session.Session()
        self._session.register_component("data_loader", _MODELS)
        self._keys: dict[str, Keys] = {}
        self._made: dict[tuple[str, str, bool], Any] = {}
        # Per thread: which of our clients asks, with which keys.
        self._turn = threading.local()
        self._lock = threading.RLock()
        self._bucket: TokenBucket | None = None
        if config.redis_url and config.rate_percent:
            self._bucket = TokenBucket(config.redis_url)

    def client(
        self, service: str, *, account_id: str | None = None, region: str | None = None
    ) -> Client:
        """Return a client; account None = the hub role's account, Region None = home Region.

        With an account the member role of that account is taken on, from the hub role. Nothing
        is called before the client is: what is wrong shows there, as a SourceError.
        """
        if account_id is None:
            return self._client(service, self.config.hub_role_arn, region)
        return self._client(service, self._member_role(account_id), region, account_id)

    def management_client(self, service: str, *, region: str | None = None) -> Client:
        """Return a client of the management account's read role.

        :raises NotConfigured: there is no such role
        """
        role = self.config.management_role_arn
        if not role:
            detail = "POSTURE_MANAGEMENT_ROLE_ARN is not set."
            raise errors.NotConfigured(detail, service=service, operation="AssumeRole")
        return self._client(service, role, region)

    def write_client(self, service: str, *, region: str | None = None) -> Client:
        """Return a client of the role that may change findings; there is no other that writes."""
        role = self.config.write_back_role_arn or self.config.hub_role_arn
        return self._client(service, role, region)

    def close(self) -> None:
        """Forget the credentials and give the connections back."""
        self._keys.clear()
        for boto in self._made.values():
            boto.close()
        self._made.clear()
        if self._bucket:
            self._bucket.close()

    def ask(
        self, client: Client, operation: str, params: dict[str, Any], *, fresh: bool
    ) -> dict[str, Any]:
        """Return botocore's answer to one call as the client's role; `fresh` = with new credentials."""
        keys = self.keys_of(client.role_arn, fresh=fresh)
        boto = self._boto(client, is_base=keys is None)
        before = getattr(self._turn, "of", None)
        self._turn.of = client, keys
        try:
            answer: dict[str, Any] = getattr(boto, operation)(**params)
        finally:
            self._turn.of = before
        return answer

    def _boto(self, client: Client, *, is_base: bool) -> Any:
        """The botocore client of a service and Region, for every role: to make one takes longer than
        most calls, and all accounts share its connections. Who asks is said as each request is signed.
        """
        place = client.service, client.region, is_base
        with self._lock:
            if place not in self._made:
                self._made[place] = self._make(client, is_base=is_base)
            return self._made[place]

    def _make(self, client: Client, *, is_base: bool) -> Any:
        boto = self._session.create_client(
            client.service,
            region_name=client.region,
            endpoint_url=self.config.endpoint_url,
            # Never signed with: a request that nobody put a name to is refused, not sent as the base.
            aws_access_key_id=None if is_base else "unset",
            aws_secret_access_key=None if is_base else "unset",
            config=BotoConfig(
                retries={"mode": "standard", "total_max_attempts": self._attempts},
                connect_timeout=5,
                read_timeout=30,
                user_agent_extra="parapet",
            ),
        )
        if self.config.endpoint_url:
            # botocore puts the account before the host name even of 127.0.0.1; the host is signed.
            boto.meta.events.register("before-sign.s3-control", strip_account_host)
        # Before each signature, not each call: botocore's own retries count as well.
        boto.meta.events.register("before-sign", self._before_sign)
        return boto

    def _before_sign(self, request: Any, operation_name: str, **_: Any) -> None:
        """Wait for the turn of whoever asks on this thread, and sign with their credentials."""
        client, keys = self._turn.of
        if self._bucket:
            self.wait_for_turn(client, operation_name)
        if keys is not None:
            request.context.setdefault("signing", {})["request_credentials"] = Credentials(
                keys.access_key, keys.secret_key, keys.token
            )

    def model_of(self, service: str) -> ServiceModel:
        """Return botocore's description of a service."""
        with self._lock:
            return self._session.get_service_model(service)

    def is_offered(self, service: str, region: str) -> bool:
        """Say whether AWS has the service in the Region; one that botocore does not know is tried."""
        with self._lock:
            partition = self._session.get_partition_for_region(region)
            regions = self._session.get_available_regions
            is_known = region in regions("sts", partition)
            return not is_known or region in regions(service, partition)

    def keys_of(self, role_arn: str | None, *, fresh: bool = False) -> Keys | None:
        """Return the credentials of a role, taken on anew when old; None = base credentials."""
        if role_arn is None:
            return None
        with self._lock:
            keys = self._keys.get(role_arn)
            if fresh or keys is None or keys.stale_at <= time.monotonic():
                keys = self._keys[role_arn] = self._assume(role_arn)
            return keys

    def wait_for_turn(self, client: Client, operation: str) -> None:
        """Wait until the shared bucket lets this call through.

        :raises Throttled: the queue is longer than QUEUE_SECONDS
        :raises Unavailable: Valkey does not answer
        """
        rate = rate_of(client.service, operation)
        if rate is None or self._bucket is None:
            return
        share = rate.share(self.config.rate_percent)
        place = "global" if client.service in GLOBAL_SERVICES else client.region
        key = f"{client.account_id or 'hub'}:{place}:{client.service}:{rate.group}"
        try:
            grant = self._bucket.take(key, share, limit_seconds=QUEUE_SECONDS)
        except redis.RedisError as e:
            detail = f"The shared rate limit at REDIS_URL does not answer: {e}."
            raise errors.Unavailable(detail, **client.place(operation)) from e
        if not grant.is_granted:
            detail = f"Our {share.per_second:g} calls/s are taken for the next {grant.wait_seconds:.0f} s."
            raise errors.Throttled(detail, **client.place(operation))
        if grant.wait_seconds > 0:
            self._sleep(grant.wait_seconds)

    def _client(
        self, service: str, role_arn: str | None, region: str | None, account_id: str = ""
    ) -> Client:
        account_id = account_id or _account_of(role_arn)
        region = region or self.config.home_region
        return Client(self, service, role_arn=role_arn, account_id=account_id, region=region)

    def _assume(self, role_arn: str) -> Keys:
        hub = self.config.hub_role_arn
        through = None if role_arn == hub else hub
        sts = Client(
            self,
            "sts",
            role_arn=through,
            account_id=_account_of(role_arn),
            region=self.config.home_region,
        )
        params: dict[str, Any] = {
            "RoleArn": role_arn,
            "RoleSessionName": re.sub(r"[^\w+=,.@-]", "-", self.config.session_name)[:64],
            "DurationSeconds": SESSION_SECONDS,
        }
        if self.config.external_id:
            params["ExternalId"] = self.config.external_id
        began = time.monotonic()
        found = sts.call("assume_role", **params)["Credentials"]
        return Keys(
            access_key=found["AccessKeyId"],
            secret_key=found["SecretAccessKey"],
            token=found["SessionToken"],
            stale_at=began + SESSION_SECONDS - MARGIN_SECONDS,
        )

    def _member_role(self, account_id: str) -> str:
        hub = self.config.hub_role_arn
        partition = (
            hub.split(":")[1]
            if hub
            else self._session.get_partition_for_region(self.config.home_region)
        )
        return f"arn:{partition}:iam::{account_id}:role/{self.config.member_role_name}"


def strip_account_host(request: Any, **_: Any) -> None:
    """Take the account id out of a host name, for an endpoint that has no such host."""
    request.url = _ACCOUNT_HOST.sub("//", request.url, count=1)


def _account_of(role_arn: str | None) -> str:
    return role_arn.split(":")[4] if role_arn else ""
