"""What a person can decide on a request, in words: the card beside it."""

from collections.abc import Iterator
from dataclasses import dataclass

from invariants.models.exceptions import ExceptionState, Verb
from invariants.queries.exceptions.page import Page


@dataclass(frozen=True, slots=True)
class Choice:
    """`code` as the form sends it; `does` says what follows; `button` is what is pressed.
    `needs_why`: nothing happens without a comment."""

    code: str
    label: str
    does: str
    button: str
    needs_why: bool = False


def choices_of(page: Page) -> tuple[Choice, ...]:
    return tuple(_choices(page))


def _choices(page: Page) -> Iterator[Choice]:
    first = page.request.requester_name.split(" ")[0]
    if Verb.APPROVE in page.verbs:
        yield from _approval(page)
    if Verb.GRANT in page.verbs:
        does = "Goes ahead for 72 hours at most; others assess and approve it within 48 hours"
        yield Choice("grant", "Grant in an emergency", does, "Grant for 72 hours", needs_why=True)
    if Verb.TRIAGE in page.verbs:
        yield Choice("triage", "Take it up", "Its risk is assessed next", "Take it up")
    if Verb.REQUEST_CHANGES in page.verbs:
        does = f"Goes back to {first} with your comment"
        yield Choice("changes", "Ask for changes", does, "Ask for changes", needs_why=True)
    if Verb.REJECT in page.verbs:
        does = f"Ends here; {first} is told why"
        yield Choice("reject", "Reject", does, "Reject", needs_why=True)


def _approval(page: Page) -> Iterator[Choice]:
    last = page.last_day
    day = f"{last:%-d %b %Y}" if last else "its last day"
    does = f"Until {day}, then it lapses"
    asked = page.request.asked_until
    if last and asked and last < asked:
        does = f"Until {day}, the most at this risk; asked for until {asked:%-d %b %Y}"
    if page.request.state == ExceptionState.EMERGENCY:
        does += ". It was granted in an emergency"
    yield Choice("approve", "Approve", does, f"Approve until {day}")
    yield Choice(
        "less", "Approve for less", "An earlier last day, or a narrower scope", "Approve less"
    )
