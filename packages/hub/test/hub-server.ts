/** A server with the part of the Hub's API that fetching needs. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
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
  /** Whether large files are in Xet storage, in chunks, as the Hub keeps them now. Others are asked for as ever. */
  readonly isXet?: boolean;
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
  const contentsNow = (repository: ServedRepository, name: string) =>
    Buffer.from(sent.get(name) ?? contentsOf(repository, name));
  const storage = createStorage(requests, (digest) => {
    for (const repository of repositories)
      for (const name of Object.keys(repository.files))
        if (digestOf(name, contentsOf(repository, name)) === digest) return contentsNow(repository, name);
    return undefined;
  });
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
    if (verb === "xet-read-token") {
      const exp = Math.floor(Date.now() / 1000) + 3600;
      return json(200, { accessToken: storageToken, exp, casUrl: originOf(storage) });
    }
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
    const contents = contentsNow(found, name);
    if (!(name in found.files))
      return json(404, { error: "Entry not found" }, { "x-error-code": "EntryNotFound" });
    const headers = { etag: `"${digestOf(name, contentsOf(found, name))}"` };
    if (found.isXet === true && isLarge(name)) {
      const digest = digestOf(name, contentsOf(found, name));
      const wantsXet = request.headers.accept?.includes(xetInfo) === true;
      response.writeHead(wantsXet ? 200 : 302, {
        "x-linked-size": contents.length,
        "x-linked-etag": headers.etag,
        "x-xet-hash": digest,
        link: [
          `<http://${request.headers.host}/api/${found.place}/xet-read-token/${found.commit}>; rel="xet-auth"`,
          `<${originOf(storage)}/v1/reconstructions/${digest}>; rel="xet-reconstruction-info"`,
        ].join(", "),
        ...(wantsXet ? { "content-type": xetInfo } : { location: `${originOf(storage)}/whole/${digest}` }),
      });
      response.end(wantsXet ? "{}" : undefined);
      return;
    }
    if (request.headers.range !== undefined) {
      response.writeHead(206, { ...headers, "content-range": `bytes 0-0/${contents.length}` });
      response.end(contents.subarray(0, 1));
      return;
    }
    response.writeHead(200, headers);
    response.end(contents);
  };

  const servers = [server, storage];
  for (const one of servers) await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: originOf(server),
    requests,
    sent,
    async close() {
      for (const one of servers) {
        const closed = new Promise((resolve) => one.close(resolve));
        one.closeAllConnections();
        await closed;
      }
    },
  };
}

const xetInfo = "application/vnd.xet-fileinfo+json";
const storageToken = "storage";

/**
 * Where large files lie, at an origin of its own: whole under `/whole`, which takes no token, and in chunks.
 * @see https://huggingface.co/docs/xet/download-protocol and https://huggingface.co/docs/xet/xorb
 */
function createStorage(requests: string[], find: (digest: string) => Buffer | undefined): Server {
  return createServer((request, response) => {
    const [, part = "", ...rest] = (request.url ?? "").split("/");
    requests.push(`${request.method} /${part}`);
    const digest = rest.at(-1) ?? "";
    const contents = find(digest);
    const token = part === "v2" ? `Bearer ${storageToken}` : undefined;
    if (contents === undefined || request.headers.authorization !== token) {
      response.writeHead(contents === undefined ? 404 : 401).end();
      return;
    }
    const halves = [contents.subarray(0, contents.length >> 1), contents.subarray(contents.length >> 1)];
    const block = Buffer.concat(halves.flatMap((half) => [chunkHeader(half.length), half]));
    const chunks = { start: 0, end: halves.length };
    const url = `http://${request.headers.host}/block/${digest}`;
    const info = {
      offset_into_first_range: 0,
      terms: [{ hash: digest, unpacked_length: contents.length, range: chunks }],
      xorbs: { [digest]: [{ url, ranges: [{ chunks, bytes: { start: 0, end: block.length - 1 } }] }] },
    };
    response.end(part === "v2" ? JSON.stringify(info) : part === "block" ? block : contents);
  });
}

/** Version 0, and both lengths in 3 bytes each around the scheme: 0 is not compressed. */
function chunkHeader(length: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUIntLE(length, 1, 3);
  header.writeUIntLE(length, 5, 3);
  return header;
}

const originOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

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
