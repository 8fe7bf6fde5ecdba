import { BLOCK, DESCRIPTION, INDEX, NAME, TITLE } from "../base/layer_row.js";
import { fill, follow, make } from "../base/dom.js";

// Used by layer_strip.js: the field that finds a layer by its index, its name, a part of it, or the name of a block.

const SUGGESTED = 40; // at most: who looks for more types another letter

// Words of a text for comparing: block_6_expand, "Block 6 expand" and block-6-expand are one.
const inWords = (text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean).join(" ");

// What can be gone to: each block of the strip that is no single layer of that name, and each layer.
function destinations(layers, texts) {
  const found = [];
  layers.forEach((layer, place) => {
    const block = layer[BLOCK];
    if (block && layers[place - 1]?.[BLOCK] !== block) {
      let last = place;
      while (layers[last + 1]?.[BLOCK] === block) last += 1;
      const [first, final] = [layer[INDEX], layers[last][INDEX]];
      if (last > place) found.push({ place, name: block, title: block, about: first < 0 || final < 0 ? "" : fill(texts.in_block, { first, last: final }), said: [inWords(block)] });
    }
    const inside = layer[NAME].split("/").at(-1);
    found.push({ place, index: layer[INDEX], name: layer[NAME], title: layer[TITLE], about: layer[DESCRIPTION], said: [inWords(layer[NAME]), inWords(inside), inWords(layer[TITLE])] });
  });
  return found;
}

// Those that a text can mean, the likeliest first: so named, that index, beginning so, with a word that begins so, with it anywhere.
function meantBy(text, all, count) {
  const typed = text.trim(), asked = inWords(typed), close = asked.replaceAll(" ", "");
  const number = typed.match(/^(?:(?:model\.)?layers)?\s*\[?\s*(-?\d+)\s*\]?$/)?.[1];
  const index = Number(number) < 0 ? Number(number) + count : Number(number);
  const fits = [
    (one) => one.name === typed,
    (one) => number !== undefined && one.index === index,
    (one) => one.said.includes(asked),
    (one) => one.said.some((said) => said.replaceAll(" ", "") === close),
    (one) => one.said.some((said) => said.startsWith(asked)),
    (one) => one.said.some((said) => ` ${said}`.includes(` ${asked}`)),
    (one) => one.said.some((said) => said.replaceAll(" ", "").includes(close)),
  ];
  const ranked = all.map((one) => [fits.findIndex((fit) => fit(one)), one]).filter(([rank]) => rank >= 0);
  return asked ? ranked.sort(([one], [other]) => one - other).map(([, one]) => one).slice(0, SUGGESTED) : [];
}

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
