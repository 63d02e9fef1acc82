"""Dialects: what is supported is spoken in one that was proved."""

from __future__ import annotations

import pytest

from meshproof.dialects import DIALECTS, dialect
from meshproof.errors import BadInput
from meshproof.releases import cells


def test_each_combination_speaks_the_dialect_of_its_line_and_each_that_was_proved_is_spoken() -> None:
    spoken = {cell.dialect for cell in cells()}
    assert spoken == {name for name, each in DIALECTS.items() if not each.unproven}
    for cell in cells():
        assert cell.kgateway.startswith(f"{cell.dialect}.")


def test_one_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(BadInput, match=r"^dialect 1\.9: unknown; known are 2\.4, 2\.2, 2\.0$"):
        dialect("1.9")
