/** What a running demo invites its reader to try: addresses, and curl lines that can be pasted as they are. */
import { relative } from "node:path";
import type { DemoFolder } from "./demo-folder.ts";
import { CHURN_V2 } from "./play.ts";

export interface Invitation {
  readonly origin: string;
  readonly operatorOrigin: string;
  readonly issuer: string;
  readonly folder: DemoFolder;
  readonly ledgerDirectory: string;
}

export function invitation({
  origin,
  operatorOrigin,
  issuer,
  folder,
  ledgerDirectory,
}: Invitation): string {
  const near = (name: string): string => relative(process.cwd(), folder.file(name));
  const ask = `curl --cacert ${quote(near("ca.crt"))} ${origin}${CHURN_V2} -H 'Content-Type: application/json' --data @${quote(near("request.json"))}`;
  return [
    "",
    "It stays up until Ctrl-C. Paste these in another terminal, in the same folder (the token file is kept fresh):",
    "",
    "  a prediction:",
    `    ${ask} -H "Authorization: Bearer $(cat ${quote(near("token"))})"`,
    "  the same without a token:",
    `    ${ask}`,
    "  is it ready, what has it counted:",
    `    curl ${operatorOrigin}/readyz`,
    `    curl ${operatorOrigin}/metrics`,
    "",
    `  gateway    ${origin}`,
    `  operator   ${operatorOrigin}`,
    `  identity   ${issuer}/.well-known/openid-configuration`,
    `  config     ${near("portcullis.yaml")}`,
    `  log        ${near("gateway.log")}`,
    `  ledger     ${relative(process.cwd(), ledgerDirectory)}: portcullis ledger verify proves it, portcullis explain REQUEST-ID tells why`,
    "",
  ].join("\n");
}

/** For a POSIX shell, only where it is needed. */
function quote(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
