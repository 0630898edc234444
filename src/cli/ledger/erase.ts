/** `portcullis ledger erase | check-body`: what the salts are for, seen from both sides. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { checkBody, type BodyAnswer } from "../../ledger/check-body.ts";
import { Salts, SALTS_FILE } from "../../ledger/salts.ts";

export function addLedgerErase(ledger: Command): void {
  ledger
    .command("erase <directory>")
    .description(
      "Delete a subject's salt: what the ledger commits to of them can never be checked again.",
    )
    .requiredOption("--subject <key>", "the subject as the identity provider names it")
    .action(erase);
}

export function addLedgerCommitment(ledger: Command): void {
  ledger
    .command("check-body <directory> <request-id> <file>")
    .description("Say whether a body is the one on record. Exits with 1 unless it is.")
    .option("--response", "the body is the answer's, not the request's")
    .action(check);
}

function erase(directory: string, { subject }: { readonly subject: string }): void {
  const salts = new Salts({ path: join(directory, SALTS_FILE), use: "command" });
  try {
    if (salts.erase(subject)) {
      console.log("erased; gateways that run forget it within a second");
      return;
    }
  } finally {
    salts.close();
  }
  console.error("there was no salt of that subject: nothing is changed");
  process.exitCode = 1;
}

async function check(
  directory: string,
  requestId: string,
  file: string,
  { response = false }: { readonly response?: boolean },
): Promise<void> {
  const part = response ? "response" : "request";
  const body = readFileSync(file);
  const salts = new Salts({ path: join(directory, SALTS_FILE), use: "reader" });
  try {
    const answer = await checkBody({ directory, requestId, part, body, salts });
    const said = sentence(answer, part, body.length);
    if (answer.verdict === "same") return console.log(said);
    console.error(said);
    process.exitCode = 1;
  } finally {
    salts.close();
  }
}

function sentence(
  { verdict, seq, recordedBytes }: BodyAnswer,
  part: string,
  bytes: number,
): string {
  switch (verdict) {
    case "same":
      return `same: line ${seq} commits to exactly these ${bytes} bytes as the ${part}`;
    case "other":
      return `other: line ${seq} commits to another ${part} of ${recordedBytes} bytes; this file has ${bytes}`;
    case "erased":
      return `erased: line ${seq} commits to a ${part}, but its subject's salt was erased: nobody can tell`;
    case "no_commitment":
      return `not recorded: the request is on record, its ${part} is not`;
    case "unknown_request":
      return "not recorded: no line of this ledger is about that request";
  }
}
