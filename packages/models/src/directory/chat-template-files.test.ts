import { describe, expect, it } from "vitest";
import { withChatTemplateInBothPlaces } from "./chat-template-files.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const both = (files: Readonly<Record<string, string>>) => {
  const written = withChatTemplateInBothPlaces(
    new Map(Object.entries(files).map(([name, text]) => [name, bytes(text)])),
  );
  const text = (name: string) => {
    const contents = written.get(name);
    return contents instanceof Uint8Array ? new TextDecoder().decode(contents) : contents;
  };
  const config = text("tokenizer_config.json");
  return { file: text("chat_template.jinja"), config: config === undefined ? undefined : JSON.parse(config) };
};

describe("a chat template", () => {
  it("goes from the file to the config, which keeps the rest", () => {
    const files = { "chat_template.jinja": "{{ a }}é", "tokenizer_config.json": '{"eos_token": "</s>"}' };
    expect(both(files)).toEqual({
      file: "{{ a }}é",
      config: { eos_token: "</s>", chat_template: "{{ a }}é" },
    });
  });

  it("leaves large numbers in all their digits", () => {
    const limit = "1000000000000000019884624838656"; // int(1e30), what transformers writes for no limit
    const config = new TextEncoder().encode(`{"model_max_length": ${limit}}`);
    const written = withChatTemplateInBothPlaces(
      new Map<string, Uint8Array | string>([
        ["chat_template.jinja", "x"],
        ["tokenizer_config.json", config],
      ]),
    );
    expect(written.get("tokenizer_config.json")).toContain(`"model_max_length": ${limit},`);
  });

  it("goes from the config to the file, as text or by name", () => {
    expect(both({ "tokenizer_config.json": '{"chat_template": "{{ b }}"}' }).file).toBe("{{ b }}");
    const named = [
      { name: "tool_use", template: "tools" },
      { name: "default", template: "plain" },
    ];
    expect(both({ "tokenizer_config.json": JSON.stringify({ chat_template: named }) })).toEqual({
      file: "plain",
      config: { chat_template: named },
    });
  });

  it("of the file counts where the two differ; other names stay", () => {
    const named = [
      { name: "default", template: "old" },
      { name: "tool_use", template: "tools" },
    ];
    const config = JSON.stringify({ chat_template: named });
    expect(
      both({ "chat_template.jinja": "new", "tokenizer_config.json": config }).config.chat_template,
    ).toEqual([
      { name: "default", template: "new" },
      { name: "tool_use", template: "tools" },
    ]);
  });

  it("with a name of its own goes from its file to the config, and back", () => {
    const file = "additional_chat_templates/tool_use.jinja";
    const given = { "chat_template.jinja": "plain", [file]: "tools", "tokenizer_config.json": "{}" };
    const named = [
      { name: "default", template: "plain" },
      { name: "tool_use", template: "tools" },
    ];
    expect(both(given).config.chat_template).toEqual(named);
    const back = withChatTemplateInBothPlaces(
      new Map([
        [
          "tokenizer_config.json",
          JSON.stringify({ chat_template: [...named, { name: "a/b", template: "c" }] }),
        ],
      ]),
    );
    expect([...back.keys()]).toEqual(["tokenizer_config.json", "chat_template.jinja", file]);
    expect(back.get(file)).toBe("tools");
  });

  it("is not invented", () => {
    const files = new Map([["tokenizer_config.json", bytes("{}")]]);
    expect(withChatTemplateInBothPlaces(files)).toBe(files);
    const lone = new Map([["chat_template.jinja", bytes("x")]]);
    expect(withChatTemplateInBothPlaces(lone)).toBe(lone);
  });
});
