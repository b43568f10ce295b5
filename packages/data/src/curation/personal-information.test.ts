import { expect, it } from "vitest";
import { findPersonalInformation } from "./personal-information.js";

it.each([
  ["write to jane.doe+news@mail.example.co.uk.", "e-mail address"],
  ["call +44 20 7946 0958 after nine", "phone number"],
  ["+4915123456789", "phone number"],
  ["(212) 555-0187", "phone number"],
  ["212-555-0187", "phone number"],
  ["1 212.555.0187", "phone number"],
  // The test numbers of card companies.
  ["card 4111 1111 1111 1111, thanks", "card number"],
  ["378282246310005", "card number"],
  // Examples of ISO 13616.
  ["pay DE89 3704 0044 0532 0130 00 soon", "bank account"],
  ["GB82WEST12345698765432", "bank account"],
  ["my number is 078-05-1120", "social security number"],
  ["logged in from 8.8.4.4 again", "IP address"],
  ["AKIAIOSFODNN7EXAMPLE", "secret key"],
  [`token ghp_${"a1B2".repeat(9)}`, "secret key"],
  [`sk-proj-${"Ab3_".repeat(10)}`, "secret key"],
  ["-----BEGIN RSA PRIVATE KEY-----", "secret key"],
])("finds in %j: %s", (text, kind) => expect(findPersonalInformation(text)).toBe(kind));

it.each([
  "What is 1234567890 times 2?",
  "Pi is 3.14159265358979323846264338327950288.",
  "In 2021-11-21 12:30:45 it rained; 1,234,567.89 people came.",
  "4111 1111 1111 1112 has a wrong last digit",
  "the server listens at 127.0.0.1 and 192.168.1.10",
  "section 1.2.3.4.5, not 300.1.1.1",
  "user@localhost, @handle, a@b",
  "DE00 3704 0044 0532 0130 00 has wrong check digits",
  "000-12-3456 was never given to anybody",
  "3 + 4 = 7; 555-0187 lacks its area; ISBN 978-3-16-148410-0",
  "sk-learn and eyJust words",
])("leaves %j", (text) => expect(findPersonalInformation(text)).toBeUndefined());

it.each(["a@", "1 ", "1-", "+1 (", "a.", "AB12 ", "1.1.", "sk-", "eyJaaaaaaaaaa.", "%@a."])(
  "takes time in proportion to the text: %j again and again",
  { timeout: 5000 },
  (piece) => {
    // 1 MB; a pattern that looks back over the text again for each place of it would need minutes.
    findPersonalInformation(piece.repeat(1_000_000 / piece.length));
  },
);
