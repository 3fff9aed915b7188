"""What can go wrong with an export or a replay; the docstring or the text is the message."""

from __future__ import annotations


class HistoryError(Exception):
    """A sentence for the person at the terminal, with what to do."""


class ExportError(HistoryError):
    """The file cannot be read as an export."""


class MappingError(HistoryError):
    """The mapping file is wrong."""


class ReplayError(HistoryError):
    """The history or the settings do not allow a replay."""
