"""What is the user's stays the user's: a migration drops, replaces and alters only what is ours."""

# ruff: noqa: E501 - SQL reads better on its own lines

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonomy.errors import MigrationError
from autonomy.migrate import apply, migrations
from autonomy.pasted_scripts import is_for_pages
from autonomy.schema_names import Made, made_by, parts
from tests.ops.documents import DOCS, PROJECT, section
from tests.sql.guide import run_guide
from tests.sql.servers import Db, Server, paste
from tests.sql.test_legacy import OLDER, OLDER_AUTONOMOUS, migrated, one, prepared

MADE = [made for each in migrations() for made in made_by(each.text)]
FUNCTIONS = {made.name: made for made in MADE if made.kind == "function"}
SIX = (
    "identify_underperforming_campaigns", "identify_scaling_candidates",
    "detect_optimization_opportunities", "auto_pause_campaign", "auto_scale_campaign",
    "run_autonomous_operations",
)  # fmt: skip

# Names that were ours in public once.
FORMER = [
    Made("autonomy", "function", name)
    for name in [
        "autonomy_act_by_hand",
        "autonomy_action_marked",
        "autonomy_actor",
        "autonomy_apply",
        "autonomy_busy",
        "autonomy_by_person",
        "autonomy_came_out",
        "autonomy_campaign_changed",
        "autonomy_campaign_touched",
        "autonomy_carry_out",
        "autonomy_change_campaign",
        "autonomy_changed_field",
        "autonomy_decision_entry",
        "autonomy_hold_lease",
        "autonomy_judge",
        "autonomy_lock_decided",
        "autonomy_lock_effects",
        "autonomy_locked_campaign",
        "autonomy_look_around",
        "autonomy_pending_action",
        "autonomy_policy_after",
        "autonomy_policy_guard",
        "autonomy_prepare_run",
        "autonomy_put_back",
        "autonomy_read_decisions",
        "autonomy_restore",
        "autonomy_roll_back",
        "autonomy_rollback_obstacle",
        "autonomy_run_request",
        "autonomy_started",
        "autonomy_state",
        "autonomy_take_lease",
        "autonomy_text",
        "autonomy_write_items",
        "autonomy_writing_at",
    ]
]
FORMER_TABLES = [
    "action_results",
    "action_sum",
    "autonomy_campaign_state",
    "autonomy_candidate",
    "autonomy_decided",
    "autonomy_decision",
    "autonomy_evidence",
    "autonomy_item",
    "autonomy_match",
    "autonomy_measures",
    "autonomy_params",
    "autonomy_replaced",
    "autonomy_result",
    "autonomy_size",
    "autonomy_told",
    "campaign_totals",
    "dashboard_action_days",
    "dashboard_ended_sessions",
    "dashboard_failed_sign_ins",
    "dashboard_performance_days",
    "dashboard_stale_days",
    "opportunity_detection",
    "rule_score",
]

# Everything in both schemas, one line each, with what makes it what it is.
EVERYTHING = """
  select 'function ' || p.oid::regprocedure || ' ' || p.prokind::text as what,
    concat_ws(' ', case when p.prokind <> 'a' then pg_get_functiondef(p.oid) end, p.proacl, p.proowner, obj_description(p.oid, 'pg_proc')) as definition
  from pg_proc p where p.pronamespace = any (%(ours)s::oid[])
  union all
  select 'relation ' || c.oid::regclass || ' ' || c.relkind::text, concat_ws(' ',
    case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) when c.relkind in ('i', 'I') then pg_get_indexdef(c.oid) end,
    coalesce(c.relacl, acldefault('r', c.relowner)), c.relrowsecurity, c.relispopulated, c.reloptions, obj_description(c.oid, 'pg_class'),
    (select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)), ', ' order by a.attnum)
     from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))
  from pg_class c where c.relnamespace = any (%(ours)s::oid[])
  union all
  select 'column ' || c.oid::regclass || '.' || a.attname, concat_ws(' ', a.attacl, col_description(c.oid, a.attnum))
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped where c.relnamespace = any (%(ours)s::oid[])
  union all
  select 'rule ' || r.rulename || ' ' || r.ev_class::regclass, pg_get_ruledef(r.oid) from pg_rewrite r
  where r.ev_class in (select oid from pg_class where relnamespace = any (%(ours)s::oid[]))
  union all
  select 'type ' || t.oid::regtype, concat_ws(' ', t.typtype, obj_description(t.oid, 'pg_type'), (select string_agg(enumlabel, ',') from pg_enum where enumtypid = t.oid))
  from pg_type t where t.typnamespace = any (%(ours)s::oid[])
  union all
  select 'trigger ' || t.tgname || ' ' || t.tgrelid::regclass, pg_get_triggerdef(t.oid) || t.tgenabled::text from pg_trigger t where not t.tgisinternal
  union all
  select 'constraint ' || k.conname || ' ' || k.conrelid::regclass, pg_get_constraintdef(k.oid) from pg_constraint k
  where k.connamespace = any (%(ours)s::oid[]) and k.conrelid <> 0
  union all
  select 'statistics ' || s.stxname, pg_get_statisticsobjdef(s.oid) from pg_statistic_ext s
"""


