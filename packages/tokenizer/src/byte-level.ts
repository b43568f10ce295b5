/**
 * The byte-level alphabet and the word pattern of GPT-2.
 *
 * @see Radford et al. 2019, section 2.2, and `encoder.py` of openai/gpt-2: every byte is shown as one printable
 * character, so that a vocabulary of strings can hold any text.
 */

/**
 * Words of a text, before byte-pair merges. White space is that of Unicode, as in the `tokenizers` library: JavaScript's
 * `\s` differs from it in U+FEFF (not white space) and U+0085 (white space).
 */
export const wordPattern =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

const utf8 = new TextEncoder();

/** The character that stands for each byte, 256 of them, all different. */
export const byteCharacters: readonly string[] = makeByteCharacters();

function makeByteCharacters(): string[] {
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let unprintable = 0;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(printable(byte) ? byte : 256 + unprintable++),
  );
}

/** `text` with a character of the alphabet for each of its bytes. */
export function showBytes(text: string): string {
  let shown = "";
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x80) return showEncoded(text);
    shown += byteCharacters[code];
  }
  return shown;
}

function showEncoded(text: string): string {
  let shown = "";
  for (const byte of utf8.encode(text)) shown += byteCharacters[byte];
  return shown;
}
