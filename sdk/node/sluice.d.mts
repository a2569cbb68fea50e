// TypeScript looks here for the types of sluice.mjs.
export * from "./sluice.js";
