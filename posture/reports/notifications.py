"""What people are told of exceptions, as a mail or a message: of one thing, or of several as a digest.

Words that people typed are hostile until shown otherwise: they become one line without ids of resources
or control characters, and in a chat without anything that is markup there.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from invariants.models import ExceptionEvent, ExceptionRequest
from invariants.models.exceptions import ExceptionState, Verb
from invariants.policies.exceptions.actors import WAITS_FOR
from posture.models import NotificationEvent
from posture.models.notifications import NotificationKind
from posture.policies import notifications as policies
from posture.reports.mail import without_resources

_TITLE: Final = 90
_NOTE: Final = 300
_SUBJECT: Final = 150
_WAITS: Final = (NotificationKind.EMERGENCY, NotificationKind.WAIT, NotificationKind.OVERDUE)
# What the page of a record can have chosen when it opens.
_DECIDED: Final = (Verb.TRIAGE, Verb.APPROVE, Verb.GRANT)
_QUOTED: Final = (
    Verb.REQUEST_CHANGES,
    Verb.REJECT,
    Verb.REVOKE,
    Verb.COMMENT,
    Verb.GRANT,
    Verb.REVIEW,
)
# What is markup to a chat (a mention, a link, a code), and what looks like it to people: angle and other
# brackets, signs of full width, operators.
_MARKUP: Final = str.maketrans(
    {
        "<": "\u2039",
        ">": "\u203a",
        "[": "(",
        "]": ")",
        "&": "\uff06",
        "@": "\uff20",
        "*": "\u2217",
        "_": "\u2017",
        "~": "\u223c",
        "`": "'",
        "|": "\u00a6",
        "#": "\uff03",
        "\\": "\u2216",
    }
)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to tell. `says` goes on from `ref`, with what stands between them; `asks` is what the reader can do, "" for nothing; `address` needs the sign-in."""

    kind: str
    ref: str
    title: str
    says: str
    note: str
    asks: str
    address: str

    @property
    def head(self) -> str:
        return f"{self.ref}{self.says}"


@dataclass(frozen=True, slots=True)
class Told:
    """What a line is made of. `step` is what the reader can do, None in a room or where it is nothing."""

    source: NotificationEvent
    kind: str
    zone: ZoneInfo
    step: Verb | None = None
    is_room: bool = False


def line(told: Told) -> Line:
    """What is said of one source."""
    source = told.source
    if source.absence is not None:
        return _absence(told)
    request = source.request
    if request is None:
        raise ValueError(f"{source.key} is about nothing")
    says = _SAYS.get(NotificationKind(told.kind), _event)(told, request)
    asks = policies.STEP_WORDS[told.step] if told.step and told.kind in _WAITS else ""
    return Line(
        kind=policies.BY_CODE[told.kind].name,
        ref=request.ref,
        title=one_line(request.title, _TITLE) or "without a title",
        says=says,
        note=_note(source.event) if source.event else "",
        asks=asks,
        address=_address(request, told.step),
    )


def mail(
    user: User, lines: Sequence[Line], *, kinds: Sequence[str], number: int, is_digest: bool
) -> EmailMultiAlternatives:
    """The mail to one person; its id is the same however often it is sent.

    :param kinds: codes of what is told, by which the reader can stop it.
    :param number: of the delivery that it is.
    """
    shown = lines[: settings.POSTURE_DIGEST_LINES]
    stops = [policies.BY_CODE[code] for code in kinds if not policies.BY_CODE[code].is_mandatory]
    context = {
        "lines": shown,
        "more": len(lines) - len(shown),
        "is_digest": is_digest,
        "name": one_line(user.get_full_name() or user.get_username(), _TITLE),
        "inbox": settings.BASE_URL + reverse("exceptions:inbox"),
        "preferences": settings.BASE_URL + reverse("posture:notifications"),
        "stops": [(kind.name, _stop(kind.code)) for kind in stops],
    }
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    headers = {
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Message-ID": f"<notification-{number}@{host}>",
    }
    if len(stops) == 1 == len(kinds):
        headers["List-Unsubscribe"] = f"<{_stop(stops[0].code)}>"
    message = EmailMultiAlternatives(
        subject=subject(lines, is_digest=is_digest),
        body=render_to_string("posture/mail/notification.txt", context),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[user.email],
        headers=headers,
    )
    message.attach_alternative(
        render_to_string("posture/mail/notification.html", context), "text/html"
    )
    return message


def subject(lines: Sequence[Line], *, is_digest: bool) -> str:
    """One line without ids of resources."""
    if is_digest or len(lines) != 1:
        count = len(lines)
        return f"Parapet: {count} thing{'' if count == 1 else 's'} about exceptions"
    (only,) = lines
    asks = f": {only.asks}" if only.asks else ""
    title = f" ({only.title})" if only.ref else ""
    return one_line(f"Parapet: {only.head}{asks}{title}", _SUBJECT)


