"""A stand-in for gcloud: checks each call against the documented commands, keeps a small cloud.

The table is the reference of the Google Cloud CLI (cloud.google.com/sdk/gcloud/reference, version
528): a command or a flag that is not documented there ends with exit code 2, as with the real one.
The cloud is a JSON file; every call is recorded with its arguments.

    GCLOUD_STANDIN=folder python gcloud.py secrets describe NAME ...
"""

from __future__ import annotations

import binascii
import json
import os
import re
import sys
from pathlib import Path

TYPE_CHECKING = False  # it is started often: no import that it can do without
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

EVERYWHERE = {"--project", "--quiet", "--format", "--filter", "--flatten"}
POLICY = {"--member", "--role"}
JOB = {
    *("--location", "--schedule", "--time-zone", "--uri", "--http-method", "--message-body"),
    *("--oidc-service-account-email", "--oidc-token-audience", "--attempt-deadline"),
    *("--max-retry-attempts", "--max-retry-duration", "--min-backoff", "--max-backoff"),
    *("--max-doublings", "--description"),
}
DEPLOY = {
    *("--gen2", "--region", "--runtime", "--entry-point", "--trigger-http", "--source"),
    *("--allow-unauthenticated", "--no-allow-unauthenticated", "--service-account", "--memory"),
    *("--build-service-account", "--cpu", "--timeout", "--concurrency", "--min-instances"),
    *("--max-instances", "--ingress-settings", "--update-labels", "--set-build-env-vars"),
    *("--update-env-vars", "--set-secrets"),
}
SWITCHES = {
    *("--gen2", "--trigger-http", "--allow-unauthenticated", "--no-allow-unauthenticated"),
    "--quiet",
}
# command -> (how many positional arguments, its flags)
COMMANDS: dict[str, tuple[int, set[str]]] = {
    "auth list": (0, set()),
    "auth print-identity-token": (0, set()),
    "config get": (1, set()),
    "projects describe": (1, set()),
    "services list": (0, set()),
    "services enable": (-1, set()),
    "iam service-accounts describe": (1, set()),
    "iam service-accounts create": (1, {"--display-name", "--description"}),
    "iam service-accounts delete": (1, set()),
    "secrets describe": (1, set()),
    "secrets create": (1, {"--replication-policy", "--data-file", "--labels"}),
    "secrets delete": (1, set()),
    "secrets versions add": (1, {"--data-file"}),
    "secrets versions access": (1, {"--secret"}),
    "secrets versions describe": (1, {"--secret"}),
    "secrets get-iam-policy": (1, set()),
    "secrets add-iam-policy-binding": (1, POLICY),
    "functions describe": (1, {"--region"}),
    "functions deploy": (1, DEPLOY),
    "functions delete": (1, {"--region"}),
    "run services get-iam-policy": (1, {"--region"}),
    "run services add-iam-policy-binding": (1, {*POLICY, "--region"}),
    "run services remove-iam-policy-binding": (1, {*POLICY, "--region"}),
    "scheduler jobs describe": (1, {"--location"}),
    "scheduler jobs list": (0, {"--location"}),
    "scheduler jobs delete": (1, {"--location"}),
    "scheduler jobs create http": (1, {*JOB, "--headers"}),
    "scheduler jobs update http": (1, {*JOB, "--update-headers"}),
}
READS = ("list", "describe", "get", "get-iam-policy", "access", "print-identity-token")


def fail(message: str, code: int = 1) -> None:
    print(f"ERROR: (gcloud) {message}", file=sys.stderr)
    sys.exit(code)


def parsed(argv: list[str]) -> tuple[str, list[str], dict[str, str]]:
    """The command, its positional arguments and flags; exit code 2 for what is not documented."""
    words = [word for word in argv if not word.startswith("--")]
    command = next((c for n in (4, 3, 2) if (c := " ".join(words[:n])) in COMMANDS), "")
    if not command:
        fail(f"Invalid choice: {' '.join(words[:3])}", 2)
    count, allowed = COMMANDS[command]
    positional = words[len(command.split()) :]
    flags: dict[str, str] = {}
    for word in (word for word in argv if word.startswith("--")):
        name, equals, value = word.partition("=")
        if name not in allowed | EVERYWHERE:
            fail(f"unrecognized arguments: {name}", 2)
        if (name in SWITCHES) == bool(equals):
            fail(f"argument {name}: expected {'no' if equals else 'one'} argument", 2)
        flags[name] = value
    if count >= 0 and len(positional) != count:
        fail(f"{command}: expected {count} positional arguments, got {positional}", 2)
    return command, positional, flags


