"""A mosquitto of the tests' own: TLS, passwords and access rules, on a free port of loopback."""

import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from firebreak.cyber_range.certificates import Authority

USER, PASSWORD = "firebreak", "correct-horse-17"
READY_S = 10


@dataclass
class Broker:
    """One broker. ``firebreak`` may read below ``plant/``; ``plc`` may write there."""

    folder: Path
    tls: bool = True
    port: int = 0
    _running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def ca_file(self) -> str:
        """The authority to trust."""
        return str(Authority(self.folder / "ca", "broker CA").ca_file)

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._write()
        program = (
            shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin") or "mosquitto"
        )
        log = (self.folder / "log").open("wb")
        with log:
            command = [program, "-c", str(self.folder / "mosquitto.conf")]
            self._running.append(subprocess.Popen(command, stdout=log, stderr=log))
        self._await()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the broker; every line is cut."""
        while self._running:
            process = self._running.pop()
            process.send_signal(signal.SIGTERM)
            process.wait(10)

    def freeze(self) -> None:
        """Take connections, and say nothing any more."""
        self._running[-1].send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._running[-1].send_signal(signal.SIGCONT)

    def connections(self) -> int:
        """How many lines are open to the broker's port, from its side."""
        mine = f":{self.port:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        established = "01"
        return sum(row[1].endswith(mine) and row[3] == established for row in rows)

    def publish(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        """Publish as the plant does."""
        command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-t", topic]
        command += ["-u", "plc", "-P", PASSWORD, "-q", "1", *(["-r"] if retain else [])]
        command += ["--cafile", self.ca_file] if self.tls else []
        body = payload.encode() if isinstance(payload, str) else payload
        command.append("-s" if body else "-n")  # standard input, or a message of nothing
        subprocess.run(command, input=body, check=True, timeout=10, capture_output=True)

    def _write(self) -> None:
        passwords = self.folder / "passwords"
        passwords.write_text(f"{USER}:{PASSWORD}\nplc:{PASSWORD}\n")
        subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True, timeout=10)
        rules = self.folder / "rules"
        rules.write_text(f"user {USER}\ntopic read plant/#\nuser plc\ntopic write plant/#\n")
        server = Authority(self.folder / "ca", "broker CA").issue(
            "127.0.0.1", self.folder / "server.pem"
        )
        own = f"certfile {server}\nkeyfile {server}\n" if self.tls else ""
        (self.folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\n{own}allow_anonymous false\n"
            f"password_file {passwords}\nacl_file {rules}\npersistence false\nuser root\n"
        )

    def _await(self) -> None:
        give_up = time.monotonic() + READY_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                if self._running[-1].poll() is not None or time.monotonic() > give_up:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.02)
            else:
                return
