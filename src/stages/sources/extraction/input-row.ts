/**
 * Reads the inputs of a request's JSON as rows of fields: hashes under a secret of this process, and numbers to compare
 * with the next row. Nothing of a row outlives the profile that compares it; nothing of it is ever written anywhere.
 */
import { randomInt } from "node:crypto";

/** Fields compared; further ones count together as one. */
export const MAX_FIELDS = 48;
/** An input of more values is no row of features: it is a picture or a text in numbers, and is not compared. */
const MAX_ROW_VALUES = 512;
/** Values, lists and objects looked at of one input, and after which no further one is: some 100 us. */
const MAX_LOOKS = 2_048;
/** Rows of a batch that are looked at: neighbours, from a place that nobody can know. */
const MAX_ROWS = 32;
const MAX_DEPTH = 16;
/** Characters of a text that are read, evenly over its length. */
const TEXT_CHARS = 64;
const DAY_MS = 86_400_000;
/** A number below is no time since 1970. */
const LEAST_TIME = 1_000_000_000;

// Unknown outside, so that nobody can choose inputs that look the same.
const SEED = randomInt(2 ** 31);

/** One input. Fields are in the order of the body. Hashes are signed: then none of them needs memory of its own. */
export class InputRow {
  /** Fields that are compared. */
  count = 0;
  /** Fields there are; reading ends when there are too many. */
  values = 0;
  /** All that was looked at, also what is no field: empty lists and times of now are quickly written, too. */
  looks = 0;
  /** Lists and objects around the value that is read. */
  depth = 0;
  /** Which fields there are. */
  shape = SEED;
  /** All fields with their values; a field's own part is taken out of it by exclusive or. */
  total = 0;
  readonly ids: Int32Array = new Int32Array(MAX_FIELDS);
  /** A field with its value. */
  readonly parts: Int32Array = new Int32Array(MAX_FIELDS);
  /** NaN for what is no number. */
  readonly numbers: Float64Array = new Float64Array(MAX_FIELDS);

  get isTooLarge(): boolean {
    return this.values > MAX_ROW_VALUES || this.looks > MAX_LOOKS;
  }

  clear(): void {
    this.count = 0;
    this.values = 0;
    this.looks = 0;
    this.depth = 0;
    this.shape = SEED;
    this.total = 0;
  }

  add(id: number, part: number, value: number): void {
    this.total ^= part;
    this.shape = mixed(this.shape, id);
    this.values++;
    if (this.count === MAX_FIELDS) return;
    this.ids[this.count] = id;
    this.parts[this.count] = part;
    this.numbers[this.count++] = value;
  }
}

export interface RowSettings {
  /** Names of fields that are left out. */
  readonly ignore: ReadonlySet<string>;
  readonly nowMs: number;
}

// One for all requests: a row is read, compared and done with before anything else runs.
const ROW = new InputRow();

/** Calls `visit` for each input in turn. The row is only good during the call. */
export function readRows(
  json: unknown,
  settings: RowSettings,
  visit: (row: InputRow) => void,
): void {
  const rows = batchOf(json);
  const start = rows.length > MAX_ROWS ? randomInt(rows.length - MAX_ROWS + 1) : 0;
  let looks = 0;
  for (const row of rows.slice(start, start + MAX_ROWS)) {
    ROW.clear();
    addValue(row, SEED, settings);
    if (ROW.count > 0 && !ROW.isTooLarge) visit(ROW);
    looks += ROW.looks;
    if (looks > MAX_LOOKS) return;
  }
}

/** The inputs of a batch: an array, or the only array of an object; tensors of the Open Inference Protocol are one input. */
function batchOf(json: unknown): readonly unknown[] {
  if (Array.isArray(json)) return json.every(isComposite) && json.length > 0 ? json : [json];
  if (typeof json !== "object" || json === null) return [json];
  const lists = Object.values(json).filter(Array.isArray);
  const [list = []] = lists;
  const isBatch = lists.length === 1 && list.length > 1 && list.every(isComposite);
  return isBatch && !list.some(isTensor) ? list : [json];
}

const isComposite = (value: unknown): boolean => typeof value === "object" && value !== null;

const isTensor = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "datatype" in value;

/** `id` names the place of the value in the input. */
function addValue(value: unknown, id: number, settings: RowSettings): void {
  if (ROW.isTooLarge) return;
  ROW.looks++;
  if (typeof value === "object" && value !== null) {
    if (ROW.depth >= MAX_DEPTH) return;
    ROW.depth++;
    if (Array.isArray(value)) addElements(value, id, settings);
    else addMembers(value as Record<string, unknown>, id, settings);
    ROW.depth--;
    return;
  }
  if (typeof value === "number") {
    if (!isNow(value, settings.nowMs)) ROW.add(id, mixed(id, numberHash(value)), value);
  } else if (typeof value !== "string") ROW.add(id, mixed(id, value ? 3 : 5), NaN);
  else if (!isTimeText(value)) ROW.add(id, mixed(id, textHash(value)), NaN);
}

function addElements(list: readonly unknown[], id: number, settings: RowSettings): void {
  for (let i = 0; i < list.length && !ROW.isTooLarge; i++)
    addValue(list[i], mixed(id, i + 1), settings);
}

function addMembers(
  members: Readonly<Record<string, unknown>>,
  id: number,
  settings: RowSettings,
): void {
  const { ignore } = settings;
  // What a JSON parser made has no members but its own.
  for (const name in members) {
    if (ROW.isTooLarge) return;
    if (ignore.size > 0 && ignore.has(name)) continue;
    addValue(members[name], mixed(id, nameHash(name)), settings);
  }
}

/** Whether a number is the time of about now in seconds, milliseconds, microseconds or nanoseconds. */
function isNow(value: number, nowMs: number): boolean {
  if (value < LEAST_TIME) return false;
  const unit = value < 1e11 ? 1e3 : value < 1e14 ? 1 : value < 1e17 ? 1e-3 : 1e-6;
  return Math.abs(value * unit - nowMs) < DAY_MS;
}

/** Date and time as in RFC 3339; a date alone may well be an input. */
const isTimeText = (text: string): boolean =>
  text.length >= 19 && text.length <= 40 && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text);

const FLOATS = new Float64Array(1);
const HALVES = new Int32Array(FLOATS.buffer);

function numberHash(value: number): number {
  FLOATS[0] = value;
  return mixed(HALVES[0] as number, HALVES[1] as number);
}

const NAMES = new Map<string, number>();
const MAX_NAMES = 4_096;
/** A name of a caller's own may be as long as its body: kept, a few thousand would fill the memory. */
const MAX_KEPT_NAME_CHARS = 64;

/** Names of fields are the same in every request. */
function nameHash(name: string): number {
  const known = NAMES.get(name);
  if (known !== undefined) return known;
  const hash = textHash(name);
  if (name.length <= MAX_KEPT_NAME_CHARS && NAMES.size < MAX_NAMES) NAMES.set(name, hash);
  return hash;
}

function textHash(text: string): number {
  let hash = SEED ^ text.length;
  const stride = Math.max(1, Math.floor(text.length / TEXT_CHARS));
  for (let i = 0; i < text.length; i += stride)
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** Two numbers of 32 bits to one, every bit of which depends on all of theirs. */
export function mixed(a: number, b: number): number {
  let hash = Math.imul(a ^ SEED, 0x85ebca6b) ^ b;
  hash = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 13), 0x27d4eb2f);
  return hash ^ (hash >>> 16);
}
