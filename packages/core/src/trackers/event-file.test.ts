import { describe, expect, it } from "vitest";
import { crc32c, frame, readRecords, restartEvent, summaryEvent, versionEvent } from "./event-file.js";

describe("crc32c", () => {
  it("is that of RFC 3720, appendix B.4", () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e);
    // The check value of the catalogue of CRCs.
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  });
});

describe("events", () => {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

  it("are protobuf messages", () => {
    // 1: 8 bytes, the double 1.0; 2: varint 300 = 0b10 0101100; 5: 13 bytes, in it 1: 11 bytes, in it
    // 1: 4 bytes "loss", 2: 4 bytes, the float 0.5.
    expect(hex(summaryEvent(1, 300, { loss: 0.5 }))).toBe(
      "09000000000000f03f" + "10ac02" + "2a0d" + "0a0b" + "0a046c6f7373" + "150000003f",
    );
    expect(hex(restartEvent(0, 1))).toBe(`090000000000000000${"1001"}${"3a020801"}`);
    expect(Buffer.from(versionEvent(0)).toString("latin1")).toContain("\x1a\x0dbrain.Event:2");
  });

  it("are read back with their steps, up to what is cut or changed", () => {
    const steps = [0, 127, 128, 300, 2 ** 40];
    const records = steps.map((step) => frame(summaryEvent(1, step, { loss: step })));
    const file = Buffer.concat(records);
    expect(readRecords(file).map(({ step }) => step)).toEqual(steps);
    expect(Buffer.concat(readRecords(file).map(({ bytes }) => bytes))).toEqual(file);
    for (const missing of [1, 4, 5, 20]) {
      expect(readRecords(file.subarray(0, -missing))).toHaveLength(4);
    }
    const changed = Buffer.from(file);
    const last = changed.length - 6;
    changed[last] = (changed[last] as number) ^ 1;
    expect(readRecords(changed)).toHaveLength(4);
    expect(readRecords(new Uint8Array())).toEqual([]);
  });
});
