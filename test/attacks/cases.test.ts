/**
 * The attacks that are data: each file beside this one is a list of requests with the verdict and the code they must
 * have, codes that must not fire, and texts that must not reach the upstream.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Transport } from "../support/calling.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

interface AttackCase {
  readonly name: string;
  /** Default: an allowed prediction; what is said here is laid over it. */
  readonly request?: {
    readonly method?: string;
    readonly path?: string;
    readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  };
  /** Of the token; null takes a claim away. */
  readonly token?: {
    readonly claims?: Readonly<Record<string, unknown>>;
    readonly header?: Readonly<Record<string, unknown>>;
    readonly signedWith?: "public-key" | "stranger";
    readonly suffix?: string;
  };
  readonly expected: { readonly status: number; readonly code: string };
  readonly never?: readonly string[];
  /** The target as the upstream must see it. */
  readonly upstreamTarget?: string;
  readonly upstreamLacks?: readonly string[];
  readonly transports?: readonly Transport[];
}

const FILES = ["canonical-urls.json", "headers.json", "tokens.json"];
const TRANSPORTS: readonly Transport[] = ["http/1.1", "h2"];

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    listeners: ["plain", "tls"],
    config: { routes: [{ path: "/admin", methods: ["POST"], upstream: "model" }] },
  });
});
afterAll(() => gateway.close());
afterEach(() => gateway.upstream.reset());

function tokenOf({
  claims = {},
  header = {},
  signedWith,
  suffix = "",
}: AttackCase["token"] = {}): string {
  const withoutNulls = Object.fromEntries(
    Object.entries(claims).map(([name, value]) => [name, value ?? undefined]),
  );
  const token = gateway.mintToken(withoutNulls, {
    header,
    isForged: signedWith === "stranger",
    ...(signedWith === "public-key" && { hmacSecret: gateway.issuer.publicKeyPem }),
  });
  return `Bearer ${token}${suffix}`;
}

describe.each(FILES)("%s", (file) => {
  const cases = JSON.parse(readFileSync(join(import.meta.dirname, file), "utf8")) as AttackCase[];
  const rows = TRANSPORTS.flatMap((transport) =>
    cases
      .filter(({ transports = TRANSPORTS }) => transports.includes(transport))
      .map((attack) => ({ transport, attack, name: attack.name })),
  );

  test.each(rows)("$name, over $transport", async ({ transport, attack }) => {
    const { method = "POST", path = "/churn/v2/predict", headers } = attack.request ?? {};
    const answer = await gateway.call(
      {
        method,
        path,
        headers: {
          "content-type": "application/json",
          authorization: tokenOf(attack.token),
          ...headers,
        },
        body: "{}",
      },
      gateway.target(transport),
    );
    const code = answer.status < 300 ? "ok" : answer.json().error.details.reason;
    expect({ status: answer.status, code }).toEqual(attack.expected);
    expect(attack.never ?? []).not.toContain(code);
    const { received } = gateway.upstream;
    expect(received).toHaveLength(code === "ok" ? 1 : 0);
    const seen = received
      .map(({ target, headers: fields }) => `${target} ${fields.join("\n")}`)
      .join();
    if (attack.upstreamTarget !== undefined)
      expect(received[0]?.target).toBe(attack.upstreamTarget);
    for (const text of attack.upstreamLacks ?? []) expect(seen).not.toContain(text);
  });

  test("each of these is on record", () => gateway.check());
});
