/** Every op, value and gradient, against the reference; and the rules of the contract. */
import { describeBackend } from "@alignkit/core/conformance/vitest";
import { createJaxBackend } from "./backend.js";

describeBackend("jax", createJaxBackend);
