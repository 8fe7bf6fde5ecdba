import { assign, follow, make, root, showValue } from "../base/dom.js";
import { fill } from "../base/text.js";

const INDEX = 0, NAME = 1; // of a row: then kind and shape

// The whole list of layers, as it is printed; it is filled when it is first opened. Searched by text, walked through by keys.
function layerList(model, texts) {
  let rows = []; // the elements, by index
  let active = -1;
  const id = `explorer-${Math.random().toString(36).slice(2)}`;
  const search = make("input", { type: "search", placeholder: texts.search, "aria-label": texts.search, "aria-controls": id, oninput: filter,
    onkeydown: (event) => { if (event.key === "ArrowDown") { event.preventDefault(); list.focus(); } } });
  const found = make("span", { class: "quiet number", role: "status" });
  const head = make("div", { class: "line quiet", "aria-hidden": "true" }, ...texts.columns.map((text) => make("span", {}, text)));
  const list = make("div", { class: "list number", id, role: "listbox", tabindex: "0", "aria-label": texts.list, "aria-description": texts.list_keys, onkeydown: onKey,
    onfocus: () => { if (active < 0) activate(seen()[0]); },
    onclick: (event) => { const row = event.target.closest(".line"); if (row) { activate(rows.indexOf(row), false); choose(); } } });
  const box = make("details", { ontoggle: () => { if (box.open) build(); } }, make("summary", {}, texts.list), make("div", { class: "head" }, search, found), head, list);

  const seen = () => rows.flatMap((row, index) => (row.hidden ? [] : [index]));
  const choose = () => { if (rows[active]) model.send({ select: model.get("rows")[active][NAME] }); };
  function activate(index, scroll = true) {
    rows[active]?.classList.remove("active");
    active = index ?? -1;
    list.setAttribute("aria-activedescendant", rows[active]?.id ?? "");
    rows[active]?.classList.add("active");
    if (scroll) rows[active]?.scrollIntoView({ block: "nearest" });
  }
  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const all = seen();
    const now = all.indexOf(active);
    const moves = { ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + 10, PageUp: now - 10, Home: 0, End: all.length - 1 };
    if (event.key in moves) activate(all[Math.min(all.length - 1, Math.max(0, moves[event.key]))]);
    else if (event.key === "Enter" || event.key === " ") choose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  function build() {
    rows = [];
    if (!box.open) return;
    rows = model.get("rows").map(([index, name, ...facts]) =>
      make("div", { class: "line", role: "option", id: `${id}-${index}` }, ...[index, name, ...facts, ""].map((text) => make("span", { title: text }, String(text)))));
    list.replaceChildren(...rows);
    active = -1;
    mark();
    markSelected();
    filter();
    const at = rows[Math.min(model.get("freeze"), rows.length - 1)];
    if (at) list.scrollTop = at.offsetTop - list.clientHeight / 2;
  }
  function mark() {
    const further = new Set(model.get("further")), line = model.get("freeze");
    rows.forEach((row, index) => {
      const frozen = index < model.get("first") || further.has(index);
      row.classList.toggle("behind", index === line);
      if (row.dataset.frozen === String(frozen)) return;
      row.dataset.frozen = frozen;
      row.lastChild.textContent = frozen ? texts.frozen : texts.trains;
    });
  }
  function markSelected() {
    rows.forEach((row, index) => row.setAttribute("aria-selected", String(model.get("rows")[index][NAME] === model.get("layer"))));
  }
  function filter() {
    const text = search.value.trim().toLowerCase();
    rows.forEach((row, index) => {
      const facts = model.get("rows")[index];
      row.hidden = !(/^\d+$/.test(text) && facts[INDEX] === Number(text)) && !facts.slice(NAME).some((fact) => fact.toLowerCase().includes(text));
    });
    found.textContent = text ? fill(texts.found, { number: seen().length.toLocaleString("en"), count: rows.length.toLocaleString("en") }) : "";
    if (rows[active]?.hidden) activate();
    list.scrollTop = 0;
  }
  const stops = [follow(model, ["rows"], build), follow(model, ["first", "further", "freeze"], mark), follow(model, ["layer"], markSelected)];
  return { box, stop: () => stops.forEach((stop) => stop()) };
}

