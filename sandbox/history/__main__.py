"""Print the story as a table of weeks: `python -m sandbox.history --accounts 60 --weeks 26`."""

import argparse
import sys
from datetime import UTC, date, datetime

from sandbox import org
from sandbox.history import table


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.history", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--accounts", type=int, default=60)
    parser.add_argument("--findings", type=int, default=None)
    parser.add_argument("--weeks", type=int, default=26)
    parser.add_argument(
        "--anchor", type=date.fromisoformat, default=None, help="install day; today when not given"
    )
    chosen = parser.parse_args()
    anchor = chosen.anchor or datetime.now(UTC).date()
    invented = org.build(
        seed=chosen.seed, accounts=chosen.accounts, findings=chosen.findings, anchor=anchor
    )
    for line in table.text_of(table.weeks_until_anchor(invented, chosen.weeks)):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
