/**
 * The normalizers of `tokenizer.json`, each with the alignment that the `tokenizers` library gives it. Those that are not
 * in the table are run by `@huggingface/tokenizers`, which knows no alignment.
 */
import { showBytes } from "../byte-level.js";
import { TokenizerError } from "../errors.js";
import { createLibraryNormalizer } from "../library.js";
import { createPattern } from "../pattern.js";
import { type AlignedText, mapCharacters, plainText, prepend, replaceAll, slice } from "./aligned-text.js";
import { toUnicodeForm, type UnicodeForm } from "./unicode-forms.js";

export type Normalize = (source: AlignedText) => AlignedText;

type Json = Readonly<Record<string, unknown>>;

const normalizers: Readonly<Record<string, (json: Json) => Normalize>> = {
  Sequence: ({ normalizers: parts }) => {
    const steps = (parts as readonly Json[]).map(createNormalizer);
    return (source) => steps.reduce((text, step) => step(text), source);
  },
  ...Object.fromEntries(
    (["NFC", "NFD", "NFKC", "NFKD"] satisfies UnicodeForm[]).map((form) => [
      form,
      () => (source: AlignedText) => toUnicodeForm(source, form),
    ]),
  ),
  Replace: ({ pattern, content }) => {
    const found = createPattern(pattern);
    return (source) => replaceAll(source, found, content as string);
  },
  Prepend:
    ({ prepend: content }) =>
    (source) =>
      prepend(source, content as string),
  Lowercase: () => lowercase,
  StripAccents: () => (source) =>
    mapCharacters(source, (character) => (/\p{M}/u.test(character) ? "" : character)),
  Strip:
    ({ strip_left: left, strip_right: right }) =>
    (source) => {
      const start = left === false ? 0 : (/^\p{White_Space}*/u.exec(source.text)?.[0].length ?? 0);
      const kept = source.text.slice(start);
      const end = right === false ? kept.length : kept.replace(/\p{White_Space}+$/u, "").length;
      return slice(source, start, start + end);
    },
  Nmt: () => (source) => mapCharacters(source, normalizeForTranslation),
  BertNormalizer: (json) => {
    const {
      clean_text: cleans = true,
      handle_chinese_chars: separates = true,
      lowercase: lowers = true,
    } = json;
    const strips = json.strip_accents ?? lowers;
    const steps: Normalize[] = [];
    if (cleans) steps.push((source) => mapCharacters(source, cleanCharacter));
    if (separates) steps.push((source) => mapCharacters(source, separateIdeograph));
    if (strips) steps.push((source) => stripMarks(toUnicodeForm(source, "NFD")));
    if (lowers) steps.push(lowercase);
    return (source) => steps.reduce((text, step) => step(text), source);
  },
  ByteLevel: () => (source) => mapCharacters(source, showBytes),
};

/** @throws when the normalizer is not known */
export function createNormalizer(json: Json): Normalize {
  const create = normalizers[json.type as string];
  return create === undefined ? createUnaligned(json) : create(json);
}

function createUnaligned(json: Json): Normalize {
  const normalize = createLibraryNormalizer(json);
  return ({ text, origin }) => {
    if (origin !== undefined) {
      throw new TokenizerError(
        `offsets are not known behind the normalizer ${String(json.type)}; encode without them`,
      );
    }
    return plainText(normalize(text));
  };
}

function lowercase(source: AlignedText): AlignedText {
  return mapCharacters(source, (character) => character.toLowerCase());
}

/** Without non-spacing marks. */
function stripMarks(source: AlignedText): AlignedText {
  return mapCharacters(source, (character) => (/\p{Mn}/u.test(character) ? "" : character));
}

/** What SentencePiece's rule `nmt` does: control characters go, other white space becomes a space. */
function normalizeForTranslation(character: string): string {
  const code = character.codePointAt(0) as number;
  const isControl = code === 0x0b || code === 0x7f || code === 0x8f || code === 0x9f;
  if (isControl || (code >= 0x01 && code <= 0x08) || (code >= 0x0e && code <= 0x1f)) return "";
  return /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/.test(character) ? " " : character;
}

/** @see `_clean_text` of BERT's `tokenization.py` */
function cleanCharacter(character: string): string {
  if (/[\t\n\r]/.test(character)) return " ";
  if (/[\ufffd\p{Cc}\p{Cf}\p{Co}]/u.test(character)) return "";
  return /\p{White_Space}/u.test(character) ? " " : character;
}

/** @see `_tokenize_chinese_chars` of BERT's `tokenization.py` */
function separateIdeograph(character: string): string {
  return ideograph.test(character) ? ` ${character} ` : character;
}
const ideograph =
  /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/u;