class Cloud:
    """What is there, and what each command does to it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "cloud.json"
        self.state: Json = json.loads(self._file.read_text())

    def save(self) -> None:
        self._file.write_text(json.dumps(self.state, indent=1))

    def run(self, command: str, names: list[str], flags: dict[str, str]) -> Any:
        if command == self.state.get("broken"):
            fail("broken on purpose")
        service = self.needs_service(command)
        if service and service not in self.state["services"]:
            fail(f"PERMISSION_DENIED: {service} has not been used: SERVICE_DISABLED")
        if not command.startswith(("auth", "config", "projects")) and not flags.get("--project"):
            fail("The required property [project] is not currently set.")
        return getattr(self, re.sub(r"[ -]", "_", command))(*names, **_named(flags))

    @staticmethod
    def needs_service(command: str) -> str | None:
        service = {
            "functions": "cloudfunctions", "run": "run", "secrets": "secretmanager",
            "scheduler": "cloudscheduler", "iam": "iam",
        }.get(command.split(maxsplit=1)[0])  # fmt: skip
        return f"{service}.googleapis.com" if service else None

    def auth_list(self, **_: str) -> Any:
        return [{"account": one} for one in self.state["accounts"]]

    def auth_print_identity_token(self, **_: str) -> Any:
        return [{"token": "an.identity.token"}]

    def config_get(self, name: str, **_: str) -> Any:
        return [{"value": self.state["config"].get(name, "(unset)")}]

    def projects_describe(self, project: str, **_: str) -> Any:
        if project not in self.state["projects"]:
            fail(f"[{project}] not found")
        return {"projectId": project}

    def services_list(self, **_: str) -> Any:
        return [{"config": {"name": name}} for name in self.state["services"]]

    def services_enable(self, *names: str, **_: str) -> None:
        self.state["services"] += [name for name in names if name not in self.state["services"]]

    def iam_service_accounts_describe(self, email: str, **_: str) -> Any:
        return self.the("service_accounts", email)

    def iam_service_accounts_create(self, name: str, **given: str) -> None:
        if not re.fullmatch("[a-z](?:[-a-z0-9]{4,28}[a-z0-9])", name):
            fail(f"Bad value [{name}]: 6 to 30 characters")
        email = f"{name}@{given['project']}.iam.gserviceaccount.com"
        self.add("service_accounts", email, {"email": email, "name": email})

    def iam_service_accounts_delete(self, email: str, **_: str) -> None:
        self.remove("service_accounts", email)

    def secrets_describe(self, name: str, **_: str) -> Any:
        return self.the("secrets", name)

    def secrets_create(self, name: str, *, data_file: str, **_: str) -> None:
        self.add("secrets", name, {"name": name, "versions": [_stdin(data_file)], "bindings": []})

    def secrets_delete(self, name: str, **_: str) -> None:
        self.remove("secrets", name)

    def secrets_versions_add(self, name: str, *, data_file: str, **_: str) -> None:
        self.the("secrets", name)["versions"].append(_stdin(data_file))

    def secrets_versions_describe(self, version: str, *, secret: str, **_: str) -> Any:
        number = self._version(version, secret)
        return {"name": f"projects/1/secrets/{secret}/versions/{number}"}

    def secrets_versions_access(self, version: str, *, secret: str, **_: str) -> Any:
        number = self._version(version, secret)
        return [{"payload": self.the("secrets", secret)["versions"][number - 1]}]

    def _version(self, version: str, secret: str) -> int:
        versions = self.the("secrets", secret)["versions"]
        return len(versions) if version == "latest" else int(version)

    def secrets_get_iam_policy(self, name: str, **_: str) -> Any:
        return {"bindings": self.the("secrets", name)["bindings"]}

    def secrets_add_iam_policy_binding(
        self, name: str, *, member: str, role: str, **_: str
    ) -> None:
        self._check_member(member)
        binding = {"role": role, "members": [member]}
        self.the("secrets", name)["bindings"].append(binding)

    def functions_describe(self, name: str, **_: str) -> Any:
        return self.the("functions", name)

    def functions_delete(self, name: str, **_: str) -> None:
        self.remove("functions", name)

    def functions_deploy(self, name: str, **given: str) -> None:
        source = Path(given["source"])
        if f"def {given['entry_point']}(" not in (source / "main.py").read_text():
            fail("the entry point is not in main.py")
        if int(given["concurrency"]) > 1 and float(given["cpu"]) < 1:
            fail("concurrency above 1 needs at least one CPU")
        email = given["service_account"]
        self.the("service_accounts", email)
        secret_variables = [self._secret(pair, email) for pair in given["set_secrets"].split(",")]
        seen = self.state["functions"].get(name, {"serviceConfig": {"environmentVariables": {}}})
        variables = seen["serviceConfig"]["environmentVariables"] | _pairs(given["update_env_vars"])
        self.state["functions"][name] = {
            "name": f"projects/p/locations/{given['region']}/functions/{name}",
            "url": self.state["function_url"],
            "labels": {"deployment-tool": "cli-gcloud", **_pairs(given["update_labels"])},
            "buildConfig": {
                "runtime": given["runtime"],
                "entryPoint": given["entry_point"],
                "environmentVariables": _pairs(given["set_build_env_vars"]),
            },
            "serviceConfig": {
                "availableMemory": given["memory"],
                "availableCpu": given["cpu"],
                "timeoutSeconds": int(given["timeout"].removesuffix("s")),
                "maxInstanceCount": int(given["max_instances"]),
                "maxInstanceRequestConcurrency": int(given["concurrency"]),
                "serviceAccountEmail": email,
                "environmentVariables": variables,
                "secretEnvironmentVariables": secret_variables,
                "uri": "https://autonomous-operations-abc-uc.a.run.app",
            },
        }
        self.state["uploaded"] = sorted(
            str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()
        )
        members = ["allUsers"] if "allow_unauthenticated" in given else []
        policy = [one for one in self.state["invokers"] if one != "allUsers"]
        self.state["invokers"] = policy + members

    def _secret(self, pair: str, reader: str) -> Json:
        match = re.fullmatch(r"([A-Z_]+)=([a-z-]+):(\d+)", pair)
        if not match:
            raise SystemExit(f"--set-secrets: {pair}")
        secret = self.the("secrets", match[2])
        allowed = [m for b in secret["bindings"] for m in b["members"]]
        if f"serviceAccount:{reader}" not in allowed or int(match[3]) > len(secret["versions"]):
            fail(f"{reader} may not read version {match[3]} of {match[2]}")
        return {"key": match[1], "projectId": "1", "secret": match[2], "version": match[3]}

    def run_services_get_iam_policy(self, name: str, **_: str) -> Any:
        self.the("functions", name)
        return {"bindings": [{"role": "roles/run.invoker", "members": self.state["invokers"]}]}

    def run_services_add_iam_policy_binding(self, name: str, *, member: str, **_: str) -> None:
        self._check_member(member)
        self.the("functions", name)
        self.state["invokers"].append(member)

    def run_services_remove_iam_policy_binding(self, name: str, *, member: str, **_: str) -> None:
        self.the("functions", name)
        self.state["invokers"].remove(member)

    def _check_member(self, member: str) -> None:
        if member.startswith("serviceAccount:"):
            self.the("service_accounts", member.partition(":")[2])

    def scheduler_jobs_describe(self, name: str, **_: str) -> Any:
        return self.the("jobs", name)

    def scheduler_jobs_list(self, **_: str) -> Any:
        return list(self.state["jobs"].values())

    def scheduler_jobs_delete(self, name: str, **_: str) -> None:
        self.remove("jobs", name)

    def scheduler_jobs_create_http(self, name: str, **given: str) -> None:
        self.add("jobs", name, self._job(name, given, given["headers"]))

    def scheduler_jobs_update_http(self, name: str, **given: str) -> None:
        self.the("jobs", name)
        self.state["jobs"][name] = self._job(name, given, given["update_headers"])

    def _job(self, name: str, given: dict[str, str], headers: str) -> Json:
        if len(given["schedule"].split()) != 5 or not given["uri"].startswith("https://"):
            fail("the schedule or the URI is malformed")
        seconds = int(given["attempt_deadline"].removesuffix("s"))
        if not 15 <= seconds <= 1800:
            fail("attempt deadline: between 15 seconds and 30 minutes")
        email = given["oidc_service_account_email"]
        self.the("service_accounts", email)
        return {
            "name": f"projects/p/locations/{given['location']}/jobs/{name}",
            "state": "ENABLED",
            "schedule": given["schedule"],
            "timeZone": given["time_zone"],
            "attemptDeadline": given["attempt_deadline"],
            "httpTarget": {
                "uri": given["uri"],
                "httpMethod": given["http_method"].upper(),
                "body": binascii.b2a_base64(given["message_body"].encode(), newline=False).decode(),
                "headers": {"User-Agent": "Google-Cloud-Scheduler", **_pairs(headers)},
                "oidcToken": {
                    "serviceAccountEmail": email,
                    "audience": given["oidc_token_audience"],
                },
            },
            "retryConfig": {
                "retryCount": int(given["max_retry_attempts"]),
                "maxRetryDuration": given["max_retry_duration"],
                "minBackoffDuration": given["min_backoff"],
                "maxBackoffDuration": given["max_backoff"],
                "maxDoublings": int(given["max_doublings"]),
            },
        }

    def the(self, kind: str, name: str) -> Any:
        if name not in self.state[kind]:
            fail(f"NOT_FOUND: {kind} [{name}] was not found")
        return self.state[kind][name]

    def add(self, kind: str, name: str, value: Json) -> None:
        if name in self.state[kind]:
            fail(f"ALREADY_EXISTS: {kind} [{name}]")
        self.state[kind][name] = value

    def remove(self, kind: str, name: str) -> None:
        self.the(kind, name)
        del self.state[kind][name]


def _named(flags: dict[str, str]) -> dict[str, str]:
    return {name[2:].replace("-", "_"): value for name, value in flags.items()}


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.split(","))


def _stdin(data_file: str) -> str:
    if data_file != "-":
        fail("the value must come through standard input")
    value = sys.stdin.read()
    if not value:
        fail("an empty secret")
    return value


def shown(value: Any, flags: dict[str, str]) -> list[str]:
    """`--format=value[separator=...](...)` and `--flatten`, as far as they are used."""
    if value is None:
        return []
    rows = value if isinstance(value, list) else [value]
    if flatten := flags.get("--flatten"):
        rows = [copy for row in rows for copy in _flat(row, flatten.removesuffix("[]").split("."))]
    form = flags.get("--format", "value(value,token,payload)")
    match = re.fullmatch(r'value(?:\[separator="(.)"\])?\((.+)\)', form)
    if not match:
        raise SystemExit(f"format: {form}")
    keys = [key.strip() for key in match[2].split(",")]
    if form == "value(value,token,payload)":
        return ["".join(str(v) for v in row.values()) for row in rows]
    return [(match[1] or "\t").join(_text(row, key) for key in keys) for row in rows]


def _flat(row: Json, path: list[str]) -> list[Json]:
    head, rest = path[0], path[1:]
    if head.endswith("[]"):
        head, members = head[:-2], row.get(head[:-2], [])
        return [{**row, head: c} for member in members for c in _flat(member, rest)]
    if not rest:
        return [{**row, head: member} for member in row.get(head, [])]
    return [{**row, head: child} for child in _flat(row.get(head, {}), rest)]


def _text(row: Any, key: str) -> str:
    base = key.endswith(".basename()")
    value = row
    for part in key.removesuffix(".basename()").split("."):
        value = value.get(part) if isinstance(value, dict) else None
    text = "" if value is None else str(value)
    return text.rpartition("/")[2] if base else text


def main(argv: list[str]) -> None:
    folder = Path(os.environ["GCLOUD_STANDIN"])
    with (folder / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(argv) + "\n")
    command, names, flags = parsed(argv)
    cloud = Cloud(folder)
    answer = cloud.run(command, names, flags)
    if command.split()[-1] not in READS:
        with (folder / "changes.jsonl").open("a") as changes:
            changes.write(json.dumps(argv) + "\n")
        cloud.save()
    for line in shown(answer, flags):
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
