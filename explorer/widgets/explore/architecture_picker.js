import { assign, follow, make, root } from "../base/dom.js";
import { fill } from "../base/text.js";

const COLUMNS = ["top1", "top5", "parameters", "size", "depth", "year", "input"];
const BEST_FIRST = ["top1", "top5"]; // what falls when it is first sorted by
const PAGE = 10; // rows of Page Up and Page Down
const HEADING = 24; // CSS pixels: a family's heading, which stays in sight above its rows, below the columns' titles

// For a search: without accents and capitals.
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

// The rows that have every word of the search and pass every filter.
function fitting(rows, wanted, here) {
  const asked = plain(wanted.search).split(/\s+/);
  return rows.filter((row) => asked.every((word) => plain(row.find).includes(word))
    && (!wanted.local || here.includes(row.name))
    && (!wanted.family || row.family === wanted.family)
    && ["size", "parameters", "year"].every((one) => !wanted[one] || row.values[one] <= wanted[one]));
}

// The row that a search most likely means: the one so named, else one whose name begins with it or has it, else the first.
function meant(rows, search) {
  const asked = plain(search).trim();
  const named = (fits) => rows.find((row) => fits(plain(row.name)));
  return named((name) => name === asked) ?? named((name) => name.startsWith(asked)) ?? named((name) => name.includes(asked)) ?? rows[0];
}

// The rows in order; those without a value come last, whatever the direction.
function ordered(rows, { by, falling }) {
  if (by === "family") {
    const families = [...new Set(rows.map((row) => row.family))];
    const together = families.flatMap((family) => rows.filter((row) => row.family === family));
    return falling ? together.reverse() : together;
  }
  const compare = by === "name"
    ? (one, other) => one.name.localeCompare(other.name, "en", { numeric: true })
    : (one, other) => one.values[by] - other.values[by];
  const known = rows.filter((row) => row.values[by] !== null);
  const unknown = rows.filter((row) => row.values[by] === null);
  return [...known.sort((one, other) => (falling ? -1 : 1) * compare(one, other)), ...unknown];
}

// The buttons that sort: one a column, the first one has two.
function sorter(texts, sort, changed) {
  const button = (by) => make("button", { "data-by": by, onclick: () => {
    Object.assign(sort, { falling: sort.by === by ? !sort.falling : BEST_FIRST.includes(by), by });
    changed();
  } }, texts[by], make("span", { class: "way", "aria-hidden": "true" }), make("span", { class: "unseen" }));
  const buttons = ["family", "name", ...COLUMNS].map(button);
  const [family, name, ...others] = buttons;
  const bar = make("div", { class: "row titles", role: "group", "aria-label": texts.sort },
    make("span", { class: "first" }, family, name), ...others.flatMap((one) => (one.dataset.by === "size" ? [one, make("span", { class: "where" })] : [one])));
  const draw = () => buttons.forEach((one) => {
    const own = one.dataset.by === sort.by;
    one.setAttribute("aria-pressed", String(own));
    one.children[0].textContent = own ? (sort.falling ? " ↓" : " ↑") : "";
    one.children[1].textContent = own ? ` ${sort.falling ? texts.falling : texts.rising}` : "";
  });
  return [bar, draw];
}

// The filters below the search field, and what they are set to.
function filters(texts, choices, wanted, changed) {
  const local = make("input", { type: "checkbox", onchange: () => { wanted.local = local.checked; changed(); } });
  const selects = Object.entries(choices).map(([name, pairs]) => {
    const select = make("select", { "aria-label": texts[`only_${name}`], onchange: () => { wanted[name] = pairs[select.selectedIndex][0]; changed(); } },
      ...pairs.map(([, text]) => make("option", {}, text)));
    return select;
  });
  const count = make("span", { class: "quiet number", role: "status" });
  const reset = make("button", { onclick: () => { clear(); changed(); } }, texts.reset);
  function clear() {
    Object.assign(wanted, { search: "", local: false, ...Object.fromEntries(Object.keys(choices).map((name) => [name, 0])) });
    local.checked = false;
    for (const select of selects) select.selectedIndex = 0;
  }
  clear();
  const bar = make("div", { class: "filters" }, make("label", {}, local, texts.local), ...selects, reset, count);
  const draw = (shown, all) => {
    count.textContent = fill(texts.count, { shown, all });
    reset.hidden = !Object.values(wanted).some(Boolean);
  };
  return [bar, draw];
}

