"""The way of a request that is kept with a result: the very answers that were judged, and who handled them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from report_runs import a_run
from snapshots import MESHED_GATEWAY, SETTING, answer, answers, pod, response, xfcc

from meshproof.path.ask import Answers, Ask
from meshproof.path.link import Missing, Seen
from meshproof.path.way import Way, ways_of
from meshproof.report import results_json

ON = SETTING.links
APP = (pod("go-httpbin", "istio-proxy"), replace(pod("old"), ip="10.244.0.9", terminating=True))
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJodHRwYmluIn0.c2lnbmF0dXJl"


def test_each_answer_that_was_judged_is_kept_with_the_containers_that_handled_it() -> None:
    plain = answers(xfcc())
    forged = Answers(Ask("www.example.com", (("X-A", "1"),)), plain.each)
    gone = Answers(Ask("a.example"), (answer(response(), endpoint="10.244.0.9:8080"),))
    found = {ON.answers("www.example.com"): plain, ON.answers("x", ("X-A", "1")): forged, ON.answers("y"): gone}
    others = {ON.gateway_pods: MESHED_GATEWAY, ON.app_pods: APP, ON.gateway: Missing("none")}
    assert ways_of(Seen({**found, **others})) == (
        Way(plain.each[0], ("kgateway-proxy", "sds"), ("go-httpbin", "istio-proxy")),
        Way(gone.each[0], ("kgateway-proxy", "sds"), ()),
    )
    assert ways_of(Seen({ON.answers("y"): Missing("none")})) == ()


def test_ways_are_written_and_read_without_secrets(tmp_path: Path) -> None:
    run, path = a_run(), tmp_path / "results.json"
    told = replace(response(xfcc()), headers={"set-cookie": f"session={JWT}"}, body=f"token {JWT}")
    way = Way(answer(told), ("kgateway-proxy",), ("go-httpbin",))
    results_json.write(replace(run, steps=(replace(run.steps[0], ways=(way,)), *run.steps[1:])), path)
    assert JWT not in path.read_text()
    [back] = results_json.read(path).steps[0].ways
    assert (back.gateway, back.app, back.answer.response.xfcc) == (way.gateway, way.app, xfcc())
    assert back.answer.endpoint == way.answer.endpoint
    written = json.loads(path.read_text())
    del written["steps"][0]["ways"]
    path.write_text(json.dumps(written))
    assert results_json.read(path).steps[0].ways == (), "an earlier version kept none"
