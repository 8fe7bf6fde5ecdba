// Used by every view's own module: nothing here knows what a view shows.

// Make an element: make("button", { class: "x", onclick: f }, "text", child).
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

// Mark the view's own element. JupyterLab's shortcuts stay out of it: its rules match the element that
// has the focus, so that is the one that must carry the mark.
export function root(el, name) {
  el.classList.add("explorer", name);
  el.addEventListener("focusin", (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true"));
  el.addEventListener("input", ({ target }) => typing.has(target) || typing.set(target, null));
  el.addEventListener("change", ({ target }) => typing.delete(target));
  el.addEventListener("focusout", ({ target }) => {
    if (typing.get(target)) typing.get(target)();
    typing.delete(target);
  });
  return el;
}

// Show a value in a field. What somebody types in it and has not set stays: the value waits until the field is left.
const typing = new WeakMap(); // by field, what shows the value that waits
export function showValue(control, value) {
  if (typing.has(control)) typing.set(control, () => { control.value = value; });
  else control.value = value;
}

// Call `draw` now and whenever one of these traits changes; return what stops it.
export function follow(model, names, draw) {
  const events = names.map((name) => `change:${name}`).join(" ");
  model.on(events, draw);
  draw();
  return () => model.off(events, draw);
}

// Show a list in `parent`: an element for each item, made by `create`, which stays where it is as long as what `facts` tells of the item
// stays: so a press and its release, the pointer and the focus meet the same element while a list is told anew.
export function lister(parent, create, facts = JSON.stringify) {
  let there = new Map(); // by facts
  return (items) => {
    const now = new Map();
    for (const item of items) {
      let key = facts(item);
      while (now.has(key)) key += "+"; // one that is there twice
      now.set(key, there.get(key) ?? create(item));
    }
    there = now;
    settle(parent, [...now.values()]);
  };
}
// Make these the children of `parent`; those that are there already are not taken off the page.
function settle(parent, children) {
  for (const one of [...parent.childNodes]) if (!children.includes(one)) one.remove();
  children.forEach((one, place) => { if (parent.childNodes[place] !== one) parent.insertBefore(one, parent.childNodes[place] ?? null); });
}

// Set traits and send them.
export function assign(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

// Fill in {name} in a text.
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

// Show bytes of a PNG or JPEG in an <img>; the address of what it showed before is given back.
export function showBytes(image, bytes) {
  if (image.dataset.address) URL.revokeObjectURL(image.dataset.address);
  delete image.dataset.address;
  image.hidden = !bytes || !bytes.byteLength;
  if (image.hidden) return image.removeAttribute("src");
  image.src = image.dataset.address = URL.createObjectURL(new Blob([bytes]));
}

// Call `draw` when the page has turned light or dark: when the host says so, and when its style sheets have come, which may be before or
// after that: theme.css lets the colour of `el` take a moment. Not at once, for what is measured while they come and go is wrong.
// Returns what stops it.
export function onTheme(el, draw) {
  let frame = 0;
  const soon = () => { cancelAnimationFrame(frame); frame = requestAnimationFrame(draw); };
  const turned = ({ target, propertyName }) => { if (target === el && propertyName === "color") soon(); };
  const watcher = new MutationObserver(soon);
  watcher.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  el.addEventListener("transitionend", turned);
  return () => { cancelAnimationFrame(frame); watcher.disconnect(); el.removeEventListener("transitionend", turned); };
}

// Read the colours of the theme: colour(el)("accent").
export function colours(el) {
  const style = getComputedStyle(el);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

// A canvas in device pixels: returns its drawing context, scaled to CSS pixels and wiped.
export function wiped(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

// Send a blob in chunks, each one acknowledged: larger messages close the websocket.
// `progress` takes 0 to 1; no more is sent once `wanted` is false. Rejects when the blob can't be read, and with `said`
// when Python refuses; a later upload of the same view overtakes.
const CHUNK = 1 << 20;
export async function upload(model, blob, name, progress, wanted, more = {}) {
  const id = `${Date.now()}-${Math.random()}`;
  const count = Math.max(1, Math.ceil(blob.size / CHUNK));
  for (let part = 0; part < count; part += 1) {
    if (!wanted()) return;
    const bytes = await blob.slice(part * CHUNK, (part + 1) * CHUNK).arrayBuffer();
    const answered = new Promise((resolve, reject) => {
      const listen = (message) => {
        if (message.upload !== id || message.part !== part) return;
        model.off("msg:custom", listen);
        if (message.error) reject(Object.assign(new Error(message.error), { said: true }));
        else resolve();
      };
      model.on("msg:custom", listen);
    });
    model.send({ upload: id, part, count, size: blob.size, name, ...more }, undefined, [bytes]);
    await answered;
    progress((part + 1) / count);
  }
}

// Receive the files that Python gives for a purpose, in parts, each one acknowledged. `whole` takes each as a Blob, and what
// was said with it; `progress` takes 0 to 1. Returns what stops it.
export function receiveFiles(model, purpose, whole, progress = () => {}) {
  const coming = new Map(); // the parts so far, by download
  const onPart = (message, buffers) => {
    const { download, part, count } = message;
    if (message.purpose !== purpose || (part && !coming.has(download))) return; // of a file that began before this was here
    const parts = coming.get(download) || [];
    coming.set(download, parts);
    parts.push(buffers[0]);
    progress(parts.length / count);
    model.send({ given: download, part });
    if (parts.length < count) return;
    coming.delete(download);
    whole(new Blob(parts), message);
  };
  model.on("msg:custom", onPart);
  return () => model.off("msg:custom", onPart);
}

// Save the files that Python gives, as the browser saves downloads. `progress` takes 0 to 1. Returns what stops it.
export function saveFiles(model, progress) {
  return receiveFiles(model, "save", (blob, { file }) => {
    const link = make("a", { href: URL.createObjectURL(blob), download: file });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it after the click
  }, progress);
}

// Write seconds as minutes, seconds and tenths: 0:10.2.
export function clock(seconds) {
  const tenths = Math.round(Math.max(0, seconds) * 10);
  return `${Math.floor(tenths / 600)}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
}

// Write ticks along an axis: of `levels`, from few to many, each a list of [how far along, text], the most that find room.
// An upright axis runs from the bottom to the top. Texts stay within the axis; a line is where the tick is.
export function rule(axis, levels, upright = false) {
  const [side, size, length] = upright ? ["bottom", "offsetHeight", axis.clientHeight] : ["left", "offsetWidth", axis.clientWidth];
  const gap = upright ? 0 : 10;
  for (const ticks of [...levels].reverse()) {
    const labels = ticks.map(([, text]) => make("span", {}, text));
    const lines = ticks.map(() => make("i"));
    axis.replaceChildren(...lines, ...labels);
    const sizes = labels.map((text) => text[size]);
    const starts = ticks.map(([part], index) => Math.max(0, Math.min(length - sizes[index], part * length - sizes[index] / 2)));
    lines.forEach((line, index) => { line.style[side] = `${ticks[index][0] * 100}%`; });
    labels.forEach((text, index) => { text.style[side] = `${starts[index]}px`; });
    if (starts.every((start, index) => !index || start >= starts[index - 1] + sizes[index - 1] + gap)) return;
  }
}
