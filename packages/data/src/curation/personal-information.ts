/**
 * A simple filter for personal information: patterns that are seldom anything else. It finds no names and no postal
 * addresses; where those matter, give {@link FindPersonalInformation} of your own.
 *
 * @see Ouyang et al. 2022, section 3.2: "we filter all prompts in the training split for personally identifiable
 * information (PII)"; how is not said
 */

/** What of a text is personal, in a word or two, or undefined where nothing is. */
export type FindPersonalInformation = (text: string) => string | undefined | Promise<string | undefined>;

interface Pattern {
  readonly name: string;
  /** Linear in the text: no repetition within a repetition. */
  readonly expression: RegExp;
  /** Says of what the expression finds whether it is meant. */
  readonly holds?: (found: string) => boolean;
}

const patterns: readonly Pattern[] = [
  {
    name: "e-mail address",
    expression:
      /(?<![\w.%+-])[\w.%+-]{1,64}@(?=[\w.-]{4,255})[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.[A-Za-z]{2,24}\b/g,
  },
  {
    name: "secret key",
    expression:
      /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bgithub_pat_\w{22,255}\b|\bglpat-[\w-]{20,64}|\bhf_[A-Za-z0-9]{30,64}\b|\bsk-(?:[a-z]{2,10}-){0,2}[A-Za-z0-9_-]{20,200}|\bAIza[\w-]{35}|\bxox[abprs]-[\w-]{10,200}|\beyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}/g,
  },
  {
    name: "card number",
    // 13 to 19 digits, in groups or not.
    expression: /(?<![\d.-])\d(?:[ -]?\d){12,18}(?![\d.-]?\d)/g,
    holds: (found) => /^[2-6]/.test(found) && hasLuhnDigit(digitsOf(found)),
  },
  {
    name: "bank account",
    // IBAN: country, two check digits, up to 30 letters and digits.
    expression: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b/g,
    holds: (found) => hasIbanDigits(found.replaceAll(" ", "")),
  },
  {
    name: "social security number",
    expression: /(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])/g,
  },
  {
    name: "phone number",
    // With + and country, or 10 digits as written in North America; a bare row of digits is no phone number.
    expression:
      /(?<![\w+.])\+[1-9]\d{0,2}(?:[ .-]?\(?\d{1,5}\)?){2,6}(?!\w)|(?<![\w.-])(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}(?![\w-])/g,
    holds: (found) => {
      const { length } = digitsOf(found);
      return length >= 8 && length <= 15;
    },
  },
  {
    name: "IP address",
    expression: /(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)/g,
    holds: isPersonalAddress,
  },
];

/** Finds e-mail addresses, phone, card, account and social security numbers, IP addresses and secret keys. */
export function findPersonalInformation(text: string): string | undefined {
  for (const { name, expression, holds } of patterns) {
    for (const [found] of text.matchAll(expression)) {
      if (holds === undefined || holds(found)) return name;
    }
  }
  return undefined;
}

const digitsOf = (text: string) => text.replace(/\D/g, "");

/** @see ISO/IEC 7812-1, annex B */
function hasLuhnDigit(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place++) {
    const digit = Number(digits[digits.length - 1 - place]);
    const doubled = place % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** @see ISO 13616: the number with its first four characters at the end, letters as 10 to 35, leaves 1 over 97 */
function hasIbanDigits(account: string): boolean {
  if (account.length < 15 || account.length > 34) return false;
  let rest = 0;
  for (const character of account.slice(4) + account.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

/** Addresses of one's own machine, of private networks and of documentation name nobody. */
function isPersonalAddress(text: string): boolean {
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  if ([a, b, c, d].some((part) => part > 255)) return false;
  const isPrivate = a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168);
  const isDocumentation =
    (a === 192 && b === 0 && c === 2) ||
    (a === 198 && b === 51 && c === 100) ||
    (a === 203 && b === 0 && c === 113);
  return !(a === 0 || a === 127 || a >= 224 || (a === 169 && b === 254) || isPrivate || isDocumentation);
}
