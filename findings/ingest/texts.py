"""Text that Postgres takes."""


def storable(text: str) -> str:
    """Return the text without NUL, and with "?" for halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def is_storable(text: str) -> bool:
    """Say whether Postgres takes the text as it is."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
