import { follow, make } from "../base/dom.js";
import { upload } from "../base/files.js";
import { fill } from "../base/text.js";
import { RATE, decode, isForeign, mixed, wav } from "../base/wav_encoder.js";

// Used by dataset.js: sends many files.

// Sends files one after the other; one that fails is named, and the others go on.
export function sender(model, texts) {
  let queue = [], done = 0, total = 0, busy = false, turn = 0;
  const text = make("span", { class: "quiet number", role: "status" }), bar = make("progress", { max: "1" });
  const line = make("div", { class: "sending", hidden: true }, bar, text, make("button", { onclick: stop }, texts.stop));
  const lost = (name, why) => model.send({ lost: name, why: fill(why, { name }) });

  function add(files) {
    if (!files.length) return;
    queue.push(...files);
    total += files.length;
    go();
  }
  function stop() {
    queue = [];
    turn += 1;
    model.send({ stop: true });
  }
  async function go() {
    if (busy) return draw();
    busy = true;
    draw();
    while (queue.length) {
      const mine = turn;
      await send(queue.shift(), () => mine === turn);
      done += 1;
      draw();
    }
    busy = false;
    done = total = 0;
    draw();
  }
  async function send(one, wanted) {
    try {
      const { blob, name } = await sendable(one);
      if (blob && wanted()) await upload(model, blob, name, () => {}, wanted, { label: one.label, group: one.group || "", zip: isZip(name) });
    } catch (error) {
      if (!error.said) lost(one.name, texts.gone);
    }
  }
  // What to send of a file: itself, or as WAV a sound that only the browser can decode; nothing where it can't, which is said.
  async function sendable({ file, name }) {
    if (!file) throw new Error(name);
    if (file.size > model.get("largest")) return lost(name, texts.too_large) || {};
    if (model.get("kind") !== "audio" || isZip(name) || !(await isForeign(file, name))) return { blob: file, name };
    try {
      text.textContent = fill(texts.decoding, { name });
      return { blob: wav(mixed(await decode(file)), RATE), name: `${name}.wav` };
    } catch {
      return lost(name, texts.undecodable) || {};
    }
  }
  function draw() {
    const waiting = model.get("waiting"), reading = !busy && (waiting || model.get("reading"));
    line.hidden = !busy && !reading;
    line.classList.toggle("reading", Boolean(reading));
    if (busy) bar.value = done / total; else bar.removeAttribute("value");
    text.textContent = busy ? fill(texts.sending, { done, total }) : reading ? texts.reading : "";
  }
  const stops = [follow(model, ["waiting", "reading"], draw), () => { queue = []; turn += 1; }];
  return { line, add, lost, stop: () => stops.forEach((one) => one()) };
}
export const isZip = (name) => /\.zip$/i.test(name);
