"""Find an engine that answers, or start our own; stop what we started."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal

from meshproof.engine.daemon import Daemon
from meshproof.engine.host import Host, elsewhere
from meshproof.engine.install import install_missing, program, why_not_ours
from meshproof.environment import engine_address, tool_environment
from meshproof.errors import CommandFailed, MachineCannot, NotReady
from meshproof.lock import file_lock
from meshproof.paths import state_dir
from meshproof.run import Completed, run
from meshproof.wait import wait_for

Announce = Callable[[str], None]

# a daemon answers before it has found its containerd (again), and names its parts that it reaches
VERSION_FORMAT = "{{.Server.Version}}{{range .Server.Components}} {{.Name}}{{end}}"
ANSWER_S = 5.0
START_S = 60.0
LOCK_S = 900.0  # as long as an installation by somebody else may take
DOCKER_S = 120.0


@dataclass(frozen=True)
class Engine:
    """A container engine that answers.

    `kind` is "found" for one that answered already and is used as it is, "own" for one that meshproof started.
    `env` is what a docker client needs beside `tool_environment` to talk to it.
    """

    kind: Literal["found", "own"]
    version: str
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def address(self) -> str:
        """Where it listens; empty for what the docker client takes by itself."""
        return self.env.get("DOCKER_HOST") or os.environ.get("DOCKER_HOST", "")

    def host(self) -> Host:
        """The machine that it runs containers on.

        Raises:
            CommandFailed: It does not answer.
        """
        return Host.of(self.docker("info", "--format={{json .}}").stdout)

    def docker(
        self,
        *args: str,
        timeout_s: float = DOCKER_S,
        check: bool = True,
        stdin: str = "",
        on_line: Callable[[str], None] | None = None,
    ) -> Completed:
        """Run the docker client against this engine; arguments and errors as in `meshproof.run.run`."""
        return run(
            program("docker") or "docker",
            *args,
            env=tool_environment(self.env),
            timeout_s=timeout_s,
            check=check,
            stdin=stdin,
            on_line=on_line,
        )


@dataclass(frozen=True)
class Silence:
    """No engine answers; `reason` is the client's last word."""

    reason: str

    def __str__(self) -> str:
        return self.reason


def find_engine() -> Engine | Silence:
    """The engine that answers now, the user's before our own. Changes nothing.

    Raises:
        MachineCannot: The user names an engine (DOCKER_HOST or DOCKER_CONTEXT) that does not answer, or one that is on
            another machine.
    """
    daemon = own_daemon()
    names_ours = os.environ.get("DOCKER_HOST") == daemon.env["DOCKER_HOST"]
    theirs = Silence("DOCKER_HOST names our own, which does not run") if names_ours else _ask("found", engine_address())
    if isinstance(theirs, Engine):
        _refuse_elsewhere(theirs)
        return theirs
    for variable in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        if (named := os.environ.get(variable)) and not names_ours:
            raise MachineCannot(
                f"the container engine that {variable}={named} names does not answer: {theirs.reason}; "
                f"start it, or unset {variable} to let meshproof look for another or start its own"
            )
    if daemon.alive():
        ours = _ask("own", daemon.env)
        if isinstance(ours, Engine):
            return ours
    return theirs


def unused_engines() -> str:
    """What else could run containers here, as the end of a sentence; empty where there is nothing else."""
    return "; podman is here and is not used, only Docker is" if program("podman") else ""


def own_daemon() -> Daemon:
    """The daemon of our own that this user's state folder describes, running or not."""
    return Daemon(state_dir() / "engine")


def ensure_engine(announce: Announce) -> Engine:
    """Find an engine that answers, or install and start our own.

    Args:
        announce: Told, in plain sentences, what is changed on this machine and what takes time.

    Raises:
        MachineCannot: None answers and none can be started here; the message says what is missing and what to do.
    """
    found = find_engine()
    if isinstance(found, Engine):
        return found
    if reason := why_not_ours():
        raise MachineCannot(
            f"no container engine answers ({found.reason}), and meshproof starts one of its own only as root on a "
            f"Debian-like Linux: {reason}{unused_engines()}. Start Docker and make sure that this user may use it "
            "(`docker version` shows both), or name one that runs elsewhere in DOCKER_HOST, then run the same command "
            "again."
        )
    daemon = own_daemon()
    with _locked(daemon, announce):
        found = find_engine()
        if isinstance(found, Engine):
            return found
        install_missing(announce)
        return _start(daemon, announce)


