"""Write CloudTrail's files of a trail: `python -m sandbox.trails --folder F --until 2026-11-01T12:00:00Z --days 30`.

Denied calls of all accounts, one file an account, Region and day, as a trail of the organisation delivers them to S3.
Source: CloudTrail user guide, "Finding your CloudTrail log files".
"""

import argparse
import gzip
import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from sandbox import chance, org
from sandbox.history import denials
from sandbox.model import Document, Org
from sandbox.moments import DAY, seconds_of


def write(organization: Org, folder: Path, *, since: int, until: int) -> list[Path]:
    """Write the files of the denied calls from a moment on and before another; return them, oldest first.

    Moments are seconds since 1970. A file that is there already is written again, with the same content.
    """
    by_file: dict[tuple[str, str, str], list[Document]] = {}
    for record in denials.records(organization, since, until):
        key = (record["eventTime"][:10], record["recipientAccountId"], record["awsRegion"])
        by_file.setdefault(key, []).append(record)
    return [
        _write_file(organization, folder, *key, records) for key, records in sorted(by_file.items())
    ]


def _write_file(
    organization: Org, folder: Path, day: str, account: str, region: str, records: list[Document]
) -> Path:
    stamp = f"{day.replace('-', '')}T2355Z"
    mark = chance.letters(chance.seed_of(organization.seed, day, account, region), 16)
    name = f"{account}_CloudTrail_{region}_{stamp}_{mark}.json.gz"
    place = folder / "AWSLogs" / organization.organization_id / account / "CloudTrail" / region
    file = place.joinpath(*day.split("-"), name)
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"Records": records}, separators=(",", ":"))
    file.write_bytes(gzip.compress(text.encode(), mtime=0))
    return file


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.trails", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--until", type=datetime.fromisoformat, help="default: now")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--accounts", type=int, default=60)
    parser.add_argument(
        "--anchor", type=date.fromisoformat, help="install day; default: of --until"
    )
    given = parser.parse_args(arguments)
    until = given.until or datetime.now(UTC)
    if until.tzinfo is None:
        parser.error("--until needs a time zone, such as 2026-11-01T12:00:00Z")
    organization = org.build(
        seed=given.seed, accounts=given.accounts, anchor=given.anchor or until.date()
    )
    moment = seconds_of(until)
    files = write(organization, given.folder, since=moment - given.days * DAY, until=moment)
    print(f"{len(files)} files below {given.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
