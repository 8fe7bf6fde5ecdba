function render({ model, el }) {
  root(el, "answers");
  const words = model.get("words");
  const top = make("input", { type: "number", min: "1", step: "1", "aria-label": words.top_label, onchange: () => {
    const wish = Number(top.value);
    if (top.value && Number.isSafeInteger(wish) && Math.abs(wish) < 1e9) assign(model, { top: wish });
    top.value = model.get("top");
  } });
  const list = make("ol", { "aria-label": words.title });
  const empty = make("p", { class: "quiet" }, words.empty);
  el.append(make("div", { class: "head" }, make("h2", {}, words.title), make("label", { class: "quiet" }, words.top, " ", top)), list, empty);

  const percent = (score) => fill(words.percent, { number: (score * 100).toFixed(1) });
  const bar = (answer, kind) => {
    const inner = make("u");
    inner.style.width = `${Math.max(0, Math.min(1, answer.score)) * 100}%`;
    return make("li", { class: kind }, make("span", { class: "label" }, answer.label), make("span", { class: "number" }, percent(answer.score)), make("i", { "aria-hidden": "true" }, inner));
  };
  return follow(model, ["answers", "others", "top", "classes"], () => {
    const answers = model.get("answers");
    const others = model.get("others");
    top.value = model.get("top");
    top.max = model.get("classes") || "";
    empty.hidden = answers.length > 0;
    list.replaceChildren(...answers.map((answer, index) => bar(answer, index ? "" : "first")), ...(others ? [bar(others, "rest")] : []));
  });
}
export default { render };
