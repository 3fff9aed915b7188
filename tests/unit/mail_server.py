"""A mail server as small as it can be, on a port of this machine: says what it was handed."""

from __future__ import annotations

import base64
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Letters:
    """What the server was told and handed in."""

    port: int = 0
    said: list[str] = field(default_factory=list)
    signed_in: list[str] = field(default_factory=list)
    """user and password as they came, with whether it was encrypted."""
    letters: list[bytes] = field(default_factory=list)
    receivers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Manners:
    """How the server behaves."""

    starttls: bool = True
    tls: bool = False
    refuses: tuple[tuple[str, str], ...] = ()
    """(a command's beginning, the answer to it)"""
    silent: bool = False
    """It takes the connection and never says a word."""
    certificate: Path | None = None


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.manners: Manners = self.server.manners  # type: ignore[attr-defined]
        self.heard: Letters = self.server.heard  # type: ignore[attr-defined]
        self.encrypted = False
        if self.manners.silent:
            self.rfile.read(1)
            return
        if self.manners.tls:
            self._encrypt()
        self._answer("220 here")
        while line := self.rfile.readline().decode().strip():
            self.heard.said.append(line)
            if not self._reply(line):
                return

    def _reply(self, line: str) -> bool:
        command = line.upper()
        for beginning, answer in self.manners.refuses:
            if command.startswith(beginning):
                self._answer(answer)
                return True
        if command.startswith("EHLO"):
            can = ["STARTTLS"] if self.manners.starttls and not self.encrypted else []
            can += ["AUTH PLAIN"] if self.encrypted else []
            for name in ["here", *can]:
                self._answer(f"250-{name}")
            self._answer("250 8BITMIME")
        elif command.startswith("STARTTLS"):
            self._answer("220 go on")
            self._encrypt()
        elif command.startswith("AUTH PLAIN"):
            _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
            self.heard.signed_in.append(f"{user} {password} {self.encrypted}")
            self._answer("235 welcome")
        elif command.startswith("RCPT"):
            self.heard.receivers.append(line.split("<")[1].split(">", maxsplit=1)[0])
            self._answer("250 ok")
        elif command.startswith("DATA"):
            self._answer("354 go on")
            self.heard.letters.append(self._letter())
            self._answer("250 taken")
        else:
            self._answer("221 bye" if command == "QUIT" else "250 ok")
        return command != "QUIT"

    def _letter(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _encrypt(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        assert self.manners.certificate is not None
        context.load_cert_chain(self.manners.certificate)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.encrypted = True

    def _answer(self, text: str) -> None:
        self.connection.sendall(f"{text}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no error of the test's."""


@contextmanager
def mail_server(manners: Manners) -> Iterator[Letters]:
    """The server while the block lasts."""
    with _Server(("127.0.0.1", 0), _Conversation) as server:
        heard = Letters(port=server.server_address[1])
        server.manners, server.heard = manners, heard  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield heard
        finally:
            server.shutdown()


def certificate(folder: Path) -> Path:
    """Key and certificate of `localhost`, signed by itself, in one file."""
    path = folder / "localhost.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", str(path), "-out", f"{path}.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path
