from decimal import Decimal
from fractions import Fraction


def rounded(value: Fraction, places: int) -> Decimal:
    """Return an exact number with so many decimals, half up (away from zero below zero).

    The division is done once, on whole numbers: a binary or cut-off decimal in between would turn
    some ties the other way.
    """
    scaled = abs(value) * 10**places
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    whole += 2 * rest >= scaled.denominator
    sign = -1 if value < 0 else 1
    return Decimal(sign * whole).scaleb(-places)


def percent(part: int, whole: int) -> Decimal | None:
    """Return 100 * part / whole with one decimal; None where there is no whole."""
    return rounded(Fraction(100 * part, whole), 1) if whole else None
