import { follow, make, root, showValue } from "../base/dom.js";
import { saveFiles, upload } from "../base/files.js";
import { fill } from "../base/text.js";

const newId = () => `explorer-${Math.random().toString(36).slice(2)}`;

function part(title, ...children) {
  const heading = make("h2", { id: newId() }, title);
  return make("section", { "aria-labelledby": heading.id }, heading, ...children);
}

// A list of terms and what they are, which follows a trait; `live` ones are read out when they change.
function pairs({ model, watch }, trait, live = false) {
  const list = make("dl", { class: "facts number", "aria-live": live ? "polite" : null });
  watch([trait], () => list.replaceChildren(...model.get(trait).flatMap(([term, text]) => [make("dt", {}, term), make("dd", {}, text)])));
  return list;
}

// How a model of the user's own reads pictures or sound, and what its classes are called.
function ownForm({ model, texts, watch }) {
  const automatic = make("option", { value: "" });
  const mode = make("select", {}, automatic, ...texts.preprocess_modes.map(([value, text]) => make("option", { value }, text)));
  const labels = make("textarea", { rows: "4", spellcheck: "false" });
  const reading = make("label", {}, texts.read_as, mode);
  const naming = make("label", {}, texts.labels, labels);
  const apply = make("button", { type: "submit" }, texts.apply);
  const refresh = make("button", { type: "button", onclick: () => model.send({ refresh: true }) }, texts.refresh);
  const submit = (event) => {
    event.preventDefault();
    model.send({ read_as: mode.value, labels: labels.value });
  };
  const form = make("form", { class: "stack", onsubmit: submit }, reading, naming, make("div", { class: "row" }, apply, refresh));
  watch(["drawn"], () => {
    form.hidden = !model.get("own");
    refresh.hidden = !model.get("live");
    reading.hidden = !model.get("picture");
    naming.hidden = !model.get("classes");
    apply.hidden = reading.hidden && naming.hidden;
    automatic.textContent = model.get("automatic");
    showValue(mode, model.get("read_as"));
    showValue(labels, model.get("labels"));
  });
  return form;
}

// One button for each file that the model can give.
function takeButtons({ model, texts, watch }) {
  const button = (label) => ([what, ending]) => {
    const one = make("button", { "aria-label": `${label} (${ending})`, onclick: () => model.send({ take: what }) }, ending);
    watch(["barred", "drawn"], () => {
      const barred = model.get("barred").includes(what);
      one.disabled = barred || !model.get("drawn");
      one.title = barred ? texts.barred : "";
    });
    return one;
  };
  const rows = texts.takes.map(([label, files]) => [make("dt", {}, label), make("dd", { class: "row" }, ...Object.entries(files).map(button(label)))]);
  return make("dl", { class: "facts takes" }, ...rows.flat());
}

// A bar that shows how far a transfer is, and what moves it (0 to 1).
function transferBar({ texts }) {
  const bar = make("progress", { max: "1", value: "0", hidden: true, "aria-label": texts.transfer });
  return [bar, (done) => { bar.hidden = done >= 1; bar.value = done; }];
}

// Returns a function for files on their way to Python, which go one after the other.
function sender({ model, texts }) {
  const refuse = (text, name) => model.send({ refuse: fill(text, { name }) });
  async function send(file, purpose, progress) {
    progress(0);
    try {
      await upload(model, file, file.name, progress, () => true, { purpose });
    } catch (error) {
      if (!error.said) refuse(texts.no_file, file.name);
      else if (error.message === "overtaken") refuse(texts.overtaken, file.name);
    }
    progress(1);
  }
  let before = Promise.resolve();
  return (file, purpose, progress) => {
    if (file.size > model.get("largest")) refuse(texts.too_large, file.name);
    else before = before.then(() => send(file, purpose, progress));
  };
}

// A button that sends a file, what stands beside it, and the bar below.
function fileButton(page, send, text, accept, purpose, ...beside) {
  const [bar, progress] = transferBar(page);
  const file = make("input", { type: "file", accept, hidden: true, onchange: () => { if (file.files[0]) send(file.files[0], purpose(), progress); file.value = ""; } });
  return [make("div", { class: "row" }, make("button", { onclick: () => file.click() }, text), file, ...beside), bar];
}

function pathForm({ model, texts }) {
  const path = make("input", { type: "text", placeholder: texts.path, "aria-label": texts.path, spellcheck: "false" });
  const submit = (event) => {
    event.preventDefault();
    if (path.value.trim()) model.send({ open: path.value });
  };
  return make("form", { class: "row", onsubmit: submit },
    path, make("button", { type: "submit" }, texts.open_button), make("span", { class: "quiet" }, texts.path_about));
}

function render({ model, el }) {
  root(el, "model-view");
  const texts = model.get("texts");
  const stops = [];
  const page = { model, texts, watch: (names, draw) => stops.push(follow(model, names, draw)) };
  const send = sender(page);
  const assumed = make("ul", { class: "notes" });
  const heldText = make("p", { class: "quiet number" });
  const dataText = make("span", { class: "quiet" });
  const byName = make("input", { type: "checkbox" });
  const [givenBar, given] = transferBar(page);
  const weights = fileButton(page, send, texts.weights_file, ".h5,.hdf5,.keras", () => (byName.checked ? "by_name" : "weights"),
    make("label", {}, byName, texts.by_name), make("span", { class: "quiet" }, texts.weights_about));
  const data = fileButton(page, send, texts.data_file, ".npz", () => "evaluate", dataText);

  const is = [part(texts.facts, pairs(page, "facts"), assumed, ownForm(page)), part(texts.node, pairs(page, "node"))];
  const does = [
    part(texts.take, takeButtons(page), givenBar),
    part(texts.weights, ...weights, pairs(page, "report", true)),
    part(texts.evaluate, ...data, pairs(page, "scores", true)),
    part(texts.open, pathForm(page)),
    part(texts.loaded_models, heldText, pairs(page, "loaded_models")),
  ];
  el.append(make("div", { class: "parts" }, make("div", {}, ...is), make("div", {}, ...does)));

  page.watch(["assumed"], () => assumed.replaceChildren(...model.get("assumed").map((text) => make("li", {}, text))));
  page.watch(["held_text", "data"], () => {
    heldText.textContent = model.get("held_text");
    dataText.textContent = model.get("data");
  });
  stops.push(saveFiles(model, given));
  return () => stops.forEach((stop) => stop());
}
export default { render };
