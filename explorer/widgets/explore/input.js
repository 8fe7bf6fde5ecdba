import { follow, make, root, showBytes } from "../base/dom.js";
import { upload } from "../base/files.js";
import { fill } from "../base/text.js";
import { HEAD, RATE, decode, isForeign, mixed, record, wav } from "../base/wav_encoder.js";
import { drawable } from "./drawing_paper.js";

const ACCEPT = { image: "image/*", arrays: ".npy,.npz,.csv", audio: "audio/*,.wav,.flac,.ogg,.mp3" };
const NOTE = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M6 3.3v7.1a2.5 2.5 0 1 0 1.5 2.3V6.1l5-1.3v3.9a2.5 2.5 0 1 0 1.5 2.3V1.2z"/></svg>';

function render({ model, el }) {
  root(el, "input-view");
  const texts = model.get("texts");
  let shown = "original";
  let local = ""; // the address of a picture shown before Python has seen it

  const originalButton = make("button", { onclick: () => show("original") }, texts.original);
  const preprocessedButton = make("button", { onclick: () => show("preprocessed") }, texts.preprocessed);
  const segments = make("span", { class: "segments", role: "group", "aria-label": texts.title }, originalButton, preprocessedButton);
  const picture = make("img", { alt: "", draggable: "false" });
  const mark = make("span", { class: "mark" });
  const caption = make("p", { class: "quiet caption number" });
  const notes = make("p", { class: "notes", role: "note" });
  const frame = make("div", { class: "frame" }, picture, mark);
  const paper = make("canvas", { class: "paper", width: "270", height: "270", tabindex: "0", "aria-label": texts.canvas, role: "img" });
  const arrays = make("div", { class: "arrays" });
  const file = make("input", { type: "file", hidden: true, onchange: () => { if (file.files[0]) take(file.files[0], file.files[0].name); file.value = ""; } });
  const drawButton = make("button", { "aria-pressed": "false", onclick: () => toggleDrawing(paper.hidden) }, texts.draw);
  const wipe = make("button", { onclick: () => { clear(); submit(); }, hidden: true }, texts.wipe);
  const hint = make("span", { class: "quiet" }, texts.drop_first);
  const progress = make("progress", { max: "1", value: "0", hidden: true });
  const paste = make("button", { onclick: pasteNow }, texts.paste);
  const random = make("button", { onclick: () => model.send({ random: true }) }, texts.random);
  const recordButton = make("button", { class: "record number", "aria-pressed": "false", onclick: toggleRecording }, texts.record);
  const drop = make("div", { class: "drop" }, paper, frame, arrays, caption, notes, progress,
    make("div", { class: "row" }, make("button", { onclick: () => file.click() }, texts.browse), random, paste, drawButton, wipe, recordButton, hint, file));
  const samples = make("div", { class: "samples", role: "group", "aria-label": texts.samples });
  el.append(make("div", { class: "head" }, make("h2", {}, texts.title), segments), drop, samples);
  paper.hidden = true;

  const refuse = (text, values = {}) => model.send({ refuse: fill(text, values) });
  const refuseNoFile = () => refuse(model.get("kind") === "audio" ? texts.no_sound_file : texts.no_file);

  let newest = 0; // the number of the wish made last
  let settled = 0; // the newest wish that Python has shown or refused
  async function take(blob, name, recorded = false) {
    const isModel = texts.models.some((ending) => name.toLowerCase().endsWith(ending));
    if (blob.size > model.get("largest")) return refuse(isModel ? texts.model_too_large : texts.too_large, { name });
    newest += 1;
    const mine = newest;
    if (model.get("kind") === "image" && paper.hidden && blob.type.startsWith("image/")) preview(blob, mine);
    try {
      const sent = isModel ? { blob, name } : await readable(blob, name, recorded);
      if (!sent && mine === newest) draw();
      if (!sent || mine !== newest) return;
      progress.hidden = sent.blob.size < 2e6;
      await upload(model, sent.blob, sent.name, (part) => {
        if (mine !== newest) return;
        progress.value = part;
        if (!progress.hidden) caption.textContent = fill(texts.sending, { name, percent: Math.round(part * 100) });
      }, () => mine === newest);
    } catch (error) {
      if (!error.said) refuseNoFile(); // a folder, or a file that is gone
      if (mine === newest) draw();
    }
    if (mine !== newest) return;
    progress.hidden = true;
    if (isModel) draw(); // nothing else takes away what was said of the sending
  }
  // What to send of a file: itself, or as WAV a sound that only the browser can decode; nothing where it can't, which is said.
  async function readable(blob, name, recorded) {
    if (model.get("kind") !== "audio" || !(recorded || (await isForeign(blob, name)))) return { blob, name };
    progress.hidden = true;
    caption.textContent = fill(texts.decoding, { name });
    let sound;
    try {
      sound = await decode(blob);
    } catch {
      return refuse(recorded ? texts.no_recording : texts.undecodable, { name });
    }
    caption.textContent = "";
    if (HEAD + 2 * sound.length > model.get("largest")) return refuse(texts.too_long, { name });
    return { blob: wav(mixed(sound), RATE), name: recorded ? name : `${name}.wav` };
  }
  function takeSample(name) {
    newest += 1;
    progress.hidden = true;
    toggleDrawing(false);
    model.send({ sample: name });
  }
  // Show a picture at once, before it has been sent; one that the browser can't read waits for Python.
  function preview(blob, mine) {
    const address = URL.createObjectURL(blob);
    const probe = new Image();
    probe.onload = () => {
      if (mine <= settled) return URL.revokeObjectURL(address);
      fit(probe);
      if (local) URL.revokeObjectURL(local);
      local = address;
      picture.hidden = false;
      picture.src = address;
      mark.hidden = true;
    };
    probe.onerror = () => URL.revokeObjectURL(address);
    probe.src = address;
  }

  // Very tall pictures are shown narrower, so that the answers below stay in reach.
  const fit = ({ naturalWidth, naturalHeight }) => frame.style.setProperty("--fit", Math.min(1, (1.6 * naturalWidth) / (naturalHeight || 1)));
  picture.addEventListener("load", () => fit(picture));

  // A drop, a paste; a dashboard is one page, so there a drop may miss the frame
  const over = (event) => { event.preventDefault(); drop.classList.add("over"); };
  const leave = () => drop.classList.remove("over");
  const onDrop = (event) => {
    event.preventDefault();
    event.stopPropagation();
    leave();
    if (document.querySelector(".explorer.page.fine-tuning") && !el.contains(event.target)) return; // files beside it may be meant as data
    const dropped = event.dataTransfer.files[0];
    if (dropped) { toggleDrawing(false); take(dropped, dropped.name); } else refuseNoFile();
  };
  const field = document.body.dataset.voila ? document : el;
  const drags = { dragover: over, dragleave: leave, drop: onDrop };
  for (const [name, handler] of Object.entries(drags)) field.addEventListener(name, handler);
  const elsewhere = () => document.activeElement && document.activeElement !== document.body && !document.activeElement.closest(".explorer");
  const onPaste = (event) => {
    const inside = el.contains(document.activeElement);
    if (event.target.closest?.("input, textarea, [contenteditable]") || (!inside && elsewhere())) return;
    const item = [...(event.clipboardData?.files || [])][0];
    if (!item) return inside && model.get("kind") === "image" ? refuse(texts.no_picture) : undefined;
    event.preventDefault();
    toggleDrawing(false);
    take(item, item.name || texts.pasted);
  };
  document.addEventListener("paste", onPaste);
  async function pasteNow() {
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((one) => one.startsWith("image/"));
        if (type) { toggleDrawing(false); return take(await item.getType(type), texts.pasted); }
      }
    } catch { /* no permission: the sentence says how else */ }
    refuse(texts.no_picture);
  }

  // The microphone
  /** @type {((keep: boolean) => void) | null} */
  let endRecording = null; // while it is open
  let asking = false; // the browser asks whether the page may use it
  let gone = false; // this view
  async function toggleRecording() {
    if (endRecording) return endRecording(true);
    if (asking) return;
    if (!navigator.mediaDevices) return refuse(texts.insecure);
    asking = true;
    try {
      const end = await record(showRecording, takeRecording);
      endRecording = end;
      if (gone || model.get("kind") !== "audio") end(false);
    } catch ({ name }) {
      refuse({ NotAllowedError: texts.not_allowed, NotFoundError: texts.no_microphone }[name] || texts.microphone_fails);
    }
    asking = false;
  }
  function showRecording(seconds) {
    const time = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
    recordButton.textContent = fill(texts.stop, { time });
    recordButton.setAttribute("aria-pressed", "true");
    hint.textContent = texts.cancel;
  }
  function takeRecording(sound) {
    endRecording = null;
    recordButton.textContent = texts.record;
    recordButton.setAttribute("aria-pressed", "false");
    draw();
    if (sound) take(sound, texts.recording, true);
  }
  const onEscape = (event) => {
    if (event.key !== "Escape" || !endRecording || event.defaultPrevented || elsewhere()) return;
    event.preventDefault();
    endRecording(false);
  };
  document.addEventListener("keydown", onEscape);

  // The drawing canvas, answered after every stroke
  let drawn = false; // whether what the network sees is this drawing
  // toBlob would wait until the browser is idle, a second and more
  const submit = async () => { drawn = true; take(await (await fetch(paper.toDataURL("image/png"))).blob(), texts.drawing); };
  const clear = drawable(paper, submit);
  function toggleDrawing(on) {
    if (on === !paper.hidden) return;
    if (on) clear();
    drawn = false;
    paper.hidden = wipe.hidden = !on;
    drawButton.textContent = on ? texts.done : texts.draw;
    drawButton.setAttribute("aria-pressed", String(on));
    draw();
  }

  function show(which) {
    shown = which;
    draw();
  }
  function draw() {
    if (local) URL.revokeObjectURL(local);
    local = "";
    const kind = model.get("kind"), pictures = kind === "image";
    if (!pictures && !paper.hidden) return toggleDrawing(false);
    if (kind !== "audio" && endRecording) endRecording(false);
    const drawing = !paper.hidden;
    const which = drawing ? "preprocessed" : shown; // the paper itself is the drawing as it came
    showBytes(picture, model.get(which));
    picture.classList.toggle("coarse", which === "preprocessed");
    picture.alt = `${texts[which]}: ${model.get(`${which}_text`)}`;
    frame.hidden = picture.hidden || (drawing && !drawn);
    frame.classList.toggle("small", drawing);
    const undrawn = drawing && !drawn && Boolean(model.get("original_text"));
    caption.textContent = undrawn ? fill(texts.undrawn, { name: model.get("name") }) : frame.hidden ? "" : drawing ? `${texts.preprocessed}: ${model.get("preprocessed_text")}` : model.get(`${shown}_text`);
    segments.hidden = drawing;
    el.classList.toggle("drawing", drawing); // theme.css puts the answers beside it
    el.classList.toggle("undrawn", undrawn); // and greys them, as they are of the picture before
    notes.textContent = model.get("notes").join(" ");
    notes.hidden = !notes.textContent;
    paste.hidden = drawButton.hidden = !pictures;
    random.hidden = kind !== "arrays";
    recordButton.hidden = kind !== "audio";
    drop.classList.toggle("bare", kind === "audio");
    if (!pictures) { caption.textContent = model.get("original_text"); segments.hidden = true; }
    const mixed = kind === "arrays" && model.get("mixed");
    file.accept = kind ? `${mixed ? `${ACCEPT.image},` : ""}${ACCEPT[kind]},${texts.models}` : "";
    const hints = {
      image: model.get("original")?.byteLength ? texts.drop : texts.drop_first,
      arrays: mixed ? texts.drop_mixed : texts.drop_arrays,
      audio: texts.drop_sound,
    };
    hint.textContent = endRecording ? texts.cancel : hints[kind] ?? texts.drop_any;
    originalButton.setAttribute("aria-pressed", String(shown === "original"));
    preprocessedButton.setAttribute("aria-pressed", String(shown === "preprocessed"));
    const at = model.get("mark");
    mark.hidden = !("left" in at) || (which === "original" && !model.get("aligned"));
    for (const side of ["left", "top", "width", "height"]) if (!mark.hidden) mark.style[side] = `${at[side] * 100}%`;
  }

  const addresses = [];
  const stops = [
    follow(model, ["original", "preprocessed", "original_text", "name", "preprocessed_text", "notes", "mark", "aligned", "kind", "mixed"], draw),
    follow(model, ["arrays"], () => {
      arrays.replaceChildren(...model.get("arrays").map(({ text, picture: bytes }) => {
        const image = make("img", { alt: text });
        showBytes(image, bytes);
        image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
        return make("figure", {}, image, make("figcaption", { class: "quiet number" }, text));
      }));
    }),
    follow(model, ["example_revision"], () => { settled = newest; draw(); }),
    follow(model, ["samples"], () => {
      addresses.splice(0).forEach((address) => URL.revokeObjectURL(address));
      samples.replaceChildren(...model.get("samples").map(({ name, picture: bytes }) => {
        const called = name.replace(/\.\w+$/, "").replaceAll("_", " ");
        const label = fill(texts.sample, { name: called });
        const button = make("button", { class: "sample", title: label, "aria-label": label, onclick: () => takeSample(name) });
        if (!bytes.byteLength) {
          button.innerHTML = NOTE;
          button.classList.add("named");
          button.append(called);
          return button;
        }
        const address = URL.createObjectURL(new Blob([bytes]));
        addresses.push(address);
        button.append(make("img", { src: address, alt: label }));
        return button;
      }));
    }),
  ];
  return () => {
    gone = true;
    if (endRecording) endRecording(false);
    stops.forEach((stop) => stop());
    document.removeEventListener("paste", onPaste);
    document.removeEventListener("keydown", onEscape);
    for (const [name, handler] of Object.entries(drags)) field.removeEventListener(name, handler);
    addresses.forEach((address) => URL.revokeObjectURL(address));
  };
}
export default { render };
