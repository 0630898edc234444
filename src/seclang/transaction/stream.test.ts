import { describe, expect, test } from "vitest";
import { loadRuleSet } from "../compile/load-rule-set.ts";
import type { Transaction } from "./transaction.ts";

const RULES = `
  SecRule RESPONSE_BODY "@rx ORA-[0-9]{5}" "id:1,phase:4,pass,setvar:tx.outbound_score=+4"
  SecRule RESPONSE_BODY "@contains private key" "id:2,phase:4,pass,setvar:tx.outbound_score=+4"
  SecRule TX:outbound_score "@ge 8" "id:3,phase:4,deny,status:502"`;

function stream(rules = RULES, headers: readonly [string, string][] = []): Transaction {
  const ruleSet = loadRuleSet({ sources: [{ kind: "text", file: "test.conf", text: rules }] });
  const transaction = ruleSet.policy().transaction();
  transaction.requestHead({ method: "GET", target: "/", protocol: "HTTP/1.1", headers });
  transaction.responseHead({
    status: 200,
    protocol: "HTTP/1.1",
    headers: [["Content-Type", "text/event-stream"]],
  });
  return transaction;
}
const send = (transaction: Transaction, text: string) =>
  transaction.responseChunk(Buffer.from(text, "latin1"));

describe("an event stream", () => {
  test("passes piece by piece while nothing matches", () => {
    const transaction = stream();
    for (let piece = 0; piece < 100; piece++)
      expect(send(transaction, `data: word ${piece}\n\n`)).toBeUndefined();
    expect(transaction.end().matched).toEqual([]);
  });

  test("is matched across pieces", () => {
    const transaction = stream();
    for (const piece of ["data: OR", "A-00", "933\n\n"]) send(transaction, piece);
    expect(transaction.end().matched.map(({ id }) => id)).toEqual([1]);
  });

  test("counts a rule once, however often the window shows its match", () => {
    const transaction = stream();
    for (let piece = 0; piece < 20; piece++) send(transaction, "data: ORA-00933\n\n");
    const { scores, interruption } = transaction.end();
    expect(scores).toEqual({ outbound_score: 4 });
    expect(interruption).toBeUndefined();
  });

  test("has its sums worked out anew for each window, as the rules say", () => {
    const transaction = stream(`${RULES}
      SecAction "id:4,phase:4,pass,nolog,setvar:tx.sum_score=0"
      SecAction "id:5,phase:4,pass,nolog,setvar:tx.sum_score=+%{tx.outbound_score}"`);
    for (let piece = 0; piece < 5; piece++) send(transaction, "data: ORA-00933\n\n");
    expect(transaction.end().scores).toEqual({ outbound_score: 4, sum_score: 4 });
  });

  test("is cut off once the score is reached, and stays so", () => {
    const transaction = stream();
    expect(send(transaction, "data: ORA-00933\n\n")).toBeUndefined();
    expect(send(transaction, "data: a private key\n\n")).toMatchObject({ ruleId: 3, status: 502 });
    expect(send(transaction, "data: more\n\n")).toMatchObject({ ruleId: 3 });
  });

  test.each([4, 5])("leaves the rules of phase %d the request they ask about", (phase) => {
    const rules = `
      SecRule REQUEST_HEADERS:X-Test "@contains secret" "id:1,phase:${phase},pass"
      SecRule RESPONSE_BODY "@contains word" "id:2,phase:4,pass"`;
    const transaction = stream(rules, [["X-Test", "a secret"]]);
    for (const text of ["data: word\n\n", "data: more\n\n"]) send(transaction, text);
    const ids = transaction.end().matched.map(({ id }) => id);
    expect(ids.toSorted((one, other) => one - other)).toEqual([1, 2]);
  });

  test("is read in one large piece, too", () => {
    const transaction = stream();
    const text = `${"x".repeat(65_530)}ORA-00933${"y".repeat(70_000)} private key`;
    expect(send(transaction, text)).toMatchObject({ ruleId: 3 });
  });
});
