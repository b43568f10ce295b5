/**
 * The end of a parquet file: its columns and where they stand. All its numbers are checked against the file's size.
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */
import { leavesOf, readSchema, type SchemaNode } from "./schema.js";
import { integerIn, listIn, readStruct, structOf, type ThriftValue, textOf } from "./thrift.js";

/** The values of a column in a group of rows. */
export interface Chunk {
  readonly column: SchemaNode;
  readonly codec: number;
  readonly values: number;
  readonly start: number;
  readonly length: number;
}

export interface RowGroup {
  readonly rows: number;
  readonly chunks: readonly Chunk[];
}

export interface Footer {
  readonly schema: SchemaNode;
  readonly groups: readonly RowGroup[];
}

/** Reads bytes of the file, from and to. */
export type ReadRange = (start: number, end: number) => Promise<Buffer>;

/** Equal values take next to nothing, so that a small file may hold many; of more than this it is no data set. */
const mostValues = (byteLength: number) => 2 ** 22 + 256 * byteLength;

const mark = "PAR1";

/** @throws {Error} without the file's name */
export async function readFooter(read: ReadRange, byteLength: number): Promise<Footer> {
  const tail = byteLength < 12 ? undefined : await read(byteLength - 8, byteLength);
  if (tail?.toString("latin1", 4) !== mark)
    throw new Error(`it does not end with ${mark}: it is another kind of file, or cut short`);
  const length = tail.readUInt32LE(0);
  if (length > byteLength - 12) throw new Error(`its footer has ${length} bytes, the file ${byteLength}`);
  const bytes = await read(byteLength - 8 - length, byteLength - 8);
  const footer = readStruct({ bytes, position: 0 }, "its footer");
  const schema = readSchema(listIn(footer, 2, "the schema of its footer"));
  const columns = leavesOf(schema);
  const groups = listIn(footer, 4, "the list of row groups of its footer").map((group) =>
    readGroup(group, columns, byteLength),
  );
  const chunks = groups.flatMap((group) => group.chunks);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  const values = sum(chunks.map((chunk) => chunk.values));
  const stored = sum(chunks.map((chunk) => chunk.length));
  if (values > mostValues(byteLength) || stored > byteLength)
    throw new Error(
      `its footer speaks of ${values} values, in ${stored} bytes, and the file has ${byteLength} bytes`,
    );
  return { schema, groups };
}

function readGroup(value: ThriftValue, columns: readonly SchemaNode[], byteLength: number): RowGroup {
  const group = structOf(value, "a row group of its footer");
  const listed = listIn(group, 1, "the list of columns of its footer");
  const chunks = columns.map((column, index) => readChunk(listed[index], column, byteLength));
  const rows = integerIn(group, 3, "the number of rows of its footer");
  if (rows < 0 || chunks.length !== listed.length || chunks.some(({ values }) => values < rows)) {
    const values = chunks.map((chunk) => chunk.values).join(", ");
    throw new Error(`its footer speaks of ${rows} rows, of ${listed.length} columns, with ${values} values`);
  }
  return { rows, chunks };
}

function readChunk(value: ThriftValue | undefined, column: SchemaNode, byteLength: number): Chunk {
  const name = `column "${column.path.join(".")}" of its footer`;
  const chunk = structOf(value, name);
  if (Buffer.isBuffer(chunk[1]) && chunk[1].length > 0)
    throw new Error(`${name} is in another file; merge the files`);
  const about = structOf(chunk[3], `the description of ${name}`);
  const path = listIn(about, 3, `the path of ${name}`).map((part) => textOf(part, `the path of ${name}`));
  if (path.join("\0") !== column.path.join("\0"))
    throw new Error(`${name} stands where "${path.join(".")}" is stored`);
  const number = (field: number, what: string, otherwise?: number) =>
    integerIn(about, field, `${what} of ${name}`, otherwise);
  const data = number(9, "the place");
  const dictionary = number(11, "the dictionary's place", 0);
  const start = dictionary > 0 && dictionary < data ? dictionary : data;
  const length = number(7, "the size");
  const values = number(5, "the number of values");
  if (start < 0 || length < 0 || start + length > byteLength || values < 0)
    throw new Error(`${name} has ${values} values in bytes ${start} to ${start + length} of ${byteLength}`);
  return { column, codec: number(4, "the compression"), values, start, length };
}
