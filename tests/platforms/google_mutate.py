"""What Google lets be written: status of campaigns, amounts of budgets; each by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tests.platforms.google_errors import (
    AdsError,
    below_minimum,
    exhausted,
    failure,
    of,
    partial,
    unparsed,
)
from tests.platforms.google_rows import STATUS
from tests.platforms.loopback import Answer
from tests.platforms.world import Account, Budget, Status, Thing, World

_MICROS = 1_000_000
_MOST = Decimal(10) ** 9
_BODY = {
    "operations": list,
    "partialFailure": bool,
    "validateOnly": bool,
    "responseContentType": str,
}
_OPERATION = {"update": dict, "updateMask": str, "create": dict, "remove": str}
_NAMES: dict[str, dict[str, Any]] = {
    "campaigns": {"resourceName": str, "status": str, "name": str, "campaignBudget": str},
    "campaignBudgets": {
        "resourceName": str,
        "amountMicros": (str, int),
        "totalAmountMicros": (str, int),
        "name": str,
    },
}
_WRITABLE = {"campaigns": "status", "campaignBudgets": "amountMicros"}

Carry = Callable[[], None]


class Mutation:
    """One request of writes to one kind of resource."""

    def __init__(
        self, world: World, account: Account, kind: str, actor: str,
        refusals: Mapping[str, AdsError], most: int | None = None,
    ) -> None:  # fmt: skip
        """`most`: operations of it; those after them meet a limit."""
        self.world = world
        self.account = account
        self.kind = kind
        self.actor = actor
        self.refusals = refusals
        self.most = most

    def answer(self, body: Any, *, obey: bool = True) -> Answer:
        wrong = _malformed(body, self.kind)
        if wrong is not None:
            return wrong
        operations = body.get("operations") or []
        if not operations:
            return AdsError("requestError", "OPERATION_REQUIRED", "No operations.").answer()
        if len(operations) > 10_000:
            message = "Too many operations in one request."
            return AdsError("requestError", "TOO_MANY_MUTATE_OPERATIONS", message).answer()
        each = body.get("partialFailure", False)
        only_looks = body.get("validateOnly", False)
        results: list[dict[str, str]] = []
        errors, carries = [], []
        for index, operation in enumerate(operations):
            try:
                name, carry = self._operation(operation, index)
            except AdsError as problem:
                errors.append(problem.told(index))
                results.append({})
                continue
            results.append({"resourceName": name})
            carries.append(carry)
        if errors and not each:
            return failure(errors)
        if obey and not only_looks:
            for carry in carries:
                carry()
        told: dict[str, Any] = {} if only_looks else {"results": results}
        if errors:
            told["partialFailureError"] = partial(errors)
        return Answer(200, told)

    def _operation(self, operation: Mapping[str, Any], index: int) -> tuple[str, Carry]:
        if self.most is not None and index >= self.most:
            raise exhausted("RESOURCE_TEMPORARILY_EXHAUSTED", 30)
        update = operation["update"]
        name = str(update.get("resourceName") or "")
        if not name:
            raise AdsError("requestError", "RESOURCE_NAME_MISSING", "The resource name is missing.")
        pattern = rf"customers/(\d+)/{self.kind}/(\d+)"
        found = re.fullmatch(pattern, name)
        if found is None:
            raise AdsError("requestError", "RESOURCE_NAME_MALFORMED", f"'{name}' is no such name.")
        mask = str(operation.get("updateMask") or "")
        if not mask:
            raise AdsError("fieldMaskError", "FIELD_MASK_MISSING", "The field mask is missing.")
        masked = set(mask.split(",")) - {"resourceName"}
        for path in masked:
            if path not in _NAMES[self.kind]:
                raise AdsError("fieldMaskError", "FIELD_NOT_FOUND", f"There is no field {path}.")
            if path != _WRITABLE[self.kind]:
                raise of("INVALID_STATUS_CHANGE")  # the fake lets nothing else be written
        if name in self.refusals:
            raise self.refusals[name]
        number = found[2] if found[1] == self.account.external_id else ""
        if self.kind == "campaigns":
            return name, self._campaign(self.world.things.get(number), update, masked)
        return name, self._budget(self.world.budgets.get(number), update, masked)

    def _campaign(self, thing: Thing | None, update: Mapping[str, Any], masked: set[str]) -> Carry:
        if thing is None or thing.is_adset or thing.account != self.account.external_id:
            raise AdsError("mutateError", "RESOURCE_NOT_FOUND", "Resource was not found.")
        if STATUS[thing.status] == "REMOVED":
            raise of("OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE")
        if thing.details.get("missing_eu_political_advertising_declaration"):
            raise of("EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED")
        if thing.experiment:
            raise of("CANNOT_MODIFY_FOR_TRIAL_CAMPAIGN", "status")
        if "status" not in masked:
            return _nothing
        asked = update.get("status")
        if asked not in ("ENABLED", "PAUSED"):
            raise of("INVALID_STATUS_CHANGE", "status")
        status: Status = "active" if asked == "ENABLED" else "paused"
        return lambda: self.world.set_status(thing.external_id, status, self.actor)

    def _budget(self, held: Budget | None, update: Mapping[str, Any], masked: set[str]) -> Carry:
        if held is None or held.account != self.account.external_id:
            raise AdsError("mutateError", "RESOURCE_NOT_FOUND", "Resource was not found.")
        if held.removed:
            raise of("CAMPAIGN_BUDGET_REMOVED")
        if "amountMicros" not in masked:
            return _nothing
        if held.total is not None:
            raise of("BUDGET_AMOUNT_MUST_BE_UNSET_FOR_CUSTOM_BUDGET_PERIOD", "amount_micros")
        if update.get("amountMicros") is None:
            raise AdsError("fieldError", "REQUIRED", "The required field was not present.",
                           field_name="amount_micros")  # fmt: skip
        if self._has_trials(held):
            raise of("CANNOT_CHANGE_BUDGET_ON_CAMPAIGN_WITH_TRIALS", "amount_micros")
        amount = self._amount(int(update["amountMicros"]))
        return lambda: self.world.set_budget(held.id, amount, self.actor)

    def _amount(self, asked: int) -> Decimal:
        def wrong(code: str, message: str) -> AdsError:
            return AdsError("campaignBudgetError", code, message, field_name="amount_micros")

        account = self.account
        amount = Decimal(asked) / _MICROS
        if asked < 0:
            raise wrong("NEGATIVE_MONEY_AMOUNT", "The money amount cannot be negative.")
        if asked % int(account.step * _MICROS):
            raise wrong(
                "NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT",
                "The money amount is not a multiple of a minimum unit.",
            )
        if amount > _MOST:
            raise wrong("MONEY_AMOUNT_TOO_LARGE", "The money amount is too large.")
        if amount < account.minimum:
            raise below_minimum(account.currency, account.minimum, asked)
        return amount

    def _has_trials(self, held: Budget) -> bool:
        """An experiment that runs names its campaign as base_campaign."""
        bases = {
            str(one.details.get("base_campaign", "")).rsplit("/", 1)[-1]
            for one in self.world.things.values() if one.experiment and one.status == "active"
        }  # fmt: skip
        return any(
            one.external_id in bases for one in self.world.things.values() if one.budget == held.id
        )


def _nothing() -> None:
    """A mask that names nothing to be changed."""


def _malformed(body: Any, kind: str) -> Answer | None:
    """What Google's parser says of a body that is not a message of theirs."""
    if not isinstance(body, dict):
        return unparsed("Root element must be a message.")
    wrong = _wrong(body, _BODY, "")
    for index, operation in enumerate((not wrong and body.get("operations")) or []):
        wrong = wrong or _wrong_operation(operation, kind, f" at 'operations[{index}]'")
    if wrong:
        return unparsed(wrong)
    for operation in body.get("operations") or []:
        if operation.get("update") is None or operation.get("create") or operation.get("remove"):
            message = "The fake carries updates only."
            return AdsError("operationAccessDeniedError", "ACTION_NOT_PERMITTED", message).answer()
    return None


