import { besideFigure } from "../base/beside_figure.js";
import { assign, follow, make, root } from "../base/dom.js";

function render({ model, el }) {
  root(el, "accuracy-chart");
  const texts = model.get("texts");
  const sides = ["parameters", "size"].map((one) => make("button", { value: one, onclick: () => assign(model, { across: one }) }, texts[one]));
  const step = make("span", { role: "status" });
  const wait = make("p", { class: "quiet wait" }, step, make("progress", { "aria-label": texts.title }));
  el.append(
    make("div", { class: "head" }, make("h2", {}, texts.title), make("span", { class: "segments", role: "group", "aria-label": texts.across }, ...sides)),
    make("p", { class: "quiet small" }, `${texts.hint} ${texts.left_out}`), wait);

  const leaveFigure = besideFigure(model, el, ".explorer.accuracy", () => { wait.hidden = true; });
  const tell = follow(model, ["step"], () => { step.textContent = model.get("step"); });
  const stop = follow(model, ["across"], () => {
    for (const side of sides) side.setAttribute("aria-pressed", String(side.value === model.get("across")));
  });
  return () => { stop(); tell(); leaveFigure(); };
}
export default { render };
