"""One sandbox AWS for all tests of this folder, and boto3 clients of its roles."""

from datetime import UTC, date, datetime

import boto3  # noqa: TID253 - the sandbox is tested with what talks to it
import pytest
from botocore.config import Config

from sandbox import org as organisation
from sandbox import server
from sandbox.access import Settings

ANCHOR = date(2026, 9, 1)
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
SETTINGS = Settings(
    "AKIATESTTESTTESTTEST", "a-secret-of-the-tests-000000000000000001", "external-1"
)
ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10)


class Callers:
    """boto3 clients by role, made once. A client makes exactly one attempt."""

    def __init__(self, running):
        self.running = running
        self._credentials = {}
        self._clients = {}

    def base(self, service, region=None):
        """The user `parapet`."""
        settings = self.running.settings
        keys = (settings.access_key_id, settings.secret_access_key, None)
        return self._client("base", keys, service, region)

    def hub(self, service, region=None):
        """The hub role."""
        arn = self.running.hub_role_arn
        return self._client(arn, self._assumed(self.base("sts"), arn), service, region)

    def member(self, account_id, service, region=None):
        """The member read role of an account."""
        arn = self.running.member_role_arn(account_id)
        return self._client(arn, self._assumed(self.hub("sts"), arn), service, region)

    def _assumed(self, sts, arn):
        if arn not in self._credentials:
            self._credentials[arn] = assume(sts, arn)
        return self._credentials[arn]

    def forget(self):
        """Assume roles anew from now on."""
        self._credentials.clear()
        self._clients.clear()

    def _client(self, who, keys, service, region):
        region = region or self.running.org.home_region
        if (who, service, region) not in self._clients:
            self._clients[who, service, region] = client(self.running.url, keys, service, region)
        return self._clients[who, service, region]


def client(url, keys, service, region):
    """Make a client that goes to the sandbox with (key id, secret, token)."""
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        aws_session_token=keys[2],
        config=ONCE,
    )


def assume(sts, arn, external_id="external-1"):
    """Assume a role: (key id, secret, token)."""
    answer = sts.assume_role(RoleArn=arn, RoleSessionName="posture-test", ExternalId=external_id)
    credentials = answer["Credentials"]
    return (
        credentials["AccessKeyId"],
        credentials["SecretAccessKey"],
        credentials["SessionToken"],
    )


@pytest.fixture(scope="session")
def org():
    return organisation.build(seed=7, accounts=60, anchor=ANCHOR)


@pytest.fixture(scope="session")
def running(org):
    with server.start(org, now=NOW, settings=SETTINGS) as running:
        yield running


@pytest.fixture(scope="session")
def callers(running):
    return Callers(running)


@pytest.fixture
def snapshot(running):
    return running.world.moment().snapshot


@pytest.fixture
def faults(running):
    yield running.faults
    running.faults.clear()
