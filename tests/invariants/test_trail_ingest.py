"""Records of CloudTrail in the tables: counted once, added up, bounded, and never lost by their neighbours."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db.models import Sum

from invariants.ingest import denials, trail
from invariants.models import Denial, DenialDay, OrgChangeEvent, TakenEvent, TrailFeed
from tests import factories as make
from tests.invariants import trails

pytestmark = pytest.mark.django_db
NOW = make.NOW


def take(*records, kind=TrailFeed.Kind.FILES, keep_days=200, now=NOW):
    return trail.take(make.organization(), records, kind=kind, keep_days=keep_days, now=now)


def stored():
    rows = Denial.objects.order_by("principal", "action", "pk")
    return [
        (row.principal, row.action, [day.count for day in row.days.order_by("day")]) for row in rows
    ]


def test_a_denial_is_counted_by_who_what_and_day():
    account = make.account(account_id=trails.ACCOUNT)
    policy = make.policy(target="r-ab12", policy_id="p-a1b2c3d4").policy
    earlier = trails.AT - timedelta(days=1)
    taken = take(trails.record(), trails.record(), trails.record(at=earlier))
    assert taken.counts == {"events": 3, "denials": 3, "named": 3}
    assert stored() == [(trails.role_arn(), "iam:CreateUser", [1, 2])]
    row = Denial.objects.get()
    assert (row.account, row.policy, row.policy_arn) == (account, policy, trails.POLICY)
    assert (row.first_at, row.last_at) == (earlier, trails.AT)
    assert (row.region, row.resource) == ("us-east-1", f"arn:aws:iam::{trails.ACCOUNT}:user/ci")


def test_an_event_counts_once_whoever_brings_it():
    one = trails.record(event_id=uuid4())
    assert take(one, one, kind=TrailFeed.Kind.QUEUE).counts["twice"] == 1
    again = take(one, trails.record())
    assert again.counts == {"events": 2, "denials": 1, "named": 1, "twice": 1}
    assert take(one).is_news is False
    assert stored()[0][2] == [2]
    assert TakenEvent.objects.count() == 2


def test_a_batch_that_broke_off_leaves_nothing_and_may_come_again(monkeypatch):
    record = trails.record()

    def fail(*_):
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(denials, "store", fail)
        with pytest.raises(RuntimeError):
            take(record)
    assert TakenEvent.objects.count() == 0
    assert take(record).counts["denials"] == 1


def test_an_unknown_policy_and_an_unknown_account_are_kept():
    take(trails.record())
    row = Denial.objects.get()
    assert (row.policy, row.account, row.aws_account_id) == (None, None, trails.ACCOUNT)
    policy = make.policy(target="r-ab12", policy_id="p-a1b2c3d4").policy
    take(trails.record(at=trails.AT + timedelta(hours=1)))
    assert Denial.objects.get().policy == policy


def test_a_policy_that_is_not_named_is_told_apart_from_a_missing_allow():
    implicit = "x is not authorized to perform: s3:Get because no service control policy allows the s3:Get action"
    take(
        trails.denied("iam:CreateUser", arn=""),
        trails.record(errorMessage=implicit),
    )
    rows = Denial.objects.order_by("action").values_list("action", "policy_arn", "is_explicit")
    assert list(rows) == [("iam:CreateUser", "", True), ("s3:Get", "", False)]


def test_other_kinds_of_policies_and_own_words_are_counted_only():
    taken = take(
        trails.denied("s3:GetObject", kind="an identity-based policy", arn=""),
        trails.record(errorMessage="Access Denied"),
        trails.record(errorCode=None, errorMessage=None),
    )
    assert taken.counts == {"events": 3, "others": 2}
    assert Denial.objects.count() == 0


def test_a_record_that_cannot_be_read_stops_no_other():
    taken = take(trails.record(eventID="?"), trails.record(), trails.record(eventTime="?"))
    assert taken.counts["denials"] == 1
    assert [position for position, _ in taken.unread] == [0, 2]


def test_what_is_older_than_what_is_kept_is_left_out():
    old = trails.record(at=NOW - timedelta(days=9))
    assert take(old, keep_days=8).counts == {"events": 1, "old": 1}
    assert take(old, keep_days=10).counts["denials"] == 1


def test_an_event_of_the_future_is_refused():
    taken = take(trails.record(at=NOW + timedelta(days=2)))
    assert "has not come yet" in taken.unread[0][1]


def test_a_flood_of_principals_becomes_one_row_for_each_account(monkeypatch):
    monkeypatch.setattr(denials, "LIMIT", 3)
    first = [trails.record(role=f"a{number}") for number in range(2)]
    take(*first)
    more = [trails.record(role=f"b{number}") for number in range(4)]
    other = [trails.record(role="c", account="300000000002")]
    take(*more, *other, trails.record(role="a0"))
    found = {
        (row.aws_account_id, row.principal.rpartition("/")[2]): row for row in Denial.objects.all()
    }
    assert set(found) == {
        (trails.ACCOUNT, "a0"),
        (trails.ACCOUNT, "a1"),
        (trails.ACCOUNT, "b0"),
        (trails.ACCOUNT, ""),
        ("300000000002", ""),
    }
    assert found[trails.ACCOUNT, "a0"].days.get().count == 2
    assert found[trails.ACCOUNT, ""].days.get().count == 3
    assert DenialDay.objects.aggregate(all=Sum("count"))["all"] == 8
    # A day later there is room again.
    take(trails.record(role="b3", at=trails.AT - timedelta(days=1)))
    assert Denial.objects.filter(principal__endswith="b3").exists()


def test_changes_of_the_organisation_are_kept_once():
    one = trails.change("AttachPolicy", targetId="r-ab12")
    assert take(one, trails.record()).counts["changes"] == 1
    assert take(one).counts == {"events": 1, "twice": 1}
    row = OrgChangeEvent.objects.get()
    assert (row.name, row.policy_id, row.target_id, row.source) == (
        "AttachPolicy",
        "p-a1b2c3d4",
        "r-ab12",
        "FILES",
    )


def test_a_feed_says_from_when_to_when_it_reaches():
    assert TrailFeed.objects.count() == 0
    take(trails.record(errorCode=None, errorMessage=None), kind=TrailFeed.Kind.QUEUE)
    take(trails.record(at=trails.AT - timedelta(days=3)), kind=TrailFeed.Kind.QUEUE)
    feed = TrailFeed.objects.get()
    assert (feed.first_event_at, feed.last_event_at) == (
        trails.AT - timedelta(days=3),
        trails.AT,
    )
    assert (feed.counts["events"], feed.counts["denials"], feed.taken_at) == (2, 1, NOW)
    assert Denial.objects.get().days.get().day == date(2026, 11, 17)


def test_text_that_postgres_cannot_keep_is_cleaned():
    take(trails.record(errorMessage=trails.message(resource="arn:aws:s3:::a\0b\ud800")))
    assert Denial.objects.count() == 1
