"""Where the stack keeps its things, and as whom its servers run.

PostgreSQL refuses to run as root. Under root the servers therefore run as an unprivileged
user, and their files lie where that user can reach them: in the data folder, or, where a
folder above it is closed, in a folder of our own under TMPDIR or /var/tmp.
Rights of folders that are not ours are never changed.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess  # a shell, but a fixed script  # nosec B404
import tempfile
from dataclasses import dataclass
from pathlib import Path

from autonomy.errors import LocalStackError

CLONE = Path(__file__).resolve().parents[2]
DEFAULT_DATA_DIR = CLONE / ".autonomy"
USER_VARIABLE = "AUTONOMY_LOCAL_USER"
# What is made in one is this user's alone, or refused (_our_own).
_TEMPORARY_FOLDERS = ("/var/tmp", "/tmp")  # noqa: S108  # nosec B108


@dataclass(frozen=True)
class ServerUser:
    """The unprivileged user of the servers when the caller is root."""

    name: str
    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        return self._test("-x", folder)

    def can_run(self, binary: Path) -> bool:
        return self._test("-x", binary)

    def _test(self, flag: str, path: Path) -> bool:
        # Asking as that user sees access lists and mounts that mode bits do not show.
        answer = subprocess.run(  # what varies are its arguments  # nosec B603
            ["/bin/sh", "-c", 'test "$1" "$2"', "sh", flag, str(path)],
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            cwd="/",
            check=False,
        )
        return answer.returncode == 0


@dataclass(frozen=True)
class Places:
    """The folders of one stack."""

    data_dir: Path
    server_root: Path
    user: ServerUser | None

    @property
    def cluster(self) -> Path:
        return self.server_root / "pgdata"

    @property
    def binaries(self) -> Path:
        return self.server_root / "binaries"

    @property
    def keys(self) -> Path:
        return self.data_dir / "keys.json"

    @property
    def lock(self) -> Path:
        return self.data_dir / "lock"

    @property
    def roles_stamp(self) -> Path:
        return self.data_dir / "roles.stamp"

    def log(self, name: str) -> Path:
        return self.data_dir / "logs" / f"{name}.log"

    def give(self, path: Path) -> None:
        """Hands a file or folder of ours to the servers' user."""
        if self.user is not None:
            os.chown(path, self.user.uid, self.user.gid)


def prepare(data_dir: Path) -> Places:
    """Makes the folders of a stack, or says why they cannot be made."""
    data_dir = data_dir.expanduser().resolve()
    as_root = os.geteuid() == 0
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        (data_dir / "logs").mkdir(exist_ok=True)
        if data_dir.stat().st_uid == os.geteuid():
            data_dir.chmod(0o711 if as_root else 0o700)
        with tempfile.TemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        raise LocalStackError(
            f"The data folder {data_dir} cannot be written ({error.strerror}). Give it to this "
            "user, or name another folder with --data-dir or LocalStack(data_dir=...)."
        ) from error
    user = _server_user() if as_root else None
    root = data_dir if user is None else _reachable_root(data_dir, user)
    return Places(data_dir, root, _owner_of(root / "pgdata", user))


def _server_user() -> ServerUser:
    name = os.environ.get(USER_VARIABLE, "nobody")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise LocalStackError(
            f"PostgreSQL does not run as root and there is no user {name!r} to run it as. "
            f"Set {USER_VARIABLE} to an unprivileged user, or work as an ordinary user."
        ) from None
    if entry.pw_uid == 0:
        raise LocalStackError(f"{USER_VARIABLE} must name an unprivileged user, not root.")
    return ServerUser(name, entry.pw_uid, entry.pw_gid)


def _owner_of(cluster: Path, user: ServerUser | None) -> ServerUser | None:
    """A cluster made by an ordinary user goes on under that user when root starts it."""
    if user is None or not cluster.exists():
        return user
    owner = cluster.stat()
    if owner.st_uid in (0, user.uid):
        return user
    return ServerUser(f"uid {owner.st_uid}", owner.st_uid, owner.st_gid)


def recorded_root(data_dir: Path) -> Path | None:
    """The folder outside of the data folder, where one was needed."""
    try:
        text = (data_dir / "server_root").read_text().strip()
    except OSError:
        return None
    root = Path(text)
    # The note must never lead `make clean` to a folder that is not this stack's own.
    return root if root.name == _root_name(data_dir) else None


def _root_name(data_dir: Path) -> str:
    key = hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
    return f"autonomy-{os.geteuid()}-{key}"


def _reachable_root(data_dir: Path, user: ServerUser) -> Path:
    if user.can_enter(data_dir):
        return data_dir
    root = recorded_root(data_dir)
    if root is None or not root.exists():
        root = _open_temporary_folder(user) / _root_name(data_dir)
        if root.exists():
            # Left by a data folder of this name that was removed by hand, with its keys.
            shutil.rmtree(_our_own(root))
        root.mkdir(mode=0o711)
        (data_dir / "server_root").write_text(f"{root}\n")
    _our_own(root).chmod(0o711)
    return root


def _our_own(root: Path) -> Path:
    state = root.lstat()
    if root.is_symlink() or not root.is_dir() or state.st_uid != os.geteuid():
        raise LocalStackError(f"{root} belongs to somebody else; remove it or set TMPDIR.")
    return root


def _open_temporary_folder(user: ServerUser) -> Path:
    for name in (os.environ.get("TMPDIR"), *_TEMPORARY_FOLDERS):
        if name and Path(name).is_dir() and user.can_enter(Path(name)):
            return Path(name).resolve()
    raise LocalStackError(
        f"No folder was found that the user {user.name!r} can enter. Set TMPDIR to one, "
        "or name a data folder that this user can reach."
    )


def remove(data_dir: Path) -> None:
    """Removes everything that a stack of this data folder has written."""
    root = recorded_root(data_dir)
    if root is not None and root.is_dir() and not root.is_symlink():
        shutil.rmtree(root)
    if data_dir.is_dir():
        shutil.rmtree(data_dir)
