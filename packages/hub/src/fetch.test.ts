import { lstat, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type HubServer, serveHub } from "../test/hub-server.js";
import { fetchFromHub } from "./fetch.js";

const commit = "a".repeat(40);
const dataCommit = "b".repeat(40);
const model = {
  place: "models/tiny/model",
  commit,
  revisions: ["main", "refs/pr/1"],
  files: {
    "README.md": "# Model",
    "config.json": "{}",
    "model.safetensors": "weights",
    "pytorch_model.bin": "weights",
    "onnx/model.onnx": "weights",
    "tokenizer.json": "{}",
    "tokenizer_config.json": "{}",
  },
};
const dataset = {
  place: "datasets/tiny/data",
  commit: dataCommit,
  revisions: ["main", "v1.0"],
  files: {
    "README.md": "# Data",
    "data/test-00000.parquet": "test",
    "data/train-00000.parquet": "train 0",
    "data/train-00001.parquet": "train 1",
    "extra/notes.jsonl": '{"text": "a"}\n',
    "extra/empty.csv": "",
  },
};
const large = Buffer.alloc(1_500_000, "weights");
const inXet = {
  ...model,
  place: "models/tiny/xet",
  isXet: true,
  token: "hf_right",
  files: { ...model.files, "model.safetensors": large },
};
const locked = { ...model, place: "models/tiny/locked", token: "hf_right" };

let directory: string;
let hub: HubServer;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-hub-"));
  hub = await serveHub([model, dataset, locked, inXet]);
});
afterEach(async () => {
  await hub.close();
  await rm(directory, { recursive: true });
});

const environment = (more: Readonly<Record<string, string>> = {}) => ({
  HF_ENDPOINT: hub.endpoint,
  HF_HOME: directory,
  ...more,
});
const fetchHere = async (reference: string, more?: Readonly<Record<string, string>>) => {
  const paths = await fetchFromHub(reference, { environment: environment(more) });
  return paths.map((path) => relative(join(directory, "hub"), path));
};

