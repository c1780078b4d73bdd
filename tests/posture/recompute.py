"""A review's numbers made again from its CSV alone, as somebody with a spreadsheet would do it.

On purpose this imports nothing of the product: it is a second, plain implementation. Over files that
were exported from a running Parapet:

    python tests/posture/recompute.py FOLDER
"""

import csv
import sys
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path

AMOUNTS = ("numerator", "denominator", "covered", "expected")
TENTH, POINTS = Decimal("0.1"), Decimal("1e-7")
WORST = ("OFF_TARGET", "WATCH", "ON_TARGET", "TOO_FEW", "NO_DATA", "NO_TARGET")


def read(text):
    """The lines of a file by their `record`."""
    found = defaultdict(list)
    for line in csv.DictReader(text.splitlines()):
        found[line["record"]].append(line)
    return found


def number(text):
    return Decimal(text) if text else None


def rounded(value, places):
    """A Fraction, half up."""
    scaled = abs(value) * 10**places
    whole = int(scaled)
    whole += scaled - whole >= Fraction(1, 2)
    return Decimal(whole if value >= 0 else -whole).scaleb(-places)


def sums(lines):
    """(numerator, denominator, covered, expected) by (KPI, part, day)."""
    found = defaultdict(lambda: dict.fromkeys(AMOUNTS, Decimal(0)))
    for line in [*lines["account"], *lines["rest"]]:
        key = (line["kpi"], line["part"], line["day"])
        for name in AMOUNTS:
            found[key][name] += Decimal(line[name])
    return found


def value(card, amounts):
    if amounts is None or not amounts["covered"] or not amounts["expected"]:
        return None
    top, bottom = amounts["numerator"], amounts["denominator"]
    if card["unit"] == "COUNT":
        return top.quantize(Decimal(1), ROUND_HALF_UP)
    if not bottom:
        return None
    factor = 1 if card["unit"] == "DAYS" else 100
    # A tie that long decimals have missed by a hair is found again first.
    shown = (factor * top / bottom).quantize(POINTS, ROUND_HALF_UP).quantize(TENTH, ROUND_HALF_UP)
    if card["unit"] in ("PERCENT", "SCORE"):
        if card["better"] == "higher" and top < bottom:
            return min(shown, Decimal("99.9"))
        if card["better"] == "lower" and top > 0:
            return max(shown, TENTH)
    return shown


def status(card, amounts):
    shown = value(card, amounts)
    target, amber = number(card["target"]), number(card["amber"])
    if shown is None:
        return "NO_DATA"
    if target is None:
        return "NO_TARGET"
    if card["unit"] == "PERCENT" and card["weighted"] == "false" and amounts["denominator"] < 20:
        return "TOO_FEW"
    sign = 1 if card["better"] == "higher" else -1
    if sign * shown >= sign * target:
        return "ON_TARGET"
    if amber is not None and sign * shown >= sign * amber:
        return "WATCH"
    return "OFF_TARGET"


def status_of(card, parts, made_of, facts, weeks=()):
    """The worst of a KPI's own and of its parts' that have a target; the letter may cap the score."""
    own = status(card, made_of.get((card["kpi"], "", card["day"])))
    if own == "NO_DATA":
        return own
    if card["kpi"] == "K28" and card["target"]:
        held = [number(week["value"]) <= 0 for week in weeks[-4:] if week["value"]]
        if sum(held) >= 3 or len(held) - sum(held) >= 2:
            own = "ON_TARGET" if sum(held) >= 3 else "OFF_TARGET"
    letter = facts["letter_of_day"]
    if card["kpi"] == "K1" and letter not in ("", "A", "B") and letter != facts["letter_uncapped"]:
        return "OFF_TARGET"
    beside, is_doubtful = [], own == "TOO_FEW"
    for part in parts:
        amounts = made_of.get((part["kpi"], part["part"], card["day"]))
        if part["target"]:
            beside.append(status(part, amounts))
            is_doubtful |= beside[-1] == "TOO_FEW" and not reaches(part, value(part, amounts))
    own_amounts = made_of.get((card["kpi"], "", card["day"]))
    is_doubtful |= own_amounts["covered"] * 100 < own_amounts["expected"] * 80
    found = min([own, *(one for one in beside if one != "NO_DATA")], key=WORST.index)
    return "TOO_FEW" if is_doubtful and found == "ON_TARGET" else found


