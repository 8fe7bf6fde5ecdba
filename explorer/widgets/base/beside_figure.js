import { assign } from "./dom.js";

// Used by a view that stands above a plotly figure: what both have to know of each other.

// The figure says when it is drawn; what Python would send it before is lost, so Python is told, and how wide it may be.
// page: a selector of what holds both; whenDrawn: called with the figure's element. Returns what ends all that.
export function besideFigure(model, el, page, whenDrawn) {
  /** @type {(event: any) => void} */
  const drawn = ({ detail }) => {
    if (!el.closest(page)?.contains(detail.element)) return;
    whenDrawn(detail.element);
    assign(model, { drawn: true });
  };
  document.addEventListener("plotlywidget-after-render", drawn);
  const watcher = new ResizeObserver(() => {
    const width = Math.floor(el.clientWidth / 10) * 10;
    if (width && width !== model.get("width")) assign(model, { width }); // 0 while it is hidden
  });
  watcher.observe(el);
  return () => { watcher.disconnect(); document.removeEventListener("plotlywidget-after-render", drawn); };
}