def everything(url: str) -> dict[str, str]:
    with psycopg.connect(url, options="-c search_path=") as db:
        row = db.execute(
            "select array_agg(oid) from pg_namespace where nspname in ('public', 'autonomy')"
        ).fetchone()
        assert row is not None
        return dict(db.execute(EVERYTHING.encode(), {"ours": row[0]}).fetchall())


def all_again(url: str) -> None:
    with psycopg.connect(url) as db:
        db.execute("delete from autonomy_migrations")
    assert apply(url) == [each.name for each in migrations()]


def lost(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[str, str | None]]:
    return {what: (how, after.get(what)) for what, how in before.items() if after.get(what) != how}


# -------------------------------------------------------------------------------------------------
# What the files make is known from their text
# -------------------------------------------------------------------------------------------------


def test_what_the_files_make_is_what_a_database_gets(own: Db) -> None:
    found = own.execute(
        """with ours as (select oid, nspname::text as schema from pg_namespace where nspname in ('public', 'autonomy'))
           select schema, 'function', proname::text, null, regexp_replace(pg_get_function_arguments(p.oid), '(, )?OUT .*', '')
           from pg_proc p join ours on ours.oid = pronamespace
           union all
           select schema, case relkind when 'r' then 'table' else 'type' end, relname::text, null, null
           from pg_class join ours on ours.oid = relnamespace where relkind in ('r', 'c')
           union all
           select schema, 'trigger', tgname::text, format('%I.%I', schema, relname), null
           from pg_trigger join pg_class c on c.oid = tgrelid join ours on ours.oid = relnamespace
           where not tgisinternal and tgname not like '%zz_autonomy_ratios'
           union all
           select schema, 'statistics', stxname::text, null, null from pg_statistic_ext join ours on ours.oid = stxnamespace
           union all
           select schema, 'index', indexrelid::regclass::text, format('%I.%I', schema, relname), null
           from pg_index i join pg_class c on c.oid = indrelid join ours on ours.oid = relnamespace
           where not exists (select from pg_constraint k where k.conindid = i.indexrelid)"""
    ).fetchall()
    # made only where an older shape asks for them
    older = {"campaign_performance_mirror", "campaign_performance_campaign"}
    told = [(*made[:3], made.table) for made in MADE if made.name not in older]
    local = [(*row[:2], row[2].removeprefix("autonomy."), row[3]) for row in found]
    assert sorted(map(str, told)) == sorted(map(str, local))
    for schema, _, name, _, arguments in [row for row in found if row[1] == "function"]:
        names = [part.split()[0] for part in parts(f"({arguments})", 0)]
        assert [argument.name for argument in FUNCTIONS[name].arguments] == names
        optional = sum(argument.optional for argument in FUNCTIONS[name].arguments)
        assert optional == arguments.count(" DEFAULT "), name
        types = [argument.type for argument in FUNCTIONS[name].arguments]
        row = own.execute(
            "select array(select to_regtype(t)::oid from unnest(%s::text[]) t)"
            " = array(select unnest(proargtypes)::oid) from pg_proc"
            " where pronamespace = %s::regnamespace and proname = %s",
            (types, schema, name),
        ).fetchone()
        assert row == (True,), name


def test_what_is_for_nobody_outside_stands_apart(own: Db) -> None:
    """In public: what the guide and programs call by name, and tables for people."""
    assert not [made.name for made in MADE if made.schema == "public" and made.kind == "type"]
    assert one(
        own,
        "select array_agg(coalesce(r.rolname, 'everybody') || ' ' || privilege_type)"
        " from pg_namespace n cross join aclexplode(nspacl) a left join pg_roles r on r.oid = a.grantee"
        " where nspname = 'autonomy' and a.grantee <> n.nspowner",
    ) == ["service_role USAGE"]


