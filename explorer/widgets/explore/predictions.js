import { assign, follow, make, root, showValue } from "../base/dom.js";

function render({ model, el }) {
  root(el, "answers");
  const texts = model.get("texts");
  const top = make("input", { type: "number", min: "1", step: "1", "aria-label": texts.top_label, onchange: () => {
    const wish = Number(top.value);
    if (top.value && Number.isSafeInteger(wish) && Math.abs(wish) < 1e9) assign(model, { top: wish });
    top.value = model.get("top");
  } });
  const list = make("ol", { "aria-label": texts.title });
  const about = make("p", { class: "quiet" });
  const output = make("select", { "aria-label": texts.output, onchange: () => assign(model, { output: output.selectedIndex }) });
  const count = make("label", { class: "quiet" }, texts.top, " ", top);
  el.append(make("div", { class: "head" }, make("h2", {}, texts.title), count, output), list, about);

  const bar = (answer, kind) => {
    const inner = make("u");
    inner.style.width = `${Math.max(0, Math.min(1, answer.share)) * 100}%`;
    return make("li", { class: kind }, make("span", { class: "label" }, answer.label), make("span", { class: "number" }, answer.text), make("i", { "aria-hidden": "true" }, inner));
  };
  return follow(model, ["predictions", "others", "top", "classes", "about", "outputs", "output"], () => {
    const answers = model.get("predictions");
    const others = model.get("others");
    showValue(top, model.get("top"));
    top.max = model.get("classes") || "";
    count.hidden = !model.get("classes");
    about.textContent = model.get("about");
    about.hidden = !about.textContent;
    output.hidden = !model.get("outputs").length;
    output.replaceChildren(...model.get("outputs").map((name) => make("option", {}, name)));
    output.selectedIndex = model.get("output");
    list.replaceChildren(...answers.map((answer, index) => bar(answer, answer.below ? "rest" : index ? "" : "first")), ...(others ? [bar(others, "rest")] : []));
  });
}
export default { render };
