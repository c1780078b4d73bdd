"""Exception by life of a finding: what counts as excepted after each thing that can happen."""

from datetime import timedelta

import pytest

from findings import ingest
from findings.models import DirtyCell, Episode, Finding
from invariants.actions import exceptions as actions
from invariants.actions.exceptions import Line
from invariants.models import ExceptedFinding, ExceptionRequest
from invariants.models.exceptions import ScopeKind
from posture import rollups
from posture.models import Cell, CellDay
from tests import factories
from tests.findings.records import record
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import WHY

pytestmark = pytest.mark.django_db
ID = "arn:aws:securityhub:eu-west-1:1:security-control/S3.8/finding/covered"
BUCKET = "arn:aws:s3:::partner-share"


class Story:
    """One bucket's finding, an exception from its control, and a collection after each thing."""

    def __init__(self):
        self.world = worlds.build()
        self.world.control.control_id = "S3.8"
        self.world.control.severity = "MEDIUM"
        self.world.control.save()
        self.account = self.world.account
        self.request = None
        self.imported()

    def imported(self, compliance="FAILED", state="ACTIVE", **changes):
        values = {
            "finding_id": ID,
            "account_id": self.account.account_id,
            "severity": "MEDIUM",
            "compliance": compliance,
            "record_state": state,
            "resource_id": BUCKET,
            "updated_at": self.world.later(minutes=5),
        }
        catalog = ingest.load_catalog(self.account.organization)
        records = [record(**values | changes)]
        assert not ingest.upsert_findings(records, catalog=catalog, as_of=self.world.now).rejected

    def excepted(self, **changes):
        self.world.on(self.world.now.date())
        scope = changes.pop("scope", [])
        self.request = self.world.drafted(mechanism="NONE", **changes)
        by = self.world.by("requester")
        place = Line(ScopeKind.ACCOUNT, self.account.account_id)
        actions.set_scope(by, self.request.pk, [place, *scope], now=self.world.now)
        actions.submit(by, self.request.pk, now=self.world.now)
        self._decide(self.request)
        self.collected()

    def _decide(self, request):
        view = actions.RiskView("LOW", "LOW", WHY)
        actions.triage(self.world.by("assessor"), request.pk, now=self.world.now)
        actions.assess(self.world.by("assessor"), request.pk, view, now=self.world.now)
        actions.approve(self.world.by("lead"), request.pk, now=self.world.now)

    def collected(self, found=True):
        self.world.later(minutes=5)
        for request in ExceptionRequest.objects.not_over().order_by("pk"):
            self.world.looked(request, found)

    def expires(self):
        request = ExceptionRequest.objects.get(pk=self.request.pk)
        self.world.on(request.until + timedelta(days=1))
        # Still reported day by day, so that it is not stale.
        actions.tick(request.organization, now=self.world.now)

    def revoked(self):
        lead = self.world.by("lead")
        actions.revoke(lead, self.request.pk, why=WHY, now=self.world.later(minutes=5))

    def moved(self):
        """The account goes to another OU."""
        self.account.ou = factories.ou()
        self.account.save()

    def cell(self):
        rollups.roll_up(now=self.world.later(minutes=1))
        row = Cell.objects.filter(account=self.account).first()
        return (row.passed, row.failed, row.excepted) if row else None

    def mark(self):
        finding = Finding.objects.filter(finding_id=ID).first()
        assert finding is None or finding.is_excepted == bool(
            ExceptedFinding.objects.filter(finding=finding).count()
        )
        return finding is not None and finding.is_excepted


PASSED, FAILED, EXCEPTED = (1, 0, 0), (0, 1, 0), (0, 0, 1)
# What happens, one after the other; then whether the finding is marked, and what its cell counts.
MATRIX = [
    ("nothing", [], False, FAILED),
    ("granted", ["excepted"], True, EXCEPTED),
    ("read again", ["excepted", "imported"], True, EXCEPTED),
    ("read again and collected", ["excepted", "imported", "collected"], True, EXCEPTED),
    ("mended", ["excepted", "imported PASSED"], True, PASSED),
    ("mended and failing again", ["excepted", "imported PASSED", "imported"], True, EXCEPTED),
    (
        "mended, expired, failing",
        ["excepted", "imported PASSED", "expires", "imported"],
        False,
        FAILED,
    ),
    ("resource gone", ["excepted", "imported FAILED ARCHIVED"], True, None),
    (
        "resource gone and back",
        ["excepted", "imported FAILED ARCHIVED", "collected", "imported", "collected"],
        True,
        EXCEPTED,
    ),
    ("expired", ["excepted", "expires"], False, FAILED),
    ("expired and read again", ["excepted", "expires", "imported", "collected"], False, FAILED),
    ("revoked", ["excepted", "revoked"], False, FAILED),
    ("no longer matching", ["excepted", "collected False"], False, FAILED),
    ("could not be looked at", ["excepted", "collected None"], True, EXCEPTED),
    ("account moved", ["excepted", "moved", "collected"], True, EXCEPTED),
    (
        "passed when granted, then failing",
        ["imported PASSED", "excepted", "imported"],
        False,
        FAILED,
    ),
    (
        "passed when granted, then failing and collected",
        ["imported PASSED", "excepted", "imported", "collected"],
        True,
        EXCEPTED,
    ),
]


