/**
 * The model server, a process of its own: `node model-server.ts [--port 0] [--delay-ms 0]`. Listens on
 * loopback only, without authentication: nothing but the gateway may stand in front of it. Prints one JSON line when ready.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CallError } from "./model/call-error.ts";
import { CATALOGUE, findPredictor } from "./model/catalogue.ts";
import { answerInference, modelMetadata, serverMetadata } from "./model/inference-protocol.ts";
import { answerPrediction } from "./model/prediction.ts";

/** A batch of 1024 customers fits; a larger body would only be refused later. */
const BODY_LIMIT_BYTES = 4 * 1024 * 1024;

export interface ModelServerOptions {
  readonly port: number;
  /** Waits this long before every answer: a slow model. */
  readonly delayMs: number;
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: () => Promise<unknown>;
}

/** Starts to listen on 127.0.0.1; resolves to the server once it does. */
export async function startModelServer(options: ModelServerOptions): Promise<Server> {
  const server = createServer((request, response) => void serve(request, response, options));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, "127.0.0.1", resolve);
  });
  return server;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { delayMs }: ModelServerOptions,
): Promise<void> {
  try {
    // The timer must not keep the process alive once the caller has given up and the server is closing.
    if (delayMs > 0) await delay(delayMs, undefined, { ref: false });
    const [path = ""] = (request.url ?? "").split("?");
    const answer = await route({
      method: request.method ?? "",
      path,
      body: () => readJson(request),
    });
    send(response, 200, answer);
  } catch (error) {
    if (error instanceof CallError) return send(response, error.status, { error: error.message });
    console.error(error);
    send(response, 500, { error: "the model server failed" });
  }
}

function send(response: ServerResponse, status: number, answer: object): void {
  if (response.destroyed) return;
  const text = JSON.stringify(answer);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

async function route(call: Call): Promise<object> {
  const parts = call.path.slice(1).split("/");
  if (parts[0] === "v2") return routeInferenceProtocol(call, parts.slice(1));
  const [model = "", version, action, ...rest] = parts;
  const predictor = findPredictor(model, version);
  if (!predictor || action !== "predict" || rest.length > 0) throw notFound();
  requireMethod(call, "POST");
  return answerPrediction(predictor, await call.body());
}

async function routeInferenceProtocol(call: Call, parts: readonly string[]): Promise<object> {
  const [first, second] = parts;
  if (first === "models") return routeModel(call, parts.slice(1));
  requireMethod(call, "GET");
  if (first === undefined) return serverMetadata();
  if (first === "health" && parts.length === 2 && second === "live") return { live: true };
  if (first === "health" && parts.length === 2 && second === "ready") return { ready: true };
  throw notFound();
}

/** `{model}[/versions/{version}]` and then nothing, `ready` or `infer`. */
async function routeModel(call: Call, parts: readonly string[]): Promise<object> {
  const [model = "", ...after] = parts;
  const version = after[0] === "versions" ? (after[1] ?? "") : undefined;
  const [action, ...rest] = version === undefined ? after : after.slice(2);
  const predictor = findPredictor(model, version);
  if (!predictor || !CATALOGUE.has(model) || rest.length > 0) throw notFound();
  if (action === "infer") {
    requireMethod(call, "POST");
    return answerInference(predictor, await call.body());
  }
  requireMethod(call, "GET");
  if (action === undefined) return modelMetadata(model);
  if (action === "ready") return { name: model, ready: true };
  throw notFound();
}

const notFound = (): CallError => new CallError(404, "there is no such model, version or action");

function requireMethod(call: Call, method: string): void {
  if (call.method !== method) throw new CallError(405, `only ${method} is served here`);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") throw new CallError(415, "the body must be application/json");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES) throw new CallError(413, "the body is too large");
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new CallError(400, "the body is not JSON");
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "0" },
      "delay-ms": { type: "string", default: "0" },
    },
  });
  const server = await startModelServer({
    port: Number(values.port),
    delayMs: Number(values["delay-ms"]),
  });
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ msg: "listening", address: "127.0.0.1", port }));
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) await main();
