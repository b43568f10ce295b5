import type { Session } from "../session.js";
export async function runDemoVerb(_s: Session, _f: unknown): Promise<void> {}
