import { make } from "../base/dom.js";

// Used by dataset.js: pictures from a camera.

const EVERY = 250; // milliseconds from one picture to the next
export const TOGETHER = 4; // pictures in a row, which are nearly alike, that stay on one side of the split

// Open a camera. Returns its <video>, `shoot`, which gives a square picture as JPEG, and `close`. Rejects as getUserMedia does.
export async function openCamera() {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 960 }, height: { ideal: 720 } } });
  const video = make("video", { autoplay: true, playsinline: true, muted: true });
  video.muted = true;
  video.srcObject = stream;
  const paper = make("canvas");
  return {
    video,
    async shoot(side) {
      const { videoWidth: width, videoHeight: height } = video;
      if (!width) return null; // it has not begun
      const part = Math.min(width, height);
      paper.width = paper.height = side;
      paper.getContext("2d").drawImage(video, (width - part) / 2, (height - part) / 2, part, part, 0, 0, side, side);
      return (await fetch(paper.toDataURL("image/jpeg", 0.92))).blob(); // toBlob would wait until the browser is idle
    },
    close() {
      stream.getTracks().forEach((track) => track.stop());
      video.srcObject = null;
    },
  };
}

// Call `take` at once and then again and again, as long as a button is held with the pointer or the space bar; Enter calls it once.
// `began` is told each time. Returns what ends it.
export function whileHeld(button, began, take) {
  let timer = 0;
  const end = () => { clearInterval(timer); timer = 0; button.classList.remove("holding"); };
  const begin = () => {
    if (timer) return;
    button.classList.add("holding");
    began();
    take();
    timer = window.setInterval(take, EVERY);
  };
  button.addEventListener("pointerdown", (event) => { if (event.button) return; button.setPointerCapture(event.pointerId); begin(); });
  for (const name of ["pointerup", "pointercancel", "blur"]) button.addEventListener(name, end);
  button.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.repeat) return;
    begin();
    if (event.key === "Enter") end();
  });
  button.addEventListener("keyup", (event) => { if (event.key === " ") { event.preventDefault(); end(); } });
  return end;
}

// Cut samples into parts of so many seconds; the last part reaches back where too little is left for one of its own.
export function cut(samples, rate, seconds) {
  const size = Math.round(seconds * rate);
  if (samples.length <= size) return [samples];
  const starts = Array.from({ length: Math.floor(samples.length / size) }, (_, place) => place * size);
  if (samples.length % size >= size / 2) starts.push(samples.length - size);
  return starts.map((start) => samples.subarray(start, start + size));
}
