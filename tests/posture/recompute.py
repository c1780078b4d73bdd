"""A review's numbers made again from its CSV alone, as somebody with a spreadsheet would do it.

On purpose this imports nothing of the product: it is a second, plain implementation.
"""

import csv
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

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


def status_of(card, parts, made_of, facts):
    """The worst of a KPI's own and of its parts' that have a target; the letter may cap the score."""
    own = status(card, made_of.get((card["kpi"], "", card["day"])))
    if own == "NO_DATA":
        return own
    is_capped = facts["letter"] not in ("A", "B") and facts["letter"] != facts["letter_uncapped"]
    if card["kpi"] == "K1" and is_capped:
        return "OFF_TARGET"
    beside = [
        status(part, made_of.get((part["kpi"], part["part"], card["day"])))
        for part in parts
        if part["target"]
    ]
    known = [one for one in beside if one != "NO_DATA"]
    if own == "NO_TARGET" and beside:
        return min(known, key=WORST.index) if known else "NO_TARGET"
    return min([own, *known], key=WORST.index)


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
