/**
 * Protocol tests of the Core Rule Set whose requests the gateway's server refuses before any rule sees them, by what it
 * answers: a status, and the code on record where there is a record. 0 is none, because the request is not all there.
 */

type ByAnswer = Readonly<Record<string, string>>;

export interface SocketRefusals {
  /** The test asks for a match or a refusal, and gets one. */
  readonly refused: ByAnswer;
  /** Rules would let the request pass, or say something of it; the server does not take it at all. */
  readonly stricter: ByAnswer;
}

/** Release 3.3.4 as Debian ships it. */
export const CRS_3_REFUSALS: SocketRefusals = {
  refused: {
    "0": "920340-2",
    "400":
      "920100-10 920100-11 920100-12 920100-13 920100-14 920100-15 920100-2 920160-1 920160-2 920160-3 920160-5 921140-1",
    "405": "920100-4 920100-5 920100-6",
    "400 listener.invalid_url":
      "920100-8 920220-1 920220-4 920220-5 920260-1 920260-3 920460-2 920460-3 921120-1 921120-2 921160-1",
    "400 listener.invalid_host": "920280-1",
    "400 listener.malformed_request": "920280-3",
    "413 contract.body_too_large": "920400-1",
    "405 listener.method_refused": "920420-4",
  },
  stricter: {
    // Content-Length and Transfer-Encoding at once: RFC 9112 section 6.1 lets a server refuse what may be smuggling.
    "400": "920181-1",
    // `OPTIONS *`, a fragment, escapes of bytes that are no UTF-8, `%u`, back slashes: no canonical URL has them.
    "400 listener.invalid_url": "920100-3 920100-7 920220-2 920260-2 920460-4 920460-5",
    // HTTP/2.0 in a request line of HTTP/1.
    "400 listener.malformed_request": "920180-4",
    // `localhost%00`.
    "400 listener.invalid_host": "920240-2",
  },
};

/** Release 4.28.0. */
export const CRS_4_REFUSALS: SocketRefusals = {
  refused: {
    "400":
      "920100-10 920100-11 920100-12 920100-13 920100-14 920100-15 920100-2 920160-1 920160-2 920160-3 920160-5 921140-1",
    "405": "920100-5",
    "400 listener.invalid_url":
      "920100-16 920100-8 920260-1 920260-3 920460-2 920460-3 921120-1 921120-2 921160-1",
    "400 listener.invalid_host": "920280-1",
    "400 listener.malformed_request": "920280-3",
    "405 listener.method_refused": "920420-4",
  },
  stricter: {
    "400": "920181-1",
    // CONNECT: the gateway is no tunnel.
    "405": "920100-4 920100-6 920300-3",
    "400 listener.invalid_url": "920100-3 920100-7 920260-2 920300-2 920460-4 920460-5",
    "400 listener.malformed_request": "920180-4",
    // Two Content-Type fields.
    "400 listener.invalid_header": "920620-1",
  },
};
