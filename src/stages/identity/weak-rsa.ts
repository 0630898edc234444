/** Tells RSA public keys that must not be trusted: too small, with a bad exponent, or made by the ROCA generator. */
import type { KeyObject } from "node:crypto";

/** RFC 7518 section 3.3: "A key of size 2048 bits or larger MUST be used". */
const MIN_MODULUS_BITS = 2048;
/** Above this a single verification takes milliseconds: a key server could slow the whole gateway. */
const MAX_MODULUS_BITS = 8192;
/** e = 1 makes every message its own signature, and e = 3 has a history of forgeries. Nobody uses anything but F4. */
const MIN_EXPONENT = 65_537n;
const MAX_EXPONENT = 0xffff_ffffn;

/** Why the key is weak, or undefined. */
export function findRsaWeakness(key: KeyObject, modulus: Buffer): string | undefined {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < MIN_MODULUS_BITS) return `RSA key of ${modulusLength} bits`;
  if (modulusLength > MAX_MODULUS_BITS) return `RSA key of ${modulusLength} bits`;
  if (publicExponent < MIN_EXPONENT || publicExponent > MAX_EXPONENT || publicExponent % 2n === 0n)
    return "RSA exponent below 65537, above 2^32 or even";
  return hasRocaFingerprint(BigInt(`0x${modulus.toString("hex")}`)) ? "ROCA modulus" : undefined;
}

/** Odd primes up to 167. */
const PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
  103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/** For each prime, the powers of 65537 modulo it. */
const POWERS: readonly (readonly [bigint, ReadonlySet<number>])[] = PRIMES.map((prime) => {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * 65_537) % prime) powers.add(power);
  return [BigInt(prime), powers];
});

/**
 * CVE-2017-15361: the flawed generator makes primes k*M + (65537^a mod M), so the modulus is a power of 65537 modulo
 * each small prime. A sound key passes all of them with a probability of about 2^-27.
 */
function hasRocaFingerprint(modulus: bigint): boolean {
  return POWERS.every(([prime, powers]) => powers.has(Number(modulus % prime)));
}
