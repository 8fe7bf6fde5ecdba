import { assign, follow, make, root, showBytes } from "../base/dom.js";

const NARROWEST = 1 / 2, WIDEST = 2; // of an enlarged map: width by height; maps of other forms are stretched

function render({ model, el }) {
  root(el, "before-after");
  const texts = model.get("texts");
  const none = make("p", { class: "quiet" }, texts.none);
  const example = make("span", { class: "quiet example" });
  const open = make("button", { onclick: () => model.send({ open: true }) }, texts.open);
  const lists = texts.predictions.map((label) => make("ol", { "aria-label": label }));
  const abouts = texts.predictions.map(() => make("p", { class: "quiet" }));
  const sides = texts.sides.map((side, index) => make("section", {}, make("h3", {}, side), lists[index], abouts[index]));

  const layer = make("b", { class: "layer" });
  const low = make("span"), high = make("span"), ramp = make("i", { class: "ramp" });
  const scale = make("span", { class: "scale quiet number" }, low, ramp, high);
  const note = make("p", { class: "number note", role: "status" });
  const furthest = make("button", { class: "furthest", onclick: () => choose(model.get("furthest")) }, texts.furthest);
  const mosaics = texts.maps.map((alt) => make("img", { alt, draggable: "false" }));
  const marks = texts.maps.map(() => make("span", { class: "mark" }));
  const ones = texts.ones.map((alt) => make("img", { alt, draggable: "false" }));
  const captioned = (content, index) => make("figure", {}, content, make("figcaption", { class: "quiet" }, texts.sides[index]));
  const pair = make("div", { class: "two pair", role: "slider", tabindex: "0", "aria-label": texts.pair, "aria-description": texts.keys, onkeydown: onKey },
    ...mosaics.map((mosaic, index) => captioned(make("div", { class: "mosaic", onclick: onMosaic }, mosaic, marks[index]), index)));
  const oneTitle = make("p", { class: "number one-title" });
  const enlarged = make("div", { class: "two ones" }, ...ones.map(captioned));
  const maps = make("div", { class: "maps" }, make("div", { class: "head" }, layer, scale), note, pair, make("div", { class: "head chosen" }, oneTitle, furthest), enlarged);
  const body = make("div", { class: "body" }, make("div", { class: "two answers" }, ...sides), maps);
  el.append(make("div", { class: "head" }, make("h2", {}, texts.title), example, open), none, body);

  const choose = (index) => assign(model, { channel: Math.min((model.get("grid").count || 1) - 1, Math.max(0, index)) });
  // The size of a mosaic in its own pixels, and of one step.
  const frame = ({ columns, rows, width, height, gap }) => ({ across: columns * (width + gap) - gap, down: rows * (height + gap) - gap, right: width + gap, below: height + gap });
  function onMosaic(event) {
    const grid = model.get("grid"), { across, down, right, below } = frame(grid);
    const box = event.currentTarget.getBoundingClientRect();
    const column = Math.floor((((event.clientX - box.left) / box.width) * across) / right), row = Math.floor((((event.clientY - box.top) / box.height) * down) / below);
    const index = row * grid.columns + Math.min(column, grid.columns - 1);
    if (index >= 0 && index < grid.count) choose(index);
  }
  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const now = model.get("channel"), { columns, count } = model.get("grid");
    const moves = { ArrowRight: now + 1, ArrowLeft: now - 1, ArrowDown: now + columns, ArrowUp: now - columns, Home: 0, End: count - 1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    choose(moves[event.key]);
  }
  function bar({ label, text, share }, index) {
    const inner = make("u");
    inner.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
    return make("li", { class: index ? "" : "first" }, make("span", { class: "label" }, label), make("span", { class: "number" }, text), make("i", { "aria-hidden": "true" }, inner));
  }
  function drawMarks() {
    const grid = model.get("grid"), channel = model.get("channel");
    if (!grid.count) return;
    const { across, down, right, below } = frame(grid);
    const column = channel % grid.columns, row = Math.floor(channel / grid.columns);
    for (const mark of marks) Object.assign(mark.style, {
      left: `${((column * right) / across) * 100}%`, top: `${((row * below) / down) * 100}%`, width: `${(grid.width / across) * 100}%`, height: `${(grid.height / down) * 100}%`,
    });
    for (const [name, value] of [["valuemin", 0], ["valuemax", grid.count - 1], ["valuenow", channel], ["valuetext", model.get("one")]]) pair.setAttribute(`aria-${name}`, String(value));
  }
  const stops = [
    follow(model, ["there", "openable", "missing"], () => {
      body.hidden = example.hidden = !model.get("there");
      none.hidden = !body.hidden;
      none.textContent = model.get("missing") || texts.none;
      open.hidden = !model.get("openable");
    }),
    follow(model, ["predictions", "example"], () => {
      const answers = model.get("predictions");
      example.textContent = model.get("example");
      sides.forEach((_side, index) => {
        const { bars = [], others = "", about = "" } = answers[index] ?? { about: texts.waiting };
        lists[index].replaceChildren(...bars.map(bar));
        lists[index].hidden = !bars.length;
        abouts[index].textContent = about || others;
      });
    }),
    follow(model, ["mosaics", "grid", "layer", "note", "gradient", "ends"], () => {
      const shown = model.get("mosaics").length > 0, grid = model.get("grid");
      maps.hidden = !shown && !model.get("note");
      layer.textContent = model.get("layer");
      note.textContent = model.get("note");
      mosaics.forEach((mosaic, index) => {
        showBytes(mosaic, model.get("mosaics")[index]);
        if (!grid.count) return;
        mosaic.style.aspectRatio = `${frame(grid).across} / ${frame(grid).down}`;
        mosaic.classList.toggle("coarse", frame(grid).across < el.clientWidth / 2);
      });
      pair.hidden = scale.hidden = !shown;
      [low.textContent, high.textContent] = [model.get("ends")[0] ?? "", model.get("ends")[1] ?? ""];
      ramp.style.background = `linear-gradient(90deg, ${model.get("gradient").join(", ") || "transparent, transparent"})`;
      drawMarks();
    }),
    follow(model, ["channel", "one", "ones", "cells", "furthest"], () => {
      furthest.hidden = model.get("furthest") < 0 || model.get("furthest") === model.get("channel");
      const [rows, columns] = model.get("cells");
      oneTitle.textContent = model.get("one");
      oneTitle.parentElement.hidden = !model.get("one");
      ones.forEach((one, index) => {
        showBytes(one, model.get("ones")[index]);
        one.style.aspectRatio = rows ? String(Math.min(WIDEST, Math.max(NARROWEST, columns / rows))) : "";
      });
      enlarged.hidden = !model.get("ones").length;
      drawMarks();
    }),
  ];
  return () => stops.forEach((stop) => stop());
}
export default { render };
