/** Each rule on values finds its own attacks and leaves alone what only looks like them. */
import { describe, expect, test } from "vitest";
import { EXAMPLES } from "./examples.test-support.ts";
import { builtinPolicy, inspect, matchedIds, PLACES } from "./inspect.test-support.ts";

const policy = builtinPolicy({ engine: "detectionOnly", tx: { blocking_paranoia_level: "2" } });

const idsIn = async (place: string, text: string): Promise<readonly number[]> => {
  const sent = PLACES[place]?.(text);
  return sent === undefined ? [] : matchedIds(await inspect(policy, sent));
};

describe.each(EXAMPLES)("rule $id", ({ id, attacks, ordinary }) => {
  test.each(attacks)("finds %j", async (text) => {
    expect(await idsIn("a JSON field", text)).toContain(id);
    expect(await idsIn("a query argument", text)).toContain(id);
  });

  test.each(ordinary)("leaves alone %j", async (text) => {
    expect(await idsIn("a JSON field", text)).not.toContain(id);
  });
});
