"""Why no edit is made, and what helps instead."""


class Unfit(ValueError):
    """The edit cannot be made as asked for: `why`, and `instead`, both in plain sentences."""

    def __init__(self, why: str, instead: str) -> None:
        super().__init__(f"{why} {instead}")
        self.why = why
        self.instead = instead


class AlreadySo(Unfit):
    """Nothing has to be changed for it."""


class HeldByAnother(AlreadySo):
    """All that is there of it is another exception's as well, which holds on."""
