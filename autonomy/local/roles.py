"""The roles of a hosted project: the same names, rights and statement timeouts."""

from __future__ import annotations

import hashlib
from pathlib import Path

from autonomy.errors import LocalStackError
from autonomy.local.keys import Keys

# Hosted projects grant new tables to no role, service_role included, so nothing is granted
# here but the use of the schema: a migration that forgets a GRANT fails here as it would there.
_ROLES = """
do $$
declare
  v_role text;
begin
  foreach v_role in array array['anon', 'authenticated', 'service_role', 'authenticator'] loop
    if not exists (select from pg_roles where rolname = v_role) then
      execute format('create role %I', v_role);
    end if;
  end loop;
end
$$;
alter role anon nologin noinherit;
alter role authenticated nologin noinherit;
alter role service_role nologin noinherit bypassrls;
alter role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role service_role set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
"""
_SCHEMA = "grant usage on schema public to anon, authenticated, service_role"


def apply_roles(port: int, keys: Keys, stamp: Path) -> None:
    """Brings the roles to what this version of the code says; quick when they are."""
    wanted = hashlib.sha256(f"{_ROLES}{_SCHEMA}".encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    try:
        import psycopg
        from psycopg import sql
    except ImportError:
        raise LocalStackError(
            "The Python package psycopg is missing. Run `make setup`, or "
            "`python -m pip install -r requirements-local.txt`."
        ) from None
    # New databases copy template1, so a scratch database gets the same rights on its schema.
    for database in ("postgres", "template1"):
        url = database_url(port, keys, database)
        with psycopg.connect(url, autocommit=True) as connection:
            if database == "postgres":
                connection.execute(_ROLES)
                password = sql.Literal(keys.authenticator_password)
                statement = sql.SQL("alter role authenticator password {}").format(password)
                connection.execute(statement)
            connection.execute(_SCHEMA)
    stamp.write_text(wanted)


def database_url(port: int, keys: Keys, database: str = "postgres") -> str:
    return f"postgresql://postgres:{keys.postgres_password}@127.0.0.1:{port}/{database}"


def authenticator_url(port: int, keys: Keys) -> str:
    password = keys.authenticator_password
    return f"postgresql://authenticator:{password}@127.0.0.1:{port}/postgres"
