/** The JSON parsing corpus, whole, through a listening gateway: what is not JSON reaches nobody, what is arrives as it was. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startGateway, type TestGateway } from "../support/gateway.ts";

interface JsonCase {
  readonly id: string;
  readonly expect: "y" | "n" | "i";
  readonly b64: string;
}

const FILE = join(
  process.env["PORTCULLIS_CORPORA"] ?? resolve(import.meta.dirname, "../../../shared/corpora"),
  "json-parsing/cases.jsonl",
);
const isHere = existsSync(FILE);
if (!isHere) console.warn("SKIPPED: the json-parsing corpus is not here; set PORTCULLIS_CORPORA");

/** Floors: the corpus may grow, what passes may not shrink. */
const FLOORS = { n: 98, y: 50, i: 24 };

/** No text at all is one of the cases, so that a body is required. */
const JUDGE = { path: "/judge", methods: ["POST"], upstream: "model", requestBody: "required" };

/** A key that is repeated is well-formed JSON, which two readers may read as two different things. */
const REPEATS_A_KEY = "contract.json_duplicate_key";

interface Verdict {
  readonly id: string;
  readonly expect: JsonCase["expect"];
  readonly status: number;
  readonly reason: string | undefined;
  readonly arrived: "nothing" | "unchanged" | "changed";
}

describe.skipIf(!isHere).each(["refuse", "allow"] as const)(
  "with repeated keys: %s",
  (duplicateKeys) => {
    let gateway: TestGateway;
    let verdicts: readonly Verdict[];
    const of = (kind: JsonCase["expect"]): readonly Verdict[] =>
      verdicts.filter((verdict) => verdict.expect === kind);

    beforeAll(async () => {
      gateway = await startGateway({
        config: { contract: { json: { duplicateKeys } }, routes: [JUDGE] },
      });
      const cases = readFileSync(FILE, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as JsonCase);
      const all: Verdict[] = [];
      // One after the other, so that what arrives can be told apart.
      for (const row of cases) all.push(await runCase(row));
      verdicts = all;
    });
    afterAll(() => gateway.close());

    async function runCase({ id, expect: kind, b64 }: JsonCase): Promise<Verdict> {
      const body = Buffer.from(b64, "base64");
      const { received } = gateway.upstream;
      const before = received.length;
      const answer = await gateway.call({
        path: "/judge",
        headers: { ...gateway.allowed(), "content-length": String(body.length) },
        body,
      });
      const [arrival] = received.slice(before);
      return {
        id,
        expect: kind,
        status: answer.status,
        reason: answer.status < 300 ? undefined : answer.json().error.details.reason,
        arrived: !arrival ? "nothing" : arrival.body.equals(body) ? "unchanged" : "changed",
      };
    }

    test("what is not JSON is answered 400, and nothing of it arrives", () => {
      const passed = of("n").filter(
        ({ status, arrived }) => status === 400 && arrived === "nothing",
      );
      expect(of("n").filter((verdict) => !passed.includes(verdict))).toEqual([]);
      expect(passed.length).toBeGreaterThanOrEqual(FLOORS.n);
    });

    test("what is JSON is answered 2xx and arrives byte for byte, but for repeated keys", () => {
      const repeats = of("y").filter(({ reason }) => reason === REPEATS_A_KEY);
      const rest = of("y").filter((verdict) => !repeats.includes(verdict));
      const passed = rest.filter(
        ({ status, arrived }) => status === 200 && arrived === "unchanged",
      );
      expect(rest.filter((verdict) => !passed.includes(verdict))).toEqual([]);
      expect(passed.length + repeats.length).toBeGreaterThanOrEqual(FLOORS.y);
      for (const { status, arrived } of repeats)
        expect({ status, arrived }).toEqual({ status: 400, arrived: "nothing" });
      if (duplicateKeys === "allow") expect(repeats).toEqual([]);
      else
        expect(repeats.map(({ id }) => id).every((id) => id.includes("duplicated_key"))).toBe(true);
    });

    test("what readers differ on is either refused whole or passed on unchanged, never a 5xx", () => {
      const passed = of("i").filter(
        ({ status, arrived }) =>
          (status === 400 && arrived === "nothing") || (status === 200 && arrived === "unchanged"),
      );
      expect(of("i").filter((verdict) => !passed.includes(verdict))).toEqual([]);
      expect(passed.length).toBeGreaterThanOrEqual(FLOORS.i);
    });

    test("every one of them is on record", () => gateway.check());
  },
);
