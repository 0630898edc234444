/**
 * Whatever operators, restarts and broken files come in whatever order: what serves is always a pack that was signed and
 * verified, and never an older one than has been, unless somebody went back to it.
 */
import { writeFileSync } from "node:fs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Constitution } from "./constitution.ts";
import { isRefusal } from "./life-error.ts";
import { createPackKey } from "../sign/keys.ts";
import { PackFolder } from "./pack-folder.test-support.ts";

const RUNS = 60;
const LONGEST = 25;

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("lay" as const),
      at: fc.constantFrom("active" as const, "candidate" as const),
      release: fc.nat({ max: 8 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("spoil" as const),
      at: fc.constantFrom("active" as const, "candidate" as const),
      how: fc.constantFrom("forged" as const, "torn" as const, "mixed" as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "reload active" as const,
        "reload next" as const,
        "reload canary" as const,
        "promote" as const,
        "rollback" as const,
        "drop next" as const,
        "restart" as const,
      ),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

type Operation = Exclude<Step["kind"], "lay" | "spoil" | "restart">;

class World {
  readonly folder = new PackFolder();
  readonly #privatePem = createPackKey().privatePem;
  /** Release by the BLAKE3 of every pack that was really signed. */
  readonly #signed = new Map<string, number>();
  #constitution: Constitution | undefined;
  #highest = 0;
  #serial = 0;

  get constitution(): Constitution {
    if (!this.#constitution) throw new Error("not opened");
    return this.#constitution;
  }

  lay(at: "active" | "candidate", release: number): void {
    // Mostly other bytes under the same number; sometimes the very same.
    this.#serial += 1;
    const rules = { release: release + 1, group: `g${this.#serial % 3}` };
    const blake3 = at === "active" ? this.folder.write(rules) : this.folder.writeCandidate(rules);
    this.#signed.set(blake3, rules.release);
  }

  async start(): Promise<void> {
    this.lay("active", 0);
    await this.#open();
  }

  async run(one: Step): Promise<void> {
    if (one.kind === "lay") return this.lay(one.at, one.release);
    if (one.kind === "spoil") return this.#spoil(one.at, one.how);
    return one.kind === "restart" ? this.#restart() : this.#operate(one.kind);
  }

  #spoil(at: "active" | "candidate", how: "forged" | "torn" | "mixed"): void {
    const { files, candidateFiles } = this.folder;
    const target = at === "active" ? files : candidateFiles;
    if (how === "torn") writeFileSync(target.signature, '{"id":"exam');
    if (how === "mixed") writeFileSync(target.yaml as string, "policies: []\n");
    if (how === "forged")
      new PackFolder({ path: this.folder.path, privatePem: this.#privatePem }).write(
        { release: 100, group: "forged" },
        target,
      );
  }

  async #operate(kind: Operation): Promise<void> {
    const before = this.constitution.active;
    const { prev } = this.constitution;
    try {
      await this.#call(kind);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      expect(this.constitution.active).toBe(before);
      return;
    }
    if (kind === "rollback") expect(this.constitution.active.blake3).toBe(prev?.blake3);
    else this.#requireRisen(before.blake3);
    this.#requireSigned();
  }

  #call(kind: Operation): Promise<unknown> {
    switch (kind) {
      case "reload active":
        return this.constitution.reload("active");
      case "reload next":
        return this.constitution.reload("next");
      case "reload canary":
        return this.constitution.reload("canary");
      case "promote":
        return this.constitution.promote();
      case "rollback":
        return this.constitution.rollback();
      case "drop next":
        return this.constitution.drop("next");
    }
  }

  async #restart(): Promise<void> {
    const { blake3 } = this.constitution.active;
    await this.constitution.close();
    await this.#open().catch(async (error: unknown) => {
      if (!isRefusal(error)) throw error;
      // Nothing serves without a good pack; the operator brings a newer one.
      this.lay("active", this.#highest + 1);
      await this.#open();
    });
    this.#requireRisen(blake3);
    this.#requireSigned();
  }

  async #open(): Promise<void> {
    this.#constitution = await this.folder.open({ canary: { percent: 50 } });
    this.#highest = Math.max(this.#highest, this.#constitution.active.releaseVersion ?? 0);
  }

  /** The active pack is the one it was, or not older than any that has been. */
  #requireRisen(before: string): void {
    const { blake3, releaseVersion = 0 } = this.constitution.active;
    if (blake3 !== before) expect(releaseVersion).toBeGreaterThanOrEqual(this.#highest);
    this.#highest = Math.max(this.#highest, releaseVersion);
  }

  #requireSigned(): void {
    const { active, next, canary, prev } = this.constitution;
    for (const pack of [active, next, canary, prev])
      if (pack) expect(this.#signed.get(pack.blake3)).toBe(pack.releaseVersion);
  }
}

test("the active pack is always one that was verified, and only a roll back goes back", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: LONGEST }), async (steps) => {
      const world = new World();
      try {
        await world.start();
        for (const one of steps) await world.run(one);
      } finally {
        await world.folder.remove();
      }
    }),
    { numRuns: RUNS },
  );
}, 600_000);
