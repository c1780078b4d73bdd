"""Fills the database of DATABASE_URL with so many findings."""

import argparse
import time

from bench import world


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("findings", type=int)
    parser.add_argument("--no-payloads", action="store_true")
    wanted = parser.parse_args()
    world.start_django()
    start = time.perf_counter()
    world.fill(wanted.findings, with_payloads=not wanted.no_payloads)
    print(f"filled in {time.perf_counter() - start:.0f} s", flush=True)


main()