def test_everything_that_stands_alone_carries_the_mark(own: Db) -> None:
    unmarked = own.execute(
        """select c.relname::text from pg_class c where c.relnamespace in ('public'::regnamespace, 'autonomy'::regnamespace) and c.relkind = 'i'
             and coalesce(obj_description(c.oid, 'pg_class'), '') not like '%[autonomous-operations]'
             and not exists (select from pg_constraint k where k.conindid = c.oid)
           union all
           select t.typname::text from pg_type t join pg_class c on c.oid = t.typrelid
           where c.relnamespace in ('public'::regnamespace, 'autonomy'::regnamespace) and c.relkind = 'c'
             and coalesce(obj_description(t.oid, 'pg_type'), '') not like '%[autonomous-operations]'
           union all
           select s.stxname::text from pg_statistic_ext s
           where coalesce(obj_description(s.oid, 'pg_statistic_ext'), '') not like '%[autonomous-operations]'"""
    ).fetchall()
    assert unmarked == []


def test_only_what_makes_way_drops_functions_types_and_triggers() -> None:
    for each in migrations():
        assert not re.search(
            r"drop (function|routine|type|trigger|view|table|index)(?! if exists pg_temp\.)",
            re.sub("--.*", "", each.text),
        ) or (each.name == "0130_policy" and "drop function %s', v_tool.name" in each.text), (
            each.name
        )
        assert not re.search(
            r"\bcascade\b", re.sub(r"on (delete|update) cascade|--.*", "", each.text)
        ), each.name


def test_functions_that_programs_and_people_call_are_known_as_such() -> None:
    text = (PROJECT / "sql" / "before.sql").read_text()
    body = text[text.index("pg_temp.is_called_by_name") :]
    listed = set(re.findall(r"'(\w+)'", body[: body.index("$$;")])) | set(SIX)
    code = "\n".join(path.read_text() for path in Path(PROJECT / "autonomy").rglob("*.py"))
    called = set(re.findall(r'rpc(?:_count)?\(\s*"(\w+)"', code))
    rows = re.findall(
        r"^\| (.+?) \|", section(DOCS / "reference.md", "SQL functions"), re.MULTILINE
    )
    documented = {word for row in rows for word in re.findall(r"`(\w+)\(", row)}
    assert {n for n in called | documented if not n.startswith("dashboard_")} - listed == set()
    assert listed - set(FUNCTIONS) == set()


def test_our_calls_say_the_type_of_what_has_none() -> None:
    """A bare null or literal would rather be taken by a user's overload for text."""
    bare = []
    for each in migrations():
        text = re.sub(r"--[^\n]*", "", each.text)
        for call in re.finditer(r"(?<!function )public\.(\w+)\(", text):
            if call[1] not in FUNCTIONS:
                continue
            ours = FUNCTIONS[call[1]].arguments
            for argument, given in zip(ours, parts(text, call.end() - 1), strict=False):
                if argument.type != "text" and re.fullmatch(r"null|'[^']*'", given):
                    bare.append((each.name, call[1], argument.name, given))
    assert bare == []


# -------------------------------------------------------------------------------------------------
# A database full of the user's own
# -------------------------------------------------------------------------------------------------


def overload(made: Made, types: list[str], name: str = "p_user_only") -> str:
    arguments = ", ".join(f"{name}{n or ''} {kind}" for n, kind in enumerate(types))
    return (
        f"create function public.{made.name}({arguments}) returns text language sql immutable"
        f" as $$ select 'the user''s {made.name}' $$;"
    )


def crowd() -> str:
    """Functions under every name that was ever ours, and what hangs on some of them."""
    theirs = []
    for made in [made for made in FUNCTIONS.values() if made.name not in SIX] + FORMER:
        theirs.append(overload(made, ["point"]))
        if len(made.arguments) > 1:
            theirs.append(overload(made, ["point"] * len(made.arguments)))
        types = [argument.type for argument in made.arguments]
        if made.schema == "autonomy" and not any("." in each for each in types):
            theirs.append(overload(made, types))
    theirs += [f"create table public.{name} (id bigint);" for name in FORMER_TABLES]
    for number, name in enumerate(sorted(set(FUNCTIONS) - set(SIX))):
        if number % 5 == 0:
            theirs.append(
                f"create view public.theirs_{number} as select public.{name}(point '(1,2)') as said;"
                f"create view public.theirs_on_{number} as select said from public.theirs_{number};"
            )
    return (
        "\n".join(theirs)
        + """
        create type public.mood as enum ('sad', 'happy');
        create domain public.share as numeric check (value between 0 and 1);
        create table public.places (
          id bigint generated always as identity primary key, place point, feeling public.mood default 'happy', part public.share,
          rank text generated always as (public.severity_rank(place)) stored,
          check (public.json_number(place) <> ''));
        create index places_rank on public.places (public.closest_word(place));
        create unique index places_once on public.places (public.short_number(place), id) where public.sane_number(place) <> '';
        create materialized view public.all_places as select public.money_words(place) as words from public.places;
        create policy known on public.places using (public.flag_error(place) <> '');
        alter table public.places enable row level security;
        create function public.notice_place() returns trigger language plpgsql as 'begin perform public.known_returns(new.place); return new; end';
        create trigger notice_place before insert on public.places for each row execute function public.notice_place();
        create aggregate public.hour_ranges(bigint) (sfunc = int8pl, stype = bigint);
        create procedure public.autonomy_apply(p_user_only box) language sql as 'select 1';
        create function public.hour_ranges(variadic p_user_only point[]) returns text language sql immutable as 'select 1::text';
        grant execute on function public.json_number(point) to anon;
        revoke execute on function public.severity_rank(point) from public;
        comment on function public.closest_word(point) is 'mine';
        insert into public.places (place) values (point '(3,4)');
        """
    )


