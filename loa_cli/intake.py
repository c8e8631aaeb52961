"""A sound file on its way to becoming a sound, with its progress on a terminal, and `loa job`."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from loa_cli.line import Line, on_line
from loa_cli.reporting import console, errors, local, print_json
from loa_protocol.errors import LoaError

jobs = typer.Typer(help="Background jobs: sounds on their way in.", no_args_is_help=True)

EXIT_INTERRUPTED = 130
SENDING = "Đang gửi"
STATES = {
    "queued": "Đang chờ",
    "running": "Đang xử lý",
    "done": "Xong",
    "failed": "Lỗi",
    "cancelled": "Đã hủy",
}
_POLL_S = 0.2
_LABEL_CHARACTERS = 2_000
_DATE_WIDTH = 10


class IntakeRefused(LoaError):
    """The file did not become a sound; the message begins with the code of the reason."""

    code = "intake_refused"


def take_in(
    client: Any, file: Path, title: str | None = None, *, quiet: bool = False, said: dict[str, str] | None = None
) -> str:
    """Hand a file in and follow its job; gives the asset's id. Ctrl-C cancels the job and ends with 130.

    `said`: what is wished of it, and its labels; of a long text the beginning, which it is found by.

    Raises:
        LoaError: the file was refused, or the job was cancelled by somebody else.
    """
    labels = {name: value[:_LABEL_CHARACTERS] for name, value in (said or {}).items()}

    def begin(shown: Progress) -> Any:
        bar = shown.add_task(SENDING, total=file.stat().st_size)
        with shown.open(file, "rb", task_id=bar) as opened:
            return client.begin_upload(opened, file.name, title, labels)

    return _shown(client, begin, quiet=quiet)


def join_parts(
    client: Any, title: str, parts: list[dict[str, str | int]], unit: str | None = None, *, quiet: bool = False
) -> str:
    """Have parts joined into a sound of a unit and follow the job, as `take_in`."""

    def begin(shown: Progress) -> Any:
        shown.add_task(STATES["queued"], total=1.0)
        return client.begin_join(title, parts, unit)

    return _shown(client, begin, quiet=quiet)


def speak_reading(client: Any, said: dict[str, Any], *, quiet: bool = False) -> str:
    """Have a reading spoken and follow the job, as `take_in`."""

    def begin(shown: Progress) -> Any:
        shown.add_task(STATES["queued"], total=1.0)
        return client.begin_speech(said)

    return _shown(client, begin, quiet=quiet)


def _shown(client: Any, begin: Callable[[Progress], Any], *, quiet: bool) -> str:
    """Begin a job, which adds the bar, and follow it to its end."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    job: dict[str, Any] | None = None
    with Progress(*columns, console=errors, transient=True, disable=quiet or not errors.is_terminal) as shown:
        try:
            job = begin(shown)
            return _follow(client, job["id"], shown, shown.task_ids[0])
        except KeyboardInterrupt:
            if job is not None:
                with suppress(LoaError):  # it may have ended in this very moment
                    client.delete(f"/jobs/{job['id']}")
            errors.print("Đã hủy, chưa phát gì.")
            raise typer.Exit(EXIT_INTERRUPTED) from None


def _follow(client: Any, job_id: str, shown: Progress, bar: TaskID) -> str:
    shown.reset(bar, total=1.0, description=STATES["queued"])
    while True:
        job = client.get(f"/jobs/{job_id}")
        shown.update(bar, completed=job["progress"], description=STATES[job["state"]])
        if job["state"] == "done":
            return str(job["asset_id"])
        if job["state"] == "failed":
            code, message, details = (job["error"][name] for name in ("code", "message", "details"))
            raise IntakeRefused(f"{code}: {message}", **{**details, "code": code})
        if job["state"] == "cancelled":
            raise IntakeRefused("job_cancelled: somebody cancelled it; hand it in again if it is still wanted")
        time.sleep(_POLL_S)


@jobs.command("list")
@on_line
def list_jobs(line: Line) -> None:
    """The newest jobs."""
    rows = line.client.get("/jobs")
    if line.as_json:
        print_json(rows)
        return
    table = Table(Column("Việc", no_wrap=True), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("Tiêu đề", "Lúc", "Trạng thái", "%", "Lý do"):
        table.add_column(heading, overflow="fold", min_width=_DATE_WIDTH if heading == "Lúc" else None)
    for row in rows:
        reason = (row["error"] or {}).get("code", "")
        state = STATES[row["state"]].lower()
        table.add_row(row["id"], row["title"], local(row["created_at"]), state, f"{row['progress']:.0%}", reason)
    console.print(table)


@jobs.command("cancel")
@on_line
def cancel_job(
    line: Line,
    job: Annotated[str, typer.Argument(help="The job's id.")],
) -> None:
    """End a job; nothing of it is kept."""
    answer = line.client.delete(f"/jobs/{job}")
    if line.as_json:
        print_json(answer)
    else:
        console.print(f"Đã hủy “{answer['title']}”", highlight=False)
