// A client of polled image APIs for Node 20 and later, without packages: submit, poll, download, tell what came of it.
//
// The job and the place of the answer stand in the environment, as `imageproof verify client` gives them. It uses
// node:http with an agent and not fetch, as fetch drops a connection that was idle for four seconds.

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { gunzipSync } from "node:zlib";

// Where things stand at one provider, and how it wants to be polled. Times are in seconds.
const PROVIDERS = {
  reapi: {
    poll: (id) => `/api/v1/tasks/${id}`,
    results: (body) => body.output?.image_urls, // where its results stand
    first: 30, // before the first poll
    every: (age) => (age < 180 ? 4 : 10), // from one poll to the next
    patience: 600, // a task that is older will not end any more
  },
  toapis: {
    poll: (id) => `/v1/images/generations/${id}`,
    results: (body) => body.result?.data?.map((image) => image.url ?? image.b64_json),
    first: 5,
    every: () => 5.5 + Math.random() * 2.5,
    patience: 300,
  },
  xingchaoyiqing: {
    poll: (id) => `/v1/result/${id}`,
    results: (body) => [body.image_url],
    first: 2,
    every: () => 3,
    patience: 300,
  },
};
const LIMITS = { submit: 300, poll: 30, download: 120 }; // seconds that an answer may take
const LEAST_LIMIT = 4; // real seconds: a scaled clock makes no machine faster
const TRIES = 5;
const NOT_YET = 10; // so long after a submit a task may be unknown to the server that is polled
const KINDS = {
  400: "invalid_request", 401: "auth", 402: "quota", 403: "auth", 404: "not_found",
  408: "timeout", 422: "invalid_request", 429: "rate_limited", 504: "timeout",
};
const REFUSED_FOR_CONTENT = /content.policy|moderation|safety system/i;
const FORMATS = {
  png: ["89504e470d0a1a0a", "49454e44ae426082"],
  jpeg: ["ffd8", "ffd9"],
  webp: ["52494646", ""],
};

class JobError extends Error {
  constructor(kind, message, code) {
    super(message);
    this.told = { kind, code: code === undefined || code === null ? null : String(code), message };
  }
}

class LostError extends Error {} // a request went out, and no whole answer came back
class NotSentError extends LostError {} // a request did not even go out: nobody listens

const env = process.env;
const scale = Number(env.IMAGEPROOF_TIME_SCALE ?? 1); // divides all waits; 1 outside of tests
const agents = {
  "http:": new http.Agent({ keepAlive: true, maxSockets: 1 }),
  "https:": new https.Agent({ keepAlive: true, maxSockets: 1 }),
};
const requestIds = [];
let taskId = null;
let hollow = 0; // answers that tell the end and nothing else

const sleep = (seconds) => pause((seconds * 1000) / scale + 1); // timers of Node may fire a millisecond early
const backoff = (attempt) => Math.min(2 ** attempt, 16) * (1 + Math.random() / 4);

/** One request and its whole answer. The key stands in a header, and only where it belongs. */
function send(purpose, method, url, { key, body } = {}) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  if (text !== undefined) {
    Object.assign(headers, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) });
  }
  const { protocol } = new URL(url);
  const signal = AbortSignal.timeout(Math.max((LIMITS[purpose] * 1000) / scale, LEAST_LIMIT * 1000));
  return new Promise((resolve, reject) => {
    const lost = (error) => reject(new (error.code === "ECONNREFUSED" ? NotSentError : LostError)(error.message));
    const made = protocol === "https:" ? https : http;
    const request = made.request(url, { method, headers, agent: agents[protocol], signal }, (answer) => {
      const pieces = [];
      answer.on("data", (piece) => pieces.push(piece));
      answer.on("error", lost);
      answer.on("end", () => {
        const { "x-request-id": id, "content-length": length } = answer.headers;
        if (id) requestIds.push(id);
        const data = Buffer.concat(pieces);
        if (!answer.complete || (length && data.length < Number(length))) lost(new Error("half an answer"));
        else resolve({ status: answer.statusCode, headers: answer.headers, data, body: objectIn(data, answer) });
      });
    });
    request.on("error", lost);
    request.end(text);
  });
}

