function render({ model, el }) {
  root(el, "accuracy-chart");
  const texts = model.get("texts");
  const sides = ["parameters", "size"].map((one) => make("button", { value: one, onclick: () => assign(model, { across: one }) }, texts[one]));
  const step = make("span", { role: "status" });
  const wait = make("p", { class: "quiet wait" }, step, make("progress", { "aria-label": texts.title }));
  el.append(
    make("div", { class: "head" }, make("h2", {}, texts.title), make("span", { class: "segments", role: "group", "aria-label": texts.across }, ...sides)),
    make("p", { class: "quiet small" }, `${texts.hint} ${texts.left_out}`), wait);

  // The figure beside says when it is drawn; what Python would send it before is lost, so Python is told.
  const drawn = ({ detail }) => {
    if (!el.closest(".explorer.accuracy")?.contains(detail.element)) return;
    wait.hidden = true;
    assign(model, { drawn: true });
  };
  document.addEventListener("plotlywidget-after-render", drawn);
  const watcher = new ResizeObserver(() => {
    const width = Math.floor(el.clientWidth / 10) * 10;
    if (width && width !== model.get("width")) assign(model, { width }); // 0 while it is hidden
  });
  watcher.observe(el);
  const tell = follow(model, ["step"], () => { step.textContent = model.get("step"); });
  const stop = follow(model, ["across"], () => {
    for (const side of sides) side.setAttribute("aria-pressed", String(side.value === model.get("across")));
  });
  return () => { stop(); tell(); watcher.disconnect(); document.removeEventListener("plotlywidget-after-render", drawn); };
}
export default { render };
