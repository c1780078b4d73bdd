"""Denied calls: told by CloudTrail as AWS words them, in the queue and as files of a trail."""

import gzip
import json
import re
from collections import Counter
from datetime import timedelta

import pytest

from sandbox import history, trails
from sandbox.history import denials
from sandbox.moments import DAY, datetime_of, seconds_of
from tests.sandbox.conftest import NOW

SINCE, UNTIL = seconds_of(NOW - timedelta(days=60)), seconds_of(NOW)
ARN = re.compile(
    r"with an explicit deny in a (service|resource) control policy: "
    r"(arn:aws:organizations::\d{12}:policy/o-[a-z0-9]+/(service|resource)_control_policy/p-[a-z0-9]+)"
)


@pytest.fixture(scope="module")
def found(org):
    return denials.records(org, SINCE, UNTIL)


def test_a_message_names_a_policy_that_is_attached_above_the_account_at_that_moment(org, found):
    shots = {}
    for record in found:
        named = ARN.search(record["errorMessage"])
        if named is None:
            assert "because no identity-based policy allows" in record["errorMessage"]
            continue
        at = record["eventTime"]
        if at[:10] not in shots:
            moment = next(d.at for d in denials.denials(org, SINCE, UNTIL) if iso(d.at) == at)
            shots[at[:10]] = history.snapshot(org, datetime_of(moment))
        shot = shots[at[:10]]
        policy = next(p for p in shot.policies if p.arn == named[2])
        account = next(a for a in shot.accounts if a.account_id == record["recipientAccountId"])
        above = {org.root_id, account.account_id, *account.path.split("/")}
        assert above & set(policy.target_ids)
        assert account.state == "ACTIVE"


def test_messages_keep_to_the_length_that_cloudtrail_keeps(found):
    longest = max(len(record["errorMessage"].encode()) for record in found)
    assert longest == denials.MESSAGE_BYTES
    cut = [r for r in found if r["errorCode"] == "Client.UnauthorizedOperation"]
    assert cut
    assert all(r["errorMessage"].startswith("You are not authorized") for r in cut)


def test_a_few_come_on_every_working_day_and_once_a_burst(found):
    days = Counter(record["eventTime"][:10] for record in found)
    (_, most), (_, second) = days.most_common(2)
    assert most >= 140
    assert second < 12
    assert len(days) > 40
    assert len({record["eventID"] for record in found}) == len(found)


def test_the_past_stays_when_more_time_is_asked_for(org, found):
    shorter = denials.records(org, SINCE + 20 * DAY, UNTIL - 5 * DAY)
    assert [record for record in found if record in shorter] == shorter


def test_a_trail_has_one_file_an_account_region_and_day(org, found, tmp_path):
    files = trails.write(org, tmp_path, since=SINCE, until=UNTIL)
    read = [
        record
        for file in files
        for record in json.loads(gzip.decompress(file.read_bytes()))["Records"]
    ]
    assert sorted(read, key=repr) == sorted(found, key=repr)
    place = files[0].relative_to(tmp_path).parts
    assert place[:2] == ("AWSLogs", org.organization_id)
    assert place[3] == "CloudTrail"
    before = files[0].read_bytes()
    trails.write(org, tmp_path, since=SINCE, until=UNTIL)
    assert files[0].read_bytes() == before


def test_the_command_writes_them(tmp_path, capsys):
    asked = ["--folder", str(tmp_path), "--until", NOW.isoformat(), "--days", "3"]
    assert trails.main(asked) == 0
    assert f"files below {tmp_path}" in capsys.readouterr().out
    assert list(tmp_path.rglob("*_CloudTrail_*.json.gz"))


def iso(seconds):
    return datetime_of(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")