def use(db: Db) -> None:
    """Every way into the system once."""
    db.execute(
        """insert into campaigns (title, status, budget, created_at) values
             ('Wrong crowd', 'active', 200, now() - interval '9 days'), ('Right crowd', 'active', 65, now() - interval '9 days')"""
    )
    rows = [
        {
            "campaign_id": str(campaign), "bucket": bucket.isoformat(), "impressions": 9000, "clicks": 200,
            "conversions": 8, "spend": 60, "revenue": 20 if title == "Wrong crowd" else 260,
        }
        for campaign, title in db.execute("select id, title from campaigns where title like '% crowd'")
        for (bucket,) in db.execute("select generate_series(now() - interval '8 days', now(), interval '1 day')")
    ]  # fmt: skip
    assert one(db, "select record_campaign_metrics(%s::jsonb)", json.dumps(rows))["rejected"] == []
    result = one(db, "select run_autonomous_operations()")
    assert result["success"] is True
    assert result["actions_taken"]["campaigns_paused"] == 1
    assert result["actions_taken"]["campaigns_scaled"] == 1
    run_guide(db)
    for call in (
        "record_opportunities()", "measure_action_impact()", "rule_scoreboard()", "autonomous_insights()", "portfolio_state()",
        "fit_portfolio_prior(true)", "campaign_facts_at()", "autonomy_policy_limits()", "autonomy_schema_version()",
        "propose_autonomous_actions()", "list_autonomous_candidates()", "dashboard_overview()", "dashboard_attention()",
        "dashboard_rules()", "dashboard_scoreboard()", "dashboard_runs()", "dashboard_refresh()", "dashboard_ready()",
        "dashboard_actions('{}'::jsonb)", "dashboard_campaign((select id from campaigns limit 1))",
        """dashboard_preview_rule('{"rule_name": "New", "rule_type": "pause", "condition": {"metric": "roi", "operator": "<", "threshold": 1},
                                    "action": {"type": "auto_pause"}}'::jsonb)""",
        """condition_errors('{"metric": "roi", "operator": "<", "threshold": 1}'::jsonb)""",
        """list_past_candidates('[{"metric": "roi", "operator": "<", "threshold": 1}]'::jsonb, array['7d'])""",
        """rollback_autonomous_actions('{"from": "2020-01-01T00:00:00Z"}'::jsonb, 'to see')""",
    ):  # fmt: skip
        db.execute(f"select * from {call}".encode())
    db.execute("update autonomy_policy set time_zone = 'Asia/Tokyo'")
    assert one(db, "select audit_autonomous_actions()")["ok"] is True
    one(db, "select autonomy_reset_defaults()")


def test_a_database_full_of_the_users_own_comes_through_whole_twice(server: Server) -> None:
    url = prepared(server, crowd())
    before = everything(url)
    assert apply(url) == [each.name for each in migrations()]
    assert lost(before, everything(url)) == {}
    ours = everything(url)
    all_again(url)
    assert lost(ours, everything(url)) == {}
    with psycopg.connect(url, autocommit=True) as db:
        use(db)
        assert (
            one(db, "select said from theirs_on_0")
            == "the user's " + sorted(set(FUNCTIONS) - set(SIX))[0]
        )
        assert one(db, "select rank from places") == "the user's severity_rank"
        db.execute("refresh materialized view all_places")
        assert one(db, "select count(*) from all_places") == 1
    assert lost(before, everything(url)) == {}


