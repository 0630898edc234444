/** `portcullis ledger ...`: the record of decisions, read without its writer. Lists the commands, and does nothing else. */
import type { Command } from "commander";
import { addLedgerCommitment, addLedgerErase } from "./erase.ts";
import { addLedgerExport } from "./export.ts";
import { addLedgerReplay } from "./replay.ts";
import { addLedgerConsistency } from "./consistency.ts";
import { addLedgerJoin } from "./join.ts";
import { addLedgerKeygen } from "./keygen.ts";
import { addLedgerProve } from "./prove.ts";
import { addLedgerShow } from "./show.ts";
import { addLedgerVerify } from "./verify.ts";
import { addLedgerVerifyProof } from "./verify-proof.ts";

export function addLedger(program: Command): void {
  const ledger = program.command("ledger").description("Verify, show and prove the ledger.");
  const commands = [
    addLedgerVerify,
    addLedgerShow,
    addLedgerProve,
    addLedgerVerifyProof,
    addLedgerConsistency,
    addLedgerJoin,
    addLedgerReplay,
    addLedgerExport,
    addLedgerErase,
    addLedgerCommitment,
    addLedgerKeygen,
  ];
  for (const add of commands) add(ledger);
}
