"""The rule language: what a row of `autonomous_rules` may say.

`Rule.parse(row)` gives a valid rule or raises `RuleError`: with the database's sentence where the
row carries it (`flaw`), else naming the path of the first thing that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from math import inf
from typing import Annotated, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from autonomy.errors import RuleError
from autonomy.rules.error_text import sentence_for
from autonomy.rules.tree import (
    All,
    AnyOf,
    Beside,
    Comparison,
    Minimum,
    Node,
    Not,
    Other,
    Scope,
    window_of,
)

Metric = Literal[
    "roi", "ctr", "conversion_rate", "cpa", "cpc", "aov", "spend", "revenue", "profit",
    "impressions", "clicks", "conversions", "budget", "hours_running", "frequency",
]  # fmt: skip
Window = Literal[
    "1d", "3d", "7d", "14d", "30d", "lifetime",
    "prior_1d", "prior_3d", "prior_7d", "prior_14d", "prior_30d",
]  # fmt: skip
Operator = Literal["<", "<=", ">", ">=", "=", "!=", "between"]
RuleType = Literal["pause", "scale", "optimize"]

METRICS: tuple[str, ...] = get_args(Metric)
WINDOWS: tuple[str, ...] = get_args(Window)
LARGEST_NUMBER = 1e15
DEEPEST = 8
# Every campaign is tried with each. Fifty accounts with a threshold and three filters of their own
# still fit into one condition; one of 5,000 cost each run on 20,000 campaigns 9 seconds.
MOST_COMPARISONS = 200
MINIMUMS = ("min_spend", "min_conversions", "min_clicks", "min_impressions", "min_duration_hours")
BRANCHES = ("all", "any", "not")
SCOPES = ("account", "title_contains")
ACTIONS_OF: dict[str, tuple[str, ...]] = {
    "pause": ("auto_pause",),
    "scale": ("auto_scale_up", "auto_scale_down"),
    "optimize": ("budget_adjusted", "auto_scale_up", "auto_scale_down"),
}
# Columns of the row, and what lists add to it, that say nothing here.
NOT_OURS = ("created_by", "created_at", "updated_at", "last_change", "watch", "flaw")


def wrong(key: str, message: str) -> PydanticCustomError:
    """An error at `key` below the place where it is raised; braces in the text are safe."""
    return PydanticCustomError("rule", "{message}", {"key": key, "message": message})


def number(value: object) -> float:
    """A finite JSON number. Text, booleans, NaN and infinities are refused."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise wrong("", f"{value!r} is not a number")
    try:
        plain = float(value)
    except OverflowError:
        plain = inf
    if not -LARGEST_NUMBER <= plain <= LARGEST_NUMBER:  # true of NaN as well
        raise wrong("", f"{plain:g} is not a finite number up to {LARGEST_NUMBER:g}")
    return plain


def number_or_bounds(value: object) -> object:
    """One number, or the two bounds of `between`."""
    if not isinstance(value, list | tuple):
        return number(value)
    if len(value) != 2:
        raise wrong("", f"between takes two numbers, [low, high], not {len(value)}")
    return (number(value[0]), number(value[1]))


