import assert from "node:assert/strict";
import test from "node:test";
import { destinations, meantBy } from "../../explorer/widgets/explore/layer_destinations.js";

// name, kind, block, description, parameters, title, code, index
const layer = (index, name, block = "") => [name, "convolution", block, `about ${name}`, 0, name, "", index];
const LAYERS = [layer(0, "input"), layer(1, "block_1_expand", "block_1"), layer(2, "block_1_add", "block_1"), layer(3, "block_10_add", "block_10"), layer(4, "predictions")];
const all = destinations(LAYERS, { in_block: "{first} to {last}" });
const meant = (text) => meantBy(text, all, LAYERS.length).map(({ name }) => name);

test("a block of several layers can be gone to, a block of one is its layer", () => {
  assert.deepEqual(all.map(({ name, place, about }) => [name, place, about]), [
    ["input", 0, "about input"],
    ["block_1", 1, "1 to 2"],
    ["block_1_expand", 1, "about block_1_expand"],
    ["block_1_add", 2, "about block_1_add"],
    ["block_10_add", 3, "about block_10_add"],
    ["predictions", 4, "about predictions"],
  ]);
});

test("a number is an index, from the end where it is negative, with or without layers[]", () => {
  for (const text of ["2", "-3", "layers[2]", "model.layers[-3]", " [ 2 ] "]) assert.equal(meant(text)[0], "block_1_add", text);
});

test("a name in any spelling comes before names that begin so, and those before names that hold it", () => {
  assert.deepEqual(meant("Block 1"), ["block_1", "block_1_expand", "block_1_add", "block_10_add"]);
  assert.deepEqual(meant("block-1-add"), ["block_1_add"]);
  assert.deepEqual(meant("add"), ["block_1_add", "block_10_add"]);
});

test("nothing is meant by nothing, nor by what no layer has", () => {
  assert.deepEqual(meant("  "), []);
  assert.deepEqual(meant("squeeze"), []);
});
