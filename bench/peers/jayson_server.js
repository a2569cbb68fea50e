// jayson over TCP: `echo` answers with its params. Prints the address it listens on.
const jayson = require("jayson");

const server = new jayson.Server({ echo: (params, callback) => callback(null, params) }).tcp();
server.listen(0, "127.0.0.1", () => console.log(`tcp://127.0.0.1:${server.address().port}`));
