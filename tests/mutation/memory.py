"""What earlier runs found out: who noticed a fault is asked first the next time; `--resume` does not ask again."""

import hashlib
import json
from pathlib import Path

from tests.mutation.mutants import Mutant
from tests.mutation.running import SURVIVED


class Memory:
    """Of one subject, in a file of its own: a mutant's name -> the test that noticed it, and what both looked like."""

    def __init__(self, file: Path, root: Path) -> None:
        self._file = file
        self._root = root
        self._known: dict[str, list[str]] = json.loads(file.read_text()) if file.exists() else {}

    @property
    def likely(self) -> dict[str, str]:
        """Who noticed it last time, by the mutant's name."""
        return {name: by for name, (by, _) in self._known.items()}

    def holds(self, mutant: Mutant) -> bool:
        """Whether it was noticed, and neither the module nor the file of the test that did has changed since."""
        by, digest = self._known.get(mutant.name, [SURVIVED, ""])
        return by != SURVIVED and digest == self._digest(mutant, by)

    def learn(self, mutant: Mutant, by: str) -> None:
        """Keep it until `save`."""
        self._known[mutant.name] = [by, self._digest(mutant, by)]

    def save(self) -> None:
        """Write the file."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._known, indent=0, ensure_ascii=False))

    def _digest(self, mutant: Mutant, by: str) -> str:
        test = self._root / by.partition("::")[0]
        read = mutant.path.read_bytes() + (test.read_bytes() if test.is_file() else b"")
        return hashlib.sha256(read).hexdigest()[:12]
