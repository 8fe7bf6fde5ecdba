// Used by dataset.js: which files were dropped or browsed, and of which class each one is.

const LEFT_THERE = ["thumbs.db", "desktop.ini", "__macosx"]; // by systems

// All files of a drop, those in its folders too: [{ file, path }], where the path is a list that ends with the file's name;
// a file that can't be read has none. What the browser gives must be taken before the first wait.
export async function gathered(transfer) {
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
export function browsed(files) {
  const found = [...files].map((file) => ({ file, path: (file.webkitRelativePath || file.name).split("/") }));
  return inOrder(found.filter(({ path }) => !path.some(isIgnored)));
}
const isIgnored = (name) => name.startsWith(".") || LEFT_THERE.includes(name.toLowerCase());
const inOrder = (found) => found.sort((a, b) => a.path.join("/").localeCompare(b.path.join("/"), undefined, { numeric: true }));

// Say of which class each file is, by the folders that it lies in: Python tells, and leaves out what is of no class.
// The class is "" for a file that lies in no folder.
let sorting = 0;
export function classed(model, found) {
  if (found.every(({ path }) => path.length === 1)) return found.map(({ file, path }) => ({ file, name: path[0], label: "", group: "" }));
  sorting += 1;
  const turn = sorting;
  return new Promise((resolve) => {
    model.on("msg:custom", function told(message) {
      if (message.sort !== turn) return;
      model.off("msg:custom", told);
      resolve(message.files.flatMap((one, place) => (one ? [{ file: found[place].file, label: one[0], name: one[1], group: one[2] }] : [])));
    });
    model.send({ sort: turn, paths: found.map(({ path }) => path) });
  });
}
