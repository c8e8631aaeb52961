"""What others wrote and we serve, or test with, is what they published: by hash, with its licence."""

import hashlib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "controller" / "web" / "vendor", ROOT / "tests" / "browser" / "vendor")
LICENCES = {"0BSD", "MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "MPL-2.0", "ISC"}


@pytest.mark.parametrize("folder", FOLDERS, ids=["served", "tests"])
def test_every_vendored_file_is_listed_with_its_hash_and_licence(folder: Path) -> None:
    listed = yaml.safe_load((folder / "vendor.yaml").read_text())
    said = {name: sha256 for one in listed for name, sha256 in one["files"].items()}
    found = {
        one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in folder.iterdir() if one.name != "vendor.yaml"
    }

    assert found == said
    for one in listed:
        assert one["licence"] in LICENCES
        assert one["licence_file"] in one["files"]
        assert str(one["version"])[0].isdigit()
