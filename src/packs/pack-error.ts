/** The ways in which a pack can be wrong: one code for each. What is refused is never used in part. */

/**
 * The file as text and as YAML.
 *
 * - `pack.too_large`, `pack.not_utf8`, `pack.byte_order_mark`, `pack.empty`: the bytes
 * - `pack.too_deep`: collections inside collections beyond the limit
 * - `pack.yaml_syntax`: not YAML 1.2
 * - `pack.yaml_number`: infinite, not a number, or too large to be exact
 * - `pack.yaml_key_not_text`, `pack.yaml_key_not_nfc`, `pack.yaml_proto_key`: keys that mean different things to
 *   different readers
 * - the others are named for what they refuse
 */
type YamlCode =
  | "pack.too_large"
  | "pack.not_utf8"
  | "pack.byte_order_mark"
  | "pack.empty"
  | "pack.too_deep"
  | "pack.yaml_syntax"
  | "pack.yaml_control_character"
  | "pack.yaml_lone_surrogate"
  | "pack.yaml_anchor"
  | "pack.yaml_alias"
  | "pack.yaml_tag"
  | "pack.yaml_merge_key"
  | "pack.yaml_directive"
  | "pack.yaml_complex_key"
  | "pack.yaml_second_document"
  | "pack.yaml_duplicate_key"
  | "pack.yaml_key_not_text"
  | "pack.yaml_key_not_nfc"
  | "pack.yaml_proto_key"
  | "pack.yaml_number";

/**
 * The file's parts.
 *
 * - `pack.version_not_text`: a number where a version is meant (`1.10` is 1.1)
 * - `pack.wrong_type`, `pack.missing_field`, `pack.unknown_field`: of a mapping
 * - `pack.too_many`: more bits, wires, outputs, members or patterns than the limit
 * - `pack.wire_cycle`, `pack.wire_too_deep`: wires through wires
 */
type ShapeCode =
  | "pack.not_a_mapping"
  | "pack.unknown_field"
  | "pack.missing_field"
  | "pack.wrong_type"
  | "pack.version_not_text"
  | "pack.unknown_version"
  | "pack.bad_release_name"
  | "pack.bad_release_version"
  | "pack.bad_release_time"
  | "pack.bad_release_prev"
  | "pack.too_many"
  | "pack.bad_id"
  | "pack.duplicate_id"
  | "pack.unknown_reference"
  | "pack.bad_structure"
  | "pack.bad_aggregator"
  | "pack.wire_cycle"
  | "pack.wire_too_deep"
  | "pack.bad_output_id"
  | "pack.bad_trigger"
  | "pack.bad_action"
  | "pack.bad_status"
  | "pack.bad_reason";

/** The language of bits. */
type LogicCode =
  | "pack.logic_too_long"
  | "pack.logic_too_deep"
  | "pack.logic_bad_character"
  | "pack.logic_unterminated_text"
  | "pack.logic_bad_escape"
  | "pack.logic_bad_number"
  | "pack.logic_number_out_of_range"
  | "pack.logic_unexpected_end"
  | "pack.logic_unexpected"
  | "pack.logic_unknown_word"
  | "pack.logic_unknown_field"
  | "pack.logic_chained_comparison"
  | "pack.logic_type_mismatch"
  | "pack.logic_wrong_operator"
  | "pack.logic_not_boolean"
  | "pack.logic_constant_comparison"
  | "pack.logic_bad_list"
  | "pack.logic_bad_pattern";

/**
 * Signatures, envelopes and releases.
 *
 * - `pack.bad_key`, `pack.wrong_key_type`, `pack.weak_key`, `pack.private_key`, `pack.exposed_key`: a key; weak is one
 *   that anybody can sign for, exposed one that others can read
 * - `pack.bad_trust`: keys and threshold that can never be met, or count one key as two
 * - `pack.unsigned`, `pack.wrong_form`: something else where the signature is meant
 * - `pack.signature_not_json`, `pack.unknown_member`, ...: the signature's file
 * - `pack.bad_signature`, `pack.too_few_signatures`, `pack.hash_mismatch`: what is signed is not this, or not by them
 * - `pack.version_reused`: other bytes under a release that was active
 * - `pack.bad_response_header`, `pack.unknown_response_key`, `pack.bad_response_signature`: of an answer
 */
type SigningCode =
  | "pack.bad_key"
  | "pack.bad_pack_json"
  | "pack.bad_envelope"
  | "pack.wrong_form"
  | "pack.wrong_payload_type"
  | "pack.bad_signature"
  | "pack.too_few_signatures"
  | "pack.hash_mismatch"
  | "pack.release_missing"
  | "pack.wrong_name"
  | "pack.rollback"
  | "pack.not_yet"
  | "pack.expired"
  | "pack.wrong_prev"
  | "pack.unsigned"
  | "pack.signature_too_large"
  | "pack.signature_not_json"
  | "pack.duplicate_member"
  | "pack.unknown_member"
  | "pack.missing_member"
  | "pack.bad_identity"
  | "pack.bad_base64"
  | "pack.bad_signature_length"
  | "pack.missing_yaml"
  | "pack.no_signatures"
  | "pack.too_many_signatures"
  | "pack.already_signed"
  | "pack.version_reused"
  | "pack.wrong_key_type"
  | "pack.weak_key"
  | "pack.private_key"
  | "pack.exposed_key"
  | "pack.bad_trust"
  | "pack.bad_response_header"
  | "pack.unknown_response_key"
  | "pack.bad_response_signature";

export type PackErrorCode = YamlCode | ShapeCode | LogicCode | SigningCode;

/** One thing that is wrong. */
export interface PackFinding {
  readonly code: PackErrorCode;
  readonly message: string;
  /** One-based, where there is a place in a file. */
  readonly line?: number;
  readonly column?: number;
  /** What to do about it. */
  readonly hint?: string;
}

/** A pack that is not taken. */
export class PackRefused extends Error {
  override readonly name = "PackRefused";
  /** Of the first finding. */
  readonly code: PackErrorCode;
  /** All that was found, in reading order; at least one. */
  readonly findings: readonly PackFinding[];

  constructor(findings: readonly [PackFinding, ...PackFinding[]]) {
    super(findings.map(printFinding).join("\n"));
    this.code = findings[0].code;
    this.findings = findings;
  }
}

/** "12:9: message (hint)", without the place where there is none. */
function printFinding({ line, column, message, hint }: PackFinding): string {
  const place = line === undefined ? "" : `${line}:${column ?? 1}: `;
  return `${place}${message}${hint === undefined ? "" : ` (${hint})`}`;
}
