import { besideFigure } from "../base/beside_figure.js";
import { follow, lister, make, root } from "../base/dom.js";

const RUN = "run"; // in the page's address
const OWN = "explorer-runs", MOST = 100; // the keys of this browser's own runs, the newest last, and how many are kept

// The run that the page's address names, and a way to name another one. Only a page of its own has an address to write into:
// in JupyterLab it belongs to the workspace.
const ownPage = () => document.getElementById("rendered_cells") !== null;
const named = () => (ownPage() && new URL(location.href).searchParams.get(RUN)) || "";
function name(key) {
  if (!ownPage() || named() === key) return;
  const address = new URL(location.href);
  if (key) address.searchParams.set(RUN, key); else address.searchParams.delete(RUN);
  history.replaceState(history.state, "", address);
}


// The runs that were started or opened in this browser: nobody can guess their keys, so a page that knows them may list them.
function own(change = (keys) => keys) {
  if (!ownPage()) return [];
  try {
    const keys = change(JSON.parse(localStorage.getItem(OWN) || "[]")).slice(-MOST);
    localStorage.setItem(OWN, JSON.stringify(keys));
    return keys;
  } catch { /* the browser keeps nothing for this page */ }
  return [];
}
const without = (key) => (keys) => keys.filter((one) => one !== key);
function remember(key) {
  name(key);
  if (key) own((keys) => [...without(key)(keys), key]);
}

function render({ model, el }) {
  root(el, "training-bar");
  const texts = model.get("texts");
  const button = (text, message, kind = "") => make("button", { class: kind, onclick: () => model.send({ [message]: true }) }, text);
  const train = button(texts.train, "train", "main"), stop = button(texts.stop, "stop"), goOn = button(texts.resume, "resume");
  const bar = make("progress", { max: "1", "aria-label": texts.progress });
  const said = make("span", { class: "said number", role: "status" });
  const why = make("p", { class: "quiet", id: `explorer-${Math.random().toString(36).slice(2)}` });
  const failure = make("p", { class: "failure", role: "alert" });
  const quiet = make("span", {});
  const silent = make("div", { class: "silent", role: "alert" }, quiet, button(texts.kill, "kill"));
  const notices = make("ul", { class: "notices", "aria-live": "polite" });
  const none = make("p", { class: "quiet none" }, texts.none);
  const wait = make("p", { class: "quiet none", role: "status", hidden: true }, texts.wait);
  const legend = make("span", { class: "legend", "aria-hidden": "true" },
    make("span", { class: "held-out" }, texts.held_out), make("span", { class: "training" }, texts.training));
  const body = make("tbody");
  const table = make("div", { class: "unseen" }, make("table", {}, make("caption", {}, texts.table),
    make("thead", {}, make("tr", {}, ...texts.columns.map((text) => make("th", { scope: "col" }, text)))), body));
  const drawRows = lister(body, (row) => make("tr", {}, ...row.map((text) => make("td", {}, text))));
  const drawNotices = lister(notices, (text) => make("li", {}, text));
  train.setAttribute("aria-describedby", why.id);
  el.append(make("div", { class: "head" }, make("h2", {}, texts.title), make("div", { class: "row" }, train, stop, goOn, bar, said)),
    why, silent, failure, notices, none, wait, legend, table);

  const leaveFigure = besideFigure(model, el, ".explorer.training", (figure) => {
    figure.setAttribute("aria-hidden", "true"); // those who don't see it have the table
    wait.hidden = true;
  });

  const stops = [
    follow(model, ["barred", "going", "stoppable", "resumable"], () => {
      const going = model.get("going");
      train.disabled = Boolean(model.get("barred"));
      stop.hidden = !going;
      stop.disabled = !model.get("stoppable");
      goOn.hidden = !model.get("resumable");
      why.textContent = going ? "" : model.get("barred");
      why.hidden = !why.textContent;
    }),
    follow(model, ["fraction", "said", "failed", "going"], () => {
      const failed = model.get("failed");
      bar.hidden = !model.get("going");
      if (model.get("fraction") >= 0) bar.value = model.get("fraction"); else bar.removeAttribute("value");
      said.setAttribute("aria-live", model.get("going") ? "off" : "polite");
      said.textContent = failed ? "" : model.get("said");
      failure.hidden = !failed;
      if (failed && failure.textContent !== model.get("said")) failure.textContent = model.get("said");
    }),
    follow(model, ["silent"], () => {
      silent.hidden = !model.get("silent");
      silent.setAttribute("aria-live", quiet.textContent ? "off" : "assertive"); // once, and not every few seconds
      quiet.textContent = model.get("silent");
    }),
    follow(model, ["notices"], () => {
      drawNotices(model.get("notices"));
      notices.hidden = !model.get("notices").length;
    }),
    follow(model, ["shown"], () => {
      none.hidden = model.get("shown");
      legend.hidden = !model.get("shown");
      wait.hidden = !model.get("shown") || model.get("drawn");
    }),
    follow(model, ["rows"], () => drawRows(model.get("rows"))),
  ];
  const onUnknown = ({ unknown }) => {
    if (!unknown) return;
    own(without(unknown));
    if (named() === unknown) name("");
  };
  model.on("msg:custom", onUnknown);
  if (!model.get("key") && named()) model.send({ run: named() });
  else remember(model.get("key"));
  if (own().length) model.send({ own: own() });
  const onKey = () => remember(model.get("key"));
  model.on("change:key", onKey);
  return () => {
    stops.forEach((end) => end());
    leaveFigure();
    model.off("msg:custom", onUnknown);
    model.off("change:key", onKey);
  };
}
export default { render };
