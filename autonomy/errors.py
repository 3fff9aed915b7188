"""What can go wrong, as a tree, and how each error reaches a caller.

    AutonomyError
    ├── RequestError                 the caller can mend it; never retried
    │   ├── BadRequest       400     body, header or parameter
    │   ├── WrongClock       400     a moment that is not the database's
    │   ├── Unauthenticated  401     no or wrong token
    │   ├── Forbidden        403     known, but not allowed
    │   ├── NotFound         404     no such campaign, action, rule, opportunity
    │   ├── StateConflict    409     the state is not the one the call presumes
    │   ├── RunInProgress    409     another run holds the lease (Retry-After)
    │   ├── KeyReused        422     same idempotency key, other parameters
    │   └── TooManyTries     429     sign-in throttled (Retry-After)
    └── ServiceError         503     the caller can only wait or repair the set-up
        ├── NotConfigured            a variable is missing or wrong
        ├── PolicyUnusable           a limit is missing: never "no limit"
        ├── NotMigrated              the database lacks our tables or functions
        ├── DatabaseUnavailable      connection, restart, deadlock; retryable
        │   └── BeingUpgraded        a migration is under way or just ended; retryable
        ├── DatabaseTimeout          a statement took too long; again would take as long
        ├── DatabaseRefused          an answer of the database that we do not know
        ├── LeaseLost                another run took over; nothing more is written
        └── MigrationError           a database could not be brought up to date (command line)

What the parts that know no caller refuse; each message is the sentence that a person reads:

    RuleError                        a rule says what the language does not have
    PolicyError                      a limit is missing or no number: never "no limit"
    CandidateError                   a campaign's row cannot be read; it is left alone
    PastError                        an export or a history that cannot be used
    ├── ExportError                  the file cannot be read as an export
    ├── MappingError                 the mapping file is wrong
    └── ReplayError                  the history or the settings do not allow a replay
    LocalStackError                  the local stack cannot do what was asked

The database raises errors of its own class ``AO`` (see ``FROM_SQLSTATE``): codes are mapped, never
texts.
"""

from __future__ import annotations


class AutonomyError(Exception):
    """An error with a stable code, a sentence, and what to do about it."""

    code = "ERROR"
    http_status = 503
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        place: str = "",
        retry_after_seconds: int | None = None,
        sqlstate: str = "",
    ) -> None:
        """`place`: the part of a rule that is wrong, as condition.all[1].operator. `sqlstate`: the
        database's own code, where it is its error."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.place = place
        self.retry_after_seconds = retry_after_seconds
        self.sqlstate = sqlstate


class RequestError(AutonomyError):
    """The caller can mend it."""

    code = "BAD_REQUEST"
    http_status = 400


class BadRequest(RequestError):
    """The body, a header or a parameter is not what the interface takes."""


class WrongClock(RequestError):
    """The moment given is not the database's; only a session that simulates may name another."""

    code = "WRONG_CLOCK"


class Unauthenticated(RequestError):
    """No token, or one that is not ours."""

    code = "UNAUTHENTICATED"
    http_status = 401


class Forbidden(RequestError):
    """Signed in, but this role may not do it."""

    code = "FORBIDDEN"
    http_status = 403


class NotFound(RequestError):
    """No such campaign, action, rule, opportunity or page."""

    code = "NOT_FOUND"
    http_status = 404


class StateConflict(RequestError):
    """The state is not the one that the call presumes."""

    code = "CONFLICT"
    http_status = 409


class Frozen(StateConflict):
    """The kill switch is on."""

    code = "FROZEN"


class RunInProgress(RequestError):
    """Another run holds the lease of this shard."""

    code = "RUN_IN_PROGRESS"
    http_status = 409


class KeyReused(RequestError):
    """The idempotency key was used with other parameters."""

    code = "IDEMPOTENCY_KEY_REUSED"
    http_status = 422


class BeyondLimit(RequestError):
    """The value lies beyond an absolute limit of the policy."""

    code = "BEYOND_LIMIT"
    http_status = 422


class TooManyTries(RequestError):
    """Too many failed sign-ins."""

    code = "TOO_MANY_TRIES"
    http_status = 429


class ServiceError(AutonomyError):
    """The service cannot answer now."""

    code = "UNAVAILABLE"


class NotConfigured(ServiceError):
    """A variable of the environment is missing or wrong."""

    code = "NOT_CONFIGURED"


class PolicyUnusable(ServiceError):
    """A limit of the policy is missing or no number; nothing is decided without it."""

    code = "POLICY_UNUSABLE"


class NotMigrated(ServiceError):
    """The database lacks our tables or functions."""

    code = "NOT_MIGRATED"


class DatabaseUnavailable(ServiceError):
    """Connection refused or lost, restart, deadlock. Safe to try again: writes are idempotent."""

    code = "DATABASE_UNAVAILABLE"
    retryable = True


class BeingUpgraded(DatabaseUnavailable):
    """The schema is being changed, or was within the last minute: what failed may succeed now."""

    code = "BEING_UPGRADED"


class DatabaseTimeout(ServiceError):
    """A statement was cut off at the role's time limit; its transaction left nothing behind."""

    code = "DATABASE_TIMEOUT"


