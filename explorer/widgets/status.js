function render({ model, el }) {
  root(el, "status-view");
  const words = model.get("words");
  const send = (wish) => () => { line.focus(); model.send({ [wish]: true }); };
  const dot = make("span", { class: "dot", "aria-hidden": "true" });
  const text = make("span", {});
  const bar = make("progress", { max: "1", value: "0", hidden: true, "aria-label": words.progress });
  const cancel = make("button", { hidden: true, onclick: send("cancel") }, words.cancel);
  const line = make("div", { class: "status", role: "status", tabindex: "-1" }, dot, text, bar, cancel);
  const asked = make("span", { class: "sentence" });
  const question = make("div", { class: "question", role: "alertdialog", "aria-label": words.download }, asked,
    make("span", { class: "choices" }, make("button", { class: "main", onclick: send("download") }, words.download),
      make("button", { onclick: send("random") }, words.random), make("button", { onclick: send("decline") }, words.decline)));
  const sentence = make("span", { class: "sentence" });
  const failure = make("div", { class: "failure", role: "alert" }, sentence, make("button", { onclick: send("dismiss") }, words.dismiss));
  el.append(line, question, failure);
  return follow(model, ["text", "busy", "failure", "fraction", "cancellable", "question"], () => {
    text.textContent = model.get("text");
    line.classList.toggle("busy", model.get("busy"));
    bar.hidden = model.get("fraction") < 0;
    if (!bar.hidden) bar.value = model.get("fraction");
    cancel.hidden = !model.get("cancellable");
    question.hidden = !model.get("question");
    asked.textContent = model.get("question");
    failure.hidden = !model.get("failure");
    sentence.textContent = model.get("failure");
  });
}
export default { render };
