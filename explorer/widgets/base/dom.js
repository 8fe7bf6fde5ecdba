// Used by every view's own module: nothing here knows what a view shows.

// Make an element: make("button", { class: "x", onclick: f }, "text", child).
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

// Mark the view's own element. JupyterLab's shortcuts stay out of it: its rules match the element that
// has the focus, so that is the one that must carry the mark.
export function root(el, name) {
  el.classList.add("explorer", name);
  el.addEventListener("focusin", (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true"));
  el.addEventListener("input", ({ target }) => typing.has(target) || typing.set(target, null));
  el.addEventListener("change", ({ target }) => typing.delete(target));
  el.addEventListener("focusout", ({ target }) => {
    if (typing.get(target)) typing.get(target)();
    typing.delete(target);
  });
  return el;
}

// Show a value in a field. What somebody types in it and has not set stays: the value waits until the field is left.
const typing = new WeakMap(); // by field, what shows the value that waits
export function showValue(control, value) {
  if (typing.has(control)) typing.set(control, () => { control.value = value; });
  else control.value = value;
}

// Call `draw` now and whenever one of these traits changes; return what stops it.
export function follow(model, names, draw) {
  const events = names.map((name) => `change:${name}`).join(" ");
  model.on(events, draw);
  draw();
  return () => model.off(events, draw);
}

// Show a list in `parent`: an element for each item, made by `create`, which stays where it is as long as what `facts` tells of the item
// stays: so a press and its release, the pointer and the focus meet the same element while a list is told anew.
export function lister(parent, create, facts = JSON.stringify) {
  let there = new Map(); // by facts
  return (items) => {
    const now = new Map();
    for (const item of items) {
      let key = facts(item);
      while (now.has(key)) key += "+"; // one that is there twice
      now.set(key, there.get(key) ?? create(item));
    }
    there = now;
    settle(parent, [...now.values()]);
  };
}
// Make these the children of `parent`; those that are there already are not taken off the page.
function settle(parent, children) {
  for (const one of [...parent.childNodes]) if (!children.includes(one)) one.remove();
  children.forEach((one, place) => { if (parent.childNodes[place] !== one) parent.insertBefore(one, parent.childNodes[place] ?? null); });
}

// Set traits and send them.
export function assign(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

// Show bytes of a PNG or JPEG in an <img>; the address of what it showed before is given back.
export function showBytes(image, bytes) {
  if (image.dataset.address) URL.revokeObjectURL(image.dataset.address);
  delete image.dataset.address;
  image.hidden = !bytes?.byteLength;
  if (image.hidden) return image.removeAttribute("src");
  image.src = image.dataset.address = URL.createObjectURL(new Blob([bytes]));
}
