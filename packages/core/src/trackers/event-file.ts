/**
 * TensorBoard's event files: records as TFRecord frames them, each a protobuf `Event`.
 *
 * A record is its length (uint64), a checksum of the length, the data, a checksum of the data, all little-endian.
 * Every event of this writer begins with its time and its step, so that the step of a record is found again.
 * @see tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto
 */
import type { Metrics } from "../index.js";

const polynomial = 0x82f63b78;
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
  return value;
});

/** CRC-32C (Castagnoli), RFC 3720, appendix B.4. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Turned and moved, so that the checksum of data that holds a checksum is no simple one. */
const maskedChecksum = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
};

const headerLength = 12;
const footerLength = 4;

/** An event in its frame. */
export function frame(data: Uint8Array): Uint8Array {
  const record = Buffer.alloc(headerLength + data.length + footerLength);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedChecksum(record.subarray(0, 8)), 8);
  record.set(data, headerLength);
  record.writeUInt32LE(maskedChecksum(data), headerLength + data.length);
  return record;
}

/** A record of a file and the step of its event. */
export interface EventRecord {
  /** With its frame. */
  readonly bytes: Uint8Array;
  readonly step: number;
}

/** The whole records from the start of a file, up to one that was cut short or changed. */
export function readRecords(file: Uint8Array): readonly EventRecord[] {
  const buffer = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const records: EventRecord[] = [];
  let at = 0;
  while (at + headerLength <= buffer.length) {
    const header = buffer.subarray(at, at + 8);
    if (buffer.readUInt32LE(at + 8) !== maskedChecksum(header)) break;
    const end = at + headerLength + Number(header.readBigUInt64LE(0));
    if (end + footerLength > buffer.length) break;
    const data = buffer.subarray(at + headerLength, end);
    if (buffer.readUInt32LE(end) !== maskedChecksum(data)) break;
    records.push({ bytes: buffer.subarray(at, end + footerLength), step: stepOf(data) });
    at = end + footerLength;
  }
  return records;
}

/** Protobuf wire types. */
const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const tag = (field: number, type: keyof typeof wire): number => (field << 3) | wire[type];

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

const lengthDelimited = (field: number, content: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.from([tag(field, "bytes"), ...varint(content.length)]), content]);

/** `Event { wall_time = 1, step = 2, ... }` */
function eventOf(seconds: number, step: number, content: Uint8Array): Uint8Array {
  const time = Buffer.alloc(9);
  time[0] = tag(1, "fixed64");
  time.writeDoubleLE(seconds, 1);
  return Buffer.concat([time, Uint8Array.from([tag(2, "varint"), ...varint(step)]), content]);
}

/** Reads the varint after the time. */
function stepOf(event: Uint8Array): number {
  let step = 0;
  let factor = 1;
  for (let at = 10; at < event.length; at++) {
    const byte = event[at] as number;
    step += (byte & 127) * factor;
    if (byte < 128) return step;
    factor *= 128;
  }
  return step;
}

/** The first event of a file: `file_version = 3`. @param seconds - since 1970 */
export const versionEvent = (seconds: number): Uint8Array =>
  eventOf(seconds, 0, lengthDelimited(3, Buffer.from("brain.Event:2")));

/** `session_log = 7 { status = START }`: a reader forgets what it has read of this and later steps. */
export const restartEvent = (seconds: number, step: number): Uint8Array =>
  eventOf(seconds, step, lengthDelimited(7, Uint8Array.from([tag(1, "varint"), 1])));

/** `summary = 5 { value = 1 { tag = 1, simple_value = 2 } }`, one value per metric. @param step - not negative */
export function summaryEvent(seconds: number, step: number, metrics: Metrics): Uint8Array {
  const values = Object.entries(metrics).map(([name, value]) => {
    const simple = Buffer.alloc(5);
    simple[0] = tag(2, "fixed32");
    simple.writeFloatLE(value, 1);
    return lengthDelimited(1, Buffer.concat([lengthDelimited(1, Buffer.from(name, "utf8")), simple]));
  });
  return eventOf(seconds, step, lengthDelimited(5, Buffer.concat(values)));
}
