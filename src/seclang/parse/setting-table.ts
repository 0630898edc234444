/** The settings a rule file may hold, from the manuals of ModSecurity v3 and Coraza; what has no effect here is marked, not forgotten. */

/** How the arguments of a setting are checked: any text, a closed list, or a pattern. */
export type SettingCheck = "any" | readonly string[] | RegExp;

/** What the parser has to know of a setting. */
export interface SettingRow {
  readonly name: string;
  readonly check: SettingCheck;
  readonly minArgs: number;
  readonly maxArgs: number;
  /** Accepted so that existing files load; nothing reads it. */
  readonly isIgnored: boolean;
  /** Set if a file with this directive is not accepted: why. */
  readonly refused?: string;
}

const SWITCH = ["On", "Off"];
const SIZE = /^\d{1,15}$/;
const MODE = /^(?:0?[0-7]{3,4}|default)$/;
const LIMIT_ACTION = ["Reject", "ProcessPartial"];

/** A list of values of any length: more would be a mistake, not a setting. */
const MANY = 64;

const setting = (
  name: string,
  check: SettingCheck,
  [minArgs, maxArgs]: readonly [number, number] = [1, 1],
): SettingRow => ({ name, check, minArgs, maxArgs, isIgnored: false });

const ignored = (
  name: string,
  check: SettingCheck = "any",
  args: readonly [number, number] = [1, 1],
): SettingRow => ({ ...setting(name, check, args), isIgnored: true });

const refused = (names: string, reason: string): readonly SettingRow[] =>
  names.split(/\s+/).map((name) => ({ ...setting(name, "any", [0, MANY]), refused: reason }));

const rows: readonly SettingRow[] = [
  setting("SecRuleEngine", ["On", "Off", "DetectionOnly"]),
  setting("SecRequestBodyAccess", SWITCH),
  setting("SecRequestBodyLimit", SIZE),
  setting("SecRequestBodyNoFilesLimit", SIZE),
  setting("SecRequestBodyLimitAction", LIMIT_ACTION),
  setting("SecRequestBodyJsonDepthLimit", SIZE),
  setting("SecResponseBodyAccess", SWITCH),
  setting("SecResponseBodyLimit", SIZE),
  setting("SecResponseBodyLimitAction", LIMIT_ACTION),
  setting("SecResponseBodyMimeType", /^(?:\(null\)|[\w.+*-]+\/[\w.+*-]+)$/, [1, MANY]),
  setting("SecResponseBodyMimeTypesClear", "any", [0, 0]),
  setting("SecArgumentsLimit", SIZE),
  setting("SecArgumentSeparator", /^[\x21-\x7e]$/),
  setting("SecCookieFormat", ["0", "1"]),
  setting("SecCollectionTimeout", SIZE),
  setting("SecXmlExternalEntity", ["Off"]),
  setting("SecParseXmlIntoArgs", ["On", "Off", "OnlyArgs"]),
  setting("SecUploadFileLimit", SIZE),
  setting("SecAuditEngine", ["On", "Off", "RelevantOnly"]),
  setting("SecAuditLogParts", /^[A-Z]{1,26}$/),
  setting("SecAuditLogRelevantStatus", "any"),
  setting("SecAuditLogFormat", ["JSON", "Native", "JsonLegacy", "OCSF"]),
  setting("SecUnicodeMapFile", "any", [1, 2]),
  setting("SecWebAppId", "any"),
  setting("SecSensorId", "any"),
  ...["SecAuditLog", "SecAuditLog2", "SecAuditLogStorageDir", "SecAuditLogDir"].map((name) =>
    ignored(name),
  ),
  ...["SecTmpDir", "SecDataDir", "SecUploadDir", "SecDebugLog", "SecGeoLookupDb"].map((name) =>
    ignored(name),
  ),
  ...["SecGsbLookupDb", "SecHttpBlKey", "SecServerSignature", "SecChrootDir"].map((name) =>
    ignored(name),
  ),
  ...["SecAuditLogDirMode", "SecAuditLogFileMode", "SecUploadFileMode"].map((name) =>
    ignored(name, MODE),
  ),
  ignored("SecAuditLogType", ["Serial", "Concurrent", "Https", "Syslog"]),
  ignored("SecAuditLogPrefix"),
  ignored("SecDebugLogLevel", /^[0-9]$/),
  ignored("SecPcreMatchLimit", SIZE),
  ignored("SecPcreMatchLimitRecursion", SIZE),
  ignored("SecRequestBodyInMemoryLimit", SIZE),
  ignored("SecRulePerfTime", SIZE),
  ignored("SecRxPreFilter", SWITCH),
  ignored("SecInterceptOnError", SWITCH),
  ignored("SecTmpSaveUploadedFiles", SWITCH),
  ignored("SecUploadKeepFiles", ["On", "Off", "RelevantOnly"]),
  ignored("SecStatusEngine", SWITCH),
  ignored("SecUnicodeCodePage", SIZE),
  ignored("SecUseDefaultSiteRules", SWITCH),
  ignored("SecConnEngine", ["On", "Off", "DetectionOnly"]),
  ignored("SecConnReadStateLimit", SIZE, [1, 2]),
  ignored("SecConnWriteStateLimit", SIZE, [1, 2]),
  ignored("SecReadStateLimit", SIZE, [1, 2]),
  ignored("SecWriteStateLimit", SIZE, [1, 2]),
  ignored("SecGuardianLog", "any", [1, 2]),
  ignored("SecCacheTransformations", "any", [1, 2]),
  ignored("SecHashEngine", ["Off"]),
  ignored("SecDisableBackendCompression", SWITCH),
  ...refused("SecRuleScript", "rules in Lua are not run"),
  ...refused("SecRemoteRules", "rules are loaded from files only; fetch them before the start"),
  ...refused("SecRemoteRulesFailAction", "rules are loaded from files only"),
  ...refused("SecDataset", "write the list into a file for @pmFromFile or @ipMatchFromFile"),
  ...refused("SecIgnoreRuleCompilationErrors", "a rule that cannot be read is never skipped"),
  ...refused("SecRuleInheritance", "there is one rule set and no nesting of contexts"),
  ...refused("SecContentInjection SecStreamOutBodyInspection", "bodies are not changed"),
  ...refused("SecStreamInBodyInspection", "bodies are not changed"),
  ...refused(
    "SecHashKey SecHashParam SecHashMethodRx SecHashMethodPm",
    "link signing is not part of this engine",
  ),
];

/** Every known setting by its lower-case name. */
export const SETTINGS: ReadonlyMap<string, SettingRow> = new Map(
  rows.map((row) => [row.name.toLowerCase(), row] as const),
);
