import { follow, make } from "../base/dom.js";

// Used by dataset.js: which column of a list holds the classes, where that has to be asked.

export function columnChoice(model, texts) {
  const columns = make("div", { class: "buttons" });
  const question = make("p", { id: "column-question" }, texts.column);
  const box = make("div", { class: "columns", role: "group", "aria-labelledby": "column-question" }, question, columns);
  const choose = (name) => model.send({ choose: model.get("source"), count: 0, column: name });
  const stop = follow(model, ["columns"], () => {
    const names = model.get("columns");
    columns.replaceChildren(...names.map((name) => make("button", { onclick: () => choose(name) }, name)));
    box.hidden = !names.length;
  });
  return { box, stop };
}
