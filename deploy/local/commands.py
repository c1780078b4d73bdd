"""`python -m deploy.local.commands WORD ... + WORD ...`: several manage.py commands in one process.

Loading Django takes longer than most of them.
"""

import runpy
import sys
from collections.abc import Iterator, Sequence

SEPARATOR = "+"
PROMPT = "$ manage.py "


def split(words: Sequence[str]) -> Iterator[list[str]]:
    """The commands, in order."""
    command: list[str] = []
    for word in words:
        if word == SEPARATOR:
            yield command
            command = []
        else:
            command.append(word)
    yield command


def main() -> None:
    for command in list(split(sys.argv[1:])):
        sys.argv = ["manage.py", *command]
        # Says in the log what the lines below it come from.
        sys.stdout.write(f"{PROMPT}{' '.join(command)}\n")
        sys.stdout.flush()
        runpy.run_path("manage.py", run_name="__main__")


if __name__ == "__main__":
    main()
