/** What a pack says about itself for people. Any data is taken but a version that is a fraction: `1.10` is 1.1 to YAML. */
import { valueOf, type SourceNode } from "../../config/source-node.ts";
import type { MetaValue, Pack } from "../pack.ts";
import type { Findings } from "./findings.ts";

export function readMeta(node: SourceNode | undefined, findings: Findings): Pack["meta"] {
  if (!node) return {};
  if (node.kind !== "map") {
    const message = "meta is not a mapping";
    findings.add(node.origin, { code: "pack.wrong_type", message });
    return {};
  }
  const version = node.entries.get("version")?.node;
  if (version?.kind === "scalar" && typeof version.value === "number") {
    const message = "the version is a number";
    const hint = "put it in quotes";
    findings.add(version.origin, { code: "pack.version_not_text", message, hint });
  }
  return valueOf(node) as Record<string, MetaValue>;
}
