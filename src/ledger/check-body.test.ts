import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkBody, type BodyQuestion } from "./check-body.ts";
import { commit } from "./commitment.ts";
import { decision, SmallLedger } from "./report/small-ledger.test-support.ts";
import { Salts, SALTS_FILE } from "./salts.ts";

let directory: string;
let salts: Salts;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-body-"));
  salts = new Salts({ path: join(directory, SALTS_FILE), use: "gateway" });
});
afterEach(() => {
  salts.close();
  rmSync(directory, { recursive: true, force: true });
});

const asked = Buffer.from('{"prompt":"x"}');
const answered = Buffer.from('{"text":"y"}');

function write(): void {
  const salt = salts.saltOf("alice");
  const request = { request: commit(salt, asked), request_bytes: asked.length };
  const response = { response: commit(salt, answered), response_bytes: answered.length };
  new SmallLedger(directory, Date.UTC(2026, 10, 22))
    .open("start")
    .line(decision({ requestId: "refused" }))
    .line(
      decision({
        requestId: "r1",
        more: { commitments: { salt: salt.id, ...request, ...response } },
      }),
    )
    .line(
      decision({
        requestId: "r2",
        status: null,
        more: { commitments: { salt: salt.id, ...request } },
      }),
    )
    .line({ kind: "outcome", of: "r2", commitments: { salt: salt.id, ...response } })
    .line(
      decision({ requestId: 'odd "id"\n', more: { commitments: { salt: salt.id, ...request } } }),
    )
    .line({ kind: "key", event: "create", key_id: "only-in-a-key-line" })
    .flush();
}

const ask = (question: Partial<BodyQuestion>) =>
  checkBody({ directory, requestId: "r1", part: "request", body: asked, salts, ...question });

describe("checking a body", () => {
  test.each<[string, Partial<BodyQuestion>, object]>([
    ["the request", {}, { verdict: "same", seq: 2, recordedBytes: asked.length }],
    ["the response", { part: "response", body: answered }, { verdict: "same", seq: 2 }],
    ["another body", { body: answered }, { verdict: "other", seq: 2, recordedBytes: asked.length }],
    ["one byte more", { body: Buffer.concat([asked, Buffer.from(" ")]) }, { verdict: "other" }],
    [
      "an outcome's response",
      { requestId: "r2", part: "response", body: answered },
      { verdict: "same", seq: 4 },
    ],
    ["an id that needs escapes", { requestId: 'odd "id"\n' }, { verdict: "same", seq: 5 }],
    ["a refused request", { requestId: "refused" }, { verdict: "no_commitment" }],
    ["an unknown request", { requestId: "r" }, { verdict: "unknown_request" }],
    [
      "a name of something else",
      { requestId: "only-in-a-key-line" },
      { verdict: "unknown_request" },
    ],
  ])("%s", async (_name, question, expected) => {
    write();
    expect(await ask(question)).toMatchObject(expected);
  });

  test("says that nobody can tell once the subject is erased", async () => {
    write();
    salts.erase("alice");
    expect(await ask({})).toMatchObject({ verdict: "erased", seq: 2 });
    expect(await ask({ body: answered })).toMatchObject({ verdict: "erased" });
  });
});