def test_the_same_in_an_older_shape_by_the_pasted_scripts(server: Server) -> None:
    url = prepared(server, OLDER, OLDER_AUTONOMOUS, crowd())
    theirs = everything(prepared(server, crowd()))
    with psycopg.connect(url, autocommit=True) as db:
        for _ in range(2):
            paste(db)
    assert lost(theirs, everything(url)) == {}


@pytest.mark.parametrize(
    "theirs",
    [
        "json_number(text)", "json_number(p_value text)", "severity_rank(integer)", "closest_word(text)",
        "known_returns(integer)", "impact_number(text)", "dashboard_runs(p_page integer)", "short_number(text)",
        "begin_autonomous_run(p_started date)", "portfolio_state(p_account integer)", "shard_slots(bigint, bigint)",
    ],
)  # fmt: skip
def test_another_function_of_the_same_name_is_left_alone(server: Server, theirs: str) -> None:
    url = prepared(
        server,
        f"create function public.{theirs} returns text language sql immutable as 'select ''mine'''",
    )
    before = everything(url)
    apply(url)
    all_again(url)
    assert lost(before, everything(url)) == {}
    with psycopg.connect(url, autocommit=True) as db:
        use(db)


# -------------------------------------------------------------------------------------------------
# What is in the way is named, and nothing is changed
# -------------------------------------------------------------------------------------------------

SAYS = "language sql immutable as 'select ''mine''::text'"
CLASHES = {
    "function public.rule_errors(text,jsonb,jsonb)": f"create function public.rule_errors(text, jsonb, jsonb) returns text {SAYS}",
    "function public.condition_errors(jsonb)": f"create function public.condition_errors(v jsonb) returns text {SAYS}",
    "function public.dashboard_ready()": "create function public.dashboard_ready() returns trigger language plpgsql as 'begin return null; end'",
    # where our own calls would be taken by theirs, or by none
    "function public.dashboard_session_ended(character varying)": f"create function public.dashboard_session_ended(varchar) returns text {SAYS}",
    "function public.audit_autonomous_actions(bigint)": f"create function public.audit_autonomous_actions(bigint) returns text {SAYS}",
    "function public.dashboard_session_ended(anyelement)": f"create function public.dashboard_session_ended(anyelement) returns text {SAYS}",
    "function public.dashboard_rules()": f"create function public.dashboard_rules() returns text {SAYS}",
    "function public.dashboard_action(text)": f"create function public.dashboard_action(p_action_id text) returns text {SAYS}",
    "function public.dashboard_refresh(point)": f"create function public.dashboard_refresh(p_milliseconds point default null) returns text {SAYS}",
    "function public.rollback_autonomous_action(text)": f"create function public.rollback_autonomous_action(text) returns text {SAYS}",
    "function public.campaign_facts_at(text)": f"create function public.campaign_facts_at(text) returns text {SAYS}",
    "function public.dashboard_rule_history(text,integer)": f"create function public.dashboard_rule_history(text, integer) returns text {SAYS}",
    "function public.set_opportunity_status(uuid,text[])": f"create function public.set_opportunity_status(uuid, variadic text[]) returns text {SAYS}",
    "function public.dashboard_span(record)": "create function public.dashboard_span(record) returns text language plpgsql as 'begin return 1; end'",
    "procedure public.portfolio_state(timestamp with time zone)": "create procedure public.portfolio_state(timestamptz) language sql as 'select 1'",
    "aggregate public.auto_pause_campaign(point)": "create aggregate public.auto_pause_campaign(point) (sfunc = point_add, stype = point)",
    "view public.campaign_facts": "create view public.campaign_facts as select 1 as one",
    "table public.autonomy_policy": "create table public.autonomy_policy (id boolean); insert into public.autonomy_policy values (true)",
    "table public.autonomy_migrations": "create table public.autonomy_migrations (version bigint)",
    "schema autonomy": "create schema autonomy; create table autonomy.mine (id bigint)",
    "table public.campaign_daily": "create table public.campaign_daily (day date); insert into public.campaign_daily values (now())",
    "materialized view public.campaigns": "create materialized view public.campaigns as select gen_random_uuid() as id",
    "sequence public.autonomous_rule_changes": "create sequence public.autonomous_rule_changes",
    "type public.campaign_changes": "create type public.campaign_changes as (one text)",
    "type public.autonomous_runs": "create type public.autonomous_runs as enum ('good', 'bad')",
    "domain public.campaign_daily": "create domain public.campaign_daily as text",
    "index public.autonomous_actions_one_pending": "create table public.autonomous_actions (id uuid); create index autonomous_actions_one_pending on public.autonomous_actions (id)",
    "view public.autonomous_actions_run": "create view public.autonomous_actions_run as select 1 as one",
    "statistics public.campaigns_lower_status": "create table public.campaigns (id uuid, status text); create statistics public.campaigns_lower_status on id, status from public.campaigns",
    "trigger check_autonomous_rule on public.autonomous_rules": """create table public.autonomous_rules (id uuid);
        create function public.mine() returns trigger language plpgsql as 'begin return new; end';
        create trigger check_autonomous_rule before insert on public.autonomous_rules for each row execute function public.mine()""",
    "trigger autonomy_campaign_updated on public.campaigns": """create table public.campaigns (id uuid);
        create function public.mine() returns trigger language plpgsql as 'begin return new; end';
        create trigger autonomy_campaign_updated after update on public.campaigns for each row execute function public.mine()""",
}  # fmt: skip


