"""What stands for each block of the page is there: steps and claims by their names."""

from __future__ import annotations

from snapshots import SETTING

from meshproof.page.known import known_blocks
from meshproof.steps import PAGE


def test_each_block_names_a_step_and_claims_of_it() -> None:
    claims = {slug: {claim.id for claim in section(SETTING).claims} for slug, section in PAGE.items()}
    for known in known_blocks():
        assert known.checks
        assert set(known.checks) <= claims[known.step], known.number


def test_the_blocks_are_in_the_order_of_the_steps() -> None:
    order = list(PAGE)
    steps = [order.index(known.step) for known in known_blocks()]
    assert steps == sorted(steps)
    assert {order[step] for step in steps} == {"enable", "route", "exclude", "cleanup"}
