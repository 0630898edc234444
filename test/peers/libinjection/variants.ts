/** Generated values for comparing detectors: whole classes of them, never one that was chosen for its answer. */

/** Every combination of one item of each list, joined. */
const combined = (...lists: readonly (readonly string[])[]): string[] =>
  lists.reduce<string[]>(
    (heads, tails) => heads.flatMap((head) => tails.map((tail) => head + tail)),
    [""],
  );

const mixedCase = (value: string): string =>
  value.replaceAll(/[a-z]/gu, (letter, at: number) =>
    at % 3 === 0 ? letter.toUpperCase() : letter,
  );

/** The common injections: each opener with each way on and each end, in four spellings. */
export function sqliVariants(): string[] {
  const openers = ["1", "-1", "1)", "x'", "'", '"', "')", "x'))"];
  const bodies = [
    " or 1=1",
    " and 2>1",
    " or 'a'='a",
    " or not 1=2",
    " union select 1,2",
    " union all select null,a from b",
    " order by 3",
    " group by a having 1=1",
    " having 1=1",
    " and sleep(5)",
    " or exists(select 1)",
    " and (select 1)=1",
    "; drop table a",
    "; insert into a values (1)",
  ];
  const plain = combined(openers, bodies, ["", "--", " -- -", "#", "/*"]);
  return [
    ...plain,
    ...plain.map(mixedCase),
    ...plain.map((value) => value.replaceAll(" ", "/**/")),
    ...plain.map((value) => value.replaceAll(" ", "\n")),
  ];
}

/** Rarer ways on, many of them not even SQL after every opener: libinjection need not be followed in all of them. */
export function rareSqliVariants(): string[] {
  const openers = ["1", "'", "x'", "')", "1)", '"'];
  const bodies = [
    " and 1",
    " or x=y",
    " like '%",
    " in (1,2)",
    " is null",
    " || 'a",
    " + 'a",
    " and x like 'y'",
    " or (1)",
    " and (1)=(1)",
    " or @@version>1",
    " and user()='a'",
    "; select 1 from t",
    "; declare @a int",
    " limit 1",
    " into outfile '/a'",
    " xor 1=1",
    " and 1=cast((select a) as int)",
    " rlike (select 1)",
    " and if(1=1,sleep(5),0)",
    " and case when 1=1 then 1 end",
    " div 0",
    " && 1=1",
    " or name in ('a','b')",
    " and {d '1'}",
    "+char(65)+'a",
    " where 1=1",
    "='1",
    "|1",
    " or 1 between 0 and 2",
    " and `a`=`a`",
    " or ~1=1",
  ];
  return combined(openers, bodies, [
    "",
    "--",
    "-- ",
    "#",
    "/*",
    " and '1'='1",
    " or ('a'='a",
    " --x",
  ]);
}

/** Injections into pages: out of each place, with each kind of active markup, in three spellings. */
export function xssVariants(): string[] {
  const openers = ["", "x", '">', "'>", "`>", "-->"];
  const bodies = [
    "<script>f()</script>",
    "<img src=x onerror=f()>",
    "<svg/onload=f()>",
    "<a href=javascript:f()>x</a>",
    "<a href='java&#115;cript:f()'>x</a>",
    "<iframe src=//e.example>",
    "<b style='x:y'>",
    "<x onclick = f()>",
    "<object data=x>",
    "<body onload='f()'>",
  ];
  const ways = combined(
    ['"', "'", "`", "x "],
    [" onclick=f()", " style=x", " href=javascript:f()"],
    ["", " x="],
  );
  const plain = [...combined(openers, bodies), ...ways];
  return [...plain, ...plain.map(mixedCase), ...plain.map((value) => value.replaceAll(" ", "\n"))];
}

const BENIGN_WORDS = [
  "tea",
  "5",
  "the",
  "Ann's",
  "a-b",
  "x,",
  "red;",
  "(y)",
  "10%",
  "and",
  "or",
  "from",
  "select",
  "C#",
];
/** Honest scraps: any three of some words, numbers and marks. */
export const phrases = (): string[] =>
  combined(BENIGN_WORDS, [" "], BENIGN_WORDS, [" "], BENIGN_WORDS).map((value) => `${value} here`);
