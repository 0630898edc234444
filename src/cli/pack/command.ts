/** `portcullis pack ...`: the constitution from its rules to a signed pack that serves. Lists the commands, and does nothing else. */
import type { Command } from "commander";
import { addApproveBreakGlass } from "./approve-break-glass.ts";
import { addPackDiff } from "./diff.ts";
import { addPackExplain } from "./explain.ts";
import { addPackKeygen } from "./keygen.ts";
import { addPackLint } from "./lint.ts";
import { addOperate } from "./operate.ts";
import { addShadowReport } from "./shadow-report.ts";
import { addPackSign } from "./sign.ts";
import { addPackTest } from "./test.ts";
import { addPackVerifyResponse } from "./verify-response.ts";
import { addPackVerify } from "./verify.ts";

export function addPack(program: Command): void {
  const pack = program
    .command("pack")
    .description("Prove, sign and operate the constitution's packs.");
  const commands = [
    addPackKeygen,
    addPackSign,
    addPackVerify,
    addPackLint,
    addPackTest,
    addPackDiff,
    addPackExplain,
    addOperate,
    addShadowReport,
    addApproveBreakGlass,
    addPackVerifyResponse,
  ];
  for (const add of commands) add(pack);
}