def _wrong_operation(operation: Any, kind: str, at: str) -> str:
    if not isinstance(operation, dict):
        return f"Invalid value{at}: not a message."
    wrong = _wrong(operation, _OPERATION, at)
    if wrong:
        return wrong
    if "_" in (operation.get("updateMask") or ""):
        return f"Invalid value{at} for the field mask: names are in camel case."
    update = operation.get("update") or {}
    wrong = _wrong(update, _NAMES[kind], f"{at}.update")
    if update.get("status") not in (None, "ENABLED", "PAUSED", "REMOVED"):
        wrong = wrong or f"Invalid value{at}.update.status: {update['status']}"
    amount = update.get("amountMicros")
    if amount is not None and not re.fullmatch(r"-?[0-9]{1,18}", str(amount)):
        wrong = wrong or f"Invalid value{at}.update.amount_micros (TYPE_INT64): {amount}"
    return wrong


def _wrong(told: Mapping[str, Any], known: Mapping[str, Any], at: str) -> str:
    """A name that is none, or a value of another kind; null is as if it were not there."""
    for name, value in told.items():
        if name not in known:
            return f'Unknown name "{name}"{at}: Cannot find field.'
        if value is not None and not isinstance(value, known[name]):
            return f"Invalid value{at}.{name}: {value!r}"
    return ""
