import { follow, make, root, showValue } from "../base/dom.js";
import { fill } from "../base/text.js";

// The fields of the form, by name: each an input that sends what is set in it, and the sentence that says why it was not taken.
function formOf(model) {
  const id = `explorer-${Math.random().toString(36).slice(2)}`;
  const fields = new Map();

  function input({ name, kind, choices, label }, named = true) {
    const send = () => model.send({ field: name, value: kind === "switch" ? control.checked : control.value });
    const naming = { "aria-label": named ? null : label, onchange: send };
    const control = kind === "choice"
      ? make("select", naming, ...choices.map(([value, text]) => make("option", { value }, text)))
      : make("input", { ...naming, ...(kind === "switch" ? { type: "checkbox" } : { type: "text", inputmode: "decimal", spellcheck: "false", autocomplete: "off" }) });
    const problem = make("p", { class: "problem", role: "alert", id: `${id}-${name}`, hidden: true });
    fields.set(name, { control, problem, kind, boxes: [] });
    return fields.get(name);
  }
  // A field with its label before it, and what there is to know of it behind.
  function line(field) {
    const { control, problem, boxes, kind } = input(field);
    const about = field.about ? make("span", { class: "quiet about", id: `${id}-about-${field.name}` }, field.about) : "";
    if (about) control.setAttribute("aria-describedby", about.id);
    const label = make("label", {}, ...(kind === "switch" ? [control, make("span", {}, field.label)] : [make("span", {}, field.label), control]));
    const box = make("div", { class: `field ${kind}` }, label, about, problem);
    boxes.push(box);
    return box;
  }
  // A choice whose value is not among its options, set in Python, gets one more.
  function show({ control, kind }, value) {
    if (kind === "switch") control.checked = value;
    else if (kind === "choice" && ![...control.options].some((one) => one.value === value)) control.append(make("option", { value }, value));
    if (kind !== "switch") showValue(control, value);
  }
  function draw() {
    const values = model.get("values"), problems = model.get("problems"), hidden = new Set(model.get("hidden"));
    for (const [name, field] of fields) {
      const { control, problem, boxes } = field;
      const said = problems[name] ?? "";
      if (!said && name in values) show(field, values[name]);
      problem.textContent = said;
      problem.hidden = !said || hidden.has(name);
      control.toggleAttribute("aria-invalid", Boolean(said));
      if (said) control.setAttribute("aria-errormessage", problem.id); else control.removeAttribute("aria-errormessage");
      for (const box of boxes) box.hidden = hidden.has(name);
    }
  }
  return { input, line, draw, forget: (names) => names.forEach((name) => fields.delete(name)) };
}

// The phases: a column each.
function phaseTable(model, texts, form) {
  const table = make("table", {});
  let names = [];
  function build() {
    const columns = model.get("columns");
    if (table.dataset.count === String(columns.length)) return say(columns);
    table.dataset.count = columns.length;
    form.forget(names);
    names = [];
    const rows = texts.rows.flatMap((row) => {
      const cells = columns.map(([phase], place) => {
        const name = `phases.${place}.${row.name}`;
        names.push(name);
        return form.input({ ...row, name, label: fill(texts.of, { field: row.label, phase }) }, false);
      });
      const tds = cells.map(({ control, boxes }) => { boxes.push(control); return make("td", {}, control); });
      const said = make("tr", { class: "said" }, make("td", { colspan: columns.length + 1 }, ...cells.map(({ problem }) => problem)));
      return [make("tr", {}, make("th", { scope: "row" }, row.label), ...tds), said];
    });
    const heads = columns.map(() => make("th", { scope: "col" }));
    const trains = columns.map(() => make("td", {}));
    table.replaceChildren(
      make("thead", {}, make("tr", {}, make("td", {}), ...heads)),
      make("tbody", {}, make("tr", { class: "trains" }, make("th", { scope: "row" }, texts.trains), ...trains), ...rows));
    say(columns);
  }
  function say(columns) {
    const heads = table.querySelectorAll("thead th"), trains = table.querySelectorAll(".trains td");
    columns.forEach(([phase, what], place) => {
      heads[place].textContent = phase;
      trains[place].textContent = what;
    });
  }
  // A row in which no phase has the field goes; the sentences below it too.
  function tidy() {
    for (const row of table.querySelectorAll("tbody tr:not(.trains)")) {
      row.hidden = [...row.querySelectorAll("input, select, .problem")].every((one) => one.hidden);
    }
  }
  return { table, build, tidy };
}

