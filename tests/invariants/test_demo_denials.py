"""The denials of the sandbox organisation are counted and tied to the invariants whose statements denied."""

from collections import defaultdict
from datetime import timedelta

import pytest

from invariants.evaluation import coverage
from invariants.ingest import trail
from invariants.ingest.catalogue import load_catalogue
from invariants.models import Denial, TrailFeed
from invariants.rollups import serving
from sandbox import history, org
from sandbox.history import denials
from sandbox.moments import seconds_of
from tests.invariants import attached
from tests.invariants.test_planted import ANCHOR, LAST, take_in

pytestmark = [pytest.mark.django_db, pytest.mark.allow_hosts(["127.0.0.1"])]

# Names of policies differ from those of invariants, and one policy serves several.
SERVED = {
    ("deny-iam-users", "iam:CreateUser"): "iam-no-users",
    ("deny-public-s3", "s3:PutBucketPublicAccessBlock"): "halden-public-s3",
    ("protect-security-services", "config:StopConfigurationRecorder"): "mon-config",
    ("protect-security-services", "guardduty:DeleteDetector"): "mon-guardduty",
    ("require-imdsv2", "ec2:RunInstances"): "halden-imdsv2-launch",
    ("require-tls", "kms:Decrypt"): "tls-only",
    ("restrict-regions", "ec2:RunInstances"): "acct-regions",
}


def test_each_denial_of_the_demo_is_tied_to_the_invariant_that_it_was_for():
    built = org.build(accounts=20, findings=0, anchor=ANCHOR)
    organization = take_in(history.snapshot(built, LAST))
    load_catalogue(organization, folders=[attached.CATALOG], now=LAST)
    coverage.run(organization, now=LAST)
    since, until = seconds_of(LAST - timedelta(days=60)), seconds_of(LAST)
    records = denials.records(built, since, until)
    taken = trail.take(organization, records, kind=TrailFeed.Kind.FILES, keep_days=200, now=LAST)
    assert taken.counts["denials"] == taken.counts["named"]
    assert taken.counts["denials"] + taken.counts["others"] == len(records)
    assert serving.tie(organization, now=LAST) == Denial.objects.count()
    found = defaultdict(set)
    for row in Denial.objects.select_related("policy").prefetch_related("serves__invariant"):
        served = {(one.invariant.key, one.is_certain) for one in row.serves.all()}
        found[row.policy.name if row.policy else "", row.action] |= served
    assert {place: found[place] for place in SERVED} == {
        place: {(key, True)} for place, key in SERVED.items()
    }
    # A policy that serves none is shown as such, and so is one that is gone.
    assert found["tmp-vendor-migration", "s3:PutBucketPolicy"] == set()
    assert found["", "logs:DeleteLogGroup"] == set()
