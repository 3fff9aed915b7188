"""What the engine refuses. Each message is the sentence a person reads."""

from __future__ import annotations


class RuleError(ValueError):
    """A rule says something that the language does not have (AO001)."""

    code = "AO001"

    def __init__(self, *sentences: str) -> None:
        super().__init__(sentences[0])
        self.sentences = sentences


class PolicyError(ValueError):
    """A limit is missing, NULL, not a number or out of range (AO002): never "no limit"."""

    code = "AO002"


class CandidateError(ValueError):
    """A campaign's row cannot be read; that campaign is left alone."""

    code = "AO010"
