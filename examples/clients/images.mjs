// A client of OpenAI's Images API and of its relays for Node 20 and later, without packages.
//
// One request brings the images: JSON for a generation, a form for an edit, as one answer or as a stream of events. The
// job and the place of the answer stand in the environment, as `imageproof verify client` gives them. It uses node:http
// and not fetch, as fetch leaves after five minutes without a byte, and an image may take longer.

import { createHash, randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { basename, extname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { gunzipSync } from "node:zlib";

const PROVIDERS = ["openai", "apiyi"];
const LIMIT = 600; // seconds that an image may take; who leaves earlier pays all the same
const LEAST_LIMIT = 6; // real seconds: a scaled clock makes no machine faster
const MOST_WAIT = 120; // a server that wants to be left alone for longer is left alone for good
const TRIES = { 429: 4, 500: 2, 502: 2, 503: 2 }; // how often each of these is tried again; nothing else is
const DOWNLOADS = 4;
const KINDS = {
  400: "invalid_request", 401: "auth", 403: "auth", 404: "not_found", 408: "timeout", 413: "invalid_request",
  422: "invalid_request", 429: "rate_limited", 451: "moderation", 504: "timeout",
};
const REFUSED_FOR_CONTENT = /moderation|content.policy|safety system/i;
const FORMATS = {
  png: ["89504e470d0a1a0a", "49454e44ae426082"],
  jpeg: ["ffd8", "ffd9"],
  webp: ["52494646", ""],
};

class JobError extends Error {
  /** `tries` says how often the same request may be sent again, `asked` how long the server wants to be left alone. */
  constructor(kind, message, { code = null, tries = 0, asked = 0 } = {}) {
    super(message);
    this.told = { kind, code: code === null ? null : String(code), message };
    Object.assign(this, { tries, asked });
  }
}

class LostError extends Error {} // no whole answer came

const env = process.env;
const scale = Number(env.IMAGEPROOF_TIME_SCALE ?? 1); // divides all waits; 1 outside of tests
const requestIds = [];
const sleep = (seconds) => pause((seconds * 1000) / scale + 1);

/** Send a request; its answer, of which the body is still to be read. */
function open(method, url, { headers = {}, body } = {}) {
  const signal = AbortSignal.timeout(Math.max((LIMIT * 1000) / scale, LEAST_LIMIT * 1000));
  return new Promise((resolve, reject) => {
    const request = (url.startsWith("https:") ? https : http).request(url, { method, headers, signal }, (answer) => {
      if (answer.headers["x-request-id"]) requestIds.push(answer.headers["x-request-id"]); // what the support asks for
      resolve(answer);
    });
    request.on("error", (error) => {
      if (error.code === "ECONNREFUSED") reject(new JobError("network", error.message, { tries: 4 }));
      else reject(new LostError(error.message));
    });
    request.end(body);
  });
}

/** The pieces of a body as they come. Throws LostError when its end is missing. */
async function* pieces(answer) {
  try {
    for await (const piece of answer) yield piece;
  } catch (error) {
    throw new LostError(error.message);
  }
  if (!answer.complete) throw new LostError("half an answer");
}

async function whole(answer) {
  const parts = [];
  for await (const piece of pieces(answer)) parts.push(piece);
  return Buffer.concat(parts);
}

/** The error that an answer tells, whatever its status is; null when it tells none. */
function errorIn(status, body, headers = {}) {
  const error = body?.error;
  if (status === 200 && !error) return null;
  const parts = error !== null && typeof error === "object" ? error : { message: error };
  const message = String(parts.message ?? `HTTP ${status}`);
  const text = `${parts.code} ${parts.type} ${message}`;
  let kind = KINDS[status] ?? "upstream";
  if (REFUSED_FOR_CONTENT.test(text)) kind = "moderation";
  else if (/quota|billing/i.test(text)) kind = "quota";
  // A page of HTML comes from something in between, which does not know whether the request was taken.
  const passes = parts === error && kind !== "moderation" && kind !== "quota";
  const tries = passes ? (TRIES[status] ?? 0) : 0;
  return new JobError(kind, message, { code: parts.code ?? null, tries, asked: retryAfter(headers) });
}

/** How many seconds the server wants to be left alone; a date is compared with the server's own clock. */
function retryAfter(headers) {
  const text = (headers["retry-after"] ?? "").trim();
  if (/^\d+$/.test(text)) return Number(text);
  const seconds = (Date.parse(text) - Date.parse(headers.date)) / 1000 + 1;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
}

/** The body of the request, and its content type. */
async function bodyOf(job) {
  if (job.content !== "multipart") return [Buffer.from(JSON.stringify(job.request)), "application/json"];
  const edge = randomUUID();
  const parts = [];
  const add = (head, data) => parts.push(Buffer.from(`--${edge}\r\n${head}\r\n\r\n`), data, Buffer.from("\r\n"));
  for (const [name, value] of Object.entries(job.request)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    add(`Content-Disposition: form-data; name="${name}"`, Buffer.from(text));
  }
  for (const [name, path] of Object.entries(job.files).flatMap(([name, paths]) => paths.map((path) => [name, path]))) {
    const kind = `image/${extname(path).slice(1).replace("jpg", "jpeg")}`;
    const head = `Content-Disposition: form-data; name="${name}"; filename="${basename(path)}"\r\nContent-Type: ${kind}`;
    add(head, await readFile(path));
  }
  parts.push(Buffer.from(`--${edge}--\r\n`));
  return [Buffer.concat(parts), `multipart/form-data; boundary=${edge}`];
}

/** Order the images; again only after an error that says that nothing was made. */
async function ask(job) {
  const [body, kind] = await bodyOf(job);
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await askOnce(job, body, kind);
    } catch (error) {
      if (!(error instanceof JobError) || attempt >= error.tries) throw error;
      const wait = Math.max(Math.min(2 ** attempt, 16) * (1 + Math.random() / 4), error.asked * 1.02);
      if (wait > MOST_WAIT) throw error;
      await sleep(wait);
    }
  }
}

