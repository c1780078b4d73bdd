"""Amazon Inspector: what it scans in its administrator's account and members in a Region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inventory.aws import Unavailable
from inventory.facts import Fact, Reading
from inventory.sources.service_coverage.asking import Service, known, left_out

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from inventory.aws import Client

_ACTIONS = ("inspector2:BatchGetAccountStatus", "inspector2:ListMembers")
# The member role serves where another account than the hub's is the administrator.
PERMISSIONS: dict[str, tuple[str, ...]] = {"hub": _ACTIONS, "member": _ACTIONS}
PAGE_SIZE = 50
BATCH = 100
_SCANS = {
    Fact.INSPECTOR_EC2: "ec2",
    Fact.INSPECTOR_ECR: "ecr",
    Fact.INSPECTOR_LAMBDA: "lambda",
}


def read_scans(client: Client, accounts: Collection[str]) -> Iterator[Reading]:
    """Yield what Inspector scans in each account (1 call for 50 members, and 1 for 100).

    :raises SourceError: Unavailable where AWS could not tell the state of some members
    """
    members = client.items("list_members", "members", onlyAssociated=True, maxResults=PAGE_SIZE)
    listed = [raw["accountId"] for raw in members]
    for fact in _SCANS:
        yield from left_out(client, fact, accounts=accounts, listed=listed)
    wanted = sorted({client.account_id, *listed})
    failed: list[Mapping[str, Any]] = []
    for start in range(0, len(wanted), BATCH):
        answer = client.call("batch_get_account_status", accountIds=wanted[start : start + BATCH])
        for raw in answer["accounts"]:
            yield from _scans_of(client, raw)
        failed += answer.get("failedAccounts", [])
    yield from _refused(client, failed)
    _raise_for(client, [raw for raw in failed if raw.get("errorCode") != "ACCESS_DENIED"])


def _scans_of(client: Client, raw: Mapping[str, Any]) -> Iterator[Reading]:
    for fact, name in _SCANS.items():
        # A kind of scan that the Region does not have is left out of the answer.
        if state := raw["resourceState"].get(name):
            yield known(client, raw["accountId"], fact, state["status"] == "ENABLED")
        else:
            yield Reading(raw["accountId"], fact, region=client.region, state="UNAVAILABLE")


def _refused(client: Client, failed: Sequence[Mapping[str, Any]]) -> Iterator[Reading]:
    for raw in failed:
        for fact in _SCANS:
            if raw.get("errorCode") == "ACCESS_DENIED":
                yield Reading(
                    raw["accountId"],
                    fact,
                    region=client.region,
                    state="DENIED",
                    missing_permission="inspector2:BatchGetAccountStatus",
                )


def _raise_for(client: Client, failed: Sequence[Mapping[str, Any]]) -> None:
    if failed:
        first = failed[0]
        detail = (
            f"Inspector could not tell the state of {len(failed)} of its members, "
            f"{first['accountId']} first: {first.get('errorCode', 'no reason given')}."
        )
        raise Unavailable(detail, **client.place("BatchGetAccountStatus"))


SERVICE = Service(
    "Amazon Inspector", "inspector2", "inspector2.amazonaws.com", tuple(_SCANS), read_scans
)
