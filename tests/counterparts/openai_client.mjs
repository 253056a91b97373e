// Does one thing with the Node SDK of OpenAI and prints as JSON what came of it: the answer, the events, or the error.
// The order comes as JSON on standard input: {base_url, key, action, request, files, mask, retries}.
import { File } from "node:buffer";
import { text } from "node:stream/consumers";
import { createRequire } from "node:module";

// The packages of all Node clients lie in tests/node, where a plain import from this folder does not look.
const require = createRequire(new URL("../node/package.json", import.meta.url));
globalThis.File ??= File; // Node 18 has it, and does not show it
const { OpenAI, toFile } = require("openai");

const order = JSON.parse(await text(process.stdin));
const client = new OpenAI({ baseURL: order.base_url, apiKey: order.key, maxRetries: order.retries ?? 0 });

const uploads = (files) =>
  Promise.all(files.map(({ name, base64 }) => toFile(Buffer.from(base64, "base64"), name, { type: "image/png" })));

const actions = {
  generate: () => client.images.generate(order.request),
  edit: async () => {
    const [mask] = await uploads(order.mask ? [order.mask] : []);
    return client.images.edit({ ...order.request, image: await uploads(order.files), ...(mask && { mask }) });
  },
  stream: async () => {
    const events = [];
    for await (const event of await client.images.generate({ ...order.request, stream: true })) events.push(event);
    return { events };
  },
};

try {
  console.log(JSON.stringify({ answer: await actions[order.action]() }));
} catch (error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  const { status, code, param, type, requestID } = error;
  const name = Object.keys(OpenAI).find((key) => OpenAI[key] === error.constructor);
  console.log(JSON.stringify({ error: { name, status, code, param, type, requestID } }));
}
