"""What is said of a block without a cluster is true of it, and nothing is said where a run might show otherwise."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from guide import the_page
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from meshproof.page import command, told
from meshproof.page.by_release import by_release
from meshproof.page.by_shell import by_shell
from meshproof.page.definitions import Definitions, read_definitions, unknown_fields
from meshproof.page.includes import Includes
from meshproof.page.kept import Kept
from meshproof.page.reading import Page, parse_page
from meshproof.page.release import CHART, Release, release_at_hand
from meshproof.page.shell import Script, parse
from meshproof.page.verdict import Judged
from meshproof.releases import cells
from meshproof.run import run

FENCE = "```"


def page_of(*blocks: str, language: str = "sh", includes: Mapping[str, str] | None = None) -> Page:
    text = "\n".join(f"{FENCE}{language}\n{block}\n{FENCE}\n" for block in blocks)
    return parse_page(text, includes=Includes(includes or {}))


def shell_says(folder: Path, *blocks: str, includes: Mapping[str, str] | None = None) -> Mapping[int, Judged]:
    return by_shell(page_of(*blocks, includes=includes), None, Kept(folder)).verdicts


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("helm upgrade x [a](oci://b)", "bash: syntax error near unexpected token `('; a Markdown link is inside"),
        ("echo 'one", "bash: unexpected EOF while looking for matching `''"),
        ("curl x\n -H 'host: y'", "line 3: -H is no command, but goes with the line before it"),
        ("helm install x y\n -H z", "line 3: -H is no command"),
        ("curl http://${NO_SUCH_HOST}:80/x", "line 2: NO_SUCH_HOST is set by no block before, and stands for the host"),
        ('echo a\ncurl $NO_SUCH_ONE/x "https://$NO_SUCH_HOST/y"', "line 3: NO_SUCH_HOST is set by no block before"),
    ],
)
def test_what_cannot_work_is_said_in_the_words_of_the_shell(tmp_path: Path, text: str, seen: str) -> None:
    found = shell_says(tmp_path, text)
    assert (found[1].verdict, found[1].evidence) == ("cannot work", "parsed")
    assert found[1].seen.startswith(seen)


@pytest.mark.parametrize(
    "text",
    [
        "curl x \\\n -H 'host: y'",
        "echo '[a](b)'",
        "kubectl apply -f- <<EOF\n[a](b) -H\nEOF",
        "true || -H",
        "if false; then -H; fi",
        "curl http://${NO_SUCH_HOST:-localhost}/x",
        "NO_SUCH_HOST=a\ncurl http://$NO_SUCH_HOST/x",
        "for NO_SUCH_HOST in a b; do curl http://$NO_SUCH_HOST/x; done",
        "read NO_SUCH_HOST\ncurl http://$NO_SUCH_HOST/x",
        "curl 'http://$NO_SUCH_HOST/x'",
        "echo istio.io/rev=$NO_SUCH_HOST",
        "curl http://$HOME/x",
        "curl http://${NO_SUCH_HOST}.example/x",
        "export NAME=<your-name>",
        "no-such-program --anywhere",
        "open() { true; }\nopen x",
        "curl -L https://install.example | sh -\nopen x",
        "PATH=$PATH:/opt/bin\nopen x",
        "sudo apt install open\nopen x",
        "mv open /usr/local/bin\nopen x",
        "{{< version >}}[a](b){{< /version >}}",
    ],
)
def test_of_what_a_run_may_show_to_work_nothing_is_said(tmp_path: Path, text: str) -> None:
    assert shell_says(tmp_path, text) == {}


def test_a_command_of_another_system_cannot_work_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty, full = tmp_path / "empty", tmp_path / "full"
    for folder in (empty, full):
        folder.mkdir()
        (folder / "bash").symlink_to(shutil.which("bash") or "")
    (full / "open").write_text("#!/bin/sh\n")
    (full / "open").chmod(0o755)
    monkeypatch.setenv("PATH", str(empty))
    assert "open is a command of macOS, and none here" in shell_says(tmp_path, "open x.yaml")[1].seen
    monkeypatch.setenv("PATH", str(full))
    assert shell_says(tmp_path, "open x.yaml") == {}


def test_a_variable_may_be_set_by_a_block_before_or_one_that_is_brought(tmp_path: Path) -> None:
    use, setting = "curl http://$NO_SUCH_HOST/x", "export NO_SUCH_HOST=localhost"
    assert list(shell_says(tmp_path, use, setting, use)) == [1]
    text = f'{{{{< reuse "begin.md" >}}}}\n\n{FENCE}sh\n{use}\n{FENCE}\n'
    brought = {"begin.md": f"{FENCE}sh\n{setting}\n{FENCE}\n"}
    for known, said in ((brought, []), ({"begin.md": "Nothing."}, [1]), ({}, [])):  # not known: it may set it
        page = parse_page(text, includes=Includes(known))
        assert list(by_shell(page, None, Kept(tmp_path)).verdicts) == said


def test_what_is_said_can_be_had_again(tmp_path: Path) -> None:
    found = shell_says(tmp_path, "echo (", "x\n-H y")
    for judged, code, said in ((found[1], 2, "syntax error"), (found[2], 1, "-H: not found")):
        again = run("bash", "-c", judged.repeat, cwd=tmp_path, check=False)
        assert again.code == code
        assert said in again.stderr


def test_a_program_that_may_only_be_missing_here_is_named(tmp_path: Path) -> None:
    said = by_shell(page_of("no-such-program x\nno-such-program y\necho z"), None, Kept(tmp_path))
    assert (said.verdicts, said.missing) == ({}, {1: "no-such-program"})


def test_commands_are_read_as_a_shell_reads_them() -> None:
    script: Script = parse(
        "A=b kubectl get x | grep y && helm z\nexport B=$(curl c)\ncat <<'EOF'\n$C\nEOF\necho $D ${E:-f}"
    )
    told = [(command.words[0], command.line, command.reached) for command in script.commands]
    assert told == [
        *(("kubectl", 0, True), ("grep", 0, True), ("helm", 0, False)),
        *(("export", 1, True), ("curl", 1, False), ("cat", 2, True), ("echo", 5, True)),
    ]
    assert script.sets == {"A", "B"}
    assert [use.name for use in script.uses] == ["D"]
    assert [command.here.expanded for command in script.commands if command.here] == [False]
    assert script.broken is None


SCHEMA: Mapping[str, object] = {
    "properties": {
        "spec": {
            "properties": {
                "names": {"items": {"properties": {"name": {}}}},
                "labels": {"additionalProperties": {"properties": {"value": {}}}},
                "any": {"x-kubernetes-preserve-unknown-fields": True, "properties": {}},
                "open": {"type": "object"},
            }
        }
    }
}


@pytest.mark.parametrize(
    ("spec", "paths"),
    [
        ({"names": [{"name": 1}, {"nam": 1}]}, ["spec.names[1].nam"]),
        ({"labels": {"a": {"value": 1}, "b": {"worth": 1}}}, ["spec.labels.b.worth"]),
        ({"any": {"x": 1}, "open": {"y": 1}}, []),
        ({"nams": [], "kube": {"a": 1}}, ["spec.nams", "spec.kube"]),
        ({"names": {"not": "a list"}, "labels": None}, []),
    ],
)
def test_a_field_that_a_schema_does_not_have_is_named(spec: object, paths: list[str]) -> None:
    assert list(unknown_fields(SCHEMA, {"spec": spec})) == paths


DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
spec:
  group: {group}
  names:
    kind: Weather
    plural: weathers
  versions:
  - name: v1
    served: true
    schema:
      openAPIV3Schema:
        properties:
          spec:
            properties:
              place: {{type: string}}
  - name: v0
    served: false
    schema: {{}}
"""


