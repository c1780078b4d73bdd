"""Reading the messages of the event queue: what is a finding, what is not, and which copy is the newest."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from findings.sources import event_queue
from inventory import aws
from inventory.tasks import door
from sandbox.faults import Rule
from tests.fixtures import findings as make
from tests.fixtures.pipeline import wait_for

AT = datetime(2026, 5, 2, 10, 0, 5, tzinfo=UTC)
V1 = "Security Hub Findings - Imported"


def event(*findings, kind=V1, at=AT, **changes):
    return {
        "version": "0",
        "id": "11111111-2222-3333-4444-555555555555",
        "detail-type": kind,
        "source": "aws.securityhub",
        "account": make.ACCOUNT,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": make.REGION,
        "resources": [],
        "detail": {"findings": list(findings)},
    } | changes


def ocsf(**changes):
    return {
        "activity_id": 2,
        "class_uid": 2003,
        "cloud": {"account": {"uid": make.ACCOUNT}, "region": make.REGION},
        "compliance": {"control": "S3.8", "status": "Fail", "status_id": 3},
        "finding_info": {
            "created_time_dt": "2026-05-01T10:00:00.000Z",
            "modified_time_dt": "2026-05-02T10:00:00.000Z",
            "title": "A title",
            "uid": make.control()["Id"],
        },
        "metadata": {
            "product": {"uid": f"arn:aws:securityhub:{make.REGION}::productv2/aws/securityhub"},
            "uid": "f" * 64,
            "version": "1.6.0",
        },
        "resources": [{"type": "AWS::S3::Bucket", "uid": "arn:aws:s3:::a-bucket"}],
        "severity_id": 4,
        "status_id": 1,
    } | changes


def message(body, *, number=1, sent_at=AT):
    text = body if isinstance(body, str) else json.dumps(body)
    return event_queue.Message(f"message-{number}", f"receipt-{number}", text, sent_at)


def read(*bodies, api="v1", **options):
    messages = [message(body, number=number) for number, body in enumerate(bodies)]
    return event_queue.read(messages, api=api, **options)


def records(batch):
    return [record for page in batch.pages for record in page.page.findings]


def test_an_event_holds_a_finding_as_of_its_own_time():
    batch = read(event(make.control()))
    [page] = batch.pages
    assert page.at == batch.latest_at == AT
    assert [record.control_id for record in page.page.findings] == ["S3.8"]
    assert (batch.rejected, batch.skipped) == ((), 0)


def test_an_event_that_came_through_sns_is_unwrapped():
    notification = {"Type": "Notification", "Message": json.dumps(event(make.control()))}
    assert len(records(read(notification))) == 1


def test_a_custom_action_holds_several_findings():
    body = event(
        make.control("S3.8"),
        make.control("EC2.2", Id="another"),
        kind="Security Hub Findings - Custom Action",
    )
    assert {record.control_id for record in records(read(body))} == {"S3.8", "EC2.2"}


@pytest.mark.parametrize("api", ["v1", "v2"])
def test_events_of_the_other_api_and_without_findings_are_skipped(api):
    insight = event(kind="Security Hub Insight Results", detail={"resultType": "x"})
    other = event(make.control()) if api == "v2" else event(ocsf(), kind="Findings Imported V2")
    batch = read(insight, other, api=api)
    assert (records(batch), batch.rejected, batch.skipped) == ([], (), 2)


def test_both_apis_name_the_same_finding():
    [first] = records(read(event(make.control())))
    [second] = records(read(event(ocsf(), kind="Findings Imported V2"), api="v2"))
    assert (first.finding_id, first.product_arn) == (second.finding_id, second.product_arn)


def test_products_that_are_read_elsewhere_are_skipped():
    raw = make.asff(ProductArn=make.product("access-analyzer"))
    batch = read(event(raw), left_out=frozenset({"access-analyzer"}))
    assert (records(batch), batch.skipped) == ([], 1)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<xml/>", "message: is not JSON"),
        ("[1, 2]", "message: is no JSON object"),
        ("{}", "detail-type: a text that is no event is not known"),
        (event(kind="GuardDuty Finding"), "detail-type: GuardDuty Finding is not known"),
        (event(), "detail.findings: holds no findings"),
        (event(detail={"findings": "none"}), "detail.findings: holds no findings"),
        (event("a text"), "detail.findings: holds no findings"),
        (event(make.control(), time="lately"), "time: 'lately' is no time"),
        ({"Type": "Notification", "Message": "Hello"}, "message: is not JSON"),
    ],
)
def test_a_message_that_cannot_be_read_is_kept_as_text_and_stops_nothing(body, reason):
    batch = read(body, event(make.control()))
    [rejected] = batch.rejected
    assert rejected.reason.startswith(reason)
    assert (rejected.source_id, rejected.shape) == ("message-0", "text")
    assert rejected.payload == (body if isinstance(body, str) else json.dumps(body))
    assert len(records(batch)) == 1


def test_a_finding_that_cannot_be_read_is_kept_by_itself():
    batch = read(event(make.control(), make.control(Id="bad", UpdatedAt="?")))
    assert [row.source_id for row in batch.rejected] == ["bad"]
    assert [row.shape for row in batch.rejected] == ["asff"]
    assert len(records(batch)) == 1


def test_of_several_copies_only_the_newest_is_kept():
    late, early = AT + timedelta(seconds=9), AT
    suppressed = make.control(Workflow={"Status": "SUPPRESSED"})
    copies = [
        message(event(suppressed, at=late), number=1),
        message(event(make.control(), at=early), number=2),
        message(event(make.control(UpdatedAt="2026-05-01T00:00:00Z"), at=late), number=3),
    ]
    for order in (copies, copies[::-1]):
        [record] = records(event_queue.read(order, api="v1"))
        assert record.workflow == "SUPPRESSED"


def test_of_copies_of_the_same_second_the_one_sent_last_is_kept():
    suppressed = event(make.control(Workflow={"Status": "SUPPRESSED"}))
    copies = [
        message(suppressed, sent_at=AT + timedelta(milliseconds=20)),
        message(event(make.control()), sent_at=AT),
    ]
    for order in (copies, copies[::-1]):
        assert [one.workflow for one in records(event_queue.read(order, api="v1"))] == [
            "SUPPRESSED"
        ]


def test_pages_are_in_the_order_of_their_events():
    moments = [AT + timedelta(seconds=number) for number in (3, 1, 2, 1)]
    bodies = [event(make.control(Id=str(n)), at=at) for n, at in enumerate(moments)]
    pages = read(*bodies).pages
    assert [page.at for page in pages] == sorted(set(moments))
    assert [len(page.page.findings) for page in pages] == [2, 1, 1]


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/111122223333/parapet-findings", "eu-west-1"),
        ("https://sqs.us-gov-west-1.amazonaws.com/111122223333/q", "us-gov-west-1"),
        ("https://eu-central-1.queue.amazonaws.com/111122223333/q", "eu-central-1"),
        ("http://127.0.0.1:4566/111122223333/parapet-findings", None),
    ],
)
def test_the_region_is_that_of_the_queues_address(url, region):
    assert event_queue.region_of(url) == region


def test_an_empty_queue_gives_nothing(hub):
    assert receive(hub) == []


def test_what_waits_is_gathered_and_stays_with_us_until_it_is_deleted(hub):
    hub.send(*(f"message {number}" for number in range(23)))
    messages = receive(hub)
    assert sorted(m.body for m in messages) == sorted(f"message {n}" for n in range(23))
    assert {m.sent_at.tzinfo for m in messages} == {UTC}
    assert (receive(hub), hub.waiting()) == ([], (0, 23))
    assert event_queue.delete(client(), messages, queue_url=hub.queue_url) == 0
    assert hub.waiting() == (0, 0)


def test_deleting_twice_is_harmless(hub):
    hub.send("one")
    messages = receive(hub)
    for _ in range(2):
        assert event_queue.delete(client(), messages, queue_url=hub.queue_url) in (0, 1)


def test_a_hold_is_renewed_for_as_long_as_the_work_takes(hub):
    hub.send(*map(str, range(11)))
    messages = receive(hub)

    def renewals():
        return hub.calls.get("sqs.ChangeMessageVisibilityBatch", 0)

    with event_queue.holding(client(), messages, queue_url=hub.queue_url, every_seconds=0.02):
        wait_for(lambda: renewals() >= 4, seconds=10)
    assert hub.waiting() == (0, 11)


def test_a_hold_that_aws_refuses_stops_no_work(hub):
    hub.send("one")
    messages = receive(hub)
    hub.faults.add(Rule("deny", operation="ChangeMessageVisibilityBatch"))
    with event_queue.holding(client(), messages, queue_url=hub.queue_url, every_seconds=0.01):
        wait_for(lambda: hub.faults.report()[0]["hits"] >= 2, seconds=10)
    assert event_queue.delete(client(), messages, queue_url=hub.queue_url) == 0


def test_a_denial_names_the_permission(hub):
    hub.faults.add(Rule("deny", operation="ReceiveMessage"))
    with pytest.raises(aws.Denied) as raised:
        receive(hub)
    assert raised.value.permission == "sqs:ReceiveMessage"


def test_a_queue_that_is_not_there_is_not_configured(hub):
    hub.sqs.delete_queue(QueueUrl=hub.queue_url)
    with pytest.raises(aws.NotConfigured, match="queue does not exist"):
        receive(hub)


def client():
    return door().client("sqs")


def receive(hub):
    return event_queue.receive(client(), queue_url=hub.queue_url, wait_seconds=0)
