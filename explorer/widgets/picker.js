function render({ model, el }) {
  root(el, "picker");
  const words = model.get("words");
  const columns = ["accuracy", "parameters", "depth", "year", "weights"];
  const id = `explorer-${Math.random().toString(36).slice(2)}`;
  const name = make("b");
  const summary = make("span", { class: "quiet" });
  const button = make("button", { class: "pick", "aria-haspopup": "listbox", "aria-expanded": "false", onclick: () => (list.hidden ? open() : close()) },
    make("span", { class: "unseen" }, `${words.label}: `), name, summary, make("span", { class: "arrow", "aria-hidden": "true" }, "▾"));
  const options = make("div", { role: "listbox", id, tabindex: "0", "aria-label": words.label });
  const titles = make("div", { class: "row titles", "aria-hidden": "true" }, make("span", {}, words.name), ...columns.map((one) => make("span", {}, words[one])));
  const list = make("div", { class: "list", onkeydown: onKey, onpointerdown: (event) => event.preventDefault() }, titles, options, make("p", { class: "hint quiet" }, words.hint));
  list.hidden = true;
  el.append(button, list);

  let active = 0;
  const rows = () => model.get("rows");

  function open() {
    active = Math.max(0, rows().findIndex((row) => row.name === (model.get("opening") || model.get("chosen"))));
    list.hidden = false;
    button.setAttribute("aria-expanded", "true");
    point();
    options.focus();
  }
  function close() {
    list.hidden = true;
    button.setAttribute("aria-expanded", "false");
  }
  function choose(index) {
    close();
    button.focus();
    model.send({ open: rows()[index].name });
  }
  function point() {
    [...options.children].forEach((option, index) => option.classList.toggle("active", index === active));
    options.setAttribute("aria-activedescendant", `${id}-${active}`);
    options.children[active]?.scrollIntoView({ block: "nearest" });
  }
  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const last = rows().length - 1;
    const steps = { ArrowDown: Math.min(active + 1, last), ArrowUp: Math.max(active - 1, 0), Home: 0, End: last };
    if (event.key in steps) active = steps[event.key];
    else if (event.key === "Enter" || event.key === " ") choose(active);
    else if (event.key === "Escape") { close(); button.focus(); }
    else if (event.key.length === 1) {
      const starts = (row) => row.name.toLowerCase().startsWith(event.key.toLowerCase());
      const next = rows().findIndex((row, index) => index > active && starts(row));
      active = next >= 0 ? next : Math.max(rows().findIndex(starts), 0);
    } else return;
    event.preventDefault();
    event.stopPropagation();
    point();
  }
  const outside = (event) => { if (!el.contains(event.target)) close(); };
  document.addEventListener("pointerdown", outside);
  el.addEventListener("focusout", (event) => { if (event.relatedTarget && !el.contains(event.relatedTarget)) close(); });

  const stop = follow(model, ["rows", "chosen", "opening"], () => {
    const shown = rows().find((row) => row.name === (model.get("opening") || model.get("chosen")));
    name.textContent = shown ? shown.name : words.none;
    summary.textContent = shown ? shown.summary : "";
    options.replaceChildren(...rows().map((row, index) =>
      make("div", { class: "row", role: "option", id: `${id}-${index}`, title: row.paper, "aria-selected": String(row.name === model.get("chosen")), onclick: () => choose(index), onpointermove: () => { active = index; point(); } },
        make("b", {}, row.name), ...columns.map((one) => make("span", { class: "quiet number" }, row[one])))));
    if (!list.hidden) point();
  });
  return () => { stop(); document.removeEventListener("pointerdown", outside); };
}
export default { render };
