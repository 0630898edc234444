/** A certified OpenID provider issues real access tokens; the stage finds its keys by discovery and believes them. */
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Configuration } from "oidc-provider";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contextOf } from "../../../test/support/context.ts";
import { SYSTEM_CLOCK, type PreparedStage } from "../../pipeline/stage.ts";
import { cleanups, cleanUp, createKey, prepareStage } from "./identity-harness.test-support.ts";

// An optional dependency: where it was left out, say so.
const provider = await import("oidc-provider").catch(() => undefined);
if (!provider) console.warn("SKIPPED: oidc-provider is not installed");

const AUDIENCE = "https://inference.example.bank";
const CLIENT_SECRET = randomBytes(32).toString("base64url");
const signing = createKey("ES256", "idp-1");

function configuration(): Configuration {
  const jwk = {
    ...signing.privateKey.export({ format: "jwk" }),
    kid: "idp-1",
    alg: "ES256",
    use: "sig",
  };
  return {
    jwks: { keys: [jwk] },
    clients: [
      {
        client_id: "core-banking",
        client_secret: CLIENT_SECRET,
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: "ES256",
        scope: "predict:churn predict:fraud",
      },
    ],
    scopes: ["predict:churn", "predict:fraud"],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, _resource, client) => ({
          scope: client.scope ?? "",
          audience: AUDIENCE,
          accessTokenTTL: 600,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
    extraTokenClaims: () => ({ tenant_id: "retail" }),
  };
}

describe.skipIf(!provider)("tokens of oidc-provider", () => {
  let issuer: string;
  let stage: PreparedStage<"identity">;
  const asked: string[] = [];

  beforeAll(async () => {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => server.close().closeAllConnections());
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { default: Provider } = provider ?? expect.fail();
    const answer = new Provider(issuer, configuration()).callback();
    server.on("request", (request, response) => {
      asked.push(request.url ?? "");
      void answer(request, response);
    });
    stage = await prepareStage({
      section: { issuers: { bank: { issuer, audience: [AUDIENCE], algorithms: ["ES256"] } } },
      tools: { clock: SYSTEM_CLOCK },
    });
  });
  afterAll(cleanUp);

  async function fetchToken(scope: string): Promise<string> {
    const response = await fetch(`${issuer}/token`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`core-banking:${CLIENT_SECRET}`)}` },
      body: new URLSearchParams({ grant_type: "client_credentials", scope, resource: AUDIENCE }),
    });
    const { access_token: token } = (await response.json()) as { access_token?: string };
    return token ?? expect.fail(`no token: ${response.status}`);
  }

  const decide = (token: string) => {
    const context = contextOf({ headers: { authorization: `Bearer ${token}` } });
    return stage.bind(context.route)?.onHead?.(context);
  };

  test("a client_credentials access token becomes the caller's identity", async () => {
    const token = await fetchToken("predict:churn");
    expect(decide(token)).toMatchObject({
      verdict: "continue",
      learned: {
        method: "jwt",
        key: "jwt:bank:core-banking",
        caller: "core-banking",
        subject: "core-banking",
        tenant: "retail",
        issuer,
        scopes: new Set(["predict:churn"]),
      },
    });
    expect(decide(token)).toBe(decide(token));
    const discovery = asked.filter((url) => url !== "/token");
    expect(discovery).toEqual(["/.well-known/openid-configuration", "/jwks"]);
  });

  test("one with a changed scope is refused", async () => {
    const [header, payload = "", signature] = (await fetchToken("predict:churn")).split(".");
    const claims = Buffer.from(payload, "base64url").toString().replace("churn", "fraud");
    const forged = `${header}.${Buffer.from(claims).toString("base64url")}.${signature}`;
    expect(decide(forged)).toMatchObject({ rejection: { code: "identity.token_invalid" } });
  });
});
