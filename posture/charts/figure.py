"""A chart with what belongs to it: a title that states the finding, a text summary and its table."""

from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString

from posture.charts.svg import markup


@dataclass(frozen=True, slots=True)
class Figure:
    """Printed in a template it is the whole <figure>; its parts may also be placed one by one.

    `svg` is fixed in pixels and colours when the chart was asked for with `px`. On a page place `plot`
    rather than `svg`: it leaves room for the labels beside the drawing.
    """

    title: str
    summary: str
    svg: SafeString
    table: SafeString
    css: str = ""

    @property
    def plot(self) -> SafeString:
        """The drawing within the room for its labels; one that is wider than a phone scrolls."""
        if not self.css:
            return self.svg
        if "scroll" in self.css:
            region = f'class="{escape(self.css)}" tabindex="0" role="region" aria-label="{escape(self.title)}"'
            return markup([f"<div {region}>{self.svg}</div>"])
        return markup([f'<div class="{escape(self.css)}">{self.svg}</div>'])

    def __html__(self) -> SafeString:
        return markup(
            [
                f'<figure class="fig"><figcaption><b>{escape(self.title)}</b></figcaption>',
                self.plot,
                f'<p class="fig-s">{escape(self.summary)}</p>{self.table}</figure>',
            ]
        )

    def __str__(self) -> str:
        return self.__html__()
