"""One run: lease, load, decide, [a dry run stops here], apply, detect, measure, summarise.

Round trips: begin (with rules, policy, portfolio and the first page), further pages, apply in
batches, what is held out if anything is, detect, measure, finish.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from autonomy.config import Settings
from autonomy.crash_points import fault_point
from autonomy.engine import Accounts, Decision, Decisions, PolicyError, decide
from autonomy.engine.observed import would_be
from autonomy.errors import (
    AutonomyError,
    KeyReused,
    LeaseLost,
    PolicyUnusable,
    RunInProgress,
    of_a_run,
)
from autonomy.logs import say, step
from autonomy.run.request import RunAnswer, RunRequest
from autonomy.run.summary import Summary
from autonomy.store import Json, Store, no_later_than

PAGE_LIMIT = 1000
"""Candidates a page: about 1 MB of JSON."""
BATCH_LIMIT = 2000
"""Decisions a transaction: the freeze switch and the deadline act between batches."""
HELD_LIMIT = 10_000
"""Held-out decisions a call: about 2 MB of JSON."""
WORK_GRACE_SECONDS = 25.0
"""What a call that was begun before the deadline may take after it."""
FINISH_GRACE_SECONDS = 50.0
"""The same for the end of a run; 240 + 50 is under the platform's 300."""

Clock = Callable[[], datetime]
Notify = Callable[[Settings, Mapping[str, Any] | None], None]
"""What is called after a run; the result is None where its rules ask for no notification."""


@dataclass
class Run:
    """What one pass knows of itself."""

    id: str
    request: RunRequest
    now: datetime
    began: Json
    deadline: float
    """On the monotonic clock, seconds."""
    started: float = field(default_factory=time.monotonic)

    @property
    def lease_token(self) -> str:
        """The fencing token: whoever took over made it invalid."""
        return str(self.began["lease_token"])

    @property
    def out_of_time(self) -> bool:
        """Whether the internal deadline has passed."""
        return time.monotonic() >= self.deadline


