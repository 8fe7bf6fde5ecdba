import assert from "node:assert/strict";
import test from "node:test";
import { findRoom, textStarts } from "../../explorer/widgets/base/axis.js";
import { clock, fill } from "../../explorer/widgets/base/text.js";

test("a text is centred on its tick and stays within the axis", () => {
  assert.deepEqual(textStarts([0, 0.5, 1], [20, 30, 20], 200), [0, 85, 180]);
});

test("texts find room where the gap between them is kept, and not a pixel closer", () => {
  assert.equal(findRoom([0, 30], [20, 20], 10), true);
  assert.equal(findRoom([0, 29], [20, 20], 10), false);
  assert.equal(findRoom([], [], 10), true);
});

test("names in braces are filled in, those that are unknown stay", () => {
  assert.equal(fill("{name}: {percent} % of {what}", { name: "cat.png", percent: 0 }), "cat.png: 0 % of {what}");
});

test("seconds are written as minutes, seconds and tenths", () => {
  assert.deepEqual([0, 9.96, 59.99, 70.25, -3].map(clock), ["0:00.0", "0:10.0", "1:00.0", "1:10.3", "0:00.0"]);
});
