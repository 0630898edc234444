/**
 * Whether 32 bytes are a public key that only the holder of a private key can sign for (RFC 8032 section 5.1.3). It must
 * never let through a key under which anybody's signature verifies: Node 22 takes those without a word, Node 24 does not.
 */

/** The field's prime, 2^255 - 19. */
const P = (1n << 255n) - 19n;

/** Of the curve -x^2 + y^2 = 1 + d x^2 y^2. */
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** The sign of x is the highest bit; the rest is y. */
const Y_BITS = (1n << 255n) - 1n;

export function isUsablePoint(bytes: Uint8Array): boolean {
  const y = BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`) & Y_BITS;
  // A y beyond the prime is a second text of a key: it would count as another one.
  if (y >= P) return false;
  const square = (y * y) % P;
  return !isOfSmallOrder(square) && hasX(square);
}

/**
 * Of points whose order divides 8: whoever has such a key has no secret, and others can sign for it. Their y^2 is 1 for
 * order 1 and 2, 0 for order 4; twice a point has a y of 0 where x^2 = -y^2, with the curve: d y^4 + 2 y^2 = 1.
 */
function isOfSmallOrder(square: bigint): boolean {
  return square <= 1n || (D * square * square + 2n * square) % P === 1n;
}

/** x^2 = (y^2 - 1) / (d y^2 + 1) has a solution when the product of both sides of the bar is a square (Euler). */
function hasX(square: bigint): boolean {
  return power((square - 1n) * (D * square + 1n), (P - 1n) / 2n) === 1n;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let factor = base % P, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * factor) % P;
    factor = (factor * factor) % P;
  }
  return result;
}
