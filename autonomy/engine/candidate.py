"""A campaign as the engine sees it: light, built straight from the JSON row.

100,000 pydantic candidates are 550 MB; these are a slotted class over tuples of floats. What is
missing, NULL, NaN or infinite becomes NaN: every comparison with NaN is false, so that nothing
unknown ever makes a rule fire.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from math import isnan
from typing import Any

from autonomy.engine.confidence import Evidence
from autonomy.errors import CandidateError
from autonomy.rules.tree import LEAST_CPA, MOST_CPA

NAN = float("nan")
MEASURES = ("impressions", "reach", "clicks", "conversions", "spend", "revenue")
IMPRESSIONS, REACH, CLICKS, CONVERSIONS, SPEND, REVENUE = range(6)  # places in Measures
UNKNOWN = (NAN,) * len(MEASURES)
NO_EVIDENCE = Evidence(NAN, NAN, NAN)
LARGEST_MEASURE = 1e19  # above bigint; beyond it a figure is a fault, not a measure

START_OF_TIME = datetime.min.replace(tzinfo=UTC)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)

# A window's figures in the order of MEASURES, NaN where unknown. A plain tuple on purpose: as a
# NamedTuple reading rows is a fifth slower, and so is matching.
Measures = tuple[float, ...]


class PausedAction:
    """The pause of ours that a late conversion may prove wrong, and what it would give back."""

    __slots__ = ("action_id", "budget", "cpa", "pause_below", "rule_id", "rule_name", "status")

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.action_id = row.get("action_id")
        self.rule_id = row.get("rule_id")
        self.rule_name = str(row.get("rule_name") or "")
        self.status = text(row.get("status"))
        self.budget = money(row.get("budget"))
        self.pause_below = measure(row.get("break_even"))  # roi, NaN where unknown
        cpa = measure(row.get("target_cpa"))  # what it was judged by instead of roi
        self.cpa = cpa if LEAST_CPA <= cpa <= MOST_CPA else None


class Candidate:
    """One campaign and its figures. Times are aware datetimes, money that is written is Decimal."""

    __slots__ = (
        "account",
        "account_broken",
        "attribution",
        "autonomous_enabled",
        "budget",
        "budget_low_7d",
        "budget_person",
        "budget_use",
        "campaign_id",
        "currency",
        "curvature",
        "data_age_hours",
        "evidence",
        "has_figures",
        "hold_until",
        "holdout_draw",
        "hours_running",
        "is_active",
        "last_action_at",
        "last_pause_at",
        "last_resume_at",
        "lifetime",
        "no_cut_until",
        "no_cuts_event",
        "no_pause_until",
        "no_pauses_event",
        "no_raise_until",
        "no_raises_event",
        "pause_person",
        "paused_action",
        "pending",
        "platform_holds",
        "platform_minimum",
        "pulled_at",
        "put_back",
        "rate_until",
        "reference_budget",
        "refused_until",
        "status",
        "suspect",
        "target_roi",
        "test_running",
        "title",
        "value_missing",
        "windows",
    )

    campaign_id: str
    title: str | None
    account: str | None
    status: str | None
    is_active: bool
    budget: Decimal | None
    hours_running: float
    autonomous_enabled: bool
    hold_until: datetime | None
    data_age_hours: float
    has_figures: bool  # without any no rule looks at it, whatever it asks of its budget
    lifetime: Measures
    windows: dict[str, Measures] | None
    evidence: Evidence
    last_action_at: datetime | None
    last_pause_at: datetime | None
    last_resume_at: datetime | None
    budget_low_7d: Decimal | None
    pending: bool
    test_running: bool
    holdout_draw: float
    paused_action: PausedAction | None
    value_missing: bool  # conversions come without a value, so roi says nothing
    no_raise_until: datetime | None  # what a person did last stands until then
    no_cut_until: datetime | None
    no_pause_until: datetime | None
    budget_person: str | None  # who changed its budget, where its platform has told
    pause_person: str | None  # against whom a pause would be
    suspect: str | None  # why its figures cannot be right
    no_raises_event: str | None  # a planned event, in words: no raises, no resume
    no_cuts_event: str | None
    no_pauses_event: str | None
    budget_use: float  # share of the budget that is spent, NaN where unknown
    currency: str | None  # its account's, None where unknown
    target_roi: float  # its own break-even, NaN: its account's
    reference_budget: Decimal | None  # what it was before anybody optimised it, None: unknown
    curvature: float | None  # that its effective spend was made with, None: its account's
    attribution: float  # what is believed of what the platform reports; 1: all of it
    put_back: bool  # another program sets its budget anew after each move of ours
    account_broken: str | None  # why its platform cannot be read
    pulled_at: datetime | None  # when its platform was read last; None: it is not connected
    platform_holds: tuple[str, ...]  # codes of what its platform has against changing it
    platform_minimum: Decimal | None  # its platform takes no budget below it
    rate_until: datetime | None  # its budget was changed there too often to be changed before that
    refused_until: Mapping[str, datetime]  # directions that its platform has refused

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Candidate:
        """From the object that `list_autonomous_candidates` returns. Raises CandidateError."""
        one = cls()
        try:
            one._read(row)
        except CandidateError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise CandidateError(f"a campaign's row cannot be read: {error!r}") from None
        return one

    def _read(self, row: Mapping[str, Any]) -> None:
        get = row.get
        if not get("campaign_id"):
            raise CandidateError("a campaign's row has no campaign_id")
        self.campaign_id = str(row["campaign_id"])
        self.title = text(get("title"))
        self.account = text(get("account"))
        self.currency = text(get("currency"))
        status = self.status = text(get("status"))
        active = get("is_active")
        self.is_active = str(status).lower() == "active" if active is None else active is True
        budget = get("budget")
        self.budget = money(budget)
        low = get("budget_low_7d")
        self.budget_low_7d = self.budget if low is None or low == budget else money(low)
        self.hours_running = measure(get("hours_running"))
        self.autonomous_enabled = get("autonomous_enabled", True) is True
        self.data_age_hours = measure(get("data_age_hours"))
        self._read_times(get)
        self.has_figures = get("has_figures", True) is not False
        self._read_figures(get("metrics") or {}, get("evidence"))
        self.pending = get("pending", False) is not False
        self.test_running = get("test_running", False) is not False
        self.holdout_draw = measure(get("holdout_draw"))
        self.value_missing = get("value_missing", False) is not False
        self.budget_use = measure(get("budget_use"))
        self.suspect = text(get("suspect"))
        self.no_raises_event = text(get("no_raises_event"))
        self.no_cuts_event = text(get("no_cuts_event"))
        self.no_pauses_event = text(get("no_pauses_event"))
        self.target_roi = measure(get("target_roi"))
        self.reference_budget = money(get("reference_budget"))
        curvature = measure(get("curvature"))
        self.curvature = curvature if 0.1 <= curvature <= 100.0 else None
        attribution = measure(get("attribution_factor"))
        self.attribution = attribution if attribution > 0.0 else 1.0
        self.put_back = get("put_back", False) is True
        self._read_platform(get)
        paused = get("paused_action")
        self.paused_action = PausedAction(paused) if paused else None

    def _read_times(self, get: Any) -> None:
        self.hold_until = moment(get("hold_until"))
        self.last_action_at = moment(get("last_action_at"))
        self.last_pause_at = moment(get("last_pause_at"))
        self.last_resume_at = moment(get("last_resume_at"))
        self.no_raise_until = moment(get("no_raise_until"))
        self.no_cut_until = moment(get("no_cut_until"))
        self.no_pause_until = moment(get("no_pause_until"))
        self.budget_person = text(get("budget_person"))
        self.pause_person = text(get("pause_person"))

    def _read_platform(self, get: Any) -> None:
        self.account_broken = text(get("account_broken"))
        self.pulled_at = moment(get("pulled_at"))
        self.platform_holds = tuple(get("platform_holds") or ())
        self.platform_minimum = money(get("platform_minimum"))
        self.rate_until = moment(get("rate_until"))
        read = {name: moment(until) for name, until in (get("refused_until") or {}).items()}
        self.refused_until = {name: until for name, until in read.items() if until is not None}

    def _read_figures(self, metrics: Mapping[str, Any], evidence: Mapping[str, Any] | None) -> None:
        self.lifetime = measures(metrics.get("lifetime"))
        self.windows = None
        if len(metrics) > 1:
            self.windows = {
                name: measures(window) for name, window in metrics.items() if name != "lifetime"
            }
        self.evidence = NO_EVIDENCE
        if evidence:
            get = evidence.get
            cv2 = get("cv2")
            self.evidence = Evidence(
                measure(get("spend")),
                measure(get("conversions")),
                measure(get("revenue")),
                None if cv2 is None else measure(cv2),
                measure(get("days")),
                measure(get("matured_share")),
                get("has_history") is True,
                effective_spend(get("effective_spend")),
            )

    def window(self, name: str) -> Measures:
        """The six measures of a window; unknown where the row does not carry it."""
        if name == "lifetime":
            return self.lifetime
        return UNKNOWN if self.windows is None else self.windows.get(name, UNKNOWN)


def effective_spend(value: Any) -> float | None:
    """A figure, None where it is missing or no finite number: the spend then counts as it is."""
    spend = measure(value)
    return None if isnan(spend) else spend


def text(value: Any) -> str | None:
    """Text as it is; None where it is missing or something else."""
    return value if isinstance(value, str) else None


def measure(value: Any) -> float:
    """A figure, NaN where it is missing or no finite number."""
    if type(value) is float or type(value) is int:
        return float(value) if -LARGEST_MEASURE < value < LARGEST_MEASURE else NAN
    if type(value) is Decimal and value.is_finite():
        return measure(float(value))
    return NAN


def measures(window: Mapping[str, Any] | None) -> Measures:
    """A window's six figures, in the order of MEASURES."""
    if not window:
        return UNKNOWN
    get = window.get
    return (
        measure(get("impressions")),
        measure(get("reach")),
        measure(get("clicks")),
        measure(get("conversions")),
        measure(get("spend")),
        measure(get("revenue")),
    )


def money(value: Any) -> Decimal | None:
    """Exact money from a JSON number: the decimal that was written, not the float's expansion."""
    if type(value) is Decimal:
        return value if value.is_finite() else None
    if type(value) is int:
        return Decimal(value)
    if type(value) is float and -LARGEST_MEASURE < value < LARGEST_MEASURE:
        return Decimal(repr(value))
    return None


def moment(value: Any) -> datetime | None:
    """An aware time from ISO text. `infinity` is the end of time; text without a zone is UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        if value.endswith("infinity"):
            return START_OF_TIME if value.startswith("-") else END_OF_TIME
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise CandidateError(f"{value!r} is not a time")
    return value if value.tzinfo else value.replace(tzinfo=UTC)
