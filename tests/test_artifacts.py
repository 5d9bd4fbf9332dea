"""The committed artifacts are what the sources compile to, and are read without a compiler."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pyutils import artifacts
from pyutils.compile import ARTIFACTS_FOLDER, artifact_files
from pyutils.keccak import keccak256

REMEDY = "run `make artifacts` and commit pyutils/artifacts"


def test_committed_artifacts__compiled_again__are_the_same(project_root: Path) -> None:
    made = artifact_files(project_root)
    committed = {path.name: path.read_bytes() for path in ARTIFACTS_FOLDER.glob("*.json*")}
    assert sorted(committed) == sorted(made), REMEDY
    # Compressed bytes depend on zlib's version, what they hold does not.
    for packed in (artifacts.STANDARD_INPUT_NAME, artifacts.METADATA_NAME):
        assert gzip.decompress(committed.pop(packed)) == gzip.decompress(made.pop(packed)), REMEDY
    different = [name for name, content in made.items() if committed[name] != content]
    assert different == [], REMEDY


@pytest.mark.parametrize("name", artifacts.names())
def test_load__every_name__fits_on_chain(name: str) -> None:
    artifact = artifacts.load(name)
    assert artifact.name == name
    assert artifact.abi
    assert artifact.bytecode
    assert 0 < len(artifact.deployed_bytecode) <= 24_576
    for places in artifact.immutable_references.values():
        for place in places:
            assert artifact.deployed_bytecode[place.start : place.start + place.length] == bytes(place.length)


@pytest.mark.parametrize("read", [artifacts.load, artifacts.metadata])
def test_read__unknown_name__says_so(read: Callable[[str], object]) -> None:
    with pytest.raises(artifacts.UnknownArtifactError, match="no compiled contract named Nothing"):
        read("Nothing")


@pytest.mark.parametrize("name", artifacts.names())
def test_metadata__every_name__is_of_the_artifact_and_of_the_shipped_sources(name: str) -> None:
    artifact, shipped = artifacts.load(name), artifacts.standard_input()
    metadata = json.loads(artifacts.metadata(name))
    assert metadata["settings"]["compilationTarget"] == {artifact.source: name}
    assert metadata["compiler"]["version"] == artifact.compiler
    settings = shipped["settings"]
    assert {key: metadata["settings"][key] for key in ("evmVersion", "metadata", "optimizer")} == {
        key: settings[key] for key in ("evmVersion", "metadata", "optimizer")
    }
    assert metadata["sources"]
    for source, row in metadata["sources"].items():
        assert row["keccak256"] == "0x" + keccak256(shipped["sources"][source]["content"].encode()).hex()


def test_standard_input__names_no_folder_of_this_machine(project_root: Path) -> None:
    document = artifacts.standard_input()
    assert document["language"] == "Solidity"
    assert not [name for name in document["sources"] if name.startswith(("/", ".", "node_modules"))]
    assert str(project_root) not in str(document)
