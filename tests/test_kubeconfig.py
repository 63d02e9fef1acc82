"""Kubeconfigs as people have them: what reaches the wire, and the one line that says what is wrong with the others."""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Generator
from datetime import timedelta
from pathlib import Path

import pytest
from api_servers import DAY, NOW, ApiServer, Authority, api_server, inline, jwt, write

from meshproof.errors import BadInput, MachineCannot, MeshproofError
from meshproof.kube import connection, credential, exec_plugin
from meshproof.kube.api import Api

V1 = "client.authentication.k8s.io/v1"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def server(authority: Authority, tmp_path: Path) -> Generator[ApiServer]:
    with api_server(authority, tmp_path) as server:
        yield server


@pytest.fixture
def trusted(server: ApiServer, authority: Authority, tmp_path: Path) -> Callable[[object], Path]:
    """Write a kubeconfig of the server, with this user."""

    def config(user: object) -> Path:
        data = inline(authority.pem)
        return write(tmp_path / "config", {"server": server.url, "certificate-authority-data": data}, user=user)

    return config


def plugin(folder: Path, program: str, **more: object) -> dict[str, object]:
    """A user whose credential plugin is this Python program."""
    path = folder / "plugin.py"
    path.write_text(f"#!{sys.executable} -IS\nimport json, os, sys, time\n{program}\n")
    path.chmod(0o755)
    return {"exec": {"apiVersion": V1, "command": str(path), "interactiveMode": "Never", **more}}


def prints(status: object, version: str = V1) -> str:
    document = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})
    return f"print({document!r})"


def refusal(config: Path | str, context: str = "") -> MeshproofError:
    """The error with which a kubeconfig is refused before any request: one line."""
    with pytest.raises(MeshproofError) as raised:
        Api(config, context)
    assert "\n" not in str(raised.value)
    return raised.value


def refusal_of_request(api: Api) -> MachineCannot:
    with pytest.raises(MachineCannot) as raised:
        api.get("/version")
    return raised.value


# What reaches the wire


