"""What a hosted project's advisors look for, by the names that they show.

Each lint is a query for the names of what is wrong, and a statement that does it wrong. Left out
are those that judge a database's use and settings, not its schema: unused_index, table_bloat,
the versions of extensions, and pg_graphql, which shows an admin the tables that an admin may read.
"""

# ruff: noqa: E501 - SQL reads better on its own lines

from __future__ import annotations

from typing import NamedTuple

_TABLES = "from pg_class c where c.relnamespace in ('public'::regnamespace, 'autonomy'::regnamespace) and c.relkind in ('r', 'p')"
_POLICIES = "select tablename || '.' || policyname from pg_policies where schemaname in ('public', 'autonomy')"
_FUNCTIONS = "select p.oid::regprocedure::text from pg_proc p where p.pronamespace in ('public'::regnamespace, 'autonomy'::regnamespace)"
_BROWSER = "unnest(array['anon', 'authenticated']) b (role)"
_TABLE = "create table public.wrong (a integer primary key, b integer);"
_AUTH = "create schema auth; create function auth.uid() returns uuid language sql as 'select null::uuid';"


class Lint(NamedTuple):
    finds: str
    planted: str


LINTS = {
    "unindexed_foreign_keys": Lint(
        """select k.conname::text from pg_constraint k
           where k.contype = 'f' and k.connamespace in ('public'::regnamespace, 'autonomy'::regnamespace) and not exists (
             select from pg_index i where i.indrelid = k.conrelid and i.indisvalid
               and (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)] = k.conkey)""",
        "create table public.wrong (a uuid references public.campaigns (id))",
    ),
    "auth_users_exposed": Lint(
        """select r.ev_class::regclass::text from pg_depend d join pg_rewrite r on r.oid = d.objid
           where d.refobjid = to_regclass('auth.users')""",
        "create schema auth; create table auth.users (id uuid); create view public.wrong as select * from auth.users",
    ),
    # Also where it is evaluated once: what the advisors know of a policy is its text.
    "auth_rls_initplan": Lint(
        _POLICIES
        + r""" and regexp_replace(lower(concat(qual, ' ', with_check)),
             'select (auth\.\w+\(|current_setting\()', '', 'g') ~ '(auth\.\w+|current_setting)\('""",
        "create policy wrong on public.campaigns using (current_setting('app.id', true) = id::text)",
    ),
    "no_primary_key": Lint(
        f"select c.relname::text {_TABLES} and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)",
        "create table public.wrong (a integer)",
    ),
    "multiple_permissive_policies": Lint(
        """select tablename::text from pg_policies p, unnest(p.roles) r (name),
             unnest(case p.cmd when 'ALL' then array['SELECT', 'INSERT', 'UPDATE', 'DELETE'] else array[p.cmd] end) c (cmd)
           where schemaname in ('public', 'autonomy') and permissive = 'PERMISSIVE' group by tablename, r.name, c.cmd having count(*) > 1""",
        "create policy wrong on public.campaigns to authenticated using (budget > 0)",
    ),
    "policy_exists_rls_disabled": Lint(
        f"select c.relname::text {_TABLES} and not c.relrowsecurity and exists (select from pg_policy p where p.polrelid = c.oid)",
        "alter table public.campaigns disable row level security",
    ),
    "rls_enabled_no_policy": Lint(
        f"select c.relname::text {_TABLES} and c.relrowsecurity and not exists (select from pg_policy p where p.polrelid = c.oid)",
        _TABLE + "alter table public.wrong enable row level security",
    ),
    "duplicate_index": Lint(
        """select min(indexname) from pg_indexes where schemaname in ('public', 'autonomy')
           group by tablename, replace(indexdef, indexname, '') having count(*) > 1""",
        _TABLE + "create index one on public.wrong (b); create index two on public.wrong (b)",
    ),
    "security_definer_view": Lint(
        """select c.relname::text from pg_class c where c.relnamespace in ('public'::regnamespace, 'autonomy'::regnamespace) and c.relkind = 'v'
           and not lower(coalesce(c.reloptions::text, '{}'))::text[] && array['security_invoker=true', 'security_invoker=on']""",
        "create view public.wrong as select * from public.campaigns",
    ),
    "function_search_path_mutable": Lint(
        _FUNCTIONS + """ and not coalesce('search_path=""' = any (p.proconfig), false)""",
        "create function public.wrong() returns integer language sql as 'select 1'",
    ),
    "rls_disabled_in_public": Lint(
        f"select c.relname::text {_TABLES} and not c.relrowsecurity",
        _TABLE,
    ),
    "extension_in_public": Lint(
        "select extname::text from pg_extension where extnamespace in ('public'::regnamespace, 'autonomy'::regnamespace)",
        "update pg_extension set extnamespace = 'public'::regnamespace",
    ),
    "rls_references_user_metadata": Lint(
        _POLICIES + " and concat(qual, with_check) like '%user_metadata%'",
        """create policy wrong on public.campaigns using (
             (select current_setting('request.jwt.claims'))::jsonb -> 'user_metadata' ? 'admin')""",
    ),
    "materialized_view_in_api": Lint(
        f"""select c.relname::text from pg_class c, {_BROWSER}
           where c.relnamespace in ('public'::regnamespace, 'autonomy'::regnamespace) and c.relkind = 'm' and has_table_privilege(b.role, c.oid, 'select')""",
        "create materialized view public.wrong as select 1 as a; grant select on public.wrong to anon",
    ),
    "foreign_table_in_api": Lint(
        "select c.relname::text from pg_class c where c.relnamespace in ('public'::regnamespace, 'autonomy'::regnamespace) and c.relkind = 'f'",
        """create foreign data wrapper wrong; create server wrong foreign data wrapper wrong;
           create foreign table public.wrong (a integer) server wrong""",
    ),
    "unsupported_reg_types": Lint(
        """select a.attrelid::regclass::text from pg_attribute a join pg_class c on c.oid = a.attrelid
           where c.relnamespace in ('public'::regnamespace, 'autonomy'::regnamespace) and a.atttypid::regtype::text ~ '^reg' and a.atttypid <> 'regclass'::regtype""",
        "create table public.wrong (a regproc)",
    ),
    "fkey_to_auth_unique": Lint(
        "select conname::text from pg_constraint where contype = 'f' and connamespace in ('public'::regnamespace, 'autonomy'::regnamespace)"
        " and confrelid in (select oid from pg_class where relnamespace = to_regnamespace('auth'))",
        """create schema auth; create table auth.users (id uuid unique);
           create table public.wrong (a uuid references auth.users (id))""",
    ),
    "sensitive_columns_exposed": Lint(
        f"""select c.relname || '.' || a.attname {_TABLES.replace("from pg_class c", "from pg_class c join pg_attribute a on a.attrelid = c.oid")}
           and not c.relrowsecurity and a.attname ~ '(password|secret|token|api_key|jwt)'""",
        "create table public.wrong (id integer, api_key text)",
    ),
    "rls_policy_always_true": Lint(
        _POLICIES
        + " and regexp_replace(concat(qual, with_check), '[() ]', '', 'g') in ('true', 'truetrue', '1=1')",
        "create policy wrong on public.campaigns for insert with check (true)",
    ),
    "rls_policy_null_auth_disjunct": Lint(
        _POLICIES + " and qual ~* 'is null'",
        _AUTH
        + "create policy wrong on public.campaigns using ((select auth.uid()) is null or budget > 0)",
    ),
    "anon_table_exposed": Lint(
        "select c.relname::text from pg_class c where c.relnamespace in ('public'::regnamespace, 'autonomy'::regnamespace)"
        " and c.relkind in ('r', 'p', 'v', 'm', 'f') and has_any_column_privilege('anon', c.oid, 'select')",
        "grant select (title) on public.campaigns to anon",
    ),
    "security_definer_function_executable": Lint(
        f"""{_FUNCTIONS.replace("from pg_proc p", "from pg_proc p, " + _BROWSER)}
           and p.prosecdef and has_function_privilege(b.role, p.oid, 'execute')""",
        "create function public.wrong() returns integer language sql security definer as 'select 1'",
    ),
    "autovacuum_disabled": Lint(
        f"select c.relname::text {_TABLES} and c.reloptions::text like '%autovacuum_enabled=%'",
        "alter table public.campaigns set (autovacuum_enabled = false)",
    ),
    "invalid_index": Lint(
        "select indexrelid::regclass::text from pg_index where not indisvalid",
        _TABLE
        + """create index odd on public.wrong (b);
           update pg_index set indisvalid = false where indexrelid = 'odd'::regclass""",
    ),
}
