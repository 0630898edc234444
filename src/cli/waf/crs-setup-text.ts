/**
 * A set-up file for the Core Rule Set, tuned for inference APIs and written in our own words. It must set nothing that the
 * rules do not read: a misspelt variable would look like a setting and be none.
 */

/** The two lines of releases, which name some of their variables differently. */
export type CrsLine = 3 | 4;

export interface CrsSetup {
  readonly line: CrsLine;
  /** Of the rules, such as `3.3.4`. */
  readonly version: string;
  readonly paranoia: number;
  /** Level up to which rules are run and told, without refusing. */
  readonly detectionParanoia: number;
  readonly thresholdIn: number;
  readonly thresholdOut: number;
  readonly methods: readonly string[];
  readonly contentTypes: readonly string[];
  readonly maxArguments: number;
  readonly maxNameBytes: number;
  readonly maxArgumentBytes: number;
  readonly maxTotalBytes: number;
  readonly maxUploadBytes: number;
}

/** The methods of inference APIs, and what browsers ask before they call one. */
export const DEFAULT_METHODS: readonly string[] = ["GET", "HEAD", "POST", "OPTIONS"];

/** What inference APIs are sent: JSON alone and in rows, files with a form, and streams of events. */
export const DEFAULT_CONTENT_TYPES: readonly string[] = [
  "application/json",
  "application/x-ndjson",
  "application/jsonl",
  "multipart/form-data",
  "text/event-stream",
];

/** Tensors in JSON are one argument for each number. Each is a round of all rules: raised, a body costs as much more. */
export const DEFAULT_MAX_ARGUMENTS = 4_096;
/** Names are whole paths, such as `json.messages.12.content.0.text`. */
export const DEFAULT_MAX_NAME_BYTES = 256;
/** A prompt of 32 KB, and as much again for its escapes. Raised, one value may hold the rules that much longer. */
export const DEFAULT_MAX_ARGUMENT_BYTES = 65_536;
export const DEFAULT_MAX_TOTAL_BYTES = 1_048_576;
/** Files of a form: audio and images. Raised, more of a body is read that no rule understands. */
export const DEFAULT_MAX_UPLOAD_BYTES = 16_777_216;

/** Ids are those under which the rules' own set-up says the same: loaded together, the two are refused. */
export function crsSetupText(setup: CrsSetup): string {
  const { line, version } = setup;
  const sections = [
    `# Set-up of the Core Rule Set ${version} for inference APIs, made by \`portcullis waf crs-setup\`.
# Load it in the place of crs-setup.conf, before the rules. It is a whole set-up: do not load another one beside it.`,
    `# Rules count points; only the rules that compare the sum refuse.
SecDefaultAction "phase:1,log,auditlog,pass"
SecDefaultAction "phase:2,log,auditlog,pass"`,
    levelsText(setup),
    `# Methods that an inference API answers.
${action(900_200, [["allowed_methods", setup.methods.join(" ")]])}`,
    `# Media types of requests. A form that browsers send is not among them.
${action(900_220, [["allowed_request_content_type", setup.contentTypes.map((type) => `|${type}|`).join(" ")]])}`,
    `# Arguments are the values of a JSON body as well: tensors have many, prompts are long.
${action(900_300, [
  ["max_num_args", setup.maxArguments],
  ["arg_name_length", setup.maxNameBytes],
  ["arg_length", setup.maxArgumentBytes],
  ["total_arg_length", setup.maxTotalBytes],
])}`,
    `# Files that are uploaded with a form.
${action(900_340, [
  ["max_file_size", setup.maxUploadBytes],
  ["combined_file_sizes", setup.maxUploadBytes],
])}`,
    `# Tells the rules that there is a set-up.
${action(900_990, [["crs_setup_version", setupVersion(line, version)]])}`,
  ];
  return `${sections.join("\n\n")}\n`;
}

/** What the gateway's configuration sets goes before the rules, and before this. */
function levelsText({ line, ...levels }: CrsSetup): string {
  const names =
    line === 3
      ? { blocking: "paranoia_level", detection: "executing_paranoia_level" }
      : { blocking: "blocking_paranoia_level", detection: "detection_paranoia_level" };
  return `# Levels and thresholds, unless the gateway's configuration has set them (waf.paranoia, waf.threshold).
${[
  unlessSet(900_000, names.blocking, levels.paranoia),
  unlessSet(900_001, names.detection, levels.detectionParanoia),
  unlessSet(900_110, "inbound_anomaly_score_threshold", levels.thresholdIn),
  unlessSet(900_111, "outbound_anomaly_score_threshold", levels.thresholdOut),
].join("\n")}`;
}

const unlessSet = (id: number, name: string, value: number): string =>
  `SecRule &TX:${name} "@eq 0" \\
    "id:${id},phase:1,pass,nolog,t:none,setvar:'tx.${name}=${value}'"`;

function action(id: number, variables: readonly (readonly [string, string | number])[]): string {
  const set = variables.map(([name, value]) => `    setvar:'tx.${name}=${value}'`);
  return [
    `SecAction \\`,
    `    "id:${id},phase:1,pass,nolog,t:none,\\`,
    `${set.join(",\\\n")}"`,
  ].join("\n");
}

/** `3.3.4` is written 334, `4.28.0` is written 4280. */
const setupVersion = (line: CrsLine, version: string): string =>
  version.replace(/\D/g, "") || String(line * 100);
