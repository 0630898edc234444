import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { corporaFolder, readRawHttpCases, runRawHttpCases } from "../../test/support/raw-http.ts";
import { startRecording, type RecordingServer } from "../../test/support/recording-server.ts";

const folder = corporaFolder();
if (folder === undefined)
  console.warn("SKIPPED: the raw-http corpus is not here; set PORTCULLIS_CORPORA");

describe.skipIf(folder === undefined)("the raw HTTP/1.1 corpus, whole", () => {
  let running: RecordingServer;
  beforeAll(async () => {
    running = await startRecording();
  });
  afterAll(() => running.server.close());

  test(
    "nothing malformed is taken, nothing well-formed is refused",
    { timeout: 240_000 },
    async () => {
      const cases = readRawHttpCases(folder as string);
      const verdicts = await runRawHttpCases(cases, {
        port: running.port,
        path: "/churn/v2/predict",
        recorded: () =>
          running.handler.recorded.map(({ request }) => ({
            method: request.method,
            target: request.url.target,
            headers: request.headers.fields,
          })),
      });
      const failed = verdicts.filter(({ passed }) => !passed);
      expect(failed).toEqual([]);
      // Floors: the corpus may grow, what passes may not shrink.
      const passed = (cls: string) => verdicts.filter((v) => v.passed && v.cls === cls).length;
      expect(passed("reject")).toBeGreaterThanOrEqual(363);
      expect(passed("safe")).toBeGreaterThanOrEqual(128);
      expect(passed("accept")).toBeGreaterThanOrEqual(5);
      expect(passed("wait")).toBeGreaterThanOrEqual(15);
    },
  );
});