# After the bounds, or the JSON Schema would not know them.
READ = BeforeValidator(number)
Text = Annotated[StrictStr, Field(min_length=1)]
Finite = Annotated[float, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
AtLeastZero = Annotated[float, Field(ge=0, le=LARGEST_NUMBER), READ]
AboveZero = Annotated[float, Field(gt=0, le=LARGEST_NUMBER), READ]
MINIMUM_OF = {
    "min_spend": "spend",
    "min_conversions": "conversions",
    "min_clicks": "clicks",
    "min_impressions": "impressions",
    "min_duration_hours": "hours_running",
}


class Part(BaseModel):
    """What every object of a rule has in common: no unknown key, no null, not to be changed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_by_name=False,
        defer_build=True,  # built when the first rule is read: an import need not wait for it
    )

    @classmethod
    def checked(cls, value: object) -> Self:
        """Read from JSON. Raises RuleError with a sentence for each thing that is wrong."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise RuleError(*(sentence_for(one) for one in error.errors())) from None

    @model_validator(mode="before")
    @classmethod
    def _no_nulls(cls, value: object) -> object:
        if isinstance(value, Mapping):
            for key, member in value.items():
                if member is None:
                    raise wrong(str(key), "null is not a value; leave the key out")
        return value


class Than(Part):
    """The other side of a comparison: another metric or window, `times` a factor."""

    metric: Metric
    window: Window = "lifetime"
    times: Annotated[float, Field(ge=0, le=1_000_000), READ] = 1.0


class Condition(Part):
    """When to look at a campaign. Unknown (missing data) never holds, also under `not`.

    An object has exactly one of `metric`, `all`, `any`, `not`, or only scope filters
    (`account`, `title_contains`) and `min_*`; whatever stands beside is AND-ed. A condition has
    at most 200 comparisons, members included; each `metric`, `min_*` and filter is one.
    """

    metric: Metric | None = None
    window: Window | None = None
    operator: Operator | None = None
    threshold: Annotated[
        Finite | tuple[Finite, Finite] | None, BeforeValidator(number_or_bounds)
    ] = None
    than: Than | None = None
    min_spend: AtLeastZero | None = None
    min_conversions: AtLeastZero | None = None
    min_clicks: AtLeastZero | None = None
    min_impressions: AtLeastZero | None = None
    min_duration_hours: AtLeastZero | None = None
    account: Text | None = None
    title_contains: Text | None = None
    all: Annotated[list[Condition], Field(min_length=1, max_length=50)] | None = None
    any: Annotated[list[Condition], Field(min_length=1, max_length=50)] | None = None
    not_: Annotated[Condition | None, Field(alias="not")] = None

    @classmethod
    def parse(cls, value: object) -> Condition:
        """A condition from JSON. Raises RuleError."""
        _check_size(value)
        return cls.checked(value)

    @cached_property
    def tree(self) -> Node:
        """What it says, to be walked."""
        parts: list[Node] = []
        if self.metric is not None:
            window = window_of(self.metric, self.window)
            parts.append(Comparison(self.metric, window, str(self.operator), self._target()))
        for key, metric in MINIMUM_OF.items():
            least = getattr(self, key)
            if least is not None:
                parts.append(Minimum(metric, window_of(metric, self.window), ">=", least))
        parts += [Scope(key, getattr(self, key)) for key in SCOPES if self._has(key)]
        if self.all:
            parts.append(All(tuple(one.tree for one in self.all)))
        if self.any:
            parts.append(AnyOf(tuple(one.tree for one in self.any)))
        if self.not_:
            parts.append(Not(self.not_.tree))
        return parts[0] if len(parts) == 1 else Beside(tuple(parts))

    def _target(self) -> float | tuple[float, float] | Other:
        if self.threshold is not None:
            return self.threshold
        if self.than is None:
            raise ValueError("a comparison needs a threshold or a than")
        window = window_of(self.than.metric, self.than.window)
        return Other(self.than.metric, window, self.than.times)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = [name for name in ("metric", *BRANCHES) if self._has(name)]
        beside = [name for name in (*SCOPES, *MINIMUMS) if self._has(name)]
        if len(forms) > 1:
            raise wrong("", f"{forms[0]} and {forms[1]} stand side by side; put both into all")
        if not forms and not beside:
            raise wrong("", "it is empty; give a metric, all, any, not, or a filter")
        if "metric" in forms:
            self._comparison()
            return self
        for name in ("operator", "threshold", "than"):
            if self._has(name):
                raise wrong(name, "it needs a metric beside it")
        if forms and self._has("window"):
            raise wrong("window", f"it does not reach into {forms[0]}; give it to each member")
        return self

    def _has(self, name: str) -> bool:
        return getattr(self, "not_" if name == "not" else name) is not None

    def _comparison(self) -> None:
        if self.operator is None:
            raise wrong("operator", "it is missing")
        if (self.threshold is None) == (self.than is None):
            raise wrong("threshold", "give exactly one of threshold and than")
        if (self.operator == "between") != isinstance(self.threshold, tuple):
            raise wrong("threshold", "between takes two numbers, [low, high], all else takes one")
        bounds = self.threshold if isinstance(self.threshold, tuple) else (self.threshold,)
        if bounds[0] is not None and bounds[0] < 0 and self.metric != "profit":
            raise wrong("threshold", "only profit may be compared with a negative number")
        if isinstance(self.threshold, tuple) and self.threshold[0] > self.threshold[1]:
            raise wrong("threshold", "the lower bound is above the upper one")


class Common(Part):
    """What any action may carry."""

    min_confidence: Annotated[float, Field(ge=0, le=100), READ] | None = None
    cooldown_hours: Annotated[float, Field(ge=0, le=8760), READ] | None = None
    break_even_roi: Annotated[float, Field(gt=0, le=1000), READ] | None = None
    requires_approval: StrictBool = False
    notify: StrictBool = True


class AutoPause(Common):
    """Pause the campaign."""

    type: Literal["auto_pause"]


class AutoScaleUp(Common):
    """Raise the budget: times `multiplier`, never above `max_budget`; both are required."""

    type: Literal["auto_scale_up"]
    multiplier: Annotated[float, Field(gt=1, le=100), READ]
    max_budget: AboveZero


class AutoScaleDown(Common):
    """Lower the budget: times `multiplier`, never below `min_budget`."""

    type: Literal["auto_scale_down"]
    multiplier: Annotated[float, Field(gt=0, lt=1), READ]
    min_budget: AtLeastZero | None = None


class BudgetAdjusted(Common):
    """Set the budget, or move it to where the next unit of money still earns its keep."""

    type: Literal["budget_adjusted"]
    budget: AboveZero | None = None
    by: Literal["curve"] | None = None
    max_budget: AboveZero | None = None
    min_budget: AtLeastZero | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.budget is None) == (self.by is None):
            raise wrong("", "give either budget, or by")
        if self.by is None:
            for name in ("max_budget", "min_budget"):
                if getattr(self, name) is not None:
                    raise wrong(name, "it needs by: curve beside it")
        low, high = self.min_budget, self.max_budget
        if low is not None and high is not None and low > high:
            raise wrong("min_budget", f"{low:g} is above max_budget {high:g}")
        return self


