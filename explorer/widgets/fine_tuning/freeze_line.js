import { BLOCK } from "../base/layer_row.js";
import { assign, follow, make } from "../base/dom.js";
import { fill } from "../base/text.js";

// Used by layer_strip.js: the freeze line that stands on the strip.

const GRIP = 9; // CSS pixels: half the handle, which stays within the strip
const FASTEST = 0.15; // bars a frame and pixel beyond the edge, while the line is dragged past it

// The line between the frozen bars and the others: dragged, or moved by keys. `strip` tells where bars are: bars(), x(place),
// place(clientX), left(), width(), beyond(clientX) in pixels, pan(bars), reveal(place). `moved` is called when the line has moved.
export function freezeLine(model, texts, strip, moved) {
  let line = 0; // k of layers[:k]: ahead of the trait while it moves
  let places = [0]; // of the bar that each index has, and the end of all
  /** @type {{ at: number, beside: number, single: boolean } | null} */
  let drag = null; // the pointer and how far beside the line it took hold, while it holds
  let sending = 0, moving = 0; // frames that are asked for

  const tint = make("div", { class: "tint", "aria-hidden": "true" });
  const stroke = make("div", { class: "stroke", "aria-hidden": "true" });
  const tag = make("span", { class: "tag", "aria-hidden": "true", onclick: () => strip.reveal(place(line)) });
  const handle = make("div", { class: "handle", role: "slider", tabindex: "0", "aria-label": texts.line, "aria-description": texts.line_keys, "aria-valuemin": "0",
    onkeydown: onKey, onpointerdown: take, onpointermove: pull, onpointerup: release, onpointercancel: release, onfocus: () => { if (!drag) strip.reveal(place(line)); } });

  const most = () => model.get("backbone_count");
  const ends = () => model.get("ends").map(([index]) => index);
  const every = () => Array.from({ length: most() + 1 }, (_one, index) => index);
  const stations = (single) => (model.get("snap") && !single ? ends() : every());
  const place = (index) => places[Math.min(index, places.length - 1)];
  const said = (index) => {
    const [end, probe] = ["ends", "probes"].map((name) => model.get(name).find(([one]) => one === index)?.at(-1));
    return [end ?? fill(texts.inside, { index, block: strip.bars()[place(index)]?.[BLOCK] }), probe].filter(Boolean).join("; ");
  };

  function go(index) {
    if (index === undefined || index === line) return;
    line = index;
    draw();
    moved();
    sending ||= requestAnimationFrame(() => { sending = 0; assign(model, { freeze: line }); });
  }
  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const up = (indices) => indices.find((index) => index > line), down = (indices) => indices.findLast((index) => index < line);
    const near = stations(event.shiftKey);
    const moves = { ArrowRight: () => up(near), ArrowUp: () => up(near), ArrowLeft: () => down(near), ArrowDown: () => down(near),
      PageUp: () => up(ends()), PageDown: () => down(ends()), Home: () => 0, End: most };
    if (!(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    go(moves[event.key]());
    strip.reveal(place(line));
  }

  function take(event) {
    if (event.button) return;
    event.preventDefault(); // no text is selected
    const x = strip.x(place(line));
    const hidden = x < 0 || x > strip.width();
    handle.focus({ preventScroll: true });
    if (hidden) return; // it came into sight, elsewhere
    handle.setPointerCapture(event.pointerId);
    drag = { at: event.clientX, beside: event.clientX - strip.left() - x, single: event.shiftKey };
  }
  function pull(event) {
    if (!drag) return;
    Object.assign(drag, { at: event.clientX, single: event.shiftKey });
    if (!moving) moving = requestAnimationFrame(followPointer);
  }
  function release(event) {
    if (!drag) return;
    drag.at = event.type === "pointerup" ? event.clientX : drag.at;
    followPointer();
    drag = null;
  }
  function followPointer() {
    moving = 0;
    if (!drag) return;
    const at = strip.place(drag.at - drag.beside);
    go(stations(drag.single).reduce((best, index) => (Math.abs(place(index) - at) < Math.abs(place(best) - at) ? index : best), 0));
    const beyond = strip.beyond(drag.at);
    if (beyond && strip.pan(beyond * FASTEST)) moving = requestAnimationFrame(followPointer);
  }

  function draw() {
    const there = model.get("fine_tuning_shown");
    for (const box of [tint, stroke, tag, handle]) box.hidden = !there;
    if (!there) return;
    const x = strip.x(place(line)), wide = strip.width();
    const side = Math.sign(x < 0 ? -1 : x > wide ? 1 : 0); // where it is out of sight
    const seen = Math.min(wide, Math.max(0, x));
    tint.style.width = `${seen}px`;
    stroke.style.left = `${seen}px`;
    stroke.hidden = side !== 0;
    handle.style.left = `${Math.min(wide - GRIP, Math.max(GRIP, x))}px`;
    handle.classList.toggle("away", side !== 0);
    const label = `layers[:${line}]`;
    tag.textContent = side < 0 ? `◂ ${label}` : side > 0 ? `${label} ▸` : label;
    tag.classList.toggle("away", side !== 0);
    const room = tag.offsetWidth + GRIP + 2;
    tag.style.left = `${seen >= room ? seen - room : seen + GRIP + 2}px`;
    handle.setAttribute("aria-valuemax", String(most()));
    handle.setAttribute("aria-valuenow", String(line));
    handle.setAttribute("aria-valuetext", said(line));
  }

  const stop = follow(model, ["freeze", "fine_tuning_shown", "backbone_count", "places", "ends", "layers", "probes"], () => {
    places = model.get("places");
    if (!drag && !sending) line = model.get("freeze");
    draw();
  });
  return { boxes: [tint, stroke, tag, handle], draw, go, stop, place, at: () => line };
}
