import { make } from "./dom.js";

/**
 * Return where the texts of ticks begin: each centred on its tick, but kept within the axis.
 *
 * @param {number[]} parts how far along the axis each tick is, 0 to 1
 * @param {number[]} sizes what each text takes of the axis, in CSS pixels
 * @param {number} length of the axis, in CSS pixels
 */
export function textStarts(parts, sizes, length) {
  return parts.map((part, index) => Math.max(0, Math.min(length - sizes[index], part * length - sizes[index] / 2)));
}

/**
 * Return whether these texts, in order, have this gap between them; all in CSS pixels.
 *
 * @param {number[]} starts
 * @param {number[]} sizes
 * @param {number} gap
 */
export function findRoom(starts, sizes, gap) {
  return starts.every((start, index) => !index || start >= starts[index - 1] + sizes[index - 1] + gap);
}

// Write ticks along an axis: of `levels`, from few to many, each a list of [how far along, text], the most that find room.
// An upright axis runs from the bottom to the top. A line is where the tick is.
export function rule(axis, levels, upright = false) {
  const [side, size, length] = upright ? ["bottom", "offsetHeight", axis.clientHeight] : ["left", "offsetWidth", axis.clientWidth];
  for (const ticks of [...levels].reverse()) {
    const labels = ticks.map(([, text]) => make("span", {}, text));
    const lines = ticks.map(([part]) => make("i", { style: `${side}: ${part * 100}%` }));
    axis.replaceChildren(...lines, ...labels);
    const sizes = labels.map((label) => label[size]);
    const starts = textStarts(ticks.map(([part]) => part), sizes, length);
    labels.forEach((label, index) => { label.style[side] = `${starts[index]}px`; });
    if (findRoom(starts, sizes, upright ? 0 : 10)) return;
  }
}
