import { soundPlayer } from "./player.js";
import { rule } from "../base/axis.js";
import { follow, make, root, showBytes } from "../base/dom.js";
import { clock, fill } from "../base/text.js";
import { colours, onTheme, wiped } from "../base/theme.js";

const WAVE = 56; // CSS pixels: the height of the waveform
const DRAG = 4; // CSS pixels: a press that moves no further is a click

// Draw the lowest and highest sample for each pixel across; the part that is heard stands out.
function drawWave(canvas, model, el, [start, stop]) {
  const bytes = model.get("envelope");
  const wide = canvas.parentElement.clientWidth;
  if (!bytes?.byteLength || !wide) return;
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const count = values.length / 2, seconds = model.get("seconds");
  const context = wiped(canvas, wide, WAVE);
  const colour = colours(el);
  const reach = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  const y = (value) => (1 - value / reach) * (WAVE / 2 - 1) + 1;
  for (let x = 0; x < wide; x += 1) {
    const first = Math.floor((x / wide) * count), last = Math.max(first + 1, Math.floor(((x + 1) / wide) * count));
    let low = Infinity, high = -Infinity;
    for (let index = first; index < last; index += 1) { low = Math.min(low, values[2 * index]); high = Math.max(high, values[2 * index + 1]); }
    const at = ((x + 0.5) / wide) * seconds;
    context.fillStyle = colour(at >= start && at <= stop ? "accent" : "other");
    context.fillRect(x, y(high), 1, Math.max(1, y(low) - y(high)));
  }
}