def is_of_the_second(name: str) -> bool:
    """Whether what stands in the way of this is in the second pasted script."""
    files = [each for each in migrations() if is_for_pages(each.name)]
    return any(made.name in re.findall(r"\w+", name) for f in files for made in made_by(f.text))


@pytest.mark.parametrize("name", CLASHES)
def test_what_is_in_the_way_is_named_and_nothing_is_changed(server: Server, name: str) -> None:
    url = prepared(server, CLASHES[name])
    before = everything(url)
    with pytest.raises(MigrationError) as caught:
        apply(url)
    assert caught.value.message == (
        f"The schema could not be applied: The {name} is in the way: this system makes its own"
        " under that name. It left nothing behind."
    )
    assert caught.value.hint == (
        f"Nothing has been changed. Rename what is yours (alter {name} rename to ...),"
        " then run the migrations again."
    )
    assert everything(url) == before
    with psycopg.connect(url, autocommit=True) as db:
        with pytest.raises(psycopg.Error, match=re.escape(name)):
            paste(db)
        db.execute("rollback")
    # the first script has no use for what the second makes
    found = everything(url)
    assert found == before or (is_of_the_second(name) and lost(before, found) == {})
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"alter {name} rename to renamed".encode())
    theirs = {what: how for what, how in everything(url).items() if re.search(r"\brenamed\b", what)}
    if "campaigns" not in name and "autonomous_" not in name:
        apply(url)
        assert lost(theirs, everything(url)) == {}


def test_all_that_is_in_the_way_is_named_at_once(server: Server) -> None:
    url = prepared(server, ";".join(CLASHES[name] for name in sorted(CLASHES)[:12]))
    with pytest.raises(MigrationError) as caught:
        apply(url)
    assert [name for name in sorted(CLASHES)[:12] if name not in caught.value.message] == []


def test_a_clash_on_a_migrated_database_leaves_it_as_it_was(server: Server) -> None:
    url = server.migrated()
    with psycopg.connect(url) as db:
        db.execute("drop function autonomy.severity_rank(text)")
        db.execute(f"create function autonomy.severity_rank(text) returns text {SAYS}".encode())
        db.execute("update autonomy_migrations set checksum = '' where name like '0870%'")
    before = everything(url)
    with pytest.raises(MigrationError, match=r"severity_rank\(text\)"):
        apply(url)
    assert everything(url) == before


# -------------------------------------------------------------------------------------------------
# The guide's six
# -------------------------------------------------------------------------------------------------


def test_the_guides_six_are_replaced_and_kept(server: Server) -> None:
    url = prepared(server, OLDER)
    with psycopg.connect(url, options="-c search_path=") as db:
        theirs: dict[str, str] = dict(
            db.execute(
                "select oid::regprocedure::text, pg_get_functiondef(oid) from pg_proc"
                " where pronamespace = 'public'::regnamespace and proname = any(%s)",
                (list(SIX),),
            ).fetchall()
        )
    assert len(theirs) == 7
    said = migrated(url)
    for name in theirs:
        assert (
            f"{name} was here before; ours takes its place. Its definition is kept in autonomy.replaced."
            in said
        )
    with psycopg.connect(url, autocommit=True) as db:
        assert (
            dict(db.execute("select name, definition from autonomy.replaced").fetchall()) == theirs
        )
        counted = (
            "select routine_name from information_schema.routines where routine_name = any(%s)"
        )
        assert sorted(name for (name,) in db.execute(counted, (list(SIX),))) == sorted(SIX)
        assert one(db, "select obj_description('losers'::regclass)") == "For the weekly report"
        assert one(db, "select count(*) from losers") == one(
            db,
            "select count(*) from identify_underperforming_campaigns(100) where current_budget > 0",
        )
        assert one(db, "select campaign_title, current_budget from losers") == ("Loser", 200)
        # Whatever is kept can be made again, under any name.
        db.execute("set check_function_bodies = off")
        for definition in theirs.values():
            db.execute(re.sub(r"public\.(\w+)\(", r"public.old_\1(", definition, count=1).encode())
    # Ours, from now on: replaced without a word.
    all_again(url)
    with psycopg.connect(url) as db:
        assert one(db, "select count(*) from autonomy.replaced") == 7
        assert one(db, "select campaign_title, current_budget from losers") == ("Loser", 200)