@pytest.mark.parametrize(
    ("user", "authorization"),
    [
        (None, ""),
        ({"token": "abc"}, "Bearer abc"),
        ({"token": " abc\n"}, "Bearer abc"),
        ({"token": jwt(NOW + DAY)}, f"Bearer {jwt(NOW + DAY)}"),
        ({"tokenFile": "token"}, "Bearer of-file"),
        ({"tokenFile": "token", "token": "abc"}, "Bearer of-file"),
        ({"username": "ü", "password": "p:w"}, "Basic " + base64.b64encode("ü:p:w".encode()).decode()),
        ({"auth-provider": {"name": "oidc", "config": {"id-token": "abc"}}}, "Bearer abc"),
        ({"token": "abc", "exec": {"apiVersion": V1, "command": "not-there"}}, "Bearer abc"),
    ],
)
def test_what_a_user_has_reaches_the_wire(
    user: object, authorization: str, trusted: Callable[[object], Path], server: ApiServer, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("of-file\n")
    assert Api(trusted(user)).get("/version") == {"gitVersion": "v1.35.4"}
    assert server.asked == [(authorization, "")]


def test_a_client_certificate_reaches_the_wire_and_no_key_stays_in_a_file(
    authority: Authority, trusted: Callable[[object], Path], server: ApiServer, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    pair = authority.issue("me")
    (tmp_path / "me.pem").write_text(pair.certificate)
    user = {"client-certificate": "me.pem", "client-key-data": inline(pair.key)}
    Api(trusted(user)).get("/version")
    assert server.asked == [("", "me")]
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_plugin_gives_a_token_and_is_told_what_kubectl_tells_it(
    trusted: Callable[[object], Path], server: ApiServer, tmp_path: Path
) -> None:
    program = f"""
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
cluster = info["spec"]["cluster"]
told = (os.environ["WHO"], sys.argv[1:], info["spec"]["interactive"], cluster["server"])
assert told == ("me", ["--for", "x y"], False, {server.url!r}), told
assert "certificate-authority-data" in cluster and sys.stdin.read() == ""
{prints({"token": "of-plugin", "expirationTimestamp": (NOW + DAY).isoformat().replace("+00:00", "Z")})}"""
    more = {"args": ["--for", "x y"], "env": [{"name": "WHO", "value": "me"}], "provideClusterInfo": True}
    Api(trusted(plugin(tmp_path, program, **more))).get("/version")
    assert server.asked == [("Bearer of-plugin", "")]


def test_a_plugin_gives_a_certificate(
    authority: Authority, trusted: Callable[[object], Path], server: ApiServer, tmp_path: Path
) -> None:
    pair = authority.issue("me")
    status = {"clientCertificateData": pair.certificate, "clientKeyData": pair.key}
    Api(trusted(plugin(tmp_path, prints(status)))).get("/version")
    assert server.asked == [("", "me")]


def test_what_ends_is_had_anew_for_the_same_context(
    trusted: Callable[[object], Path], server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credential, "TOKEN_FILE_S", 0)
    (tmp_path / "token").write_text("first")
    config = trusted({"tokenFile": "token"})
    api = Api(config)
    api.get("/version")
    (tmp_path / "token").write_text("second")
    config.write_text(config.read_text().replace("current-context: dev", "current-context: other"))
    api.get("/version")
    assert server.asked[0] != server.asked[-1] == ("Bearer second", "")


def test_a_server_is_known_by_the_name_that_the_kubeconfig_gives(
    authority: Authority, server: ApiServer, tmp_path: Path
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/ca.pem").write_text(authority.pem)
    about = {"server": server.url, "certificate-authority": "ca.pem"}
    Api(write(tmp_path / "sub/config", {**about, "tls-server-name": "api.test"})).get("/version")
    wrong = Api(write(tmp_path / "sub/config", {**about, "tls-server-name": "other.test"}))
    with pytest.raises(MachineCannot, match=r"https://127\.0\.0\.1:\d+ cannot be reached: .*other\.test"):
        wrong.get("/version")
    assert len(server.asked) == 1


def test_a_server_of_an_unknown_authority_is_not_asked_unless_that_is_said(server: ApiServer, tmp_path: Path) -> None:
    for data in ({"certificate-authority-data": inline(Authority().pem)}, dict[str, str]()):
        with pytest.raises(MachineCannot, match="certificate verify failed") as raised:
            Api(write(tmp_path / "config", {"server": server.url, **data}, user={"token": "abc"})).get("/version")
        assert raised.value.exit_code == 3
    assert server.asked == []
    skipping = {"server": server.url, "insecure-skip-tls-verify": True}
    Api(write(tmp_path / "config", skipping, user={"token": "abc"})).get("/version")
    assert server.asked == [("Bearer abc", "")]


def test_a_credential_that_the_server_does_not_take_is_named(
    trusted: Callable[[object], Path], server: ApiServer
) -> None:
    server.answer = (401, '{"kind": "Status", "message": "Unauthorized"}')
    with pytest.raises(MachineCannot, match=r"does not take the credential of kubeconfig .*/config, user me; renew it"):
        Api(trusted({"token": "abc"})).get("/version")


def test_a_server_that_does_not_answer_is_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    error = str(refusal_of_request(Api(write(tmp_path / "config", {"server": "https://127.0.0.1:9"}))))
    assert error.startswith("/version: the API server https://127.0.0.1:9 cannot be reached: ")
    assert error.endswith("Connection refused")
    assert "\n" not in error
    assert caplog.messages == []


# Files and contexts


def test_several_files_are_merged_as_kubectl_does_it(
    authority: Authority, server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = authority.issue("of-b")
    for name, pem in {"b/ca.pem": authority.pem, "b/me.pem": pair.certificate, "b/me.key": pair.key}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(pem)
    user = {"client-certificate": "me.pem", "client-key": "me.key"}
    nowhere = {"server": "https://127.0.0.1:9"}
    write(tmp_path / "a/a.yaml", nowhere, user={"token": "of-a"}, current="")
    second = write(tmp_path / "b/b.yaml", {"server": server.url, "certificate-authority": "ca.pem"}, user=user)
    second.write_text(second.read_text().replace("name: me\n", "name: other\n").replace("user: me", "user: other"))
    second.write_text(second.read_text().replace("home", "away").replace("dev", "work"))
    third = write(tmp_path / "c/c.yaml", {"server": "https://127.0.0.1:10"}, current="dev")
    monkeypatch.chdir(tmp_path)
    config = os.pathsep.join(("a/a.yaml", "missing.yaml", "", str(second), str(third)))
    Api(config).get("/version")  # the first current-context is that of b.yaml, and its paths count from there
    assert server.asked == [("", "of-b")]
    assert "127.0.0.1:9" in str(refusal_of_request(Api(config, "dev")))  # the first `home`, not that of c.yaml
    assert "it has dev, work: CONTEXT=" in str(refusal(config, "none"))


def test_a_plugin_by_a_relative_path_stands_beside_its_kubeconfig(
    authority: Authority, server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "users").mkdir()
    monkeypatch.chdir(tmp_path / "users")
    user = plugin(tmp_path / "users", prints({"token": "abc"}), command="./plugin.py")
    whole = write(tmp_path / "users/config", {"server": server.url}, user=user)
    about = {"server": server.url, "certificate-authority-data": inline(authority.pem)}
    first = write(tmp_path / "config", about)
    first.write_text(first.read_text().replace("name: me\n", "name: nobody\n"))
    monkeypatch.chdir(tmp_path)
    Api(f"{first}{os.pathsep}{whole}").get("/version")
    assert server.asked == [("Bearer abc", "")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "expected contexts, it is empty"),
        (b"kind: Config\n", "expected contexts, it has none"),
        (b"\x00\x01\xff", "expected a readable YAML file"),
        (b"a: 'b", "not valid YAML"),
        (b"just words", "expected a mapping at the top, found str"),
        (b"- a\n", "expected a mapping at the top, found list"),
        (b"kind: Pod\n", "expected kind Config, found Pod"),
        (b"{}\n---\na: 1\n", "expected one document, found 2"),
        (b"clusters: {a: b}\ncontexts: [{name: dev, context: {}}]", "expected clusters to be list, found dict"),
        (b"contexts: [{name: 1}]", "expected name to be str, found int"),
        (b"contexts: [dev]", r"expected contexts\[0\] to be dict, found str"),
        (b"contexts: [{name: dev}, {name: dev}]", "has two of contexts that are called dev"),
        (b"contexts: [{name: dev}, {name: b}]", "no current-context; it has dev, b: CONTEXT="),
        (b"current-context: x\ncontexts: [{name: dev}]", "no context x; it has dev: CONTEXT="),
        (b"current-context: dev\ncontexts: [{name: dev}]", "context dev: expected the field cluster, which is missing"),
        (
            b"current-context: dev\ncontexts: [{name: dev, context: {cluster: x}}]",
            "context dev: names cluster x, which is not there; there are none",
        ),
        (
            b"current-context: dev\ncontexts: [{name: dev, context: {cluster: x, user: u}}]\nclusters: [{name: x}]",
            "context dev: names user u, which is not there; there are none",
        ),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_refused(text: bytes, message: str, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_bytes(text)
    with pytest.raises(BadInput, match=rf"^(kubeconfig )?{config}.*{message}") as raised:
        Api(config)
    assert "\n" not in str(raised.value)


def test_files_that_are_not_there_and_folders_are_refused(tmp_path: Path) -> None:
    for config in (tmp_path / "a", f"{tmp_path}/a{os.pathsep}{tmp_path}/b", ""):
        assert f"kubeconfig {config}: no such file" in str(refusal(config))
    assert "Is a directory" in str(refusal(tmp_path))


# Clusters and users that cannot be used


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        ({"server": "127.0.0.1:6443"}, "expected a server such as https://HOST:PORT, found '127.0.0.1:6443'"),
        ({"server": "api.test"}, "expected a server such as"),
        ({"server": "https://"}, "expected a server such as"),
        ({"server": "https://api.test:x"}, "expected a server such as"),
        ({"server": "ftp://api.test"}, "expected a server such as"),
        ({"server": ""}, "expected a server such as"),
        ({"server": None}, "expected the field server, which is missing"),
        ({"certificate-authority": "no/ca.pem"}, "certificate-authority .*no/ca.pem cannot be read: No such file"),
        ({"certificate-authority": "."}, "cannot be read: Is a directory"),
        ({"certificate-authority-data": "***"}, "expected certificate-authority-data to be base64"),
        ({"certificate-authority-data": inline("no PEM")}, "expected certificate-authority to be certificates in PEM"),
        ({"certificate-authority-data": inline("Ü")}, "expected certificate-authority to be certificates in PEM"),
        ({"insecure-skip-tls-verify": "yes"}, "expected insecure-skip-tls-verify to be bool, found str"),
        (
            {"insecure-skip-tls-verify": True, "certificate-authority-data": inline(Authority().pem)},
            "has a certificate-authority and insecure-skip-tls-verify",
        ),
        ({"proxy-url": "socks5://127.0.0.1:9"}, "expected one that speaks http or https"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_refused(cluster: dict[str, object], message: str, tmp_path: Path) -> None:
    config = write(tmp_path / "config", {"server": "https://127.0.0.1:9", **cluster})
    with pytest.raises(BadInput, match=rf"^kubeconfig {config}, cluster home: .*{message}") as raised:
        Api(config)
    assert "\n" not in str(raised.value)


PAIR = Authority().issue("me")
ENDED = Authority().issue("me", begins=NOW - 9 * DAY, lasts=timedelta())
EARLY = Authority().issue("me", begins=NOW + DAY)


@pytest.mark.parametrize(
    ("user", "message"),
    [
        (
            {"client-certificate-data": inline(ENDED.certificate), "client-key-data": inline(ENDED.key)},
            f"its certificate ended on {NOW - 8 * DAY:%Y-%m-%d %H:%M} UTC; renew the kubeconfig",
        ),
        (
            {"client-certificate-data": inline(EARLY.certificate), "client-key-data": inline(EARLY.key)},
            f"its certificate begins on {NOW + DAY:%Y-%m-%d %H:%M} UTC",
        ),
        ({"client-certificate-data": inline(PAIR.certificate)}, "has a client-certificate and no client-key"),
        ({"client-certificate": "me.pem"}, "client-certificate .*/me.pem cannot be read: No such file"),
        ({"client-certificate-data": "!"}, "expected client-certificate-data to be base64"),
        (
            {"client-certificate-data": inline("x"), "client-key-data": inline("x")},
            "expected the client certificate in PEM",
        ),
        (
            {"client-certificate-data": inline(PAIR.certificate), "client-key-data": inline(ENDED.key)},
            "its client-key is no plain PEM or not its certificate's",
        ),
        ({"auth-provider": {"name": "gcp"}}, "auth-provider gcp is removed from clients; renew the kubeconfig"),
        ({"auth-provider": {"name": "azure"}}, "`az aks get-credentials` writes one"),
        ({"auth-provider": {"name": "oidc"}}, "expected the field auth-provider.config.id-token"),
        ({"token": jwt(NOW - DAY)}, f"its token ended on {NOW - DAY:%Y-%m-%d %H:%M} UTC"),
        ({"token": "a b"}, "expected a token that is one word of ASCII, found 3 characters"),
        ({"token": 1}, "expected token to be str, found int"),
        ({"tokenFile": "none"}, "tokenFile .*/none cannot be read"),
        ({"as": "admin", "token": "abc"}, "acts as another user"),
        ({"exec": {"apiVersion": V1}}, "expected the field exec.command"),
        ({"exec": {"command": "x"}}, "expected the field exec.apiVersion"),
        ({"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "x"}}, "v1alpha1 is removed from"),
        ({"exec": {"apiVersion": V1, "command": "x", "interactiveMode": "Always"}}, "asks questions"),
        ({"exec": {"apiVersion": V1, "command": "x", "args": ["a", 1]}}, "expected exec.args to be texts"),
    ],
)
def test_a_user_that_cannot_be_used_is_refused_before_any_request(
    user: object, message: str, trusted: Callable[[object], Path], server: ApiServer
) -> None:
    config = trusted(user)
    with pytest.raises(BadInput, match=rf"^kubeconfig {config}, user me: .*{message}") as raised:
        Api(config)
    assert "\n" not in str(raised.value)
    assert server.asked == []


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("print('no login', file=sys.stderr); sys.exit(7)", "ended with exit code 7: no login;"),
        ("print('a\\nno login'); sys.exit(7)", "ended with exit code 7: no login;"),
        ("sys.exit(1)", "ended with exit code 1;"),
        ("print('log in first')", "ended with exit code 0 and printed no JSON object;"),
        ("print('[]'); print('log in', file=sys.stderr)", "ended with exit code 0 and printed no JSON object: log in;"),
        (prints({"token": "secret"}, f"{V1}beta1"), f"printed apiVersion {V1}beta1, and the kubeconfig asks for {V1};"),
        ("print('{}')", r"printed apiVersion \(none\)"),
        (prints(None), "printed neither a token nor a client certificate"),
        (prints({"token": 5}), "printed what cannot be read: its credential: expected status.token to be str"),
        (prints({"clientCertificateData": PAIR.certificate}), "printed a client certificate without its key"),
        (
            prints({"token": "secret", "expirationTimestamp": f"{NOW - DAY:%Y-%m-%dT%H:%M:%SZ}"}),
            f"printed a credential that ended on {NOW - DAY:%Y-%m-%d %H:%M} UTC",
        ),
        (prints({"token": "secret", "expirationTimestamp": "soon"}), "printed what cannot be read"),
    ],
)
def test_a_plugin_that_gives_no_credential_ends_it_before_any_request(
    program: str, message: str, trusted: Callable[[object], Path], server: ApiServer, tmp_path: Path
) -> None:
    config = trusted(plugin(tmp_path, program, args=["get", "token", "--password=hidden"]))
    command = rf"`{tmp_path}/plugin.py get token \.\.\.`"
    error = refusal(config)
    assert re.match(rf"kubeconfig {config}, user me: credential plugin {command} {message}", str(error)), error
    again = f"log in with it until this answers: env KUBECONFIG={config} kubectl --context dev get --raw /version"
    renew = "renew the plugin or the kubeconfig, whichever is older"
    assert str(error).endswith(f"; {renew if 'printed apiVersion' in message else again}")
    assert not {"hidden", "secret"} & set(re.findall(r"\w+", str(error)))
    assert (error.exit_code, server.asked) == (3, [])


def test_a_plugin_that_is_not_there_is_named_with_its_hint(
    trusted: Callable[[object], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = plugin(tmp_path, prints({"token": "abc"}), command="plugin.py", installHint="get it at plugins.test\n")
    assert refusal(trusted(there)).exit_code == 3
    assert "plugin `plugin.py` is not there or cannot be run; get it at plugins.test" in str(refusal(trusted(there)))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    Api(trusted(there))


def test_a_plugin_that_does_not_end_is_ended(
    trusted: Callable[[object], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exec_plugin, "PLUGIN_S", 0.5)
    slow = plugin(tmp_path, "print('open a browser', file=sys.stderr, flush=True); time.sleep(60)")
    assert "could not be run to its end within 0.5 s: open a browser;" in str(refusal(trusted(slow)))


def test_secrets_are_not_in_what_is_shown_of_a_connection(trusted: Callable[[object], Path]) -> None:
    shown = repr(connection.connect(trusted({"username": "me", "password": "hidden"})).credential)
    assert "Basic" not in shown
