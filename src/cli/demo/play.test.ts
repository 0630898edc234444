import { expect, test } from "vitest";
import { CATALOGUE, type RejectionCode } from "../../pipeline/rejection.ts";
import { judge, type Performed } from "./perform.ts";
import { PLAY, type PlayRow } from "./play.ts";
import { renderJson, renderTable } from "./table.ts";

const refusals = PLAY.filter(({ expected }) => expected.code !== "ok");

test.each(refusals)("$title: code and status are the catalogue's", ({ expected }) => {
  const row = CATALOGUE[expected.code as RejectionCode];
  expect(row, expected.code).toBeDefined();
  expect(row.status).toBe(expected.status);
  expect(row.shownAs).toBeUndefined();
});

test("every refusal that the demo promises is played", () => {
  const statuses = new Set(PLAY.map(({ expected }) => expected.status));
  expect([...statuses].toSorted((left, right) => left - right)).toEqual([
    200, 400, 401, 403, 404, 405, 410, 413, 415, 429, 502, 504,
  ]);
});

const rowNamed = (title: string): PlayRow => PLAY.find((row) => row.title === title) as PlayRow;
const prediction = rowNamed("a prediction from churn v2");
const noToken = rowNamed("no token");
const refusal = { error: { code: "X", details: { reason: "identity.credentials_missing" } } };

test.each([
  ["the answer it wants", prediction, 200, {}, { probability: 0.3 }, []],
  ["a 200 without a probability", prediction, 200, {}, {}, ["no probability"]],
  ["the refusal it wants", noToken, 401, { "www-authenticate": "Bearer" }, refusal, []],
  ["a refusal without its header", noToken, 401, {}, refusal, ["header www-authenticate missing"]],
  [
    "another stage's refusal",
    noToken,
    401,
    { "www-authenticate": "Bearer" },
    { error: { details: { reason: "authorization.no_identity" } } },
    ["stage identity expected", "code identity.credentials_missing expected"],
  ],
  [
    "a prediction instead of a refusal",
    noToken,
    200,
    { "www-authenticate": "Bearer" },
    { probability: 0.3 },
    [
      "status 401 expected",
      "stage identity expected",
      "code identity.credentials_missing expected",
    ],
  ],
] as const)("a row that gets %s", (...[, row, status, headers, json, problems]) => {
  expect(judge(row, { status, headers, json }, 1).problems).toEqual(problems);
});

test("the table shows each request with status, stage and code, and what was not as expected", () => {
  const good = judge(prediction, { status: 200, headers: {}, json: { probability: 0.3 } }, 1);
  const bad: Performed = { ...good, row: noToken, problems: ["status 401 expected"] };
  const lines = renderTable([good, bad]).split("\n");
  expect(lines[2]).toMatch(
    /^ok +a prediction from churn v2 +200 +upstream +ok +churn probability 0.3$/,
  );
  expect(lines.at(-1)).toBe("BAD  no token: status 401 expected");
  expect(JSON.parse(renderJson([good]))).toMatchObject({ isAsExpected: true, synthetic: true });
  expect(JSON.parse(renderJson([good, bad]))).toMatchObject({ isAsExpected: false });
});