function render({ model, el }) {
  root(el, "sound-view");
  const texts = model.get("texts");
  let position = 0; // seconds: where the whole is played from
  let piece = model.get("versions").whole; // the version that `position` is in
  /** @type {number | null} */
  let moving = null; // seconds: where the part that is heard is to begin, until Python has heard of it
  /** @type {{ x: number, from: number, moved: boolean } | null} */
  let drag = null;

  const playButton = make("button", { class: "play main", onclick: () => (player.busy() ? stop() : playFrom(position)) }, texts.play);
  const time = make("span", { class: "time number" });
  const again = make("button", { class: "again", onclick: playStretch }, texts.again);
  const says = make("span", { class: "says", role: "status" });
  const caption = make("span", { class: "caption" });
  const canvas = make("canvas", { role: "img" });
  const seek = make("div", { class: "seek", role: "slider", tabindex: "0", "aria-description": texts.position_keys, "aria-valuemin": "0", onclick: onSeek, onkeydown: onSeekKey }, canvas);
  const shade = make("div", { class: "shade", role: "slider", "aria-label": texts.window, "aria-description": texts.window_keys, "aria-valuemin": "0", onkeydown: onShadeKey });
  const bracket = make("span", { class: "bracket" });
  const cursor = make("span", { class: "cursor" });
  const wave = make("div", { class: "wave" }, seek, shade, bracket, cursor);
  const times = make("div", { class: "axis times", "aria-hidden": "true" });
  const funnel = make("div", { class: "funnel", "aria-hidden": "true" });
  const picture = make("img", { draggable: "false", alt: "" });
  const mark = make("span", { class: "mark" });
  const inner = make("span", { class: "cursor" });
  const spectrum = make("div", { class: "spectrum" }, picture, mark, inner);
  const pitches = make("div", { class: "axis upright", "aria-hidden": "true" });
  const heardTimes = make("div", { class: "axis", "aria-hidden": "true" });
  const low = make("span"), high = make("span"), ramp = make("i", { class: "ramp" });
  const heardText = make("span", { class: "heard" });
  const here = make("button", { class: "here", onclick: () => hear(position) }, texts.here);
  const notes = make("p", { class: "notes", role: "note" });
  const player = soundPlayer(model, el, drawPlaying, drawComing);
  el.append(
    make("div", { class: "head" }, make("h2", {}, texts.title), playButton, time, again), make("div", { class: "line quiet number" }, caption, says),
    make("div", { class: "chart" }, times, wave, funnel, pitches, spectrum, make("span", { class: "unit quiet", "aria-hidden": "true" }, texts.hertz), heardTimes),
    make("div", { class: "foot quiet number" }, heardText, here, make("span", { class: "scale" }, low, ramp, high)), notes, player.audio);

  const seconds = () => model.get("seconds");
  const heard = () => (model.get("heard").length ? model.get("heard") : [0, 0]);
  const reach = () => heard()[1] - heard()[0];
  const last = () => Math.max(0, seconds() - reach());
  const within = (value, least, most) => Math.min(most, Math.max(least, value));
  const place = (event) => {
    const box = seek.getBoundingClientRect();
    return within((event.clientX - box.left) / box.width, 0, 1) * seconds();
  };

  // Playing
  const source = () => (player.whole() ? "whole" : "part");
  const range = (what) => (what === "clip" ? model.get("clip") : what === "part" ? [heard()[0], Math.min(heard()[1], seconds())] : [0, seconds()]);
  function playFrom(at) {
    const [start, stop] = range(source());
    position = at >= start && at < stop - 0.01 ? at : start;
    player.play(source(), position);
  }
  function playStretch() {
    keep();
    player.play("clip", model.get("clip")[0]);
  }
  function keep() { // where the piece was, to go on from there
    if (player.playing() && player.playing() !== "clip") position = within(player.now(), 0, seconds());
  }
  function stop() {
    keep();
    player.halt();
  }
  player.audio.addEventListener("ended", () => {
    if (player.playing() !== "clip") position = range(player.playing())[0];
    player.halt();
  });

  // Another place, and another part to hear
  function goTo(at, play) {
    const on = play || (player.playing() && player.playing() !== "clip");
    position = within(at, 0, seconds());
    if (on) playFrom(position); else drawPlaying();
  }
  function onSeek(event) { goTo(place(event), true); }
  function onSeekKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    keep();
    const step = Math.min(5, seconds() / 20);
    const moves = { ArrowRight: position + step, ArrowLeft: position - step, Home: 0, End: seconds() };
    if (event.key in moves) goTo(moves[event.key], false);
    else if (event.key !== "Enter" && event.key !== " ") return;
    else if (player.busy()) stop();
    else playFrom(position);
    event.preventDefault();
    event.stopPropagation();
  }
  function hear(start) {
    moving = within(start, 0, last());
    drawHeard();
    model.send({ hear: moving });
  }
  function onShadeKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !last()) return;
    const now = moving ?? heard()[0];
    const step = reach() / 4;
    const moves = { ArrowRight: now + step, ArrowLeft: now - step, Home: 0, End: last() };
    if (!(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    hear(moves[event.key]);
  }
  shade.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    shade.setPointerCapture(event.pointerId);
    drag = { x: event.clientX, from: moving ?? heard()[0], moved: false };
  });
  shade.addEventListener("pointermove", (event) => {
    if (!drag || (!drag.moved && Math.abs(event.clientX - drag.x) < DRAG)) return;
    drag.moved = true;
    moving = within(drag.from + ((event.clientX - drag.x) / seek.clientWidth) * seconds(), 0, last());
    drawHeard();
  });
  const drop = (event) => {
    const was = drag;
    drag = null;
    if (!was) return;
    if (event.type === "pointercancel") { moving = null; drawHeard(); } else if (was.moved) hear(moving); else goTo(place(event), true);
  };
  shade.addEventListener("pointerup", drop);
  shade.addEventListener("pointercancel", drop);

  // Drawing
  const percent = (part) => `${within(part, 0, 1) * 100}%`;
  function lay(element, [start, stop]) {
    element.style.left = percent(start / seconds());
    element.style.width = `calc(${percent(stop / seconds())} - ${percent(start / seconds())})`;
  }
  function drawHeard() {
    const start = moving ?? heard()[0];
    const part = /** @type {[number, number]} */ ([start, start + reach()]);
    lay(shade, part);
    drawWave(canvas, model, el, part);
    const [left, right] = part.map((at) => percent(at / (seconds() || 1)));
    funnel.style.clipPath = `polygon(${left} 0, ${right} 0, 100% 100%, 0 100%)`;
    const free = last() > 0;
    shade.tabIndex = free ? 0 : -1;
    shade.setAttribute("aria-disabled", String(!free));
    shade.classList.toggle("free", free);
    here.hidden = !free;
    shade.setAttribute("aria-valuemax", last().toFixed(2));
    shade.setAttribute("aria-valuenow", start.toFixed(2));
    shade.setAttribute("aria-valuetext", fill(texts.span, { start: clock(part[0]), stop: clock(part[1]) }));
  }
  function drawAt(at) {
    const all = seconds() || 1;
    const [start, stop] = model.get("across").length ? model.get("across") : [0, 1];
    cursor.style.left = percent(at / all);
    cursor.hidden = !player.playing() && !position;
    inner.style.left = percent((at - start) / (stop - start));
    inner.hidden = cursor.hidden || at < start || at > stop;
    time.textContent = `${clock(at)} / ${clock(all)}`;
    seek.setAttribute("aria-valuenow", at.toFixed(1));
    seek.setAttribute("aria-valuetext", time.textContent);
  }
  let frame = 0;
  function run() {
    cancelAnimationFrame(frame);
    drawAt(player.playing() ? player.now() : position);
    if (player.playing()) frame = requestAnimationFrame(run);
  }
  function drawPlaying() {
    const what = player.playing();
    const [start, stop] = what ? range(what) : ["", ""];
    Object.assign(el.dataset, { playing: what, start, stop });
    playButton.textContent = player.busy() ? texts.stop : texts.play;
    const clip = model.get("clip");
    again.hidden = !clip.length;
    const told = what === "clip" ? texts.plays : texts.clip;
    says.textContent = player.failed() ? texts.unplayable : clip.length ? fill(told, { start: clip[0].toFixed(2), stop: clip[1].toFixed(2) }) : "";
    notes.textContent = [...model.get("notes"), ...(model.get("shown") && !player.whole() ? [texts.only_part] : [])].join(" ");
    notes.hidden = !notes.textContent;
    run();
  }
  function drawComing(part) {
    playButton.textContent = texts.stop;
    time.textContent = fill(texts.coming, { percent: Math.round(part * 100) });
  }
  function drawSpans() {
    const at = model.get("mark");
    mark.hidden = !("left" in at);
    for (const side of ["left", "top", "width", "height"]) if (!mark.hidden) mark.style[side] = `${at[side] * 100}%`;
    bracket.hidden = !model.get("bracket").length;
    if (!bracket.hidden) lay(bracket, model.get("bracket"));
  }
  const drawCoarse = () => picture.classList.toggle("coarse", picture.naturalWidth < spectrum.clientWidth);
  function drawAll() {
    el.hidden = !model.get("shown");
    if (el.hidden) return stop();
    caption.textContent = model.get("caption");
    canvas.setAttribute("aria-label", fill(texts.waveform, { name: model.get("name"), seconds: seconds().toFixed(1) }));
    seek.setAttribute("aria-label", fill(texts.position, { name: model.get("name") }));
    seek.setAttribute("aria-valuemax", seconds().toFixed(1));
    rule(times, model.get("times"));
    rule(heardTimes, model.get("heard_times"));
    rule(pitches, model.get("pitches"), true);
    drawHeard();
    drawSpans();
    drawCoarse();
    drawPlaying();
  }

  /** @type {(event: any) => void} */
  const onOther = ({ detail }) => { if (detail !== el && player.busy()) stop(); }; // two sounds at once would be noise
  document.addEventListener("explorer-plays", onOther);
  const stops = [
    follow(model, ["spectrogram", "spectrogram_text"], () => {
      showBytes(picture, model.get("spectrogram"));
      picture.alt = model.get("spectrogram_text");
    }),
    follow(model, ["gradient", "ends", "heard_text"], () => {
      [low.textContent, high.textContent] = [model.get("ends")[0] ?? "", model.get("ends")[1] ?? ""];
      ramp.style.background = `linear-gradient(90deg, ${model.get("gradient").join(", ")})`;
      heardText.textContent = model.get("heard_text");
    }),
    follow(model, ["example_revision", "heard"], () => { if (!drag) moving = null; }),
    follow(model, ["shown", "name", "caption", "notes", "seconds", "envelope", "times", "heard", "across", "heard_times", "pitches", "example_revision"], drawAll),
    follow(model, ["mark", "bracket"], drawSpans),
    follow(model, ["clip", "versions"], () => {
      if (piece !== model.get("versions").whole) position = 0;
      piece = model.get("versions").whole;
      drawPlaying();
    }),
    onTheme(el, drawHeard),
  ];
  const onPlays = () => playStretch();
  model.on("change:plays", onPlays);
  picture.addEventListener("load", drawCoarse);
  const resized = new ResizeObserver(() => { if (!el.hidden) drawAll(); });
  resized.observe(el);
  return () => {
    stops.forEach((one) => one());
    model.off("change:plays", onPlays);
    document.removeEventListener("explorer-plays", onOther);
    resized.disconnect();
    cancelAnimationFrame(frame);
    player.close();
  };
}
export default { render };
