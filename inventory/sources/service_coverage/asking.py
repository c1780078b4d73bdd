"""How a service is asked, and what its answer is worth when it is refused or cut short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inventory import aws
from inventory.facts import Fact, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    Read = Callable[[aws.Client, Collection[str]], Iterator[Reading]]


@dataclass(frozen=True, slots=True)
class Service:
    """A service with a delegated administrator.

    `client` is botocore's name. `read(client, accounts)` yields what the administrator in `client`
    tells of its Region; an account of `accounts` that a complete list leaves out is not covered. It
    raises a SourceError where it gets no further; what it has yielded by then stands.
    """

    name: str
    client: str
    principal: str
    facts: tuple[Fact, ...]
    read: Read


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service told; `problem` is why it is not all, None when it is."""

    readings: tuple[Reading, ...]
    problem: aws.SourceError | None


def ask(
    service: Service,
    client: aws.Client,
    *,
    accounts: Collection[str],
    is_administrator: bool = True,
    beat: Callable[[int], None] = lambda told: None,
) -> Answer:
    """Ask `client` about these accounts in its Region; `beat` is told how many readings there are.

    A refusal is a DENIED reading of every fact that was not told before it, and a Region without
    the service an UNAVAILABLE one. An account that does not administer the service for the
    organisation (`is_administrator` False) has members, but no complete list of them.
    """
    wanted = [(account_id, fact) for account_id in sorted(accounts) for fact in service.facts]
    if not client.is_offered:
        absent = (
            Reading(account_id, fact, region=client.region, state="UNAVAILABLE")
            for account_id, fact in wanted
        )
        return Answer(tuple(absent), None)
    told = service.read(client, accounts if is_administrator else ())
    return gather(told, wanted=wanted, region=client.region, beat=beat)


def gather(
    readings: Iterator[Reading],
    *,
    wanted: Iterable[tuple[str, Fact]],
    region: str,
    beat: Callable[[int], None],
) -> Answer:
    """Take the readings as far as they come; a refusal says DENIED of what was not told before it."""
    told: list[Reading] = []
    try:
        for reading in readings:
            told.append(reading)
            beat(len(told))
    except aws.Denied as error:
        known = {(reading.account_id, reading.key) for reading in told}
        denied = (
            Reading(
                account_id,
                fact,
                region=region,
                state="DENIED",
                missing_permission=error.permission,
            )
            for account_id, fact in wanted
            if (account_id, fact) not in known
        )
        return Answer((*told, *denied), error)
    except aws.SourceError as error:
        return Answer(tuple(told), error)
    return Answer(tuple(told), None)


def known(client: aws.Client, account_id: str, fact: Fact, is_on: bool) -> Reading:
    """Return a fact of an account in the client's Region."""
    return Reading(account_id, fact, is_on, region=client.region)


def left_out(
    client: aws.Client, fact: Fact, *, accounts: Collection[str], listed: Collection[str]
) -> Iterator[Reading]:
    """Yield that the service is off in the accounts which a complete list of members leaves out.

    The administrator is no member of its own.
    """
    for account_id in sorted(set(accounts) - set(listed) - {client.account_id}):
        yield known(client, account_id, fact, False)


def not_configured(client: aws.Client, operation: str, detail: str) -> aws.NotConfigured:
    """Return the error for a service that the administrator itself has off (`operation`: PascalCase)."""
    return aws.NotConfigured(detail, **client.place(operation))
