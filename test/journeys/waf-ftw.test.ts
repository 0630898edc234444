/** The protocol tests of the Core Rule Set (920 and 921) over a real socket through the whole gateway: server, pipeline and firewall. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { crsTestRules, type CrsTestRules } from "../../src/seclang/ftw/crs-test-rules.ts";
import { readFtw } from "../../src/seclang/ftw/read-ftw.ts";
import { runOverSocket, type SocketVerdict } from "../support/ftw-over-socket.ts";
import { CRS_3_REFUSALS, CRS_4_REFUSALS, type SocketRefusals } from "./waf-ftw-refusals.ts";
import { startGateway } from "../support/gateway.ts";

const CORPORA =
  process.env["PORTCULLIS_CORPORA"] ?? resolve(import.meta.dirname, "../../../shared/corpora");
const FOLDERS = ["REQUEST-920-PROTOCOL-ENFORCEMENT", "REQUEST-921-PROTOCOL-ATTACK"];
/** Requests under way at the same time. */
const CALLERS = 8;

/** Every path and method, everyone, any type of body: only the server and the firewall have a say. */
const EVERYTHING = ["/", "/**"].map((path) => ({
  path,
  methods: ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
  upstream: "model",
  identity: "none",
  stages: { contract: { mode: "shadow" } },
}));

interface Lane {
  readonly name: string;
  readonly corpus: string;
  readonly rules: CrsTestRules;
  /** Floor: it only rises. */
  readonly passed: number;
  readonly refusals: SocketRefusals;
}

async function run({ corpus, rules }: Lane): Promise<readonly SocketVerdict[]> {
  const files: Record<string, string> = {};
  const sources = crsTestRules(rules).map((source, at) => {
    if (source.kind === "files") return source.paths.map((path) => `file:${path}`);
    files[`rules-${at}.conf`] = source.text;
    return [`file:rules-${at}.conf`];
  });
  const gateway = await startGateway({
    files,
    config: {
      waf: { mode: "detect", rules: sources.flat(), budget: "10s" },
      routes: EVERYTHING,
      models: undefined,
    },
  });
  const tests = FOLDERS.flatMap((folder) => readFtw(join(corpus, folder)).tests);
  const verdicts: SocketVerdict[] = [];
  const next = tests[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (const one of next) verdicts.push(await runOverSocket(one, gateway));
  };
  try {
    await Promise.all(Array.from({ length: CALLERS }, work));
  } finally {
    await gateway.close({ isUnchecked: true });
  }
  return verdicts.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function holds(lane: Lane): void {
  test(`${lane.name}: as many pass as ever, and what the server refuses is known`, async () => {
    const verdicts = await run(lane);
    const of = (result: SocketVerdict["result"]) =>
      verdicts.filter((verdict) => verdict.result === result);
    const table = (result: SocketVerdict["result"]) => {
      const byReason = Map.groupBy(of(result), ({ reason }) => reason);
      return Object.fromEntries(
        [...byReason].map(([reason, all]) => [reason, all.map(({ id }) => id).join(" ")]),
      );
    };
    const counts = (["passed", "refused", "stricter", "failed"] as const).map(
      (result) => `${of(result).length} ${result}`,
    );
    console.info(`${lane.name}: ${counts.join(", ")}`);
    expect(table("failed")).toEqual({});
    expect(table("refused")).toEqual(lane.refusals.refused);
    expect(table("stricter")).toEqual(lane.refusals.stricter);
    expect(of("passed").length).toBeGreaterThanOrEqual(lane.passed);
  }, 240_000);
}

const CRS_3: Lane = {
  name: "release 3.3",
  corpus: join(CORPORA, "crs-ftw-v3.3"),
  rules: {
    directory: "/usr/share/modsecurity-crs/rules",
    setUpFile: "/etc/modsecurity/crs/crs-setup.conf",
  },
  passed: 124,
  refusals: CRS_3_REFUSALS,
};
const hasCrs3 = [CRS_3.corpus, CRS_3.rules.directory].every((path) => existsSync(path));
if (!hasCrs3) console.warn("SKIPPED: no modsecurity-crs, or no corpora (PORTCULLIS_CORPORA)");

describe.skipIf(!hasCrs3)("the protocol tests of the Core Rule Set over a socket", () => {
  holds(CRS_3);
});

// An operator's own lane, and no skipped test: no package holds these rules.
const crs4 = process.env["PORTCULLIS_CRS4"];
const crs4Corpus = join(CORPORA, "crs-ftw");
if (crs4 !== undefined && existsSync(crs4Corpus)) {
  describe("the protocol tests of the Core Rule Set 4 over a socket", () => {
    holds({
      name: "release 4",
      corpus: crs4Corpus,
      rules: { directory: crs4 },
      passed: 296,
      refusals: CRS_4_REFUSALS,
    });
  });
}
