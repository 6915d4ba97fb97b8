"""The page in a real browser: no error, and pointing at a patch shows its attention."""

import re
import shutil

import cases
import numpy as np
import pytest
from subjects import photo, run_folder

import keras_vit
from keras_vit.data import load_image
from keras_vit.visualize import attention_maps

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium")

# Row, column, and what of it: "... most to row 2, column 3 (25 %)."
BEST = re.compile(r"([\d.]+)\s% to patches, most to row (\d+), column (\d+) \(([\d.]+)")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        options = {"executable_path": BROWSER, "args": ["--no-sandbox"]}
        chromium = driver.chromium.launch(**options)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A page, and the attention that it should show, `(layers, heads, T, T)`."""
    folder = tmp_path_factory.mktemp("page")
    run = run_folder(folder / "run")
    file = photo(folder / "a <photo> & co.png", (40, 60))
    keras_vit.explain(run, file, folder / "report.html")
    steps = keras_vit.data.preprocessing((8, 12))
    maps = attention_maps(cases.model("token"), load_image(file, steps)[None])
    return folder / "report.html", maps[:, 0]


@pytest.fixture
def opened(browser, written):
    """Opens the page in a window; after the test there must be no complaint."""
    complaints, contexts = [], []

    def open_page(**options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url))
        page.goto(written[0].as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    loaded = [c for c in complaints if not c.startswith("data:")]
    assert loaded == [written[0].as_uri()] * len(contexts)


def check(page, row):
    """That the status tells the largest of `row` `(6,)`, patches of a grid of 2 x 3."""
    found = BEST.search(page.locator(".status").inner_text())
    total, line, column, share = (float(text) for text in found.groups())
    best = 3 * (int(line) - 1) + int(column) - 1
    assert row[best] >= 0.98 * row.max()  # 64 levels
    assert share == pytest.approx(100 * row.max(), rel=0.02, abs=0.6)
    assert total == pytest.approx(100 * row.sum(), rel=0.02, abs=0.6)


def test_a_patch_under_the_pointer_shows_what_it_attends_to(opened, written):
    page, (_, maps) = opened(viewport={"width": 1200, "height": 800}), written
    check(page, maps[-1, :, 0, 1:].mean(axis=0))
    assert "Layer 2, mean of the heads. Class token" in page.inner_text(".status")
    panel = page.locator(".picker")
    box = panel.bounding_box()
    panel.hover(position={"x": 0.9 * box["width"], "y": 0.8 * box["height"]})
    assert "Patch in row 2, column 3" in page.inner_text(".status")
    check(page, maps[-1, :, 6, 1:].mean(axis=0))
    drawn = page.evaluate("""() => {
        const canvas = document.querySelector(".heat");
        const pixels = canvas.getContext("2d").getImageData(0, 0, 3, 2).data;
        return [...Array(6).keys()].map((i) => pixels[4 * i] + pixels[4 * i + 1]);
    }""")
    brightest = np.argmax(drawn)
    assert brightest == maps[-1, :, 6, 1:].mean(axis=0).argmax()
    page.mouse.move(1, 1)
    assert "Class token" in page.inner_text(".status")
    panel.click(position={"x": 2, "y": 2})
    page.mouse.move(1, 1)
    assert "Patch in row 1, column 1" in page.inner_text(".status")
    page.locator(".whole").click()
    assert "Class token" in page.inner_text(".status")


def test_layer_and_head_are_chosen_with_the_mouse_or_the_keyboard(opened, written):
    page, (_, maps) = opened(), written
    page.get_by_role("slider", name="Layer").focus()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("combobox", name="Head").select_option("2")
    assert "Layer 1, head 2. Class token" in page.inner_text(".status")
    check(page, maps[0, 1, 0, 1:])
    cells = page.locator(".cells")
    box = cells.bounding_box()
    cells.click(position={"x": 0.5 * box["width"], "y": 0.6 * box["height"]})
    assert "Layer 2, head 1. Class token" in page.inner_text(".status")
    check(page, maps[1, 0, 0, 1:])


def test_patches_are_chosen_with_the_keyboard(opened, written):
    page, (_, maps) = opened(), written
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator(".whole").focus()
    page.keyboard.press("Tab")
    assert "Patch in row 2, column 2" in page.inner_text(".status")
    for key in ("ArrowUp", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    assert "Patch in row 1, column 1" in page.inner_text(".status")
    check(page, maps[-1, :, 1, 1:].mean(axis=0))
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # kept
    assert "Patch in row 1, column 3" in page.inner_text(".status")
    page.locator(".picker").focus()
    page.keyboard.press("Escape")
    assert "Class token" in page.inner_text(".status")


@pytest.mark.parametrize("width", [320, 760, 1600])
def test_no_width_needs_sideways_scrolling(opened, width):
    page = opened(viewport={"width": width, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_javascript_everything_but_the_interaction_is_there(opened):
    page = opened(java_script_enabled=False)
    assert not page.locator(".live").is_visible()
    assert page.locator(".mosaic img").is_visible()
    assert page.get_by_role("heading", name="a <photo> & co.png").is_visible()
    broken = [i for i in page.locator("img").all() if i.bounding_box()["height"] < 10]
    assert broken == []


def luminance(colour):
    shares = np.array([int(text) / 255 for text in re.findall(r"\d+", colour)[:3]])
    curved = ((shares + 0.055) / 1.055) ** 2.4
    linear = np.where(shares <= 0.04045, shares / 12.92, curved)
    return np.dot([0.2126, 0.7152, 0.0722], linear)


# Each text's colour, and that of the first thing behind it that has one.
TEXTS = """() => [...document.querySelectorAll("p, li, a, dt, dd, td, th, h1, h2, h3,"
  + "h4, figcaption, label, button, select, summary, span")]
  .filter((each) => each.innerText.trim() && each.offsetParent).map((each) => {
    let behind = each, colour = "";
    do {
      colour = getComputedStyle(behind).backgroundColor;
      behind = behind.parentElement;
    } while (behind && /, 0\\)$/.test(colour));
    return [getComputedStyle(each).color, colour, each.innerText.slice(0, 40)];
  })"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_the_light_and_in_the_dark(opened, scheme):
    page = opened(color_scheme=scheme)
    texts = page.evaluate(TEXTS)
    assert len(texts) > 50
    assert (luminance(texts[0][1]) > 0.5) == (scheme == "light")
    for front, back, text in texts:
        low, high = sorted([luminance(front), luminance(back)])
        assert (high + 0.05) / (low + 0.05) >= 4.5, text  # WCAG 2.2, level AA
