/** How long a gateway takes to activate a pack of 500 rules: files read, signature, release, proofs, compiled, swapped, kept. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Constitution } from "../src/packs/life/constitution.ts";
import { graveFindings } from "../src/packs/prove/acknowledge.ts";
import { nameOfFinding } from "../src/packs/prove/lint-finding.ts";
import { lintPack } from "../src/packs/prove/lint.ts";
import { readPack } from "../src/packs/read/read-pack.ts";
import { createPackKey, readPrivateKey, readPublicKey } from "../src/packs/sign/keys.ts";
import { signPackJson } from "../src/packs/sign/pack-json.ts";
import { generatePack, LARGE_PACK } from "./generated-pack.ts";

/** Milliseconds of each of so many activations in one process, which has proved each of these packs once before. */
export async function measureActivations(count: number): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-activation-"));
  try {
    return await activate(folder, count);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function activate(folder: string, count: number): Promise<number[]> {
  const { privatePem, publicPem } = createPackKey();
  const key = readPrivateKey(privatePem);
  const signature = join(folder, "pack.json");
  const yaml = join(folder, "policy.yaml");
  const lay = (bytes: Buffer): void => {
    writeFileSync(yaml, bytes);
    const named = { id: "bench", version: "1", createdAtMs: Date.now() };
    writeFileSync(signature, signPackJson({ bytes, key, ...named }));
  };
  const small = Buffer.from(generatePack({ ...LARGE_PACK, bits: 10, wires: 4, outputs: 4 }));
  const large = Array.from({ length: count }, (_, seed) =>
    Buffer.from(generatePack({ ...LARGE_PACK, seed })),
  );
  lay(small);
  const constitution = await Constitution.open({
    files: { signature, yaml },
    trust: { form: "pack_json", keys: [readPublicKey(publicPem)], threshold: 1 },
    acknowledged: [small, ...large].flatMap(graveNames),
    stateFile: join(folder, "state.json"),
    nowMs: Date.now,
    onEvent: () => undefined,
  });
  const tookMs: number[] = [];
  for (const bytes of large) {
    lay(bytes);
    const startedAt = performance.now();
    await constitution.reload("active");
    tookMs.push(performance.now() - startedAt);
  }
  await constitution.close();
  return tookMs;
}

const graveNames = (bytes: Buffer): string[] =>
  graveFindings(lintPack(readPack(bytes)), []).map(nameOfFinding);
