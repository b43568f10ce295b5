import { expect, it } from "vitest";
import { createHeap, type Heap } from "./heap.js";

it("gives blocks that do not overlap, and takes them back to give larger ones", () => {
  // Pages 1 and 2 are for blocks: 131,072 bytes from 65,536 on; large blocks take 1,088 more.
  const heap = createHeap(4) as Heap;
  const [a, b, c] = [heap.allocate(100), heap.allocate(64), heap.allocate(129_792)] as [
    number,
    number,
    number,
  ];
  // 100 bytes take 128
  expect([a, b, c]).toEqual([65_536, 65_664, 65_728]);
  expect(heap.allocate(1)).toBeUndefined();
  heap.free(a, 100);
  expect(heap.allocate(192)).toBeUndefined();
  heap.free(b, 64);
  expect(heap.allocate(192)).toBe(65_536);
  heap.free(65_536, 192);
  heap.free(c, 129_792);
  expect(heap.allocate(129_984)).toBe(65_536);
  expect(heap.allocate(1)).toBeUndefined();
});

it("may be refused", () => {
  expect(createHeap(65_537)).toBeUndefined(); // more than 4 GiB
});
