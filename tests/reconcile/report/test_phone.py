"""The page in a browser, as wide as a phone."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from reconcile.report.html import render_html
from tests.reconcile.report.histories import week

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTH = 390
# A frame of that width, because a window of Chromium has a least one. What a container scrolls by itself may be wider.
FRAME = f"""<!doctype html><iframe id="phone" width="{WIDTH}" height="844" style="border: 0" srcdoc="%s"></iframe>
<pre id="found"></pre>
<script>
const phone = document.getElementById('phone');
phone.onload = () => {{
    const page = phone.contentDocument, view = phone.contentWindow;
    const scrolls = box => box && (/auto|scroll|hidden/.test(view.getComputedStyle(box).overflowX) || scrolls(box.parentElement));
    const outside = [...page.body.querySelectorAll('*')].filter(box =>
        box.getBoundingClientRect().right > {WIDTH} + 0.5 && !scrolls(box.parentElement) && !box.closest('svg'));
    const cut = [...page.querySelectorAll('.badge')].filter(box => box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0);
    document.getElementById('found').textContent = JSON.stringify({{
        width: page.scrollingElement.scrollWidth,
        badges: page.querySelectorAll('.badge').length,
        wide: [...outside, ...cut].map(box => box.outerHTML.slice(0, 120)),
    }});
}};
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to lay the page out")
def test_the_page_fits_a_phone(tmp_path: Path) -> None:
    assert CHROMIUM is not None
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME % html.escape(render_html(week())), encoding="utf-8")
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--virtual-time-budget=10000",
        f"--user-data-dir={tmp_path}/profile",
    ]
    done = subprocess.run(
        [CHROMIUM, *flags, "--dump-dom", frame.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    told = re.search(r'<pre id="found">(\{.*?\})</pre>', done.stdout, re.DOTALL)
    assert told, done.stderr[-2000:]
    found = json.loads(html.unescape(told[1]))
    assert found["badges"] > 5
    assert (found["width"], found["wide"]) == (WIDTH, [])
