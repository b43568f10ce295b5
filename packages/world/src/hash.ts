/** Numbers fixed by a text: used where a draw must be a pure function of what it is about. */

/** 32-bit FNV-1a of the text's UTF-16 units, finished with the murmur3 mixer so that every bit depends on all of it. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Uniform in [0, 1), fixed by the text. */
export function hashUniform(text: string): number {
  return hash32(text) / 2 ** 32;
}

/** Standard normal, fixed by the text (Box-Muller over two hashes). */
export function hashNormal(text: string): number {
  const radius = Math.sqrt(-2 * Math.log(1 - hashUniform(`${text}|radius`)));
  return radius * Math.cos(2 * Math.PI * hashUniform(`${text}|angle`));
}
