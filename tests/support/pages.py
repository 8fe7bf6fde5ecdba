"""What a person does on a page and sees there."""

import base64
import io
import re

import numpy as np
from PIL import Image

WIDTHS = (1280, 800, 480)  # pixels of a window


def at(address, notebook="explore", **query):
    """Return the address, with its key, of a notebook of the dashboards, given that of the first."""
    return address.replace("explore.ipynb", f"{notebook}.ipynb") + "".join(f"&{name}={value}" for name, value in query.items())


def opened(page):
    """Wait until the page has answered its first example; return the page."""
    page.locator(".explorer.answers li.first").wait_for()
    idle(page)
    return page


def turn(page, theme):
    """Let the system prefer "light" or "dark"; wait until the page is drawn so."""
    page.emulate_media(color_scheme=theme)
    page.wait_for_function(
        """(light) => document.body.dataset.jpThemeLight === String(light)
          && !document.getAnimations().some((one) => one instanceof CSSTransition && one.playState === "running")""",
        arg=theme == "light",
    )


def is_dark(page):
    """Return whether the page is drawn in light on dark."""
    colours = "(page) => [getComputedStyle(page).color, getComputedStyle(document.body).backgroundColor]"
    texts = page.locator(".explorer.page").first.evaluate(colours)
    ink, paper = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in texts)
    return ink > paper


def sticking_out(page, texts, widths=WIDTHS):
    """Return what is too wide for its place at these widths of the window: the whole page, or one of the texts that a selector finds."""
    found = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 1000})
        page.evaluate("async () => { for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame); }")
        if page.locator(".explorer.page").evaluate("(page) => page.scrollWidth > page.clientWidth + 1"):
            found.append((width, "the page"))
        cut = "(all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"
        found += [(width, text) for text in page.locator(texts).evaluate_all(cut)]
    page.set_viewport_size({"width": widths[0], "height": 1000})
    return found


def idle(page):
    """Wait until nothing is under way. Right after a click, wait for what the click brings about instead."""
    page.locator(".explorer .status:not(.busy)").wait_for()


def choose(page, name):
    """Choose an architecture in the picker; what comes of it is the caller's to wait for."""
    page.locator(".explorer .pick").click()
    page.get_by_role("listbox", name="Architecture").get_by_role("option", name=re.compile(rf"^{name},")).click()


def load(page, name):
    """Choose an architecture whose weights are on this machine, and wait for it."""
    choose(page, name)
    loaded(page, name)


def loaded(page, name):
    """Wait until the network of this name is loaded, and has answered."""
    page.locator(".explorer .pick b", has_text=re.compile(f"^{re.escape(name)}$")).wait_for()
    idle(page)


def go_to(page, layer):
    """Select a layer by its index or name."""
    page.get_by_role("combobox", name="Go to index or name").fill(str(layer))
    page.keyboard.press("Enter")


def tab(page, name):
    """Turn to a tab, and return its view."""
    page.get_by_role("tab", name=name).click()
    view = page.locator({"Inside": ".explorer.feature-maps", "Over time": ".explorer.over-time", "Model": ".explorer.model-view"}[name])
    view.wait_for()
    return view


def refused(page, sentence):
    """Wait for the one sentence that says what went wrong."""
    page.get_by_role("alert").filter(has_text=sentence).wait_for()


def drop(page, data, name, kind=""):
    """Drop a file on the input."""
    transfer = page.evaluate_handle(
        """([data, name, type]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([Uint8Array.from(atob(data), (one) => one.charCodeAt(0))], name, { type }));
            return transfer;
        }""",
        [base64.b64encode(data).decode(), name, kind],
    )
    page.locator(".explorer .drop").dispatch_event("drop", {"dataTransfer": transfer})


def bytes_of(image):
    """Return the bytes of the picture that an <img> shows."""
    return base64.b64decode(
        image.evaluate(
            """async (image) => {
                const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
                let text = "";
                for (const one of bytes) text += String.fromCharCode(one);
                return btoa(text);
            }"""
        )
    )


def levels(page):
    """Return the colour levels that the mosaic of the feature maps shows, a pixel each."""
    image = Image.open(io.BytesIO(bytes_of(page.locator(".explorer .mosaic img"))))
    assert image.mode == "P"
    return np.asarray(image)


def first_answer(page, text):
    """Return a locator of the first answer whose name begins with `text`; waiting for it is waiting for the answer."""
    return page.locator(".explorer.answers li.first").filter(has=page.locator(".label", has_text=re.compile(f"^{re.escape(text)}")))
