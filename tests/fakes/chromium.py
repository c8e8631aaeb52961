"""A real Chromium (the distribution's), headless, whose microphone hears a WAV file; pages come from loopback."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.async_api import Page, async_playwright

PROGRAM = "/usr/bin/chromium"
_RECORD = """async (ms) => {
  const stream = await navigator.mediaDevices.getUserMedia({audio: true});
  const recorder = new MediaRecorder(stream), parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const over = new Promise((done) => { recorder.onstop = done; });
  recorder.start(250);
  await new Promise((done) => setTimeout(done, ms));
  recorder.stop();
  await over;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return btoa(text);
}"""


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>-</title>")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def blank_page() -> Iterator[str]:
    """The address of an empty page on this machine: a secure context, so that it may ask for the microphone."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Blank)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def record(heard: Path, seconds: float) -> bytes:
    """What the page's MediaRecorder hands over after it has listened to the WAV file `heard` for so long."""
    arguments = [
        "--no-sandbox",  # the tests may run as root
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={heard}%noloop",
    ]
    with blank_page() as address:
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=PROGRAM, args=arguments)
            page: Page = await (await browser.new_context(permissions=["microphone"])).new_page()
            await page.goto(address)
            recorded: str = await page.evaluate(_RECORD, round(seconds * 1000))
            await browser.close()
    return base64.b64decode(recorded)
