/** What a page of the operator's listener answers: whole, small enough to hold, never cached. */

export interface OperatorAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  /** With 405 (RFC 9110 section 15.5.6). Default: GET, HEAD. */
  readonly allow?: string;
}

export const jsonAnswer = (status: number, body: object): OperatorAnswer => ({
  status,
  contentType: "application/json",
  text: `${JSON.stringify(body)}\n`,
});
