"use strict";
// node-soap on standard input: a line names a client, the SOAP version and a URL; a line of JSON says what it read.

const readline = require("node:readline");
// The packages are fetched to a folder that is not beside this file.
const soap = require(require.resolve("soap", { paths: [process.cwd()] }));

const WSDL = process.argv[2];
const OPTIONS = { "node-soap": {}, "node-soap-attachments": { parseReponseAttachments: true } };
const clients = new Map();
let thrown = (error) => {
  throw error;
};
process.on("uncaughtException", (error) => thrown(error));

async function client(kind, version) {
  const name = `${kind} ${version}`;
  if (!clients.has(name)) {
    const options = { ...OPTIONS[kind], forceSoap12Headers: version === "1.2" };
    clients.set(name, await soap.createClientAsync(WSDL, options));
  }
  return clients.get(name);
}

async function read(kind, version, url) {
  const orders = await client(kind, version);
  orders.setEndpoint(url);
  const port = orders.Orders[version === "1.2" ? "Soap12" : "Soap11"];
  return new Promise((resolve) => {
    // node-soap throws some errors where nobody can catch them.
    thrown = (error) => resolve({ error: String(error) });
    port.GetOrder("1", (error, result) => {
      const fault = error?.root?.Envelope?.Body?.Fault;
      const reason = fault?.faultstring ?? fault?.Reason?.Text;
      if (!error) {
        resolve({ text: typeof result === "string" ? result : JSON.stringify(result) });
      } else if (reason !== undefined) {
        resolve({ fault: reason.$value ?? reason });
      } else {
        resolve({ error: error.message ?? `HTTP status ${error.response?.status}` });
      }
    });
  });
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [kind, version, url] = line.split(" ");
    const found = await read(kind, version, url).catch((error) => ({ error: String(error) }));
    process.stdout.write(`${JSON.stringify(found)}\n`);
  }
})();