/** The object of JSON that an answer is; empty for anything else. */
function objectIn(data, { headers }) {
  try {
    const text = headers["content-encoding"] === "gzip" ? gunzipSync(data) : data;
    const tree = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
    return tree !== null && typeof tree === "object" && !Array.isArray(tree) ? tree : {};
  } catch {
    return {};
  }
}

/** The error that an answer tells, whatever its status is. */
function errorIn({ status, body }) {
  if (status < 400 && !body.error && body.status !== "failed") return null;
  const parts = body.error !== null && typeof body.error === "object" ? body.error : { message: body.error };
  const code = parts.code ?? body.code;
  const message = String(parts.message ?? body.message ?? `HTTP ${status}`);
  let kind = KINDS[status] ?? "upstream";
  if (REFUSED_FOR_CONTENT.test(`${code} ${message}`)) kind = "moderation";
  else if (/insufficient/i.test(`${code} ${message}`)) kind = "quota";
  return new JobError(kind, message, code);
}

/** How many seconds the server wants to be left alone; a date is compared with the server's own clock. */
function retryAfter({ headers }) {
  const text = (headers["retry-after"] ?? "").trim();
  if (/^\d+$/.test(text)) return Number(text);
  const seconds = (Date.parse(text) - Date.parse(headers.date)) / 1000 + 1;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
}

/** Whether the provider itself says that it did not take the request, and may take it later. */
function mayPass(reply) {
  const error = errorIn(reply);
  const told = error !== null && Object.keys(reply.body).length > 0 && error.told.kind !== "quota";
  return told && (reply.status === 429 || reply.status === 503);
}

/** Order the job; the id of its task. It is sent again only when it was surely not taken. */
async function submit(job, provider, key) {
  for (let attempt = 0; ; attempt += 1) {
    const last = attempt === TRIES - 1;
    let asked = 0;
    try {
      const reply = await send("submit", "POST", env.IMAGEPROOF_BASE_URL + job.path, { key, body: job.request });
      if (last || !mayPass(reply)) return accepted(reply);
      asked = retryAfter(reply);
    } catch (error) {
      if (!(error instanceof LostError)) throw error;
      if (last || !(error instanceof NotSentError)) {
        throw new JobError("network", `the submit was not answered, so it may be taken: ${error.message}`);
      }
    }
    if (asked > provider.patience) throw new JobError("rate_limited", `the server asks for ${asked} s of silence`);
    await sleep(Math.max(backoff(attempt), asked * 1.02));
  }
}

/** The id in the answer to a submit. A 200 may hold an error, and need not hold an id. */
function accepted(reply) {
  const error = errorIn(reply);
  if (error) throw error;
  if (typeof reply.body.id !== "string" || reply.body.id === "") {
    throw new JobError("upstream", "the answer to the submit holds no id of a task");
  }
  taskId = reply.body.id;
  return taskId;
}

/** Wait for the end of the task; its last answer. Errors that pass are sat out. */
async function poll(id, provider, key) {
  const began = performance.now();
  const age = () => ((performance.now() - began) / 1000) * scale;
  let wait = provider.first;
  for (let troubles = 0; ; ) {
    await sleep(wait);
    let fine = false;
    let asked = 0;
    try {
      const reply = await send("poll", "GET", env.IMAGEPROOF_BASE_URL + provider.poll(id), { key });
      if (hasEnded(reply, age(), provider)) return reply.body;
      fine = reply.status === 200 && "status" in reply.body;
      asked = retryAfter(reply);
    } catch (error) {
      if (!(error instanceof LostError)) throw error;
    }
    troubles = fine ? 0 : troubles + 1;
    wait = Math.max(provider.every(age()) + (troubles ? backoff(troubles - 1) : 0), asked * 1.02);
    if (age() + wait > provider.patience) {
      throw new JobError("timeout", `task ${id} has not ended after ${Math.round(age())} s`);
    }
  }
}

