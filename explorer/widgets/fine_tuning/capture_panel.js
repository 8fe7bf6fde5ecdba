import { make } from "../base/dom.js";
import { clock, fill } from "../base/text.js";
import { RATE, decode, mixed, record, wav } from "../base/wav_encoder.js";
import { TOGETHER, cut, openCamera, whileHeld } from "./camera.js";

// Used by dataset.js: taking pictures with the camera, or recording sounds, of the class that is selected.

// label: says which class; add: takes [{ file, name, label, group }].
export function capturing(model, texts, label, add) {
  /** @type {(() => void) | null} */
  let close = null; // while it is open
  let asking = false, gone = false;
  let number = 0; // of what was captured so far
  const serial = Math.random().toString(36).slice(2);
  const trouble = make("p", { class: "trouble", role: "alert", hidden: true });
  const body = make("div", { class: "capture", role: "group", hidden: true });
  const box = make("div", {}, trouble, body);
  body.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); close?.(); } });

  async function open(back) {
    const kind = model.get("kind");
    if (close) return close();
    if (asking) return;
    trouble.hidden = true;
    if (!navigator.mediaDevices) return say(texts.insecure[kind]);
    asking = true;
    try {
      const ended = kind === "image" ? await pictures() : sounds();
      close = () => {
        close = null;
        ended();
        body.replaceChildren();
        body.hidden = true;
        back.focus();
      };
      body.hidden = false;
      body.querySelector("button").focus();
      if (gone || kind !== model.get("kind")) close?.();
    } catch ({ name }) {
      sayWhy(name, kind);
    }
    asking = false;
  }
  const say = (text) => { trouble.textContent = text; trouble.hidden = false; };
  const sayWhy = (name, kind) => say({ NotAllowedError: texts.not_allowed, NotFoundError: texts.none }[name]?.[kind] || texts.fails[kind]);
  const shut = () => make("button", { onclick: () => close?.() }, texts.close);

  async function pictures() {
    const camera = await openCamera();
    let taken = 0, turn = 0, group = 0;
    const hold = make("button", { class: "main hold" });
    const count = make("span", { class: "quiet number", role: "status" });
    const end = whileHeld(hold, () => { turn = 0; group += 1; }, async () => {
      const group_of = `${serial} ${group} ${Math.floor(turn / TOGETHER)}`;
      turn += 1;
      const to = label();
      const file = await camera.shoot(model.get("side"));
      if (!file) return;
      taken += 1;
      number += 1;
      count.textContent = fill(texts.taken, { number: taken });
      add([{ file, name: fill(texts.picture_name, { number }), label: to, group: group_of }]);
    });
    body.setAttribute("aria-label", texts.camera);
    body.replaceChildren(camera.video, hold, make("div", { class: "line" }, make("span", { class: "quiet" }, texts.hold_keys), count, shut()));
    draw();
    return () => { end(); camera.close(); };
  }

  function sounds() {
    /** @type {((keep: boolean) => void) | null} */
    let stop = null;
    let beginning = false;
    const button = make("button", { class: "main record number", "aria-pressed": "false", onclick: toggle });
    async function toggle() {
      if (stop) return stop(true);
      if (beginning) return;
      beginning = true;
      const to = label();
      trouble.hidden = true;
      try {
        stop = await record(tick, (sound) => { stop = null; draw(); if (sound) take(sound, to); });
        if (!close) stop(false);
      } catch ({ name }) {
        sayWhy(name, "audio");
      }
      beginning = false;
    }
    function tick(seconds) {
      button.textContent = fill(texts.recording, { time: clock(seconds) });
      button.setAttribute("aria-pressed", "true");
    }
    body.setAttribute("aria-label", texts.microphone);
    const about = fill(texts.windows, { seconds: model.get("window").toFixed(1) });
    body.replaceChildren(button, make("p", { class: "quiet" }, about), make("div", { class: "line" }, shut()));
    draw();
    return () => stop?.(false);
  }
  async function take(sound, to) {
    let samples;
    try {
      samples = mixed(await decode(sound));
    } catch {
      return say(texts.no_sound);
    }
    number += 1;
    const group = `${serial} ${number}`;
    add(cut(samples, RATE, model.get("window")).map((part, place) => ({
      file: wav(part, RATE), name: fill(texts.part_name, { number, part: place + 1 }), label: to, group,
    })));
  }
  // Name the class that is selected now.
  function draw() {
    const button = body.querySelector("button.main");
    if (!button || button.classList.contains("holding")) return;
    const text = model.get("kind") === "image" ? texts.hold : texts.record;
    button.textContent = fill(text, { name: label() });
    button.setAttribute("aria-pressed", "false");
  }
  return { box, open, draw, opened: () => close !== null, close: () => close?.(), stop: () => { gone = true; close?.(); } };
}