// One row of the list; read out, each value follows the name of its column.
function optionOf(row, texts, where) {
  const spoken = [row.name, ...COLUMNS.map((one) => `${texts[one]} ${row.texts[one]}`), where ? texts.on_machine : texts.to_download];
  const cells = COLUMNS.flatMap((one) => [
    make("span", { class: "quiet number", "data-by": one, "aria-hidden": "true" }, row.texts[one]),
    ...(one === "size" ? [make("span", { class: "where", "aria-hidden": "true" }, where ? texts.here : "")] : []),
  ]);
  return make("div", { class: "row", role: "option" }, make("span", { class: "unseen" }, spoken.join(", ")), make("b", { "aria-hidden": "true" }, row.name), ...cells);
}

// What else is known of the row that the arrow keys or the pointer are at.
function detailsOf(row, where, texts) {
  const facts = row.details.flatMap(([label, text, link, address]) => {
    const said = make("dd", {}, text);
    if (link) said.append(" ", make("a", { href: address, target: "_blank", rel: "noopener" }, link));
    return [make("dt", {}, label), said];
  });
  return [make("b", {}, row.name), make("dl", {}, ...facts, make("dt", {}, texts.size), make("dd", {}, `${row.texts.size}, ${where ? texts.on_machine : texts.to_download}`))];
}

