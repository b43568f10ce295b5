/** Conversations from files to ids, by a model's chat template. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
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
