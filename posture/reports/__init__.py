"""What leaves the house: the weekly review and scorecards as files and mail, from what pages show."""

from posture.reports.mail import review_mail, without_resources
from posture.reports.review import review_pdf
from posture.reports.scorecard import scorecard_csv, scorecard_pdf
from posture.reports.typesetting import Unprintable

__all__ = [
    "Unprintable",
    "review_mail",
    "review_pdf",
    "scorecard_csv",
    "scorecard_pdf",
    "without_resources",
]
