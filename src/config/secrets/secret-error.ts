/** Why a secret or a file could not be had; never with the secret, a token or the body of an answer in it. */
export class SecretError extends Error {
  override readonly name = "SecretError";
  /** What the operator can do about it. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
}
