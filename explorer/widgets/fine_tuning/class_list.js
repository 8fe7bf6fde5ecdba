import { make, showBytes } from "../base/dom.js";

// Used by dataset.js: the classes, and questions about them.

// The rows of the classes: one at a time is selected, which new examples go to, and shows what can be done with it.
export function classRows(texts, todo, cards) {
  const rows = new Map(); // by name
  const list = make("div", { class: "classes", role: "group", "aria-label": texts.classes });
  const bar = (name) => make("i", { class: name });

  function made(name) {
    const picture = make("img", { alt: "" }), number = make("span", { class: "quiet number", "aria-hidden": "true" }), spoken = make("span", { class: "unseen" });
    const bars = make("span", { class: "bars", "aria-hidden": "true" }, bar("training"), bar("held"));
    const pick = make("button", { class: "pick", onclick: () => todo.select(name) }, make("span", { class: "thumb" }, picture), make("b", { "aria-hidden": "true" }, name), number, bars, spoken);
    const act = (text, run) => make("button", { "aria-label": `${text} ${name}`, onclick: run }, text);
    const look = make("button", { onclick: () => todo.look(name) });
    const changes = [act(texts.add_files, () => todo.browse(name)), act(texts.rename, () => todo.rename(name)), act(texts.remove, () => todo.remove(name))];
    const actions = make("div", { class: "actions" }, look, ...changes);
    const row = make("div", { class: "class" }, pick, actions);
    row.addEventListener("dragover", () => row.classList.add("over"));
    for (const event of ["dragleave", "drop"]) row.addEventListener(event, () => row.classList.remove("over"));
    row.addEventListener("drop", (event) => { if (todo.editable()) todo.drop(event, name); });
    return { row, pick, picture, number, spoken, bars: bars.children, actions, look, changes, shown: null };
  }
  function draw(classes, selected) {
    const most = Math.max(1, ...classes.map(({ training, validation }) => training + validation));
    const names = new Set(classes.map(({ name }) => name));
    for (const name of [...rows.keys()]) if (!names.has(name)) { rows.get(name).row.remove(); showBytes(rows.get(name).picture); rows.delete(name); }
    classes.forEach(({ name, training, validation, text, picture }, place) => {
      if (!rows.has(name)) rows.set(name, made(name));
      const one = rows.get(name);
      if (list.children[place] !== one.row) list.insertBefore(one.row, list.children[place] || null);
      if (one.shown !== picture) showBytes(one.picture, picture);
      one.shown = picture;
      one.number.textContent = (training + validation).toLocaleString("en");
      one.pick.title = text;
      one.spoken.textContent = `${name}, ${text}`;
      one.pick.setAttribute("aria-pressed", String(name === selected));
      one.actions.hidden = name !== selected;
      for (const button of one.changes) button.hidden = !todo.editable();
      one.look.hidden = !(training + validation);
      one.look.textContent = todo.looked();
      one.look.setAttribute("aria-label", `${todo.looked()} ${name}`);
      one.look.setAttribute("aria-expanded", String(name === todo.label()));
      if (name !== todo.label()) { if (one.row.contains(cards)) cards.remove(); } else if (!one.row.contains(cards)) one.row.append(cards);
      [training, validation].forEach((number, which) => { one.bars[which].style.width = `${(100 * number) / most}%`; });
    });
    list.hidden = !classes.length;
  }
  return { list, draw, focus: (name) => rows.get(name)?.pick.focus(), stop: () => rows.forEach(({ picture }) => showBytes(picture)) };
}

// One question at a time, where it is asked: for a name, which of some, or whether something is to be removed. Another one waits for its answer.
export function asker(texts) {
  /** @type {((value: any) => void) | null} */
  let answer = null;
  /** @type {any} */
  let back = null; // what had the focus before
  let last = /** @type {Promise<any>} */ (Promise.resolve());
  const text = make("label", {}), field = make("input", { type: "text", maxlength: "100", spellcheck: "false" });
  const choice = make("select", { onchange: () => { typed(!choice.value); if (!field.hidden) field.focus(); } });
  const yes = make("button", { class: "main", type: "submit" });
  const form = make("form", { class: "ask", hidden: true, onsubmit: (event) => { event.preventDefault(); end(true); } },
    text, make("div", { class: "line" }, choice, field, yes, make("button", { type: "button", onclick: () => end(false) }, texts.cancel)));
  form.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); end(false); } });
  const id = `explorer-${Math.random().toString(36).slice(2)}`;
  [field.id, choice.id] = [`${id}-name`, `${id}-choice`];

  // Whether a name is to be typed; the browser says so where it is missing.
  function typed(wanted) { field.hidden = !wanted; field.required = wanted; }
  function end(agreed) {
    const value = field.hidden ? choice.value : field.value.trim();
    if (!answer || (agreed && !field.hidden && !value)) return;
    const settle = answer;
    answer = null;
    form.hidden = true;
    back?.isConnected ? back.focus() : null;
    settle(agreed ? value || true : null);
  }
  // Resolves with the name that was typed or chosen (or true, where there is nothing to type), or null. `choices` are names, a new one beside them.
  function ask(question, options) {
    if (answer) (choice.hidden ? field : choice).focus();
    last = last.then(() => new Promise((resolve) => open(question, options, resolve)));
    return last;
  }
  function open(question, { value = null, action, choices = [], chosen = "" }, resolve) {
    back = document.activeElement;
    text.textContent = question;
    choice.hidden = !choices.length;
    choice.replaceChildren(...choices.map((name) => make("option", { value: name }, name)), make("option", { value: "" }, texts.new_class));
    choice.value = chosen;
    text.htmlFor = choice.hidden ? field.id : choice.id;
    field.toggleAttribute("aria-label", false);
    if (!choice.hidden) field.setAttribute("aria-label", texts.name);
    typed(value !== null && (choice.hidden || !chosen));
    field.value = value ?? "";
    yes.textContent = action;
    form.hidden = false;
    (choice.hidden ? (field.hidden ? yes : field) : choice).focus();
    if (choice.hidden) field.select();
    answer = resolve;
  }
  return { form, ask, say: (question) => { text.textContent = question; } };
}
