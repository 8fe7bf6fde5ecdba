import { follow, make } from "../base/dom.js";
import { INDEX } from "../base/layer_row.js";
import { destinations, meantBy } from "./layer_destinations.js";
import { fill } from "../base/text.js";

// Used by layer_strip.js: the field that finds a layer by its index, its name, a part of it, or the name of a block.

// The field and what it suggests below; `go` takes the place of the bar that is meant.
export function layerSearch(model, texts, go) {
  const id = `explorer-${Math.random().toString(36).slice(2)}`;
  let shown = [], active = 0;
  const field = make("input", { type: "text", role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false",
    placeholder: texts.go, "aria-label": texts.go, oninput: suggest, onkeydown: onKey, onblur: close });
  const options = make("div", { class: "options", role: "listbox", id, "aria-label": texts.go, onpointerdown: (event) => event.preventDefault() });
  const miss = make("p", { class: "miss", role: "status" });
  const box = make("span", { class: "find" }, field, options, miss);
  close();

  function close() {
    options.hidden = miss.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }
  function suggest() {
    close();
    const text = field.value.trim();
    if (!text) return;
    const all = model.get("layers"), count = all.filter((layer) => layer[INDEX] >= 0).length;
    shown = meantBy(text, destinations(all, texts), count);
    options.replaceChildren(...shown.map((one, place) => make("div", { class: "option", role: "option", id: `${id}-${place}`, onclick: () => choose(one) },
      make("b", {}, one.title), make("span", { class: "quiet number" }, one.about))));
    options.hidden = !shown.length;
    miss.hidden = Boolean(shown.length);
    miss.textContent = shown.length ? "" : fill(/^-?\d+$/.test(text) ? texts.no_index : texts.no_name, { typed: text, last: count - 1 });
    field.setAttribute("aria-expanded", String(!options.hidden));
    point(0);
  }
  function point(place) {
    if (!shown.length) return;
    active = Math.min(shown.length - 1, Math.max(0, place));
    [...options.children].forEach((one, at) => one.setAttribute("aria-selected", String(at === active)));
    field.setAttribute("aria-activedescendant", `${id}-${active}`);
    const one = options.children[active];
    if (one.offsetTop < options.scrollTop) options.scrollTop = one.offsetTop;
    else options.scrollTop = Math.max(options.scrollTop, one.offsetTop + one.offsetHeight - options.clientHeight);
  }
  function choose(one) {
    field.value = "";
    close();
    go(one.place);
  }
  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowDown: active + 1, ArrowUp: active - 1 };
    if (event.key === "Enter" || event.key in steps) {
      if (options.hidden) suggest(); // after Escape, or what was typed before the network was there
      else if (event.key in steps) point(steps[event.key]);
      if (event.key === "Enter" && !options.hidden) choose(shown[active]);
    } else if (event.key === "Escape" && !(options.hidden && miss.hidden)) close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  return { box, stop: follow(model, ["layers"], () => { close(); box.hidden = !model.get("layers").length; }) };
}
