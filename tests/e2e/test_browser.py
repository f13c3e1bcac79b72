"""The page that uploads from a browser, as the recipes print it, in Chromium."""

import functools
import hashlib
import http.server
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.e2e.wire import not_tested
from tests.house.examples import examples_of
from tests.house.project import pages
from tests.serving import serving

SIZE = 5_000_000

DRIVEN = f"""
const data = new Uint8Array({SIZE}).map((_, at) => at % 251);
let steps = 0;
const made = await upload(new File([data], "made.bin"), "user_data", () => {{ steps += 1; }});
document.querySelector("#said").value = `done ${{made.id}} in ${{steps}}`;
</script>"""
"""What a person would do: choose a file. Its bytes are known here, too."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    """A web server of another origin."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_page_uploads_a_file_in_parts(site: http.server.ThreadingHTTPServer, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        not_tested("THE BROWSER'S PAGE WAS NOT TESTED: install chromium")
    origin = f"http://127.0.0.1:{site.server_port}"
    [page] = [one.text for one in examples_of("r", pages()["docs/recipes.md"]) if one.language == "html"]
    with serving(tmp_path / "data", env={"HEAVYLIFT_CORS_ORIGINS": origin}) as served:
        text = page.replace("http://127.0.0.1:8321/v1", served.url).replace("A KEY", served.key)
        text = text.replace("16 * 2 ** 20", "2 ** 20").replace("</script>", DRIVEN)
        (tmp_path / "page.html").write_text(text, encoding="utf-8")
        done = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--virtual-time-budget=60000",
             f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"{origin}/page.html"],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        found = re.search(r"done (file-\w+) in (\d+)", done.stdout)
        assert found, done.stdout[-500:] + done.stderr[-500:]
        assert found[2] == str(-(-SIZE // 2**20))
        key = {"Authorization": f"Bearer {served.key}"}
        content = httpx2.get(
            f"{served.url}/files/{found[1]}/content", headers=key, trust_env=False, timeout=60
        ).content
    expected = bytes(at % 251 for at in range(SIZE))
    assert hashlib.sha256(content).digest() == hashlib.sha256(expected).digest()
