import { definePlugin, type Plugin } from "@alignkit/core";
import { tfjsBackendFactory } from "./backend.js";

/** The plugin that brings the `tfjs` backend. */
export const tfjs = (): Plugin => definePlugin({ name: "tfjs", backends: [tfjsBackendFactory] });
