/**
 * Tokens like `<0xE2>` turned back into text, as the `tokenizers` library does: a run of byte tokens that is valid UTF-8
 * becomes that text, any other run becomes one U+FFFD for each of its bytes.
 */

const byteToken = /^<0x([0-9A-Fa-f]{2})>$/;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function decodeByteFallback(tokens: readonly string[]): string[] {
  const texts: string[] = [];
  let run: number[] = [];
  const endRun = () => {
    if (run.length > 0) texts.push(decodeRun(run));
    run = [];
  };
  for (const token of tokens) {
    const byte = byteToken.exec(token)?.[1];
    if (byte !== undefined) {
      run.push(Number.parseInt(byte, 16));
      continue;
    }
    endRun();
    texts.push(token);
  }
  endRun();
  return texts;
}

function decodeRun(bytes: readonly number[]): string {
  try {
    return utf8.decode(Uint8Array.from(bytes));
  } catch {
    // Not UTF-8: this is the library's answer, not a failure.
    return "\ufffd".repeat(bytes.length);
  }
}