/** Whether an answer to a poll is the last one. Throws when the job has failed for good. */
function hasEnded(reply, age, provider) {
  const error = errorIn(reply);
  if (reply.status === 200) {
    const { status: state } = reply.body;
    if (state !== "completed" && state !== "failed") return false; // states that no page names pass
    const told = state === "failed" ? reply.body.error : resultsIn(reply.body, provider).length;
    if (!told && (hollow += 1) < TRIES) return false; // the end is known before its result, or its reason
    if (state === "failed") throw error;
    return true;
  }
  if (reply.status === 404 && age < NOT_YET) return false;
  if (Object.keys(reply.body).length > 0 && reply.status < 500 && reply.status !== 429) throw error;
  return false;
}

/** The URLs or the base64 of all images in an answer. */
function resultsIn(body, provider) {
  try {
    return [...(provider.results(body) ?? [])].filter((url) => typeof url === "string" && url.length > 0);
  } catch {
    return []; // something else stands where they should be
  }
}

/** Fetch one image, without the key; again when it is not whole, or not there yet. */
async function download(url, job) {
  let problem = "";
  if (!url.startsWith("http")) {
    const data = Buffer.from(url, "base64");
    if ((problem = whatIsWrong(data, job))) throw new JobError("upstream", problem);
    return data;
  }
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    if (attempt > 0) await sleep(backoff(attempt - 1));
    try {
      const { status, data } = await send("download", "GET", url);
      problem = status === 200 ? whatIsWrong(data, job) : `HTTP ${status}`;
      if (!problem) return data;
    } catch (error) {
      if (!(error instanceof LostError)) throw error;
      problem = error.message;
    }
  }
  throw new JobError("upstream", `a result can't be fetched: ${problem}`);
}

/** What is wrong with an image: not the format, not the end, or not the size that was asked for. */
function whatIsWrong(data, job) {
  const wanted = job.request.output_format ?? "png";
  const [start, end] = FORMATS[wanted].map((hex) => Buffer.from(hex, "hex"));
  if (!data.subarray(0, start.length).equals(start) || !data.subarray(data.length - end.length).equals(end)) {
    return `expected a whole ${wanted}, got ${data.length} bytes`;
  }
  if (wanted !== "png" || !job.size) return "";
  const size = `${data.readUInt32BE(16)}x${data.readUInt32BE(20)}`;
  return size === job.size ? "" : `expected ${job.size}, got ${size}`;
}

/** The whole job; the digests of its images, which are in the folder then. */
async function run(job) {
  const provider = PROVIDERS[job.provider];
  const key = env.IMAGEPROOF_API_KEY;
  const end = await poll(await submit(job, provider, key), provider, key);
  const images = [];
  for (const url of resultsIn(end, provider)) images.push(await download(url, job));
  if (images.length < job.images) throw new JobError("upstream", `${images.length} of ${job.images} images came`);
  const kind = job.request.output_format ?? "png";
  await Promise.all(images.map((data, at) => writeFile(join(env.IMAGEPROOF_OUT, `${job.scenario}-${at}.${kind}`), data)));
  return images.map((data) => ({ sha256: createHash("sha256").update(data).digest("hex") }));
}

const job = JSON.parse(await readFile(env.IMAGEPROOF_JOB, "utf8"));
let told = { outcome: "unsupported" };
if (job.provider in PROVIDERS && job.content === "json") {
  try {
    told = { outcome: "done", images: await run(job) };
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    told = { outcome: "failed", error: error.told };
  }
  Object.assign(told, { task_id: taskId, request_ids: requestIds });
}
await writeFile(env.IMAGEPROOF_RESULT, JSON.stringify(told));
process.exit({ done: 0, failed: 2 }[told.outcome] ?? 64);
