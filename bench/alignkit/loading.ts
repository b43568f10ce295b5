/** One measurement of loading.ts, as a line of JSON. */
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { createScorer, uploadModelDirectory } from "@alignkit/models";
import { tokenIds } from "./models.js";
import { peakMegabytes, resetPeak, residentMegabytes } from "./resident-memory.js";

const directory = process.argv[2] as string;
const backend = await createOnnxBackend();
resetPeak();
const before = residentMegabytes();

let started = performance.now();
const cpuBefore = process.cpuUsage();
const { config, parameters } = await uploadModelDirectory(backend, directory);
const load = (performance.now() - started) / 1000;
const loadMegabytes = peakMegabytes() - before;

started = performance.now();
const scorer = createScorer(backend, config, parameters);
const sequences = tokenIds(config.vocabularySize, 4, 128).map((ids) => ({ ids: [...ids] }));
const rows = await scorer.logProbs(sequences);
const firstBatch = (performance.now() - started) / 1000;
const cpu = process.cpuUsage(cpuBefore);
const processor = (cpu.user + cpu.system) / 1e6;

const logProbs = rows.flatMap((row) => [...row]);
const loss = -logProbs.reduce((total, value) => total + value, 0) / logProbs.length;
const totalMegabytes = peakMegabytes() - before;
console.log(JSON.stringify({ load, firstBatch, processor, loadMegabytes, totalMegabytes, loss }));
process.exit();
