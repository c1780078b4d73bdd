"""Copies of findings in any order, any number of times, cut into any batches: one and the same end."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from findings import ingest
from findings.models import Feed, Finding
from tests import factories
from tests.findings.records import NOW, record
from tests.fixtures.tables import findings_as_told

DAY = timedelta(days=1)
KINDS = {
    "failed": {"compliance": "FAILED"},
    "passed": {"compliance": "PASSED", "workflow": "RESOLVED"},
    "warning": {"compliance": "WARNING"},
    "unavailable": {"compliance": "NOT_AVAILABLE"},
    "archived": {"compliance": "FAILED", "record_state": "ARCHIVED"},
    "suppressed": {"compliance": "FAILED", "workflow": "SUPPRESSED"},
    "public": {"compliance": "FAILED", "is_public": True, "severity": "CRITICAL"},
    "threat": {"compliance": ""},
    "resolved": {"compliance": "", "workflow": "RESOLVED"},
}
FEEDS = {"hub": Feed.SECURITY_HUB, "file": Feed.FILE}


@dataclass(frozen=True)
class Told:
    """A copy of a finding as one feed told it: each has its own time, so no two are at once."""

    finding: int
    kind: str
    hours: int
    feed: str = "hub"

    def record(self):
        return record(
            finding_id=f"finding-{self.finding}",
            resource_id=f"arn:aws:s3:::bucket-{self.finding}",
            title=f"Finding {self.finding}",
            updated_at=NOW + timedelta(hours=self.hours),
            payload={"Id": self.finding, "kind": self.kind},
            **KINDS[self.kind],
        )


told = st.builds(
    Told,
    finding=st.integers(1, 2),
    kind=st.sampled_from(sorted(KINDS)),
    hours=st.integers(0, 60 * 24),
    feed=st.sampled_from(sorted(FEEDS)),
)
stories = st.lists(told, min_size=1, max_size=12, unique_by=lambda one: (one.finding, one.hours))


@st.composite
def tellings(draw):
    """A story, and the same in another order, with repetitions, cut into batches."""
    story = draw(stories)
    again = draw(st.permutations(story + draw(st.lists(st.sampled_from(story), max_size=6))))
    cuts = sorted(draw(st.sets(st.integers(0, len(again)), max_size=4)) | {0, len(again)})
    return story, [again[start:end] for start, end in pairwise(cuts)]


def backwards(*kinds):
    """A story of one finding, a day between two copies, and the same from its end, one by one."""
    story = [Told(1, kind, 24 * day) for day, kind in enumerate(kinds)]
    return story, [[one] for one in story[::-1]]


class AnyOrder(TestCase):
    def tell(self, batches):
        """Take batches in (each cut by feed), and return what stands in the tables."""
        catalog = ingest.load_catalog(self.organization)
        for batch in batches:
            for name, feed in FEEDS.items():
                records = [one.record() for one in batch if one.feed == name]
                as_of = NOW + 61 * DAY
                ingest.upsert_findings(records, catalog=catalog, as_of=as_of, feed=feed)
        return findings_as_told()

    def setup_example(self):
        super().setup_example()
        factories.account(account_id="200000000001")
        self.organization = factories.organization()

    @settings(max_examples=35, deadline=None, suppress_health_check=list(HealthCheck))
    @given(telling=tellings())
    @example(telling=backwards("failed", "passed"))
    @example(telling=backwards("failed", "passed", "warning"))
    @example(telling=backwards("passed", "failed", "unavailable", "passed", "failed"))
    @example(telling=backwards("threat", "resolved", "threat"))
    def test_any_order_repetition_and_cut_ends_in_the_same_rows_and_episodes(self, telling):
        story, batches = telling
        expected = self.tell([[one] for one in sorted(story, key=lambda one: one.hours)])
        Finding.objects.all().delete()
        assert self.tell(batches) == expected
