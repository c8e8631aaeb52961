"""`loa library`: what is there, how much of it, what would go; and taking images and videos in."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Column, Table

from loa_cli.line import Line, on_line
from loa_cli.reporting import console, local, print_json

library = typer.Typer(help="The library: sounds, images and videos.", no_args_is_help=True)

KINDS = {"sound": "âm thanh", "image": "hình", "video": "phim"}
ORIGINS = {"recording": "ghi âm", "upload": "tải lên", "machine": "giọng máy", "joined": "ghép"}
_KIB = 1024

Unit = Annotated[str | None, typer.Option(help="Id of the unit whose it is.")]


@library.command("search")
@on_line
def search(
    line: Line,
    words: Annotated[list[str] | None, typer.Argument(help="Beginnings of words, with or without accents.")] = None,
    kind: Annotated[str | None, typer.Option(help="sound, image or video.")] = None,
    unit: Unit = None,
    within: Annotated[str | None, typer.Option(help="A unit with all below it.")] = None,
    language: Annotated[str | None, typer.Option(help="vi, hmn, …")] = None,
    origin: Annotated[str | None, typer.Option(help="recording, upload, machine or joined.")] = None,
    gone: Annotated[bool, typer.Option("--gone", help="Those without bytes, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
) -> None:
    """Find things of the library, the newest first."""
    asked = {"kind": kind, "unit": unit, "within": within, "language": language, "origin": origin}
    query = {name: value for name, value in asked.items() if value is not None}
    given = {"q": " ".join(words or ()), "gone": str(gone).lower(), "limit": str(limit), **query}
    page = line.client.get("/library", given)
    if line.as_json:
        print_json(page)
        return
    table = _table("Mã", "Loại", "Tiêu đề", "Ngôn ngữ", "Nguồn", "Dài", "Lúc")
    for one in page["items"]:
        length = f"{one['duration_ms'] / 1000:.0f} s" if one["duration_ms"] else ""
        title = f"{one['title']} (đã dọn)" if one["purged_at"] else one["title"]
        origin_of = ORIGINS.get(one["origin"], one["origin"])
        kind_of = KINDS.get(one["kind"], one["kind"])
        table.add_row(one["id"], kind_of, title, one["language"] or "", origin_of, length, local(one["created_at"]))
    console.print(table)
    if page["after"]:
        console.print("Còn nữa: thêm từ khóa hoặc --limit.", highlight=False)


@library.command("add")
@on_line
def add(
    line: Line,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="PNG, JPEG, GIF, WebP, BMP; MP4, WebM, …")],
    title: Annotated[str | None, typer.Option(help="What people call it; the file's name otherwise.")] = None,
    unit: Unit = None,
    language: Annotated[str | None, typer.Option(help="vi, hmn, …")] = None,
    text: Annotated[str, typer.Option(help="What is to be read in it, to be found by.")] = "",
) -> None:
    """Take an image, or a video of at most 2 minutes, in for boards."""
    asked = {"title": title, "unit": unit, "language": language, "text": text or None}
    made = line.client.hand_in_picture(file, {name: value for name, value in asked.items() if value is not None})
    if line.as_json:
        print_json(made)
        return
    size = made["facts"]["picture"]
    console.print(
        f"Đã nhận {KINDS[made['kind']]} “{made['title']}” ({size['width_px']} × {size['height_px']}): {made['id']}",
        highlight=False,
    )
    if same := made["facts"].get("same_content_as"):
        console.print(f"Đã có trong thư viện: “{same['title']}” ({same['asset_id']})", highlight=False)


@library.command("quota")
@on_line
def quota(
    line: Line,
    unit: Annotated[str | None, typer.Argument(help="Id of a unit; all that have anything otherwise.")] = None,
    most_mib: Annotated[int | None, typer.Option(min=0, help="Bound it to so many MiB.")] = None,
    usual: Annotated[bool, typer.Option("--usual", help="Bound it as all units are.")] = False,
) -> None:
    """How much units keep, and how much they may."""
    if unit is None and (most_mib is not None or usual):
        raise typer.BadParameter("name the unit whose bound is to be set")
    path = f"/units/{unit}/library-quota"
    if most_mib is not None or usual:
        most_bytes = None if usual or most_mib is None else most_mib * _KIB * _KIB
        rows = [line.client.put(path, {"most_bytes": most_bytes})]
    else:
        rows = line.client.get("/library/quotas") if unit is None else [line.client.get(path)]
    if line.as_json:
        print_json(rows)
        return
    table = _table("Đơn vị", "Số mục", "Đã dùng", "Được dùng")
    for one in rows:
        most = "không giới hạn" if one["most_bytes"] is None else _size(one["most_bytes"])
        table.add_row(one["unit_id"], str(one["assets"]), _size(one["used_bytes"]), most)
    console.print(table)


@library.command("retention")
@on_line
def retention(
    line: Line,
    now: Annotated[bool, typer.Option("--now", help="Do a round instead of telling what it would do.")] = False,
) -> None:
    """What would lose its bytes, because nobody used it for long; its evidence stays."""
    told: Any = line.client.post("/library/retention") if now else line.client.get("/library/retention")
    if line.as_json:
        print_json(told)
        return
    if now:
        console.print(
            f"Đánh dấu {told['marked']} mục, giữ lại {told['kept']}, đã dọn {told['gone']} ({_size(told['bytes'])})",
            highlight=False,
        )
        return
    table = _table("Mã", "Loại", "Tiêu đề", "Từ", "Dung lượng")
    for one in told["oldest"]:
        table.add_row(one["id"], KINDS[one["kind"]], one["title"], local(one["created_at"]), _size(one["bytes"]))
    console.print(table)
    console.print(f"Sẽ dọn {told['assets']} mục, {_size(told['bytes'])}; chứng cứ phát vẫn giữ.", highlight=False)


def _table(first: str, *others: str) -> Table:
    table = Table(Column(first, no_wrap=True), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in others:
        table.add_column(heading, overflow="fold")
    return table


def _size(total_bytes: int) -> str:
    if total_bytes < _KIB * _KIB:
        return f"{total_bytes / _KIB:.0f} KiB"
    return f"{total_bytes / _KIB / _KIB:.1f} MiB"
