"""Imports 10,000 and then 1,000,000 findings from a pipe, and reads the same findings in every form.

Claims, each a ratio taken in one run:
- `manage.py import_findings` needs as much memory for the large file as for the small one, within 10 %;
- findings are read out of lines at at least 0.5 of the rate at which they are parsed alone, out of a
  list at at least 0.25.

    python -m deploy.local.services --run -- python bench/import_memory.py [--sizes SIZE ...]
"""

import argparse
import functools
import gzip
import io
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import orjson  # noqa: E402

from bench import asff, ingest  # noqa: E402
from bench.measure import Claim, report  # noqa: E402
from findings.sources.files import read_file  # noqa: E402

SIZES = (10_000, 1_000_000)
READ = 5_000
ROUNDS = 7
LOOK_EVERY = 500


def imported(findings: int) -> dict[str, float]:
    """Peak memory in MB and findings a second of the importer, which reads them from a pipe."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "import_findings", "-", "--no-progress", "--no-rollup"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
    )
    assert process.stdin is not None
    peak = 0
    with process.stdin as pipe:
        for number, line in enumerate(asff.lines(findings)):
            pipe.write(line)
            if number % LOOK_EVERY == 0:
                peak = max(peak, peak_kb(process.pid))
    while process.poll() is None:
        peak = max(peak, peak_kb(process.pid))
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"The importer ended with {process.returncode}")
    seconds = time.perf_counter() - start
    return {"peak_mb": peak / 1024, "findings_a_second": findings / seconds}


def peak_kb(pid: int) -> int:
    """The most memory that a process has had so far; rusage would count that of its parent too."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) if found else 0


def forms() -> dict[str, bytes]:
    lines = list(asff.lines(READ))
    as_list = b"[" + b",".join(line.rstrip() for line in lines) + b"]"
    return {
        "lines": b"".join(lines),
        "packed lines": gzip.compress(b"".join(lines)),
        "list": as_list,
        "envelope": b'{"Findings":' + as_list + b"}",
        "indented list": orjson.dumps(orjson.loads(as_list), option=orjson.OPT_INDENT_2),
    }


def reading() -> dict[str, float]:
    """Findings a second, by form; each round takes them all in turn."""
    contents = forms()
    lines = contents["lines"].splitlines()
    works: dict[str, Callable[[], object]] = {
        "parsing alone": lambda: [orjson.loads(line) and None for line in lines],
    }
    for name, content in contents.items():
        works[name] = functools.partial(count, content)
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - start)
    return {name: READ / statistics.median(seconds) for name, seconds in taken.items()}


def count(content: bytes) -> int:
    return sum(1 for _ in read_file(io.BytesIO(content)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES), metavar="SIZE")
    sizes = sorted(parser.parse_args().sizes)
    ingest.set_up()
    ingest.world()
    rates = reading()
    runs = {size: imported(size) for size in sizes}
    small, large = runs[sizes[0]]["peak_mb"], runs[sizes[-1]]["peak_mb"]
    alone = rates["parsing alone"]
    claims = [
        Claim(f"memory for {sizes[-1]:,} / {sizes[0]:,} findings", large / small, 1.10),
        Claim("reading lines / parsing alone", rates["lines"] / alone, 0.50, is_floor=True),
        Claim("reading a list / parsing alone", rates["list"] / alone, 0.25, is_floor=True),
    ]
    facts = {
        "importer": {
            f"{size:,} findings": {name: round(value, 1) for name, value in run.items()}
            for size, run in runs.items()
        },
        "findings_read_a_second": {name: round(value) for name, value in rates.items()},
    }
    print(facts)
    return report("import_memory", claims, **facts)


if __name__ == "__main__":
    sys.exit(main())
