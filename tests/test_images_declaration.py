"""images.toml: every name resolves, every version is pinned, and keys change with what they stand for."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from meshproof.errors import BadInput
from meshproof.images.containers import dockerfile
from meshproof.images.declaration import ASSETS, Declaration, Image, declaration
from meshproof.images.plan import Item, items
from meshproof.releases import SourceForm, cells


@pytest.fixture
def declared() -> Declaration:
    return declaration(cells()[0])


def test_every_name_is_filled_in(declared: Declaration) -> None:
    assert "{" not in repr([image.ref for image in declared.images.values()])
    assert declared.images["kube-apiserver"].ref == "registry.k8s.io/kube-apiserver:v1.36.3"
    assert declared.images["proxyv2"].ref == "meshproof.local/istio/proxyv2:1.31-dev"
    assert declared.images["etcd"].ref == "registry.k8s.io/etcd:3.6.8-0"


def test_everything_fetched_is_pinned_by_hash(declared: Declaration) -> None:
    assert all(re.fullmatch("[0-9a-f]{64}", wheel.sha256) for wheel in declared.wheels.values())
    fetched = [component for component in declared.gos.values() if component.module]
    assert len(fetched) >= 10
    assert all(re.fullmatch(r"h1:.{43}=", component.checksum) for component in fetched)


def test_every_source_of_a_copy_exists(declared: Declaration) -> None:
    components = {*declared.wheels, *declared.gos}
    copies = [image.copy or {} for image in declared.images.values()] + [declared.node.copy]
    sources = [source.partition(":")[0] for copy in copies for source in copy]
    assert len(sources) >= 15
    assert set(sources) <= components
    bases = {image.base for image in declared.images.values()} - {"scratch"}
    assert bases <= {f"debian:{name}" for name in declared.debians} | {f"image:{name}" for name in declared.images}
    assert all((ASSETS / asset).is_file() for go in declared.gos.values() for asset in go.main or {})


def test_a_module_version_that_is_not_declared_is_refused_by_name() -> None:
    cell = cells()[0]
    assert cell.source is not None
    modules = {**cell.source.modules, "kgateway": "v9.9.9"}
    with pytest.raises(BadInput, match=r"kgateway: module version v9\.9\.9 is not declared; known: v2\.4\.2, v2\.4\.0"):
        declaration(replace(cell, source=replace(cell.source, modules=modules)))


def test_a_cell_without_source_form_cannot_be_assembled() -> None:
    with pytest.raises(BadInput, match="IMAGES=published is its only form"):
        declaration(replace(cells()[0], source=None))


def changed(before: dict[str, Item], after: dict[str, Item]) -> set[str]:
    return {name for name in before if before[name].key != after[name].key}


def test_a_changed_component_changes_its_own_key_and_what_is_made_from_it(declared: Declaration) -> None:
    before = dict(items(declared))
    hey = replace(declared.gos["hey"], checksum="h1:other")
    assert changed(before, dict(items(replace(declared, gos={**declared.gos, "hey": hey})))) == {"hey", "node"}
    helm = replace(declared.gos["helm"], version="v4.1.2")
    assert changed(before, dict(items(replace(declared, gos={**declared.gos, "helm": helm})))) == {
        "helm",
        "charts",
        "tools",
    }


def test_the_toolchain_changes_all_that_it_compiles(declared: Declaration) -> None:
    before = dict(items(declared))
    go = replace(declared.wheels["go"], version="1.26.7")
    after = dict(items(replace(declared, wheels={**declared.wheels, "go": go})))
    assert changed(before, after) == {"go", *declared.gos, "charts", "tools", "node"}


def test_an_estimate_changes_no_key(declared: Declaration) -> None:
    slower = {name: replace(component, seconds=999.0) for name, component in declared.gos.items()}
    assert changed(dict(items(declared)), dict(items(replace(declared, gos=slower)))) == set()


def test_what_is_needed_stands_before_what_needs_it(declared: Declaration) -> None:
    seen: set[str] = set()
    for item in items(declared).values():
        assert {*item.needs, *item.after} <= seen
        seen.add(item.name)


def test_an_extra_is_made_only_where_it_is_asked_for_and_changes_nothing_else(declared: Declaration) -> None:
    before, after = dict(items(declared)), dict(items(declaration(cells()[0], ["load-balancer"])))
    assert "metallb" not in declared.versions
    assert changed(before, after) == set()
    assert list(after.keys() - before.keys()) in (["metallb", "load-balancer"], ["load-balancer", "metallb"])
    extra = after["load-balancer"]
    assert (set(extra.needs), extra.after) == ({"helm", "metallb"}, ("node",))


def test_what_an_extra_is_made_of_changes_its_key() -> None:
    declared = declaration(cells()[0], ["load-balancer"])
    extra = declared.extras["load-balancer"]
    image = replace(extra.images["metallb-controller"], user="1")
    other = replace(declared, extras={extra.name: replace(extra, images={image.name: image}, seconds=99.0)})
    assert changed(dict(items(declared)), dict(items(other))) == {"load-balancer"}
    slower = replace(declared, extras={extra.name: replace(extra, seconds=99.0)})
    assert changed(dict(items(declared)), dict(items(slower))) == set()


def test_an_extra_that_is_not_declared_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match=r"\[extra\] name: balancer is not declared; known: load-balancer"):
        declaration(cells()[0], ["balancer"])


def test_a_dockerfile_says_what_the_declaration_says() -> None:
    image = Image("x", "image:y", "x:1", {"a:bin/a": "/bin/a", "b:c": "/c"}, ["true"], "65532", ["/bin/a", "-v"])
    assert dockerfile(image, "y:1").splitlines() == [
        "FROM y:1",
        "COPY 0 /bin/a",
        "COPY 1 /c",
        "RUN true",
        "USER 65532",
        'ENTRYPOINT ["/bin/a", "-v"]',
    ]


def test_a_program_alone_in_an_image_is_what_it_starts() -> None:
    assert dockerfile(Image("x", "scratch", "x:1", {"a:bin/a": "/a"}), "scratch").endswith('ENTRYPOINT ["/a"]\n')


def test_source_form_names_only_declared_components(declared: Declaration) -> None:
    source = cells()[0].source
    assert isinstance(source, SourceForm)
    assert set(source.modules) <= set(declared.gos)


def edited(written: str, instead: str, *extras: str) -> Declaration:
    """The declaration with one of its words written otherwise."""
    text = (ASSETS.parent / "images.toml").read_text()
    assert written in text
    return declaration(cells()[0], extras, text.replace(written, instead, 1))


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ('"metallb:bin/', '"metalb:bin/', r"\[image\.metallb-controller\] copy: metalb is not declared"),
        ('from = "metallb:charts', 'from = "metalb:charts', r"\[charts\.metallb\] from: metalb is not declared"),
        ('user = "65534"', 'usr = "65534"', r"\[image\.metallb-controller\]: .*unknown field `usr`; known: .*user"),
        ("[extra.load-balancer.charts]", "[extra.load-balancer.chart]", r"\[extra\.load-balancer\]: .*unknown field"),
    ],
)
def test_a_wrong_name_in_an_extra_is_told_too(written: str, instead: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        edited(written, instead, "load-balancer")


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        (
            '[image.pilot]\nref = "meshproof.local/istio/pilot:{istio}"\nfrom = "debian:base"',
            '[image.pilot]\nref = "meshproof.local/istio/pilot:{istio}"\nfrom = "debian:bsae"',
            r"images\.toml, \[image\.pilot\] from: debian:bsae is not declared; known: debian:base, .*image:envoy",
        ),
        (
            '[image.envoy]\nfrom = "debian:base"',
            '[image.envoy]\nfrom = "image:proxyv2"',
            r"images stand on each other: image:(envoy|proxyv2) <- image:\w+ <- image:\1$",
        ),
        (
            "istio:bin/pilot-agent",
            "istoi:bin/pilot-agent",
            r"\[image\.proxyv2\] copy: istoi is not declared; known: .*istio",
        ),
        ('from = "debian:node"', 'from = "debian:nood"', r"\[node\] from: debian:nood is not declared"),
        ("istio:charts/istio-base", "istoi:charts/istio-base", r"\[charts\.istio-base\] from: istoi is not declared"),
        ('align = "kubernetes"', 'align = "kubernets"', r"\[go\.helm\] align: kubernets is not declared"),
        ("pilot:{istio}", "pilot:{istoi}", r"meshproof\.local/istio/pilot:\{istoi\}: istoi is not declared"),
        (
            "entrypoint = ",
            "entrypiont = ",
            r"\[image\.proxyv2\]: Object contains unknown field `entrypiont`; known: name, from, .*entrypoint",
        ),
        ('suite = "bookworm"\n', "", r"\[debian\.base\]: Object missing required field `suite`"),
        ('version = "1.26.6"\n', "", r"\[wheel\.go\]: Object missing required field `version`"),
        ("versions = {", "verions = {", r"^kubernetes: module version v1\.36\.3 is not declared; known: $"),
        ("[debian.node]", "[debain.node]", r"images\.toml, sections: .*unknown field `debain`; known: wheel, .*debian"),
        ("[node]", "[nood]", r"\[node\]: Object missing required field `ref`"),
        ("seconds = 60", 'seconds = "60"', r"\[node\]: Expected `float`, got `str` - at `\$\.seconds`"),
        ("[space]", "[space", r"^images\.toml: "),
    ],
)
def test_a_misspelt_name_is_bad_input_that_names_the_table_the_word_and_what_is_known(
    written: str, instead: str, told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        edited(written, instead)


def test_what_an_assembly_always_needs_is_missed_by_name(declared: Declaration) -> None:
    wheels = {name: wheel for name, wheel in declared.wheels.items() if name != "kubectl"}
    with pytest.raises(BadInput, match="kubectl, which tools needs, is not declared; known: go, envoy"):
        items(replace(declared, wheels=wheels))


def test_an_image_is_built_after_the_one_that_it_stands_on(declared: Declaration) -> None:
    shuffled = replace(declared, images=dict(reversed(list(declared.images.items()))))
    built: set[str] = {"scratch", *(f"debian:{name}" for name in declared.debians)}
    for image in shuffled.in_order():
        assert image.base in built
        built.add(f"image:{image.name}")
    assert len(built) == 1 + len(declared.debians) + len(declared.images)


def test_a_component_that_a_cell_has_apart_is_not_aligned() -> None:
    cell = cells()[0]
    assert cell.source is not None
    assert declaration(cell).gos["helm"].align == "kubernetes"
    apart = declaration(replace(cell, source=replace(cell.source, apart=["helm"])))
    assert (apart.gos["helm"].align, apart.gos["etcd"].align) == ("", "kubernetes")
    with pytest.raises(BadInput, match="component that is apart: hlem is not declared"):
        declaration(replace(cell, source=replace(cell.source, apart=["hlem"])))