VIEWS = {
    "other columns": """create function public.identify_scaling_candidates() returns table (campaign_id uuid, spend numeric)
        language sql as 'select null::uuid, 1.0'; create view public.mine as select spend from public.identify_scaling_candidates()""",
    "other order": """create function public.identify_underperforming_campaigns() returns table (campaign_title text, campaign_id uuid)
        language sql as 'select ''a'', null::uuid'; create view public.mine as select campaign_title from public.identify_underperforming_campaigns()""",
    "other types": """create function public.detect_optimization_opportunities() returns table (campaign_id text)
        language sql as 'select ''a'''; create view public.mine as select * from public.detect_optimization_opportunities()""",
    "other arguments": """create function public.identify_underperforming_campaigns(max_roi numeric) returns table (campaign_id uuid)
        language sql as 'select null::uuid'; create view public.mine as select * from public.identify_underperforming_campaigns(0.8)""",
    "another result": """create function public.run_autonomous_operations() returns text
        language sql as 'select ''done'''; create materialized view public.mine as select public.run_autonomous_operations() as said""",
    "a view on it": """create function public.identify_scaling_candidates() returns table (campaign_id uuid, spend numeric)
        language sql as 'select null::uuid, 1.0'; create view public.mine as select spend from public.identify_scaling_candidates();
        create view public.more as select * from public.mine""",
}  # fmt: skip


@pytest.mark.parametrize("case", VIEWS)
def test_a_view_that_would_read_something_else_is_named_and_nothing_is_changed(
    server: Server, case: str
) -> None:
    url = prepared(server, VIEWS[case])
    before = everything(url)
    with pytest.raises(MigrationError) as caught:
        apply(url)
    assert "The view public.mine reads " in caught.value.message
    assert "has other columns or arguments from now on" in caught.value.message
    assert caught.value.hint.startswith("Nothing has been changed. Drop that view")
    assert everything(url) == before
    with psycopg.connect(url, autocommit=True) as db:
        with pytest.raises(psycopg.Error, match=r"The view public\.mine reads"):
            paste(db)
        db.execute("rollback")
    assert everything(url) == before


