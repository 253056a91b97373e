// The Node SDK of OpenAI, unchanged, as the client of `imageproof verify client`.
//
// It hands the job to the SDK with its default settings, and tells what the SDK gave: images that it returned, or an
// error of its own classes. Any other error is a crash, as it is for a user who catches what the SDK documents.
import { createReadStream, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

// The packages of all Node clients lie in tests/node, where a plain import from this folder does not look.
const require = createRequire(new URL("../../node/package.json", import.meta.url));
const { OpenAI } = require("openai");

const DONE = 0;
const FAILED = 2;
const UNSUPPORTED = 64;
const env = process.env;
const job = JSON.parse(readFileSync(env.IMAGEPROOF_JOB, "utf8"));

const ask = async (client) => {
  const parts = Object.entries(job.files).map(([name, paths]) => [
    name.replace("[]", ""),
    paths.map((path) => createReadStream(path)),
  ]);
  const request = { ...job.request, ...Object.fromEntries(parts) };
  const answer = await (job.operation === "edit" ? client.images.edit(request) : client.images.generate(request));
  if (!job.stream) {
    return [(answer.data ?? []).map((image) => image.b64_json).filter(Boolean), answer._request_id];
  }
  const images = [];
  for await (const event of answer) if (event.type.endsWith(".completed")) images.push(event.b64_json);
  return [images, null];
};

const tell = (code, result) => {
  writeFileSync(env.IMAGEPROOF_RESULT, JSON.stringify(result));
  process.exitCode = code;
};

const main = async () => {
  // The SDK hands on a URL, and fetches nothing.
  if (job.request.response_format === "url") return tell(UNSUPPORTED, { outcome: "unsupported" });
  try {
    const [images, requestId] = await ask(new OpenAI());
    const files = images.map((image, number) => {
      const path = join(env.IMAGEPROOF_OUT, `${number}.image`);
      writeFileSync(path, Buffer.from(image, "base64"));
      return { path };
    });
    return tell(DONE, { outcome: "done", images: files, request_ids: requestId ? [requestId] : [] });
  } catch (error) {
    if (!(error instanceof OpenAI.OpenAIError)) throw error;
    const told = { code: error.code ?? null, message: `${error.constructor.name}: ${error.message}` };
    const gaveUp = error instanceof OpenAI.APIConnectionTimeoutError;
    const ids = error.requestID ? [error.requestID] : [];
    return tell(FAILED, { outcome: "failed", error: told, gave_up: gaveUp, request_ids: ids });
  }
};

await main();