@pytest.mark.parametrize(
    ("happens", "is_marked", "counted"), [row[1:] for row in MATRIX], ids=[row[0] for row in MATRIX]
)
def test_exception_by_life_of_a_finding(happens, is_marked, counted):
    story = Story()
    for line in happens:
        name, *words = line.split()
        values = [{"False": False, "None": None}.get(word, word) for word in words]
        getattr(story, name)(*values)
    assert story.mark() is is_marked
    assert story.cell() == counted
    # Whole and in parts, it is counted the same.
    assert rollups.rebuild_cells(now=story.world.now) == 0


def test_ending_an_exception_changes_no_closed_day():
    story = Story()
    story.excepted()
    assert story.cell() == EXCEPTED
    before = list(CellDay.objects.order_by("day").values_list("day", "failed", "excepted"))
    story.expires()
    assert story.cell() == FAILED
    after = list(CellDay.objects.order_by("day").values_list("day", "failed", "excepted"))
    assert after[: len(before)] == before
    assert after[-1] == (story.world.now.date(), 1, 0)
    episode = Episode.objects.get(closed_at=None)
    assert episode.excepted_at is not None


def test_it_covers_what_its_scope_says_and_nothing_else():
    story = Story()
    other = factories.account(ou=story.account.ou, team=story.account.team)
    same = {"compliance": "FAILED"}
    story.imported(finding_id="far", account_id=other.account_id)
    story.imported(finding_id="region", region="us-east-1", resource_id=BUCKET)
    story.imported(finding_id="resource", resource_id="arn:aws:s3:::private")
    story.imported(finding_id="control", control_id="S3.1", **same)
    scope = [Line(ScopeKind.REGION, "eu-west-1"), Line(ScopeKind.PATTERN, "arn:aws:s3:::partner-*")]
    story.excepted(scope=scope)
    marked = Finding.objects.filter(is_excepted=True).values_list("finding_id", flat=True)
    assert list(marked) == [ID]


def test_resources_are_named_by_id_or_tag_as_well():
    story = Story()
    tagged = {"Resources": [{"Id": "x", "Tags": {"share": "partner", "env": "prod"}}]}
    story.imported(finding_id="tagged", resource_id="arn:aws:s3:::x", payload=tagged)
    other = {"Resources": [{"Id": "y", "Tags": {"share": "nobody"}}]}
    story.imported(finding_id="other", resource_id="arn:aws:s3:::y", payload=other)
    story.excepted(scope=[Line(ScopeKind.TAG, "share=partner"), Line(ScopeKind.RESOURCE, BUCKET)])
    marked = Finding.objects.filter(is_excepted=True).values_list("finding_id", flat=True)
    assert set(marked) == {ID, "tagged"}


def test_a_pattern_is_no_regular_expression():
    story = Story()
    story.imported(finding_id="dots", resource_id="arn:aws:s3:::aXb")
    story.imported(finding_id="real", resource_id="arn:aws:s3:::a.b")
    story.excepted(scope=[Line(ScopeKind.PATTERN, "arn:aws:s3:::a.*")])
    marked = Finding.objects.filter(is_excepted=True).values_list("finding_id", flat=True)
    assert list(marked) == ["real"]


def test_of_two_exceptions_the_end_of_one_unmarks_nothing():
    story = Story()
    story.excepted()
    first = story.request
    story.excepted()
    actions.revoke(story.world.by("lead"), first.pk, why=WHY, now=story.world.now)
    assert story.mark()
    story.revoked()
    assert not story.mark()


def test_one_finding_alone_is_a_target():
    story = Story()
    story.imported(finding_id="neighbour")
    finding = Finding.objects.get(finding_id=ID)
    story.excepted(target=finding)
    assert list(Finding.objects.filter(is_excepted=True)) == [finding]


def test_a_narrower_scope_takes_effect_at_once():
    story = Story()
    regions = [Line(ScopeKind.REGION, one) for one in ("eu-west-1", "us-east-1")]
    story.excepted(scope=regions)
    assert story.mark()
    by = story.world.by("requester")
    actions.narrow(by, story.request.pk, regions[:1], why=WHY, now=story.world.now)
    assert not story.mark()
    assert story.cell() == FAILED


def test_a_finding_that_retention_removed_leaves_nothing_behind():
    story = Story()
    story.excepted()
    Episode.objects.all().delete()
    Finding.objects.get(finding_id=ID).delete()
    story.collected()
    assert not ExceptedFinding.objects.exists()


def test_what_is_in_step_is_not_marked_anew():
    story = Story()
    story.excepted()
    story.cell()
    DirtyCell.objects.all().delete()
    story.collected()
    assert not DirtyCell.objects.exists()


def test_an_excepted_failure_beside_an_open_one_of_the_same_resource_still_fails():
    story = Story()
    story.imported(finding_id="other-region", region="us-east-1", resource_id=BUCKET)
    story.excepted(scope=[Line(ScopeKind.REGION, "eu-west-1")])
    assert story.mark()
    assert story.cell() == FAILED


def test_a_pattern_of_many_stars_and_signs_is_taken_as_it_stands():
    story = Story()
    story.imported(finding_id="signs", resource_id=r"arn:aws:s3:::50%_off\x")
    story.imported(finding_id="other", resource_id=r"arn:aws:s3:::50xxoff\x")
    story.imported(finding_id="long", resource_id=f"arn:aws:s3:::{'a' * 400}")
    many = ("arn:aws:s3:::aa" + "*a?" * 700)[:2048]
    patterns = [r"arn:aws:s3:::50%_off\?", many]
    story.excepted(scope=[Line(ScopeKind.PATTERN, one) for one in patterns])
    marked = Finding.objects.filter(is_excepted=True).values_list("finding_id", flat=True)
    assert list(marked) == ["signs"]
