import { follow, make } from "../base/dom.js";
import { receiveFiles } from "../base/files.js";

// Used by sound.js: what fetches sounds and plays them.

// Plays one sound at a time, of those that Python gives: whole, part (that the network hears) and clip (that a cell sees).
// `changed` is called when another one begins, or none plays any more; `coming` takes 0 to 1 while one is fetched.
export function soundPlayer(model, el, changed, coming) {
  const audio = make("audio", { hidden: true });
  const here = new Map(); // by what it is: its version, its address, and the second of the piece at which it begins
  const refused = new Set(); // versions of the whole that the browser can't play
  /** @type {{ what: string, of: any, at: number } | null} */
  let wanted = null; // what is to be played as soon as it is here: what, of, at
  let playing = "";
  let failed = false;
  const version = (what) => model.get("versions")[what];
  const whole = () => version("whole") !== undefined && !refused.has(version("whole"));

  function halt() {
    wanted = null;
    playing = "";
    audio.pause();
    changed();
  }
  function play(what, at) {
    halt();
    document.dispatchEvent(new CustomEvent("explorer-plays", { detail: el }));
    const sound = here.get(what);
    if (sound?.of === version(what)) return begin(what, at);
    if (version(what) === undefined) return;
    const of = version(what);
    wanted = { what, of, at };
    model.send({ play: what, of });
    coming(0);
  }
  function begin(what, at) {
    const { address, start } = here.get(what);
    if (audio.src !== address) audio.src = address;
    audio.currentTime = Math.max(0, at - start);
    playing = what;
    failed = false;
    audio.play().catch(() => { if (playing === what && audio.paused) halt(); }); // the browser wants a click first
    changed();
  }
  function forget(what) {
    if (playing === what) halt();
    if (audio.src === here.get(what)?.address) audio.removeAttribute("src");
    URL.revokeObjectURL(here.get(what)?.address);
    here.delete(what);
  }
  audio.addEventListener("error", () => {
    const what = playing;
    if (!what || !audio.src) return;
    const at = here.get(what).start + audio.currentTime;
    if (what === "whole") refused.add(version("whole"));
    forget(what);
    failed = what !== "whole";
    if (!failed && version("part") !== undefined) play("part", at);
    else changed();
  });

  const stops = [
    receiveFiles(model, "play", (blob, { what, of, start }) => {
      if (of !== version(what) || here.get(what)?.of === of) return;
      forget(what);
      here.set(what, { of, start, address: URL.createObjectURL(blob.slice(0, blob.size, what === "whole" ? "" : "audio/wav")) });
      if (!wanted || wanted.what !== what || wanted.of !== of) return;
      const { at } = wanted;
      wanted = null;
      begin(what, at);
    }, (part) => { if (wanted) coming(part); }),
    follow(model, ["versions"], () => {
      for (const what of [...here.keys()]) if (here.get(what).of !== version(what)) forget(what);
      if (wanted && wanted.of !== version(wanted.what)) halt();
    }),
  ];
  return {
    audio, play, halt,
    playing: () => playing,
    busy: () => Boolean(playing || wanted),
    failed: () => failed,
    whole,
    now: () => here.get(playing).start + audio.currentTime,
    close() {
      stops.forEach((stop) => stop());
      ["whole", "part", "clip"].forEach(forget);
    },
  };
}
