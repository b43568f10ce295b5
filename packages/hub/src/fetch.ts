/** Brings files of the Hub to this machine. */
import { join } from "node:path";
import { Readable } from "node:stream";
import { ConfigError, DataError } from "@alignkit/core";
import { datasetInfo, downloadFile, HubApiError, listFiles, modelInfo } from "@huggingface/hub";
import { type HubFile, openRepositoryCache, type RepositoryCache } from "./cache.js";
import { type HubReference, parseHubReference, printHubReference } from "./reference.js";
import { type HubSettings, readHubSettings } from "./settings.js";

/** How files are fetched. */
export interface FetchOptions {
  /** Where the settings stand, see {@link readHubSettings}. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Told of each file before its bytes are fetched. */
  readonly onFile?: (file: { readonly path: string; readonly size: number }) => void;
}

/**
 * The files of a reference, fetched where the cache lacks them.
 * @param reference - `hf://organisation/model`: the directory with what this library reads of a model; a dataset, a
 * directory or a pattern: its data files; a path of a file: that file
 * @returns a directory for a model, else files in the order of their paths
 * @throws {ConfigError} when the reference, the token or the settings are wrong, or nothing is there
 * @throws {DataError} when the Hub cannot be reached or sends something else than it lists
 */
export async function fetchFromHub(reference: string, options: FetchOptions): Promise<readonly string[]> {
  const place = parseHubReference(reference);
  const settings = await readHubSettings(options.environment);
  const cache = openRepositoryCache(settings.cacheDirectory, place);
  const commit = settings.isOffline
    ? await requireCached(cache, place)
    : await fetchFiles(cache, place, settings, options);
  const isWholeModel = place.kind === "model" && place.path === "";
  const paths = select(place, await cache.listFiles(commit));
  if (paths.length === 0) throw nothingThere(place, settings);
  return isWholeModel ? [cache.snapshot(commit)] : paths.map((path) => join(cache.snapshot(commit), path));
}

async function requireCached(cache: RepositoryCache, place: HubReference): Promise<string> {
  const commit = await cache.readCommit(place.revision);
  if (commit !== undefined) return commit;
  throw new ConfigError(
    `${printHubReference(place)}: not in the cache, and HF_HUB_OFFLINE is set; fetch it once without it`,
    { details: { reference: printHubReference(place) } },
  );
}

/** @returns the commit */
async function fetchFiles(
  cache: RepositoryCache,
  place: HubReference,
  { endpoint, token, usesXet }: HubSettings,
  { onFile }: FetchOptions,
): Promise<string> {
  const repo = { type: place.kind, name: place.id };
  const access = {
    ...(endpoint === undefined ? {} : { hubUrl: endpoint }),
    ...(token === undefined ? {} : { accessToken: token }),
  };
  const guard = <Result>(work: Promise<Result>) =>
    work.catch((error) => Promise.reject(explained(error, place)));
  const asked = { name: place.id, revision: place.revision, additionalFields: ["sha" as const], ...access };
  const { sha: commit } = await guard<{ readonly sha: string }>(
    place.kind === "model" ? modelInfo(asked) : datasetInfo(asked),
  );
  const listed: HubFile[] = [];
  const list = async () => {
    for await (const { type, path, size, oid, lfs } of listFiles({
      repo,
      recursive: true,
      revision: commit,
      ...access,
    })) {
      if (type !== "file") continue;
      if (path.split("/").some((part) => part === ".." || part === "" || part === "."))
        throw new DataError(
          `${printHubReference(place)}: the Hub lists the file "${path}", which is no path`,
        );
      const digest =
        lfs === undefined
          ? ({ kind: "git", value: oid ?? "" } as const)
          : ({ kind: "sha256", value: lfs.oid } as const);
      listed.push({ path, size: lfs?.size ?? size, digest });
    }
  };
  await guard(list());
  const wanted = new Set(
    select(
      place,
      listed.map(({ path }) => path),
    ),
  );
  for (const file of listed) {
    if (!wanted.has(file.path) || (await cache.hasFile(commit, file.path))) continue;
    onFile?.(file);
    const open = async () => {
      if (file.size === 0) return Readable.from([]);
      const from = { repo, path: file.path, revision: commit, xet: usesXet, ...access };
      const contents = await downloadFile(from);
      if (contents === null)
        throw new DataError(`${printHubReference(place)}: "${file.path}" is listed, and not there`);
      return contents.stream() as unknown as AsyncIterable<Uint8Array>;
    };
    await guard(cache.addFile(commit, file, open));
  }
  if (wanted.size > 0) await cache.writeCommit(place.revision, commit);
  return commit;
}

/** Of a model: weights in safetensors, configs, tokenizer files. */
const modelFiles =
  /^(?:[^/]+\.(?:safetensors|json|jinja|txt|model)|additional_chat_templates\/[^/]+\.jinja)$/;
const dataFiles = /\.(?:jsonl|ndjson|json|csv|parquet)(?:\.gz)?$/;

function select({ kind, path }: HubReference, paths: readonly string[]): readonly string[] {
  const sorted = [...paths].sort();
  if (path === "") return sorted.filter((one) => (kind === "model" ? modelFiles : dataFiles).test(one));
  if (path.includes("*")) {
    const pattern = path.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    return sorted.filter((one) => new RegExp(`^${pattern.join("[^/]*")}$`).test(one));
  }
  return sorted.filter((one) => one === path || (one.startsWith(`${path}/`) && dataFiles.test(one)));
}

function nothingThere(place: HubReference, { isOffline }: HubSettings): ConfigError {
  const wanted = place.kind === "model" && place.path === "" ? "files of a model" : "data files";
  const where = isOffline ? "the cache has no such" : "there are no such";
  return new ConfigError(
    `${printHubReference(place)}: ${where} ${wanted}; ${isOffline ? "fetch them once without HF_HUB_OFFLINE" : "check the path"}`,
    { details: { reference: printHubReference(place) } },
  );
}

/** What an answer of the Hub means, by its status. */
const refusals: Readonly<Record<number, string>> = {
  401: "not there, or not for everybody; check the name, and set HF_TOKEN if it is private",
  403: "your token may not read it; accept its conditions on the Hub, or give a token that may in HF_TOKEN",
  404: "no such repository or revision; check the name, and set HF_TOKEN if it is private",
};

function explained(error: unknown, place: HubReference): unknown {
  const shown = printHubReference(place);
  const details = { reference: shown };
  if (error instanceof HubApiError) {
    const known = refusals[error.statusCode];
    if (known !== undefined) return new ConfigError(`${shown}: ${known}`, { cause: error, details });
    return new DataError(`${shown}: the Hub answers ${error.statusCode} (${error.message})`, {
      cause: error,
      details,
    });
  }
  // A download that breaks off ends with a bare text.
  if (typeof error === "string")
    return new DataError(`${shown}: the download broke off (${error}); try again`, { details });
  if (!(error instanceof TypeError)) return error;
  if (error.message.includes("access token"))
    return new ConfigError(`HF_TOKEN is no token of the Hub; it starts with hf_`, { cause: error });
  const reason = error.cause instanceof Error ? error.cause.message : error.message;
  return new DataError(
    `${shown}: the Hub cannot be reached (${reason}); set HF_HUB_OFFLINE=1 to use what is in the cache`,
    { cause: error, details },
  );
}
