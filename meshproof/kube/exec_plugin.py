"""Credential plugins: the program that a kubeconfig's user names under `exec`, and what it prints.

Source: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from typing import NoReturn, cast

from meshproof.errors import BadInput, CommandFailed, MachineCannot
from meshproof.kube.kubeconfig import Context, Entry
from meshproof.kube.raw import Malformed, Raw
from meshproof.run import Completed, run

PLUGIN_S = 60.0
VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_CLUSTER_FIELDS = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")


@dataclass(frozen=True)
class Given:
    """What a plugin gave: a token, a client certificate with its key in PEM, or both. `until` is when it ends."""

    token: str = field(repr=False)
    certificate: str = field(repr=False)
    key: str = field(repr=False)
    until: datetime | None


@dataclass(frozen=True)
class _Plugin:
    """A user's plugin. Its arguments may hold secrets: as text it ends where its options begin."""

    context: Context
    user: Entry
    command: str
    args: tuple[str, ...]

    def __str__(self) -> str:
        words = (self.command, *takewhile(lambda word: not word.startswith("-"), self.args))
        return f"`{shlex.join(words)}{' ...' if len(words) <= len(self.args) else ''}`"

    def failed(self, how: str, remedy: str = "") -> NoReturn:
        """End with the plugin's name, what it did and what to type."""
        remedy = remedy or f"log in with it until this answers: {self.context.kubectl('get', '--raw', '/version')}"
        raise MachineCannot(f"{self.user}: credential plugin {self} {how}; {remedy}")


def run_plugin(context: Context, user: Entry) -> Given:
    """Ask the plugin of a context's user for a credential that is valid now.

    Raises:
        BadInput: The kubeconfig does not say how, or asks in a way that clients no longer have.
        MachineCannot: The plugin is not there, fails, or prints something else.
        Malformed: A field of the kubeconfig is of the wrong type.
    """
    raw = user.raw
    version = raw.need("exec.apiVersion", str)
    if version not in VERSIONS:
        raise BadInput(f"{user}: exec.apiVersion {version} is removed from clients; renew the kubeconfig")
    if raw.get("exec.interactiveMode", "") == "Always":
        raise BadInput(f"{user}: its credential plugin asks questions (interactiveMode Always); here nobody answers")
    args = raw.get("exec.args", cast("list[object]", []))
    if not all(isinstance(arg, str) for arg in args):
        raise BadInput(f"{user}: expected exec.args to be texts; put numbers in quotes")
    plugin = _Plugin(context, user, _command(user), tuple(cast("list[str]", args)))
    if shutil.which(plugin.command) is None:
        plugin.failed("is not there or cannot be run", raw.get("exec.installHint", "").strip() or "install it")
    spec: dict[str, object] = {"interactive": False}
    if raw.get("exec.provideClusterInfo", False):
        spec["cluster"] = _told(context.cluster)
    info = json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": spec})
    env = {entry.need("name", str): entry.need("value", str) for entry in raw.parts("exec.env")}
    try:
        done = run(
            *(plugin.command, *plugin.args),
            env={**os.environ, **env, "KUBERNETES_EXEC_INFO": info},
            timeout_s=PLUGIN_S,
            check=False,
        )
    except CommandFailed as error:  # it had no exit code of its own
        plugin.failed(f"could not be run to its end within {PLUGIN_S:g} s{_last_line(error.stderr)}")
    if done.code != 0:
        plugin.failed(f"ended with exit code {done.code}{_last_line(done.stderr or done.stdout)}")
    return _read(plugin, version, done)


def _command(user: Entry) -> str:
    """As kubectl finds it: a path counts from the kubeconfig's folder, a bare name is looked for on PATH."""
    command = user.raw.need("exec.command", str)
    return str(user.folder / command) if os.sep in command else command


def _read(plugin: _Plugin, version: str, done: Completed) -> Given:
    """What was printed; never shown, since it may be a secret in another form than expected."""
    try:
        printed = json.loads(done.stdout)
    except ValueError:
        printed = None
    if not isinstance(printed, dict):
        plugin.failed(f"ended with exit code 0 and printed no JSON object{_last_line(done.stderr)}")
    raw = Raw(cast("Mapping[str, object]", printed), "its credential")
    try:
        if (found := raw.get("apiVersion", "")) != version:
            asked = f"printed apiVersion {found or '(none)'}, and the kubeconfig asks for {version}"
            plugin.failed(asked, "renew the plugin or the kubeconfig, whichever is older")
        status = {name: raw.get(f"status.{name}", "") for name in ("token", "clientCertificateData", "clientKeyData")}
        ends = raw.get("status.expirationTimestamp", "")
        until = datetime.fromisoformat(ends).astimezone(UTC) if ends else None
    except (Malformed, ValueError) as error:
        plugin.failed(f"printed what cannot be read: {error}")
    given = Given(status["token"], status["clientCertificateData"], status["clientKeyData"], until)
    if not given.token and not given.certificate:
        plugin.failed(f"printed neither a token nor a client certificate{_last_line(done.stderr)}")
    if bool(given.certificate) != bool(given.key):
        plugin.failed("printed a client certificate without its key, or the other way round")
    if until and until <= datetime.now(UTC):
        plugin.failed(f"printed a credential that ended on {until:%Y-%m-%d %H:%M} UTC")
    return given


def _told(cluster: Entry) -> Mapping[str, object]:
    """What a plugin with provideClusterInfo is told of the cluster."""
    told = {name: cluster.raw.data[name] for name in _CLUSTER_FIELDS if cluster.raw.has(name)}
    if authority := cluster.content("certificate-authority"):
        told["certificate-authority-data"] = base64.b64encode(authority).decode()
    for extension in cluster.raw.parts("extensions"):
        if extension.get("name", "") == "client.authentication.k8s.io/exec":
            told["config"] = extension.data.get("extension")
    return told


def _last_line(output: str) -> str:
    lines: Sequence[str] = output.strip().splitlines()
    return f": {lines[-1].strip()}" if lines else ""
