import assert from "node:assert/strict";
import test from "node:test";
import { browsed } from "../../explorer/widgets/fine_tuning/dropped_files.js";

const paths = (...names) => browsed(names.map((path) => ({ name: path.split("/").at(-1), webkitRelativePath: path.includes("/") ? path : "" }))).map(({ path }) => path.join("/"));

test("chosen files come in the order of their numbers, with the folders that they lie in", () => {
  assert.deepEqual(paths("cats/10.png", "cats/9.png", "a.png"), ["a.png", "cats/9.png", "cats/10.png"]);
});

test("what systems leave in folders is no example", () => {
  assert.deepEqual(paths("cats/.DS_Store", "cats/Thumbs.db", "__MACOSX/cats/1.png", "cats/1.png"), ["cats/1.png"]);
});
