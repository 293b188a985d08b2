// Serves the scenario handlers with the official TypeScript SDK.
//
//   node service.mjs --listen 127.0.0.1:9080 --prefix Ts --effects FILE
//
// Listens for cleartext HTTP/2, prefixes its service names and appends one line per side
// effect to the file.

import * as http2 from "node:http2";
import { parseArgs } from "node:util";
import * as restate from "@restatedev/restate-sdk";

import { basic } from "./basic.mjs";
import { comm } from "./comm.mjs";
import { Effects } from "./effects.mjs";
import { order, store, waiter } from "./keyed.mjs";

const { values } = parseArgs({
  options: {
    listen: { type: "string", default: "127.0.0.1:9080" },
    prefix: { type: "string", default: "Ts" },
    effects: { type: "string", default: "" },
  },
});

const { prefix } = values;
const fx = new Effects(values.effects);
const endpoint = restate.endpoint().setLogger(() => {}); // failures are what checks ask for
endpoint.bind(basic(`${prefix}Basic`, fx));
endpoint.bind(comm(`${prefix}Comm`, prefix));
endpoint.bind(store(`${prefix}Store`, false));
endpoint.bind(store(`${prefix}LazyStore`, true));
endpoint.bind(waiter(`${prefix}Waiter`, prefix));
endpoint.bind(order(`${prefix}Order`, fx));

const [host, port] = values.listen.split(":");
const server = http2.createServer(endpoint.http2Handler());
server.on("error", (err) => {
  console.error(`tsservice: serve on ${values.listen}: ${err.message}`);
  process.exit(1);
});
server.listen(Number(port), host);
