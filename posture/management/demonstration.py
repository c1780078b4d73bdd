"""What the people of the demo organisation do: they attest, decide in the weekly review, and act.

The same organisation tells the same story each time. Everything goes through the actions that a
person's click takes, or obeys the same rules; being told twice changes nothing.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from typing import Final

from django.contrib.auth.models import User
from django.db.models import Min

from inventory.models import Account, Organization
from posture import kpis
from posture.actions import reviews
from posture.management import narrative, outbox
from posture.models import AccountDay, Attestation, ReviewAction, WeeklyReview
from posture.queries import reviews as review_queries

_Subject = Attestation.Subject
# How many accounts in a hundred ever get it, who vouches, and in which words.
_SUBJECTS: Final[Mapping[str, tuple[int, str, str]]] = {
    _Subject.EXECUTIVE: (96, "Edward Lang", "The accountable executive has accepted the account."),
    _Subject.ON_CALL: (92, "Ines Carvalho", "The on-call contact was paged and answered in time."),
    _Subject.GUARDIAN: (
        84,
        "Marta Ruiz",
        "A Security Guardian of the team has passed the training.",
    ),
    _Subject.RUNBOOK: (
        80,
        "Tomas Lindqvist",
        "The incident runbook was walked through with the team.",
    ),
    _Subject.IR_EXERCISE: (72, "Tomas Lindqvist", "The team took part in an incident exercise."),
    _Subject.THREAT_MODEL: (58, "Priya Raman", "The threat model was reviewed against the design."),
    _Subject.ROLLBACK_TEST: (
        52,
        "Ines Carvalho",
        "A release was rolled back by the pipeline alone.",
    ),
    _Subject.LOOP_FIX: (44, "Priya Raman", "The automated fix was set off on purpose and worked."),
}
_WHOLE: Final[tuple[str, str, str]] = (
    _Subject.IDENTITY_MFA,
    "Marta Ruiz",
    "The identity provider asks everybody for a second factor.",
)
_TERM: Final = timedelta(days=365)
# Some renew before it runs out, others a month late.
_RENEWALS: Final = (350, 355, 360, 364, 395)
# Teams took it up from eight months before the first look on, and go on doing so.
_BEFORE_DAYS: Final = 240
_SPREAD_DAYS: Final = 400

_LEAD, _ENGINEER = "marta", "priya"
_OWNERS: Final = ("Priya Raman", "Ines Carvalho", "Tomas Lindqvist", "Dan Kessler", "Marta Ruiz")
_WORK: Final[Mapping[str, str]] = {
    "K1": "Close the five controls that lose the most points, with their owners",
    "K2": "Go through the overdue criticals with their teams and agree on dates",
    "K3": "Ask the owners of the oldest exceptions what still keeps them",
    "K7": "Attach the missing policies to the workload OUs after a dry run",
    "K10": "Have the root credentials of the named accounts removed centrally",
    "K12": "Move the last pipelines with access keys to workload roles",
    "K15": "Take the public buckets that nobody claims off the internet",
    "K22": "Switch the missing detectors on in the Regions that are in use",
    "K26": "Patch the resources in the tier of three days",
    "K28": "Give two teams a sprint for the oldest part of the pile",
}
_OTHERS: Final = (
    "Invite the newest teams to the Security Guardian training",
    "Rehearse the runbook for leaked credentials",
    "Write up what the last incident taught us",
    "Agree on the list of Regions that may be used",
    "Retire the accounts that nobody has used this quarter",
)


def live(organization: Organization, *, now: datetime, is_past: bool) -> int:
    """What they do up to `now`; returns how many things. Draft reviews are published in the past
    alone: the newest is left to whoever tries the demo.
    """
    done = _attest(organization, day=now.date())
    lead = User.objects.filter(username=_LEAD).first()
    if lead is None:
        return done
    done += _close(organization, lead, now=now)
    for review in _drafts(organization):
        done += _decide(review, lead, now=now, is_published=is_past)
    return done if is_past else done + _send(organization, lead)


def _send(organization: Organization, lead: User) -> int:
    """What has to be there when somebody looks: it is made and sent at the end of the past, not in it."""
    asking = [(lead, "PDF")]
    asking += [(user, "CSV") for user in User.objects.filter(username=_ENGINEER)]
    return (
        outbox.name_recipients(organization, lead)
        + outbox.mail_newest(organization, lead)
        + outbox.ask_for_reports(organization, asking)
    )


def _attest(organization: Organization, *, day: date) -> int:
    """Write down what has been attested until the day and is not written down yet."""
    first = AccountDay.objects.filter(account__organization=organization).aggregate(day=Min("day"))[
        "day"
    ]
    if first is None:
        return 0
    known = set(
        Attestation.objects.filter(organization=organization).values_list(
            "subject", "account_id", "attested_on"
        )
    )
    told = [
        row
        for row in _attestations(organization, first=first, day=day)
        if (row.subject, row.account_id, row.attested_on) not in known
    ]
    return len(Attestation.objects.bulk_create(told, batch_size=1000))


def _attestations(organization: Organization, *, first: date, day: date) -> Iterator[Attestation]:
    subject, owner, words = _WHOLE
    start = first - timedelta(days=_BEFORE_DAYS // 4)
    yield from _renewed(organization, None, subject, owner, words, start=start, every=350, day=day)
    accounts = Account.objects.live().filter(organization=organization, state="ACTIVE")
    for account in accounts.order_by("pk"):
        for subject, (share, owner, words) in _SUBJECTS.items():
            if _draw(account.account_id, subject, "share", 100) >= share:
                continue
            offset = _draw(account.account_id, subject, "start", _SPREAD_DAYS) - _BEFORE_DAYS
            every = _RENEWALS[_draw(account.account_id, subject, "renewal", len(_RENEWALS))]
            start = first + timedelta(days=offset)
            yield from _renewed(
                organization, account, subject, owner, words, start=start, every=every, day=day
            )


def _renewed(  # noqa: PLR0913 - one attestation, told again and again
    organization: Organization,
    account: Account | None,
    subject: str,
    owner: str,
    words: str,
    *,
    start: date,
    every: int,
    day: date,
) -> Iterator[Attestation]:
    attested_on = start
    while attested_on <= day:
        yield Attestation(
            organization=organization,
            account=account,
            subject=subject,
            statement=words,
            owner=owner,
            attested_on=attested_on,
            expires_on=attested_on + _TERM,
            recorded_by=_ENGINEER,
            recorded_at=_at(attested_on, 10),
        )
        attested_on += timedelta(days=every)


def _close(organization: Organization, lead: User, *, now: datetime) -> int:
    """Most actions are done before their date, some late, and now and then one is moved first."""
    done = 0
    actions = ReviewAction.objects.open().filter(organization=organization).order_by("pk")
    for action in actions:
        chance = _draw(str(action.review), action.text, "close", 20)
        days = -1 - chance % 4 if chance < 15 else 3 * (chance - 14)
        closed_at = _at(
            max(action.first_due_on + timedelta(days=days), action.created_at.date()), 15
        )
        is_moved = action.due_on != action.first_due_on
        if days > 0 and not is_moved and _at(action.first_due_on, 9) <= now < closed_at:
            later = closed_at.date() + timedelta(days=2)
            moved_at = max(_at(action.first_due_on, 9), action.created_at)
            reviews.move_due(lead, action, due_on=later, reason="More teams to ask", now=moved_at)
            done += 1
        elif closed_at <= now:
            reviews.close_action(lead, action, outcome="DONE", now=closed_at)
            done += 1
    return done


def _drafts(organization: Organization) -> Iterator[WeeklyReview]:
    drafts = WeeklyReview.objects.filter(organization=organization, state=WeeklyReview.State.DRAFT)
    yield from drafts.order_by("starts_on")


def _decide(review: WeeklyReview, lead: User, *, now: datetime, is_published: bool) -> int:
    """An action for every headline that is off target and has none, and one of the usual ones."""
    if review.actions.exists() or not is_published:
        return 0
    page = review_queries.page_of(review, day=now.date())
    wanted = [block.kpi for block in review_queries.blocks(page) if block.kpi]
    for number, kpi in enumerate(dict.fromkeys(wanted)):
        text = _WORK.get(kpi) or f"Find out what moved {kpis.registry()[kpi].name}"
        _add(review, lead, text=text, kpi=kpi, number=number, now=now)
    usual = _OTHERS[review.iso_week % len(_OTHERS)]
    _add(review, lead, text=usual, kpi="", number=len(wanted), now=now)
    if not review.headline.strip():
        reviews.write(
            lead,
            review,
            answer=review.proposed_answer,
            headline=review.proposed_headline or "There is not enough data yet to say.",
            narrative=review.narrative,
            now=now,
        )
    done = len(wanted) + 1 + narrative.speak(review, page, lead, now=now)
    try:
        reviews.publish(lead, review, now=now)
    except reviews.CannotPublish:
        # It stays a draft, and its page says what is missing.
        return done
    return done + 1 + narrative.correct(review, lead, now=now)


def _add(
    review: WeeklyReview, lead: User, *, text: str, kpi: str, number: int, now: datetime
) -> None:
    owner = _OWNERS[_draw(str(review), text, "owner", len(_OWNERS))]
    due_on = now.date() + timedelta(days=7 + 7 * (_draw(str(review), text, "due", 2)) + number % 3)
    reviews.add_action(lead, review, text=text, owner=owner, due_on=due_on, kpi=kpi, now=now)


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=UTC)


def _draw(one: str, other: str, what: str, below: int) -> int:
    """A number from 0, the same for the same words."""
    digest = blake2b(f"{one}|{other}|{what}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % below
