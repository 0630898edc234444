/** `portcullis pack verify-response`: whether a gateway gave this answer, to this request, under this pack. */
import { InvalidArgumentError, type Command } from "commander";
import { isPackHash } from "../../packs/sign/pack-hash.ts";
import { verifyResponse } from "../../packs/sign/response-signature.ts";
import { eachArgument, orRefused, readArgument, readPublicKeys } from "./verify.ts";

interface VerifyResponseOptions {
  readonly key: string[];
  readonly pack: string;
  readonly requestId: string;
  readonly status: number;
  readonly body: string;
  readonly signature: string;
}

export function addPackVerifyResponse(pack: Command): void {
  pack
    .command("verify-response")
    .description("Check the X-Policy-Sign of an answer. Exits with 0 when good, 1 when not.")
    .requiredOption("--key <file>", "the gateway's public key; may be repeated", eachArgument)
    .requiredOption("--pack <blake3>", "of the pack that decided", hashArgument)
    .requiredOption("--request-id <id>", "X-Request-Id of the answer")
    .requiredOption("--status <status>", "of the answer", statusArgument)
    .requiredOption("--body <file>", "exact bytes of the answer's body; an empty file for none")
    .requiredOption("--signature <text>", "X-Policy-Sign of the answer")
    .action((options: VerifyResponseOptions) => orRefused(options.body, () => verify(options)));
}

async function verify(options: VerifyResponseOptions): Promise<void> {
  const { requestId, status, signature, pack } = options;
  const keys = await readPublicKeys(options.key);
  const { bytes: body } = await readArgument(options.body);
  const kid = verifyResponse({ requestId, status, signature, body, keys, blake3: pack });
  console.log(`${options.body}: good: request ${requestId}, status ${status}, signed by ${kid}`);
}

function hashArgument(text: string): string {
  if (isPackHash(text)) return text;
  throw new InvalidArgumentError("Write 64 lower-case hexadecimal digits.");
}

function statusArgument(text: string): number {
  if (/^[1-5]\d\d$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Write a status such as 200.");
}
