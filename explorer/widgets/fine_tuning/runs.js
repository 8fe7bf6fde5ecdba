import { follow, lister, make, root } from "../base/dom.js";
import { saveFiles } from "../base/files.js";
import { fill } from "../base/text.js";

// The table of runs: a row each, with what can be done with it; deleting is asked about in its place, once, and twice where a run trains.
function runTable(model, texts) {
  const id = `explorer-${Math.random().toString(36).slice(2)}`;
  const body = make("tbody", { role: "rowgroup" });
  let asking = "", answered = false; // the key of the run that may be deleted, and whether the first question was

  const action = (row, name, text) => make("button", { class: "link", "data-action": name, "aria-label": fill(texts.of, { action: text, run: `${row.start}, ${row.about}` }),
    onclick: () => model.send({ [name]: row.key }) }, text);
  function sure(row) {
    const keep = make("button", { class: "link", "data-action": "keep", onclick: () => { ask(""); focusOn(row.key, "delete"); } }, texts.no);
    const question = row.going && answered ? texts.going : texts.sure;
    const yes = make("button", { class: "link bad", "data-action": "sure", onclick: () => {
      if (row.going && !answered) return ask(row.key, true);
      ask("");
      return model.send({ delete: row.key });
    } }, row.going && answered ? texts.end : texts.yes);
    return make("span", { class: "actions", role: "group", "aria-label": question,
      onkeydown: (event) => { if (event.key === "Escape") keep.click(); } }, make("span", { class: "quiet" }, question), yes, keep);
  }
  function actions(row) {
    if (row.key === asking) return sure(row);
    const again = action(row, "again", texts.again), remove = action(row, "delete", texts.delete);
    remove.addEventListener("click", (event) => { event.stopImmediatePropagation(); ask(row.key); }, { capture: true });
    return make("span", { class: "actions" }, row.shown ? make("span", { class: "quiet" }, texts.shown) : action(row, "show", texts.show), again, remove);
  }
  // What the actions depend on.
  const stage = (row) => JSON.stringify([row.start, row.about, ...(row.key === asking ? ["asked", answered, row.going] : [row.shown])]);
  // A score and its interval, each of which stays on one line.
  function score({ score: said, interval, going }) {
    const parts = said.split(/ (?=\()/).flatMap((part) => [make("span", { class: "part" }, part), " "]);
    return make("div", {}, make("span", { title: interval, class: going ? "quiet" : "" }, ...parts), interval ? make("span", { class: "unseen" }, ` ${interval}`) : "");
  }
  const cell = (name) => make("td", { role: "cell", class: name });
  // A run's row, and what shows in it what the run has come to since.
  function line({ key }) {
    const start = make("b"), about = make("span", { class: "quiet" }), time = cell("time"), state = cell("state"), scored = cell("score"), todo = cell("do");
    const element = make("tr", { role: "row", "data-key": key }, make("th", { scope: "row", role: "rowheader" }, start, about), scored, time, state, todo);
    const drawScore = lister(scored, score, (row) => JSON.stringify([row.score, row.interval, row.going])), drawActions = lister(todo, actions, stage);
    element.show = (row) => {
      element.className = row.key === asking ? "asked" : row.shown ? "shown" : "";
      element.ariaCurrent = row.shown ? "true" : null;
      todo.colSpan = row.key === asking ? 4 : 1; // a question has the room of what is known of the run
      state.className = `state${row.failed ? " failed" : row.going ? " going" : ""}`;
      for (const [one, text] of [[start, row.start], [about, row.about], [time, row.time], [state, row.state]]) if (one.textContent !== text) one.textContent = text;
      drawScore([row]);
      drawActions([row]);
      for (const again of todo.querySelectorAll("[data-action=again]")) again.disabled = model.get("busy");
    };
    return element;
  }
  const focusOn = (key, name) => body.querySelector(`[data-key="${key}"] [data-action="${name}"]`)?.focus();
  function ask(key, again = false) {
    [asking, answered] = [key, again];
    draw();
    if (key) body.querySelector(`[data-key="${key}"] .actions button:last-child`)?.focus();
  }
  const drawLines = lister(body, line, ({ key }) => key);
  // The button that has the focus keeps it where another stands in its place.
  function draw() {
    const focused = document.activeElement;
    const at = focused instanceof HTMLElement && body.contains(focused) ? focused : null;
    const key = at?.closest("tr")?.dataset.key, name = at?.dataset.action;
    const rows = model.get("rows");
    drawLines(rows);
    [...body.children].forEach((element, place) => element.show(rows[place]));
    if (name && !at.isConnected) focusOn(key, name);
  }
  const heads = texts.columns.map((text, place) => make("th", { scope: "col", role: "columnheader" }, place === texts.columns.length - 1 ? make("span", { class: "unseen" }, text) : text));
  const title = make("h2", { id }, texts.title);
  const table = make("table", { role: "table", "aria-labelledby": id }, make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...heads)), body);
  return { title, table, draw };
}

function render({ model, el }) {
  root(el, "runs-view");
  const texts = model.get("texts");
  const { title, table, draw } = runTable(model, texts);
  const none = make("p", { class: "quiet" }, texts.none);
  const buttons = Object.entries(texts.takes).map(([what, text]) => make("button", { value: what, onclick: () => model.send({ take: what }) }, text));
  const bar = make("progress", { max: "1", value: "0", hidden: true, "aria-label": texts.transfer });
  const chosen = make("span", { class: "quiet" });
  const line = make("code");
  const takeNone = make("p", { class: "quiet" }, texts.take_none);
  const take = make("div", {}, make("div", { class: "row" }, ...buttons), bar, make("p", { class: "about quiet" }, texts.take_about), make("div", { class: "line", tabindex: "0", role: "region", "aria-label": texts.line }, line));
  el.append(make("div", { class: "parts" },
    make("section", {}, make("div", { class: "head" }, title), none, make("div", { class: "all" }, table)),
    make("section", {}, make("div", { class: "head" }, make("h2", {}, texts.take), chosen), takeNone, take)));

  const stops = [
    follow(model, ["rows", "busy"], () => {
      draw();
      table.hidden = !model.get("rows").length;
      none.hidden = !table.hidden;
    }),
    follow(model, ["chosen", "line", "barred"], () => {
      take.hidden = !model.get("chosen");
      takeNone.hidden = !take.hidden;
      chosen.textContent = model.get("chosen");
      line.textContent = model.get("line");
      for (const button of buttons) {
        button.disabled = model.get("barred").includes(button.value);
        button.title = button.disabled ? texts.barred : "";
      }
    }),
    saveFiles(model, (done) => { bar.hidden = done >= 1; bar.value = done; }),
  ];
  return () => stops.forEach((stop) => stop());
}
export default { render };
