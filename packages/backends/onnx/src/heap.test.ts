import { expect, it } from "vitest";
import { createHeap, type Heap } from "./heap.js";

it("gives blocks that do not overlap, and takes them back to give larger ones", () => {
  // Pages 0 and 1 are for blocks: 131,072 bytes; large blocks take 1,088 more.
  const heap = createHeap(3) as Heap;
  const [a, b, c] = [heap.allocate(100), heap.allocate(64), heap.allocate(129_792)] as [
    number,
    number,
    number,
  ];
  // 100 bytes take 128
  expect([a, b, c]).toEqual([0, 128, 192]);
  expect(heap.allocate(1)).toBeUndefined();
  heap.free(a, 100);
  expect(heap.allocate(192)).toBeUndefined();
  heap.free(b, 64);
  expect(heap.allocate(192)).toBe(0);
  heap.free(0, 192);
  heap.free(c, 129_792);
  expect(heap.allocate(129_984)).toBe(0);
  expect(heap.allocate(1)).toBeUndefined();
});

it("may be refused", () => {
  expect(createHeap(65_537)).toBeUndefined(); // more than 4 GiB
});
