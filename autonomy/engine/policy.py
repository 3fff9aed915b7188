"""The limits that no rule can exceed, and the portfolio that they are counted over.

A limit that is missing, NULL, NaN or out of range is a PolicyError, never "no limit".
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import inf
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError

from autonomy.engine.confidence import Prior
from autonomy.errors import PolicyError
from autonomy.rules.error_text import sentence_for

LARGEST_LIMIT = 1e15
Mode = Literal["autonomous", "approve", "observe"]


class Preset(NamedTuple):
    """Numbers of the policy and whether budgets are optimised, under one name."""

    why: str
    values: Mapping[str, float]
    optimise: bool = False
    recommended: bool = False

    def holds(self, policy: Mapping[str, Any], *, optimised: bool) -> bool:
        """Whether the policy is as this preset sets it."""
        alike = all(policy[name] == value for name, value in self.values.items())
        return alike and optimised == self.optimise


def _preset(floor: float, pause_floor: float, delay_hours: float) -> dict[str, float]:
    return {
        "min_confidence": floor,
        "min_pause_confidence": pause_floor,
        "conversion_delay_hours": delay_hours,
    }


PRESETS: dict[str, Preset] = {
    "guide": Preset(
        "never against the odds; the default of a new installation", _preset(50.0, 50.0, 0.0)
    ),
    "balanced": Preset("acts where it is right four times in five", _preset(80.0, 80.0, 24.0)),
    "strict": Preset("acts where it is right nine times in ten", _preset(90.0, 90.0, 24.0)),
    "grow": Preset(
        "moves budgets a little every day, and pauses only what is almost surely losing",
        _preset(50.0, 95.0, 24.0),
        optimise=True,
        recommended=True,
    ),
}


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"{value!r} is not a number")
    try:
        plain = float(value)
    except OverflowError:
        plain = inf
    if not -LARGEST_LIMIT <= plain <= LARGEST_LIMIT:  # true of NaN as well
        raise ValueError(f"{value} is not a finite number")
    return plain


def _exact(value: object) -> Decimal:
    plain = _number(value)
    return value if isinstance(value, Decimal) else Decimal(repr(plain))


Share = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1)]
Percent = Annotated[float, BeforeValidator(_number), Field(ge=0, le=100)]
Hours = Annotated[float, BeforeValidator(_number), Field(ge=0, le=8760)]
Count = Annotated[float, BeforeValidator(_number), Field(ge=0)]
Positive = Annotated[float, BeforeValidator(_number), Field(gt=0)]
Factor = Annotated[Decimal, BeforeValidator(_exact), Field(ge=1)]
Money = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0)]


class Policy(BaseModel):
    """The row of `autonomy_policy`. Rois are multiples, shares 0..1, confidences 0..100."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    mode: Mode = "autonomous"
    frozen: StrictBool = False
    break_even_roi: Positive = 1.0
    min_confidence: Percent = 50.0
    min_pause_confidence: Percent = 50.0
    cooldown_hours: Hours = 24.0
    min_pause_hours: Hours = 24.0
    max_data_age_hours: Hours = 48.0
    max_step: Factor = Decimal(2)
    max_growth_7d: Factor = Decimal(3)
    max_budget: Money = Decimal(50_000)
    min_budget: Money = Decimal(1)
    pause_breaker_share: Share = 0.25
    pause_breaker_count: Count = 5.0
    shrink_breaker_share: Money = Decimal("0.30")
    growth_breaker_share: Money = Decimal("0.30")
    growth_breaker_count: Count = 5.0
    tracking_breaker_ratio: Share = 0.40
    value_breaker_factor: Positive = 4.0
    resume_when_proven_wrong: StrictBool = True
    resume_confidence: Percent = 20.0
    holdout_share: Share = 0.0
    person_hold_days: Annotated[float, BeforeValidator(_number), Field(ge=0, le=365)] = 7.0
    prior_mean_roi: Positive = 1.0
    prior_tau2: Positive = 0.64
    prior_order_value: Positive = 50.0
    prior_cv2: Count = 1.5
    prior_order_spread: Positive = 0.16
    curvature: Positive = 2.0
    paused_text: str = Field(default="paused", min_length=1)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Policy:
        """From the database row: every limit must be there. Raises PolicyError."""
        if not isinstance(row, Mapping):
            raise PolicyError("the policy is not a row of limits")
        missing = [name for name in cls.model_fields if row.get(name) is None]
        if missing:
            raise PolicyError(f"{missing[0]}: the limit is missing; a missing limit is no limit")
        return cls.checked(row)

    @classmethod
    def checked(cls, values: Mapping[str, Any]) -> Policy:
        """With defaults where `values` says nothing. Raises PolicyError."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise PolicyError(sentence_for(error.errors()[0])) from None

    def floor(self, *, is_pause: bool) -> float:
        """How likely an action has to be right, percent. A pause is never easier than the rest."""
        least = self.min_confidence
        return max(least, self.min_pause_confidence) if is_pause else least

    @property
    def prior(self) -> Prior:
        """What the portfolio says of a campaign of which nothing is known."""
        return Prior(
            self.prior_mean_roi,
            self.prior_tau2,
            self.prior_order_value,
            self.prior_cv2,
            self.prior_order_spread,
            self.curvature,
        )


class Tracking(BaseModel):
    """Conversions of the last complete hours beside what their clicks would have brought."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    tripped: StrictBool = False
    observed: float | None = None
    expected: float | None = None
    hours: float = 24.0


class Value(BaseModel):
    """What the last conversions are worth, as a multiple of what is usual."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    tripped: StrictBool = False
    orders: float | None = None
    level: Decimal | None = None


class Counted(BaseModel):
    """What the run's own decisions are counted together with: the last 24 hours, all shards."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    currency: str | None = None
    active_campaigns: Count = 0.0
    active_budget: Money = Decimal(0)
    pauses_24h: Count = 0.0
    scale_ups_24h: Count = 0.0
    raised_24h: Annotated[Decimal, BeforeValidator(_exact)] = Decimal(0)
    cuts_24h: Count = 0.0
    lowered_24h: Annotated[Decimal, BeforeValidator(_exact)] = Decimal(0)
    tracking: Annotated[Tracking, BeforeValidator(lambda value: value or {})] = Tracking()
    value: Annotated[Value, BeforeValidator(lambda value: value or {})] = Value()


class AccountState(Counted):
    """What is counted of one account. Its money is never added to that of another currency."""

    account: str


class CurrencyState(BaseModel):
    """What is counted of all accounts of a currency."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    currency: str | None = None
    value: Annotated[Value, BeforeValidator(lambda value: value or {})] = Value()


class Portfolio(Counted):
    """What is counted of all accounts together, and of each."""

    active_campaigns: Count
    active_budget: Money
    accounts: tuple[AccountState, ...] = ()
    currencies: tuple[CurrencyState, ...] = ()

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Portfolio:
        """From `portfolio_state`. Raises PolicyError where a count is missing or no number."""
        try:
            return cls.model_validate(dict(row))
        except ValidationError as error:
            raise PolicyError("portfolio." + sentence_for(error.errors()[0])) from None