@pytest.fixture
def definitions(tmp_path: Path) -> Definitions:
    """A chart that defines a kind of its group, and a folder that defines one of another."""
    for folder, group in (("chart", "weather.example"), ("crds", "others.example")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "weathers.yaml").write_text(DEFINITION.format(group=group))
    chart = tmp_path / "crds.tgz"
    with tarfile.open(chart, "w:gz") as archive:
        archive.add(tmp_path / "chart" / "weathers.yaml", "crds/templates/weathers.yaml")
    return read_definitions(chart, tmp_path / "crds")


@pytest.mark.parametrize(
    ("version", "kind", "spec", "said"),
    [
        ("weather.example/v1", "Weather", {"place": "x"}, ""),
        (
            "weather.example/v1",
            "Weather",
            {"plaice": "x", "sky": 1},
            "Weather has no field spec.plaice, and none spec.sky",
        ),
        ("weather.example/v0", "Weather", {}, "Weather has no version v0 in weather.example; served: v1"),
        ("weather.example/v1", "Wether", {}, "weather.example has no kind Wether"),
        ("others.example/v1", "Weather", {"plaice": 1}, "Weather has no field spec.plaice"),
        ("others.example/v1", "Wether", {}, ""),
        ("v1", "ConfigMap", {"anything": 1}, ""),
    ],
)
def test_an_object_that_a_server_refuses(
    definitions: Definitions, version: str, kind: str, spec: object, said: str
) -> None:
    wrong = definitions.wrong({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": spec})
    assert (wrong.sentence if wrong else "") == said


@pytest.fixture(params=[cell for cell in cells() if cell.source], ids=lambda cell: cell.label)
def release(request: pytest.FixtureRequest) -> Release:
    """Each release whose charts are here."""
    found = release_at_hand(request.param)
    if found is None:
        pytest.skip("its charts are not assembled here")
    return found


UPGRADE = "helm upgrade kgateway oci://somewhere.example/charts/kgateway -f values.yaml"


@pytest.mark.parametrize(
    ("values", "after", "verdict"),
    [
        ("global:\n  istioIntegration:\n    enabled: true", UPGRADE, "no effect"),
        ("controller:\n  extraEnv:\n    KGW_ENABLE_ISTIO_AUTO_MTLS: true", UPGRADE, ""),
        ("controller:\n  extraEnv:\n    KGW_ENABLE_WAYPOINT: true", UPGRADE, ""),
        ("global:\n  x: 1", "helm upgrade istiod oci://somewhere.example/charts/istiod -f values.yaml", ""),
        ("global:\n  x: 1", "helm upgrade kgateway oci://somewhere.example/charts/kgateway", ""),
        ("global:\n  x: 1", "kubectl get pods", ""),
    ],
)
def test_values_have_no_effect_where_the_chart_renders_the_same(
    release: Release, tmp_path: Path, values: str, after: str, verdict: str
) -> None:
    page = parse_page(f"{FENCE}yaml\n{values}\n{FENCE}\n\n{FENCE}sh\n{after}\n{FENCE}\n")
    found = by_release(page, release, Kept(tmp_path))
    assert [judged.verdict for judged in found.values()] == ([verdict] if verdict else [])
    for judged in found.values():
        assert judged.evidence == "dry-run"
        again = run("bash", "-c", judged.repeat, cwd=tmp_path)
        assert again.stdout == ""  # no difference


def test_what_only_a_word_stands_for_is_not_what_a_chart_refuses(release: Release, tmp_path: Path) -> None:
    values = 'controller: {{< reuse "controller.md" >}}'
    text = f"{FENCE}yaml\n{values}\n{FENCE}\n\n{FENCE}sh\n{UPGRADE}\n{FENCE}\n"
    assert by_release(parse_page(text), release, Kept(tmp_path)) == {}


def test_a_chart_that_ignores_everything_says_nothing_of_one_value(release: Release, tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: kgateway\nversion: 0.0.1\n")
    (tmp_path / "templates").mkdir()
    template = tmp_path / "templates" / "all.yaml"
    deaf = Release(release.cell, replace(release.parts, charts={CHART: tmp_path}))
    for text, same in (("kind: ConfigMap", False), ("kind: ConfigMap\ndata: {{ .Values.controller | toJson }}", True)):
        template.write_text(text)
        assert [each.same for each in deaf.render(["global: {on: true}"])] == [same]


def test_values_that_a_chart_refuses_cannot_work(release: Release, tmp_path: Path) -> None:
    page = parse_page(f"{FENCE}yaml\ncontroller: 5\n{FENCE}\n\n{FENCE}sh\n{UPGRADE}\n{FENCE}\n")
    [judged] = by_release(page, release, Kept(tmp_path)).values()
    assert (judged.verdict, judged.evidence) == ("cannot work", "dry-run")
    assert judged.seen.startswith("helm: ")
    assert run("bash", "-c", judged.repeat, cwd=tmp_path, check=False).code


BACKEND = """\
kubectl apply {options} -f- <<EOF
apiVersion: gateway.kgateway.dev/v1alpha1
kind: Backend
metadata:
  name: $NAME
spec:
  {field}: true
EOF"""


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (BACKEND.format(options="", field="no_such_field"), "Backend has no field spec.no_such_field"),
        (BACKEND.format(options="", field="type"), ""),
        (BACKEND.format(options="--validate=false", field="no_such_field"), ""),
        (BACKEND.format(options="", field="x").replace("kubectl apply", "cat"), ""),
        (BACKEND.format(options="", field="type").replace("Backend", '{{< reuse "snippets/kind.md" >}}'), ""),
        (BACKEND.format(options="", field='{{< reuse "field.md" >}}'), ""),
        (BACKEND.format(options="", field="type").replace("kind: Backend", "kind: Backnd"), "no kind Backnd"),
    ],
)
def test_an_object_with_a_field_that_its_kind_does_not_have_is_refused(
    release: Release, tmp_path: Path, text: str, seen: str
) -> None:
    found = by_release(page_of(text), release, Kept(tmp_path))
    assert len(found) == bool(seen)
    assert all(judged.verdict == "cannot work" and seen in judged.seen for judged in found.values())


@pytest.mark.skipif(the_page() is None, reason="the page is not here; PAGE= says where")
def test_eight_blocks_of_the_page_are_settled_without_a_cluster(release: Release, tmp_path: Path) -> None:
    page = parse_page((the_page() or Path()).read_text())
    found = {
        **by_shell(page, release.parts.tools, Kept(tmp_path)).verdicts,
        **by_release(page, release, Kept(tmp_path)),
    }
    absent = {} if shutil.which("open") else dict.fromkeys((1, 32), ("cannot work", "parsed"))
    assert {number: (judged.verdict, judged.evidence) for number, judged in found.items()} == {
        **absent,
        **dict.fromkeys((2, 33), ("no effect", "dry-run")),
        **dict.fromkeys((21, 24, 34), ("cannot work", "parsed")),
        18: ("cannot work", "dry-run"),
    }


SHELL_PIECES = st.sampled_from(
    [
        *(
            "kubectl apply -f- <<EOF\n",
            "EOF\n",
            "apiVersion: v1\n",
            "kind: Secret\n",
            "  spec: [",
            "{",
            "}",
            "export",
            "unset",
        ),
        *(
            "curl http://",
            "https://[",
            "$NO_SUCH",
            "${NO_SUCH}",
            "]",
            ":80",
            "/x",
            "@",
            "'",
            '"',
            "`",
            "$(",
            ")",
            "\\\n",
            "\n",
        ),
        *(
            " -H ",
            "|",
            "&&",
            ";",
            "<name>",
            "[a](b)",
            "open ",
            "helm upgrade -f ",
            "oci://x/kgateway",
            "\x1b[31m",
            "é",
            "$",
        ),
    ]
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example("kubectl apply -f- <<EOF\n$)$", "sh")
@given(st.lists(SHELL_PIECES, max_size=25).map("".join), st.sampled_from(["sh", "yaml", ""]))
def test_whatever_a_block_has_it_is_judged_or_left_open(tmp_path: Path, text: str, language: str) -> None:
    page = page_of(text.replace(FENCE, ""), language=language)
    found = command.judged(page, cells()[0], tmp_path)
    assert all(row.verdict in ("unknown", "cannot work") for row in found.blocks)
    assert "\x1b" not in told.table(found)
    assert max(map(len, told.table(found).split("\n"))) <= 100
