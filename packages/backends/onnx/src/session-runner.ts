/**
 * Runs a session where it is cheapest.
 *
 * On a thread of its own a run leaves the event loop free, but the ways there and back wake two threads that sleep: of
 * the steps of a decoder they took 6 % at 5M parameters, 4 ms each, and 4 % at 124M, 20 ms each (measured).
 */
import type { Handle, OrtApi, RunArguments } from "./ort-api.js";

/** Milliseconds: what takes longer is called a long task where loops of events must not be held up. */
const shortRun = 50;
/** Milliseconds of short runs in a row before others of the event loop have their turn. */
const turnAfter = 10;

export type RunSession = (values: RunArguments) => Promise<void>;

/** A runner that does on this thread what took little time the last time, and gives the event loop its turns. */
export function createSessionRunner(api: OrtApi, session: Handle, now = () => performance.now()): RunSession {
  let lastTook = Number.POSITIVE_INFINITY;
  let sinceTurn = 0;
  return async (values) => {
    const start = now();
    const isShort = lastTook < shortRun;
    if (isShort) api.runSync(session, values);
    else await api.run(session, values);
    lastTook = now() - start;
    sinceTurn = isShort ? sinceTurn + lastTook : 0;
    if (sinceTurn < turnAfter) return;
    sinceTurn = 0;
    await new Promise((resolve) => setImmediate(resolve));
  };
}