async function askOnce(job, body, kind) {
  const headers = {
    Authorization: `Bearer ${env.IMAGEPROOF_API_KEY}`,
    "Content-Type": kind,
    "Content-Length": body.length,
  };
  try {
    const answer = await open(job.method, env.IMAGEPROOF_BASE_URL + job.path, { headers, body });
    const streams = answer.statusCode === 200 && answer.headers["content-type"]?.startsWith("text/event-stream");
    const entries = streams ? await completed(events(answer)) : await entriesOf(answer);
    return await Promise.all(entries.map(image));
  } catch (error) {
    if (!(error instanceof LostError)) throw error;
    throw new JobError("network", `no whole answer came, it may be billed all the same: ${error.message}`);
  }
}

/** What stands for images in an answer that comes at once. */
async function entriesOf(answer) {
  const data = await whole(answer);
  let body = null;
  try {
    body = JSON.parse((answer.headers["content-encoding"] === "gzip" ? gunzipSync(data) : data).toString());
  } catch {
    // no JSON: told below, as an answer without images
  }
  const error = errorIn(answer.statusCode, body, answer.headers);
  if (error) throw error;
  if (!Array.isArray(body?.data) || body.data.length === 0) throw new JobError("upstream", "a success without images");
  return body.data;
}

/** The events of a stream, as they come. Comments are skipped, and half an event at the end is none. */
async function* events(answer) {
  const decoder = new TextDecoder();
  let rest = "";
  let data = [];
  for await (const piece of pieces(answer)) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop();
    for (const line of lines.map((text) => text.replace(/\r$/, ""))) {
      if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      else if (line === "" && data.length > 0) {
        const text = data.join("\n");
        data = [];
        if (text !== "[DONE]") yield eventIn(text);
      }
    }
  }
}

function eventIn(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new JobError("upstream", "an event that is no JSON");
  }
}

/** The whole images of a stream; the partial ones are for showing only. */
async function completed(stream) {
  const found = [];
  for await (const event of stream) {
    const error = errorIn(200, event);
    if (error) throw error;
    if (event.type === "error") throw new JobError("upstream", "the stream failed");
    if (event.type?.endsWith(".completed")) found.push(event);
  }
  if (found.length === 0) throw new JobError("upstream", "the stream ended without an image");
  return found;
}

/** The bytes of an image, from base64 with or without the head of a data URL, or from a URL. */
async function image(entry) {
  if (typeof entry?.b64_json === "string") return Buffer.from(entry.b64_json.split(",").pop(), "base64");
  if (typeof entry?.url === "string") return download(entry.url);
  throw new JobError("upstream", "an entry without an image");
}

/** Fetch an image, without the key; again when it does not come whole. */
async function download(url) {
  let problem = "";
  for (let attempt = 0; attempt < DOWNLOADS; attempt += 1) {
    await sleep(2 ** attempt - 1);
    try {
      const answer = await open("GET", url);
      const data = await whole(answer);
      problem = `HTTP ${answer.statusCode}`;
      if (answer.statusCode === 200 && Object.keys(FORMATS).some((format) => isWhole(data, format))) return data;
    } catch (error) {
      problem = error.message;
    }
  }
  throw new JobError("upstream", `a result can't be fetched: ${problem}`);
}

function isWhole(data, format) {
  const [start, end] = FORMATS[format].map((hex) => Buffer.from(hex, "hex"));
  return data.subarray(0, start.length).equals(start) && data.subarray(data.length - end.length).equals(end);
}

/** Throws for images that are too few, cut, or of another format or size than was asked for. */
function requireAll(images, job) {
  const wanted = job.request.output_format ?? "png";
  for (const data of images) {
    if (!isWhole(data, wanted)) throw new JobError("upstream", `expected a whole ${wanted}, got ${data.length} bytes`);
    const size = wanted === "png" ? `${data.readUInt32BE(16)}x${data.readUInt32BE(20)}` : job.size;
    if (job.size && size !== job.size) throw new JobError("upstream", `expected ${job.size}, got ${size}`);
  }
  if (images.length < job.images) throw new JobError("upstream", `${images.length} of ${job.images} images came`);
}

const job = JSON.parse(await readFile(env.IMAGEPROOF_JOB, "utf8"));
let told = { outcome: "unsupported" };
if (PROVIDERS.includes(job.provider)) {
  try {
    const images = await ask(job);
    requireAll(images, job);
    const name = (at) => join(env.IMAGEPROOF_OUT, `${job.scenario}-${at}.${job.request.output_format ?? "png"}`);
    await Promise.all(images.map((data, at) => writeFile(name(at), data)));
    const digests = images.map((data) => ({ sha256: createHash("sha256").update(data).digest("hex") }));
    told = { outcome: "done", images: digests };
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    told = { outcome: "failed", error: error.told };
  }
  told.request_ids = requestIds;
}
await writeFile(env.IMAGEPROOF_RESULT, JSON.stringify(told));
process.exit({ done: 0, failed: 2 }[told.outcome] ?? 64);
