"""PostgreSQL, Redis and Temporal, each on a loopback port with a data directory of its own.

PostgreSQL refuses to run as root; started by root it runs as the user its Debian package made.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

from stack.process import ExampleError, Program

DATABASES = ("tenants", "cns", "enrichment")


class PostgreSQL:
    """A new PostgreSQL server with one empty database for each service that keeps data."""

    def __init__(self, directory: Path, log: Path, port: int) -> None:
        self.port = port
        self._password = secrets.token_hex(16)
        self._programs = postgresql_programs()
        self._user = unprivileged_user()
        data = directory / "postgresql"
        data.mkdir()
        if self._user is not None:
            shutil.chown(data, self._user, self._user)
        self._create_cluster(data)
        options = {
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",  # the data ends with the example
        }
        command = [str(self._programs / "postgres"), "-D", str(data)]
        for key, value in options.items():
            command += ["-c", f"{key}={value}"]
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients to go.
        self.program = Program(
            "PostgreSQL",
            command,
            log,
            directory=data,
            user=self._user,
            stop_signal=signal.SIGINT,
        )

    def create_databases(self) -> None:
        """Create the empty databases, as soon as it takes connections."""
        self.program.wait_until(self._is_ready)
        for database in DATABASES:
            self._run("createdb", *self._connection(), database)

    def url(self, database: str, scheme: str = "postgresql") -> str:
        """The connection URL of one service's database."""
        return f"{scheme}://ananta:{self._password}@127.0.0.1:{self.port}/{database}"

    def _create_cluster(self, data: Path) -> None:
        password_file = data.parent / "postgresql-password"
        password_file.write_text(self._password)
        if self._user is not None:
            shutil.chown(password_file, self._user)
        password_file.chmod(0o600)
        options = ["--username=ananta", f"--pwfile={password_file}", "--auth=scram-sha-256"]
        self._run("initdb", "-D", str(data), "--encoding=UTF8", "--locale=C", "--no-sync", *options)
        password_file.unlink()

    def _connection(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "ananta"]

    def _is_ready(self) -> bool:
        command = [str(self._programs / "pg_isready"), "-q", *self._connection()]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            env={**os.environ, "PGPASSWORD": self._password},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
        )
        if done.returncode != 0:
            raise ExampleError(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")


def start_redis(directory: Path, log: Path, port: int) -> Program:
    """A Redis server that keeps nothing on disk."""
    data = directory / "redis"
    data.mkdir()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data)]
    return Program("Redis", [*command, "--save", "", "--appendonly", "no"], log)


def start_temporal(executable: Path, log: Path, port: int, ui_port: int) -> Program:
    """Temporal's development server: everything in memory, its own pages on `ui_port`."""
    command = [str(executable), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port)]
    return Program("Temporal", [*command, "--ui-port", str(ui_port), "--log-level", "error"], log)


def postgresql_programs() -> Path:
    """The folder with `initdb`: on the path, or where Debian puts the newest version."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_major_version)
    if not versions:
        raise ExampleError("PostgreSQL is needed; install it: apt-get install postgresql")
    return versions[-1].parent


def _major_version(initdb: Path) -> int:
    return int(initdb.parts[-3])


def unprivileged_user() -> str | None:
    """Whom a program runs as that refuses to run as root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in names:
            return name
    raise ExampleError("PostgreSQL does not run as root, and there is no user `postgres`; make one")
