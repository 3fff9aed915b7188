"""The embedded stack: PostgreSQL and PostgREST on this machine, nothing to sign up for."""

from autonomy.errors import LocalStackError
from autonomy.local.places import DEFAULT_DATA_DIR
from autonomy.local.stack import LocalStack

__all__ = ["DEFAULT_DATA_DIR", "LocalStack", "LocalStackError"]
