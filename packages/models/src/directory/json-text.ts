/**
 * A strict JSON reader for file headers, where `JSON.parse` is too lenient: it keeps the last of two equal keys, rounds
 * large integers, loses a key called `__proto__` on assignment, and has no limit on nesting.
 */

/** A number as it was written, so that no digit is lost. */
export interface JsonNumber {
  readonly kind: "number";
  readonly text: string;
}

export type JsonValue = null | boolean | string | JsonNumber | readonly JsonValue[] | JsonObject;
export type JsonObject = ReadonlyMap<string, JsonValue>;

/** Deeper nesting is refused, as the reference reader does. */
const maximumDepth = 128;

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids bare control characters in strings.
const plainTextPattern = /[^"\\\u0000-\u001f]*/y;
const whitespacePattern = /[ \t\n\r]*/y;

/**
 * Reads one JSON value.
 * @throws {SyntaxError} saying what is wrong and at which character
 */
export function parseJsonText(text: string): JsonValue {
  const reader = new JsonReader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class JsonReader {
  private position = 0;

  constructor(private readonly text: string) {}

  value(depth: number): JsonValue {
    this.match(whitespacePattern);
    if (depth > maximumDepth) {
      this.fail(`nested deeper than ${maximumDepth} levels`);
    }
    const start = this.text[this.position];
    if (start === "{") return this.object(depth);
    if (start === "[") return this.array(depth);
    if (start === '"') return this.string();
    for (const [word, value] of [
      ["true", true] as const,
      ["false", false] as const,
      ["null", null] as const,
    ]) {
      if (this.text.startsWith(word, this.position)) {
        this.position += word.length;
        return value;
      }
    }
    const number = this.match(numberPattern);
    if (number === "") {
      this.fail("a value is expected");
    }
    return { kind: "number", text: number };
  }

  end(): void {
    this.match(whitespacePattern);
    if (this.position < this.text.length) {
      this.fail("text after the value");
    }
  }

  private object(depth: number): JsonObject {
    const result = new Map<string, JsonValue>();
    this.position += 1;
    if (this.accept("}")) return result;
    do {
      this.match(whitespacePattern);
      const key = this.string();
      if (result.has(key)) {
        this.fail(`duplicate key ${JSON.stringify(key)}`);
      }
      this.expect(":");
      result.set(key, this.value(depth + 1));
    } while (this.accept(","));
    this.expect("}");
    return result;
  }

  private array(depth: number): readonly JsonValue[] {
    const result: JsonValue[] = [];
    this.position += 1;
    if (this.accept("]")) return result;
    do {
      result.push(this.value(depth + 1));
    } while (this.accept(","));
    this.expect("]");
    return result;
  }

  private string(): string {
    if (this.text[this.position] !== '"') {
      this.fail('a string (") is expected');
    }
    this.position += 1;
    let result = this.match(plainTextPattern);
    while (this.text[this.position] === "\\") {
      this.position += 1;
      result += this.escape() + this.match(plainTextPattern);
    }
    if (this.text[this.position] !== '"') {
      this.fail("a string does not end");
    }
    this.position += 1;
    if (/\p{Surrogate}/u.test(result)) {
      this.fail("a string has half of a surrogate pair");
    }
    return result;
  }

  private escape(): string {
    const letter = this.text[this.position] ?? "";
    this.position += 1;
    if (letter === "u") {
      const digits = this.text.slice(this.position, this.position + 4);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
        this.fail("\\u needs four hexadecimal digits");
      }
      this.position += 4;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const character = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined;
    return character ?? this.fail(`unknown escape \\${letter}`);
  }

  private accept(character: string): boolean {
    this.match(whitespacePattern);
    const found = this.text[this.position] === character;
    this.position += found ? 1 : 0;
    return found;
  }

  private expect(character: string): void {
    if (!this.accept(character)) {
      this.fail(`${JSON.stringify(character)} is expected`);
    }
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.position += found.length;
    return found;
  }

  private fail(problem: string): never {
    const where = this.position < this.text.length ? `at character ${this.position}` : "at the end";
    throw new SyntaxError(`${problem} ${where}`);
  }
}
