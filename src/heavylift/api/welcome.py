"""What a browser is shown at `/`: what answers here, and where to go on. Programs get their usual 404."""

from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from heavylift._version import __version__

PAGE: Final = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>heavylift</title>
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }}
</style>
<h1>heavylift</h1>
<p>This is a heavylift server, version {__version__}. It takes large files in parts, by OpenAI's Uploads and
Files protocol. Programs use it at <code>/v1</code>, with an API key.</p>
<ul>
<li><a href="docs">Documentation, to try the API on</a></li>
<li><a href="openapi.json">OpenAPI document, to generate clients from</a></li>
<li><a href="readyz">Is the service ready?</a></li>
</ul>
</html>
"""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Vary": "Accept",
}


def welcome(request: Request) -> Response | None:
    """The page, if a browser asks for it."""
    asked = request.url.path == "/" and request.method in {"GET", "HEAD"}
    if asked and "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(PAGE, headers=HEADERS)
    return None
