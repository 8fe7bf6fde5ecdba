function render({ model, el }) {
  root(el, "status-view");
  const words = model.get("words");
  const dot = make("span", { class: "dot", "aria-hidden": "true" });
  const text = make("span", {});
  const line = make("div", { class: "status", role: "status", tabindex: "-1" }, dot, text);
  const sentence = make("span", { class: "sentence" });
  const dismiss = make("button", { onclick: () => { line.focus(); model.send({ dismiss: true }); } }, words.dismiss);
  const failure = make("div", { class: "failure", role: "alert" }, sentence, dismiss);
  el.append(line, failure);
  return follow(model, ["text", "busy", "failure"], () => {
    text.textContent = model.get("text");
    line.classList.toggle("busy", model.get("busy"));
    failure.hidden = !model.get("failure");
    sentence.textContent = model.get("failure");
  });
}
export default { render };
