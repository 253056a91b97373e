// aimock's fal queue on a port, quiet, for the speed benchmark: `node aimock_fal.mjs PORT`.
import { LLMock } from "@copilotkit/aimock";

const mock = new LLMock({ port: Number(process.argv[2]), host: "127.0.0.1", logLevel: "silent" });
mock.onFalQueue(/flux/, { images: [{ url: "http://127.0.0.1/x.png", width: 2048, height: 1152 }] });
await mock.start();
console.log("ready");
