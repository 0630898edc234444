/** The rule sources and settings with which the Core Rule Set's own tests are meant to run; never a set-up for traffic. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ByteString } from "../byte-string.ts";

/** What the engine's loader takes: SecLang files (globs allowed), or text. */
export type CrsTestSource =
  | { readonly kind: "files"; readonly paths: readonly string[] }
  | { readonly kind: "text"; readonly file: string; readonly text: ByteString };

/** The settings of both suites, as their own pipelines set them; the older names and the newer do not meet. */
const TX: Readonly<Record<string, string>> = {
  paranoia_level: "4",
  executing_paranoia_level: "4",
  blocking_paranoia_level: "4",
  detection_paranoia_level: "4",
  crs_validate_utf8_encoding: "1",
  max_num_args: "255",
  arg_name_length: "100",
  arg_length: "400",
  total_arg_length: "6400",
  max_file_size: "64100",
  combined_file_sizes: "65535",
};

/** Detection only: tests count what a rule says, also after another would have ended the transaction. */
const BASE = `
SecRuleEngine DetectionOnly
SecRequestBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 13107200
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml application/json
SecResponseBodyLimit 1048576
SecAction "id:199000,phase:1,pass,t:none,nolog,${Object.entries(TX)
  .map(([name, value]) => `setvar:'tx.${name}=${value}'`)
  .join(",")}"
`;

/** In place of a set-up file of the rules' own, when there is none. */
const SET_UP = `
SecDefaultAction "phase:1,log,auditlog,pass"
SecDefaultAction "phase:2,log,auditlog,pass"
SecAction "id:199001,phase:1,pass,t:none,nolog,setvar:tx.crs_setup_version=400"
`;

/** Where packages and releases keep the set-up file, seen from the folder of the rules. */
const SET_UP_PLACES = ["../crs-setup.conf", "../crs-setup.conf.example"];

export interface CrsTestRules {
  /** The folder with `REQUEST-901-INITIALIZATION.conf`, or the one above it. */
  readonly directory: string;
  /** `crs-setup.conf`; looked for beside the rules when not given. */
  readonly setUpFile?: string;
}

/** Sources for `loadRuleSet`, in the order that the rules ask for. Throws when the folder holds no rules. */
export function crsTestRules({ directory, setUpFile }: CrsTestRules): CrsTestSource[] {
  const rules = [directory, join(directory, "rules")].find((folder) =>
    existsSync(join(folder, "REQUEST-901-INITIALIZATION.conf")),
  );
  if (rules === undefined) throw new Error(`no Core Rule Set in ${directory}`);
  const setUp =
    setUpFile ?? SET_UP_PLACES.map((place) => join(rules, place)).find((file) => existsSync(file));
  return [
    setUp === undefined ? text("set-up", SET_UP) : { kind: "files", paths: [setUp] },
    text("test-settings", BASE),
    { kind: "files", paths: [join(rules, "*.conf")] },
  ];
}

function text(name: string, content: ByteString): CrsTestSource {
  return { kind: "text", file: `crs-test/${name}.conf`, text: content };
}
