"""A controller that does background jobs and nothing else, with its API; and a child process that hangs."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from controller.api.app import create_app
from controller.runtime.server import Controller
from controller.runtime.settings import Role, Settings
from tests.fakes.databases import with_schema
from tests.fakes.running_controller import ShiftedClock, eventually

NOWHERE = ("mqtt://127.0.0.1:1",)
"""Jobs need no broker."""
ASYNC = {"Prefer": "respond-async"}
HANGS = "import os, pathlib, time; pathlib.Path('sign').write_text(str(os.getpid())); time.sleep(600)"
"""A program that tells its number in its folder, and never ends."""


@dataclass
class House:
    """A controller without other work than jobs, and its API."""

    controller: Controller
    api: httpx.AsyncClient
    clock: ShiftedClock
    folder: Path

    async def hand_in(self, path: Path, **headers: str) -> httpx.Response:
        content = await asyncio.to_thread(path.read_bytes)
        return await self.api.post("/media", files={"file": (path.name, content)}, headers=headers)

    async def job(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.api.get(f"/jobs/{job_id}")).json()
        return found

    async def state(self, job_id: str, *wanted: str) -> dict[str, Any]:
        """Wait for one of the states."""

        async def reached() -> dict[str, Any] | None:
            job = await self.job(job_id)
            return job if job["state"] in wanted else None

        found: dict[str, Any] = await eventually(reached, f"the job is {wanted}", 20)
        return found

    async def child(self) -> psutil.Process:
        """The child of the job that runs `HANGS`."""

        async def signed() -> psutil.Process | None:
            data = self.controller.settings.data_dir
            for sign in (*data.glob("intake/*/work/*/sign"), *data.glob("intake/*/join/sign")):
                if text := sign.read_text():
                    return psutil.Process(int(text))
            return None

        child: psutil.Process = await eventually(signed, "the child runs", 20)
        return child

    async def assets(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.api.get("/media")).json()
        return found

    def left(self) -> list[str]:
        """Everything in the folders of jobs; what goes while one looks is gone."""
        walks = (os.walk(self.controller.settings.data_dir / name) for name in ("spool", "intake"))
        return [f"{folder}/{name}" for walk in walks for folder, below, files in walk for name in (*below, *files)]

    async def clean(self) -> None:
        """Until nothing of any job is left; the file goes just after the job has ended."""

        async def empty() -> bool:
            return self.left() == []

        await eventually(empty, "nothing is left", 5)

    def objects(self) -> list[Path]:
        return [path for path in (self.controller.settings.data_dir / "objects").rglob("*") if path.is_file()]


@asynccontextmanager
async def housed(folder: Path, **given: Any) -> AsyncIterator[House]:
    """Started, and ended whatever happens."""
    clock = ShiftedClock()
    data_dir = folder / "controller" if "database_url" in given else with_schema(folder / "controller")
    settings = Settings(
        **{"data_dir": data_dir, "roles": frozenset({Role.API, Role.JOBS}), "brokers": NOWHERE, **given}
    )
    controller = Controller(settings, clock)
    transport = httpx.ASGITransport(app=create_app(controller, "bi-mat"))
    headers = {"Authorization": "Bearer bi-mat"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as api:
        await controller.start()
        try:
            yield House(controller, api, clock, folder)
        finally:
            await controller.stop()
