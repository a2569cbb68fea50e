// The WebSocket client of the MCP TypeScript SDK: `node mcp_websocket_client.mjs URL LONG_MS`.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(new URL("../clients/package.json", import.meta.url));
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { WebSocketClientTransport } = require("@modelcontextprotocol/sdk/client/websocket.js");
globalThis.WebSocket = require("ws").WebSocket; // which it takes from the runtime, and Node 20 has none

const [url, long] = process.argv.slice(2);
const longMs = Number(long);
const transport = new WebSocketClientTransport(new URL(url));
const client = new Client({ name: "test", version: "1" });
const problems = [];
client.onerror = (problem) => problems.push(problem);
await client.connect(transport); // which offers `mcp`, and takes an answer that names it only

const tool = async (name, args, options) => (await client.callTool({ name, arguments: args }, undefined, options)).content[0].text;
assert.equal(client.getServerVersion().name, "peer");
assert.equal((await client.listTools()).tools.length, 4);
assert.equal(await tool("sum", { numbers: [1, 2, 4] }), "7");
assert.equal(await tool("echo", { text: "é\u2028\n" + "x".repeat(100_000) }), "é\u2028\n" + "x".repeat(100_000));
await assert.rejects(tool("fail", { code: -32042 }), { code: -32042 });
await assert.rejects(client.listResources(), { code: -32601 });
assert.equal(await tool("sleep", { ms: longMs }), "slept");

const stop = new AbortController();
const refused = assert.rejects(tool("sleep", { ms: 4 * longMs }, { signal: stop.signal }));
assert.equal(await tool("sum", { numbers: [1] }), "1");
stop.abort();
await refused;
await assert.rejects(tool("sleep", { ms: 4 * longMs }, { timeout: 50 }), { code: -32001 }); // its own time limit
assert.equal(await tool("sum", { numbers: [2, 2] }), "4");
console.log("all given up"); // the test looks at what the server knows, while the connection is open
await new Promise((resolve) => process.stdin.once("end", resolve).resume());

assert.deepEqual(problems, []);
const end = new Promise((resolve) => (client.onclose = resolve));
await client.close();
await end;
console.log("ok");
