// aimock's fal queue, and its images, on a port, quiet, for the speed benchmarks: `node aimock_fal.mjs PORT [IMAGE_BASE64]`.
import { LLMock } from "@copilotkit/aimock";

const mock = new LLMock({ port: Number(process.argv[2]), host: "127.0.0.1", logLevel: "silent" });
mock.onFalQueue(/flux/, { images: [{ url: "http://127.0.0.1/x.png", width: 2048, height: 1152 }] });
if (process.argv[3]) mock.onImage(/cat/, { image: { b64Json: process.argv[3] } });
await mock.start();
console.log("ready");
