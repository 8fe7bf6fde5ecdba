// Used by input.js: a canvas that is drawn on, with dark ink on white paper.

const INK = 22; // CSS pixels: the pen's width on a canvas of 270, as thick as the digits a network learnt from

// Let a canvas be drawn on, and call `lifted` after each stroke; return what makes the paper blank.
export function drawable(paper, lifted) {
  const pen = paper.getContext("2d");
  /** @type {[number, number] | null} */
  let last = null; // where the pen is; null while it is lifted
  /** @type {(event: PointerEvent) => [number, number]} */
  const place = (event) => {
    const box = paper.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * paper.width, ((event.clientY - box.top) / box.height) * paper.height];
  };
  const stroke = (event) => {
    if (!last) return;
    const now = place(event);
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(...now);
    pen.stroke();
    last = now;
  };
  const lift = (event) => {
    if (!last) return;
    stroke(event);
    last = null;
    lifted();
  };
  paper.addEventListener("pointerdown", (event) => { if (event.button) return; paper.setPointerCapture(event.pointerId); last = place(event); stroke(event); });
  paper.addEventListener("pointermove", stroke);
  paper.addEventListener("pointerup", lift);
  paper.addEventListener("pointercancel", lift);
  return () => {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, paper.width, paper.height);
    Object.assign(pen, { strokeStyle: "#111", lineWidth: INK, lineCap: "round", lineJoin: "round" });
  };
}

