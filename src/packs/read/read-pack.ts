/**
 * The bytes of a constitution to a checked, frozen pack, or to everything that is wrong with it. What it cannot read in
 * exactly one way it refuses; it never returns part of a pack.
 */
import { isUtf8 } from "node:buffer";
import type { SourceNode } from "../../config/source-node.ts";
import { SourceText } from "../../config/source-text.ts";
import type { YamlCode } from "../../config/yaml-refusals.ts";
import { parseYaml, type ParsedYaml } from "../../config/yaml-source.ts";
import { PackRefused, type PackErrorCode } from "../pack-error.ts";
import type { Pack } from "../pack.ts";
import { frozen } from "./frozen.ts";
import { Findings } from "./findings.ts";
import { Mapping } from "./mapping.ts";
import { readPlainYaml } from "./plain-yaml.ts";
import { readBits } from "./read-bits.ts";
import { readMeta } from "./read-meta.ts";
import { readOutputs } from "./read-outputs.ts";
import { readRelease } from "./read-release.ts";
import { readFormatVersion } from "./read-version.ts";
import { readWires } from "./read-wires.ts";
import { RuleNames } from "./rule-names.ts";

/**
 * Bytes of a pack. Five hundred rules take a tenth of it; parsing a megabyte takes seconds at worst, and who can make the
 * gateway read a larger file could hold up its start and every reload.
 */
const SIZE_LIMIT_BYTES = 1_048_576;
/** U+FEFF in UTF-8. */
const BYTE_ORDER_MARK = Buffer.of(0xef, 0xbb, 0xbf);

const CODES: Readonly<Record<YamlCode, PackErrorCode>> = {
  "yaml.syntax": "pack.yaml_syntax",
  "yaml.not_a_mapping": "pack.not_a_mapping",
  "yaml.too_deep": "pack.too_deep",
  "yaml.control_character": "pack.yaml_control_character",
  "yaml.lone_surrogate": "pack.yaml_lone_surrogate",
  "yaml.anchor": "pack.yaml_anchor",
  "yaml.alias": "pack.yaml_alias",
  "yaml.tag": "pack.yaml_tag",
  "yaml.merge_key": "pack.yaml_merge_key",
  "yaml.directive": "pack.yaml_directive",
  "yaml.complex_key": "pack.yaml_complex_key",
  "yaml.second_document": "pack.yaml_second_document",
  "yaml.duplicate_key": "pack.yaml_duplicate_key",
  "yaml.key_not_text": "pack.yaml_key_not_text",
  "yaml.key_not_nfc": "pack.yaml_key_not_nfc",
  "yaml.proto_key": "pack.yaml_proto_key",
  "yaml.number": "pack.yaml_number",
};

/** Throws `PackRefused` with all findings. */
export function readPack(bytes: Uint8Array): Pack {
  const source = new SourceText("the pack", textOfBytes(bytes));
  const findings = new Findings(source);
  const root = readYaml(source, findings);
  findings.refuseIfAny();
  const pack = root && packOf(root, findings);
  findings.refuseIfAny();
  // Without a finding there is a pack: whatever kept it from being read was found.
  return frozen(pack as Pack);
}

function textOfBytes(bytes: Uint8Array): string {
  if (bytes.length > SIZE_LIMIT_BYTES) {
    const message = `the pack has ${bytes.length} bytes; ${SIZE_LIMIT_BYTES} are allowed`;
    throw new PackRefused([{ code: "pack.too_large", message }]);
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)) {
    const message = "the file begins with a byte order mark";
    const hint = "save it as UTF-8 without one";
    throw new PackRefused([{ code: "pack.byte_order_mark", message, line: 1, column: 1, hint }]);
  }
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  if (isUtf8(bytes)) return text;
  // The decoder puts U+FFFD where the first wrong byte was, unless the author wrote one before it.
  const place = new SourceText("", text).position(Math.max(0, text.indexOf("\u{fffd}")));
  const message = "the file is not UTF-8";
  throw new PackRefused([{ code: "pack.not_utf8", message, ...place, hint: "save it as UTF-8" }]);
}

function readYaml(source: SourceText, findings: Findings): SourceNode | undefined {
  const { node, findings: faults } = parsePlainOrAny(source);
  for (const { code, origin, message, hint } of faults) {
    if (findings.isFull) break;
    findings.add(origin, { code: CODES[code], message, hint });
  }
  if (node?.kind !== "map" || node.entries.size > 0) return node;
  findings.add(node.origin, {
    code: "pack.empty",
    message: "the file has no content",
    hint: "a pack begins with its version",
  });
  return undefined;
}

function parsePlainOrAny(source: SourceText): ParsedYaml {
  const node = readPlainYaml(source);
  return node ? { node, findings: [] } : parseYaml(source);
}

function packOf(root: SourceNode, findings: Findings): Pack | undefined {
  const top = Mapping.of(
    root,
    {
      what: "a pack",
      required: ["version", "policies", "outputs"],
      optional: ["meta", "release", "wiring"],
    },
    findings,
  );
  if (!top) return undefined;
  const formatVersion = readFormatVersion(top.node("version"), findings);
  const meta = readMeta(top.node("meta"), findings);
  const release = readRelease(top.node("release"), findings);
  const names = new RuleNames(findings);
  const bits = readBits(top.items("policies"), names, findings);
  const wires = readWires(top.items("wiring"), names, findings);
  const outputs = readOutputs(top.items("outputs"), names, findings);
  if (!formatVersion) return undefined;
  return { formatVersion, ...(release && { release }), meta, bits, wires, outputs };
}
