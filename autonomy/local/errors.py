"""The one error of the local stack: its text says what is wrong and what to do."""


class LocalStackError(Exception):
    """The local stack cannot do what was asked; the message says what to do about it."""
