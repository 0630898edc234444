/** What the settings of rule files and of a policy come to: how messages are read and how much of them. */
import type { Directive } from "../parse/ast.ts";
import type { EngineMode } from "../transaction/transaction-state.ts";

export interface EngineSettings {
  readonly engine: EngineMode;
  readonly hasRequestBodyAccess: boolean;
  readonly hasResponseBodyAccess: boolean;
  /** Bytes of a request body; a larger one is refused, or inspected up to here with `isRequestCut`. */
  readonly requestBodyLimitBytes: number;
  /** The same for bodies that hold no files: all but multipart. */
  readonly noFilesLimitBytes: number;
  readonly isRequestCut: boolean;
  readonly responseBodyLimitBytes: number;
  readonly isResponseCut: boolean;
  /** Lower case, without parameters. */
  readonly responseMediaTypes: ReadonlySet<string>;
  readonly argumentsLimit: number;
  readonly jsonDepthLimit: number;
  /** Bytes of one argument: a longer one is refused, since one step of inspection must stay short. */
  readonly valueLimitBytes: number;
  readonly argumentSeparator: string;
  readonly collectionTimeoutSeconds: number;
}

/** 16 MB: what one request may make the engine hold and read. */
const REQUEST_BODY_LIMIT_BYTES = 16_777_216;
/** 512 KB, ModSecurity's default: answers beyond it are inspected up to here. */
const RESPONSE_BODY_LIMIT_BYTES = 524_288;
/** Each argument is one round of all rules. */
const ARGUMENTS_LIMIT = 4_096;
const JSON_DEPTH_LIMIT = 64;
/**
 * 256 KB. One transformation, scan or test of one value is the smallest piece of work, and may hold the event loop for 5 ms:
 * raised, one value of repeated pieces holds it so much longer.
 */
const VALUE_LIMIT_BYTES = 262_144;

export const DEFAULT_SETTINGS: EngineSettings = {
  engine: "on",
  hasRequestBodyAccess: true,
  hasResponseBodyAccess: true,
  requestBodyLimitBytes: REQUEST_BODY_LIMIT_BYTES,
  noFilesLimitBytes: REQUEST_BODY_LIMIT_BYTES,
  isRequestCut: false,
  responseBodyLimitBytes: RESPONSE_BODY_LIMIT_BYTES,
  isResponseCut: true,
  responseMediaTypes: new Set(["text/plain", "text/html", "text/xml", "application/json"]),
  argumentsLimit: ARGUMENTS_LIMIT,
  jsonDepthLimit: JSON_DEPTH_LIMIT,
  valueLimitBytes: VALUE_LIMIT_BYTES,
  argumentSeparator: "&",
  collectionTimeoutSeconds: 3_600,
};

type Setting = Extract<Directive, { kind: "setting" }>;
type Change = (settings: EngineSettings, args: readonly string[]) => Partial<EngineSettings>;

const first = (args: readonly string[]): string => args[0] ?? "";
const isOn = (args: readonly string[]): boolean => first(args) === "On";

const ENGINE: Readonly<Record<string, EngineMode>> = {
  On: "on",
  Off: "off",
  DetectionOnly: "detectionOnly",
};

/** By canonical directive name; settings that are not here are checked by the parser and change nothing. */
const CHANGES: Readonly<Record<string, Change>> = {
  SecRuleEngine: ({ engine }, args) => ({ engine: ENGINE[first(args)] ?? engine }),
  SecRequestBodyAccess: (_, args) => ({ hasRequestBodyAccess: isOn(args) }),
  SecResponseBodyAccess: (_, args) => ({ hasResponseBodyAccess: isOn(args) }),
  SecRequestBodyLimit: (_, args) => ({ requestBodyLimitBytes: Number(first(args)) }),
  SecRequestBodyNoFilesLimit: (_, args) => ({ noFilesLimitBytes: Number(first(args)) }),
  SecRequestBodyLimitAction: (_, args) => ({ isRequestCut: first(args) === "ProcessPartial" }),
  SecResponseBodyLimit: (_, args) => ({ responseBodyLimitBytes: Number(first(args)) }),
  SecResponseBodyLimitAction: (_, args) => ({ isResponseCut: first(args) === "ProcessPartial" }),
  SecResponseBodyMimeType: (_, args) => ({
    responseMediaTypes: new Set(args.map((type) => type.toLowerCase())),
  }),
  SecResponseBodyMimeTypesClear: () => ({ responseMediaTypes: new Set() }),
  SecArgumentsLimit: (_, args) => ({ argumentsLimit: Number(first(args)) }),
  SecRequestBodyJsonDepthLimit: (_, args) => ({ jsonDepthLimit: Number(first(args)) }),
  SecArgumentSeparator: (_, args) => ({ argumentSeparator: first(args) }),
  SecCollectionTimeout: (_, args) => ({ collectionTimeoutSeconds: Number(first(args)) }),
};

/** Settings of files and logs that this engine keeps elsewhere, or that are always so here. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "SecAuditEngine",
  "SecAuditLogParts",
  "SecAuditLogRelevantStatus",
  "SecAuditLogFormat",
  "SecXmlExternalEntity",
  "SecWebAppId",
  "SecSensorId",
]);

/** What an operator should know: settings that were accepted, mean something to other engines, and change nothing here. */
export function settingWarnings(directives: readonly Setting[]): readonly string[] {
  return directives.flatMap(({ name, args, isIgnored, at }) => {
    const isQuiet = isIgnored || CHANGES[name] !== undefined || ELSEWHERE.has(name);
    return isQuiet || first(args) === "Off" || first(args) === "0"
      ? []
      : [`${at.file}:${at.line}: ${name} has no effect here`];
  });
}

/** The defaults as the directives change them, in order. */
export function settingsOf(directives: readonly Setting[]): EngineSettings {
  return directives.reduce<EngineSettings>((settings, { name, args }) => {
    const change = CHANGES[name];
    return change === undefined ? settings : { ...settings, ...change(settings, args) };
  }, DEFAULT_SETTINGS);
}