def reaches(card, shown):
    sign = 1 if card["better"] == "higher" else -1
    return sign * shown >= sign * number(card["target"])


def limits(values):
    """(mean, low, high) of the first twelve known values, None with fewer."""
    known = [place for place, one in enumerate(values) if one is not None]
    if len(known) < 12:
        return None
    base = [None if one is None else Fraction(one) for one in values[: known[11] + 1]]
    own = [one for one in base if one is not None]
    ranges = [
        abs(base[n] - base[n - 1])
        for n in range(1, len(base))
        if base[n] is not None and base[n - 1] is not None
    ]
    mean = sum(own) / len(own)
    reach = Fraction(266, 100) * sum(ranges) / len(ranges)
    return mean, mean - reach, mean + reach


def signals(values):
    """Places beyond a limit, in a run of eight, or three of four nearer to a limit."""
    found = limits(values)
    if found is None:
        return set()
    mean, low, high = found
    exact = [None if one is None else Fraction(one) for one in values]
    places = {n for n, one in enumerate(exact) if one is not None and not low <= one <= high}
    for sign in (1, -1):
        for n in range(len(exact) - 7):
            if all(one is not None and sign * (one - mean) > 0 for one in exact[n : n + 8]):
                places |= set(range(n, n + 8))
        edge = (mean + (high if sign > 0 else low)) / 2
        for n in range(len(exact) - 3):
            near = [
                n + k
                for k, one in enumerate(exact[n : n + 4])
                if one is not None and sign * (one - edge) > 0
            ]
            if len(near) >= 3:
                places |= set(near)
    return places


def share(weight, passed, failed):
    if not weight or not passed + failed:
        return Decimal(0), Decimal(0)
    part = (weight * passed / (passed + failed)).quantize(Decimal("1e-10"), ROUND_HALF_UP)
    return part, weight


def split(lines):
    """Points of exits, posture, exceptions, entries and in total, from cells that did not stay."""
    (first, then) = sorted(lines["whole"], key=lambda line: line["day"])
    before = Decimal(first["numerator"]), Decimal(first["denominator"])
    after = Decimal(then["numerator"]), Decimal(then["denominator"])
    cells = defaultdict(dict)
    for line in lines["cell"]:
        side = "before" if line["day"] == first["day"] else "after"
        counts = [int(line[name]) for name in ("passed", "failed", "excepted")]
        cells[line["account_id"], line["control_id"]][side] = (Decimal(line["weight"]), *counts)
    moved = {"exits": [0, 0], "exceptions": [0, 0], "entries": [0, 0]}

    def add(part, shares, sign):
        for place in (0, 1):
            moved[part][place] += sign * shares[place]

    for cell in cells.values():
        weight_0, passed_0, failed_0, excepted_0 = cell["before"]
        weight_1, passed_1, failed_1, excepted_1 = cell["after"]
        was = share(weight_0, passed_0, failed_0)
        now = share(weight_1, passed_1, failed_1)
        if was[1] and not now[1]:
            add("exits", was, -1)
        if now[1] and not was[1]:
            add("entries", now, 1)
        if was[1] and now[1]:
            failing = failed_1 + excepted_1
            as_before = share(weight_1, passed_1, failing - min(excepted_0, failing))
            add("exceptions", now, 1)
            add("exceptions", as_before, -1)
    return levels(before, after, moved)


def levels(before, after, moved):
    rest = [
        after[place] - before[place] - sum(shares[place] for shares in moved.values())
        for place in (0, 1)
    ]
    steps = {
        "exits": moved["exits"],
        "posture": rest,
        "exceptions": moved["exceptions"],
        "entries": moved["entries"],
    }
    stage, shown = list(before), [percent(before)]
    for shares in steps.values():
        stage = [stage[place] + shares[place] for place in (0, 1)]
        shown.append(percent(stage) if stage[1] > 0 else shown[-1])
    found = {part: shown[n + 1] - shown[n] for n, part in enumerate(steps)}
    return found | {"total": shown[-1] - shown[0]}


