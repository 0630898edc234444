/**
 * What a SIEM sorts lines by: severity, and the few members it indexes. It must never take from a line what its own bytes
 * do not say.
 */
import type { LedgerLine } from "../line.ts";

export type LineSeverity = "info" | "notice" | "warning" | "error" | "alert";

/** Kinds that are rare and say that someone changed what the gateway does. */
const SEVERITY_OF_KIND: Readonly<Record<string, LineSeverity>> = {
  reload: "notice",
  key: "notice",
  pack: "notice",
  retention: "notice",
  recovered: "warning",
  kill: "warning",
  breakglass: "alert",
};

const SEVERITY_OF_DECISION: Readonly<Record<string, LineSeverity>> = {
  allow: "info",
  deny: "warning",
  error: "error",
};

export function severityOf({ kind, value }: LedgerLine): LineSeverity {
  const { decision } = value;
  if (kind === "decision" && typeof decision === "string")
    return SEVERITY_OF_DECISION[decision] ?? "error";
  return SEVERITY_OF_KIND[kind] ?? "info";
}

/** Members that are passed on by name, in this order; `tenant` is also looked for in `who`. */
const MEMBERS = [
  "request_id",
  "trace_id",
  "decision",
  "stage",
  "code",
  "status",
  "route",
  "model",
  "version",
  "event",
] as const;

/** `seq`, `kind`, and those of the members that the line has as text or number. */
export function summaryOf({ seq, kind, value }: LedgerLine): Record<string, string | number> {
  const summary: Record<string, string | number> = { seq, kind };
  for (const name of MEMBERS) {
    const said = value[name];
    if (typeof said === "string" || typeof said === "number") summary[name] = said;
  }
  const who = value["who"] as Record<string, unknown> | null | undefined;
  const tenant = value["tenant"] ?? who?.["tenant"];
  if (typeof tenant === "string") summary["tenant"] = tenant;
  return summary;
}
