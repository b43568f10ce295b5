/** Memory of this process that is in RAM, in MB of 2^20 bytes. */
import { readFileSync, writeFileSync } from "node:fs";

const bytesPerMegabyte = 2 ** 20;

/** Resident now. */
export function residentMegabytes(): number {
  return process.memoryUsage.rss() / bytesPerMegabyte;
}

/** The most that was resident since {@link resetPeak}; where the system cannot be reset, since the process began. */
export function peakMegabytes(): number {
  try {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
    if (line !== null) return Number(line[1]) / 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS / 1024;
}

/** Begins a new peak, on Linux. */
export function resetPeak(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Not Linux: the peak is that of the whole process, warm-up included.
  }
}