@pytest.mark.parametrize(
    ("theirs", "named"),
    [
        (
            """create function public.auto_pause_campaign() returns trigger language plpgsql as 'begin return new; end';
            create table public.mine (id bigint);
            create trigger watch before insert on public.mine for each row execute function public.auto_pause_campaign()""",
            "trigger watch on table public.mine depends on function public.auto_pause_campaign()",
        ),
        (
            """create function public.auto_scale_campaign(integer) returns integer language sql immutable as 'select 2 * $1';
            create table public.mine (id integer); create index twice on public.mine (public.auto_scale_campaign(id))""",
            "index public.twice depends on function public.auto_scale_campaign(integer)",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_brought_back_is_named_and_nothing_is_changed(
    server: Server, theirs: str, named: str
) -> None:
    url = prepared(server, theirs)
    before = everything(url)
    with pytest.raises(MigrationError) as caught:
        apply(url)
    assert f"Something of yours would be lost: {named}." in caught.value.message
    assert caught.value.hint.startswith("Nothing has been changed. Drop it")
    assert everything(url) == before


# -------------------------------------------------------------------------------------------------
# What the user builds on ours
# -------------------------------------------------------------------------------------------------

ON_OURS = """
create view public.losers as select campaign_title, roi from public.identify_underperforming_campaigns(20) where roi < 0.5;
create view public.worst with (security_barrier) as select * from public.losers order by roi limit 3;
create materialized view public.alarms as select severity, autonomy.severity_rank(severity) as rank, count(*)
  from public.detect_optimization_opportunities() group by severity;
create unique index alarms_once on public.alarms (severity);
grant select on public.worst to anon;
grant select (campaign_title) on public.losers to authenticated with grant option;
comment on column public.losers.roi is 'as a multiple';
alter view public.losers alter column roi set default 0;
create rule quiet as on insert to public.losers do instead nothing;
create function public.refuse() returns trigger language plpgsql as 'begin raise exception ''no''; end';
create trigger refuse instead of update on public.losers for each row execute function public.refuse();
create materialized view public.empty_yet as select * from public.rule_scoreboard() with no data;
create view public.scores as select rule_name, money from public.rule_scoreboard();
create view public.facts_now as select campaign_id, life_spend from public.campaign_facts_at(now());
"""


def test_views_on_our_functions_come_through(server: Server, tmp_path: Path) -> None:
    url = server.migrated()
    with psycopg.connect(url) as db:
        db.execute(ON_OURS.encode())
    before = everything(url)
    all_again(url)
    assert lost(before, everything(url)) == {}
    assert set(everything(url)) == set(before)


def test_what_we_no_longer_make_goes_and_what_is_theirs_stays(server: Server) -> None:
    url = server.migrated()
    with psycopg.connect(url) as db:
        db.execute(
            "create function public.of_ours_once() returns bigint language sql as 'select 1';"
            "comment on function public.of_ours_once() is 'Gone. [autonomous-operations]';"
            "create function autonomy.mine() returns bigint language sql as 'select 1';"
            "create type autonomy.my_type as (one text);"
            "create view mine as select autonomy.mine() as one"
        )
        db.execute("delete from autonomy_migrations")
    before = everything(url)
    apply(url)
    assert list(lost(before, everything(url))) == ["function public.of_ours_once() f"]


def test_what_hangs_on_a_function_of_ours_is_not_lost(server: Server) -> None:
    url = server.migrated()
    with psycopg.connect(url) as db:
        db.execute(
            "create table mine (severity text, score autonomy.rule_score);"
            "create index mine_rank on mine (autonomy.severity_rank(severity))"
        )
        db.execute("delete from autonomy_migrations")
    before = everything(url)
    with pytest.raises(MigrationError, match="index public.mine_rank depends on function"):
        apply(url)
    assert everything(url) == before
    with psycopg.connect(url) as db:
        db.execute("drop index mine_rank")
    with pytest.raises(MigrationError, match="column score of table public.mine depends on type"):
        apply(url)


def test_whoever_asks_gets_no_say_over_the_tools(own: Db) -> None:
    """They go with the transaction."""
    assert own.execute(
        "select count(*) from pg_proc where pronamespace = pg_my_temp_schema()"
    ).fetchone() == (0,)
    before: Any = own.execute(
        "select count(*) from pg_class where relname like 'autonomy\\_%%' and relpersistence = 't'"
    ).fetchone()
    assert before == (0,)


def test_nobody_is_called_with_the_rights_of_whoever_migrates(server: Server) -> None:
    """An operator that fits better than the server's own, and a view that is filled anew."""
    url = server.database()
    with psycopg.connect(url) as db:
        db.execute(
            b"""
            create table public.tricked (by text);
            grant insert on public.tricked to public;
            create function public.trick(oid, regclass) returns boolean language plpgsql as
              $$ begin insert into public.tricked values ('operator'); return $1::bigint = $2::oid::bigint; end $$;
            create operator public.= (leftarg = oid, rightarg = regclass, function = public.trick);
            create function public.hold(numeric, interval) returns interval language plpgsql as
              $$ begin insert into public.tricked values ('hold'); return $2; end $$;
            create operator public.* (leftarg = numeric, rightarg = interval, function = public.hold);
            """
        )
    apply(url)
    all_again(url)
    with psycopg.connect(url) as db:
        db.execute("insert into campaigns (title, status, budget) values ('One', 'active', 10)")
        made = one(db, "select auto_pause_campaign((select id from campaigns), 'by hand')")
        db.execute("select rollback_autonomous_action(%s::uuid)", (made,))
        assert one(db, "select count(*) from tricked") == 0


def test_a_view_is_filled_with_the_rights_of_its_owner(server: Server) -> None:
    url = server.migrated()
    with psycopg.connect(url) as db:
        db.execute(
            b"""
            drop role if exists weak;
            create role weak;
            create schema mine authorization weak;
            grant usage on schema autonomy to weak;
            grant execute on function autonomy.severity_rank(text) to weak;
            grant execute on function public.run_autonomous_operations(timestamptz) to weak;
            set role weak;
            create function mine.who() returns text language sql as 'select current_user::text';
            create materialized view mine.ranks as select mine.who() as who, autonomy.severity_rank('high') as rank;
            reset role;
            """
        )
    all_again(url)
    with psycopg.connect(url) as db:
        assert one(db, "select who from mine.ranks") == "weak"
        granted = "select has_function_privilege('weak', 'run_autonomous_operations(timestamptz)', 'execute')"
        assert one(db, granted) is True
        db.execute("drop owned by weak cascade; drop role weak")
