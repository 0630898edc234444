/**
 * The grammar of injections: which sequences of token letters leave the place the value was put in and go on as SQL. It
 * must hold shapes only, never a word or a value.
 */

type Shapes = readonly RegExp[];

// One pattern instead of dozens: each value is tried against it up to six times.
const anyOf = (...lists: readonly Shapes[]): RegExp =>
  new RegExp(
    lists
      .flat()
      .map((shape) => shape.source)
      .join("|"),
    "u",
  );

// In every context. `F` is a call nobody makes but to attack, unless a name in front makes it prose or another language.
const ANYWHERE: Shapes = [
  /X/u,
  /(?:^o?|[^no]|[^n]o)F/u,
  // A subquery as an operand: "= (select", "or (select", ", (select".
  /[&o,]\(E/u,
];

// The value stands where a number or a name would.
const BARE: Shapes = [
  // 1 or 1=1; 1) and (2>1; x and 1=1; 1 or sleep(...); 1 or 'a'='a'
  /^[1Cnv]\)?&\(?C/u,
  /^[1C]\)?&\(?[fG]/u,
  /^[1Cnv]\)?&\(?(?:E(?:[^n]|nk)|s[o&]s)/u,
  /^[1C]\)?&\(?s[o&]/u,
  /^[1C]\)?&\(?(?:nos|[1n]oG)/u,
  /^[1C]\)&(?:\(\(|1(?![nks)]))/u,
  // or 1=1 and the like when the host page already gave the operand.
  /^\)?&\(?C(?:[c&)]|$)/u,
  /^\)?&\(?(?:1o)?[FG]/u,
  // 1 union select; x union select a,b from
  /^[1Cvs]?\)?U\(?E(?:[^n]|$)/u,
  /^(?:[1Cvs]\)?|n\))U\(?E/u,
  /^[1C]\)?Uc?$/u,
  /^n?\)?U\(?E(?:[^n]|n[k,(c])/u,
  // 1 or 2 --; 1) + 3#: the comment drops the rest of the statement.
  /^[1C]\)?[&k]\(?[1Cnvs]c/u,
  /^[1C]\)o\(?[1Cnvs]\)?[c&]/u,
  /^[1C]\)?osc/u,
  // Stacked statements.
  /^[1Cnv]?\)?;T/u,
  /^[1Cv]\)?;E(?:[^n1]|1(?!n)|nk)/u,
  /^[1C)]\)?T/u,
  /^T(?:s|\()c?/u,
  // 1 order by 2; order by 5#; 1 having 1=1; 1 group by a having
  /^[1C]\)?B[1CfG(]/u,
  /^[1Cn]?\)?BC/u,
  /^[1C]\)?Bn[Bc]/u,
  /^B1(?:c|,[fFG])/u,
  // A statement of its own.
  /^E(?:(?:o|[1nvs])kn(?:k|U|;|c)|[1nvs]k\(E)/u,
  /^E(?:\(?(?:v|[fG]|C)|\(E)/u,
  /^G/u,
  /^[1Cvs]o\(?G/u,
  // A condition that follows the table's name.
  /^kn?kC/u,
];

// The value began inside quotes, and its first letter is the string it closed.
const QUOTED: Shapes = [
  // ' or 1=1; ') or ('1'='1; ' and f(...; but not: the boys' and 3 girls
  /^s\)?&\(?(?:[vsfGFE(]|C(?!s)|1(?![nks]))/u,
  /^s\)?&\(?n[o(;)c]/u,
  // '='; '+f(...)+'; ' like '%
  /^s\)?o\(?(?:[CvsfGFE(]|1(?![nk]))/u,
  /^s\)?(?:U\(?E|[;]?T|;E)/u,
  /^s\)?;?c$/u,
  /^s\)?B(?:[1CvsfGF(]|n(?:[^n]|$))/u,
  /^s\)?(?:k(?:[sv1C](?!n)|n[kc])|,\(?[fGFE])/u,
];

const BARE_ATTACK = anyOf(ANYWHERE, BARE);
const QUOTED_ATTACK = anyOf(ANYWHERE, QUOTED);

const CUT_NUMBER = /^[1C]\)?c$/u;

/** Whether the fingerprint is that of an injection. */
export function isAttackShape(
  fingerprint: string,
  place: { readonly isQuoted: boolean; readonly endsInLittleComment: boolean },
): boolean {
  // "1--" cuts a statement; "5 -- six" is a remark.
  if (place.endsInLittleComment && CUT_NUMBER.test(fingerprint)) return true;
  return (place.isQuoted ? QUOTED_ATTACK : BARE_ATTACK).test(fingerprint);
}
