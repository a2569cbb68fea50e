// A server made with the MCP TypeScript SDK, on stdin and stdout. It refuses messages with members that it does not know.
import { createRequire } from "node:module";

const require = createRequire(new URL("../clients/package.json", import.meta.url));
const { Server } = require("@modelcontextprotocol/sdk/server/index.js");
const { StdioServerTransport } = require("@modelcontextprotocol/sdk/server/stdio.js");
const { CallToolRequestSchema, ListToolsRequestSchema, McpError } = require("@modelcontextprotocol/sdk/types.js");

const tools = {
  sum: async ({ numbers }) => numbers.reduce((a, b) => a + b, 0),
  echo: async ({ text }) => text,
  fail: async ({ code }) => { throw new McpError(code, "own", { own: true }); },
  sleep: ({ ms }) => new Promise((done) => setTimeout(done, ms, "slept")),
};

const server = new Server({ name: "peer", version: "1" }, { capabilities: { tools: {} } });
server.onerror = (error) => console.error(String(error));
server.setRequestHandler(ListToolsRequestSchema, async () => ({
  tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: "object" } })),
}));
server.setRequestHandler(CallToolRequestSchema, async ({ params }) => ({
  content: [{ type: "text", text: String(await tools[params.name](params.arguments)) }],
}));
await server.connect(new StdioServerTransport());
