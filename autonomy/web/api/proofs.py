"""The API's answer about what an account's own figures prove."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from autonomy.web.api.rows import Answer


class ProofCounts(Answer):
    """How many actions of which kind, and how many people took back."""

    actions: int
    pauses: int
    raised: int
    lowered: int
    resumed: int
    measured: int
    improved: int
    regressed: int
    inconclusive: int
    too_early: int
    taken_back: int
    taken_back_by_people: int
    sentence: str


class ProofClass(Answer):
    """Actions of ten points of confidence: said, and right by what is known now, percent."""

    from_: int = Field(alias="from")
    to: int
    actions: int
    campaigns: int
    said: float
    right: float
    right_low: float
    right_high: float
    enough: bool


class ProofSaid(Answer):
    actions: int
    said: float | None
    right: float | None
    classes: list[ProofClass]
    sentence: str


class ProofMoney(Answer):
    """Predicted against happened, with 90 % intervals; no ratio where no gain was predicted."""

    actions: int
    predicted: float
    happened: float
    happened_low: float
    happened_high: float
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    sentence: str


class ProofRule(Answer):
    rule_id: UUID | None
    rule_name: str
    actions: int
    measured: int
    money: float
    money_low: float
    money_high: float
    sentence: str


class ProofHoldout(Answer):
    """Money a day and campaign; null where there is too little."""

    kind: Literal["pause", "up", "down"]
    executed: int
    held_out: int
    executed_campaigns: int
    held_out_campaigns: int
    enough: bool
    money_per_day: float | None
    money_low: float | None
    money_high: float | None
    sentence: str


class ProofHoldouts(Answer):
    kinds: list[ProofHoldout]
    sentence: str


class Proof(Answer):
    account: str
    currency: str | None
    from_: datetime = Field(alias="from")
    until: datetime
    days: int
    actions: ProofCounts
    said_and_right: ProofSaid
    predicted_and_happened: ProofMoney
    rules: list[ProofRule]
    holdouts: ProofHoldouts
