import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where the Hub is, and what is known of it here. */
export interface HubSettings {
  /** Undefined for the public Hub. */
  readonly endpoint: string | undefined;
  readonly token: string | undefined;
  /** The directory that other tools of the Hub use, too. */
  readonly cacheDirectory: string;
  /** Whether only what is in the cache may be used. */
  readonly isOffline: boolean;
  /** Whether files in Xet storage are fetched in its chunks, several at a time, instead of as a whole. */
  readonly usesXet: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Values that mean yes. */
const yes = /^(1|on|yes|true)$/i;

/**
 * Settings as Hugging Face's tools read them: `HF_ENDPOINT`; `HF_TOKEN`, else the file that logging in leaves
 * (`HF_TOKEN_PATH`, `HF_HOME/token`); `HF_HUB_CACHE`, else `HF_HOME/hub`; `HF_HUB_OFFLINE`;
 * `HF_HUB_DISABLE_XET`.
 */
export async function readHubSettings(environment: Environment): Promise<HubSettings> {
  const set = (name: string) => (environment[name] === "" ? undefined : environment[name]);
  const home = set("HF_HOME") ?? join(set("XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "huggingface");
  const token = set("HF_TOKEN") ?? (await readToken(set("HF_TOKEN_PATH") ?? join(home, "token")));
  return {
    endpoint: set("HF_ENDPOINT")?.replace(/\/+$/, ""),
    token: token === "" ? undefined : token,
    cacheDirectory: set("HF_HUB_CACHE") ?? join(home, "hub"),
    isOffline: yes.test(set("HF_HUB_OFFLINE") ?? ""),
    usesXet: !yes.test(set("HF_HUB_DISABLE_XET") ?? ""),
  };
}

function readToken(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
}
