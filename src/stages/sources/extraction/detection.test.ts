/**
 * Who is found and who is not, on a population from seeded chance: ten thousand honest callers of three models, and callers
 * that copy one of these. What is not found is held on record here too: it must not be promised.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { chance, COPYING, HONEST } from "./population.test-support.ts";
import { ProfileTable } from "./profile-table.ts";
import { readRows } from "./input-row.ts";

const CALLERS = 10_000;
const COPIES = 20;
/** What the documentation gives as an example. */
const THROTTLE_AT = 0.7;
const RULE = { windowMs: 3_600_000, maxProfiles: 5_000 };
const SETTINGS = { ignore: new Set<string>(), nowMs: Date.UTC(2026, 10, 22) };
const BETWEEN_REQUESTS_MS = 50;
const NEVER = Number.POSITIVE_INFINITY;

/** Callers one after the other on one clock. */
class World {
  readonly table = new ProfileTable();
  #nowMs = 0;

  /** The highest score on the way, and after how many requests it was high enough to act on. */
  play(caller: string, model: string, bodies: Iterable<unknown>): { most: number; after: number } {
    const fields = this.table.fieldsOf(model);
    let most = 0;
    let after = NEVER;
    let requests = 0;
    for (const body of bodies) {
      this.#nowMs += BETWEEN_REQUESTS_MS;
      requests++;
      const when = { nowMs: this.#nowMs, windowMs: RULE.windowMs };
      const profile = this.table.open(caller, model, this.#nowMs, RULE);
      if (!profile) throw new Error("no room for a caller");
      readRows(body, SETTINGS, (row) => profile.take(row, fields, when));
      const { score } = profile.suspicion(this.#nowMs, RULE.windowMs);
      most = Math.max(most, score);
      if (score >= THROTTLE_AT && after === NEVER) after = requests;
    }
    return { most, after };
  }
}

const warm = new World();
const honest = new Map<string, number[]>();

beforeAll(() => {
  for (const [name, { model, share, kind }] of Object.entries(HONEST)) {
    const most: number[] = [];
    for (let i = 0; i < Math.round(CALLERS * share); i++)
      most.push(warm.play(`${name} ${i}`, model, kind(chance(31 * i + 7))).most);
    honest.set(name, most);
  }
}, 600_000);

describe("ten thousand honest callers", () => {
  test("are as many as that", () => {
    expect([...honest.values()].flat()).toHaveLength(CALLERS);
  });

  test.each(Object.keys(HONEST))("%s: nobody scores above 0.3", (name) => {
    expect(Math.max(...(honest.get(name) ?? [1]))).toBeLessThan(0.3);
  });

  test("all of them together take no more room than they may", () => {
    expect(warm.table.size).toBeLessThanOrEqual(RULE.maxProfiles);
  });
});

/** Requests after which every one of the callers is found: on a model whose fields are known, and on an unknown one. */
const FOUND: Readonly<Record<string, { warm: number; cold: number }>> = {
  "one feature after the other": { warm: 100, cold: 100 },
  "with jitter": { warm: 200, cold: 200 },
  "a grid over two features": { warm: 100, cold: 100 },
  "coarse grids over two features": { warm: 400, cold: NEVER },
  "a grid in no order": { warm: NEVER, cold: NEVER },
  "search for a boundary by one feature": { warm: 150, cold: NEVER },
  "search for a boundary between two inputs": { warm: 200, cold: 300 },
  "hidden, one in three": { warm: 400, cold: 600 },
  "hidden, one in ten": { warm: 1_500, cold: 1_500 },
  "with a field of random text": { warm: 100, cold: 100 },
  "in batches": { warm: 10, cold: 10 },
  "at random, evenly": { warm: NEVER, cold: NEVER },
};

const copies = (name: string, world: () => World) =>
  Array.from({ length: COPIES }, (_, i) =>
    world().play(`${name} ${i}`, "churn", COPYING[name]?.(chance(17 * i + 3)) ?? []),
  );

const rows = Object.entries(FOUND).flatMap(([name, { warm: inTime, cold }]) => [
  { name, fields: "known", requests: inTime, world: () => warm },
  { name, fields: "unknown", requests: cold, world: () => new World() },
]);

describe("callers that copy", () => {
  test("of every kind are in the table", () => {
    expect(Object.keys(FOUND)).toEqual(Object.keys(COPYING));
  });

  test.each(rows.filter(({ requests }) => requests !== NEVER))(
    "$name: found within $requests requests of a model whose fields are $fields",
    ({ name, requests, world }) => {
      for (const { after } of copies(name, world)) expect(after).toBeLessThanOrEqual(requests);
    },
  );
});

test("a grid in no order is seen, but never sure enough to act on by the example's thresholds", () => {
  for (const { most } of copies("a grid in no order", () => warm)) {
    expect(most).toBeGreaterThan(0.5);
    expect(most).toBeLessThan(THROTTLE_AT);
  }
});

test("inputs at random are not told from many customers", () => {
  for (const { most } of copies("at random, evenly", () => warm)) expect(most).toBeLessThan(0.3);
});
