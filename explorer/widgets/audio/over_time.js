import { rule } from "../base/axis.js";
import { assign, follow, make, root, showBytes, showValue } from "../base/dom.js";
import { clock, fill } from "../base/text.js";

const ROW = 24; // CSS pixels: the height of a row

function render({ model, el }) {
  root(el, "over-time");
  const texts = model.get("texts");
  /** @type {[number, number] | null} */
  let at = null; // the row and the column that are looked at

  const top = make("input", { type: "number", min: "1", step: "1", "aria-label": texts.top_label, onchange: () => {
    const wish = Number(top.value);
    if (top.value && Number.isSafeInteger(wish) && Math.abs(wish) < 1e9) assign(model, { top: wish });
    top.value = tags().length;
  } });
  const about = make("span", { class: "quiet number about" });
  const bar = make("progress", { max: "1", value: "0", "aria-label": texts.progress });
  const low = make("span"), high = make("span"), ramp = make("i", { class: "ramp" });
  const head = make("div", { class: "head" }, make("h2", {}, texts.title), make("label", { class: "quiet" }, texts.top, " ", top), about, bar, make("span", { class: "scale quiet number" }, low, ramp, high));
  const none = make("p", { class: "quiet none" }, texts.none);
  const labels = make("ol", { class: "labels" });
  const picture = make("img", { draggable: "false", alt: "" });
  const mark = make("span", { class: "mark" });
  const map = make("div", { class: "map", role: "slider", tabindex: "0", "aria-valuenow": "0", "aria-label": texts.map, "aria-description": texts.keys, "aria-valuemin": "0",
    onclick: hear, onkeydown: onKey, onfocus: () => look(at ?? [0, 0]), onpointermove: (event) => { const cell = under(event); if (cell) look(cell); } }, picture, mark);
  const heard = make("span", { class: "heard" });
  const times = make("div", { class: "axis", "aria-hidden": "true" });
  const says = make("p", { class: "says number", "aria-live": "polite" });
  const chart = make("div", { class: "chart" }, make("div", { class: "bracket" }, heard), labels, map, times);
  const body = make("div", {}, chart, says);
  el.append(head, none, body);

  const tags = () => model.get("tags");
  const starts = () => model.get("starts");
  const percent = (seconds) => `${Math.min(1, Math.max(0, seconds / (model.get("seconds") || 1))) * 100}%`;
  const middle = (column) => starts()[column] + model.get("window") / 2;
  function score(row, column) {
    const bytes = model.get("scores");
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat32(4 * (row * starts().length + column), true);
  }
  const written = (number) => (Math.abs(number) < 1000 ? number.toFixed(Math.abs(number) < 0.1 ? 2 : 1) : number.toFixed(0));

  // The cell under the pointer; null beside the columns.
  function under(event) {
    const box = map.getBoundingClientRect();
    const second = ((event.clientX - box.left) / box.width) * model.get("seconds");
    const column = Math.floor((second - (middle(0) - model.get("hop") / 2)) / model.get("hop"));
    const row = Math.floor((event.clientY - box.top) / ROW);
    return column >= 0 && column < starts().length && row >= 0 && row < tags().length ? [row, column] : null;
  }
  function hear(event) {
    const cell = event.type === "click" && event.detail ? under(event) : at; // a click of the keyboard's has no place
    if (!cell) return;
    look(cell);
    model.send({ hear: starts()[cell[1]] });
  }
  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !tags().length) return;
    const [row, column] = at ?? [0, 0];
    const moves = { ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1], ArrowDown: [row + 1, column], ArrowUp: [row - 1, column], Home: [row, 0], End: [row, starts().length - 1] };
    if (event.key in moves) look(moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") hear(event);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  // Look at a cell, or at the one nearest to it that is there.
  /** @param {number[]} cell */
  function look([row, column]) {
    if (!tags().length) return;
    at = [Math.min(tags().length - 1, Math.max(0, row)), Math.min(starts().length - 1, Math.max(0, column))];
    drawCell();
  }

  function drawCell() {
    mark.hidden = !at || !tags().length;
    says.textContent = mark.hidden ? texts.hint : "";
    if (mark.hidden || !at) return;
    const [row, column] = at;
    const start = starts()[column], hop = model.get("hop");
    const left = percent(middle(column) - hop / 2);
    Object.assign(mark.style, { left, width: `calc(${percent(middle(column) + hop / 2)} - ${left})`, top: `${row * ROW}px`, height: `${ROW}px` });
    says.textContent = fill(texts.cell, { tag: tags()[row], start: clock(start), stop: clock(start + model.get("window")), score: fill(model.get("form"), { number: written(score(row, column)) }) });
    map.setAttribute("aria-valuenow", String(column));
    map.setAttribute("aria-valuetext", says.textContent);
  }
  function draw() {
    const there = model.get("seconds") > 0;
    none.hidden = there;
    head.hidden = !there;
    body.hidden = !tags().length;
    bar.hidden = !model.get("growing");
    if (model.get("total")) bar.value = starts().length / model.get("total"); else bar.removeAttribute("value");
    about.textContent = model.get("about");
    showValue(top, tags().length || model.get("top"));
    top.max = model.get("classes") || "";
    [low.textContent, high.textContent] = [model.get("ends")[0] ?? "", model.get("ends")[1] ?? ""];
    ramp.style.background = `linear-gradient(90deg, ${model.get("gradient").join(", ")})`;
    ramp.hidden = !model.get("ends").length;
    if (body.hidden) return;
    labels.replaceChildren(...tags().map((tag) => make("li", { title: tag }, tag)));
    map.style.height = `${tags().length * ROW}px`;
    map.setAttribute("aria-valuemax", String(starts().length - 1));
    const left = percent(middle(0) - model.get("hop") / 2);
    Object.assign(picture.style, { left, width: `calc(${percent(middle(starts().length - 1) + model.get("hop") / 2)} - ${left})` });
    if (at) look(at); else drawCell();
    drawTimes();
  }
  function drawTimes() {
    rule(times, model.get("times"));
    const [start, stop] = model.get("heard").length ? model.get("heard") : [0, 0];
    heard.hidden = !stop;
    Object.assign(heard.style, { left: percent(start), width: `calc(${percent(stop)} - ${percent(start)})` });
  }

  const stops = [
    follow(model, ["picture", "about"], () => {
      showBytes(picture, model.get("picture"));
      picture.alt = `${texts.map}: ${model.get("about")}`;
    }),
    follow(model, ["tags", "scores", "starts", "window", "hop", "total", "growing", "about", "seconds", "ends", "top", "classes"], draw),
    follow(model, ["times", "heard"], drawTimes),
  ];
  const resized = new ResizeObserver(() => drawTimes());
  resized.observe(map);
  return () => { stops.forEach((stop) => stop()); resized.disconnect(); showBytes(picture, null); };
}
export default { render };
