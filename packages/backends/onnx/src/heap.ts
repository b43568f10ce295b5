/**
 * A large WebAssembly memory that tensors live in, so that the SIMD kernels reach them without copying.
 *
 * It is address space only until it is written to, at most the 4 GB that WebAssembly can address; what does not fit
 * lives elsewhere and is copied piece by piece. It never grows, so addresses stay.
 */
export interface Heap {
  readonly memory: WebAssembly.Memory;
  readonly buffer: SharedArrayBuffer;
  /** Offset of a free block, or `undefined` when none is large enough. */
  allocate(byteLength: number): number | undefined;
  /** Takes back what {@link Heap.allocate} gave. */
  free(offset: number, byteLength: number): void;
}

/** Of WebAssembly. */
export const pageSize = 65_536;
/** One less than WebAssembly has: of exactly 4 GiB, Node 20 does not hand the memory to another thread. */
const mostPages = 65_535;
const alignment = 64;
/**
 * Left free behind large blocks, so that arrays of whole pages do not all begin at the same place of a page: caches
 * find lines by that place, and work on several such arrays took up to three times as long (Zen 3).
 */
const stagger = 1088;

interface Block {
  readonly start: number;
  readonly end: number;
}

/** @returns `undefined` where the system refuses so much address space */
export function createHeap(pages = mostPages): Heap | undefined {
  let memory: WebAssembly.Memory;
  try {
    memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch {
    return undefined;
  }
  const buffer = memory.buffer;
  /** Free blocks by address, never touching each other. The last page is not among them, so that no end address wraps to 0. */
  let vacant: readonly Block[] = [{ start: 0, end: (pages - 1) * pageSize }];
  const padded = (byteLength: number): number =>
    Math.ceil(byteLength / alignment) * alignment + (byteLength < pageSize ? 0 : stagger);
  return {
    memory,
    buffer,
    allocate(byteLength) {
      const size = padded(byteLength);
      const block = vacant.find(({ start, end }) => end - start >= size);
      if (block === undefined) return undefined;
      const rest = { start: block.start + size, end: block.end };
      vacant = vacant.flatMap((each) => (each !== block ? [each] : rest.start < rest.end ? [rest] : []));
      return block.start;
    },
    free(offset, byteLength) {
      let freed: Block = { start: offset, end: offset + padded(byteLength) };
      const others: Block[] = [];
      for (const block of vacant) {
        if (block.end === freed.start) freed = { start: block.start, end: freed.end };
        else if (block.start === freed.end) freed = { start: freed.start, end: block.end };
        else others.push(block);
      }
      vacant = [...others, freed].sort((a, b) => a.start - b.start);
    },
  };
}
