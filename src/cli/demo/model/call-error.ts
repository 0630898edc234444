/** A request that the model server cannot answer: its status and a text for the caller. */
export class CallError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "CallError";
    this.status = status;
  }
}

/** The value as an object with members, or a 400 that names it. */
export function requireObject(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new CallError(400, `${name} must be an object`);
}

/** Refuses members that the protocol does not have: a misspelt one must not be ignored silently. */
export function refuseUnknown(
  value: Record<string, unknown>,
  known: readonly string[],
  name: string,
): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new CallError(400, `${name} has an unknown member "${unknown}"`);
}
