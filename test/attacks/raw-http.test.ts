/** The raw HTTP/1.1 corpus, whole, through a listening gateway: judged by what reaches the upstream, and what is answered. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { corporaFolder, readRawHttpCases, runRawHttpCases } from "../support/raw-http.ts";

const folder = corporaFolder();
if (folder === undefined)
  console.warn("SKIPPED: the raw-http corpus is not here; set PORTCULLIS_CORPORA");

/** Floors: the corpus may grow, what passes may not shrink. */
const FLOORS = { reject: 363, safe: 128, accept: 5, wait: 15 };
/** Cases run at the same time, each group against a gateway of its own so that what arrives can be told apart. */
const GATEWAYS = 8;

/** The corpus is about framing, and some of its bodies have no type: what the contract says of them is only recorded. */
const ECHO = {
  path: "/echo",
  methods: ["GET", "POST"],
  upstream: "model",
  stages: { contract: { mode: "shadow" } },
};

describe.skipIf(folder === undefined)("the raw HTTP/1.1 corpus, whole", () => {
  let gateways: readonly TestGateway[];
  beforeAll(async () => {
    gateways = await Promise.all(
      Array.from({ length: GATEWAYS }, () => startGateway({ config: { routes: [ECHO] } })),
    );
  });
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.close({ isUnchecked: true })));
  });

  test("nothing malformed reaches the upstream, nothing well-formed is refused", async () => {
    const cases = readRawHttpCases(folder as string);
    const verdicts = await Promise.all(
      gateways.map((gateway, share) =>
        runRawHttpCases(
          cases.filter((_, index) => index % GATEWAYS === share),
          {
            port: gateway.port,
            path: "/echo",
            authorization: `Bearer ${gateway.mintToken()}`,
            recorded: () => gateway.upstream.received,
          },
        ),
      ),
    );
    const all = verdicts.flat();
    expect(all.filter(({ passed }) => !passed)).toEqual([]);
    for (const [cls, floor] of Object.entries(FLOORS))
      expect(
        all.filter((verdict) => verdict.passed && verdict.cls === cls).length,
      ).toBeGreaterThanOrEqual(floor);
  }, 60_000);

  test("no answer to any of them was a failure of the gateway's own", () => {
    const failures = gateways
      .flatMap((gateway) => gateway.logLines())
      .filter(({ level }) => level === "error");
    expect(failures).toEqual([]);
  });
});
