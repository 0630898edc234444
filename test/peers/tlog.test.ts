/**
 * The ledger against other people's code: a Go program made of golang.org/x/mod's notes and transparency-dev's trees
 * and proofs verifies what is written here, refuses it tampered, and its cosignature is verified here.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { leafHash } from "../../src/ledger/hashing.ts";
import { ProofBuilder } from "../../src/ledger/merkle/make-proof.ts";
import { openNote } from "../../src/ledger/signed-note.ts";
import { createSigningKeyPem, readSigningKey } from "../../src/ledger/signing-key.ts";
import { EMPTY_STATE, Stream } from "../../src/ledger/stream.ts";
import { formatTlogProof } from "../../src/ledger/tlog-proof.ts";
import { parseVerifierKey } from "../../src/ledger/verifier-key.ts";

const PROGRAM = resolve(import.meta.dirname, "tlog");
/** A first build compiles the peer's modules: on a loaded machine that takes minutes, not seconds. */
const BUILD_LIMIT_MS = 300_000;

const whyAbsent = peerAbsence();
if (whyAbsent !== undefined) {
  console.warn(`SKIPPED: the ledger is not checked by its Go peer: ${whyAbsent}`);
}

/** Without Go, or without a way to its modules, there is no peer; one that does not compile fails the tests. */
function peerAbsence(): string | undefined {
  if (spawnSync("go", ["version"]).status !== 0) return "go is not installed";
  const { status, stderr } = spawnSync("go", ["mod", "download"], {
    cwd: PROGRAM,
    encoding: "utf8",
    timeout: BUILD_LIMIT_MS,
  });
  return status === 0 ? undefined : `its modules cannot be had: ${stderr}`;
}

interface Answer {
  readonly error: string;
  readonly size?: number;
  readonly index?: number;
  readonly line?: string;
  readonly note?: string;
  readonly vkey?: string;
}

/** Where the peer is built: nothing built is kept. */
let folder = "";

const KEY = readSigningKey(createSigningKeyPem(), "gateway.example/one");
const STRANGER = readSigningKey(createSigningKeyPem(), KEY.origin);

interface Question {
  readonly kind: "stream" | "proof" | "consistency" | "cosign";
  readonly vkey?: string;
  readonly note?: string;
  readonly earlier?: string;
  readonly stream?: string;
  readonly proof?: string;
  readonly path?: readonly string[];
}

