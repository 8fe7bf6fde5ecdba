import { follow, lister, make, showBytes } from "../base/dom.js";
import { fill } from "../base/text.js";

// Used by dataset.js: the examples of one class, each of which can be removed.

export function exampleCards(model, texts) {
  const grid = make("ul", {}), more = make("button", { onclick: () => model.send({ further: true }) }, texts.more_cards);
  const box = make("div", { class: "cards-of-class" }, grid, more);

  function card({ key, name, text, picture }) {
    const image = make("img", { alt: "", draggable: "false" });
    showBytes(image, picture);
    const remove = (event) => {
      const place = [...grid.children].indexOf(event.target.closest("li"));
      model.send({ example: key, of: model.get("label") });
      (grid.children[place + 1] || grid.children[place - 1])?.querySelector("button")?.focus();
    };
    const button = key ? make("button", { class: "away", "data-key": key, "aria-label": fill(texts.remove_card, { name }), title: fill(texts.remove_card, { name }), onclick: remove }, "×") : "";
    const face = image.hidden ? make("span", { class: "plain" }, name) : make("span", { class: "thumb" }, image);
    return make("li", { title: text }, face, image.hidden ? "" : make("span", { class: "unseen" }, text), button);
  }
  // A card of the same text shows the same picture: its key names one example.
  const drawCards = lister(grid, card, ({ key, name, text, picture }) => JSON.stringify([model.get("label"), key, name, text, picture?.byteLength]));
  function draw() {
    const at = document.activeElement;
    const focused = at instanceof HTMLElement && grid.contains(at) && at.dataset.key;
    const cards = model.get("cards"), before = [...grid.querySelectorAll("img")];
    drawCards(cards);
    for (const image of before) if (!grid.contains(image)) showBytes(image, null); // gives its address back
    grid.setAttribute("aria-label", fill(texts.cards_of, { name: model.get("label") }));
    more.hidden = cards.length >= model.get("of_label");
    if (focused && !grid.contains(document.activeElement)) [...grid.querySelectorAll("button")].find(({ dataset }) => dataset.key === focused)?.focus();
  }
  const stop = follow(model, ["cards", "of_label"], draw);
  return { box, stop: () => { stop(); for (const image of grid.querySelectorAll("img")) showBytes(image, null); } };
}
