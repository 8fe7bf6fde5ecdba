import { rule } from "../base/axis.js";
import { assign, follow, make, root, showBytes } from "../base/dom.js";
import { fill } from "../base/text.js";
import { colours, onTheme, wiped } from "../base/theme.js";

const BARS = 170; // CSS pixels: the height of the bars of a vector
const NARROWEST = 1 / 2, WIDEST = 3 / 2; // of the enlarged map: width by height; maps of other forms are stretched
const TILE = 240; // CSS pixels: the widest that a map of the mosaic is drawn
const INSIGHT = 0.88; // of the window's height: the most that the mosaic takes, so that it is seen as a whole

function render({ model, el }) {
  root(el, "feature-maps");
  const texts = model.get("texts");
  const title = make("h2", { class: "strong" });
  const about = make("span", { class: "quiet number about" });
  const choice = make("select", { "aria-label": texts.scale, onchange: () => assign(model, { alike: choice.value === "alike" }) },
    make("option", { value: "each" }, texts.each), make("option", { value: "alike" }, texts.alike));
  const low = make("span"), high = make("span"), ramp = make("i", { class: "ramp" });
  const scale = make("span", { class: "scale quiet number" }, low, ramp, high);
  const mosaic = make("img", { draggable: "false", alt: "" });
  const chosen = make("span", { class: "mark" });
  const tip = make("div", { class: "tip number", hidden: true, "aria-hidden": "true" });
  const maps = make("div", { class: "mosaic", role: "slider", tabindex: "0", "aria-label": texts.mosaic, "aria-description": texts.keys, onclick: onMosaic, onpointermove: onHover, onpointerleave: () => { tip.hidden = true; }, onkeydown: (event) => onKey(event, model.get("grid").columns) }, mosaic, chosen, tip);
  const canvas = make("canvas");
  const bars = make("div", { class: "bars", role: "slider", tabindex: "0", "aria-label": texts.units, "aria-description": texts.keys, onclick: onBars, onpointermove: onHoverBars, onpointerleave: () => { tip.hidden = true; }, onkeydown: (event) => onKey(event, 10) }, canvas);
  const empty = make("p", { class: "quiet" }, texts.empty);
  const memory = make("p", { class: "quiet memory" });

  const oneTitle = make("b"), oneRange = make("span", { class: "quiet number" });
  const one = make("img", { draggable: "false", alt: "" });
  const mark = make("span", { class: "mark" });
  const map = make("div", { class: "one", role: "application", tabindex: "0", "aria-label": texts.one, onclick: onCell, onkeydown: onCellKey }, one, mark);
  const facts = make("dl", { class: "facts number", "aria-live": "polite" });
  const left = make("div", { class: "axis upright", "aria-hidden": "true" }), below = make("div", { class: "axis below", "aria-hidden": "true" });
  const hertz = make("span", { class: "unit quiet", "aria-hidden": "true" }, texts.hertz);
  const framed = make("div", { class: "framed" }, left, map, hertz, below);
  const hint = make("p", { class: "quiet hint" });
  const full = make("button", { class: "full", onclick: () => (dialog.open ? dialog.close() : enlarge()) }, texts.full);
  const aside = make("div", { class: "aside" }, make("div", { class: "head" }, oneTitle, oneRange, full), framed, facts, hint);
  const main = make("div", { class: "main" }, make("div", { class: "head" }, title, choice, scale), maps, bars, empty);
  const two = make("div", { class: "two" }, main, aside);
  const dialog = make("dialog", { "aria-label": texts.one, onclose: () => { two.append(aside); full.textContent = texts.full; full.focus(); }, onkeydown: onDialogKey });
  el.append(two, make("div", { class: "foot" }, about, memory), dialog);

  const count = () => model.get("grid").count || units().length;
  const units = () => {
    const bytes = model.get("values");
    return bytes?.byteLength ? new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)) : new Float32Array();
  };
  const choose = (index) => assign(model, { channel: Math.min(count() - 1, Math.max(0, index)) });
  const part = (event, box) => {
    const frame = box.getBoundingClientRect();
    return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
  };
  // The size of the mosaic in its own pixels, gaps included, and of one step.
  const frame = ({ columns, rows, width, height, gap }) => ({ across: columns * (width + gap) - gap, down: rows * (height + gap) - gap, right: width + gap, below: height + gap });

  const under = (event) => { // the map below the pointer; there may be none
    const grid = model.get("grid");
    const [x, y] = part(event, mosaic);
    const { across, down, right, below } = frame(grid);
    return Math.floor((y * down) / below) * grid.columns + Math.floor((x * across) / right);
  };
  const unitUnder = (event) => Math.min(count() - 1, Math.max(0, Math.floor(part(event, canvas)[0] * count())));
  function onMosaic(event) {
    const index = under(event);
    if (index < count()) choose(index);
  }
  function onBars(event) {
    choose(unitUnder(event));
  }
  function onHover(event) {
    const index = under(event);
    show(event, index < count() ? `${fill(texts.map, { index })} · ${model.get("ranges")[index]}` : "", maps);
  }
  function onHoverBars(event) {
    const index = unitUnder(event);
    show(event, `${fill(texts.unit, { index })} · ${units()[index].toPrecision(3)}`, bars);
  }
  function show(event, text, box) {
    box.append(tip);
    tip.textContent = text;
    tip.hidden = !text;
    const edge = box.getBoundingClientRect();
    tip.style.left = `${Math.min(Math.max(0, event.clientX - edge.left - tip.offsetWidth / 2), edge.width - tip.offsetWidth)}px`;
    tip.style.top = `${event.clientY - edge.top - tip.offsetHeight - 10}px`;
  }
  // The enlarged map, with all that goes with it, fills the window until it is closed.
  function enlarge() {
    dialog.append(aside);
    dialog.showModal();
    full.textContent = texts.small;
    map.focus();
  }
  function onDialogKey(event) {
    const step = { PageDown: 1, PageUp: -1 }[event.key];
    if (step) {
      choose(model.get("channel") + step);
      event.preventDefault();
    }
    event.stopPropagation();
  }
  function onKey(event, row) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && model.get("grid").count) { event.preventDefault(); return enlarge(); }
    const now = model.get("channel");
    const moves = { ArrowRight: now + 1, ArrowLeft: now - 1, ArrowDown: now + row, ArrowUp: now - row, Home: 0, End: count() - 1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    choose(moves[event.key]);
  }
  function onCell(event) {
    const [rows, columns] = model.get("cells");
    const [x, y] = part(event, one);
    assign(model, { cell: [Math.min(rows - 1, Math.max(0, Math.floor(y * rows))), Math.min(columns - 1, Math.max(0, Math.floor(x * columns)))] });
  }
  function onCellKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!step && (event.key !== "Escape" || dialog.open)) return; // there, Escape leaves the full screen
    event.preventDefault();
    event.stopPropagation();
    if (!step) return assign(model, { cell: [] });
    const size = model.get("cells");
    const now = model.get("cell");
    assign(model, { cell: now.length ? now.map((at, axis) => Math.min(size[axis] - 1, Math.max(0, at + step[axis]))) : [0, 0] });
  }

  function drawBars() {
    const all = units();
    bars.hidden = !all.length;
    if (!all.length) return;
    const wide = Math.max(60, bars.clientWidth);
    const context = wiped(canvas, wide, BARS);
    const colour = colours(el);
    let top = 0, bottom = 0; // no Math.max(...all): a call takes only so many arguments
    for (const value of all) if (Number.isFinite(value)) { top = Math.max(top, value); bottom = Math.min(bottom, value); }
    const y = (value) => 8 + ((top - value) / (top - bottom || 1)) * (BARS - 16);
    const step = wide / all.length;
    const selected = model.get("channel");
    context.fillStyle = colour("accent");
    all.forEach((value, index) => {
      if (Number.isFinite(value)) context.fillRect(index * step, Math.min(y(value), y(0)), Math.max(0.75, step > 3 ? step - 1 : step), Math.max(1, Math.abs(y(value) - y(0))));
    });
    context.fillStyle = colour("ink");
    context.fillRect(0, y(0), wide, 1);
    const middle = Math.min(wide - 6, Math.max(6, (selected + 0.5) * step));
    const tip = Number.isFinite(all[selected]) ? Math.max(8, y(Math.max(0, all[selected]))) : y(0);
    context.beginPath();
    context.moveTo(middle - 5, tip - 8);
    context.lineTo(middle + 5, tip - 8);
    context.lineTo(middle, tip - 1);
    context.fill();
  }
  function drawChosen() {
    const channel = model.get("channel");
    const grid = model.get("grid");
    const says = [model.get("one_title"), model.get("one_range"), ...(units().length ? model.get("facts").flat() : [])].filter(Boolean).join(", ");
    for (const box of [maps, bars]) {
      box.setAttribute("aria-valuemin", "0");
      box.setAttribute("aria-valuemax", String(Math.max(0, count() - 1)));
      box.setAttribute("aria-valuenow", String(channel));
      box.setAttribute("aria-valuetext", says);
    }
    if (grid.count) {
      const { across, down, right, below } = frame(grid);
      const column = channel % grid.columns, row = Math.floor(channel / grid.columns);
      Object.assign(chosen.style, {
        left: `${((column * right) / across) * 100}%`, top: `${((row * below) / down) * 100}%`,
        width: `${(grid.width / across) * 100}%`, height: `${(grid.height / down) * 100}%`,
      });
    }
    drawBars();
  }

  function drawAxes() {
    left.hidden = hertz.hidden = !model.get("left").length;
    below.hidden = !model.get("below").length;
    rule(left, [model.get("left")], true);
    rule(below, [model.get("below")]);
  }

  const stops = [
    follow(model, ["mosaic", "grid", "values", "title", "about", "memory"], () => {
      const grid = model.get("grid");
      title.textContent = model.get("title");
      about.textContent = model.get("about");
      memory.textContent = model.get("memory");
      showBytes(mosaic, model.get("mosaic"));
      mosaic.alt = `${texts.mosaic}: ${model.get("about")}`;
      mosaic.classList.toggle("coarse", Boolean(grid.count) && frame(grid).across < main.clientWidth);
      maps.classList.toggle("single", grid.count === 1);
      maps.style.maxWidth = grid.count > 1 ? `min(${grid.columns * TILE}px, ${(INSIGHT * 100 * frame(grid).across) / frame(grid).down}vh)` : "";
      maps.hidden = scale.hidden = choice.hidden = !grid.count;
      empty.hidden = Boolean(model.get("title"));
      aside.hidden = !model.get("title");
      drawChosen();
    }),
    follow(model, ["alike", "gradient", "ends"], () => {
      choice.value = model.get("alike") ? "alike" : "each";
      [low.textContent, high.textContent] = [model.get("ends")[0] ?? "", model.get("ends")[1] ?? ""];
      ramp.style.background = `linear-gradient(90deg, ${model.get("gradient").join(", ")})`;
    }),
    follow(model, ["channel", "one", "one_title", "one_range", "cells"], () => {
      oneTitle.textContent = model.get("one_title");
      oneRange.textContent = model.get("one_range");
      showBytes(one, model.get("one"));
      one.alt = `${model.get("one_title")}: ${model.get("one_range")}`;
      framed.hidden = one.hidden;
      const [rows, columns] = model.get("cells");
      aside.style.setProperty("--ratio", rows ? Math.min(WIDEST, Math.max(NARROWEST, columns / rows)) : 1);
      full.hidden = !rows;
      drawChosen();
    }),
    follow(model, ["left", "below", "one"], drawAxes),
    follow(model, ["cell", "cells", "facts", "hint"], () => {
      const cell = model.get("cell");
      const [rows, columns] = model.get("cells");
      mark.hidden = !cell.length || !rows;
      if (!mark.hidden) Object.assign(mark.style, { left: `${((cell[1] + 0.5) / columns) * 100}%`, top: `${((cell[0] + 0.5) / rows) * 100}%`, width: `${100 / columns}%`, height: `${100 / rows}%` });
      hint.hidden = cell.length > 0 || !rows;
      hint.textContent = model.get("hint");
      map.setAttribute("aria-description", model.get("hint"));
      facts.replaceChildren(...model.get("facts").flatMap(([term, text]) => [make("dt", {}, term), make("dd", {}, text)]));
    }),
    onTheme(el, drawBars),
  ];
  const resized = new ResizeObserver(() => { drawBars(); drawAxes(); });
  for (const box of [bars, map]) resized.observe(box);
  return () => { dialog.close(); stops.forEach((stop) => stop()); resized.disconnect(); };
}
export default { render };
