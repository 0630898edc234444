/** A credential that will not do, as a value: the catalogue code, and a private cause without a byte of the credential. */
import type { RejectionCode } from "../../pipeline/rejection.ts";

export type IdentityCode = Extract<RejectionCode, `identity.${string}`>;

export class Refused {
  readonly code: IdentityCode;
  readonly cause: string;

  constructor(code: IdentityCode, cause: string) {
    this.code = code;
    this.cause = cause;
  }
}

/** A name out of an unverified token, made safe for the operator's log: quoted, without control characters, short. */
export function quote(text: string): string {
  const shown = text.length > 64 ? `${text.slice(0, 64)}...` : text;
  return JSON.stringify(shown);
}
