/** What the `headers` section takes, and what it refuses at load. */
import { describe, expect, test } from "vitest";
import { headersSchema } from "./config.ts";

const APP = "https://app.example.bank";

describe("configuration", () => {
  const refused: readonly { name: string; origins?: unknown[]; cors?: object; section?: object }[] =
    [
      { name: "`*`", origins: ["*"] },
      { name: "`*` beside an origin", origins: [APP, "*"] },
      { name: "a wildcard subdomain", origins: ["https://*.example.bank"] },
      {
        name: "a wildcard subdomain with credentials",
        cors: { origins: ["https://*.example.bank"], credentials: true },
      },
      { name: "`null`", origins: ["null"] },
      { name: "a host without a scheme", origins: ["app.example.bank"] },
      { name: "a trailing slash", origins: [`${APP}/`] },
      { name: "a path", origins: [`${APP}/login`] },
      { name: "a query", origins: [`${APP}?a`] },
      { name: "a user", origins: ["https://user@app.example.bank"] },
      { name: "another scheme", origins: ["file://x"] },
      { name: "a port that is none", origins: [`${APP}:99999`] },
      { name: "a space", origins: ["https://app .example"] },
      { name: "no origin", origins: [] },
      {
        name: "credentials for an origin on plain HTTP",
        cors: { origins: ["http://app.example.bank"], credentials: true },
      },
      { name: "the method `*`", cors: { origins: [APP], methods: ["*"] } },
      { name: "the header `*`", cors: { origins: [APP], headers: ["*"] } },
      { name: "the exposed header `*`", cors: { origins: [APP], exposedHeaders: ["*"] } },
      { name: "a preflight remembered for a week", cors: { origins: [APP], maxAge: "7d" } },
      { name: "preload for a month", section: { hsts: { maxAge: "30d", preload: true } } },
      {
        name: "a policy with a line break",
        section: { permissionsPolicy: "camera=()\r\nset-cookie: a" },
      },
      { name: "an unknown field", section: { corsOrigins: [APP] } },
    ];

  test.each(refused)("$name is refused at load", ({ origins, cors, section }) => {
    const parsed = headersSchema.safeParse(section ?? { cors: cors ?? { origins } });
    expect(parsed.success).toBe(false);
  });

  test("origins are normalised to what browsers send", () => {
    const origins = [
      "HTTPS://App.Example.BANK:443",
      "http://bücher.example:80",
      "http://[::1]:3000",
    ];
    const parsed = headersSchema.parse({ cors: { origins } });
    expect(parsed.cors?.origins).toEqual([
      "https://app.example.bank",
      "http://xn--bcher-kva.example",
      "http://[::1]:3000",
    ]);
  });

  test.each([
    "http://localhost:5173",
    "http://127.0.0.1",
    "http://[::1]:3000",
    "http://app.localhost",
  ])("credentials are possible on loopback: %s", (origin) => {
    const cors = { origins: [origin], credentials: true };
    expect(headersSchema.safeParse({ cors }).success).toBe(true);
  });
});
