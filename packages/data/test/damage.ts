import type { Random } from "@alignkit/core";

/** A copy of the bytes with damage of some kind; `other` gives bytes that belong elsewhere. */
export function damaged(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const kind = kinds[random.integer(kinds.length)] as Kind;
  return kind(Buffer.from(bytes), other, random);
}

type Kind = (bytes: Buffer, other: Buffer, random: Random) => Buffer;

/** Bytes that end or continue a number, or make it the largest or a negative one. */
const telling = [0x00, 0x01, 0x7f, 0x80, 0xff];

const kinds: readonly Kind[] = [
  function change(bytes, _other, random) {
    for (let left = 1 + random.integer(4); left > 0; left--)
      bytes[random.integer(bytes.length)] =
        random.uniform() < 0.5 ? random.integer(256) : (telling[random.integer(telling.length)] as number);
    return bytes;
  },
  function flipBit(bytes, _other, random) {
    const at = random.integer(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << random.integer(8));
    return bytes;
  },
  function fill(bytes, _other, random) {
    const at = random.integer(bytes.length);
    const end = Math.min(bytes.length, at + 1 + random.integer(12));
    return bytes.fill(telling[random.integer(telling.length)] as number, at, end);
  },
  function overwrite(bytes, other, random) {
    const from = random.integer(other.length);
    other.copy(bytes, random.integer(bytes.length), from, from + 1 + random.integer(64));
    return bytes;
  },
  function cutOut(bytes, _other, random) {
    const at = random.integer(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.integer(16))]);
  },
  function putIn(bytes, other, random) {
    const at = random.integer(bytes.length);
    const from = random.integer(other.length);
    return Buffer.concat([
      bytes.subarray(0, at),
      other.subarray(from, from + 1 + random.integer(16)),
      bytes.subarray(at),
    ]);
  },
  function cutShort(bytes, _other, random) {
    // With the footer's length and mark, so that something is read.
    return Buffer.concat([bytes.subarray(0, random.integer(bytes.length)), bytes.subarray(-8)]);
  },
];
