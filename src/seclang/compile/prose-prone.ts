/**
 * Which rules leave text for a model alone. Data only, from measurement: the 550 prompts of the benign corpus (code, shell,
 * SQL, tables), each alone and joined up to 32 KB, under the Core Rule Sets 3.3.4 and 4.28. A rule is never left out
 * silently elsewhere: arguments that no route declares as prompts are inspected by all.
 */

/**
 * Tags of attack classes whose rules look for words and signs that ordinary text, code and examples hold. Single
 * rules of attack-rce match a third of the prompts, of attack-sqli one in eight, of attack-injection-php, attack-lfi and
 * attack-xss one in fifty or fewer; together they refuse half. The rules of the other classes are made alike.
 */
export const PROSE_PRONE_TAGS: readonly string[] = [
  "attack-rce",
  "attack-sqli",
  "attack-xss",
  "attack-lfi",
  "attack-rfi",
  "attack-ssrf",
  "attack-ssti",
  "attack-nosqli",
  "attack-ldap",
  "attack-xpath",
  "attack-xxe",
  "attack-fixation",
  "attack-injection-generic",
  "attack-injection-java",
  "attack-injection-nodejs",
  "attack-injection-php",
  "attack-deserialisation",
  "attack-prototype-pollution",
  "attack-response-splitting",
  "attack-disclosure",
  "attack-reputation-scanner",
  "attack-limits",
  // The builtin set looks for these two in prompts by rules of its own, without decoding first.
  "attack-jndi",
  "attack-null-byte",
];

/**
 * Rules of the Core Rule Sets whose tags say nothing of it. 920230: per cent signs that look encoded twice; 920272 and
 * 920273: line ends and letters beyond ASCII; 920370: the length of an argument; 921110 to 921200: lines of HTTP, of mail
 * and of filters.
 */
export const PROSE_PRONE_IDS: readonly number[] = [
  920230, 920272, 920273, 920370, 921110, 921120, 921130, 921160, 921200,
];

/** Rules that read prompts in spite of their tags: lookups of log4j, which harm whoever logs the text. */
export const PROSE_SAFE_IDS: readonly number[] = [944150, 944151, 944152];