def percent(amounts):
    return (100 * amounts[0] / amounts[1]).quantize(POINTS, ROUND_HALF_UP)


class Found:
    """What was compared, and where a file says something else than its lines give."""

    def __init__(self):
        self.compared = defaultdict(int)
        self.differ = []

    def compare(self, what, name, told, found):
        self.compared[what] += 1
        if told != found:
            self.differ.append(f"{what} {name}: the file says {told}, its lines give {found}")


def check(text):
    """All numbers of a file against the lines that they are made of."""
    lines, found = read(text), Found()
    made_of = sums(lines)
    facts = {line["name"]: line["text"] for line in lines["review"]}
    for card in [*lines["headline"], *lines["kpi"]]:
        check_amounts(card, lines, made_of, facts, found)
        check_limits(card, lines, found)
    if lines["change"] and not lines["hidden"]:
        told = {line["part"]: Decimal(line["value"]) for line in lines["change"]}
        for part, points in split(lines).items():
            found.compare("split", part, told[part], points)
    return found


def check_amounts(card, lines, made_of, facts, found):
    kpi = card["kpi"]
    own = made_of.get((kpi, "", card["day"]))
    found.compare("value", kpi, number(card["value"]), value(card, own))
    for name in AMOUNTS if own else ():
        found.compare("amount", f"{kpi} {name}", number(card[name]), own[name])
    parts = [part for part in lines["part"] if part["kpi"] == kpi]
    for part in parts:
        amounts = made_of.get((kpi, part["part"], card["day"]))
        found.compare("part", f"{kpi} {part['part']}", number(part["value"]), value(part, amounts))
    weeks = [line for line in lines["week"] if line["kpi"] == kpi]
    found.compare("status", kpi, card["status"], status_of(card, parts, made_of, facts, weeks))
    if card["delta"]:
        # The only other day of the KPI in the file.
        (before,) = {day for one, _, day in made_of if one == kpi and day != card["day"]}
        then = value(card, made_of[kpi, "", before])
        found.compare("previous", kpi, number(card["previous"]), then)
        found.compare("delta", kpi, Decimal(card["delta"]), number(card["value"]) - then)


def check_limits(card, lines, found):
    earlier, weeks = (
        [line for line in lines[kind] if line["kpi"] == card["kpi"]] for kind in ("earlier", "week")
    )
    values = [number(line["value"]) for line in (*earlier, *weeks)]
    made = limits(values)
    told = tuple(number(card[name]) for name in ("mean", "low", "high"))
    wanted = tuple(rounded(one, 4) for one in made) if made else (None,) * 3
    found.compare("limits", card["kpi"], told, wanted)
    marked = {n for n, line in enumerate(weeks, len(earlier)) if line["text"] == "signal"}
    seen = {place for place in signals(values) if place >= len(earlier)}
    found.compare("signals", card["kpi"], marked, seen)


def check_across(texts):
    """What each file says of earlier weeks, against those weeks' own files; oldest file first."""
    own, found = {}, Found()
    for text in texts:
        lines = read(text)
        week = week_of(lines)
        for card in [*lines["headline"], *lines["kpi"]]:
            own[week[-3:], card["kpi"]] = card["value"]
        for line in lines["week"]:
            key = line["week"][-3:], line["kpi"]
            if key in own:
                found.compare("history", f"{week} of {key}", line["value"], own[key])
    return found


def week_of(lines):
    return lines["review"][0]["week"]


def say(line):
    sys.stdout.write(f"{line}\n")


def main(folder):
    """Check every CSV of the folder; returns how many numbers differ."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.csv"))}
    if not texts:
        sys.exit(f"{folder} has no CSV files.")
    results = {name: check(text) for name, text in texts.items()}
    results["all weeks"] = check_across(texts.values())
    for name, found in results.items():
        counts = ", ".join(f"{count} {what}" for what, count in found.compared.items())
        say(f"{name}: {len(found.differ)} differ of {counts}")
        for line in found.differ:
            say(f"    {line}")
    return sum(len(found.differ) for found in results.values())


if __name__ == "__main__":
    sys.exit(bool(main(Path(sys.argv[1]))))
