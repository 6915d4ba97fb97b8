"""The page in a real browser: a photo goes in, classes and reasons come out."""

import json
import shutil

import asking
import pytest
from asking import NAMES, photo, send, served

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("matplotlib")
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium")

_DROP = """([name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
  const options = {dataTransfer: data, bubbles: true};
  document.dispatchEvent(new DragEvent("drop", options));
}"""


@pytest.fixture(scope="module")
def page():
    with served(asking.model()) as (address, _), playwright.sync_playwright() as driver:
        options = {"executable_path": BROWSER, "args": ["--no-sandbox"]}
        chromium = driver.chromium.launch(**options)
        page, complaints = chromium.new_page(), []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith((address, "data:", "blob:"))
                or complaints.append(request.url)
            ),
        )
        page.goto(address)
        page.address = address
        yield page
        chromium.close()
        complaints = [c for c in complaints if "status of 415" not in c]
        assert complaints == []


def drop(page, name, data):
    page.evaluate(_DROP, [name, list(data)])


def test_a_dropped_photo_shows_its_classes_and_what_the_model_looks_at(page):
    data = photo(7)
    drop(page, "<img src=x onerror=alert(1)>.png", data)
    page.wait_for_selector("#found table")
    expected = send(page.address, data)[1]["classes"]
    rows = page.locator("#found tr").all()
    assert [row.locator("td").first.inner_text() for row in rows] == [
        each["class"] for each in expected
    ]
    assert {each["class"] for each in expected} == set(NAMES)
    value = float(rows[0].locator("meter").get_attribute("value"))
    assert value == pytest.approx(expected[0]["probability"], abs=1e-6)
    page.click("#explain")
    page.wait_for_selector("#views figure")
    assert "What reaches the head" in page.locator("#views").inner_text()


def test_what_is_no_image_shows_the_reason_and_the_next_photo_its_classes(page):
    drop(page, "text.png", b"no image")
    page.wait_for_selector("#problem:not(:empty)")
    assert "not an image" in page.locator("#problem").inner_text()
    assert page.locator("#found table").count() == 0
    page.set_input_files(
        "#file", [{"name": "a.png", "mimeType": "image/png", "buffer": photo(8)}]
    )
    page.wait_for_selector("#found table")
    assert page.locator("#problem").inner_text() == ""
    facts = json.loads(page.locator("main").get_attribute("data-facts"))
    assert facts["gives"] == "classes"
