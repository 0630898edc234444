/** A small object store that checks what S3 checks of a PUT: the signed digest, the checksum and the length. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface StrictStore {
  readonly url: string;
  /** By path. */
  readonly objects: Map<string, { body: Buffer; headers: IncomingHttpHeaders }>;
  readonly faults: string[];
  /** What it keeps of a body, for tests of a store that spoils things. */
  keep: (body: Buffer) => Buffer;
  /** Whether HEAD tells a checksum of what is kept. */
  hasChecksums: boolean;
  close(): Promise<void>;
}

export async function startStrictStore(): Promise<StrictStore> {
  const server = createServer(async (request, response) => {
    const { method, url = "", headers } = request;
    const body = await buffer(request);
    const fault = faultOf(headers, body);
    if (fault !== undefined) store.faults.push(`${method} ${url}: ${fault}`);
    if (method === "PUT") {
      if (fault !== undefined) return response.writeHead(400).end();
      store.objects.set(url, { body: store.keep(body), headers });
      return response.end();
    }
    const found = store.objects.get(url);
    if (found === undefined) return response.writeHead(404).end();
    const checksum = sha256(found.body).toString("base64");
    const isAsked = store.hasChecksums && headers["x-amz-checksum-mode"] === "ENABLED";
    const metadata = found.headers["x-amz-meta-sha256"];
    response.writeHead(200, {
      "content-length": found.body.length,
      ...(isAsked && { "x-amz-checksum-sha256": checksum }),
      ...(metadata !== undefined && { "x-amz-meta-sha256": metadata }),
    });
    return response.end(found.body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const store: StrictStore = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects: new Map(),
    faults: [],
    keep: (body) => body,
    hasChecksums: true,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return store;
}

function faultOf(headers: IncomingHttpHeaders, body: Buffer): string | undefined {
  const { authorization = "" } = headers;
  const digest = sha256(body);
  const checksum = headers["x-amz-checksum-sha256"];
  const signed = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(";") ?? [];
  const unsigned = Object.keys(headers).filter(
    (name) => name.startsWith("x-amz-") && !signed.includes(name),
  );
  if (!/^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/eu-1\/s3\/aws4_request, /.test(authorization))
    return `authorization is ${authorization}`;
  if (unsigned.length > 0 || !signed.includes("host")) return `unsigned: ${unsigned.join()}`;
  if (headers["x-amz-content-sha256"] !== digest.toString("hex")) return "another content";
  if (checksum !== undefined && checksum !== digest.toString("base64")) return "another checksum";
  if (headers["transfer-encoding"] !== undefined) return "chunked, which S3 does not take";
  return undefined;
}

const sha256 = (bytes: Buffer): Buffer => createHash("sha256").update(bytes).digest();
