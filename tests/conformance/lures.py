"""What the attacks are after: listeners, files, secrets and a process that the test holds outside of the sandbox."""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any, Final, Self

VARIABLE: Final = "CONFORMANCE_SECRET"
CANARY: Final = "The canary sings.\n"


class Lures:
    """Holds them as long as it is entered, and knows who got at what."""

    variable: Final = VARIABLE

    def __init__(self) -> None:
        self.file_secret = f"file-{secrets.token_hex(16)}"
        self.variable_secret = f"variable-{secrets.token_hex(16)}"
        self.key_secret = f"sk-{secrets.token_hex(24)}"
        self.folder = Path(tempfile.mkdtemp(prefix="lures-"))
        self.drop = self.folder / "drop"
        self.canary = self.folder / "canary.txt"
        self.hits: dict[str, list[str]] = defaultdict(list)
        self._selector = selectors.DefaultSelector()
        self._ended = threading.Event()
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.folder.chmod(0o755)
        self.drop.mkdir()
        self.drop.chmod(0o777)
        self.canary.write_text(CANARY)
        self.canary.chmod(0o666)
        secret = self.folder / "secret.txt"
        secret.write_text(self.file_secret)
        secret.chmod(0o600)
        self._tcp = self._bound(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self._udp = self._bound(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        self._path = str(self.folder / "lure.sock")
        self._bound(socket.AF_UNIX, socket.SOCK_STREAM, self._path)
        Path(self._path).chmod(0o666)
        self._abstract = f"conformance-{secrets.token_hex(8)}"
        self._bound(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{self._abstract}")
        self.victim = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", "import time; time.sleep(3600)"],
            env={VARIABLE: self.variable_secret},
            stdin=subprocess.DEVNULL,
        )
        self._stack.enter_context(self.victim)
        self._stack.callback(self.victim.kill)
        self._listening.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._listening.join()
        self._stack.close()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()
        shutil.rmtree(self.folder)

    def targets(self) -> dict[str, Any]:
        """What an attack is told: where everything is, and no secret."""
        return {
            "secret_file": str(self.folder / "secret.txt"),
            "canary_file": str(self.canary),
            "drop": str(self.drop),
            "variable": VARIABLE,
            "tcp": self._tcp.getsockname()[1],
            "udp": self._udp.getsockname()[1],
            "unix": self._path,
            "abstract": self._abstract,
            "victim": self.victim.pid,
            "test_pid": os.getpid(),
        }

    def damage(self, stem: str) -> list[str]:
        """What one attack has reached, as seen from outside."""
        found = [f"reached the test's {what}" for what in self.hits.get(stem, [])]
        if stem in self.canary.read_text():
            found.append("changed a file of the host")
        found += [f"made {path.name!r} on the host" for path in self.drop.iterdir() if stem in path.name]
        return found

    def strangers(self, stems: set[str]) -> list[str]:
        """What was reached by nobody that we know, which must not be either."""
        found = [f"{name!r} reached the test's {what}" for name, what in self.hits.items() if name not in stems]
        if self.victim.poll() is not None:
            found.append("somebody ended the test's process")
        text = self.canary.read_text()
        if not text.startswith(CANARY) or any(line not in stems for line in text[len(CANARY) :].splitlines()):
            found.append("somebody changed the canary")
        return found

    def _bound(self, family: int, kind: int, address: Any) -> socket.socket:
        one = socket.socket(family, kind)
        one.bind(address)
        if kind == socket.SOCK_STREAM:
            one.listen(64)
        one.setblocking(False)
        name = {socket.AF_UNIX: "unix socket", socket.AF_INET: "port"}[socket.AddressFamily(family)]
        self._selector.register(one, selectors.EVENT_READ, name)
        return one

    def _listen(self) -> None:
        while not self._ended.is_set():
            for key, _ in self._selector.select(0.05):
                one: Any = key.fileobj
                with contextlib.suppress(OSError):
                    if one.type == socket.SOCK_DGRAM:
                        self.hits[_name(one.recv(200))].append(key.data)
                        continue
                    visitor, _address = one.accept()
                    with visitor:
                        visitor.settimeout(0.5)
                        self.hits[_name(visitor.recv(200))].append(key.data)


def _name(data: bytes) -> str:
    """Attacks that get through say which they are."""
    return data.decode("utf-8", "replace").strip() or "somebody"
