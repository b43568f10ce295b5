/** Conversations from files to ids, by a model's chat template. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createAnswerEncoder,
  readDemonstrations,
  readPrompts,
  readRankings,
  tokenizeDemonstrations,
  tokenizePrompts,
  tokenizeRankings,
} from "@alignkit/data";
import { loadTokenizer } from "@alignkit/tokenizer";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const fixtures = new URL("../packages/tokenizer/fixtures/", import.meta.url).pathname;
/** Llama 3's template, with `{% generation %}`; it allows the roles system, user, assistant and tool. */
const tokenizer = await loadTokenizer(`${fixtures}bpe_llama3`);
/** No template. */
const plain = await loadTokenizer(`${fixtures}bpe_gpt2`);
const maximumLength = 200;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-chat-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function file(...rows: readonly object[]): Promise<string> {
  const path = join(directory, "chat.jsonl");
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}
const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const head = (role: string) => `<|start_header_id|>${role}<|end_header_id|>\n\n`;

async function demonstrations(...rows: readonly object[]) {
  const records = await readDemonstrations([await file(...rows)]);
  return tokenizeDemonstrations(records, tokenizer, { maximumLength }).examples.map(
    ({ inputIds, labels }) => ({
      text: tokenizer.decode(inputIds),
      learned: tokenizer.decode(labels.filter((label) => label >= 0)),
    }),
  );
}

describe("demonstrations", () => {
  it("are written by the template; answers and their end tokens are learned", async () => {
    const messages = [user("1+1?"), assistant("2"), user("why"), assistant("so")];
    expect(await demonstrations({ messages })).toEqual([
      {
        text: `<|begin_of_text|>${head("user")}1+1?<|eot_id|>${head("assistant")}2<|eot_id|>${head("user")}why<|eot_id|>${head("assistant")}so<|eot_id|>`,
        learned: "2<|eot_id|>so<|eot_id|>",
      },
    ]);
  });

  it("leave answers of a prompt unlearned", async () => {
    const prompt = [user("1+1?"), assistant("2"), user("why")];
    const [row] = await demonstrations({ prompt, completion: [assistant("so")] });
    expect(row?.learned).toBe("so<|eot_id|>");
  });

  it("take tools and tool messages", async () => {
    const messages = [
      { role: "system", content: "Use tools." },
      user("t?"),
      { role: "tool", content: "3" },
      assistant("3"),
    ];
    const [row] = await demonstrations({ messages, tools: [{ name: "clock" }] });
    expect(row?.text).toContain('Tools: clock\n{"name": "clock"}');
    expect(row?.text).toContain(`${head("tool")}3<|eot_id|>`);
  });

  it("without a template are plain text, as before", async () => {
    const records = await readDemonstrations([await file({ messages: [user("hi"), assistant("yes")] })]);
    const [example] = tokenizeDemonstrations(records, plain, { maximumLength }).examples;
    expect(plain.decode(example?.inputIds ?? [])).toBe("User: hi\n\nAssistant: yes<|endoftext|>");
  });

  it.each([
    [
      [{ role: "system", content: "a" }, user("b"), { role: "system", content: "c" }, assistant("d")],
      '"messages"[2] is a second system message; write one, as the first message',
    ],
    [
      [{ role: "bot", content: "a" }, assistant("b")],
      '"messages"[0].role is "bot"; give "system", "user", "assistant" or "tool"',
    ],
    [[user("a"), assistant("")], '"messages"[1].content is empty; give a non-empty string or drop the line'],
    [[assistant("<|begin_of_text|>a"), assistant("b")], undefined],
    [[user("<|begin_of_text|>a"), assistant("b")], undefined],
  ])("%j", async (messages, problem) => {
    const reading = demonstrations({ messages: [user("a"), assistant("b")] }, { messages });
    // BOS inside a message stands after the header, so that the conversation does not start with it twice.
    if (problem === undefined) expect((await reading).length).toBe(2);
    else await expect(reading).rejects.toThrow(`${join(directory, "chat.jsonl")}:2: ${problem}`);
  });

  it("name file and line where the template refuses", async () => {
    const { files } = tokenizer;
    const strict = { ...tokenizer, files, chat: refusing() };
    const records = await readDemonstrations([await file({ messages: [user("a"), assistant("b")] })]);
    expect(() => tokenizeDemonstrations(records, strict, { maximumLength })).toThrow(
      "chat.jsonl:1: roles must alternate",
    );
  });

  it("name the column that is not what the template takes", async () => {
    const messages = [user("a"), assistant("b")];
    await expect(demonstrations({ messages, tools: { name: "clock" } })).rejects.toThrow(
      'chat.jsonl:1: "tools" is {"name":"clock"}; give an array of tools',
    );
    await expect(demonstrations({ messages, chat_template_kwargs: "{" })).rejects.toThrow(
      'chat.jsonl:1: "chat_template_kwargs" is a string, but not JSON; give JSON',
    );
  });
});

