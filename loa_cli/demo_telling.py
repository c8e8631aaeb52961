"""What the demo prints: where it is, and a one-time link for each of its people; in Vietnamese and in English."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from loa_cli import demo_land
from loa_cli.client import Client
from loa_cli.demo_people import PEOPLE
from loa_cli.reporting import console, print_json


def links(client: Client, people: Mapping[str, str]) -> dict[str, str]:
    """A fresh one-time sign-in link of each; those before lead nowhere any more."""
    return {key: str(client.post(f"/people/{person}/sign-in-link")["link"]) for key, person in people.items()}


def tell(client: Client, run: Path, people: Mapping[str, str], *, as_json: bool) -> None:
    """Print fresh links, and what there is to see; as JSON for programs."""
    fresh = links(client, people)
    if as_json:
        shown = [{"key": who.key, "name": who.name, "link": fresh[who.key]} for who in PEOPLE]
        print_json({"url": client.url, "people": shown, "captured": str(run / "captured"), "logs": str(run / "logs")})
        return
    for line in _lines(client.url, run, fresh):
        console.print(line, highlight=False, soft_wrap=True)


def _lines(url: str, run: Path, fresh: Mapping[str, str]) -> Iterator[str]:
    simulated, villages = sum(not spot.real for spot in demo_land.spots()), len(demo_land.VILLAGES)
    yield ""
    yield f"{demo_land.COMMUNE_NAME}: {simulated} cụm loa mô phỏng ở {villages} thôn; 3 cụm loa, 1 bảng tin chạy thật."
    yield f"({simulated} simulated loudspeakers in {villages} villages; 3 loudspeakers and a board that really run.)"
    yield ""
    yield f"Địa chỉ (address): {url}"
    yield "Mở một liên kết để vào. Mỗi liên kết dùng một lần, trong 15 phút; nhấn Enter để có liên kết mới."
    yield "(Open a link to sign in. Each is good once, for 15 minutes; press Enter for new ones.)"
    for who in PEOPLE:
        yield ""
        yield f"  {who.name}, {who.work[0]}: {who.tries[0]}"
        yield f"  ({who.work[1]}: {who.tries[1]})"
        yield f"  {fresh[who.key]}"
    yield ""
    yield f"Âm thanh, hình ảnh ghi lại (captured): {run / 'captured'}"
    yield "Dữ liệu làm mới ở mỗi lần chạy (made anew at each start). Ctrl-C để dừng (ends everything)."
