import { columnChoice } from "./column_choice.js";
import { follow, lister, make, root, showValue } from "../base/dom.js";
import { fill } from "../base/text.js";
import { capturing } from "./capture_panel.js";
import { exampleCards } from "./class_cards.js";
import { asker, classRows } from "./class_list.js";
import { browsed, classed, gathered } from "./dropped_files.js";
import { isZip, sender } from "./upload_queue.js";

const COLLECTED = "data-collected"; // marks a page with data that is lost with its kernel, for those who would load it again
const TYPES = { image: "image/*,.zip", arrays: ".npy,.npz,.csv,.zip", audio: "audio/*,.wav,.flac,.ogg,.mp3,.zip" };

// What is not collected here: the built-in sets, data on disk, and which share of all is held out.
function choices(model, texts, clear) {
  const number = make("input", { type: "number", min: "1", step: "1", placeholder: texts.own_number });
  const count = make("label", { class: "line" }, texts.examples, " ", number);
  const sets = make("div", { class: "sets" });
  const menu = make("details", { class: "menu" }, make("summary", {}, texts.built_in), make("div", { class: "card", tabindex: "-1" }, sets, count));
  const choose = (source) => { menu.open = false; model.send({ choose: source, count: Math.max(0, Math.round(Number(number.value))) }); };
  menu.addEventListener("keydown", (event) => { if (event.key === "Escape" && menu.open) { event.stopPropagation(); menu.open = false; menu.firstChild.focus(); } });

  menu.addEventListener("focusout", ({ relatedTarget }) => { if (!menu.contains(relatedTarget)) menu.open = false; });

  const path = make("input", { type: "text", placeholder: texts.path_hint, spellcheck: "false" });
  const open = make("form", { class: "line", onsubmit: (event) => { event.preventDefault(); if (path.value.trim()) model.send({ choose: path.value.trim(), count: 0 }); } },
    path, make("button", { type: "submit" }, texts.open));
  const share = make("input", { type: "range", min: "0", max: "0.5", step: "0.05" });
  const percent = make("output", { class: "number" });
  const told = () => { percent.textContent = fill(texts.percent, { number: Math.round(100 * share.value) }); };
  share.addEventListener("input", told);
  share.addEventListener("change", () => model.send({ share: Number(share.value) }));
  const seed = make("input", { type: "number", min: "0", step: "1", title: texts.seed_about, onchange: () => {
    if (seed.value && Number.isSafeInteger(Number(seed.value))) model.send({ seed: Number(seed.value) });
    seed.value = model.get("seed");
  } });
  const more = make("details", { class: "more" }, make("summary", {}, texts.more),
    make("label", { class: "line" }, texts.share, " ", share, percent), make("label", { class: "line" }, texts.seed, " ", seed),
    make("label", { class: "path" }, make("span", { class: "quiet" }, texts.path)), open, clear);
  path.setAttribute("aria-label", texts.path);

  const stops = [
    follow(model, ["built_in", "source"], () => {
      sets.replaceChildren(...model.get("built_in").map(([name, text]) =>
        make("button", { "aria-pressed": String(name === model.get("source")), onclick: () => choose(name) }, text)));
      menu.hidden = !sets.children.length;
    }),
    follow(model, ["share", "seed"], () => { showValue(share, model.get("share")); showValue(seed, model.get("seed")); told(); }),
    follow(model, ["count"], () => { showValue(number, model.get("count") || ""); }),
  ];
  return { menu, more, stop: () => stops.forEach((one) => one()) };
}