it("prompts end where the assistant is to answer", async () => {
  const records = await readPrompts([await file({ messages: [user("hi")] })]);
  const [prompt] = tokenizePrompts(records, tokenizer, { maximumLength }).prompts;
  expect(tokenizer.decode(prompt?.inputIds ?? [])).toBe(
    `<|begin_of_text|>${head("user")}hi<|eot_id|>${head("assistant")}`,
  );
  const withTool = await readPrompts([
    await file({ messages: [user("hi"), { role: "tool", content: "3" }] }),
  ]);
  expect(() => tokenizePrompts(withTool, plain, { maximumLength })).toThrow(
    'chat.jsonl:1: "messages"[1].role is "tool", which needs a chat template',
  );
});

it("rankings are whole conversations that end with the end token", async () => {
  const chosen = [user("hi"), assistant("hello")];
  const rejected = [user("hi"), assistant("go")];
  const records = await readRankings([await file({ chosen, rejected })]);
  const [ranking] = tokenizeRankings(records, tokenizer, { maximumLength }).rankings;
  expect(ranking?.rows.map((row) => tokenizer.decode(row))).toEqual(
    ["hello", "go"].map(
      (answer) => `<|begin_of_text|>${head("user")}hi<|eot_id|>${head("assistant")}${answer}<|eot_id|>`,
    ),
  );
});

/** A template that takes no conversation. */
function refusing() {
  const refuse = (): never => {
    throw new Error("roles must alternate");
  };
  return { encode: refuse, encodePrompt: refuse };
}

describe("answers to a prompt, for a reward model with a tokenizer of its own", () => {
  const row = { messages: [{ role: "system", content: "Be brief." }, user("1+1?")] };
  const encode = async (request: { answer: string; isEnded: boolean }, reader = tokenizer) => {
    const [record] = await readPrompts([await file(row)]);
    const encoded = createAnswerEncoder(reader)({ record, prompt: "not read", ...request });
    return { ...encoded, text: reader.decode([...encoded.prompt, ...encoded.answer]) };
  };

  it.each([
    ["with a template", tokenizer],
    ["without one", plain],
  ])("have the ids of a ranking, %s", async (_, reader) => {
    const ranking = { prompt: row.messages, chosen: [assistant("2")], rejected: [assistant("3")] };
    const records = await readRankings([await file(ranking)]);
    const [trained] = tokenizeRankings(records, reader, { maximumLength }).rankings;
    const { prompt, answer } = await encode({ answer: "2", isEnded: true }, reader);
    expect([...prompt, ...answer]).toEqual([...(trained?.rows[0] ?? [])]);
    const prompts = tokenizePrompts(await readPrompts([await file(row)]), reader, { maximumLength }).prompts;
    expect(prompt).toEqual([...(prompts[0]?.inputIds ?? [])]);
  });

  it("have no end token where the answer was cut off, and may be empty", async () => {
    const start = `<|begin_of_text|>${head("system")}Be brief.<|eot_id|>${head("user")}1+1?<|eot_id|>${head("assistant")}`;
    expect((await encode({ answer: "2, be", isEnded: false })).text).toBe(`${start}2, be`);
    expect((await encode({ answer: "", isEnded: false })).text).toBe(start);
    expect((await encode({ answer: "", isEnded: true })).text).toBe(
      start + tokenizer.decode([tokenizer.eosTokenId as number]),
    );
    expect((await encode({ answer: " 2", isEnded: false }, plain)).text).toBe(
      "Be brief.\n\nUser: 1+1?\n\nAssistant: 2",
    );
  });

  it("of a plain prompt stand behind it", async () => {
    const encoded = createAnswerEncoder(plain)({
      record: undefined,
      prompt: "a b",
      answer: " c",
      isEnded: true,
    });
    expect(plain.decode([...encoded.prompt, ...encoded.answer])).toBe("a b c<|endoftext|>");
  });
});
