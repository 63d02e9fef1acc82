"""`run_step` against a stand-in for a cluster, with time of its own: nothing here sleeps or starts a process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count, repeat
from typing import Any, Never, cast

import pytest

from meshproof.checks.finding import Finding
from meshproof.cluster import Cluster
from meshproof.errors import CommandFailed, Inconclusive, MachineCannot, MeshproofError, NotReady, Refuted
from meshproof.kube.kinds import POD, Labelled
from meshproof.path.link import Link, Seen, Site, When
from meshproof.results import Moment, StepResult
from meshproof.run import Completed
from meshproof.steps.judging import judge
from meshproof.steps.model import Claim, Command, Ready, Step, Together, shell
from meshproof.steps.runner import run_commands, run_step, skip_step
from meshproof.wait import Clock


@dataclass
class StandIn:
    """A cluster with a clock: programs succeed unless they are named in `failing`, and pauses pass at once."""

    failing: str = ""
    seconds: float = 100.0
    ran: list[str] = field(default_factory=list[str])
    watched: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    pods: Sequence[dict[str, Any]] | MeshproofError = ()

    @property
    def api(self) -> StandIn:
        return self

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.seconds, pause=self.pause)

    def pause(self, seconds: float) -> None:
        self.seconds += seconds

    def run(self, *argv: str, stdin: str = "", timeout_s: float = 120.0) -> Completed:
        self.ran.append(argv[0])
        if argv[0] == self.failing:
            raise CommandFailed(argv[0], 1, "", "it broke")
        return Completed(argv, 0, f"{argv[0]} printed\n", "", 0.0)

    def list(self, *_: str, **__: str) -> Sequence[dict[str, Any]]:
        if isinstance(self.pods, MeshproofError):
            raise self.pods
        return self.pods

    @contextlib.contextmanager
    def watching(self, *paths: str) -> Generator[Clock]:
        self.watched.append(paths)
        yield self.clock


NUMBERS = count()  # what a link is of: each is one by itself
WATCHED = ("/pods", "/gateways")


def look(*values: object, then: object = "up", when: When = "each") -> Link[Any]:
    """A look that gives these values one after the other and the last for ever; errors are raised."""
    coming = chain(values, repeat(then))

    def take(_: Site) -> object:
        value = next(coming)
        if isinstance(value, Exception):
            raise value
        return value

    return Link("the thing", next(NUMBERS), take, WATCHED, when)


def is_up(state: str) -> Finding:
    return Finding(state == "up", "up", state)


def claim(state: Link[Any], id_: str = "step.up") -> Claim:
    return Claim(id_, f"{id_} is up", (state,), is_up)


def step(
    *claims: Claim,
    commands: tuple[Command | Together, ...] = (),
    ready: tuple[Ready[Any], ...] = (),
    prepare: Callable[[Cluster], None] | None = None,
) -> Step:
    return Step("step", "A step", commands, ready, claims, undo=(shell("undo"),), departures=("it departs",),
                prepare=prepare, settle_timeout_s=5)  # fmt: skip


def outcome(made: Step, cluster: StandIn) -> StepResult:
    return run_step(made, cast(Cluster, cluster), cluster.clock)


def test_a_claim_that_holds_three_times_in_a_row_is_proven() -> None:
    cluster = StandIn()
    result = outcome(step(claim(look()), commands=(shell("apply"),)), cluster)
    [check] = result.checks
    assert (check.id, check.claim, check.status, check.reason) == ("step.up", "step.up is up", "proven", "")
    assert (check.expected, check.observed, check.seconds) == ("up", "up", 0.5)
    assert (result.slug, result.section, result.commands) == ("step", "A step", ("apply",))
    assert (result.departures, result.error) == (("it departs",), "")
    assert cluster.seconds == 100.5, "three looks with two pauses between them"


UNCLEAR = Inconclusive("5 requests could not be told from other traffic")


@pytest.mark.parametrize(
    ("seen", "then", "status"),
    [
        ((), UNCLEAR, "skipped"),
        (("up", "up"), UNCLEAR, "skipped"),
        (("up", UNCLEAR, "up", UNCLEAR), "up", "proven"),
        (("down",), UNCLEAR, "refuted"),
        (("up", "down"), UNCLEAR, "refuted"),
        (("up", "down", "up", UNCLEAR), "up", "refuted"),
    ],
)
def test_what_does_not_decide_proves_nothing_and_takes_back_nothing(
    seen: tuple[object, ...], then: object, status: str
) -> None:
    check = outcome(step(claim(look(*seen, then=then))), StandIn()).checks[0]
    assert check.status == status
    assert (UNCLEAR.args[0] in check.observed, check.reason) == (
        (True, "what was seen does not decide") if status == "skipped" else (False, check.reason)
    )


def test_a_claim_that_holds_and_proves_nothing_is_skipped_with_the_reason() -> None:
    def nothing(state: str) -> Finding:
        return Finding(state == "up", "up", state, skip="there was nothing to do")

    made = Claim("step.up", "it is up", (look(),), nothing)
    [check] = outcome(step(made), StandIn()).checks
    assert (check.status, check.reason, check.observed) == ("skipped", "there was nothing to do", "up")
    [check] = outcome(step(Claim("step.up", "it is up", (look(then="down"),), nothing)), StandIn()).checks
    assert check.status == "refuted"


def test_a_look_at_the_start_is_taken_once_and_before_anything_is_done() -> None:
    cluster = StandIn()
    first: Link[list[str]] = Link("what ran so far", "it", lambda _: list(cluster.ran), when="start")

    def nothing(ran: list[str]) -> Finding:
        return Finding(not ran, "nothing", str(ran))

    made = Claim("step.up", "nothing ran", (first,), nothing)
    [check] = outcome(step(made, commands=(shell("apply"),)), cluster).checks
    assert (check.status, cluster.ran) == ("proven", ["apply"])


def test_two_in_a_row_are_not_enough() -> None:
    [check] = outcome(step(claim(look(*["down"] * 18, then="up"))), StandIn()).checks
    assert (check.status, check.reason) == ("proven", "")
    [check] = outcome(step(claim(look(*["down"] * 19, then="up"))), StandIn()).checks
    assert (check.status, check.reason) == ("refuted", "did not hold for long enough")


def test_each_claim_has_the_time_at_which_it_settled() -> None:
    early, late = outcome(step(claim(look(), "step.a"), claim(look("down"), "step.b")), StandIn()).checks
    assert (early.seconds, late.seconds) == (0.5, 0.75)


@pytest.mark.parametrize("states", [("up", "down"), ("down", "up", "up", "down"), ("up", "up", "down") * 100])
def test_a_claim_that_held_and_then_did_not_is_unsteady_and_told_with_both(states: tuple[str, ...]) -> None:
    cluster = StandIn()
    steady, flapped = outcome(step(claim(look(), "step.a"), claim(look(*states), "step.b")), cluster).checks
    assert (steady.status, flapped.status) == ("proven", "refuted")
    assert flapped.reason == "unsteady: it held, and then it did not"
    assert flapped.observed == "held: up; then: down"
    assert cluster.seconds <= 101, "nothing is waited for that no look can mend"


def test_a_claim_that_held_long_enough_and_then_fell_while_others_settled_is_unsteady() -> None:
    once_up = look("up", "up", "up", "up", then="down")
    slow = look(*["down"] * 4)
    [_, fallen] = outcome(step(claim(slow, "step.a"), claim(once_up, "step.b")), StandIn()).checks
    assert (fallen.status, fallen.observed) == ("refuted", "held: up; then: down")


def test_what_could_not_be_seen_for_a_moment_is_not_unsteady() -> None:
    [check] = outcome(step(claim(look("up", NotReady("the gateway changed its pod")))), StandIn()).checks
    assert (check.status, check.seconds) == ("proven", 1.0)


def test_a_look_that_fails_refutes_with_its_reason() -> None:
    [check] = outcome(step(claim(look(then=NotReady("no pod of it is ready")))), StandIn()).checks
    assert (check.status, check.observed) == ("refuted", "the thing: no pod of it is ready")


@pytest.mark.parametrize("problem", [KeyError("status"), TypeError("no number"), OSError("gone")])
@pytest.mark.parametrize("when", ["beside", "once", "each"])
def test_a_look_that_meets_a_bug_of_ours_skips_its_claims_once_and_for_all(problem: Exception, when: When) -> None:
    cluster = StandIn()
    broken = look(problem, when=when)  # in a later look it would be well
    result = outcome(step(claim(broken, "step.a"), claim(broken, "step.b"), claim(look(), "step.c")), cluster)
    told = f"meshproof's own error: {type(problem).__name__}: {problem}"
    assert [(check.status, check.reason) for check in result.checks] == [("skipped", told)] * 2 + [("proven", "")]
    [traceback] = result.tracebacks
    assert "test_runner.py" in traceback
    assert traceback.rstrip().endswith(f"{type(problem).__name__}: {problem}")
    assert (result.complete, result.error, cluster.seconds) == (False, "", 100.5)


def test_a_judgement_that_meets_a_bug_of_ours_is_skipped_whatever_it_found_before() -> None:
    def judge(state: str) -> Finding:
        return Finding({"up": True, "down": False}[state], "up", state)

    result = outcome(step(Claim("step.x", "It is up", (look("up", "up", "odd", "up"),), judge)), StandIn())
    assert [check.status for check in result.checks] == ["skipped"]
    assert result.checks[0].reason == "meshproof's own error: KeyError: 'odd'"
    assert len(result.tracebacks) == 1


def test_what_was_seen_to_fall_stays_refuted_whatever_bug_is_met_later() -> None:
    [check] = outcome(step(claim(look("up", "down", KeyError("of ours")))), StandIn()).checks
    [other, _] = outcome(
        step(claim(look("up", "down", KeyError("of ours"))), claim(look("down", "down"), "step.b")), StandIn()
    ).checks
    assert (check.status, other.status) == ("refuted", "refuted")


@pytest.mark.parametrize("where", ["prepare", "unless", "ready"])
def test_a_bug_of_ours_in_a_step_is_its_error_and_what_was_found_is_kept(where: str) -> None:
    def odd(*_: object) -> Never:
        raise KeyError("spec")

    made = step(
        claim(look(), "step.a"),
        commands=(shell("apply"), shell("b", unless=odd if where == "unless" else None)),
        ready=(Ready(look(), odd if where == "ready" else is_up),),
        prepare=odd if where == "prepare" else None,
    )
    cluster = StandIn()
    result = outcome(made, cluster)
    assert result.error == "meshproof's own error: KeyError: 'spec'"
    assert result.checks[0].status == ("proven" if where == "ready" else "skipped")
    assert len(result.tracebacks) == 1
    assert [moment.label for moment in result.moments[:-1]] == {
        "prepare": [],
        "unless": ["apply", "b"],
        "ready": ["apply", "b", "wait for the thing"],
    }[where]
    assert cluster.seconds < 105, "nobody waits for what cannot come"


def test_a_look_that_fails_for_a_while_does_no_harm() -> None:
    [check] = outcome(step(claim(look(MachineCannot("unreachable"), NotReady("not yet")))), StandIn()).checks
    assert check.status == "proven"


def test_a_judgement_that_refuses_what_it_sees_does_not_hold() -> None:
    def refuse(_: object) -> Finding:
        raise Refuted("malformed")

    [check] = outcome(step(Claim("step.x", "It is x", (look(),), refuse)), StandIn()).checks
    assert (check.status, check.expected, check.observed) == ("refuted", "It is x", "malformed")


def test_a_claim_about_something_never_looked_at_does_not_hold() -> None:
    assert judge(claim(look()), Seen()) == Finding(False, "step.up is up", "the thing: not looked at", seen=False)


def test_a_failed_command_skips_what_holds_refutes_what_does_not_and_ends_the_commands() -> None:
    cluster = StandIn(failing="apply")
    waited = Ready(look(), is_up)
    made = step(
        claim(look(), "step.a"),
        claim(look(then="down"), "step.b"),
        commands=(shell("write"), shell("apply"), shell("never")),
        ready=(waited,),
    )
    result = outcome(made, cluster)
    assert [check.status for check in result.checks] == ["skipped", "refuted"]
    assert {check.reason for check in result.checks} == {"the step did not complete: apply: exit code 1: it broke"}
    assert "it broke" in result.error
    assert cluster.ran == ["write", "apply"]
    assert cluster.watched == [], "readiness is not waited for"
    assert cluster.seconds == 100, "one look, no waiting"


def test_what_cannot_be_prepared_fails_the_step_before_its_commands() -> None:
    def refuse(_: Cluster) -> None:
        raise MachineCannot("the API server cannot be reached")

    cluster = StandIn()
    result = outcome(step(claim(look()), commands=(shell("apply"),), prepare=refuse), cluster)
    assert (result.error, result.checks[0].status) == ("the API server cannot be reached", "skipped")
    assert cluster.ran == []


def test_readiness_that_does_not_come_is_an_error_and_the_claims_are_judged_all_the_same() -> None:
    waited = Ready(look(then="down"), is_up, timeout_s=30)
    result = outcome(step(claim(look(), "step.a"), claim(look(then="gone"), "step.b"), ready=(waited,)), StandIn())
    assert result.error.startswith("the thing: not ready after 30 s")
    assert "down" in result.error
    assert [check.status for check in result.checks] == ["proven", "refuted"]


def test_readiness_is_waited_for_over_looks_that_fail_and_with_a_watch() -> None:
    cluster = StandIn()
    waited = Ready(look(MachineCannot("unreachable"), NotReady("no pod"), "down"), is_up)
    result = outcome(step(claim(look()), ready=(waited,)), cluster)
    assert (result.error, result.checks[0].status) == ("", "proven")
    assert cluster.watched == [("/pods", "/gateways")]
    assert cluster.seconds == 103.5


def test_what_cannot_become_ready_since_an_image_cannot_be_pulled_is_told_at_once() -> None:
    state = {"image": "istio/pilot:gone", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}}
    pod = {"metadata": {"namespace": "ns", "name": "one"}, "status": {"containerStatuses": [state]}}
    waited = Ready(replace(look(then="down"), of=Labelled(POD, "ns", "app=x")), is_up, timeout_s=30)
    cluster = StandIn(pods=[pod])
    result = outcome(step(claim(look(then="down")), ready=(waited,)), cluster)
    told = "the thing: image istio/pilot:gone cannot be pulled: not found (Pod ns/one)"
    assert result.error.splitlines()[0] == told
    assert cluster.seconds < 100 + 30
    unseen = outcome(step(claim(look()), ready=(waited,)), StandIn(pods=MachineCannot("forbidden")))
    assert unseen.error.startswith("the thing: not ready after 30 s"), (
        "no right to look at pods is no reason to give up"
    )


@pytest.mark.parametrize("when", ["beside", "once"])
def test_a_look_for_once_is_taken_once_and_shared(when: When) -> None:
    fixed = look("up", then="taken twice", when=when)
    result = outcome(step(claim(fixed, "step.a"), claim(fixed, "step.b"), claim(look("down"), "step.c")), StandIn())
    assert [check.status for check in result.checks] == ["proven"] * 3


def test_a_look_for_once_is_taken_when_the_step_is_ready() -> None:
    cluster = StandIn()
    waited = Ready(look("down"), is_up)
    late = Link[str]("late", "it", lambda _: "up" if cluster.seconds == 101 else "too early", when="once")
    [check] = outcome(step(claim(late), ready=(waited,)), cluster).checks
    assert (check.observed, check.status) == ("up", "proven")


def test_claims_of_one_round_share_a_look() -> None:
    shared = look("up", "up", "up", then="down")
    result = outcome(step(claim(shared, "step.a"), claim(shared, "step.b")), StandIn())
    assert [check.status for check in result.checks] == ["proven"] * 2


def test_a_step_without_claims_ends_at_once() -> None:
    assert outcome(step(), StandIn()).checks == ()


def test_commands_run_in_order_and_those_that_have_nothing_to_do_are_not_run() -> None:
    cluster = StandIn()
    commands = (
        Together((shell("a"), shell("b"))),
        shell("idle", unless=lambda _: True),
        shell("c", unless=lambda _: False),
    )
    moments = outcome(step(commands=commands), cluster).moments
    assert sorted(cluster.ran[:2]) == ["a", "b"]
    assert cluster.ran[2:] == ["c"]
    assert [moment.kind for moment in moments] == ["command"] * 4 + ["observe"]
    outputs = {moment.label: moment.output for moment in moments}
    assert outputs["c"] == "c printed\n"
    assert "nothing to do" in outputs["idle"]


def test_one_of_a_group_that_fails_fails_the_step() -> None:
    cluster = StandIn(failing="a")
    result = outcome(step(claim(look()), commands=(Together((shell("a"), shell("b"))), shell("never"))), cluster)
    assert "it broke" in result.error
    assert sorted(cluster.ran) == ["a", "b"]


def test_a_step_that_was_skipped_says_why_and_proves_nothing() -> None:
    result = skip_step(step(claim(look()), commands=(shell("apply"),)), "the step before did not complete")
    assert [(check.status, check.reason) for check in result.checks] == [
        ("skipped", "the step before did not complete")
    ]
    assert result.commands == ("apply",)
    with pytest.raises(Refuted, match="the step before did not complete"):
        result.proven("step.up")


def test_a_commands_moment_says_its_place_whether_or_not_others_are_equal_or_run_beside_it() -> None:
    moments: list[Moment] = []
    commands = (shell("a"), Together((shell("a"), shell("b"))), shell("a"))
    run_commands(commands, cast(Cluster, StandIn()), moments)
    assert {(each.command, each.label) for each in moments} == {(0, "a"), (1, "a"), (2, "b"), (3, "a")}