class DatabaseRefused(ServiceError):
    """The database answered with an error that this program does not know."""

    code = "DATABASE_REFUSED"


class LeaseLost(ServiceError):
    """Another run took over the lease; this one writes nothing more."""

    code = "LEASE_LOST"


class MigrationError(ServiceError):
    """A database could not be brought up to date; it is as it was."""

    code = "MIGRATION_FAILED"


class RuleError(ValueError):
    """A rule says something that the language does not have (AO001)."""

    code = "AO001"

    def __init__(self, *sentences: str) -> None:
        super().__init__(sentences[0])
        self.sentences = sentences


class PolicyError(ValueError):
    """A limit is missing, NULL, not a number or out of range (AO002): never "no limit"."""

    code = "AO002"


class CandidateError(ValueError):
    """A campaign's row cannot be read; that campaign is left alone."""

    code = "AO010"


class PastError(Exception):
    """A sentence for the person at the terminal, with what to do."""


class ExportError(PastError):
    """The file cannot be read as an export."""


class MappingError(PastError):
    """The mapping file is wrong."""


class ReplayError(PastError):
    """The history or the settings do not allow a replay."""


class LocalStackError(Exception):
    """The local stack cannot do what was asked; the message says what to do about it."""


AGAIN_HINT = "Nothing was done twice; call again."
MIGRATE_HINT = (
    "Apply the migrations (python -m autonomy migrate --database-url ..., or paste "
    "sql/create_autonomous_operations.sql into the SQL editor, run it, then "
    "sql/create_autonomous_operations_pages.sql)."
)

FROM_SQLSTATE: dict[str, type[AutonomyError]] = {
    "AO001": BadRequest,  # rule
    "AO002": BadRequest,  # policy
    "AO003": NotFound,  # campaign
    "AO004": StateConflict,
    "AO005": Frozen,
    "AO006": BeyondLimit,
    "AO007": LeaseLost,
    "AO008": RunInProgress,
    "AO010": BadRequest,  # argument
    "AO011": NotFound,  # action
    "AO012": StateConflict,
    "AO013": NotFound,  # opportunity
    "AO014": WrongClock,
    "AO015": BeingUpgraded,
    "22P02": BadRequest,  # text that is no uuid, number or time
    "22007": BadRequest,  # text that is no date or time
    "22008": BadRequest,  # time out of range
    "22003": BadRequest,  # number out of range
    "22021": BadRequest,  # NUL in a text
    "22P05": BadRequest,  # NUL escaped in JSON
    "23505": StateConflict,  # unique: a name that exists
    "23514": BadRequest,  # check constraint
    "23502": BadRequest,  # not null
    "42501": NotConfigured,  # the key is not the service role's
    "42P01": NotMigrated,
    "42883": NotMigrated,
    "PGRST202": NotMigrated,
    "PGRST205": NotMigrated,
    "PGRST301": NotConfigured,  # JWT not ours
    "57014": DatabaseTimeout,
    "57P01": DatabaseUnavailable,
    "57P02": DatabaseUnavailable,
    "57P03": DatabaseUnavailable,
    "40001": DatabaseUnavailable,
    "40P01": DatabaseUnavailable,
    "55P03": DatabaseUnavailable,
    "53300": DatabaseUnavailable,
    "PGRST000": DatabaseUnavailable,
    "PGRST001": DatabaseUnavailable,
    "PGRST002": DatabaseUnavailable,
    "PGRST003": DatabaseUnavailable,
}

_HINTS: dict[type[AutonomyError], str] = {
    NotMigrated: MIGRATE_HINT,
    NotConfigured: "SUPABASE_SERVICE_ROLE_KEY must be the service_role or sb_secret_ key.",
    DatabaseUnavailable: AGAIN_HINT,
    BeingUpgraded: AGAIN_HINT,
}


def from_database(
    code: str | None, message: str | None, hint: str | None, details: str | None = None
) -> AutonomyError:
    """The error of ours for an SQLSTATE or a PostgREST code (``DatabaseRefused`` where unknown)."""
    kind = FROM_SQLSTATE.get(code or "", DatabaseRefused)
    if kind is DatabaseRefused:
        return DatabaseRefused(
            f"The database answered with an error ({code or 'no code'}).",
            hint="The function's log has the whole answer.",
            sqlstate=code or "",
        )
    place = details or "" if code == RuleError.code else ""
    return kind(
        message or kind.__doc__ or "",
        hint=hint or _HINTS.get(kind, ""),
        place=place,
        sqlstate=code or "",
    )


def of_a_run(error: AutonomyError) -> AutonomyError:
    """An error of the database as a run's caller meets it: who only asked for a run can mend
    neither a policy nor a figure that is stored, so it is no 400."""
    if error.sqlstate == PolicyError.code:
        return PolicyUnusable(error.message, hint=error.hint, sqlstate=error.sqlstate)
    if error.sqlstate[:2] in ("22", "23") and isinstance(error, RequestError):
        return DatabaseRefused(
            f"Something that is stored cannot be computed with: {error.message}",
            hint="What was written before stands; `python -m autonomy audit` looks for the cause.",
            sqlstate=error.sqlstate,
        )
    return error
