"""What the same work costs at least: one scan, and the bare statements. And our own parts of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg

from autonomy.run.runner import BATCH_LIMIT

ALL_SLOTS = "int4range(0, 65536)"

# The campaigns that a run has just acted on, kept to be written again.
KEEP = """
drop schema if exists bench cascade;
create schema bench;
create table bench.rows as select a.* from public.autonomous_actions a
where a.status = 'executed' and a.created_at > now() - interval '20 days';
"""
BARE = """
with changed as (
  update public.campaigns c
  set status = r.new_state ->> 'status', budget = (r.new_state ->> 'budget')::numeric, updated_at = now()
  from bench.rows r where c.id = r.campaign_id
)
insert into public.autonomous_actions select * from bench.rows
"""  # noqa: E501  one statement a row
DECISIONS = """
create table bench.decisions as
select (t.n - 1) / {batch} as batch, jsonb_agg(t.t || jsonb_build_object('action_id', gen_random_uuid(),
  'rule_version', (select autonomy.rule_version(r.condition, r.action) from public.autonomous_rules r where r.id::text = t.t ->> 'rule_id'))
  order by t.n) as decisions
from (select to_jsonb(t) as t, row_number() over (order by t.campaign_id) as n
      from autonomy.told_decisions(array(
        select d from autonomy.decided_run(int4range(0, 65536), false, now(), public.portfolio_state(now())) d
        where d.verdict <> 'hold')) t) t
group by 1
"""  # noqa: E501  one statement a row
LEASE = """
select (autonomy.take_lease(
  %(run)s, autonomy.run_request('{}'), null, 'sql', 300, now()) ->> 'lease_token')::uuid
"""


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


# The rules' predicates over what a run scans: the totals, or where a rule asks for a window, the
# facts. Age is left out: everybody's is sixty days.
SCAN = """
with rules as (select condition from public.autonomous_rules where is_active),
reads as (select distinct x.metric, x.win from rules r cross join lateral autonomy.condition_reads(r.condition) x),
source as (select bool_and(win = 'lifetime') as totals from reads)
select format('select count(*) from (select f.campaign_id, %s from %s f) m where %s',
  (select string_agg(format('%s as %I', case
     when x.metric = 'hours_running' then '1440::float8' when x.metric = 'budget' then '100::float8'
     else autonomy.metric_expression(x.metric, x.win, case when s.totals then 'raw' else 'exact' end) end,
     x.metric || '@' || x.win), ', ') from reads x),
  case when s.totals then 'autonomy.campaign_totals' else 'public.campaign_facts' end,
  (select string_agg('(' || autonomy.compile_condition_part(r.condition, 'columns') || ')', ' or ') from rules r))
from source s
"""  # noqa: E501


def scan_floor(connection: psycopg.Connection) -> tuple[float, int]:
    """One sequential scan of what a run scans, with the rules' predicate; rows found."""
    (query,) = connection.execute(SCAN.encode()).fetchone() or ("",)
    began = time.perf_counter()
    (found,) = connection.execute(query.encode()).fetchone() or (0,)
    return time.perf_counter() - began, found


def finding(connection: psycopg.Connection) -> tuple[float, int]:
    """Our own way to find the candidates, all rules, the whole account."""
    began = time.perf_counter()
    (found,) = connection.execute(
        f"select count(*) from autonomy.matching_campaigns(null, null, {ALL_SLOTS},"
        " false, null, now())"
    ).fetchone() or (0,)
    return time.perf_counter() - began, found


def deciding(connection: psycopg.Connection) -> float:
    """Everything that the engine's twin decides, without the sentences."""
    return timed(
        lambda: connection.execute(
            f"select count(*) from autonomy.decided_run({ALL_SLOTS}, false, now(),"
            " public.portfolio_state(now()))"
        ).fetchone()
    )


def bare_statements(connection: psycopg.Connection) -> float:
    """The rows of the last run in one UPDATE and INSERT, nothing checked; taken back."""
    with connection.transaction(force_rollback=True):
        return timed(lambda: connection.execute(BARE.encode()))


def keep_rows(connection: psycopg.Connection) -> None:
    """Remembers what the last run wrote."""
    connection.execute(KEEP.encode())


def keep_decisions(connection: psycopg.Connection) -> None:
    """The decisions that a run would take now, in batches."""
    connection.execute(DECISIONS.format(batch=BATCH_LIMIT).encode())


def applying(connection: psycopg.Connection) -> tuple[float, int]:
    """The same rows through apply_autonomous_actions in batches; taken back."""
    written = 0
    with connection.transaction(force_rollback=True):
        (run,) = connection.execute("select gen_random_uuid()").fetchone() or (None,)
        (token,) = connection.execute(LEASE.encode(), {"run": run}).fetchone() or (None,)
        batches = connection.execute("select batch from bench.decisions order by 1").fetchall()
        connection.execute(
            "update autonomous_runs set summary = summary || jsonb_build_object('portfolio',"
            " public.portfolio_state(now())) where id = %s",
            (run,),
        )
        began = time.perf_counter()
        for (batch,) in batches:
            (number,) = connection.execute(
                "select jsonb_array_length(public.apply_autonomous_actions(%s, %s,"
                " (select decisions from bench.decisions where batch = %s)) -> 'results')",
                (run, token, batch),
            ).fetchone() or (0,)
            written += number
        seconds = time.perf_counter() - began
    return seconds, written
