"""The command: what it reads and that it writes nothing, its three forms, and what it refuses."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from api_stand_in import Served, thing
from diagnose_objects import HOST, Break, World, answers, route, world
from hypothesis import given
from hypothesis import strategies as st
from test_diagnose import EXPECTED, FURTHER

from meshproof import cli, yamls
from meshproof.diagnose import Cause, Diagnosis, Hop, schema, told
from meshproof.diagnose.diagnosis import SEVERITIES
from meshproof.errors import BadInput
from meshproof.kube.api import NotFound

SCHEMA = Path(__file__).parent.parent / "docs" / "diagnosis.schema.json"


@dataclass
class Door:
    """An API server over HTTP that lets reads and access reviews through, and notes whatever else is tried."""

    url: str
    read: list[str] = field(default_factory=list[str])
    refused: list[str] = field(default_factory=list[str])


@contextmanager
def serving(objects: list[dict[str, Any]]) -> Generator[Door]:
    served = Served(objects)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            door.read.append(self.path)
            try:
                self._send(200, self._found(parts.path, dict(parse_qsl(parts.query))))
            except (NotFound, KeyError):
                self._send(404, {"message": "not found"})

        def _found(self, path: str, query: dict[str, str]) -> object:
            if path == "/version":
                return {"gitVersion": "v1.35.4"}
            named = re.fullmatch(r"(/api/v1|/apis/[^/]+/[^/]+)(/namespaces/[^/]+)?/[^/]+", path)
            return {"items": served.list(path, **query)} if named else served.get(path)

        def _refuse(self) -> None:
            door.refused.append(f"{self.command} {self.path}")
            self._send(405, {"message": "only reads"})

        do_POST = do_PUT = do_PATCH = do_DELETE = _refuse  # noqa: N815 - the names that http.server looks for

        def _send(self, status: int, body: object) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server calls it so
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    door = Door(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield door
    finally:
        server.shutdown()
        server.server_close()


def kubeconfig(folder: Path, url: str) -> Path:
    path = folder / "kubeconfig"
    clusters = [{"name": "c", "cluster": {"server": url}}]
    contexts = [{"name": "mine", "context": {"cluster": "c", "user": "u"}}]
    users: list[dict[str, object]] = [{"name": "u", "user": {}}]
    path.write_text(yamls.dump({"clusters": clusters, "contexts": contexts, "users": users, "current-context": "mine"}))
    return path


@pytest.fixture
def without_kubectl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshproof.diagnosing.shutil.which", lambda *_, **__: None)  # pyright: ignore


def diagnosed(folder: Path, objects: list[dict[str, Any]], *words: str) -> tuple[int, Door]:
    with serving(objects) as door:
        code = cli.main(["diagnose", f"KUBECONFIG={kubeconfig(folder, door.url)}", *words])
    return code, door


@pytest.mark.usefixtures("without_kubectl")
def test_it_writes_nothing_and_reads_little_beside_500_bystanders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = world()
    for number in range(100):
        name = f"bystander-{number}"
        made.add(
            thing("Namespace", name),
            thing("Service", f"{name}/s", spec={"selector": {"app": name}, "ports": [{"port": 80}]}),
            thing("ConfigMap", f"{name}/c", data={}),
            thing("Pod", f"{name}/p", spec={"containers": []}, status={}),
            route(f"{name}/r", hosts=[f"{name}.example"]),
        )
    code, door = diagnosed(tmp_path, made.objects, f"HOST={HOST}", "FORMAT=json")
    found = Diagnosis.from_json(capsys.readouterr().out)
    assert door.refused == []
    assert len(door.read) <= 20, "kubectl's own reads for a port-forward come on top"
    assert (found.verdict, code) == ("unsure", 1), "without a port-forward neither Envoy nor the answers are seen"
    assert {hop.link for hop in found.hops if hop.state == "not seen"} == {"certificate", "cluster", "answers"}


@pytest.mark.usefixtures("without_kubectl")
@pytest.mark.parametrize(("form", "begins"), [("text", HOST), ("short", HOST), ("json", "{")])
def test_every_form_has_the_same_verdict_and_exit_code(
    form: str, begins: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = world()
    made.bare()
    made.label(istio_injection=None)
    code, _ = diagnosed(tmp_path, made.objects, f"HOST={HOST}", f"FORMAT={form}")
    out = capsys.readouterr().out
    assert code == 1
    assert out.startswith(begins)
    assert "injection.not-labelled" in out
    assert "broken" in out
    assert f"--kubeconfig {tmp_path}/kubeconfig label namespace httpbin istio-injection=enabled" in out


CASES = [break_it for _, break_it, _ in EXPECTED] + [break_it for _, _, break_it in FURTHER]


@pytest.mark.parametrize("break_it", CASES)
def test_text_short_and_json_say_the_same(break_it: Break) -> None:
    made = world()
    break_it(made)
    found = made.diagnosed()
    headline = told.headline(found)
    assert told.text(found).splitlines()[0] == headline
    assert told.short(found).splitlines()[0] == headline
    assert found.verdict in headline
    again = Diagnosis.from_json(found.to_json())
    assert again == found
    assert again.exit_code == found.exit_code
    assert all(each.code in told.text(found) for each in found.findings if each is not found.first)
    assert len(told.short(found).splitlines()) <= 4 or "<<" in told.short(found)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    st.builds(
        Diagnosis,
        host=texts,
        verdict=st.sampled_from(["healthy", "broken", "unsure"]),
        settled=st.booleans(),
        hops=st.tuples(st.builds(Hop, link=texts, state=st.sampled_from(["ok", "not seen"]), object=texts)),
        findings=st.tuples(st.builds(Cause, texts, texts, st.sampled_from(SEVERITIES), texts, texts, st.tuples(texts))),
        requests=st.integers(0, 9),
    )
)
def test_a_diagnosis_is_read_back_as_it_was(found: Diagnosis) -> None:
    assert Diagnosis.from_json(found.to_json()) == found


def test_what_is_no_diagnosis_is_refused() -> None:
    with pytest.raises(BadInput, match="expected a diagnosis in JSON"):
        Diagnosis.from_json('{"host": 1}')


def test_the_schema_is_the_published_one() -> None:
    assert json.loads(SCHEMA.read_text()) == schema()


def no_gateway(made: World) -> None:
    made.remove("Gateway")
    made.remove("GatewayClass")


def foreign(made: World) -> None:
    made.of("GatewayClass")["spec"]["controllerName"] = "other.example/controller"


def no_istio(made: World) -> None:
    made.remove("Service", "istiod")


def no_kgateway(made: World) -> None:
    made.remove("Deployment", "kgateway")


def elsewhere(made: World) -> None:
    made.of("HTTPRoute")["spec"]["parentRefs"][0]["name"] = "htpp"


def other_listener(made: World) -> None:
    made.of("Gateway")["spec"]["listeners"][0]["hostname"] = "other.example"


def twice(made: World) -> None:
    second = json.loads(json.dumps(made.of("Gateway")))
    second["metadata"]["name"] = "second"
    made.add(second, route("httpbin/again", parent={"name": "second", "namespace": "kgateway-system"}))


@pytest.mark.usefixtures("without_kubectl")
@pytest.mark.parametrize(
    ("words", "break_it", "line"),
    [
        ([], None, "diagnose: expected HOST=..., the host whose requests are to be followed"),
        (["HOST=nowhere.example"], None, "no HTTPRoute has it; there are routes for www.example.com"),
        (["HOST=https://x/"], None, "HOST=https://x/: expected a host name such as shop.example"),
        ([f"HOST={HOST}", "FORMAT=yaml"], None, "FORMAT=yaml: not supported; allowed: text, short, json"),
        ([f"HOST={HOST}", "CONTEXT=other"], None, "other"),
        ([f"HOST={HOST}", "NAME=mine"], None, "NAME is a cluster of meshproof's, KUBECONFIG and CONTEXT lead to any"),
        ([f"HOST={HOST}", "GATEWAY=a/b"], None, "there is no Gateway a/b; there are kgateway-system/http"),
        ([f"HOST={HOST}"], no_gateway, "the cluster has no Gateway, and no class of kgateway's"),
        ([f"HOST={HOST}"], foreign, "its Gateway is not kgateway's: kgateway-system/http (class kgateway)"),
        ([f"HOST={HOST}"], no_istio, "no Istio is in the cluster"),
        ([f"HOST={HOST}"], no_kgateway, "no kgateway is in the cluster"),
        ([f"HOST={HOST}"], elsewhere, "refers to Gateway kgateway-system/htpp, which does not exist"),
        ([f"HOST={HOST}"], other_listener, "no listener of kgateway-system/http takes it"),
        ([f"HOST={HOST}"], twice, "several Gateways have it, kgateway-system/http, kgateway-system/second"),
    ],
)
def test_bad_input_is_one_clear_line(
    words: list[str], break_it: Break | None, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = world()
    if break_it:
        break_it(made)
    code, door = diagnosed(tmp_path, made.objects, *words)
    error = [each for each in capsys.readouterr().err.splitlines() if not each.startswith("cluster ")]
    assert code == 2
    assert len(error) == 1
    assert line in error[0]
    assert door.refused == []


def test_no_right_to_find_the_way_is_one_clear_line() -> None:
    made = world()
    made.denied = ("httproutes",)
    with pytest.raises(BadInput, match=r"without the right to list gateways, gatewayclasses and httproutes.*403"):
        made.diagnosed()


def test_a_broken_kubeconfig_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken"
    path.write_text("clusters: {")
    assert cli.main(["diagnose", f"HOST={HOST}", f"KUBECONFIG={path}"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_remedy_stands_at_the_margin_to_be_pasted() -> None:
    made = world()
    made.remove("MutatingWebhookConfiguration")
    made.bare()
    found = made.diagnosed()
    assert found.first is not None
    lines = told.text(found).splitlines()
    for line in found.first.remedy.splitlines():
        assert line in lines


def test_an_answer_of_an_app_that_echoes_nothing_is_judged_by_the_wire() -> None:
    made = world()
    made.came_back = answers(body="<html>", header=False)
    found = made.diagnosed()
    assert found.verdict == "healthy"
    assert "whether it had the header is not seen" in found.hops[-1].evidence[-1]