class Runner:
    """Carries out runs on one store. Stateless between runs."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        clock: Clock | None = None,
        notify: Notify | None = None,
    ) -> None:
        """`clock`: for simulations, on a database that allows them; else the database's holds."""
        self._store, self._settings, self._clock = store, settings, clock
        self._notify = notify or self._tell

    def handle(
        self, body: Mapping[str, Any], *, idempotency_key: str | None = None, trigger: str = "http"
    ) -> RunAnswer:
        """One call. Raises BadRequest, KeyReused, RunInProgress, ServiceError.

        A key that was seen and finished gets the stored answer, byte for byte.
        """
        request = RunRequest.parse(body)
        if request.sync:
            from autonomy.run.platforms import read_only

            return read_only(self._store, self._settings, request, self._simulated_now())
        run_id = str(uuid.uuid4())
        deadline = time.monotonic() + self._settings.deadline_seconds
        self._read_feed(run_id, request, deadline)
        began = self._begin(run_id, request, idempotency_key, trigger)
        if began["outcome"] == "stored":
            return RunAnswer(int(began["response_status"]), str(began["response"]))
        if began["outcome"] == "mismatch":
            raise KeyReused(
                "This idempotency key was used with other parameters.",
                hint="Use a new key for a new request, or send the same body again.",
            )
        if began["outcome"] == "busy":
            raise RunInProgress(
                "Another run is in progress.",
                hint="It is safe to call again after the time in Retry-After.",
                retry_after_seconds=int(began.get("retry_after_seconds") or 60),
            )
        fault_point(self._settings.fault, "after_begin")
        if began.get("platforms"):
            began = self._read_platforms(began, run_id, request, idempotency_key, trigger, deadline)
        now = datetime.fromisoformat(str(began["now"]))
        return self._carry_out(Run(run_id, request, now, began, deadline))

    def _read_feed(self, run_id: str, request: RunRequest, deadline: float) -> None:
        """What a warehouse has come to know. Whatever becomes of it, the run goes on."""
        if request.dry_run:
            return
        with step("feed", run_id=run_id) as counts, no_later_than(deadline):
            try:
                counts["due"] = self._store.rpc("read_feed", retry=False, **self._simulated_now())[
                    "due"
                ]
            except AutonomyError as error:  # where the database is at fault, so says the beginning
                counts["code"] = error.code

    def _begin(self, run_id: str, request: RunRequest, key: str | None, trigger: str) -> Json:
        with step("begin", run_id=run_id) as counts:
            try:
                began = self._store.begin_run(
                    p_run_id=run_id,
                    p_request=request.model_dump(exclude_none=True, exclude={"sync"}),
                    p_idempotency_key=key,
                    p_trigger=trigger,
                    p_lease_seconds=self._settings.lease_seconds,
                    p_page_limit=PAGE_LIMIT,
                    **self._simulated_now(),
                )
            except AutonomyError as error:
                raise of_a_run(error) from error
            counts["outcome"] = began["outcome"]
        return began

    def _read_platforms(
        self, began: Json, run_id: str, request: RunRequest, key: str | None, trigger: str,
        deadline: float,
    ) -> Json:  # fmt: skip
        """Read the connected accounts; the run then begins on what was read, under its lease."""
        from autonomy.run.platforms import read_before_deciding

        accounts = [str(account) for account in began["platforms"]]
        with step("platforms", run_id=run_id, accounts=len(accounts)):
            said = read_before_deciding(
                self._store, self._settings, accounts, deadline, self._simulated_now()
            )
        began = self._begin(run_id, request, key, trigger)
        if began["outcome"] != "started":
            raise LeaseLost("Another run took over while the accounts were read.")
        return {**began, "warnings": [*(began.get("warnings") or []), *said]}

    def _simulated_now(self) -> Json:
        """The moment as an argument; left out, the database's clock says it."""
        return {} if self._clock is None else {"p_now": self._clock().isoformat()}

    def _carry_out(self, run: Run) -> RunAnswer:
        summary = Summary(run.id, run.began, run.request, run.now)
        try:
            with no_later_than(run.deadline + WORK_GRACE_SECONDS):
                result = self._pass(run, summary)
        except LeaseLost:
            raise
        except AutonomyError as cause:
            error = of_a_run(cause)
            self._give_up(run, error)
            raise error from cause
        answer = RunAnswer.success(result)
        fault_point(self._settings.fault, "before_finish")
        with step("finish", run_id=run.id), no_later_than(run.deadline + FINISH_GRACE_SECONDS):
            self._store.finish_run(
                p_run_id=run.id,
                p_lease_token=run.lease_token,
                p_summary=result,
                p_response=answer.body,
                p_response_status=answer.status,
                **self._simulated_now(),
            )
        fault_point(self._settings.fault, "after_finish")
        if not run.request.dry_run:
            self._notify(self._settings, None if summary.silent else result)
        return answer

    def _pass(self, run: Run, summary: Summary) -> Json:
        decisions = self._decide(run)
        summary.decided(decisions)
        self._ask_platforms(run, decisions, summary)
        if run.request.dry_run or run.began["mode"] == "observe":
            if not run.request.dry_run:
                self._carry_over(run, summary)
            self._foresee(run, summary)
            return summary.result(run.started)
        self._apply(run, decisions, summary)
        self._carry_over(run, summary)
        self._hold_out(run, decisions)
        self._detect(run, summary)
        self._measure(run, summary)
        return summary.result(run.started)

    def _decide(self, run: Run) -> Decisions:
        """Judgement over streamed pages. Raises PolicyUnusable where a limit is missing."""
        with step("decide", run_id=run.id) as counts:
            try:
                decisions = decide(
                    run.began["rules"],
                    self._candidates(run),
                    run.began["policy"],
                    run.now,
                    run.began["portfolio"],
                    accounts=Accounts(
                        run.began["account_policies"],
                        run.began["account_priors"],
                        run.began["account_totals"],
                    ),
                    include_inactive_rules=run.request.include_inactive_rules,
                    dry_run=run.request.dry_run,
                )
            except PolicyError as error:
                raise PolicyUnusable(str(error)) from error
            counts["decisions"] = len(decisions)
        fault_point(self._settings.fault, "after_decide")
        return decisions

    def _candidates(self, run: Run) -> Iterator[Json]:
        pages = self._store.candidate_pages(
            run.began["page"],
            page_limit=PAGE_LIMIT,
            shard=run.request.shard,
            inactive=run.request.include_inactive_rules,
            now=run.now.isoformat(),
        )
        for page in pages:
            yield from page
        fault_point(self._settings.fault, "after_load")

    def _apply(self, run: Run, decisions: Decisions, summary: Summary) -> None:
        # what takes first: in an account with a total it makes the room for what adds
        chosen = sorted(decisions.to_apply, key=lambda one: one.adds)
        fault_point(self._settings.fault, "before_apply")
        with step("apply", run_id=run.id, decisions=len(chosen)):
            for start in range(0, len(chosen), BATCH_LIMIT):
                if run.out_of_time:
                    summary.stopped_at_deadline(len(chosen) - start)
                    break
                batch = chosen[start : start + BATCH_LIMIT]
                self._apply_batch(run, batch, summary)
                fault_point(self._settings.fault, "after_apply_batch")
        fault_point(self._settings.fault, "after_apply")

    def _apply_batch(self, run: Run, batch: list[Decision], summary: Summary) -> None:
        answer = self._store.apply(
            run_id=run.id,
            lease_token=run.lease_token,
            decisions=[_row(run, decision) for decision in batch],
            now=run.now.isoformat(),
        )
        summary.applied(batch, answer)

    def _ask_platforms(self, run: Run, decisions: Decisions, summary: Summary) -> None:
        """Would they take what would be done? In a dry run, and where a platform is only asked."""
        if not run.began.get("pushes") or not (run.request.dry_run or run.began.get("validates")):
            return
        wishes = {
            one.campaign_id: {"previous": one.previous.to_dict(), "new": new.to_dict()}
            for one in decisions
            if (new := would_be(one)) is not None
        }
        if not wishes:
            return
        from autonomy.run.platforms import ask_platforms

        with step("ask", run_id=run.id) as counts:
            for one in ask_platforms(self._store, self._settings, wishes, run.began, run.deadline):
                summary.asked(one.account, one.would_take, one.would_refuse, one.sentences)
                counts["would_refuse"] = counts.get("would_refuse", 0) + one.would_refuse

    def _carry_over(self, run: Run, summary: Summary) -> None:
        """What waits for a platform, of this run's doing or another's: its money before all else
        that a run does."""
        accounts = run.began.get("pushes") or []
        if not accounts:
            return
        from autonomy.run.platforms import carry_over

        with step("carry over", run_id=run.id, accounts=len(accounts)):
            done = carry_over(
                self._store, self._settings, accounts, run.deadline, self._simulated_now()
            )
        for one in done:
            summary.delivered(one.account, one.counts, one.told, one.warning)

    def _hold_out(self, run: Run, decisions: Decisions) -> None:
        """Note what the comparison group was spared, to hold against it what was done."""
        held = [one.for_comparison() for one in decisions if one.code == "HOLDOUT"]
        for start in range(0, 0 if run.out_of_time else len(held), HELD_LIMIT):
            self._store.rpc(
                "record_held_out",
                p_run_id=run.id,
                p_lease_token=run.lease_token,
                p_held=held[start : start + HELD_LIMIT],
                p_now=run.now.isoformat(),
            )

    def _detect(self, run: Run, summary: Summary) -> None:
        if run.out_of_time or not run.request.first_shard:
            return
        with step("detect", run_id=run.id) as counts:
            found = self._store.rpc("record_opportunities", **self._simulated_now())
            summary.detected(int(found["detected"]))
            counts.update(found)

    def _foresee(self, run: Run, summary: Summary) -> None:
        """What would be detected; a dry run counts and writes nothing."""
        if run.request.first_shard and not run.out_of_time:
            now = run.now.isoformat()
            summary.detected(self._store.rpc_count("detect_optimization_opportunities", p_now=now))

    def _measure(self, run: Run, summary: Summary) -> None:
        if run.out_of_time or not run.request.first_shard:
            return
        with step("measure", run_id=run.id) as counts:
            counts.update(self._store.rpc("measure_action_impact", **self._simulated_now()))
            summary.measured(int(counts["measured"]))

    def _give_up(self, run: Run, error: AutonomyError) -> None:
        """Release the lease if the database still answers: the next run need not wait for it."""
        say("run failed", run_id=run.id, code=error.code, error=error.message)
        failure = RunAnswer.failure(error)
        try:
            with no_later_than(run.deadline + FINISH_GRACE_SECONDS):
                self._store.finish_run(
                    p_run_id=run.id,
                    p_lease_token=run.lease_token,
                    p_summary={"success": False, "error": error.code},
                    p_response=failure.body,
                    p_response_status=failure.status,
                    **self._simulated_now(),
                )
        except AutonomyError as second:
            say("lease not released", run_id=run.id, code=second.code)
        said = f"{error.code}: {error.message}"
        if not run.request.dry_run:
            self._notify(self._settings, {"success": False, "run_id": run.id, "error": said})

    def _tell(self, settings: Settings, result: Mapping[str, Any] | None) -> None:
        """By the channels that are set up; without any, nothing is asked or imported."""
        if settings.channels:
            from autonomy.run.notify.telling import notify

            notify(settings, self._store, result, self._simulated_now())


def _row(run: Run, decision: Decision) -> Json:
    """A decision as the database takes it; its id, of run and campaign, is accepted once."""
    return decision.for_apply() | {
        "rule_version": run.began["rule_versions"].get(decision.rule_id),
        "action_id": str(uuid.uuid5(uuid.UUID(run.id), decision.campaign_id)),
    }
