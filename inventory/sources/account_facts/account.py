"""One pass over an account: which calls are made, in which order, by whom."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

from inventory import aws
from inventory.facts import Fact
from inventory.sources.account_facts import (
    central_root,
    cloud_trail,
    config,
    contacts,
    credential_report,
    ec2,
    s3,
    summary,
)
from inventory.sources.account_facts.answers import Answers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from inventory.sources.account_facts.answers import Value
    from inventory.sources.account_facts.cloud_trail import Trail


class Way(Protocol):
    """How a service is reached as one role, in a Region (None is the home Region)."""

    def __call__(self, service: str, region: str | None = None) -> aws.Client: ...


def read_account(
    account_id: str,
    *,
    member: Way,
    hub: Way | None,
    regions: Sequence[str],
    now: datetime,
    pause: Callable[[float], None] = time.sleep,
) -> Answers:
    """Return what an account tells of itself, and in each of its enabled Regions.

    Calls: 8 or 9 for the account and 5 for each Region; without a trail of all Regions 1 more for each.

    :param hub: who asks for the contacts; None = the member role, as for the management account, which
        nobody else may ask
    :param regions: the enabled Regions, one at least
    """
    answers = Answers(account_id)
    iam = member("iam")
    answers.ask(summary.FACTS, partial(summary.read_summary, iam))
    started: list[aws.SourceError] = []
    if not answers.blocked:
        try:
            # AWS works on it while the rest is asked.
            credential_report.start_report(iam)
        except aws.SourceError as error:
            started.append(error)
    client = member("s3control")
    answers.ask(s3.FACTS, partial(s3.read_public_access_block, client, account_id=account_id))
    _read_contacts(answers, member=member, hub=hub)
    for region in regions:
        _read_region(answers, member, region)
    _read_trails(answers, member, regions)
    # A report of before may be there although no new one may be asked for.
    answers.ask(credential_report.FACTS, partial(_read_report, iam, started, now=now, pause=pause))
    return answers


def read_organization(management_account_id: str, *, features: aws.Client, trails: Way) -> Answers:
    """Return what holds for the whole organisation, as facts of its management account (3 calls).

    :param features: of IAM, as the management account or the delegated administrator of IAM
    :param trails: any account of the organisation, since each sees its trail
    """
    answers = Answers(management_account_id)
    answers.ask(central_root.FACTS, partial(central_root.read_features, features))
    # Another role: that the first cannot be taken on says nothing of it.
    answers.blocked = None
    answers.ask((Fact.ORGANIZATION_TRAIL,), partial(_organization_trail, trails))
    return answers


def _read_report(
    client: aws.Client,
    started: list[aws.SourceError],
    *,
    now: datetime,
    pause: Callable[[float], None],
) -> dict[Fact, Value]:
    try:
        return credential_report.read_report(client, now=now, pause=pause)
    except aws.SourceError as error:
        # Why there is none is told by whoever refused to make it.
        raise (started or [error])[0] from error


def _read_contacts(answers: Answers, *, member: Way, hub: Way | None) -> None:
    asks_hub = hub is not None
    for fact in contacts.KINDS:
        if hub is not None and asks_hub:
            client = hub("account")
            try:
                found = contacts.is_set(client, fact, account_id=answers.account_id)
            except aws.Denied:
                # Account management is not delegated to the hub's account: the account tells it itself.
                asks_hub = False
            except aws.SourceError as error:
                answers.refuse((fact,), error)
                continue
            else:
                answers.note(fact, found)
                continue
        answers.ask((fact,), partial(_own_contact, member("account"), fact))


def _own_contact(client: aws.Client, fact: Fact) -> dict[Fact, Value]:
    return {fact: contacts.is_set(client, fact)}


def _read_region(answers: Answers, member: Way, region: str) -> None:
    client = member("ec2", region)
    for fact, read in ec2.READERS.items():
        answers.ask((fact,), partial(_single, fact, partial(read, client)), region=region)
    recorder = partial(config.is_recording, member("config", region))
    answers.ask(
        (Fact.CONFIG_RECORDER,), partial(_single, Fact.CONFIG_RECORDER, recorder), region=region
    )


def _single(fact: Fact, read: Callable[[], Value]) -> dict[Fact, Value]:
    return {fact: read()}


def _read_trails(answers: Answers, member: Way, regions: Sequence[str]) -> None:
    """One trail of all Regions answers for each; only without one is each Region asked for its own."""
    first = member("cloudtrail")
    if first.region not in regions:
        first = member("cloudtrail", regions[0])
    found: list[Trail] = []
    kinds: frozenset[str] = frozenset()
    failure: list[aws.SourceError] = []
    if not answers.blocked:
        try:
            found += cloud_trail.read_trails(first, with_shadows=True)
            everywhere = [trail for trail in found if trail.is_multi_region]
            kinds = _kinds(everywhere, member, failure)
        except aws.SourceError as error:
            failure.append(error)
    local = [trail for trail in found if not trail.is_multi_region]
    for region in regions:
        here = local if region == first.region else None
        read = partial(_logs_in, member, region, kinds=kinds, local=here, failure=failure)
        answers.ask((Fact.CLOUDTRAIL,), partial(_single, Fact.CLOUDTRAIL, read), region=region)


def _logs_in(
    member: Way,
    region: str,
    *,
    kinds: frozenset[str],
    local: list[Trail] | None,
    failure: list[aws.SourceError],
) -> bool:
    if kinds == cloud_trail.BOTH:
        return True
    if failure:
        # What could not be looked at may be the trail that is missed.
        raise failure[0]
    if local is None:
        local = list(cloud_trail.read_trails(member("cloudtrail", region), with_shadows=False))
    own = [trail for trail in local if not trail.is_multi_region and trail.home_region == region]
    problems: list[aws.SourceError] = []
    if kinds | _kinds(own, member, problems) == cloud_trail.BOTH:
        return True
    if problems:
        raise problems[0]
    return False


def _kinds(trails: Sequence[Trail], member: Way, failure: list[aws.SourceError]) -> frozenset[str]:
    """Which management events these trails log together; what cannot be told goes to `failure`."""
    kinds: frozenset[str] = frozenset()
    for trail in trails:
        if kinds == cloud_trail.BOTH:
            break
        try:
            kinds |= cloud_trail.kinds_of(member("cloudtrail", trail.home_region), trail)
        except aws.SourceError as error:
            failure.append(error)
    return kinds


def _organization_trail(way: Way) -> dict[Fact, Value]:
    trails = cloud_trail.read_trails(way("cloudtrail"), with_shadows=True)
    of_all = [trail for trail in trails if trail.is_of_organization and trail.is_multi_region]
    logs = (cloud_trail.is_logging(way("cloudtrail", t.home_region), t) for t in of_all)
    return {Fact.ORGANIZATION_TRAIL: any(logs)}
