/**
 * The header of a safetensors file, checked completely before anything is allocated by it.
 * @see https://huggingface.co/docs/safetensors (format); limits as in the reference library
 */
import { DataError } from "@alignkit/core";
import { type JsonObject, type JsonValue, parseJsonText } from "./json-text.js";
import { dtypeNames, type SafetensorsDtype, safetensorsDtypes } from "./safetensors-dtypes.js";

/** Where a tensor lies. */
export interface TensorEntry {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface SafetensorsHeader {
  /** Null when the file has none. */
  readonly metadata: ReadonlyMap<string, string> | null;
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** Bytes before the header: its length. */
export const lengthBytes = 8;

/** The format's limit on the header, in bytes. */
export const maximumHeaderBytes = 100_000_000;

/** A file that breaks the format was cut short on its way, or written wrongly: nobody mends it by hand. */
const damaged = (message: string, options?: ConstructorParameters<typeof DataError>[1]): DataError =>
  new DataError(`${message}; fetch the file again, or save it again with the program that wrote it`, options);

/** What is often found under the name of a weight file. */
const impostors: readonly { readonly start: string; readonly name: string }[] = [
  { start: "version https://git-lfs", name: 'a Git LFS pointer (fetch the file itself: "git lfs pull")' },
  { start: "<", name: "a web page (fetch the file itself: sign in, or look at the address)" },
  { start: "PK", name: "a zip archive or PyTorch file (convert it to safetensors)" },
  { start: "\u0080", name: "a pickle (convert it to safetensors)" },
];

/**
 * The header's length, from the first bytes of a file.
 * @param start - up to the first 32 bytes
 * @throws {DataError} when no header of that length can be there
 */
export function headerLength(file: string, start: Uint8Array, fileBytes: number): number {
  if (fileBytes < lengthBytes || start.length < lengthBytes) {
    throw damaged(
      `${file}: truncated: ${fileBytes} bytes are too small for a safetensors file, which starts with an 8-byte header length`,
    );
  }
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  const available = fileBytes - lengthBytes;
  if (length > maximumHeaderBytes || length > available) {
    const limit =
      length > maximumHeaderBytes
        ? `over the format's limit of ${maximumHeaderBytes} bytes`
        : `past the end of the file, which has ${available} bytes left: it is truncated or no safetensors file`;
    const text = Buffer.from(start).toString("latin1");
    const impostor = impostors.find((candidate) => text.startsWith(candidate.start));
    const message = `${file}: header length ${length} is ${limit}`;
    if (impostor !== undefined)
      throw new DataError(`${message}; this looks like ${impostor.name}`, { details: { file } });
    throw damaged(message, { details: { file } });
  }
  if (length === 0n) {
    throw damaged(`${file}: header length is 0; even without tensors the header is {}`, {
      details: { file },
    });
  }
  return Number(length);
}

/**
 * Reads and checks a header.
 * @param header - all of its bytes
 * @param dataBytes - bytes in the file after the header
 * @throws {DataError} naming the file, the tensor and the rule that is broken
 */
export function parseSafetensorsHeader(
  file: string,
  header: Uint8Array,
  dataBytes: number,
): SafetensorsHeader {
  if (header[0] !== 0x7b) {
    const found = JSON.stringify(Buffer.from(header.subarray(0, 8)).toString("latin1"));
    throw damaged(
      `${file}: header must start with {, the beginning of a JSON object; it starts with ${found}`,
    );
  }
  const root = parseObject(file, header);
  const entries: [string, TensorEntry][] = [];
  let metadata: ReadonlyMap<string, string> | null = null;
  for (const [name, value] of root) {
    if (name === "__metadata__") {
      metadata = readMetadata(file, value);
    } else {
      entries.push([name, readEntry(`${file}: tensor ${JSON.stringify(name)}`, value)]);
    }
  }
  checkCoverage(file, entries, dataBytes);
  const dataStart = lengthBytes + header.length;
  const tensors = new Map(
    entries.map(([name, entry]) => [name, { ...entry, byteOffset: dataStart + entry.byteOffset }]),
  );
  return { metadata, tensors };
}

function parseObject(file: string, header: Uint8Array): JsonObject {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header);
  } catch (cause) {
    throw damaged(`${file}: header is not valid UTF-8`, { cause });
  }
  try {
    // The first character is "{", so the value is an object.
    return parseJsonText(text) as JsonObject;
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw damaged(`${file}: header is not valid JSON: ${problem}`, { cause });
  }
}

function readMetadata(file: string, value: JsonValue): ReadonlyMap<string, string> {
  if (!(value instanceof Map)) {
    throw damaged(`${file}: __metadata__ must be an object of strings`);
  }
  const metadata = new Map<string, string>();
  for (const [key, text] of value) {
    if (typeof text !== "string") {
      throw damaged(`${file}: __metadata__ must hold strings only; ${JSON.stringify(key)} is not one`);
    }
    metadata.set(key, text);
  }
  return metadata;
}