function render({ model, el }) {
  root(el, "picker");
  const texts = model.get("texts");
  const id = `explorer-${Math.random().toString(36).slice(2)}`;
  const wanted = {}, sort = { by: "family", falling: false };
  let shown = [], active = ""; // the rows in sight and the name of the one that Enter loads

  const name = make("b");
  const summary = make("span", { class: "quiet" });
  const button = make("button", { class: "pick", "aria-haspopup": "listbox", "aria-expanded": "false", onclick: () => (list.hidden ? open() : close()) },
    make("span", { class: "unseen" }, `${texts.label}: `), name, summary, make("span", { class: "arrow", "aria-hidden": "true" }, "▾"));
  const chart = make("button", { class: "chart", onclick: () => assign(model, { chart: !model.get("chart") }) }, texts.chart);
  const search = make("input", { type: "search", class: "search", role: "combobox", "aria-expanded": "true", "aria-controls": id, "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false", placeholder: texts.search, "aria-label": texts.search, "aria-description": texts.keys, oninput: () => { wanted.search = search.value; draw(); point(meant(shown, search.value)?.name); } });
  const [titles, drawTitles] = sorter(texts, sort, draw);
  const [bar, drawFilters] = filters(texts, model.get("choices"), wanted, () => { search.value = wanted.search; draw(); });
  const options = make("div", { role: "listbox", class: "options", id, "aria-label": texts.label, onpointerdown: (event) => event.preventDefault() });
  const nothing = make("p", { class: "quiet nothing" }, texts.nothing);
  const details = make("div", { class: "details", role: "region", id: `${id}-details`, "aria-label": texts.details });
  const hint = make("p", { class: "hint quiet" }, `${texts.hint} ${texts.keys}`);
  const table = make("div", { class: "table" }, titles, options, nothing);
  const sheet = make("div", { class: "sheet" }, make("div", { class: "ask" }, search, bar), table, details, hint);
  const list = make("div", { class: "list", onkeydown: onKey }, sheet);
  list.hidden = true;
  el.append(button, chart, list);

  function open() {
    wanted.search = search.value = "";
    active = model.get("loading") || model.get("chosen");
    list.hidden = false;
    button.setAttribute("aria-expanded", "true");
    place();
    draw();
    search.focus();
    model.send({ look: true });
  }
  function close() {
    list.hidden = true;
    button.setAttribute("aria-expanded", "false");
  }
  function choose(row) {
    close();
    button.focus();
    model.send({ open: row.name });
  }
  // Begin at the button, or further left where the page would end before the list does.
  function place() {
    const page = el.closest(".explorer.page");
    if (!page || list.hidden) return;
    list.style.left = "0px";
    list.style.left = `${Math.min(0, page.getBoundingClientRect().right - list.getBoundingClientRect().right)}px`;
  }

  function point(name, reveal = true) {
    active = name;
    for (const one of options.querySelectorAll(".row")) one.classList.toggle("active", one.dataset.name === name);
    const option = options.querySelector(".row.active");
    search.removeAttribute("aria-activedescendant");
    details.replaceChildren();
    if (!option) return;
    search.setAttribute("aria-activedescendant", option.id);
    const row = shown.find((one) => one.name === name);
    details.replaceChildren(...detailsOf(row, model.get("here").includes(name), texts));
    if (!reveal) return;
    const box = table.getBoundingClientRect(), own = option.getBoundingClientRect();
    const top = box.top + titles.offsetHeight + (sort.by === "family" ? HEADING : 0);
    if (own.top < top) table.scrollTop -= top - own.top;
    else if (own.bottom > box.bottom) table.scrollTop += own.bottom - box.bottom;
  }
  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const now = shown.findIndex((row) => row.name === active), last = shown.length - 1;
    const steps = { ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + PAGE, PageUp: now - PAGE, ...(search.value ? {} : { Home: 0, End: last }) };
    if (event.key === "Escape") { close(); button.focus(); }
    else if (event.target.tagName === "SELECT" || event.target.type === "checkbox") return;
    else if (event.key in steps) { if (shown.length) point(shown[Math.min(last, Math.max(0, steps[event.key]))].name); }
    else if (event.key === "Enter" && event.target === search) { if (shown[now]) choose(shown[now]); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function draw() {
    const rows = model.get("rows"), here = model.get("here");
    shown = ordered(fitting(rows, wanted, here), sort);
    const made = shown.map((row, index) => {
      const option = optionOf(row, texts, here.includes(row.name));
      option.id = `${id}-${index}`;
      option.dataset.name = row.name;
      option.setAttribute("aria-selected", String(row.name === model.get("chosen")));
      option.setAttribute("aria-describedby", details.id);
      option.addEventListener("click", () => choose(row));
      option.addEventListener("pointermove", (event) => { if (row.name !== active && (event.movementX || event.movementY)) point(row.name, false); });
      return option;
    });
    options.replaceChildren(...(sort.by === "family" ? grouped(made) : made));
    options.hidden = !shown.length;
    nothing.hidden = !options.hidden;
    drawTitles();
    drawFilters(shown.length, rows.length);
    point(shown.some((row) => row.name === active) ? active : shown[0]?.name);
  }
  function grouped(made) {
    const families = [...new Set(shown.map((row) => row.family))];
    return families.map((family) => make("div", { role: "group", "aria-label": family },
      make("div", { class: "family quiet", "aria-hidden": "true" }, family), ...made.filter((_option, index) => shown[index].family === family)));
  }

  const outside = (event) => { if (!el.contains(event.target)) close(); };
  document.addEventListener("pointerdown", outside);
  window.addEventListener("resize", place);
  el.addEventListener("focusout", (event) => { if (event.relatedTarget && !el.contains(event.relatedTarget)) close(); });
  const stop = follow(model, ["here", "chosen", "loading", "summary", "chart"], () => {
    name.textContent = model.get("loading") || model.get("chosen") || texts.none;
    summary.textContent = model.get("summary");
    chart.hidden = model.get("chart") === null;
    chart.setAttribute("aria-pressed", String(Boolean(model.get("chart"))));
    if (!list.hidden) draw();
  });
  return () => { stop(); document.removeEventListener("pointerdown", outside); window.removeEventListener("resize", place); };
}
export default { render };
