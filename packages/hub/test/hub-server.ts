/** A server with the part of the Hub's API that fetching needs. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ServedRepository {
  /** `models/organisation/name` or `datasets/organisation/name`. */
  readonly place: string;
  readonly commit: string;
  readonly revisions: readonly string[];
  /** Contents by path. Those that end in `.safetensors` or `.parquet` are "large": known by their SHA-256. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** Only with this token. */
  readonly token?: string;
}

export interface HubServer {
  readonly endpoint: string;
  /** Method and path of each request, without what follows a question mark. */
  readonly requests: string[];
  /** Replaces contents as they are sent, not as they are listed. */
  readonly sent: Map<string, string>;
  close(): Promise<void>;
}

const isLarge = (path: string) => /\.(safetensors|parquet)$/.test(path);

/** Few files a page, so that pages are followed. */
const pageSize = 2;

export async function serveHub(repositories: readonly ServedRepository[]): Promise<HubServer> {
  const requests: string[] = [];
  const sent = new Map<string, string>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://localhost");
    requests.push(`${request.method} ${decodeURIComponent(url.pathname)}`);
    answer(request, response, url);
  });

  const answer = (request: IncomingMessage, response: ServerResponse, url: URL) => {
    const json = (status: number, body: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(body));
    };
    const path = decodeURIComponent(url.pathname);
    const found = repositories.find(({ place }) =>
      [`/api/${place}/`, `/${place.replace(/^models\//, "")}/`].some((start) => path.startsWith(start)),
    );
    if (found === undefined) return json(404, { error: "Repository not found" });
    const authorization = request.headers.authorization;
    if (found.token !== undefined && authorization === undefined)
      return json(401, { error: "Invalid username" });
    if (found.token !== undefined && authorization !== `Bearer ${found.token}`)
      return json(403, { error: "Access is restricted" });
    const rest = path.slice(
      path.indexOf(found.place.replace(/^models\//, "")) + found.place.replace(/^models\//, "").length + 1,
    );
    const [verb = "", ...others] = rest.split("/");
    if (verb === "revision") {
      const revision = others.join("/");
      return [found.commit, ...found.revisions].includes(revision)
        ? json(200, {
            _id: "1",
            id: found.place,
            sha: found.commit,
            lastModified: "2024-01-01T00:00:00.000Z",
          })
        : json(404, { error: `Invalid rev id: ${revision}` });
    }
    if (others[0] !== found.commit) return json(404, { error: "Invalid rev id" });
    const names = Object.keys(found.files).sort();
    if (verb === "tree") {
      const start = Number(url.searchParams.get("cursor") ?? 0);
      const page = names.slice(start, start + pageSize).map((name) => listed(name, contentsOf(found, name)));
      const directories =
        start === 0 ? [{ type: "directory", oid: "0".repeat(40), size: 0, path: "data" }] : [];
      const next = `<http://${request.headers.host}${url.pathname}?recursive=true&cursor=${start + pageSize}>; rel="next"`;
      return json(200, [...directories, ...page], start + pageSize < names.length ? { link: next } : {});
    }
    const name = others.slice(1).join("/");
    const contents = Buffer.from(sent.get(name) ?? contentsOf(found, name));
    if (!(name in found.files))
      return json(404, { error: "Entry not found" }, { "x-error-code": "EntryNotFound" });
    const headers = { etag: `"${digestOf(name, contentsOf(found, name))}"` };
    if (request.headers.range !== undefined) {
      response.writeHead(206, { ...headers, "content-range": `bytes 0-0/${contents.length}` });
      response.end(contents.subarray(0, 1));
      return;
    }
    response.writeHead(200, headers);
    response.end(contents);
  };

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    sent,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const contentsOf = ({ files }: ServedRepository, name: string) => Buffer.from(files[name] ?? "");

function digestOf(name: string, bytes: Uint8Array): string {
  return isLarge(name)
    ? createHash("sha256").update(bytes).digest("hex")
    : createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

function listed(path: string, contents: Uint8Array): object {
  const size = contents.length;
  if (!isLarge(path)) return { type: "file", oid: digestOf(path, contents), size, path };
  const lfs = { oid: digestOf(path, contents), size, pointerSize: 128 };
  return { type: "file", oid: "1".repeat(40), size, lfs, path };
}
