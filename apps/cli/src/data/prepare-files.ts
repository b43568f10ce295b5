/** `alignkit data prepare`. */
import { access, mkdir } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError, createRandom, DataError } from "@alignkit/core";
import {
  createRowsFile,
  type DroppedRow,
  type DropReason,
  dropReasons,
  type FindPersonalInformation,
  findPersonalInformation,
  type KeptRow,
  type LengthLimits,
  type NewRowsFile,
  prepareRows,
  readRows,
  splitNames,
} from "@alignkit/data";
import { loadTokenizer } from "@alignkit/tokenizer";
import type { DataPrepareFlags } from "../commands/data-prepare.js";
import type { Session } from "../session.js";
import { formatTable } from "../terminal/format.js";

/** Files of the output, in the order of the summary. */
const outputNames = [...splitNames, "dropped"] as const;
type OutputName = (typeof outputNames)[number];

interface Summary {
  read: number;
  withoutUser: number;
  readonly written: Map<OutputName, number>;
  readonly dropped: Map<DropReason, number>;
  /** Kinds of personal information. */
  readonly found: Map<string, number>;
}

const count = <Key>(counts: Map<Key, number>, key: Key) => void counts.set(key, (counts.get(key) ?? 0) + 1);

export async function prepareFiles(session: Session, flags: DataPrepareFlags): Promise<void> {
  const { terminal, screen } = session;
  const at = (path: string) => resolve(terminal.workingDirectory, path);
  const inputs = flags.input.map(at);
  const output = at(flags.output);
  await refuseOldData(output, flags.output);
  if (flags.minShots > flags.maxShots) {
    throw new ConfigError(`--min-shots ${flags.minShots} is more than --max-shots ${flags.maxShots}`);
  }
  const options = {
    prefixLength: flags.prefixLength ?? undefined,
    userColumn: flags.userColumn,
    maximumPerUser: flags.maxPerUser ?? undefined,
    shares: { evaluation: flags.evalShare, test: flags.testShare },
    fewShot: { copies: flags.fewShotCopies, minimumShots: flags.minShots, maximumShots: flags.maxShots },
    findPersonalInformation: await loadFilter(flags.personalInformation, terminal.workingDirectory),
    lengths: await lengthLimits(flags, at),
    random: createRandom(flags.seed ?? 0),
  };
  const summary: Summary = {
    read: 0,
    withoutUser: 0,
    written: new Map(),
    dropped: new Map(),
    found: new Map(),
  };
  let readings = 0;
  async function* read() {
    readings++;
    summary.read = 0;
    for (const file of inputs) {
      for await (const line of readRows(file)) {
        summary.read++;
        if (summary.read % 1000 === 0)
          screen.status(`data prepare: reading ${readings} of 2, ${summary.read} rows`);
        yield line;
      }
    }
  }
  await mkdir(output, { recursive: true });
  const files = new Map<OutputName, NewRowsFile>();
  try {
    for await (const row of prepareRows(read, options)) await writeRow(row, { output, files, summary });
    screen.status("");
    if (summary.read === 0) throw new DataError(`${flags.input.join(", ")}: no rows`);
    for (const file of files.values()) await file.keep();
  } catch (error) {
    for (const file of files.values()) await file.discard();
    throw error;
  }
  const shown = (name: OutputName) => relative(terminal.workingDirectory, join(output, `${name}.jsonl`));
  terminal.stdout.write(describe(summary, shown));
  for (const note of notes(summary, flags)) screen.line(note);
}

async function writeRow(
  row: DroppedRow | KeptRow,
  {
    output,
    files,
    summary,
  }: { readonly output: string; readonly files: Map<OutputName, NewRowsFile>; readonly summary: Summary },
): Promise<void> {
  const name = "split" in row ? row.split : "dropped";
  let file = files.get(name);
  if (file === undefined) {
    file = await createRowsFile(join(output, `${name}.jsonl`));
    files.set(name, file);
  }
  count(summary.written, name);
  if ("split" in row) {
    if (row.isWithoutUser) summary.withoutUser++;
    await file.write(row.row);
    return;
  }
  count(summary.dropped, row.reason);
  if (row.reason === "personal_information") count(summary.found, row.detail);
  await file.write({ ...row });
}

async function refuseOldData(output: string, shown: string): Promise<void> {
  for (const name of outputNames) {
    const isThere = await access(join(output, `${name}.jsonl`)).then(
      () => true,
      () => false,
    );
    if (isThere) throw new ConfigError(`${shown}: holds ${name}.jsonl already; choose another directory`);
  }
}

async function loadFilter(name: string, baseDirectory: string): Promise<FindPersonalInformation | undefined> {
  if (name === "none") return undefined;
  if (name === "default") return findPersonalInformation;
  const path = resolve(baseDirectory, name);
  const module: { readonly default?: unknown } = await import(pathToFileURL(path).href).catch(
    (cause: Error) => {
      throw new ConfigError(`--personal-information ${name}: cannot be imported; ${cause.message}`, {
        cause,
      });
    },
  );
  if (typeof module.default !== "function") {
    throw new ConfigError(
      `--personal-information ${name}: exports no function as default; give (text) => what was found or undefined`,
    );
  }
  return module.default as FindPersonalInformation;
}

async function lengthLimits(
  { tokenizer: directory, maxPromptTokens, maxResponseTokens }: DataPrepareFlags,
  at: (path: string) => string,
): Promise<LengthLimits | undefined> {
  if (directory === undefined) return undefined;
  const tokenizer = await loadTokenizer(at(directory));
  return {
    countTokens: (text) => tokenizer.encode(text, { addSpecialTokens: false }).length,
    maximumPrompt: maxPromptTokens,
    maximumResponse: maxResponseTokens,
  };
}

function describe({ read, written, dropped, found }: Summary, shown: (name: OutputName) => string): string {
  const rows = [["read", String(read), ""]];
  for (const name of outputNames) {
    const count = written.get(name) ?? 0;
    rows.push([name, String(count), count === 0 ? "" : shown(name)]);
  }
  const kinds = [...found].map(([kind, rows]) => `${kind} ${rows}`).join(", ");
  for (const reason of dropReasons) {
    const rowsDropped = dropped.get(reason);
    if (rowsDropped === undefined) continue;
    rows.push([`  ${reason}`, String(rowsDropped), reason === "personal_information" ? kinds : ""]);
  }
  return formatTable(rows);
}

/** What was not done, and may have been meant. */
function notes({ read, withoutUser, written }: Summary, flags: DataPrepareFlags): readonly string[] {
  const kept = splitNames.reduce((sum, name) => sum + (written.get(name) ?? 0), 0);
  const lines: string[] = [];
  if (withoutUser > 0)
    lines.push(
      `${withoutUser} of ${kept} rows have no "${flags.userColumn}": each is a user of its own, and not capped`,
    );
  if (flags.tokenizer === undefined)
    lines.push("lengths are not limited: there is no --tokenizer to count tokens");
  if (flags.evalShare > 0 && !written.has("eval"))
    lines.push(`no row is in eval: an eval share of ${flags.evalShare} of ${read} rows came to none`);
  return lines;
}
