/** What the `limits` section refuses at load. */
import { describe, expect, test } from "vitest";
import { limitsSchema } from "./config.ts";

describe("the limits section", () => {
  test.each([
    { name: "a caller in a tier that does not exist", section: { callers: { batch: "gold" } } },
    { name: "a tier called default", section: { tiers: { default: { rate: "1/s" } } } },
    { name: "a tier without any limit", section: { tiers: { gold: {} } } },
    { name: "a limit beside `unlimited`", section: { default: { rate: "1/s", unlimited: true } } },
    { name: "a burst without a rate", section: { default: { burst: 5 } } },
    { name: "a quota without a window", section: { default: { quota: {} } } },
    { name: "a rate that cannot be counted exactly", section: { default: { rate: "1/2d" } } },
    { name: "a rate of nothing", section: { default: { rate: "0/s" } } },
    { name: "a concurrency of nothing", section: { default: { concurrency: 0 } } },
    { name: "an unknown field", section: { default: { rates: "1/s" } } },
    { name: "a header that is none", section: { header: "X Rate:" } },
  ])("$name is refused at load", ({ section }) => {
    expect(limitsSchema.safeParse(section).success).toBe(false);
  });
});
