"""What there is to build for a declaration: each component's key, needs and estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import msgspec

from meshproof.errors import BadInput
from meshproof.images.declaration import ASSETS, Declaration, GoComponent, Image, Node
from meshproof.images.gobuild import BUILD_FLAGS, LINK_FLAGS
from meshproof.images.store import key_of

FORMAT = 1  # raised when a change of code changes what comes out
TOOLS = ("kind", "kubectl", "helm")
CHARTS_S = 3.0
TOOLS_S = 1.0

Kind = Literal["wheel", "go", "debian", "charts", "tools", "node", "extra"]


@dataclass(frozen=True)
class Item:
    """One thing to have.

    `needs` are the items it is made from; `after` those it had better wait for. A passing one is made of what a run
    names itself, a working tree say, and of which there will be many: the cache keeps the newest few.
    """

    name: str
    kind: Kind
    key: str
    label: str
    seconds: float
    needs: Sequence[str] = ()
    after: Sequence[str] = ()
    passing: bool = False


def items(declared: Declaration) -> Mapping[str, Item]:
    """Everything that an assembly from source consists of, in the order in which it is best begun.

    Raises:
        BadInput: Something that one of them needs is not declared.
    """
    found: dict[str, Item] = {}

    def add(
        name: str, kind: Kind, inputs: object, seconds: float, *, passing: bool = False, **more: Sequence[str]
    ) -> None:
        needs = more.get("needs", ())
        if unknown := [need for need in needs if need not in found]:
            raise BadInput(f"images.toml: {unknown[0]}, which {name} needs, is not declared; known: {', '.join(found)}")
        needed = {need: found[need].key for need in needs}
        label = " ".join(filter(None, (name, declared.versions.get(name, ""))))
        key = key_of(FORMAT, kind, _lasting(inputs), needed)
        found[name] = Item(name, kind, key, label, seconds, **more, passing=passing)

    for name, wheel in declared.wheels.items():
        add(name, "wheel", wheel, wheel.seconds)
    for name, component in declared.gos.items():
        inputs = (component, BUILD_FLAGS, LINK_FLAGS, _aligned(component, declared), _assets(component))
        after = (component.align,) if component.align else ()
        unpinned = name in declared.given and not component.checksum
        add(name, "go", inputs, component.seconds, needs=("go",), after=after, passing=unpinned)
    for name, debian in declared.debians.items():
        add(f"debian-{name}", "debian", debian, debian.seconds)
    given = bool(declared.given)
    add("charts", "charts", declared.charts, CHARTS_S, needs=("helm", *_sources(declared)), passing=given)
    add("tools", "tools", TOOLS, TOOLS_S, needs=TOOLS)
    scripts = [path.read_text() for path in sorted(ASSETS.glob("*.sh")) + sorted(ASSETS.glob("*.conflist"))]
    inputs = (declared.images, declared.node, scripts)
    contents = _contents(*declared.images.values(), declared.node)
    add("node", "node", inputs, declared.node.seconds, needs=contents, passing=given)
    for name, extra in declared.extras.items():
        alone = declared.of_extra(name)
        needs = ("helm", *_sources(alone), *_contents(*alone.images.values()))
        # After the node: images that only stand below others go by their common name once one of the two is made.
        add(name, "extra", extra, extra.seconds, needs=tuple(dict.fromkeys(needs)), after=("node",))
    return found


def _aligned(component: GoComponent, declared: Declaration) -> object:
    return declared.gos[component.align] if component.align else None


def _assets(component: GoComponent) -> Sequence[str]:
    return [(ASSETS / asset).read_text() for asset in component.main or {}]


def _sources(declared: Declaration) -> Sequence[str]:
    return sorted({chart.source.partition(":")[0] for chart in declared.charts.values()})


def _contents(*made: Image | Node) -> Sequence[str]:
    """The components that images are made of."""
    names = {source.partition(":")[0] for each in made for source in each.copy or {}}
    return sorted(names | {each.base.replace(":", "-") for each in made if each.base.startswith("debian:")})


def _lasting(value: Any) -> Any:
    """Without estimates: a better guess of how long something takes is no reason to make it again."""
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    if isinstance(value, dict):
        mapping = cast(dict[str, Any], value)
        return {key: _lasting(item) for key, item in mapping.items() if key != "seconds"}
    if isinstance(value, list | tuple):
        return [_lasting(item) for item in cast(Sequence[Any], value)]
    return value
