import { follow, make, root } from "../base/dom.js";

function render({ model, el }) {
  root(el, "options-view");
  const texts = model.get("texts");
  const fields = make("div", { class: "fields" });
  const problem = make("p", { class: "problem", role: "alert" });
  const outlook = make("p", { class: "quiet" });
  const result = make("p", { class: "quiet number" });
  const build = make("button", { class: "main", type: "submit" }, texts.build);
  const form = make("form", { onsubmit: (event) => { event.preventDefault(); model.send({ chosen: chosen(), build: true }); }, onchange: () => model.send({ chosen: chosen() }) },
    fields, problem, outlook, make("div", { class: "row" }, build, make("button", { type: "button", onclick: () => model.send({ reset: true }) }, texts.reset)));
  const box = make("details", {}, make("summary", {}, texts.title, " ", result), form);
  el.append(box);

  const chosen = () => Object.fromEntries([...form.elements].filter((one) => one.name).map((one) => [one.name, one.value]));
  function field({ name, label, about, value, choices, least, step }) {
    const input = choices
      ? make("select", { name }, ...choices.map(([key, text]) => make("option", { value: key, selected: key === value }, text)))
      : make("input", { name, type: "number", value, min: least, step });
    return make("label", {}, make("span", { class: "name" }, label), input, make("span", { class: "quiet about" }, about));
  }
  return (() => {
    const stops = [
      follow(model, ["fields"], () => {
        fields.replaceChildren(...model.get("fields").map(field));
        el.hidden = !model.get("fields").length;
      }),
      follow(model, ["problem", "outlook", "result"], () => {
        problem.textContent = model.get("problem");
        problem.hidden = !problem.textContent;
        outlook.textContent = model.get("outlook");
        outlook.hidden = !outlook.textContent;
        result.textContent = model.get("result");
      }),
    ];
    return () => stops.forEach((stop) => stop());
  })();
}
export default { render };
