"""Runs every script of the page, one after the other, and publishes what came of them.

make bench, or: python -m deploy.local.services --run -- python -m bench [SCRIPT ...]
"""

import argparse
import subprocess
import sys
import time

from bench import publish


def main() -> int:
    """Return 1 where a claim does not hold or a script breaks off; the others run all the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help=", ".join(publish.SECTIONS))
    wanted = parser.parse_args().scripts
    if strange := set(wanted) - publish.SECTIONS.keys():
        parser.error(f"no script {', '.join(sorted(strange))}")
    start, failed = time.perf_counter(), []
    for name in publish.SECTIONS:
        if wanted and name not in wanted:
            continue
        print(f"== bench/{name}.py", flush=True)
        # What an earlier run found must not pass for this one's.
        (publish.RESULTS / f"{name}.json").unlink(missing_ok=True)
        script = publish.ROOT / "bench" / f"{name}.py"
        if subprocess.run([sys.executable, str(script)], cwd=publish.ROOT, check=False).returncode:
            failed.append(name)
    publish.main()
    print(f"{(time.perf_counter() - start) / 60:.0f} min; failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
