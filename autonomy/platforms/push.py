"""Carrying over to a platform what our rows want, and reading back whether it is there.

Under the lease of the account's reading, a part at a time: look, decide (`reconcile`), note that it
is being written, write, look again, note what came of it. A process that dies anywhere leaves a
change that is either untouched or *unsure*, and of an unsure one nothing is written a second time
until the platform has shown that the first did not arrive. What stops money goes before what lets
it flow; where one of the first did not get through, nothing that adds is written after it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from autonomy.crash_points import fault_point
from autonomy.errors import AutonomyError, LeaseLost, NotConfigured, RequestError
from autonomy.logs import say, step
from autonomy.platforms.base import (
    AccountBroken,
    Change,
    Gone,
    Later,
    Platform,
    PlatformError,
    Refused,
    Unit,
)
from autonomy.platforms.delivery import Call, Pushed, row
from autonomy.platforms.http import no_later_than
from autonomy.platforms.opened import opened
from autonomy.platforms.reconcile import (
    SKEW,
    Confirm,
    NotThere,
    Person,
    Refuse,
    Step,
    Wait,
    Wanted,
    Write,
    after_write,
    decide,
    observed_value,
    smallest_digits,
    taken_for_ours,
)
from autonomy.platforms.sync import GRACE_SECONDS, LEASE_SECONDS, Way, finish, in_parts
from autonomy.platforms.writing import PARTS, ends_all, look_again, write_all
from autonomy.store import Json, Store

LISTED_CHANGES = 200
"""Asked for at once; there may be more."""
MOST_ROUNDS = 50
"""Of asking: 10,000 changes of one account in one pass."""
HOLD_SECONDS = LEASE_SECONDS - 60.0
"""So long after it was noted that a part is being written, nothing of it is sent any more: another
process may take over when the lease has ended."""


def push(store: Store, account: str, way: Way | None = None) -> Pushed:
    """Carry over what waits for one account. Raises AutonomyError where it is not connected or the
    database is away; what the platform says against it stands in the answer."""
    way = way or Way()
    token = str(uuid.uuid4())
    began = store.rpc(
        "begin_platform_pull",
        p_account=account,
        p_token=token,
        p_lease_seconds=LEASE_SECONDS,
        p_force=way.force,
        **way.moment,
    )
    done = Pushed(account, str(began["outcome"]), message=str(began.get("message") or ""))
    if done.outcome != "started":
        return done
    with step("push", account=account) as counts, no_later_than(way.deadline + GRACE_SECONDS):
        _Pushing(store, began, token, way, done).carry_out()
        counts.update(outcome=done.outcome, code=done.code, **done.counts)
    if done.outcome != "lost":
        finish(store, token, way, done)
    return done


class _OutOfTime(Exception):
    """The deadline has passed between two parts."""


class _Pushing:
    """One account's changes under its lease."""

    def __init__(self, store: Store, began: Json, token: str, way: Way, done: Pushed) -> None:
        self._store, self._began, self._way, self._done = store, began, way, done
        self._held: Json = {"p_account": began["account"], "p_token": token}
        self._started = time.monotonic()
        self._digits = 2
        self._open = 0
        """Of what takes: did not get through, so that nothing that adds may follow."""
        self._seen: set[tuple[str, str]] = set()

    def carry_out(self) -> None:
        """Carry over what there is time for; say in `done` what came of it."""
        done = self._done
        try:
            self._all()
            done.outcome = "done"
        except _OutOfTime:
            done.outcome = "stopped"
        except Later as error:
            self._end("later", error.message, error.code)
            done.seconds = error.seconds
        except AccountBroken as error:
            self._end("broken", error.message, error.code)
        except PlatformError as error:
            self._end("failed", error.message, error.code)
        except LeaseLost as error:
            self._end("lost", error.message, error.code)
        except NotConfigured as error:  # no credential
            self._end("broken", f"{error.message} {error.hint}".strip(), error.code)
        except RequestError as error:  # of the database: no fault of the account
            self._end("failed", error.message, error.code)
        except AutonomyError:
            raise  # the database is away: the lease runs out by itself
        except Exception as error:  # noqa: BLE001 - an answer that no one has seen yet
            # Its text may hold what was asked, and so an address or a token.
            kind = type(error).__name__
            self._end("failed", f"The platform's answer could not be read ({kind}).", kind)
        done.waiting += max(0, len(self._seen) - done.looked_at)  # what it did not come to

    def _end(self, outcome: str, message: str, code: str) -> None:
        self._done.outcome, self._done.message, self._done.code = outcome, message, code
        if outcome != "lost":
            say("changes not carried over", account=self._done.account, code=code)

    def _all(self) -> None:
        platform: Platform | None = None
        for _ in range(MOST_ROUNDS):
            changes = self._listed()
            if not changes:
                return
            if platform is None:
                platform = (self._way.opener or opened)(self._began)
            for _step, own in groupby(changes, key=lambda one: one.step):
                self._group(platform, list(own))

    def _listed(self) -> list[Wanted]:
        """What is to be carried over and was not looked at in this pass."""
        told = self._store.rpc(
            "platform_changes_to_push",
            p_limit=LISTED_CHANGES + len(self._seen),
            **self._held,
            **self._way.moment,
        )
        self._done.push = str(told["push"])
        self._open += int(told.get("takes_waiting") or 0)
        changes = [Wanted.of(one) for one in told["changes"]]
        if changes:
            self._digits = smallest_digits(str(told["platform"]), str(told["currency"]))
        fresh = [one for one in changes if (one.campaign_id, one.field) not in self._seen]
        self._seen.update((one.campaign_id, one.field) for one in fresh)
        return fresh

    def _group(self, platform: Platform, changes: list[Wanted]) -> None:
        if changes[0].adds and self._open and self._done.push == "on":
            self._done.waiting += len(changes)
            return
        before = self._done.confirmed
        for part in in_parts(changes, PARTS[platform.name]):
            if self._way.out_of_time:
                raise _OutOfTime
            if self._done.push == "on":
                self._part(platform, part)
            else:
                self._validate(platform, part)
        if not changes[0].adds:
            self._open += len(changes) - (self._done.confirmed - before)

    def _part(self, platform: Platform, part: list[Wanted]) -> None:
        looks, part = self._looks(platform, part)
        steps = self._decided(platform, part, looks)
        settled = [self._settled(one, steps[one], *looks[one]) for one in part]
        writes = [one for one in part if isinstance(steps[one], Write)]
        noted_at = time.monotonic()
        self._record([one for one in settled if one is not None])
        writes = self._noted(writes)
        if not writes:
            return
        fault_point(self._way.fault, "before_push_write")
        wrote_at = self._now()
        seen = {one.external_id: unit for one, (unit, _) in looks.items() if unit is not None}
        with no_later_than(noted_at + HOLD_SECONDS):
            problems = write_all(
                platform, writes, self._digits, seen=seen, until=noted_at + HOLD_SECONDS / 2
            )
        fault_point(self._way.fault, "after_push_write")
        self._verify(platform, writes, problems, wrote_at, looks)
        ended = next((one for one in problems if ends_all(one)), None)
        if ended is not None:
            raise ended

    def _noted(self, writes: list[Wanted]) -> list[Wanted]:
        """Write down that these are being written; those that the database still wants so. What a
        run or a person has changed since it was asked for is left to the next pass."""
        rows = [row(one, "sent", at=self._now(), tries=one.tries) for one in writes]
        became = [one["outcome"] for one in self._record(rows)]
        still = [one for one, what in zip(writes, became, strict=True) if what == "sent"]
        self._done.waiting += len(writes) - len(still)
        return still

    def _verify(
        self,
        platform: Platform,
        writes: list[Wanted],
        problems: Sequence[PlatformError | None],
        wrote_at: datetime,
        looks: Mapping[Wanted, tuple[Unit | None, datetime]],
    ) -> None:
        """Read back, and write down what came of each. Where it cannot be read, it stays unsure."""
        calls = [
            Call.of(one, problem, wrote_at, self._was(one, looks))
            for one, problem in zip(writes, problems, strict=True)
        ]
        asked = [
            one for one, problem in zip(writes, problems, strict=True) if worth_a_look(problem)
        ]
        looked_at, failed = self._now(), None
        there: Mapping[str, Unit] = {}
        unread: Mapping[str, PlatformError] = {}
        history: Sequence[Change] = ()
        try:
            if asked:
                there, unread = look_again(platform, asked)
            read = [one for one in asked if one.external_id not in unread]
            off = [one for one in read if not self._matches(one, there)]
            history = self._history(platform, off, wrote_at) or () if off else ()
        except PlatformError as error:
            failed = error
        fault_point(self._way.fault, "after_push_verify")
        rows = []
        for one, problem, call in zip(writes, problems, calls, strict=True):
            seen = (there.get(one.external_id), looked_at) if worth_a_look(problem) else looks[one]
            dark = unread.get(one.external_id) or failed
            rows.append(self._came(one, problem, call, seen, history, wrote_at, dark))
        self._record(rows)
        fault_point(self._way.fault, "after_push_record")
        if failed is not None:
            raise failed

    def _came(
        self, one: Wanted, problem: PlatformError | None, call: Call,
        seen: tuple[Unit | None, datetime], history: Sequence[Change], wrote_at: datetime,
        failed: PlatformError | None,
    ) -> Json:  # fmt: skip
        """What came of one write."""
        unit, at = seen
        value = observed_value(one, unit)
        if isinstance(problem, Refused):
            return row(one, "refused", at=at, observed=value, error=problem, call=call)
        if isinstance(problem, Later | AccountBroken):
            return row(one, "later", at=at, error=problem, call=call)
        if failed is not None:
            return row(one, "unsure", at=at, error=problem or failed, call=call)
        found = after_write(one, unit, history, wrote_at, self._digits)
        if isinstance(found, Person):
            return row(one, "person", at=at, observed=value, person=found, call=call)
        if found is not None:
            outcome = "confirmed" if isinstance(found, Confirm) else "gone"
            return row(one, outcome, at=at, observed=value, call=call)
        if isinstance(problem, Gone):  # of what may not be changed it is said, too, and it is there
            return row(one, "refused", at=at, observed=value, error=problem, call=call)
        outcome = "not_taken" if problem is None else "unsure"
        return row(one, outcome, at=at, observed=value, error=problem, call=call)

    def _validate(self, platform: Platform, part: list[Wanted]) -> None:
        """Where nothing is to be changed yet: would the platform take it?"""
        asked_at = self._now()
        problems = write_all(platform, part, self._digits, validate_only=True)
        rows = []
        for one, problem in zip(part, problems, strict=True):
            call = Call.of(one, problem, asked_at, one.base, validate=True)
            if problem is None:
                rows.append(row(one, "validated", at=asked_at, call=call))
            elif isinstance(problem, Refused | Gone):
                rows.append(row(one, "would_refuse", at=asked_at, error=problem, call=call))
        self._record(rows)
        self._done.waiting += len(part) - len(rows)
        ended = next((one for one in problems if ends_all(one)), None)
        if ended is not None:
            raise ended

    def _looks(
        self, platform: Platform, part: list[Wanted]
    ) -> tuple[dict[Wanted, tuple[Unit | None, datetime]], list[Wanted]]:
        """What stands there now: the last reading's word may be a minute old, or a doubt. And of
        which that is known: what could not be read waits, and says why."""
        now = self._now()
        there, unread = look_again(platform, part)
        self._record([
            row(one, "later", at=now, error=unread[one.external_id])
            for one in part if one.external_id in unread
        ])  # fmt: skip
        known = [one for one in part if one.external_id not in unread]
        return {one: (there.get(one.external_id), now) for one in known}, known

    def _decided(
        self,
        platform: Platform,
        part: list[Wanted],
        looks: Mapping[Wanted, tuple[Unit | None, datetime]],
    ) -> dict[Wanted, Step]:
        steps = {one: decide(one, *looks[one], None, self._digits, asked=False) for one in part}
        asked = [one for one, step in steps.items() if isinstance(step, Wait) and step.ask]
        if not asked:
            return steps
        since = min(
            moment for one in asked for moment in (one.base_at, one.wanted_at, one.first_unsure_at)
            if moment is not None
        )  # fmt: skip
        history = self._history(platform, asked, since)
        return steps | {one: decide(one, *looks[one], history, self._digits) for one in asked}

    def _settled(self, one: Wanted, step: Step, unit: Unit | None, at: datetime) -> Json | None:
        """What there is to write down where nothing is written there."""
        value = observed_value(one, unit)
        if isinstance(step, Confirm):
            return row(one, "confirmed", at=at, observed=value)
        if isinstance(step, Person):
            return row(one, "person", at=at, observed=value, person=step)
        if isinstance(step, NotThere):
            return row(one, "gone", at=at)
        if isinstance(step, Refuse):
            error = Refused(step.why, code=step.code)
            return row(one, "refused", at=at, observed=value, error=error)
        if isinstance(step, Wait):
            self._done.unsure += one.unsure
            self._done.waiting += not one.unsure
        return None

    def _history(
        self, platform: Platform, changes: Sequence[Wanted], since: datetime
    ) -> list[Change] | None:
        """Who changed what there; null where the platform does not say."""
        numbers = {one.external_id for one in changes}
        try:
            pages = platform.changes(since - SKEW, self._now() + SKEW)
            told = [one for page in pages for one in page if one.external_id in numbers]
            return told if platform.identity() else taken_for_ours(changes, told, self._digits)
        except AccountBroken:
            raise
        except PlatformError as error:
            say("history not read", account=self._done.account, code=error.code)
            return None

    def _record(self, rows: list[Json]) -> list[Json]:
        """Write down outcomes; what became of each, in their order."""
        if not rows:
            return []
        taken = self._store.rpc(
            "record_deliveries", p_outcomes=rows, **self._held, **self._way.moment
        )
        results: list[Json] = taken["results"]
        self._done.note(rows, results)
        return results

    def _matches(self, one: Wanted, there: Mapping[str, Unit]) -> bool:
        unit = there.get(one.external_id)
        return isinstance(after_write(one, unit, (), self._now(), self._digits), Confirm | NotThere)

    def _was(self, one: Wanted, looks: Mapping[Wanted, tuple[Unit | None, datetime]]) -> str | None:
        return observed_value(one, looks[one][0])

    def _now(self) -> datetime:
        """The database's clock, as far as it is known; a simulated moment stands still."""
        began = datetime.fromisoformat(str(self._began["now"]))
        passed = 0.0 if self._way.moment else time.monotonic() - self._started
        return began + timedelta(seconds=passed)


def worth_a_look(problem: PlatformError | None) -> bool:
    """Whether a look says more of a write that was answered so."""
    return not isinstance(problem, Refused | Later | AccountBroken)