def message(lines: Sequence[Line], *, most: int) -> tuple[str, str]:
    """Title and text for a chat: plain, but for the addresses of Parapet itself.

    :param most: characters of the text; the first thing is there, what does not fit is counted.
    """
    inbox = settings.BASE_URL + reverse("exceptions:inbox")
    parts: list[str] = []
    left = most - len(f"\n\nand {len(lines)} more: {inbox}")
    for one in lines[: settings.POSTURE_DIGEST_LINES]:
        part = _chat(one)
        if parts and len(part) + 2 > left:
            break
        left -= len(part) + 2
        parts.append(part)
    if more := len(lines) - len(parts):
        parts.append(f"and {more} more: {inbox}")
    return plain(subject(lines, is_digest=len(lines) > 1)), "\n\n".join(parts)


def _chat(one: Line) -> str:
    asks = f": {one.asks}" if one.asks else ""
    note = f"\n“{plain(one.note)}”" if one.note else ""
    return f"{plain(one.head + asks)}\n{plain(one.title)}{note}\n{one.address}"


def plain(text: str) -> str:
    """The text with nothing in it that a chat takes for markup, a mention or a link."""
    return text.translate(_MARKUP)


def one_line(text: str, most: int) -> str:
    """The text in one line of at most so many characters: no ids of resources, no control characters,
    no turned direction, and no address that a program would make a link of."""
    words = " ".join(without_resources(text).split())
    seen = "".join(char for char in words if unicodedata.category(char)[0] != "C")
    safe = seen.replace("://", "[:]//")
    return safe if len(safe) <= most else safe[: most - 1].rstrip() + "…"


def _address(request: ExceptionRequest, step: Verb | None) -> str:
    """The page of the record; where it is for the reader to decide, with that step chosen, not taken."""
    address = settings.BASE_URL + reverse("exceptions:detail", args=[request.ref])
    return f"{address}?decide={step.lower()}" if step in _DECIDED else address


def _stop(kind: str) -> str:
    return settings.BASE_URL + reverse("posture:notification_stop", args=[kind.lower()])


def _absence(told: Told) -> Line:
    absence = told.source.absence
    if absence is None:
        raise ValueError(f"{told.source.key} is about no absence")
    who = one_line(absence.person_name, _TITLE)
    days = f"from {absence.since:%-d %B} to {absence.until:%-d %B %Y}"
    return Line(
        kind=policies.BY_CODE[told.kind].name,
        ref="",
        title="You approve exceptions instead of them; where one of you has another part, somebody else does.",
        says=f"{who} left their approvals to you {days}",
        note="",
        asks="",
        address=settings.BASE_URL + reverse("exceptions:inbox"),
    )


def _waits(told: Told, request: ExceptionRequest) -> str:
    whom = WAITS_FOR.get(ExceptionState(request.state), "somebody") if told.is_room else "you"
    late = told.kind == NotificationKind.OVERDUE
    due = f", due {_moment(request.due_at, told.zone)}" if request.due_at else ""
    start = " is an emergency, and waits for" if request.is_emergency else " waits for"
    return f"{start} {whom}{', and is over its time' if late else ''}{due}"


def _zombie(told: Told, request: ExceptionRequest) -> str:
    ended = f" on {_moment(request.ended_at, told.zone)}" if request.ended_at else ""
    return f" ended{ended}, and a collection still finds it in AWS: it has to be removed"


def _reminder(_: Told, request: ExceptionRequest) -> str:
    last = f"{request.until:%A, %-d %B %Y}" if request.until else "soon"
    return f" ends: its last day is {last}. Renew it, or let it end"


def _event(told: Told, request: ExceptionRequest) -> str:
    event = told.source.event
    if event is None:
        return f" is {request.get_state_display()}"
    who = one_line(event.who_name, _TITLE)
    what = _what(event, request)
    return f": {who} {what}"


def _what(event: ExceptionEvent, request: ExceptionRequest) -> str:
    verb = Verb(event.verb)
    if verb is Verb.APPROVE and event.state_before == event.state_after:
        return "approved it; another approval is still waited for"
    if verb in (Verb.APPROVE, Verb.GRANT) and request.until:
        return f"{verb.label} it until {request.until:%-d %B %Y}"
    objects = (Verb.REJECT, Verb.TRIAGE, Verb.REVOKE)
    return f"{verb.label} it" if verb in objects else str(verb.label)


def _review(_: Told, __: ExceptionRequest) -> str:
    return " is to be looked at again"


def _mention(told: Told, _: ExceptionRequest) -> str:
    event = told.source.event
    return f": {one_line(event.who_name, _TITLE) if event else 'somebody'} mentions you"


def _note(event: ExceptionEvent) -> str:
    return one_line(event.note, _NOTE) if event.verb in _QUOTED else ""


def _moment(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%a %-d %b, %H:%M}" if moment else ""


_SAYS: Final[Mapping[NotificationKind, Callable[[Told, ExceptionRequest], str]]] = MappingProxyType(
    {
        NotificationKind.EMERGENCY: _waits,
        NotificationKind.WAIT: _waits,
        NotificationKind.OVERDUE: _waits,
        NotificationKind.ZOMBIE: _zombie,
        NotificationKind.REMINDER: _reminder,
        NotificationKind.REVIEW: _review,
        NotificationKind.MENTION: _mention,
    }
)