function render({ model, el }) {
  root(el, "training-data");
  const texts = model.get("texts");
  const editable = () => !model.get("source");
  let selected = ""; // the class that new examples go to
  const named = new Set(); // classes that were named here, and may be on their way
  let known = []; // the classes that were shown last
  let target = ""; // of the files that are browsed for: a class, or "" for the selected one

  const clear = make("button", { onclick: clearAll }, texts.clear);
  const send = sender(model, texts), question = asker(texts), choice = choices(model, texts, clear), column = columnChoice(model, texts);
  const capture = capturing(model, texts, () => selected, send.add);
  const cards = exampleCards(model, texts);
  const look = (name) => model.send({ look: name === model.get("label") ? "" : name });
  const rows = classRows(texts, { select, editable, look, looked: () => texts.look[model.get("kind")], label: () => model.get("label"),
    browse: (name) => browse(files, name), rename, remove, drop: (event, name) => onDrop(event, name) }, cards.box);
  const total = make("span", { class: "quiet number total", role: "status" });
  const files = make("input", { type: "file", multiple: true, hidden: true, onchange: () => browsedIn(files) });
  const folder = make("input", { type: "file", webkitdirectory: true, hidden: true, onchange: () => browsedIn(folder) });
  const take = make("button", { onclick: openCapture });
  const invitation = make("p", { class: "quiet" });
  const zone = make("div", { class: "drop" }, invitation,
    make("div", { class: "line" }, make("button", { onclick: () => browse(files, "") }, texts.files), make("button", { onclick: () => browse(folder, "") }, texts.folder), files, folder));
  const add = make("button", { onclick: addClass }, texts.add);
  const back = make("button", { onclick: () => model.send({ choose: "", count: 0 }) }, texts.back);
  const from = make("p", { class: "quiet from" });
  const legend = make("p", { class: "legend quiet", "aria-hidden": "true" }, make("span", { class: "training" }, texts.training), make("span", { class: "held" }, texts.held_out));
  const notes = make("div", { class: "notes", role: "note" });
  const copies = make("button", { onclick: () => model.send({ copies: true }) });
  const removed = make("span"), undo = make("p", { class: "undo quiet", role: "status" }, removed, " ", make("button", { onclick: () => model.send({ undo: true }) }, texts.undo));
  let loose = []; // files that nobody has said the class of
  const leftText = make("span", {}), left = make("ul", {});
  const drawNotes = lister(notes, (one) => (one === copies ? copies : make("p", {}, one)), (one) => (one === copies ? "" : one));
  const drawLeft = lister(left, ([name, why]) => make("li", {}, why.includes(name) ? why : `${name}: ${why}`));
  const leftOut = make("details", { class: "left" }, make("summary", {}, leftText, " ", make("span", { class: "which" }, texts.which)), left);
  el.append(make("div", { class: "head" }, make("h2", {}, texts.title), total, send.line), zone, capture.box, question.form, from, column.box, rows.list, legend, undo,
    make("div", { class: "buttons" }, add, choice.menu, back), notes, leftOut, choice.more);

  function select(name) {
    selected = name;
    draw();
  }
  function browse(input, name) {
    target = name;
    input.click();
  }
  function browsedIn(input) {
    takeAll(browsed(input.files), target);
    input.value = "";
  }
  // Send files to a class, or each to the class that its folder is called; of those that lie in none it is asked.
  async function takeAll(found, name) {
    if (!found.length) return refuse(texts.empty);
    model.send({ begin: true });
    const known = name ? found.map(({ file, path }) => ({ file, name: path.at(-1), label: name, group: path.slice(1, -1).join("/") })) : await classed(model, found);
    send.add(known.filter((one) => one.label || isZip(one.name)));
    const unknown = known.filter((one) => !one.label && !isZip(one.name)), homeless = unknown.filter((one) => !noExample(one.name));
    for (const { name } of unknown) if (noExample(name)) send.lost(name, noExample(name));
    if (homeless.length) place(homeless);
  }
  // Why a file is no example of any class, by its name; nothing for one that may be.
  function noExample(name) {
    const of = (endings) => endings.some((ending) => name.toLowerCase().endsWith(ending));
    return of(texts.models) ? texts.a_model : model.get("kind") !== "arrays" && of([".npz", ".npy"]) ? texts.arrays : "";
  }
  // Ask for the class of files, once for all that have come when it is answered.
  async function place(files) {
    loose.push(...files);
    const text = fill(loose.length > 1 ? texts.which_class : texts.which_class_one, { number: loose.length, name: loose[0].name });
    if (loose.length > files.length) return question.say(text);
    const choices = editable() ? model.get("classes").map(({ name }) => name) : [];
    const label = choose(await question.ask(text, { value: "", action: texts.ok, choices, chosen: choices.includes(selected) ? selected : choices[0] ?? "" }));
    const all = loose;
    loose = [];
    if (label !== null) send.add(all.map((one) => ({ ...one, label })));
  }
  // The selected class, or one whose name is asked for; null where that is not answered.
  async function nameFor() {
    const there = named.has(selected) || (editable() && model.get("classes").some(({ name }) => name === selected));
    return there ? selected : choose(await question.ask(texts.name, { value: "", action: texts.ok }));
  }
  function choose(name) {
    if (name === null) return name;
    selected = name;
    named.add(name);
    return name;
  }
  const refuse = (text) => model.send({ refuse: text });

  async function openCapture() {
    if (!capture.opened() && !(await nameFor())) return;
    await capture.open(take);
    draw();
  }
  async function addClass() {
    const name = choose(await question.ask(texts.name, { value: "", action: texts.add_short }));
    if (name !== null) model.send({ add: name });
  }
  async function rename(old) {
    const name = await question.ask(fill(texts.new_name, { name: old }), { value: old, action: texts.rename });
    if (name === null || name === old) return;
    const there = model.get("classes").some((one) => one.name === name);
    if (there && !(await question.ask(fill(texts.join, { name }), { action: texts.ok }))) return;
    if (selected === old) choose(name);
    named.delete(old);
    model.send({ rename: old, to: name });
  }
  async function remove(name) {
    if (await question.ask(fill(texts.remove_one, { name }), { action: texts.remove })) { named.delete(name); model.send({ remove: name }); }
  }
  async function clearAll() {
    if (await question.ask(texts.remove_all, { action: texts.remove })) { named.clear(); model.send({ clear: true }); }
  }

  function onDrop(event, name = "") {
    event.preventDefault();
    event.stopPropagation(); // or the page would take it for an input
    zone.classList.remove("over");
    if (![...event.dataTransfer.items].some(({ kind }) => kind === "file")) return refuse(texts.no_file);
    gathered(event.dataTransfer).then((found) => takeAll(found, name));
  }
  const over = (event) => { event.preventDefault(); event.stopPropagation(); zone.classList.toggle("over", !event.target.closest?.(".class")); };
  const drags = { dragover: over, dragleave: () => zone.classList.remove("over"), drop: (event) => onDrop(event) };
  for (const [name, handler] of Object.entries(drags)) el.addEventListener(name, handler);

  function draw() {
    const classes = model.get("classes"), names = classes.map(({ name }) => name);
    if (!names.includes(selected) && (!selected || known.includes(selected))) selected = editable() ? names.at(-1) ?? "" : selected;
    if (editable()) known = names;
    rows.draw(classes, selected);
    capture.draw();
    total.textContent = model.get("total");
    from.textContent = model.get("source_text");
    from.hidden = editable();
    legend.hidden = !classes.some(({ validation }) => validation);
    back.hidden = editable() || !model.get("collected");
    clear.hidden = !editable() || !classes.length;
  }
  const stops = [
    follow(model, ["kind"], () => {
      const kind = model.get("kind"), [before, after] = texts.drop[kind].split("{button}");
      if (capture.opened()) capture.close();
      take.textContent = texts.capture[kind];
      invitation.replaceChildren(before, ...(after === undefined ? [] : [take, after]));
      files.accept = TYPES[kind];
    }),
    follow(model, ["classes", "total", "source", "source_text", "collected", "reading", "label"], draw),
    follow(model, ["classes", "source", "collected", "waiting"], () => {
      const held = model.get("collected") && (!editable() || model.get("classes").length || model.get("waiting"));
      document.documentElement.toggleAttribute(COLLECTED, Boolean(held));
    }),
    () => document.documentElement.removeAttribute(COLLECTED),
    follow(model, ["removed"], () => {
      undo.hidden = !model.get("removed");
      removed.textContent = model.get("removed");
    }),
    follow(model, ["notes", "copies_text", "left_out", "left_text"], () => {
      copies.textContent = model.get("copies_text");
      drawNotes([...model.get("notes"), ...(copies.textContent ? [copies] : [])]);
      notes.hidden = !notes.children.length;
      leftText.textContent = model.get("left_text");
      drawLeft(model.get("left_out"));
      leftOut.hidden = !left.children.length;
    }),
    send.stop, choice.stop, column.stop, rows.stop, cards.stop, capture.stop,
  ];
  return () => {
    stops.forEach((stop) => stop());
    for (const [name, handler] of Object.entries(drags)) el.removeEventListener(name, handler);
  };
}
export default { render };
