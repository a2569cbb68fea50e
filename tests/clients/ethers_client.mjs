// ethers' IPC provider on a Unix path, which sends no newline and splits answers at them: `node ethers_client.mjs PATH`.
import assert from "node:assert/strict";
import { IpcSocketProvider, Network } from "ethers";

const network = Network.from(1);
const provider = new IpcSocketProvider(process.argv[2], network, { staticNetwork: network });

assert.equal(await provider.send("demo.sum", [1, 2, 4]), 7);
assert.equal(await provider.send("demo.subtract", { minuend: 42, subtrahend: 23 }), 19);
assert.deepEqual(await provider.send("demo.echo", ["é\u{1F600}\n", "}{"]), ["é\u{1F600}\n", "}{"]);
assert.deepEqual(await provider.send("demo.echo", ["x".repeat(1_000_000)]), ["x".repeat(1_000_000)]);
await assert.rejects(provider.send("no.such", []), (error) => JSON.stringify(error).includes("-32601") || error.error?.code === -32601);

// Many at once, out of order: the slow ones first.
const slow = provider.send("demo.sleep", { ms: 200 });
const many = await Promise.all(Array.from({ length: 50 }, (_, n) => provider.send("demo.echo", [n])));
many.forEach((answer, n) => assert.deepEqual(answer, [n]));
assert.deepEqual(await slow, { slept_ms: 200 });

// The provider has no notifications of its own; this is one on its socket.
await provider._write(JSON.stringify({ jsonrpc: "2.0", method: "demo.subtract", params: [2, 1] }));
assert.deepEqual(await provider.send("demo.echo", ["after the notification"]), ["after the notification"]);
provider.destroy();
console.log("ok");
