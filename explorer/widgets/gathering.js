// Put in front of training_data.js: which files were dropped or browsed, and of which class each one is.

const PARTS = ["train", "training", "validation", "valid", "val", "test"]; // folders that hold one side of a split
const LEFT_THERE = ["thumbs.db", "desktop.ini", "__macosx"]; // by systems

// All files of a drop, those in its folders too: [{ file, path }], where the path is a list that ends with the file's name;
// a file that can't be read has none. What the browser gives must be taken before the first wait.
async function gathered(transfer) {
  const items = [...transfer.items].filter(({ kind }) => kind === "file").map((item) => item.webkitGetAsEntry?.() || item.getAsFile());
  const found = [];
  for (const item of items) if (item) await walk(item, [], found);
  return inOrder(found);
}
async function walk(entry, folders, found) {
  const path = [...folders, entry.name];
  if (isIgnored(entry.name)) return;
  if (!entry.isDirectory) {
    const file = entry instanceof File ? entry : await new Promise((resolve) => { entry.file(resolve, () => resolve(null)); });
    found.push({ file, path });
    return;
  }
  const reader = entry.createReader();
  for (;;) { // it gives a hundred at a time
    const some = await new Promise((resolve) => { reader.readEntries(resolve, () => resolve([])); });
    if (!some.length) return;
    for (const one of some) await walk(one, path, found);
  }
}

// The same of what an <input type="file"> holds.
function browsed(files) {
  const found = [...files].map((file) => ({ file, path: (file.webkitRelativePath || file.name).split("/") }));
  return inOrder(found.filter(({ path }) => !path.some(isIgnored)));
}
const isIgnored = (name) => name.startsWith(".") || LEFT_THERE.includes(name.toLowerCase());
const inOrder = (found) => found.sort((a, b) => a.path.join("/").localeCompare(b.path.join("/"), undefined, { numeric: true }));

// Say of which class each file is: of the folder that it lies in, "" for a file that lies in none. A folder that holds only
// folders is no class, but these are. Files in a folder inside a class's folder are a group.
function classed(found) {
  const tops = new Map();
  for (const one of found) tops.set(one.path.length > 1 ? one.path[0] : "", [...(tops.get(one.path.length > 1 ? one.path[0] : "") || []), one]);
  return [...tops.values()].flatMap((own) => {
    let rest = own;
    while (rest.every(({ path }) => path.length > 2 && path[0] === rest[0].path[0])) rest = inside(rest);
    const sides = new Set(rest.map(({ path }) => path[0].toLowerCase()));
    const split = rest.every(({ path }) => path.length > 2) && [...sides].every((side) => PARTS.includes(side)) && sides.has("train");
    return (split ? inside(rest) : rest).map(ofClass);
  });
}
const inside = (found) => found.map(({ file, path }) => ({ file, path: path.slice(1) }));
const ofClass = ({ file, path }) => ({ file, name: path.at(-1), label: path.length > 1 ? path[0] : "", group: path.slice(1, -1).join("/") });
