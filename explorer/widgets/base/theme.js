// Colours of the theme, and canvases.

// Call `draw` when the page has turned light or dark: when the host says so, and when its style sheets have come, which may be before or
// after that: theme.css lets the colour of `el` take a moment. Not at once, for what is measured while they come and go is wrong.
// Returns what stops it.
export function onTheme(el, draw) {
  let frame = 0;
  const soon = () => { cancelAnimationFrame(frame); frame = requestAnimationFrame(draw); };
  const turned = ({ target, propertyName }) => { if (target === el && propertyName === "color") soon(); };
  const watcher = new MutationObserver(soon);
  watcher.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  el.addEventListener("transitionend", turned);
  return () => { cancelAnimationFrame(frame); watcher.disconnect(); el.removeEventListener("transitionend", turned); };
}

// Read the colours of the theme: colour(el)("accent").
export function colours(el) {
  const style = getComputedStyle(el);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

// A canvas in device pixels: returns its drawing context, scaled to CSS pixels and wiped.
export function wiped(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
