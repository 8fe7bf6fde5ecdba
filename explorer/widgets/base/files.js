import { make } from "./dom.js";

// Files on their way between the browser and Python, in parts.

// Send a blob in chunks, each one acknowledged: larger messages close the websocket.
// `progress` takes 0 to 1; no more is sent once `wanted` is false. Rejects when the blob can't be read, and with `said`
// when Python refuses; a later upload of the same view overtakes.
const CHUNK = 1 << 20;
export async function upload(model, blob, name, progress, wanted, more = {}) {
  const id = `${Date.now()}-${Math.random()}`;
  const count = Math.max(1, Math.ceil(blob.size / CHUNK));
  for (let part = 0; part < count; part += 1) {
    if (!wanted()) return;
    const bytes = await blob.slice(part * CHUNK, (part + 1) * CHUNK).arrayBuffer();
    const answered = /** @type {Promise<void>} */ (new Promise((resolve, reject) => {
      const listen = (message) => {
        if (message.upload !== id || message.part !== part) return;
        model.off("msg:custom", listen);
        if (message.error) reject(Object.assign(new Error(message.error), { said: true }));
        else resolve();
      };
      model.on("msg:custom", listen);
    }));
    model.send({ upload: id, part, count, size: blob.size, name, ...more }, undefined, [bytes]);
    await answered;
    progress((part + 1) / count);
  }
}

// Receive the files that Python gives for a purpose, in parts, each one acknowledged. `whole` takes each as a Blob, and what
// was said with it; `progress` takes 0 to 1. Returns what stops it.
/** @param {(part: number) => void} progress */
export function receiveFiles(model, purpose, whole, progress = () => {}) {
  const coming = new Map(); // the parts so far, by download
  const onPart = (message, buffers) => {
    const { download, part, count } = message;
    if (message.purpose !== purpose || (part && !coming.has(download))) return; // of a file that began before this was here
    const parts = coming.get(download) || [];
    coming.set(download, parts);
    parts.push(buffers[0]);
    progress(parts.length / count);
    model.send({ given: download, part });
    if (parts.length < count) return;
    coming.delete(download);
    whole(new Blob(parts), message);
  };
  model.on("msg:custom", onPart);
  return () => model.off("msg:custom", onPart);
}

// Save the files that Python gives, as the browser saves downloads. `progress` takes 0 to 1. Returns what stops it.
export function saveFiles(model, progress) {
  return receiveFiles(model, "save", (blob, { file }) => {
    const link = make("a", { href: URL.createObjectURL(blob), download: file });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it after the click
  }, progress);
}
