"""A copy of a finding that comes late cuts its episodes anew; what was granted is not lost by that."""

from datetime import timedelta

import pytest

from findings.ingest.timeline import Stretch, granted
from findings.models import Episode, Finding
from tests.invariants.exceptions.test_effects import ID, Story
from tests.invariants.exceptions.world import NOW


def _at(hours):
    return NOW + timedelta(hours=hours)


def _stretch(opened, closed=None):
    return Stretch(_at(opened), None if closed is None else _at(closed), "PASSED" if closed else "")


@pytest.mark.parametrize(
    ("stretches", "grants", "given"),
    [
        ([(0, None)], [5], [5]),
        ([(-3, None)], [5], [5]),
        ([(0, 4), (8, None)], [3], [3, None]),
        ([(0, 4), (8, None)], [9], [None, 9]),
        # Between two: of the one after it, from its beginning on.
        ([(0, 4), (8, None)], [5], [None, 8]),
        # It was over when it was granted: kept, and later than its end, which counts as not excepted.
        ([(0, 4)], [5], [5]),
        # Two became one: the first moment counts.
        ([(0, None)], [3, 9], [3]),
        ([(0, 4), (8, None)], [3, 9], [3, 9]),
        ([], [3], []),
    ],
)
def test_a_grant_goes_to_the_episode_that_holds_its_moment(stretches, grants, given):
    found = granted([_stretch(*one) for one in stretches], [_at(at) for at in grants])
    assert found == [None if at is None else _at(at) for at in given]


pytestmark = pytest.mark.django_db


def test_a_copy_from_before_the_first_keeps_what_was_granted():
    story = Story()
    first = story.world.now
    story.excepted()
    at = Episode.objects.get(closed_at=None).excepted_at
    assert at is not None
    story.imported(updated_at=first - timedelta(hours=2))
    episode = Episode.objects.get()
    assert episode.opened_at == first - timedelta(hours=2)
    assert episode.excepted_at == at


def test_a_gap_that_is_learnt_of_late_leaves_the_grant_with_the_episode_that_is_open():
    story = Story()
    first = story.world.now
    story.world.later(days=40)
    story.imported()
    story.excepted()
    at = Episode.objects.get(closed_at=None).excepted_at
    # Passed a day after it began; it failed again more than 14 days later.
    story.imported("PASSED", updated_at=first + timedelta(days=1))
    old, new = Episode.objects.order_by("opened_at")
    assert (old.closed_at, old.excepted_at) == (first + timedelta(days=1), None)
    assert (new.closed_at, new.excepted_at) == (None, at)
    assert Finding.objects.get(finding_id=ID).is_excepted
