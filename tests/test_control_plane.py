"""What a chart renders with and without values: the difference is counted and shown."""

from __future__ import annotations

import pytest

from meshproof.checks.control_plane import same_rendering

PLAIN = "".join(f"line: {number}\n" for number in range(500))


@pytest.mark.parametrize(
    ("rendered", "observed"),
    [
        (f"new: 1\n{PLAIN}", ["lines: 1 added, 0 removed", "@@ -0,0 +1 @@", "+new: 1"]),
        (PLAIN.replace("line: 7\n", ""), ["lines: 0 added, 1 removed", "@@ -8 +7,0 @@", "-line: 7"]),
        (
            PLAIN.replace("line: 7\n", "line: 8\n"),
            ["lines: 1 added, 1 removed", "@@ -8 +8 @@", "-line: 7", "+line: 8"],
        ),
        (PLAIN.rstrip("\n"), ["lines: 1 added, 1 removed", "@@ -500 +500 @@", "-line: 499", "+line: 499"]),
    ],
    ids=["inserted", "removed", "changed", "no newline at the end"],
)
def test_lines_that_differ_are_counted_and_shown(rendered: str, observed: list[str]) -> None:
    finding = same_rendering(PLAIN, rendered, "control", "the values")
    assert not finding.holds
    assert finding.observed.splitlines() == observed


def test_a_long_difference_is_cut() -> None:
    shown = same_rendering(PLAIN, "other\n", "control", "the values").observed.splitlines()
    assert shown[0] == "lines: 1 added, 500 removed"
    assert shown[-1] == "…"
    assert len(shown) < 15


def test_the_same_is_the_same() -> None:
    finding = same_rendering(PLAIN, PLAIN, "control", "the values")
    assert (finding.holds, finding.observed) == (True, "500 lines, none differs")
