"""`loa play` and `loa join` as a person runs them: progress on a terminal, Ctrl-C takes the job back, refusals told."""

import base64
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from loa_protocol.keys import Ed25519Signer
from tests.acceptance.rig import COMMUNE, System, make_tone, running, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.timeout(120)]


class Terminal:
    """A command on a pseudo-terminal of its own; `said` is everything it wrote."""

    def __init__(self, *command: str) -> None:
        self._master, slave = pty.openpty()
        self._said: list[bytes] = []
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
        self.child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)
        os.close(slave)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def said(self) -> str:
        return b"".join(self._said).decode("utf-8", "replace")

    def _read(self) -> None:
        while True:
            try:
                got = os.read(self._master, 65_536)
            except OSError:  # the last writer has gone
                return
            self._said.append(got)

    def close(self) -> int:
        """Wait for its end; gives the exit code."""
        code = self.child.wait(30)
        self._reader.join(5)
        os.close(self._master)
        return code


def _loa(system: System, *arguments: str) -> Terminal:
    return Terminal(sys.executable, "-m", "loa_cli", *arguments, "--data-dir", str(system.data_dir))


def _play(system: System, file: Path) -> Terminal:
    return _loa(system, "play", str(file), "--to", f"u-{COMMUNE}")


def test_a_person_sees_progress_and_takes_it_back_with_ctrl_c(tmp_path: Path) -> None:
    bad = tmp_path / "ds.m3u8"
    bad.write_bytes(b"#EXTM3U\nhttp://127.0.0.1:9/a.ts\n")
    with running(tmp_path / "system") as system:
        client = system.client
        long = _play(system, make_tone(tmp_path / "dai.wav", seconds=360.0))
        wait_for(lambda: any(job["progress"] > 0.05 for job in client.get("/jobs")), "it is being taken in")
        wait_for(lambda: "Đang xử lý" in long.said, "the terminal shows it")
        long.child.send_signal(signal.SIGINT)
        code = long.close()

        assert code == 130, long.said
        assert "%" in long.said
        assert [job["state"] for job in client.get("/jobs")] == ["cancelled"]
        assert client.get("/media") == client.get("/broadcasts") == []
        assert not [path for name in ("spool", "intake") for path in (system.data_dir / name).iterdir()]

        refused = _play(system, bad)
        assert refused.close() == 1
        assert "media_format_refused" in refused.said

        _joins_and_plays(system, make_tone(tmp_path / "tin.wav", seconds=1.5))


def _joins_and_plays(system: System, file: Path) -> None:
    """A chime, a pause and a file become one sound, which goes on air by its id."""
    joined = _loa(system, "join", "chime:attention", "pause:300", str(file), "--title", "Tin có chuông")
    assert joined.close() == 0, joined.said
    (asset,) = [asset for asset in system.client.get("/media") if asset["title"] == "Tin có chuông"]
    assert asset["duration_ms"] == 875 + 300 + 1500
    assert re.search(r"2\.7 s.*" + asset["id"], joined.said, re.DOTALL)

    strange = _loa(system, "join", "chime:gong", "--title", "T")
    assert strange.close() == 1
    assert "chime_unknown" in strange.said

    public = base64.b64encode(Ed25519Signer.generate().public_raw).decode()
    device = {"id": "loa-1", "name": "Loa", "kind": "speaker", "unit_id": COMMUNE, "profile": "demo-speaker"}
    system.client.post("/devices", {**device, "public_key": public})
    played = _loa(system, "play", "--asset", asset["id"], "--to", f"u-{COMMUNE}")
    assert played.close() == 0, played.said
    (broadcast,) = system.client.get("/broadcasts")
    assert (broadcast["title"], broadcast["duration_ms"]) == ("Tin có chuông", asset["duration_ms"])
