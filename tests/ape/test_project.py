"""ape compiles the project as the package ships it, so that a script and a wheel speak of the same contracts."""

from __future__ import annotations

from ape import Project, networks

from pyutils import artifacts
from pyutils.deployment.network import shipped_networks


def test_project__compiled_by_ape__has_the_interfaces_of_the_artifacts(project: Project) -> None:
    compiled = project.load_contracts()
    for name in artifacts.names():
        artifact = artifacts.load(name)
        if artifact.source.startswith("contracts/"):
            parts = (name, *artifacts.RUNS.get(name, ()))
            by_ape = {entry.selector for part in parts for entry in compiled[part].abi if entry.type != "fallback"}
            shipped = {_signature(entry) for entry in artifact.abi if entry["type"] in {"function", "event", "error"}}
            assert shipped <= by_ape, name


def test_networks__every_chain_that_the_package_knows__has_a_name_in_ape() -> None:
    known = {
        network.chain_id
        for ecosystem in networks.ecosystems.values()
        for name, network in ecosystem.networks.items()
        if name != "local" and not name.endswith("-fork")
    }
    assert {network.chain_id for network in shipped_networks().values()} <= known


def _signature(entry: artifacts.AbiEntry) -> str:
    return f"{entry['name']}({','.join(_type(part) for part in entry['inputs'])})"


def _type(part: artifacts.AbiEntry) -> str:
    kind: str = part["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(inner) for inner in part['components'])}){kind.removeprefix('tuple')}"