def stop_engine(announce: Announce) -> None:
    """Stop our own daemon and remove its containers, also after the daemon was killed; images stay.

    Raises:
        MachineCannot: It cannot be stopped; the message says what is left.
    """
    daemon = own_daemon()
    if not daemon.folder.exists():
        announce("no engine of ours runs")
        return
    with _locked(daemon, announce):
        if not daemon.alive() and not daemon.shims():
            ran = daemon.dockerd.pid() or daemon.containerd.pid()
            daemon.end()
            announce("stopped what was left of our own engine" if ran else "no engine of ours runs")
            return
        engine = _ask("own", daemon.env) if daemon.alive() else Silence("killed")
        if isinstance(engine, Silence):
            # only a daemon can end the containers that a killed one left behind
            engine = _start(daemon, announce)
        _remove_containers(engine, announce)
        daemon.end()
        if left := daemon.shims():
            raise MachineCannot(f"processes of containers are left, with pids {left}; end them by hand")
        announce("stopped our own engine; its images are kept for the next start")


def _remove_containers(engine: Engine, announce: Announce) -> None:
    listed = engine.docker("ps", "--all", "--format", "{{.ID}} {{.Names}}").stdout.split("\n")
    containers = dict(line.split(" ", 1) for line in listed if line)
    if containers:
        announce(f"removing containers: {', '.join(sorted(containers.values()))}")
        engine.docker("rm", "--force", "--volumes", *containers)
    engine.docker("network", "prune", "--force")


def _start(daemon: Daemon, announce: Announce) -> Engine:
    announce(f"starting our own Docker daemon in {daemon.folder}")
    if daemon.alive():
        # both run and do not answer: nothing to be gained by waiting for them
        daemon.end()
    try:
        daemon.launch()
    except OSError as error:
        raise MachineCannot(f"our own Docker daemon cannot be set up in {daemon.folder}: {error}") from error

    def died(_: Engine | Silence) -> str | None:
        return None if daemon.alive() else "a process of it ended by itself"

    try:
        answer = wait_for(
            lambda: _ask("own", daemon.env),
            lambda seen: isinstance(seen, Engine),
            what="our own Docker daemon",
            timeout_s=START_S,
            every_s=0.1,
            failed=died,
        )
    except NotReady as error:
        story = f"{error}\n{daemon.last_words()}\nGive it what it lacks, or start a container engine by hand."
        daemon.end()
        raise MachineCannot(story) from error
    assert isinstance(answer, Engine)  # noqa: S101 - what was waited for
    announce(f"our own Docker {answer.version} answers; for a client: DOCKER_HOST={daemon.env['DOCKER_HOST']}")
    return answer


def _ask(kind: Literal["found", "own"], env: Mapping[str, str]) -> Engine | Silence:
    """One look at whether an engine answers."""
    client = program("docker")
    if client is None:
        return Silence("there is no docker client")
    argv = (client, "version", "--format", VERSION_FORMAT)
    try:
        answer = run(*argv, env=tool_environment(env), timeout_s=ANSWER_S, check=False)
    except CommandFailed:
        return Silence(f"`docker version` did not return within {ANSWER_S:g} s")
    version, *components = answer.stdout.split() or [""]
    if answer.code != 0 or not version:
        return Silence(answer.stderr.strip() or f"`docker version` ended with exit code {answer.code}")
    if kind == "own" and "containerd" not in components:
        return Silence(f"our own Docker {version} does not reach its containerd yet")
    return Engine(kind, version, env)


def _refuse_elsewhere(engine: Engine) -> None:
    """An API server is published on its machine's 127.0.0.1, and to publish it to a network is not ours to decide."""
    address = engine.address
    if not address:  # that of the docker client's context
        argv = ("context", "inspect", "--format={{.Endpoints.docker.Host}}")
        address = engine.docker(*argv, timeout_s=ANSWER_S, check=False).stdout.strip()
    if host := elsewhere(address):
        raise MachineCannot(
            f"the container engine at {address} is on another machine: a cluster's API server listens on 127.0.0.1 of "
            f"{host}, where nothing reaches it from here; run meshproof on {host}, or prove on a cluster that is there "
            "with CLUSTER=existing, or name an engine of this machine (DOCKER_HOST, docker context use)"
        )


def _locked(daemon: Daemon, announce: Announce) -> AbstractContextManager[None]:
    """Hold the daemon's lock: a second caller waits for the first rather than starting a second daemon."""
    daemon.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    busy = "waiting for another meshproof that starts or stops the engine"
    return file_lock(daemon.folder / "lock", busy, announce, timeout_s=LOCK_S)
