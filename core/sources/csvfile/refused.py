"""Why a whole file is not read."""


class Refused(ValueError):
    """The file isn't CSV, or not one of quotes. The text goes on from the file's name: `is empty; it needs …`."""