describe("a model", () => {
  const root = "models--tiny--model";

  it("is the directory of its snapshot, with what is read of a model, laid out as the Hub's tools do", async () => {
    const seen: string[] = [];
    const [path = ""] = await fetchFromHub("hf://tiny/model", {
      environment: environment(),
      onFile: ({ path, size }) => seen.push(`${path} ${size}`),
    });
    expect(path).toBe(join(directory, "hub", root, "snapshots", commit));
    expect((await readdir(path)).sort()).toEqual([
      "config.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    expect(seen).toContain("model.safetensors 7");
    expect(await readFile(join(path, "model.safetensors"), "utf8")).toBe("weights");
    expect(await readFile(join(directory, "hub", root, "refs/main"), "utf8")).toBe(commit);
    // `printf weights | sha256sum`, and `printf {} | git hash-object --stdin`.
    expect(await readlink(join(path, "model.safetensors"))).toBe(
      "../../blobs/9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c",
    );
    expect(await readlink(join(path, "config.json"))).toBe(
      "../../blobs/9e26dfeeb6e641a33dae4961196235bdb965b21b",
    );
  });

  it("is fetched once", async () => {
    await fetchHere("hf://tiny/model");
    hub.requests.length = 0;
    await fetchHere("hf://tiny/model");
    expect(hub.requests.filter((request) => request.includes("/resolve/"))).toEqual([]);
    // A second revision of the same commit needs no bytes, either.
    expect(await fetchHere(`hf://tiny/model@${encodeURIComponent("refs/pr/1")}`)).toEqual([
      `${root}/snapshots/${commit}`,
    ]);
    expect(hub.requests.filter((request) => request.includes("/resolve/"))).toEqual([]);
    expect(await readFile(join(directory, "hub", root, "refs/refs/pr/1"), "utf8")).toBe(commit);
  });

  it("is read from the cache alone when offline", async () => {
    const offline = { HF_HUB_OFFLINE: "1", HF_ENDPOINT: "http://127.0.0.1:9" };
    await expect(fetchHere("hf://tiny/model", offline)).rejects.toThrow(
      "hf://tiny/model: not in the cache, and HF_HUB_OFFLINE is set; fetch it once without it",
    );
    await fetchHere("hf://tiny/model");
    hub.requests.length = 0;
    expect(await fetchHere("hf://tiny/model", offline)).toEqual([`${root}/snapshots/${commit}`]);
    expect(await fetchHere(`hf://tiny/model@${commit}`, offline)).toEqual([`${root}/snapshots/${commit}`]);
    expect(hub.requests).toEqual([]);
  });

  it("has its place by HF_HUB_CACHE, too", async () => {
    const cache = join(directory, "elsewhere");
    const [path = ""] = await fetchFromHub("hf://tiny/model", {
      environment: environment({ HF_HUB_CACHE: cache }),
    });
    expect(path).toBe(join(cache, root, "snapshots", commit));
  });

  it("may be one of its files", async () => {
    expect(await fetchHere("hf://tiny/model/README.md")).toEqual([`${root}/snapshots/${commit}/README.md`]);
    expect(await readdir(join(directory, "hub", root, "snapshots", commit))).toEqual(["README.md"]);
  });
});

describe("a model in Xet storage", () => {
  it.each([
    ["in chunks", {}, ["GET /v2", "GET /block"]],
    ["as a whole when told so, where the Hub sends on", { HF_HUB_DISABLE_XET: "1" }, ["GET /whole"]],
  ])("is fetched %s", async (_, settings, expected) => {
    const [path = ""] = await fetchFromHub("hf://tiny/xet", {
      environment: environment({ HF_TOKEN: "hf_right", ...settings }),
    });
    expect((await readFile(join(path, "model.safetensors"))).equals(large)).toBe(true);
    expect(await readFile(join(path, "config.json"), "utf8")).toBe("{}");
    // Nothing of the storage but what is expected, and no small file of it.
    expect(hub.requests.filter((request) => /^GET \/(v2|block|whole)$/.test(request))).toEqual(expected);
  });
});

describe("a dataset", () => {
  const at = (path: string) => `datasets--tiny--data/snapshots/${dataCommit}/${path}`;

  it.each([
    [
      "hf://datasets/tiny/data",
      [
        "data/test-00000.parquet",
        "data/train-00000.parquet",
        "data/train-00001.parquet",
        "extra/empty.csv",
        "extra/notes.jsonl",
      ],
    ],
    [
      "hf://datasets/tiny/data@v1.0/data",
      ["data/test-00000.parquet", "data/train-00000.parquet", "data/train-00001.parquet"],
    ],
    [
      "hf://datasets/tiny/data/data/train-*.parquet",
      ["data/train-00000.parquet", "data/train-00001.parquet"],
    ],
    ["hf://datasets/tiny/data/extra/notes.jsonl", ["extra/notes.jsonl"]],
  ])("%s is its data files", async (reference, paths) => {
    expect(await fetchHere(reference)).toEqual(paths.map(at));
    for (const path of paths)
      expect((await lstat(join(directory, "hub", at(path)))).isSymbolicLink()).toBe(true);
    const fetched = hub.requests
      .filter((request) => request.includes("/resolve/"))
      .map((request) => request.split(dataCommit)[1]);
    expect(fetched.every((path) => paths.includes((path ?? "").slice(1)))).toBe(true);
  });
});

describe("a token", () => {
  it("opens what is locked, from HF_TOKEN or from the file that logging in leaves", async () => {
    expect(await fetchHere("hf://tiny/locked", { HF_TOKEN: "hf_right" })).toHaveLength(1);
    await writeFile(join(directory, "token"), "hf_right\n");
    expect(await fetchHere("hf://tiny/locked")).toHaveLength(1);
  });

  it("that is missing or wrong is told, and never shown", async () => {
    await expect(fetchHere("hf://tiny/locked")).rejects.toThrow(
      "hf://tiny/locked: not there, or not for everybody; check the name, and set HF_TOKEN if it is private",
    );
    const wrong = fetchHere("hf://tiny/locked", { HF_TOKEN: "hf_wrong" });
    await expect(wrong).rejects.toThrow("hf://tiny/locked: your token may not read it");
    await expect(wrong).rejects.not.toThrow("hf_wrong");
    await expect(fetchHere("hf://tiny/locked", { HF_TOKEN: "secret" })).rejects.toThrow(
      "HF_TOKEN is no token of the Hub; it starts with hf_",
    );
  });
});

describe("refuses", () => {
  it.each([
    ["hf://tiny/none", "hf://tiny/none: no such repository or revision"],
    ["hf://tiny/model@v9", "hf://tiny/model@v9: no such repository or revision"],
    ["hf://tiny/model/none.json", "hf://tiny/model/none.json: there are no such data files; check the path"],
    ["hf://tiny", '"hf://tiny" is no place on the Hub; give hf://organisation/model'],
    ["hf://tiny/model/../../x", "is no place on the Hub"],
  ])("%s", async (reference, message) => {
    await expect(fetchHere(reference)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(fetchHere(reference)).rejects.toThrow(message);
  });

  it.each(["model.safetensors", "config.json"])(
    "a %s of other bytes than listed, and leaves nothing of it",
    async (name) => {
      hub.sent.set(name, name === "config.json" ? "[]" : "WEIGHTS");
      await expect(fetchHere("hf://tiny/model")).rejects.toThrow(
        /bytes with the digest \w+ were received, and the Hub lists/,
      );
      const left = await readdir(join(directory, "hub"), { recursive: true });
      expect(left.filter((path) => path.includes("incomplete"))).toEqual([]);
      hub.sent.clear();
      expect(await fetchHere("hf://tiny/model")).toHaveLength(1);
    },
  );

  it("a Hub that cannot be reached", async () => {
    await expect(fetchHere("hf://tiny/model", { HF_ENDPOINT: "http://127.0.0.1:9" })).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringMatching(
        /^hf:\/\/tiny\/model: the Hub cannot be reached \(.+\); set HF_HUB_OFFLINE=1/,
      ),
    });
  });
});