/** The peer's answers, in order. */
function ask(...questions: readonly Question[]): Answer[] {
  const input = questions
    .map((each) => JSON.stringify({ vkey: KEY.verifierKey, origin: KEY.origin, ...each }))
    .join("\n");
  const { status, stdout, stderr } = spawnSync(join(folder, "tlog"), { input, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Answer);
}

/** A stream with a checkpoint behind every few lines. */
function recorded(sign: "checkpoint" | "entry"): {
  lines: readonly Buffer[];
  notes: readonly { size: number; note: string }[];
} {
  const stream = new Stream(EMPTY_STATE(), { key: KEY, sign, nowUs: () => Date.now() * 1_000 });
  const lines: Buffer[] = [];
  const notes: { size: number; note: string }[] = [];
  for (let group = 1; group <= 12; group += 1) {
    for (let n = 0; n < group % 5; n += 1) {
      lines.push(stream.seal(`"kind":"decision","text":"\u65e5\u672c ${"x".repeat(n * 100)}"`));
    }
    const { line, note, size } = stream.sealCheckpoint();
    notes.push({ size, note });
    lines.push(line);
  }
  return { lines, notes };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const bareOf = (line: Buffer): Buffer => line.subarray(0, -1);

function fed(builder: ProofBuilder, lines: readonly Buffer[]): Buffer[] {
  for (const line of lines) builder.append(leafHash(bareOf(line)));
  return builder.proof();
}

function proofText(lines: readonly Buffer[], index: number, size: number, note: string): string {
  const path = fed(ProofBuilder.inclusion({ index, size }), lines.slice(0, size));
  return formatTlogProof({ index, path, note, extra: bareOf(lines[index] as Buffer) });
}

describe.skipIf(whyAbsent !== undefined).each(["checkpoint", "entry"] as const)(
  "a ledger with sign: %s, in the eyes of its Go peer",
  (sign) => {
    const { lines, notes } = recorded(sign);
    const last = notes.at(-1) as { size: number; note: string };
    const stream = base64(Buffer.concat(lines));

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "portcullis-peer-"));
      const built = spawnSync("go", ["build", "-o", folder, "."], {
        cwd: PROGRAM,
        encoding: "utf8",
      });
      expect(built.stderr).toBe("");
      expect(built.status).toBe(0);
    }, BUILD_LIMIT_MS);
    afterAll(() => rmSync(folder, { recursive: true }));

    test("has in every checkpoint the root of the lines before it", () => {
      const answers = ask(...notes.map(({ note }) => ({ kind: "stream", stream, note }) as const));
      expect(answers).toEqual(
        notes.map(({ size }) => ({ error: "", ...(size > 0 ? { size } : {}) })),
      );
    });

    test("has another root with a line changed, dropped, doubled or swapped, or cut off", () => {
      const changed = lines.map((line, at) =>
        at === 3 ? Buffer.from(line.toString().replace("decision", "decisiom")) : line,
      );
      const variants = [
        changed,
        lines.toSpliced(3, 1),
        lines.toSpliced(3, 0, lines[3] as Buffer),
        lines.with(3, lines[4] as Buffer).with(4, lines[3] as Buffer),
        lines.slice(0, last.size - 1),
      ].map((each) => base64(Buffer.concat(each)));
      const answers = ask(
        ...variants.map((each) => ({ kind: "stream", stream: each, note: last.note }) as const),
      );
      for (const { error } of answers) expect(error).toMatch(/another root|shorter than/);
    });

    test("proves every line under every checkpoint that covers it", () => {
      const questions: Question[] = [];
      const expected: Answer[] = [];
      for (const { note, size } of notes) {
        for (let index = 0; index < size; index += 1) {
          questions.push({ kind: "proof", proof: proofText(lines, index, size, note) });
          const line = bareOf(lines[index] as Buffer).toString();
          expected.push({ error: "", size, line, ...(index > 0 ? { index } : {}) });
        }
      }
      expect(questions.length).toBeGreaterThan(100);
      expect(ask(...questions)).toEqual(expected);
    });

    test("proves nothing with a line, a hash, the index, the note or the key another", () => {
      const text = proofText(lines, 2, last.size, last.note);
      const otherLine = text.replace(/extra .*/, `extra ${base64(bareOf(lines[1] as Buffer))}`);
      const [hash = ""] = /(?<=index 2\n).*/.exec(text) ?? [];
      const changed = [
        otherLine,
        text.replace(hash, base64(leafHash(Buffer.from("other")))),
        text.replace("index 2", "index 3"),
        text.replace(`\n${last.size}\n`, `\n${last.size - 1}\n`),
        text.replace("chain b3:", "chain b3:0").replace(/.\n\n\u2014/, "\n\n\u2014"),
      ];
      const answers = ask(
        ...changed.map((proof) => ({ kind: "proof", proof }) as const),
        { kind: "proof", proof: text, vkey: STRANGER.verifierKey },
        { kind: "proof", proof: text },
      );
      expect(answers.map(({ error }) => error !== "")).toEqual([
        ...changed.map(() => true),
        true,
        false,
      ]);
    });

    test("is consistent between any two of its checkpoints, and not by another proof", () => {
      const questions: Question[] = [];
      for (const [at, { size: size2, note }] of notes.entries()) {
        for (const { size: size1, note: earlier } of notes.slice(0, at + 1)) {
          if (size1 === 0) continue;
          const proof = fed(ProofBuilder.consistency({ size1, size2 }), lines.slice(0, size2));
          const path = proof.map(base64);
          questions.push({ kind: "consistency", earlier, note, path });
        }
      }
      const wrong = questions
        .filter(({ path = [] }) => path.length > 0)
        .map((each) => ({
          ...each,
          path: [base64(leafHash(Buffer.of())), ...(each.path ?? []).slice(1)],
        }));
      const answers = ask(...questions, ...wrong);
      const errors = answers.map(({ error }) => error !== "");
      expect(errors).toEqual([...questions.map(() => false), ...wrong.map(() => true)]);
      expect(wrong.length).toBeGreaterThan(20);
    });

    test("takes the peer's cosignature on its checkpoint, and keeps its own beside it", () => {
      const [answer] = ask({ kind: "cosign", note: last.note });
      const { note = "", vkey = "" } = answer as Answer;
      const keys = [KEY.verifierKey, vkey].map(parseVerifierKey);
      expect(keys[1]?.role).toBe("witness");
      expect(openNote(note, keys).verified).toEqual([KEY.origin, "witness.example/peer"]);
      const [later] = ask({ kind: "stream", stream, note });
      expect(later).toEqual({ error: "", size: last.size });
    });
  },
);
