import { follow, make } from "../base/dom.js";
import { fill } from "../base/text.js";
import { colours, wiped } from "../base/theme.js";

// Used by layer_strip.js: what speaks for a freeze line, in line with the bars.

const PROBES = 92, GAP = 18, WORK = 26, TEXT = 14; // CSS pixels: the heights of both charts, of what is between them, and of a text
const CAP = 3; // half of what ends an error bar

// How well probes separate the data, and how much of the work trains, at the block ends. `strip` is as for the freeze line;
// `line` is that line, which goes where a click is.
export function evidence(model, el, texts, strip, line) {
  const canvas = make("canvas", { "aria-hidden": "true" });
  const now = make("p", { class: "now number", "aria-hidden": "true" });
  const list = make("ul", { class: "unseen", "aria-label": texts.evidence });
  const keys = [["accent", texts.probe], ["warm", texts.work]].map(([colour, text]) => {
    const key = make("span", { class: "key" }, text);
    key.style.setProperty("--c", `var(--${colour})`);
    return key;
  });
  const box = make("div", { class: "evidence", onclick: (event) => { const probe = under(event); if (probe) line.go(probe[0]); },
    onpointermove: (event) => say(under(event)), onpointerleave: () => say() }, canvas);
  const about = make("div", { class: "about" }, now, make("p", { class: "keys" }, ...keys), list);

  const probes = () => model.get("probes");
  const x = ([index]) => strip.x(line.place(index));
  const here = () => probes().find(([index]) => index === line.at());
  function under(event) {
    const at = strip.place(event.clientX);
    const far = ([index]) => Math.abs(line.place(index) - at);
    return probes().reduce((best, probe) => (far(probe) < far(best) ? probe : best), probes()[0]);
  }
  const written = ([, , , , block, text]) => `${block}: ${text}`;
  function say(probe = here()) {
    now.textContent = probe ? written(probe) : "";
  }
  const share = (part) => fill(texts.share, { number: Math.round(part * 100) });

  // Marks are pairs: how far down, and text.
  function drawLines(context, colour, marks) {
    context.fillStyle = colour("line");
    for (const [y] of marks) context.fillRect(0, Math.round(y), strip.width(), 1);
  }
  function drawTexts(context, colour, marks) {
    context.lineWidth = 4;
    context.strokeStyle = colour("bg");
    context.fillStyle = colour("quiet");
    context.textAlign = "right"; // where there is room: probes separate better the later they are
    for (const [y, text] of marks) {
      context.strokeText(text, strip.width(), y - 3);
      context.fillText(text, strip.width(), y - 3);
    }
  }
  function drawProbes(context, colour) {
    const lowest = Math.min(...probes().map(([, accuracy, error]) => accuracy - error));
    const low = Math.min(0.9, Math.max(0, Math.floor(lowest * 10) / 10));
    const y = (accuracy) => TEXT + ((1 - accuracy) / (1 - low)) * (PROBES - TEXT);
    const marks = [1, (1 + low) / 2, low].map((part) => [y(part), share(part)]);
    drawLines(context, colour, marks);
    context.fillStyle = context.strokeStyle = colour("accent");
    context.lineWidth = 1.6;
    context.beginPath();
    for (const probe of probes()) context.lineTo(x(probe), y(probe[1]));
    context.stroke();
    for (const probe of probes()) {
      const [, accuracy, error] = probe;
      const top = y(Math.min(1, accuracy + error)), bottom = y(Math.max(low, accuracy - error));
      context.fillRect(x(probe) - 0.5, top, 1, bottom - top);
      for (const end of [top, bottom]) context.fillRect(x(probe) - CAP, end - 0.5, 2 * CAP, 1);
      context.beginPath();
      context.arc(x(probe), y(accuracy), probe === here() ? 4.5 : 2.2, 0, 2 * Math.PI);
      context.fill();
    }
    drawTexts(context, colour, marks);
  }
  function drawWork(context, colour) {
    const floor = PROBES + GAP + WORK;
    const y = (part) => floor - part * WORK;
    const marks = [1, 0].map((part) => [y(part), share(part)]);
    drawLines(context, colour, marks);
    context.fillStyle = colour("warm");
    context.globalAlpha = 0.3;
    context.beginPath();
    context.moveTo(x(probes()[0]), floor);
    for (const probe of probes()) context.lineTo(x(probe), y(probe[3]));
    context.lineTo(x(probes().at(-1)), floor);
    context.fill();
    context.globalAlpha = 1;
    for (const probe of probes()) context.fillRect(x(probe) - 1.5, y(probe[3]) - 1, 3, 2);
    drawTexts(context, colour, marks);
  }
  function draw() {
    box.hidden = about.hidden = !model.get("fine_tuning_shown") || !probes().length;
    if (box.hidden) return;
    const context = wiped(canvas, strip.width(), PROBES + GAP + WORK + 1);
    context.font = "10px system-ui, 'DejaVu Sans', sans-serif";
    context.lineJoin = "round";
    drawWork(context, colours(el));
    drawProbes(context, colours(el));
    say();
  }

  const stop = follow(model, ["probes", "freeze"], () => {
    list.replaceChildren(...probes().map((probe) => make("li", {}, written(probe))));
    draw();
  });
  return { box, about, draw, stop };
}
