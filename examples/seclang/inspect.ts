/** The rules, loaded once, and one request before them. A request that cannot be inspected is never taken for a good one. */
import type { IncomingMessage } from "node:http";
import { loadRuleSet } from "portcullis/seclang";

const rules = loadRuleSet({
  sources: [{ kind: "files", paths: ["crs-setup.conf", "rules/*.conf"] }],
});
const policy = rules.policy();
await policy.warm();

/** What refuses the request, with the status to answer; undefined when it may pass. `body` is what the handler will read. */
export async function inspect(message: IncomingMessage, target: string, body: unknown) {
  const transaction = policy.transaction();
  const onHead = transaction.requestHead({
    method: message.method ?? "GET",
    target,
    protocol: `HTTP/${message.httpVersion}`,
    headers: pairs(message.rawHeaders),
    remoteAddress: message.socket.remoteAddress ?? "",
  });
  const bytes = body instanceof Uint8Array ? body : new Uint8Array();
  const refusal = onHead ?? (await transaction.requestBody(bytes));
  transaction.end();
  return refusal;
}

/** As they came: what a framework joins or drops is what an attack hides in. */
function pairs(raw: readonly string[]) {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] ?? ""] as const] : []));
}