// Callbacks: chips that switch them on, and the numbers of those that are.
function callbackChips(model, texts, form) {
  const chips = texts.callbacks.map(({ name, label, about }) =>
    make("button", { class: "chip", title: about, onclick: () => model.send({ field: name, value: !model.get("values")[name] }) }, label));
  const more = make("button", { class: "chip", onclick: () => { open = !open; draw(); } });
  const options = texts.callbacks.map(({ label, fields, about }) =>
    make("div", { class: "options" }, make("b", {}, label), make("span", { class: "quiet about" }, about), ...fields.map(form.line)));
  const problems = texts.callbacks.map(({ name }) => form.input({ name, kind: "switch" }).problem); // a chip has no field of its own
  let open = false;
  function draw() {
    texts.callbacks.forEach(({ name, fields }, place) => {
      const on = Boolean(model.get("values")[name]);
      chips[place].setAttribute("aria-pressed", String(on));
      chips[place].hidden = place >= texts.first && !open && !on;
      options[place].hidden = !on || !fields.length;
    });
    more.textContent = open ? texts.fewer : texts.more;
    more.setAttribute("aria-expanded", String(open));
  }
  return { elements: [make("div", { class: "chips" }, ...chips, more), ...problems, ...options], draw };
}

function render({ model, el }) {
  root(el, "recipe-view");
  const texts = model.get("texts");
  const form = formOf(model);
  const phases = phaseTable(model, texts, form);
  const chips = callbackChips(model, texts, form);
  const own = make("option", { value: "", disabled: true }, texts.own);
  const preset = make("select", { class: "preset", "aria-label": texts.preset, onchange: () => model.send({ preset: preset.value }) },
    own, ...texts.presets.map(([value, text]) => make("option", { value }, text)));
  const cost = make("p", { class: "quiet cost", role: "status" });
  const group = ([title, fields], place) => make("details", {}, make("summary", {}, title), make("div", { class: "fields" }, ...fields.map(form.line)), ...(place === 1 ? [cost] : []));
  const groups = texts.groups.map(group);
  const mistakes = make("details", { class: "mistakes" }, make("summary", {}, texts.mistakes), make("p", { class: "quiet" }, texts.mistakes_about),
    make("div", { class: "fields" }, ...texts.mistake.map(form.line)));
  el.append(make("div", { class: "head" }, make("h2", {}, texts.title), preset), make("div", { class: "wide" }, phases.table), ...chips.elements, ...groups, mistakes);

  // A group whose fields all are hidden goes as a whole.
  const tidy = () => {
    phases.tidy();
    for (const box of groups) box.hidden = [...box.querySelectorAll(".field")].every((field) => field.hidden);
    mistakes.classList.toggle("made", Boolean(mistakes.querySelector(":checked")));
  };
  const stops = [
    follow(model, ["columns"], phases.build),
    follow(model, ["values", "hidden", "problems", "columns"], () => { form.draw(); chips.draw(); tidy(); }),
    follow(model, ["preset"], () => {
      own.hidden = Boolean(model.get("preset"));
      preset.value = model.get("preset");
    }),
    follow(model, ["cost"], () => {
      cost.textContent = model.get("cost");
      cost.hidden = !cost.textContent;
    }),
  ];
  return () => stops.forEach((stop) => stop());
}
export default { render };
