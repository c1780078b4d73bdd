"""What would change if a policy were attached somewhere, or detached; as the page answers it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from invariants.actions import what_if as actions
from invariants.evaluation import what_if as evaluation
from invariants.models import WhatIf
from invariants.policies.what_if import RCP, SCP, CannotAsk
from invariants.queries import what_if_answers
from inventory.queries import tree

_SHORT: Final = {"scp": SCP, "rcp": RCP}


class Command(BaseCommand):
    help = (
        "Ask what would change if a policy were attached to an OU or account, or detached. Nothing is "
        "changed in AWS. Ends with 1 where something that must stay possible would be denied."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument(
            "--policy", metavar="FILE", help="JSON of a policy; - reads standard input"
        )
        which.add_argument("--invariant", metavar="KEY", help="the policy of an invariant")
        which.add_argument("--aws", metavar="ID", help="a policy in AWS, by its id")
        parser.add_argument(
            "--type", default="scp", help="of --policy: scp, rcp or AWS's name of a type"
        )
        parser.add_argument(
            "--target", required=True, help="id, account number, name or path of an OU"
        )
        parser.add_argument(
            "--detach", action="store_true", help="detach it instead of attaching it"
        )
        parser.add_argument("--json", action="store_true", help="print the whole answer as JSON")

    def handle(self, **options: Any) -> None:
        organization = tree.organization()
        if organization is None:
            raise CommandError("Nothing has been collected yet: run manage.py collect first.")
        question = self._question(options)
        try:
            row, _ = actions.ask(organization, question, by=None, now=timezone.now())
        except CannotAsk as refused:
            raise CommandError(refused.words) from refused
        evaluation.answer(str(row.pk), now=timezone.now())
        row.refresh_from_db()
        if row.state != WhatIf.State.DONE or row.result is None:
            raise CommandError(
                row.error or "Somebody else is answering the same question: ask again."
            )
        if options["json"]:
            self.stdout.write(json.dumps(row.result, ensure_ascii=False, indent=1))
        else:
            self.stdout.write("\n".join(lines(row)))
        if row.result["sums"]["HARM"]["probes"]:
            raise SystemExit(1)

    def _question(self, options: dict[str, Any]) -> actions.Question:
        act = WhatIf.Act.DETACH if options["detach"] else WhatIf.Act.ATTACH
        target = options["target"]
        if options["invariant"]:
            return actions.Question(act, WhatIf.Source.INVARIANT, target, options["invariant"])
        if options["aws"]:
            return actions.Question(act, WhatIf.Source.AWS, target, options["aws"])
        kind = str(options["type"])
        text, name = self._read(options["policy"])
        return actions.Question(
            act,
            WhatIf.Source.TEXT,
            target,
            text=text,
            policy_type=_SHORT.get(kind.lower(), kind.upper()),
            name=name,
        )

    def _read(self, path: str) -> tuple[str, str]:
        if path == "-":
            return self.stdin_text(), "standard input"
        try:
            return Path(path).read_text(encoding="utf-8"), Path(path).name
        except UnicodeDecodeError as error:
            raise CommandError(f"{path} is no UTF-8 text. Save it as UTF-8.") from error
        except OSError as error:
            raise CommandError(
                f"{path} cannot be read: {error.strerror}. Check the path."
            ) from error

    def stdin_text(self) -> str:
        return sys.stdin.read()


def lines(row: WhatIf) -> Iterator[str]:
    """The answer in plain text, the gravest first."""
    answer = what_if_answers.read(row.result or {})
    done = "Detach" if row.act == WhatIf.Act.DETACH else "Attach"
    where = "from" if row.act == WhatIf.Act.DETACH else "to"
    yield (
        f"{done} {row.policy_name} {where} {row.target_name} ({row.target_id}): "
        f"{answer['accounts'].count} accounts, {answer['stacks']} distinct stacks, "
        f"{answer['probes']} probes of {answer['invariants']} invariants"
    )
    if answer["doubt"]:
        yield f"It may be otherwise: {answer['doubt']}"
    yield from (f"AWS refuses it: {text}" for text in answer["refusals"])
    for part in answer["parts"]:
        if not part.changes:
            continue
        yield f"{part.title}: {part.probes} probes, {part.accounts} accounts"
        for one in part.changes:
            yield f"  {one['invariant']}: {one['probe']}, in {one['group'].count} accounts. {one['why']}"
    yield f"Unchanged: {answer['unchanged']} probes, {answer['still_unknown']} of them unknown"
    for entry in (answer["values"] or {}).get("changes", ()):
        yield f"  {entry['path']}: {entry['before'] or 'not set'} -> {entry['after'] or 'not set'}"
    room, size = answer["slots"], answer["size"]
    yield f"Policies there: {room['before']} -> {room['after']} of {room['limit'] or 'no known limit'}"
    yield f"Size: {size['after']} of {size['limit'] or 'no known limit'} characters"
    yield from (f"Lint {one['severity']} {one['rule']}: {one['message']}" for one in answer["lint"])
    yield f"Kept until {row.expires_at:%Y-%m-%d} at /invariants/what-if/{row.pk}/"
