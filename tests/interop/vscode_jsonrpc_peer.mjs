// A server made with vscode-jsonrpc, as language servers are: messages with headers on stdin and stdout.
import { createRequire } from "node:module";

const require = createRequire(new URL("../clients/package.json", import.meta.url));
const { createMessageConnection, ResponseError, StreamMessageReader, StreamMessageWriter } = require("vscode-jsonrpc/node");

const connection = createMessageConnection(new StreamMessageReader(process.stdin), new StreamMessageWriter(process.stdout));
const cancelled = [];
const notes = [];

connection.onRequest("peer.sum", (...numbers) => {
  numbers.pop(); // the token
  return numbers.reduce((a, b) => a + b, 0);
});
connection.onRequest("peer.echo", ({ text }) => ({ text }));
connection.onRequest("peer.fail", ({ code }) => new ResponseError(code, "own", { own: true }));
connection.onRequest("peer.until_cancelled", ({ name }, token) => new Promise((done) => {
  token.onCancellationRequested(() => {
    cancelled.push(name);
    done(new ResponseError(-32800, "Request cancelled"));
  });
}));
connection.onRequest("peer.cancelled", () => cancelled);
connection.onNotification("peer.note", (params) => { notes.push(params); });
connection.onRequest("peer.notes", () => notes);
connection.onClose(() => process.exit(0));
connection.listen();
