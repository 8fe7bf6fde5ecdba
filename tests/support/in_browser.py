"""A view's JavaScript in a real browser, over a model that only remembers: no kernel, no Jupyter."""

import base64
from contextlib import contextmanager

PATIENCE = 30_000  # milliseconds
PAGE = "<!doctype html><body>{more}<div id='view'></div></body>"
SIZE = {"width": 900, "height": 700}
WATCHED = """
  window.streams = [];
  const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
  if (ask) navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    window.streams.push(stream);
    return stream;
  };
"""
MODEL = """async ([state, esm, css]) => {
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer);
  const real = (value) => {
    if (Array.isArray(value)) return value.map(real);
    if (!value || typeof value !== "object") return value;
    return "bytes" in value ? bytes(value.bytes) : Object.fromEntries(Object.entries(value).map(([key, one]) => [key, real(one)]));
  };
  const values = real(state), handlers = {};
  const tell = (event, ...rest) => [...(handlers[event] || [])].forEach((handler) => handler(...rest));
  window.sent = [];
  window.model = {
    get: (name) => values[name],
    set: (name, value) => { values[name] = value; tell(`change:${name}`); },
    save_changes() {},
    on: (events, handler) => events.split(" ").forEach((event) => (handlers[event] ||= new Set()).add(handler)),
    off: (events, handler) => events.split(" ").forEach((event) => handlers[event]?.delete(handler)),
    send(content, _callbacks, buffers = []) {
      window.sent.push({ content, buffers });
      if ("upload" in content) setTimeout(() => tell("msg:custom", { upload: content.upload, part: content.part }));
    },
  };
  window.tell = (message) => tell("msg:custom", message, []);
  window.put = (traits) => Object.entries(traits).forEach(([name, value]) => window.model.set(name, real(value)));
  const style = document.createElement("style");
  style.textContent = css;
  document.head.append(style);
  const module = await import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })));
  window.stop = module.default.render({ model: window.model, el: document.getElementById("view") });
}"""
WHOLE = """() => {
  const file = window.sent.filter(({ content }) => "upload" in content);
  return file.length && file.length === file[0].content.count;
}"""
SCROLLS = """async () => {
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame); // until what watches its size has seen it
  return document.documentElement.scrollWidth > innerWidth;
}"""
TAKEN = """async () => {
  const file = window.sent.filter(({ content }) => "upload" in content);
  const bytes = new Uint8Array(await new Blob(file.map(({ buffers }) => buffers[0])).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return [file[0].content.name, btoa(text)];
}"""


@contextmanager
def opened(chromium):
    """Open a page that remembers, as `streams`, what it was given of the microphone; afterwards there must have been no error on it."""
    context = chromium.new_context(viewport=SIZE)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(WATCHED)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    context.close()
    assert page.errors == []


@contextmanager
def cleared(page):
    """Make an opened page as good as new, and the next test's after the block: another one would be a process of Chromium's more."""
    _answer(page)
    page.goto("http://localhost/")
    page.evaluate("localStorage.clear()")
    page.mouse.move(0, 0)
    page.set_viewport_size(SIZE)
    page.context.clear_permissions()
    page.errors.clear()
    yield page
    assert page.errors == []


def show(page, view, address="http://localhost/", more="", **traits):
    """Render a view on a page of its own, in which there is more HTML, with the traits that it has, or these."""
    _answer(page, more)
    page.goto(address)
    state = {name: value for name, value in view.get_state().items() if not name.startswith("_")}
    page.evaluate(MODEL, [_plain(state | traits), view._esm, view._css])


def _answer(page, more=""):
    page.unroute_all()
    page.route("**/*", lambda route: route.fulfill(body=PAGE.format(more=more), content_type="text/html"))


def sent(page):
    """Return the messages that the view has sent so far, without what they carry."""
    return page.evaluate("window.sent.map(({ content }) => content)")


def put(page, **traits):
    """Set traits of the view, as Python would."""
    page.evaluate("(traits) => window.put(traits)", _plain(traits))


def trait(page, name):
    """Return what a trait of the view has become on the page."""
    return page.evaluate("(name) => window.model.get(name)", name)


def focused(locator):
    """Return whether this is what the keyboard acts on."""
    return locator.evaluate("(one) => one === document.activeElement")


def overflows(page, *widths):
    """Return at which of these widths of the window the page would have to be scrolled sideways."""
    found = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 700})
        if page.evaluate(SCROLLS):
            found.append(width)
    return found


def taken(page):
    """Wait for a whole file that the view sends; return its name and its bytes."""
    page.wait_for_function(WHOLE)
    name, text = page.evaluate(TAKEN)
    return name, base64.b64decode(text)


def refusals(page):
    """Return the sentences that the view refused something with."""
    return page.evaluate("window.sent.flatMap(({ content }) => content.refuse ?? [])")


def _plain(value):
    """Return a value as JSON has it, bytes as base64 under the key "bytes"."""
    if isinstance(value, bytes | memoryview):
        return {"bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
