import { KIND, BLOCK, DESCRIPTION, PARAMETERS, TITLE, CODE, INDEX } from "../base/layer_row.js";
import { assign, follow, make, root } from "../base/dom.js";
import { fill } from "../base/text.js";
import { colours, onTheme, wiped } from "../base/theme.js";
import { layerSearch } from "./layer_search.js";
import { freezeLine } from "../fine_tuning/freeze_line.js";
import { evidence } from "../fine_tuning/probe_chart.js";

const HEIGHT = 128, TOP = 16, FLOOR = 90, SIDE = 10; // CSS pixels: the strip, where bars begin and end, its margin
const FAINT = 0.3; // how much is seen of the old head, which a fine-tuned network goes without

function render({ model, el }) {
  root(el, "layer-strip");
  const texts = model.get("texts");
  const title = make("h2");
  const scale = make("span", { class: "quiet small" });
  const search = layerSearch(model, texts, (place) => select(place));
  const zoomed = (factor) => () => zoom(factor, (model.get("layer") - view.start) / (view.stop - view.start));
  const zooms = make("span", { class: "segments", role: "group", "aria-label": texts.zoom },
    make("button", { onclick: zoomed(0.5) }, texts.closer), make("button", { onclick: zoomed(2) }, texts.wider), make("button", { onclick: () => { fit(); draw(); } }, texts.all));
  const legend = make("div", { class: "legend", "aria-hidden": "true" });
  const canvas = make("canvas", {});
  const tip = make("div", { class: "tip", hidden: true });
  const strip = make("div", { class: "strip", role: "slider", tabindex: "0", "aria-label": texts.label, "aria-description": texts.keys, "aria-valuemin": "0", onkeydown: onKey }, canvas, tip);
  const said = make("div", { class: "said" });
  const field = make("div", { class: "field" }, strip);
  el.append(make("div", { class: "head" }, title, scale, search.box, zooms), legend, field, said);

  const view = { start: 0, stop: 1 }; // the layers in sight, as fractions of indices
  const layers = () => model.get("layers");
  const fit = () => { view.start = 0; view.stop = Math.max(1, layers().length); };
  const width = () => Math.max(60, strip.clientWidth);
  const step = () => (width() - 2 * SIDE) / (view.stop - view.start);
  const x = (index) => SIDE + (index - view.start) * step();
  const left = () => strip.getBoundingClientRect().left;
  const under = (clientX) => view.start + (clientX - left() - SIDE) / step();
  const at = (event) => Math.min(layers().length - 1, Math.max(0, Math.floor(under(event.clientX))));
  const select = (index) => assign(model, { layer: Math.min(layers().length - 1, Math.max(0, index)) });

  function zoom(factor, anchor) {
    const count = layers().length;
    const span = Math.min(count, Math.max(Math.min(12, count), (view.stop - view.start) * factor));
    const middle = view.start + anchor * (view.stop - view.start);
    view.start = Math.min(count - span, Math.max(0, middle - anchor * span));
    view.stop = view.start + span;
    draw();
  }
  function pan(bars) {
    const before = view.start, span = view.stop - view.start;
    view.start = Math.min(layers().length - span, Math.max(0, view.start + bars));
    view.stop = view.start + span;
    draw();
    return view.start !== before;
  }
  function reveal(index) {
    if (index >= layers().length) return;
    const span = view.stop - view.start;
    if (index < view.start) view.start = index;
    else if (index + 1 > view.stop) view.start = index + 1 - span;
    view.stop = view.start + span;
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const now = model.get("layer");
    const block = (direction) => {
      const own = layers()[now][BLOCK];
      let index = now;
      while (layers()[index] && layers()[index][BLOCK] === own) index += direction;
      return layers()[index] ? index : now;
    };
    const moves = { ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1, Home: 0, End: layers().length - 1 };
    if (!layers().length) return;
    if (event.key in moves) select(moves[event.key]);
    else if (event.key === "PageUp") select(block(1));
    else if (event.key === "PageDown") select(block(-1));
    else if (event.key === "+") zoomed(0.5)();
    else if (event.key === "-") zoomed(2)();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  strip.addEventListener("click", (event) => { if (layers().length) select(at(event)); });
  strip.addEventListener("pointermove", (event) => {
    if (!layers().length) return;
    const index = at(event);
    const layer = layers()[index];
    tip.textContent = `${layer[TITLE]} · ${layer[DESCRIPTION]}`;
    tip.hidden = false;
    tip.style.left = `${Math.min(Math.max(4, event.clientX - left() - tip.offsetWidth / 2), width() - tip.offsetWidth - 4)}px`;
  });
  strip.addEventListener("pointerleave", () => { tip.hidden = true; });
  strip.addEventListener("wheel", (event) => {
    const across = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
    if (!event.ctrlKey && !event.metaKey && !across) return; // a plain wheel scrolls the page
    event.preventDefault();
    if (across) pan((event.deltaX || event.deltaY) / step());
    else zoom(event.deltaY > 0 ? 1.25 : 0.8, (event.clientX - left() - SIDE) / (width() - 2 * SIDE));
  }, { passive: false });

  function drawTicks(context, colour) {
    const every = [1, 2, 5, 10, 20, 50, 100, 200].find((one) => one * step() >= 44) || 500;
    context.fillStyle = colour("quiet");
    layers().forEach((layer, place) => {
      const inSight = place >= view.start && place < view.stop;
      if (inSight && layer[INDEX] >= 0 && layer[INDEX] % every === 0) context.fillText(layer[INDEX], x(place + 0.5), HEIGHT - 8);
    });
  }
  function drawBlocks(context, colour) {
    const all = layers();
    let from = Math.floor(view.start);
    while (from < Math.min(all.length, view.stop)) {
      let to = from;
      while (to < all.length && all[to][BLOCK] === all[from][BLOCK]) to += 1;
      const left = Math.max(SIDE, x(from)), right = Math.min(width() - SIDE, x(to));
      context.fillStyle = colour("line");
      context.fillRect(left, FLOOR + 3, Math.max(1, right - left - 1), 1);
      context.fillStyle = colour("quiet");
      const block = all[from][BLOCK];
      const short = [block, block.split(" ").at(-1), block.match(/\d+[a-z]?$/)?.[0]].find((text) => text && context.measureText(text).width <= right - left - 3);
      if (short) context.fillText(short, (left + right) / 2, FLOOR + 13);
      from = to;
    }
  }
  function draw() {
    const all = layers();
    const context = wiped(canvas, width(), HEIGHT);
    if (!all.length) return;
    const colour = colours(el);
    const tallest = Math.log1p(Math.max(1, ...all.map((layer) => layer[PARAMETERS])));
    const selected = model.get("layer");
    const gap = step() > 3 ? 1 : 0;
    const kinds = {};
    const head = model.get("fine_tuning_shown") ? line.place(model.get("backbone_count")) : all.length;
    for (let index = Math.floor(view.start); index < Math.min(all.length, Math.ceil(view.stop)); index += 1) {
      const [, kind, , , parameters] = all[index];
      const high = Math.max(5, (Math.log1p(parameters) / tallest) * (FLOOR - TOP));
      context.globalAlpha = index < head || index === selected ? 1 : FAINT;
      kinds[kind] ??= colour(kind);
      context.fillStyle = index === selected ? colour("ink") : kinds[kind];
      context.fillRect(x(index), FLOOR - high, Math.max(step() - gap, 0.75), high);
      if (index === selected) {
        const middle = x(index + 0.5), y = FLOOR - high - 3;
        context.beginPath();
        context.moveTo(middle - 5, y - 6);
        context.lineTo(middle + 5, y - 6);
        context.lineTo(middle, y);
        context.fill();
      }
    }
    context.globalAlpha = 1;
    context.font = "10px system-ui, 'DejaVu Sans', sans-serif";
    context.textAlign = "center";
    drawBlocks(context, colour);
    drawTicks(context, colour);
    line.draw();
    proof.draw();
  }

  function say() {
    const all = layers();
    const index = model.get("layer");
    const layer = all[index];
    strip.setAttribute("aria-valuemax", String(Math.max(0, all.length - 1)));
    strip.setAttribute("aria-valuenow", String(index));
    if (!layer) return said.replaceChildren();
    strip.setAttribute("aria-valuetext", `${layer[TITLE]}, ${layer[DESCRIPTION]}`);
    said.replaceChildren(
      make("b", {}, layer[TITLE]), make("span", {}, layer[DESCRIPTION]),
      make("span", {}, fill(texts.parameters, { number: layer[PARAMETERS].toLocaleString("en") })),
      make("span", {}, `${texts.in_keras} `, make("code", {}, layer[CODE])));
  }

  const scope = {
    bars: layers, width, left, pan, x, place: under,
    beyond: (clientX) => Math.min(0, clientX - left() - SIDE) + Math.max(0, clientX - left() - width() + SIDE),
    reveal: (place) => { if (place < view.start || place > view.stop) pan(place - (view.start + view.stop) / 2); },
  };
  const line = freezeLine(model, texts, scope, () => proof.draw());
  const proof = evidence(model, el, texts, scope, line);
  field.append(proof.box, ...line.boxes);
  field.after(proof.about);

  const stops = [
    search.stop,
    line.stop,
    proof.stop,
    follow(model, ["title"], () => { title.textContent = model.get("title"); }),
    follow(model, ["fine_tuning_shown", "backbone_count"], () => draw()),
    follow(model, ["layers"], () => {
      const all = layers();
      const tallest = Math.max(0, ...all.map((layer) => layer[PARAMETERS]));
      scale.hidden = zooms.hidden = !all.length;
      scale.textContent = all.length ? `${texts.scale}, ${fill(texts.tallest, { number: tallest.toLocaleString("en") })}` : "";
      const there = new Set(all.map((layer) => layer[KIND]));
      const kinds = texts.kinds.filter((kind) => there.has(kind));
      legend.replaceChildren(...kinds.map((kind) => {
        const entry = make("span", {}, texts[`kind_${kind}`]);
        entry.style.setProperty("--c", `var(--${kind})`);
        return entry;
      }));
      fit();
      draw();
      say();
    }),
    follow(model, ["layer"], () => { reveal(model.get("layer")); draw(); say(); }),
    onTheme(el, draw),
  ];
  if (document.querySelector("#rendered_cells") && new URL(location.href).searchParams.get("run")) model.send({ run: true }); // a page of Voila
  const resized = new ResizeObserver(draw);
  resized.observe(strip);
  return () => { stops.forEach((stop) => stop()); resized.disconnect(); };
}
export default { render };
