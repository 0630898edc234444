/** What npm installs here is exactly what was reviewed: pins, hashes, no other sources, no code run by installing. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
/** Packages that may run a script when installed. Empty on purpose: we install with --ignore-scripts everywhere. */
const MAY_HAVE_INSTALL_SCRIPT: readonly string[] = [];
const EXACT_VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
const REGISTRY_RANGE = /^[\^~<>=\s\d.x*|A-Za-z-]*$/;

interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}
interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly overrides?: unknown;
}

const read = (path: string): unknown => JSON.parse(readFileSync(resolve(ROOT, path), "utf8"));

describe.each(["", "bootstrap/node24/"])("%spackage-lock.json", (folder) => {
  const manifest = read(`${folder}package.json`) as Manifest;
  const lock = read(`${folder}package-lock.json`) as {
    lockfileVersion: number;
    packages: Record<string, LockEntry>;
  };
  const entries = Object.entries(lock.packages).filter(([place]) => place !== "");
  const pins = {
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
  };

  test("is a version 3 lock with entries", () => {
    expect(lock.lockfileVersion).toBe(3);
    expect(entries.length).toBeGreaterThan(4);
  });

  test("package.json pins exact versions and the lock says the same", () => {
    for (const [name, version] of Object.entries(pins)) {
      expect(version, name).toMatch(EXACT_VERSION);
      expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(version);
    }
    const root = lock.packages[""] as LockEntry & Manifest;
    expect({ ...root.dependencies, ...root.devDependencies, ...root.optionalDependencies }).toEqual(
      pins,
    );
  });

  test("every entry has a SHA-512 and comes from the registry", () => {
    for (const [place, entry] of entries) {
      expect(entry.integrity, place).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
      expect(entry.version, place).toMatch(EXACT_VERSION);
      expect(entry.link, place).toBeUndefined();
      expect(entry.resolved ?? "https://", place).toMatch(/^https:\/\//);
      expect(entry.resolved ?? "", place).not.toMatch(/\.git|github\.com|codeload/);
    }
  });

  test("no dependency names a git, http or file source", () => {
    for (const [place, entry] of Object.entries(lock.packages)) {
      const specs = { ...entry.dependencies, ...entry.optionalDependencies };
      for (const [name, spec] of Object.entries(specs)) {
        expect(spec, `${place} > ${name}`).toMatch(REGISTRY_RANGE);
      }
    }
  });

  test("no package runs a script when installed", () => {
    const withScript = entries
      .filter(([, entry]) => entry.hasInstallScript)
      .map(([place]) => place);
    expect(withScript).toEqual(MAY_HAVE_INSTALL_SCRIPT);
  });

  test("every optional package it names is pinned; otherwise run node bootstrap/prune-lock.js", () => {
    for (const [place, entry] of Object.entries(lock.packages)) {
      for (const name of Object.keys(entry.optionalDependencies ?? {})) {
        const isPinned =
          `${place}/node_modules/${name}` in lock.packages ||
          `node_modules/${name}` in lock.packages;
        expect(isPinned, `${place} > ${name}`).toBe(true);
      }
    }
  });
});
