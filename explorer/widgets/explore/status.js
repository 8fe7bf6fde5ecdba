import { follow, make, root } from "../base/dom.js";
import { onTheme } from "../base/theme.js";

const EVERY = 10_000, PATIENCE = 3; // milliseconds between two signs of life that are asked for, and how many may stay away

// Ask Python for signs of life; call `lost` with whether they stay away. Returns what stops it.
function heartbeat(model, lost) {
  let missed = 0;
  const answer = (message) => { if (message.pong) { missed = 0; lost(false); } };
  const timer = setInterval(() => {
    lost(missed >= PATIENCE);
    missed += 1;
    try {
      model.send({ ping: true });
    } catch { /* it was let go, as by a page that is about to be another: it stays away */ }
  }, EVERY);
  model.on("msg:custom", answer);
  return () => { clearInterval(timer); model.off("msg:custom", answer); };
}

/** @type {{ isDark: () => boolean, turn: (dark: boolean) => void } | undefined} */
const theme = Reflect.get(window, "explorerTheme"); // a page of explorer's own has it; elsewhere the host has a switch

function render({ model, el }) {
  root(el, "status-view");
  const texts = model.get("texts");
  const send = (wish) => () => { line.focus(); model.send({ [wish]: true }); };
  const dot = make("span", { class: "dot", "aria-hidden": "true" });
  const text = make("span", {});
  const bar = make("progress", { max: "1", value: "0", hidden: true, "aria-label": texts.progress });
  const cancel = make("button", { hidden: true, onclick: send("cancel") }, texts.cancel);
  const line = make("div", { class: "status", role: "status", tabindex: "-1" }, dot, text, bar, cancel);
  const asked = make("span", { class: "sentence" });
  const question = make("div", { class: "question", role: "alertdialog", "aria-label": texts.download }, asked,
    make("span", { class: "choices" }, make("button", { class: "main", onclick: send("download") }, texts.download),
      make("button", { onclick: send("random") }, texts.random), make("button", { onclick: send("decline") }, texts.decline)));
  const sentence = make("span", { class: "sentence" });
  const failure = make("div", { class: "failure", role: "alert" }, sentence, make("button", { onclick: send("dismiss") }, texts.dismiss));
  const gone = make("div", { class: "failure lost", role: "alert", hidden: true }, make("span", { class: "sentence" }, texts.lost));
  const turn = make("button", { class: "turn", onclick: () => { theme?.turn(!theme.isDark()); sayTheme(); } }, texts.dark);
  const sayTheme = () => { turn.setAttribute("aria-pressed", String(Boolean(theme?.isDark()))); };
  turn.hidden = !theme;
  sayTheme();
  el.append(line, turn, question, failure, gone);
  const stop = heartbeat(model, (lost) => { gone.hidden = !lost; });
  const unfollow = follow(model, ["text", "busy", "training", "silent", "error_message", "fraction", "cancellable", "question"], () => {
    line.setAttribute("aria-live", model.get("training") ? "off" : "polite");
    text.textContent = model.get("text");
    line.classList.toggle("busy", model.get("busy"));
    line.classList.toggle("silent", model.get("silent"));
    bar.hidden = model.get("fraction") < 0;
    if (!bar.hidden) bar.value = model.get("fraction");
    cancel.hidden = !model.get("cancellable");
    question.hidden = !model.get("question");
    asked.textContent = model.get("question");
    failure.hidden = !model.get("error_message");
    sentence.textContent = model.get("error_message");
  });
  const untheme = onTheme(el, sayTheme);
  return () => { stop(); unfollow(); untheme(); };
}
export default { render };
