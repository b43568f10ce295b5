import { ConfigError } from "@alignkit/core";

/** A repository of the Hub, or some files of it. */
export interface HubReference {
  readonly kind: "dataset" | "model";
  /** `gpt2` or `organisation/name`. */
  readonly id: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** A file, a directory, or a pattern with `*`; empty for the whole repository. */
  readonly path: string;
}

const scheme = "hf://";

/** Whether a path is one of the Hub, `hf://...`. */
export const isHubReference = (text: string): boolean => text.startsWith(scheme);

/**
 * Reads `hf://[datasets/]organisation/name[@revision][/path]`, as the Hub's own file system writes it. A slash within a
 * revision is written `%2F`.
 * @throws {ConfigError} when it is not so
 */
export function parseHubReference(text: string): HubReference {
  const [, dataset, id = "", revision = "main", path = ""] =
    /^hf:\/\/(datasets\/)?([\w.-]+\/[\w.-]+)(?:@([^/@]+))?(?:\/(.*))?$/.exec(text) ?? [];
  const parts = [...id.split("/"), ...path.split("/")];
  if (id === "" || parts.includes("..") || parts.includes(".")) {
    throw new ConfigError(
      `"${text}" is no place on the Hub; give hf://organisation/model, hf://datasets/organisation/name or either with @revision and a path behind it`,
      { details: { reference: text } },
    );
  }
  return {
    kind: dataset === undefined ? "model" : "dataset",
    id,
    revision: decodeURIComponent(revision),
    path: path.replace(/\/$/, ""),
  };
}

/** The reference as it is written. */
export function printHubReference({ kind, id, revision, path }: HubReference): string {
  const at = revision === "main" ? "" : `@${encodeURIComponent(revision)}`;
  return `${scheme}${kind === "dataset" ? "datasets/" : ""}${id}${at}${path === "" ? "" : `/${path}`}`;
}