Action = Annotated[
    AutoPause | AutoScaleUp | AutoScaleDown | BudgetAdjusted, Field(discriminator="type")
]


class Rule(Part):
    """One row of `autonomous_rules`: when to look at a campaign, and what to do then."""

    id: StrictStr = ""
    rule_name: Text
    rule_type: RuleType
    condition: Condition
    action: Action
    priority: StrictInt = 0
    is_active: StrictBool = True

    @model_validator(mode="after")
    def _action_fits(self) -> Self:
        allowed = ACTIONS_OF[self.rule_type]
        if self.action.type not in allowed:
            raise wrong(
                "action.type",
                f"a rule of type {self.rule_type!r} takes {' or '.join(allowed)}, "
                f"not {self.action.type!r}",
            )
        return self

    @classmethod
    def parse(cls, row: object) -> Rule:
        """A rule from a database row or JSON object. Raises RuleError."""
        if isinstance(row, Rule):
            return row
        if not isinstance(row, Mapping):
            raise RuleError("a rule is an object with rule_name, rule_type, condition and action")
        if row.get("flaw") is not None:
            raise RuleError(str(row["flaw"]))
        values = {str(key): value for key, value in row.items() if key not in NOT_OURS}
        if values.get("id", "") is None:
            del values["id"]
        elif "id" in values:
            values["id"] = str(values["id"])
        _check_size(values.get("condition"))
        return cls.checked(values)

    @property
    def order(self) -> tuple[int, str, str]:
        """Who decides first: highest priority, then name (by code point), then id."""
        return (-self.priority, self.rule_name, self.id)


def _check_size(condition: object) -> None:
    if too_deep(condition):
        raise RuleError(f"condition: it is nested more than {DEEPEST} levels deep")
    number = comparisons(condition)
    if number > MOST_COMPARISONS:
        raise RuleError(
            f"condition: it has {number} comparisons; at most {MOST_COMPARISONS} are allowed"
        )


def too_deep(condition: object) -> bool:
    """Deeper than the language allows; looked at level by level, so that depth costs no stack."""
    level = [condition]
    for _ in range(DEEPEST):
        level = [member for one in level for member in _inside(one)]
        if not level:
            return False
    return True


def comparisons(condition: object) -> int:
    """How many a condition that is not too deep has, its members' included."""
    if not isinstance(condition, Mapping):
        return 0
    own = sum(key in condition for key in ("metric", *MINIMUMS, *SCOPES))
    return own + sum(comparisons(member) for member in _inside(condition))


def _inside(condition: object) -> list[object]:
    if not isinstance(condition, Mapping):
        return []
    found: list[object] = []
    for key in BRANCHES:
        member = condition.get(key)
        found.extend(member if isinstance(member, list) else [member] if member else [])
    return [member for member in found if isinstance(member, Mapping)]
