import { findLibrary } from "./src/library.js";
import { encodeModel, type Node } from "./src/model-proto.js";
import { loadOrtApi, NameList } from "./src/ort-api.js";

const api = loadOrtApi(findLibrary());
const threads = Number(process.argv[2] ?? 1);
const noFuse = { "optimization.disable_specified_optimizers": "GemmTransposeFusion;MatmulTransposeFusion" };
const i64 = (name: string, v: number[]) => ({
  name,
  type: "int64" as const,
  shape: [v.length],
  data: new BigInt64Array(v.map(BigInt)),
});
const size = (x: number[]) => x.reduce((p, q) => p * q, 1);
async function prep(
  label: string,
  nodes: Node[],
  a: number[],
  b: number[],
  outs: number[][],
  initializers: any[],
  entries: any,
) {
  const names = outs.map((_, k) => (outs.length === 1 ? "y" : `y${k}`));
  const s = await api.createSession(
    encodeModel({
      nodes,
      inputs: [
        { name: "a", type: "float32", shape: a },
        { name: "b", type: "float32", shape: b },
      ],
      outputs: outs.map((shape, k) => ({ name: names[k]!, type: "float32", shape })),
      initializers,
    }),
    { threads, entries },
  );
  const A = new Float32Array(size(a)).fill(0.01),
    B = new Float32Array(size(b)).fill(0.01),
    Y = new Float32Array(outs.reduce((t, o) => t + size(o), 0));
  let at = 0;
  const keep: any[] = [A, B, Y];
  const O = outs.map((o) => {
    const v = Y.subarray(at, (at += size(o)));
    keep.push(v);
    return api.createTensor(v, "float32", o);
  });
  const args = {
    inputNames: new NameList(["a", "b"]),
    inputs: [api.createTensor(A, "float32", a), api.createTensor(B, "float32", b)],
    outputNames: new NameList(names),
    outputs: O,
  };
  return {
    label,
    cpu: Infinity,
    wall: Infinity,
    keep,
    run() {
      const c = process.cpuUsage(),
        t = performance.now();
      api.runSync(s, args);
      this.wall = Math.min(this.wall, performance.now() - t);
      const u = process.cpuUsage(c);
      this.cpu = Math.min(this.cpu, (u.user + u.system) / 1000);
    },
    end() {
      for (const v of [...args.inputs, ...O]) api.releaseTensor(v);
      api.releaseSession(s);
    },
  };
}
const T = (inp: string, out: string): Node => ({
  op: "Transpose",
  inputs: [inp],
  outputs: [out],
  attributes: { perm: { ints: [1, 0] } },
});
const mm = (x: string, y: string, z: string): Node => ({ op: "MatMul", inputs: [x, y], outputs: [z] });
const ta = (x: string, y: string, z: string): Node => ({
  op: "Gemm",
  inputs: [x, y],
  outputs: [z],
  attributes: { transA: { int: 1 } },
});
for (const [n, i, o] of [
  [2048, 256, 1024],
  [2048, 1024, 256],
  [512, 768, 3072],
  [512, 3072, 768],
  [512, 768, 2304],
  [512, 768, 768],
  [2048, 8192, 256],
  [512, 50257, 768],
] as [number, number, number][]) {
  const L = `dW ${n}: ${i}x${o} `;
  const V: any[] = [
    await prep(L + "transA", [ta("a", "b", "y")], [n, i], [n, o], [[i, o]], [], {}),
    await prep(
      L + "Transpose;MatMul",
      [T("a", "t"), mm("t", "b", "y")],
      [n, i],
      [n, o],
      [[i, o]],
      [],
      noFuse,
    ),
    await prep(
      L + "Tb;MatMul;Transpose",
      [T("b", "bt"), mm("bt", "a", "t"), T("t", "y")],
      [n, i],
      [n, o],
      [[i, o]],
      [],
      noFuse,
    ),
  ];
  for (const rows of [1024, 2048, 4096]) {
    if (i <= rows) continue;
    const parts = Math.ceil(i / rows);
    const sizes = Array.from({ length: parts }, (_, k) => Math.min(i, (k + 1) * rows) - k * rows);
    const names = sizes.map((_, k) => `s${k}`);
    const split: Node = {
      op: "Split",
      inputs: ["a", "sz"],
      outputs: names,
      attributes: { axis: { int: 1 } },
    };
    const outs = sizes.map((r) => [r, o]);
    V.push(
      await prep(
        L + `split ${rows}: transA each`,
        [split, ...names.map((x, k) => ta(x, "b", `y${k}`))],
        [n, i],
        [n, o],
        outs,
        [i64("sz", sizes)],
        {},
      ),
    );
    V.push(
      await prep(
        L + `split ${rows}: Tb;MatMul;Transpose`,
        [split, T("b", "bt"), ...names.flatMap((x, k) => [mm("bt", x, `t${k}`), T(`t${k}`, `y${k}`)])],
        [n, i],
        [n, o],
        outs,
        [i64("sz", sizes)],
        noFuse,
      ),
    );
  }
  for (let r = 0; r < (n * i * o > 5e9 ? 6 : 25); r++) for (const v of V) v.run();
  for (const v of V) {
    console.log(
      v.label.padEnd(44),
      "cpu",
      v.cpu.toFixed(1).padStart(7),
      "wall",
      v.wall.toFixed(1).padStart(7),
    );
    v.end();
  }
}
api.dispose();