/** One tensor's entry, with offsets from the start of the data. */
function readEntry(place: string, value: JsonValue): TensorEntry {
  if (!(value instanceof Map)) {
    throw damaged(`${place}: must be described by an object with dtype, shape and data_offsets`);
  }
  for (const key of ["dtype", "shape", "data_offsets"]) {
    if (!value.has(key)) {
      throw damaged(`${place}: ${key} is missing`);
    }
  }
  const dtype = dtypeNames.find((name) => name === value.get("dtype"));
  if (dtype === undefined) {
    const given = describe(value.get("dtype"));
    throw new DataError(
      `${place}: dtype ${given} is not supported; save it as one of ${dtypeNames.join(", ")}`,
    );
  }
  const shape = readIntegers(place, "shape", value.get("shape"));
  const offsets = readIntegers(place, "data_offsets", value.get("data_offsets"));
  const [begin, end] = offsets;
  if (offsets.length !== 2 || begin === undefined || end === undefined || begin > end) {
    throw damaged(
      `${place}: data_offsets must be [begin, end] with begin <= end; they are [${offsets.join(", ")}]`,
    );
  }
  // The reference library multiplies in 64 bits and refuses an overflow on the way, even where a later 0 undoes it.
  const bytes = shape.reduce((product, size) => {
    const next = product * size;
    if (next >= 2n ** 64n) {
      throw damaged(
        `${place}: shape [${shape.join(", ")}] overflows: it has more elements than 64 bits can count`,
      );
    }
    return next;
  }, BigInt(safetensorsDtypes[dtype].bytes));
  if (bytes !== end - begin) {
    throw damaged(
      `${place}: its shape [${shape.join(", ")}] of ${dtype} has a size of ${bytes} bytes, but its data_offsets span ${end - begin}`,
    );
  }
  if ([begin, end, ...shape].some((number) => number > Number.MAX_SAFE_INTEGER)) {
    throw damaged(`${place}: its shape or offsets exceed 2^53 - 1`);
  }
  return { dtype, shape: shape.map(Number), byteOffset: Number(begin), byteLength: Number(end - begin) };
}

function readIntegers(place: string, field: string, value: JsonValue | undefined): readonly bigint[] {
  if (!Array.isArray(value)) {
    throw damaged(`${place}: ${field} must be a list of integers; it is ${describe(value)}`);
  }
  return (value as readonly JsonValue[]).map((item) => {
    const text = typeof item === "object" && item !== null && "kind" in item ? item.text : "";
    if (!/^(0|[1-9][0-9]*)$/.test(text)) {
      throw damaged(`${place}: ${field} must be integers of at least 0; found ${describe(item)}`);
    }
    const integer = BigInt(text);
    if (integer >= 2n ** 64n) {
      throw damaged(`${place}: ${field} overflows 64 bits: ${text}`);
    }
    return integer;
  });
}

/** Tensors must cover the data without gap, overlap or rest. */
function checkCoverage(
  file: string,
  entries: readonly (readonly [string, TensorEntry])[],
  dataBytes: number,
): void {
  const end = (entry: TensorEntry) => entry.byteOffset + entry.byteLength;
  const sorted = entries.toSorted(([, a], [, b]) => a.byteOffset - b.byteOffset || end(a) - end(b));
  let covered = 0;
  let previous = "the start of the data";
  for (const [name, entry] of sorted) {
    const place = `${file}: tensor ${JSON.stringify(name)}`;
    if (entry.byteOffset < covered) {
      throw damaged(
        `${place}: overlap: its data offset ${entry.byteOffset} lies before byte ${covered}, the end of ${previous}`,
      );
    }
    if (entry.byteOffset > covered) {
      throw damaged(
        `${place}: gap: its data offset ${entry.byteOffset} lies after byte ${covered}, the end of ${previous}`,
      );
    }
    if (end(entry) > dataBytes) {
      throw damaged(
        `${place}: truncated: its data offsets end at byte ${end(entry)}, but the file has ${dataBytes} bytes of data`,
      );
    }
    covered = end(entry);
    previous = `tensor ${JSON.stringify(name)}`;
  }
  if (covered < dataBytes) {
    throw damaged(
      `${file}: trailing data: the header's tensors end at byte ${covered}, but the file has ${dataBytes} bytes of data (incomplete header?)`,
    );
  }
}

function describe(value: JsonValue | undefined): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "missing";
  if (Array.isArray(value)) return "a list";
  return value instanceof Map ? "an object" : (value as { readonly text: string }).text;
}
