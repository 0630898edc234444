/**
 * The contract of limit stores as tests: every store runs the same ones. What only one of them promises stands in its
 * own test file. A test here must never depend on how a store keeps its counters.
 */
import { describe } from "vitest";
import { describeCost } from "./limit-contract-cost.test-support.ts";
import { describeProperties } from "./limit-contract-properties.test-support.ts";
import { describeQuotas } from "./limit-contract-quotas.test-support.ts";
import { describeRates } from "./limit-contract-rates.test-support.ts";
import { describeTogether } from "./limit-contract-together.test-support.ts";
import { withTrials, type StoreUnderTest } from "./limit-trial.test-support.ts";

export type { OpenStore, StoreUnderTest } from "./limit-trial.test-support.ts";

/** Declares the tests of the contract for one store. */
export function describeLimitStore(name: string, subject: StoreUnderTest): void {
  const withTrial = withTrials(subject);
  describe(`the ${name} store`, () => {
    describe("rates", () => describeRates(withTrial, subject));
    describe("quotas", () => describeQuotas(withTrial, subject));
    describe("cost", () => describeCost(withTrial, subject));
    describe("limits together", () => describeTogether(withTrial, subject));
    if (subject.isExactClock) describe("properties", () => describeProperties(withTrial));
  });
}
