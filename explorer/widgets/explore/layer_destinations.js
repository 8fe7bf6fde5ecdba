import { BLOCK, DESCRIPTION, INDEX, NAME, TITLE } from "../base/layer_row.js";
import { fill } from "../base/text.js";

// Used by layer_search.js: which layers and blocks there are to go to, and which of them a text means.

const SUGGESTED = 40; // at most: who looks for more types another letter

// Words of a text for comparing: block_6_expand, "Block 6 expand" and block-6-expand are one.
const inWords = (text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean).join(" ");

// What can be gone to: each block of the strip that is no single layer of that name, and each layer.
export function destinations(layers, texts) {
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
export function meantBy(text, all, count) {
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
