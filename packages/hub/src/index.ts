export { type FetchOptions, fetchFromHub } from "./fetch.js";
export { type HubReference, isHubReference, parseHubReference, printHubReference } from "./reference.js";
export { type HubSettings, readHubSettings } from "./settings.js";
