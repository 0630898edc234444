/**
 * The rule sets that are measured, each as one file of SecLang which both engines load, so that both run the same
 * rules. The Core Rule Set is the operator's own; nothing of it is kept here.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { builtinRulePaths } from "../../src/seclang/builtin/builtin-rules.ts";

export interface BenchRules {
  readonly name: string;
  /** Includes everything else. */
  readonly file: string;
  /** Whether libmodsecurity understands them too. */
  readonly isPortable: boolean;
}

const CRS_3 = "/usr/share/modsecurity-crs/rules";
const CRS_3_SETUP = "/etc/modsecurity/crs/crs-setup.conf";

/** What every installation says before its rules: inspect bodies, read JSON as JSON, refuse what cannot be read; no audit log. */
const BASE = `SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess Off
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 1310720
SecRequestBodyLimitAction Reject
SecPcreMatchLimit 1000
SecPcreMatchLimitRecursion 1000
SecAuditEngine Off
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/(?:[a-z0-9.-]+\\+)?json" "id:1000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:1001,phase:2,t:none,log,deny,status:400,msg:'the body cannot be read'"
`;

/** For a release without its set-up file: the two things that its first rule asks for. */
const LEAST_SETUP = `SecDefaultAction "phase:1,log,auditlog,pass"
SecDefaultAction "phase:2,log,auditlog,pass"
SecAction "id:900990,phase:1,pass,t:none,nolog,setvar:tx.crs_setup_version=4000"
`;

/** Debian's `modsecurity-crs`, at its paranoia level 1. Undefined where it is not installed. */
export function debianCrs(folder: string): BenchRules | undefined {
  if (!existsSync(CRS_3) || !existsSync(CRS_3_SETUP)) return undefined;
  const text = `${BASE}Include ${CRS_3_SETUP}\nInclude ${CRS_3}/*.conf\n`;
  return { ...lay(folder, "crs 3.3.4", text), isPortable: true };
}

/** A release of CRS 4, unpacked in `directory`. */
export function crs4(folder: string, directory: string): BenchRules | undefined {
  // An unset option must not mean the folder this happens to run in.
  if (directory === "" || !existsSync(join(directory, "rules"))) return undefined;
  const setup = ["crs-setup.conf", "crs-setup.conf.example"]
    .map((name) => join(directory, name))
    .find((path) => existsSync(path));
  const text = `${BASE}${setup ? `Include ${setup}\n` : LEAST_SETUP}Include ${directory}/rules/*.conf\n`;
  return { ...lay(folder, "crs 4", text), isPortable: true };
}

/** Our own rules, which use collections that only this engine has. */
export function builtinRules(folder: string): BenchRules {
  const includes = builtinRulePaths().map((path) => `Include ${path}\n`);
  return { ...lay(folder, "builtin", `${BASE}${includes.join("")}`), isPortable: false };
}

function lay(folder: string, name: string, text: string): { name: string; file: string } {
  const file = join(folder, `${name.replaceAll(/[^a-z0-9]/g, "-")}.conf`);
  writeFileSync(file, text);
  return { name, file };
}
