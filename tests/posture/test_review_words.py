"""What a page says of a frozen week where data is missing: never that all is well."""

from posture.kpis.snapshots import SlaBlock, SlaLine
from posture.queries.review_page import blocks

BANDS = (("up to 7 days", 0), ("over 90 days", 0))


def test_without_data_nobody_is_told_that_nothing_is_overdue():
    unknown = SlaBlock(severities=(SlaLine("CRITICAL", None, None), SlaLine("HIGH", None, None)))
    assert blocks.overdue_title(blocks.overdue_bands(unknown)) == "No data on overdue findings"
    assert blocks.SlaView(unknown.severities[0]).attainment_text == "no data"


def test_known_and_none_is_said_as_such():
    known = SlaBlock(severities=(SlaLine("CRITICAL", 4, 0, BANDS), SlaLine("HIGH", 9, 0, BANDS)))
    title = blocks.overdue_title(blocks.overdue_bands(known))
    assert title == "No CRITICAL or HIGH finding is overdue"
    assert blocks.SlaView(known.severities[0]).attainment_text == "nothing fell due"
