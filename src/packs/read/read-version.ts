/** The version of the format. A number is refused although it could be read: `1.10` is 1.1 to YAML. */
import type { SourceNode } from "../../config/source-node.ts";
import { quoted } from "../language/quoted.ts";
import type { FormatVersion } from "../pack.ts";
import type { Findings } from "./findings.ts";

const FORMAT_VERSIONS: readonly FormatVersion[] = ["tdln-chip/0.1", "tdln-chip/0.3"];

export function readFormatVersion(
  node: SourceNode | undefined,
  findings: Findings,
): FormatVersion | undefined {
  if (!node) return undefined;
  if (node.kind !== "scalar" || typeof node.value !== "string") {
    findings.add(node.origin, {
      code: "pack.version_not_text",
      message: "the version is not text",
      hint: `write ${FORMAT_VERSIONS.map((version) => `"${version}"`).join(" or ")}`,
    });
    return undefined;
  }
  const version = FORMAT_VERSIONS.find((known) => known === node.value);
  if (!version) {
    findings.add(node.origin, {
      code: "pack.unknown_version",
      message: `${quoted(node.value)} is no version of the format known here`,
      hint: `known are ${FORMAT_VERSIONS.join(" and ")}`,
    });
  }
  return version;
}