function render({ model, el }) {
  root(el, "freeze-plan");
  const texts = model.get("texts");
  const none = make("p", { class: "quiet" }, texts.none);
  const facts = make("p", { class: "facts-line number" });
  const note = make("p", { class: "note", role: "status" });

  const number = make("input", { type: "number", min: "0", step: "1", "aria-label": texts.freeze, onchange: () => {
    if (number.value && Number.isSafeInteger(Number(number.value))) assign(model, { freeze: Math.min(model.get("count"), Math.max(0, Number(number.value))) });
    number.value = model.get("freeze");
  } });
  const block = make("select", { "aria-label": texts.block, onchange: () => assign(model, { freeze: Number(block.value) }) });
  const from = make("input", { type: "text", size: "14", placeholder: texts.from_hint, onkeydown: (event) => { if (event.key === "Enter") submit(); }, onchange: submit });
  const snap = make("input", { type: "checkbox", role: "switch", onchange: () => assign(model, { snap: snap.checked }) });
  const code = (text) => make("span", { class: "mono", "aria-hidden": "true" }, text);
  const controls = make("div", { class: "controls" },
    make("span", {}, code("layers[:"), number, code("]")),
    make("label", {}, texts.block, " ", block), make("label", {}, texts.from, " ", from), make("label", {}, snap, " ", texts.snap));
  const ask = make("button", { onclick: () => model.send({ advice: !model.get("probing") }) });
  const bar = make("progress", { max: "1", "aria-label": texts.progress });
  const about = make("span", { class: "unseen", id: `explorer-${Math.random().toString(36).slice(2)}` });
  ask.setAttribute("aria-describedby", about.id);
  controls.append(make("span", { class: "advice" }, ask, bar, about));
  const lines = make("pre", { tabindex: "0", "aria-label": texts.lines });
  const copied = make("span", { class: "quiet", role: "status" });
  const keras = make("details", { class: "keras" }, make("summary", {}, texts.lines), lines, make("div", { class: "head" }, make("button", { onclick: copy }, texts.copy), copied));
  const list = layerList(model, texts);
  const body = make("div", { class: "body" }, facts, note, controls, make("div", { class: "folded" }, keras, list.box));
  el.append(none, body);

  let submitted = "";
  function submit() {
    const typed = from.value.trim();
    if (!typed || typed === submitted) return;
    submitted = typed; // Enter also fires "change" later on
    model.send({ go: typed });
    setTimeout(() => { from.value = submitted = ""; });
  }
  async function copy() {
    try {
      await navigator.clipboard.writeText(lines.textContent);
    } catch { // a page without https: the old way
      getSelection()?.selectAllChildren(lines);
      document.execCommand("copy");
    }
    copied.textContent = texts.copied;
  }
  function drawLine() {
    number.max = model.get("count");
    showValue(number, model.get("freeze"));
    const there = model.get("blocks").some(([index]) => index === model.get("freeze"));
    const options = model.get("blocks").map(([index, text]) => make("option", { value: index, selected: index === model.get("freeze") }, text));
    block.replaceChildren(...(there ? [] : [make("option", { value: model.get("freeze"), selected: true, disabled: true }, texts.elsewhere)]), ...options);
    snap.checked = model.get("snap");
  }

  const stops = [
    list.stop,
    follow(model, ["there", "facts", "note", "lines"], () => {
      body.hidden = !model.get("there");
      none.hidden = !body.hidden;
      facts.replaceChildren(...model.get("facts").map(([about, number, rest]) => make("span", { class: about }, make("b", {}, number), rest)));
      note.textContent = model.get("note");
      if (lines.textContent !== model.get("lines").join("\n")) {
        lines.textContent = model.get("lines").join("\n");
        copied.textContent = "";
      }
    }),
    follow(model, ["freeze", "count", "blocks", "snap"], drawLine),
    follow(model, ["advisable", "probing", "probed"], () => {
      const probing = model.get("probing");
      ask.disabled = !probing && !model.get("advisable");
      ask.textContent = probing ? texts.stop : texts.probe;
      about.textContent = ask.title = model.get("advisable") ? texts.probe_about : texts.probe_needs;
      bar.hidden = !probing;
      if (model.get("probed") >= 0) bar.value = model.get("probed"); else bar.removeAttribute("value");
    }),
  ];
  return () => stops.forEach((stop) => stop());
}
export default { render };
