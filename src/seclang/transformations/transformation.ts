/** The contract of every transformation. One that throws, waits or keeps state would break the cache that shares results. */

import type { ByteString } from "../byte-string.ts";

/**
 * A pure function from bytes to bytes, in time linear in its input. When nothing applies it returns the very string
 * it was given, so that a caller sees with `===` that there is nothing new to inspect. It never throws: what cannot be
 * decoded stays as it is.
 */
export type Transformation = (value: ByteString) => ByteString;
