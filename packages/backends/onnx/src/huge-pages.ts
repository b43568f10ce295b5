/**
 * Asks Linux for huge pages under large arrays.
 *
 * A first touch of 500 MB costs 2 s in pages of 4 KiB on a virtual machine, and 0.3 s in huge pages (measured);
 * reads are faster as well. It is advice: elsewhere, and where the system refuses, nothing happens.
 */
import koffi from "koffi";

const huge = 14; // MADV_HUGEPAGE
const pageSize = 4096n;
const smallest = 4 << 20; // two huge pages of 2 MiB, so that one fits whole

/** Gives the advice for memory, all of it or a part; call it before the memory is first written. */
export type AdviseHugePages = (memory: ArrayBufferLike, byteOffset?: number, byteLength?: number) => void;

export function createHugePageAdvice(): AdviseHugePages {
  if (process.platform !== "linux") return () => {};
  const advise = koffi.load(null).func("madvise", "int", ["uintptr_t", "size_t", "int"]);
  return (memory, byteOffset = 0, byteLength = memory.byteLength - byteOffset) => {
    if (byteLength < smallest) return;
    const start = koffi.address(new Uint8Array(memory)) + BigInt(byteOffset);
    const firstPage = (start + pageSize - 1n) & -pageSize;
    const end = (start + BigInt(byteLength)) & -pageSize;
    advise(firstPage, end - firstPage, huge);
  };
}
