import { assign, follow, make, root, showBytes } from "../base/dom.js";
import { fill } from "../base/text.js";

const UPRIGHT = 6, LONG = 10; // more columns than that, or longer names, and their heads stand upright
const MANY = 8; // with more columns than that the table has the whole width
const DENSE = 12; // with more columns than that cells are small, and hold no shares
const FAINTEST = 16, FULLEST = 62; // percent of the colour in a cell that holds one example of many, and all of them

// The table of cells: walked through by keys, one cell or head at a time. Row -1 and column -1 are the heads.
function matrix(model, texts, onPlace) {
  let places = new Map(); // "row,column" -> element
  let now = [0, 0];
  const table = make("table", { role: "grid", class: "number", "aria-description": texts.keys, onkeydown: onKey,
    onclick: (event) => visit(event, (place) => { go(place); choose(place); }),
    onmouseover: (event) => visit(event, onPlace), onmouseleave: () => onPlace(chosen()), onfocusin: (event) => visit(event, (place) => { mark(place); onPlace(place); }),
    onfocusout: () => onPlace(chosen()) });
  const box = make("div", { class: "matrix" }, table);

  /** @type {(cell: number[]) => string} */
  const key = ([row, column]) => `${row},${column}`;
  const chosen = () => (model.get("chosen").length ? model.get("chosen") : null);
  const same = (one, other) => Boolean(one && other) && key(one) === key(other);
  const choose = (place) => assign(model, { chosen: same(place, chosen()) ? [] : place });
  function visit(event, what) {
    const at = event.target.closest("[data-place]");
    if (at) what(at.dataset.place.split(",").map(Number));
  }
  function mark(place) {
    places.get(key(now))?.setAttribute("tabindex", "-1");
    now = place;
    places.get(key(now))?.setAttribute("tabindex", "0");
  }
  function go(place) {
    mark(place);
    places.get(key(place))?.focus();
  }
  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [row, column] = now, rows = model.get("table").rows.length - 1, columns = model.get("table").columns.length - 1;
    const moves = { ArrowDown: [Math.min(rows, row + 1), column], ArrowUp: [Math.max(column < 0 ? 0 : -1, row - 1), column],
      ArrowRight: [row, Math.min(columns, column + 1)], ArrowLeft: [row, Math.max(row < 0 ? 0 : -1, column - 1)], Home: [row, 0], End: [row, columns] };
    if (event.key in moves) go(moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") choose(now);
    else if (event.key === "Escape" && chosen()) assign(model, { chosen: [] });
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  const placed = (tag, place, attributes, ...children) => {
    const element = make(tag, { tabindex: "-1", "data-place": key(place), ...attributes }, ...children);
    places.set(key(place), element);
    return element;
  };
  function cell(place, count, all, right, dense) {
    const part = all ? count / all : 0;
    const element = placed("td", place, { class: `${right ? "right" : "wrong"}${count ? "" : " zero"}` }, count ? count.toLocaleString("en") : "0");
    if (count) element.style.background = `color-mix(in srgb, var(--tone) ${(FAINTEST + (FULLEST - FAINTEST) * part).toFixed(1)}%, transparent)`;
    if (count && !dense) element.append(make("small", {}, `${percent(part)} %`));
    return element;
  }
  function draw() {
    const { rows = [], columns = [], cells = [], good = [], several = false } = model.get("table");
    const dense = columns.length > DENSE;
    places = new Map();
    now = [0, 0];
    table.setAttribute("aria-label", several ? texts.classes : texts.matrix);
    table.className = `number${dense ? " dense" : ""}${several ? " several" : ""}`;
    table.classList.toggle("upright", !several && (columns.length > UPRIGHT || columns.some((name) => name.length > LONG)));
    const heads = columns.map((name, column) => placed("th", [-1, column], { scope: "col", title: name }, make("span", {}, name)));
    const head = make("tr", {}, make("th", { class: "corner" }, make("span", { class: "unseen" }, texts.is)), ...heads, make("th", { scope: "col", class: "sum" }, make("span", {}, texts.right)));
    const body = rows.map((name, row) => {
      const { count, all } = part(model, [row, -1]);
      const line = cells[row].map((one, column) => cell([row, column], one, all, good[row].includes(column), dense));
      return make("tr", {}, placed("th", [row, -1], { scope: "row", title: name }, make("span", {}, name)), ...line, make("td", { class: "sum" }, all ? `${percent(count / all)} %` : "–"));
    });
    table.replaceChildren(make("thead", {}, head), make("tbody", {}, ...body));
    places.get("0,0")?.setAttribute("tabindex", "0");
    select();
  }
  function select() {
    const [row, column] = chosen() ?? [-2, -2];
    for (const [place, element] of places) {
      const [r, c] = place.split(",").map(Number);
      element.setAttribute("aria-selected", String((row === r || (row === -1 && r >= 0)) && (column === c || (column === -1 && c >= 0))));
    }
  }
  return { box, draw, select };
}

// A share in percent, without decimals but for what they would make 0 or 100 of.
function percent(share) {
  const whole = (100 * share).toFixed(0);
  return (whole === "0" || whole === "100") && share !== 0 && share !== 1 ? Math.min(99.9, Math.max(0.1, 100 * share)).toFixed(1) : whole;
}

// How many examples are in a cell, or right in a row or a column of cells, and of how many.
function part(model, [row, column]) {
  const { cells, good, several } = model.get("table");
  const sum = (numbers) => numbers.reduce((one, other) => one + other, 0);
  const all = sum(row < 0 ? cells.map((line) => line[column]) : cells[row]);
  if (row >= 0) return { all, count: column < 0 ? sum(good[row].map((place) => cells[row][place])) : cells[row][column] };
  if (several) return { all: sum(cells.flat()), count: all };
  return { all, count: cells[column][column] };
}

function render({ model, el }) {
  root(el, "outcome");
  const texts = model.get("texts");
  const none = make("p", { class: "quiet" }, texts.none);
  const about = make("p", { class: "number about" });
  const title = make("h2"), hint = make("p", { class: "quiet hint" });
  const detail = make("p", { class: "number detail", "aria-live": "polite" });
  const table = matrix(model, texts, tell);
  const bars = make("ol", { class: "bars number", "aria-label": texts.weight_change });
  const moved = make("section", { class: "moved" }, make("h2", {}, texts.weight_change), make("p", { class: "quiet hint" }, texts.moved_about), bars);
  const note = make("span", { class: "quiet number", role: "status" });
  const back = make("button", { onclick: () => assign(model, { chosen: [] }) }, texts.back);
  const more = make("button", { onclick: () => model.send({ further: true }) }, texts.more);
  const list = make("ul"), listTitle = make("h2");
  const worst = make("section", { class: "worst" }, make("div", { class: "head" }, listTitle, note, back), list, more);
  const what = make("section", {}, title, hint, table.box, detail);
  const body = make("div", { class: "body" }, about, what, moved, worst);
  el.append(none, body);

  const counted = () => (model.get("table").cells ?? []).flat().some(Boolean);
  function says(place) {
    const [row, column] = place, { count, all } = part(model, place), { rows, columns, several } = model.get("table");
    const template = row < 0 ? "column" : column < 0 ? "row" : "cell";
    const text = texts[several && column >= 0 ? `${template}_of_several` : template];
    return fill(text, { row: rows[row], column: columns[column], count: count.toLocaleString("en"), all: all.toLocaleString("en"), share: percent(all ? count / all : 0) });
  }
  function tell(place) {
    detail.textContent = place && counted() ? says(place) : "\u00a0";
  }
  function card({ name, truth, answer, score, right, picture }) {
    const image = make("img", { alt: "", draggable: "false", onload: () => image.classList.toggle("coarse", image.naturalWidth < 32) });
    showBytes(image, picture);
    const frame = make("div", { class: "frame" }, image);
    frame.hidden = Boolean(picture) && !picture.byteLength;
    const quiet = (text, kind = "") => make("span", { class: `quiet ${kind}` }, text);
    return make("li", {}, frame, make("div", { class: "said" }, make("p", { class: "quiet name", title: name }, name),
      make("p", {}, quiet(texts.truth), " ", make("b", {}, truth)),
      make("p", {}, quiet(texts.answer), " ", make("span", { class: right ? "" : "answer" }, answer), " ", quiet(score, "number score"))));
  }
  function drawExamples() {
    const chosen = model.get("chosen"), pictures = model.get("pictures");
    for (const picture of list.querySelectorAll("img")) showBytes(picture, null); // gives its address back
    const shown = chosen.length ? model.get("cell") : model.get("worst").map((one, index) => ({ ...one, picture: pictures[index] }));
    list.replaceChildren(...shown.map(card));
    list.hidden = !shown.length;
    listTitle.textContent = chosen.length ? texts.chosen : texts.worst;
    list.setAttribute("aria-label", listTitle.textContent);
    back.hidden = !chosen.length;
    more.hidden = !chosen.length || shown.length >= model.get("in_cell");
    worst.hidden = !counted();
    note.textContent = chosen.length ? says(chosen) : shown.length ? "" : texts.all_right;
  }
  const stops = [
    follow(model, ["there", "about", "missing"], () => {
      body.hidden = !model.get("there");
      none.hidden = !body.hidden;
      none.textContent = model.get("missing") || texts.none;
      about.textContent = model.get("about");
    }),
    follow(model, ["table"], () => {
      const { columns = [], several } = model.get("table");
      body.classList.toggle("many", columns.length > MANY);
      title.textContent = several ? texts.classes : texts.matrix;
      hint.textContent = several ? texts.classes_about : texts.matrix_about;
      table.draw();
      what.hidden = !counted();
    }),
    follow(model, ["chosen"], () => { table.select(); tell(model.get("chosen").length ? model.get("chosen") : null); }),
    follow(model, ["worst", "pictures", "chosen", "cell", "in_cell", "table"], drawExamples),
    follow(model, ["weight_change"], () => {
      moved.hidden = !model.get("weight_change").length;
      bars.replaceChildren(...model.get("weight_change").map(({ label, text, share }) => {
        const inner = make("u");
        inner.style.width = `${share * 100}%`;
        return make("li", { class: share ? "" : "quiet" }, make("span", { class: "label", title: label }, label), make("i", { "aria-hidden": "true" }, inner), make("span", {}, text));
      }));
    }),
  ];
  return () => stops.forEach((stop) => stop());
}
export default { render };
