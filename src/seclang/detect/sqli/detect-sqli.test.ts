/** Injections into every place of a statement, and texts that only look like them. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { detectSqli } from "./detect-sqli.ts";

const ATTACKS: readonly (readonly [string, string])[] = [
  ["an always-true number condition", "1 or 1=1"],
  ["a condition with an operator of words", "1 and 2 like 2"],
  ["a condition with signs for words", "1 || 1=1"],
  ["a condition after a closed parenthesis", "1) or (1=1"],
  ["a condition after a name", "x and 1=1"],
  ["a condition as the rest of a statement", " OR 1=0--"],
  ["strings compared behind a number", "1 or 'a'='a'"],
  ["a negated condition", "1 or not 1=2"],
  ["a way out of single quotes", "' or 1=1"],
  ["a way out of double quotes", '" or 1=1 #'],
  ["a way out of quotes and parentheses", "admin')) or (('1'='1"],
  ["a way out of quotes that closes them again", "1' and '1'='1"],
  ["a way out of quotes with a true constant", "' or true--"],
  ["a way out of quotes after an escaped one", "it\\'s' or 1=1--"],
  ["quotes cut by a comment", "admin'--"],
  ["quotes cut by a hash", "admin'#"],
  ["quotes cut by a comment left open", "admin'/*"],
  ["a number cut by a comment", "1--"],
  ["comments for blanks", "'/**/or/**/1=1"],
  ["an operator between strings", "'='"],
  ["a way out of quotes after an escaped one, without a blank", "foo\\''or'oof"],
  ["a select over a subquery", "SELECT 6229 FROM(SELECT COUNT(*) FROM x)a"],
  ["a comment inside a comment", "1/*a/*b*/c"],
  ["a string comparison by pattern", "' or name like '%"],
  ["a concatenated subquery", "'||(select password from users)||'"],
  ["a union", "1 union select 1,2,3"],
  ["a union of all rows", "-1 UNION ALL SELECT NULL,NULL--"],
  ["a union behind quotes", "' union select name, password from users--"],
  ["a union behind parentheses", "') union (select 1)"],
  ["a union on its own", " UNION SELECT @@version,2"],
  ["a union of everything", "x union select * from users"],
  ["a subquery compared", "1 and (select count(*) from users)>0"],
  ["a case", "1 and case when 1=1 then 1 else 0 end"],
  ["a stacked statement that destroys", "1; drop table users"],
  ["a stacked statement behind quotes", "'; delete from users where 'a'='a"],
  ["a stacked procedure", "'; exec xp_cmdshell('dir')"],
  ["a stacked declaration", "1; declare @x int"],
  ["a stacked shutdown", "'; shutdown--"],
  ["a delay of SQL Server", "1; waitfor delay '0:0:5'"],
  ["a delay without a semicolon", "') waitfor delay '0:0:5'--"],
  ["a delay of MySQL", "1 and sleep(5)"],
  ["a delay of MySQL alone", "sleep(5)"],
  ["a delay of MySQL after an equals sign", "=sleep(5)"],
  ["a delay of MySQL after a sum", "1+sleep(5)"],
  ["a delay of MySQL in quotes", "'+sleep(5)+'"],
  ["a delay of MySQL with a comment before its parenthesis", "1 and sleep/**/(5)"],
  ["a delay of PostgreSQL", "1 or pg_sleep(5)"],
  ["a delay of Oracle", "' and dbms_pipe.receive_message('a',5)='a"],
  ["a computation that delays", "1 or benchmark(3000000,md5(1))"],
  ["an error that tells", "1 and extractvalue(1,concat(0x7e,version()))"],
  ["a file", "load_file('/etc/passwd')"],
  ["letters by number", "char(65,66)"],
  ["an ordering that counts columns", "1 order by 3"],
  ["an ordering on its own, cut", " ORDER BY 5#"],
  ["a group with a condition", "' group by x having 1=1--"],
  ["a condition of a group", "1 having 1=1"],
  ["a range", "' between 1 and 2"],
  ["a condition in parentheses", "1 and (1)=(1)"],
  ["a condition of names in back quotes", "1 and `a`=`a`"],
  ["a condition after a plain operand", "1 or 2 or 'a'='a'"],
  ["a wrapped date", "' and {d '2026-01-01'}='x"],
  ["a file written", "1 into outfile '/a'"],
  ["a filter of its own", "' where 1=1--"],
  ["a number condition that drops the rest", "1) in (1) --x"],
  ["code in a comment of MySQL", "1 /*!50000union*/ select 2"],
  ["a statement of its own", "select a, b from t where x=1"],
  ["a statement that asks for the version", "select version()"],
];

const BENIGN: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["a number", "42"],
  ["a negative number", "-1.5e3"],
  ["a word", "union"],
  ["a name with an apostrophe", "O'Brien"],
  ["two names with apostrophes", "O'Brien and D'Arcy"],
  ["prose with the words of SQL", "select a seat from the union"],
  ["prose with more of them", "Please update the table and drop me a line where you can"],
  ["a committee", "the trade union select committee"],
  ["a short choice", "tea or coffee"],
  ["two numbers", "5 and 6"],
  ["a possessive plural", "the boys' and 3 girls' rooms"],
  ["quoted prose", 'he said "yes or no" and left'],
  ["a contraction", "it's - as they say - 'fine'"],
  ["rock and roll", "rock 'n' roll"],
  ["characters and a comparison", "Tom & Jerry's 5 > 3"],
  ["a sum", "1 + 1 = 2"],
  ["a point of a list", "1) and the other"],
  ["two points of a list", "1) or 2)"],
  ["a product in parentheses", "(1 + 2) * (3 - 4)"],
  ["a choice of three", "tea or coffee or water and 5 biscuits"],
  ["a number in parentheses", "5 and (6)"],
  ["boys and girls", "the boys' and girls and dogs"],
  ["a union of workers", "5 union members"],
  ["an inequality", "1 and x > 3"],
  ["a formula", "2 * max(3, 4) - 1"],
  ["an equation with names", "a and b = c"],
  ["a function call in prose", "use sleep(5) in python"],
  ["a method of another language", "time.sleep(5)"],
  ["a list of strings", "'a', 'b', 'c'"],
  ["a list in Python", "x = ['a', 'b']"],
  ["JSON", '{"a": 1, "b": "c or d", "e": [1, 2, 3]}'],
  ["a mail address", "ann@example.com"],
  ["a handle", "@ann and @bob"],
  ["an address", "https://example.com/a?b=1&c=2#d"],
  ["a date", "2026-11-22T10:00:00Z"],
  ["a phone number", "+49 (0) 30 1234-5678"],
  ["a remark after a number", "5 -- six of them"],
  ["a numbered rank", "the boys' #1 choice"],
  ["a list with semicolons", "red; green; blue"],
  ["a banner", "/*! jquery v3 */"],
  ["a pattern of paths", "src/**/*.ts lib/**/*.js"],
  ["a path", "/usr/share/doc"],
  ["a Markdown heading", "# Order by phone"],
  ["a template", "Hello {name}, you owe {amount}"],
  ["a shell line", "ls -l | grep foo && echo done"],
  ["quoted talk of an attack", "he said 'or 1=1'"],
  ["UTF-8 read as bytes", Buffer.from("Grüße und „Küsse“ – 5 €").toString("latin1")],
];

const SCRAPS =
  "' , \" , ( , ) , ; , -- , # , /* , */ , /*! , 1 , or , and , = , union , select , from , x , sleep( , \\ , ` , @ , @@v , . , 0x1 , not , \0 , order by ".split(
    " ,",
  );

describe("detectSqli", () => {
  test.each(ATTACKS)("finds %s", (_name, value) => {
    const verdict = detectSqli(value);
    expect(verdict.isSqli).toBe(true);
    expect(verdict.fingerprint).toMatch(/^.{1,5}$/u);
  });

  test.each(BENIGN)("lets %s pass", (_name, value) => {
    expect(detectSqli(value)).toEqual({ isSqli: false, fingerprint: "" });
  });

  test.each([
    ["1 or 1=1", "1&1"],
    ["' or sleep(5)--", "s&f(1"],
    ["-1 union all select 1,2", "1UE1"],
    ["admin'--", "sc"],
    ["1; drop table users", "1;Tn"],
  ])("says of %j that it is %s", (value, fingerprint) => {
    expect(detectSqli(value).fingerprint).toBe(fingerprint);
  });

  test("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const verdict = detectSqli(Buffer.from(bytes).toString("latin1"));
        expect(verdict.fingerprint !== "").toBe(verdict.isSqli);
      }),
    );
  });

  test("never throws on scraps of statements", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...SCRAPS), { maxLength: 30 }), (parts) => {
        expect(typeof detectSqli(parts.join("")).isSqli).toBe("boolean");
      }),
    );
  });

  test("finds every attack in any mix of upper and lower case", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ATTACKS),
        fc.infiniteStream(fc.boolean()),
        ([, value], upper) => {
          const mixed = value
            .split("")
            .map((byte) => (upper.next().value ? byte.toUpperCase() : byte));
          expect(detectSqli(mixed.join("")).isSqli).toBe(true);
        },
      ),
    );
  });

  test("finds every attack with any blanks or comments for its blanks", () => {
    const blank = fc.constantFrom(
      "\t",
      "\n",
      "\r",
      "\f",
      "\v",
      "\0",
      "\xa0",
      "  ",
      "/**/ ",
      "/*x*/",
    );
    fc.assert(
      fc.property(fc.constantFrom(...ATTACKS), blank, ([, value], instead) => {
        expect(detectSqli(value.replaceAll(" ", instead)).isSqli).toBe(true);
      }),
    );
  });

  test("finds a way out of quotes after any word", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\w ,.:]{0,40}$/u), (before) => {
        expect(detectSqli(`${before}' or 1=1--`).isSqli).toBe(true);
        expect(detectSqli(`${before}' union select a,b from c--`).isSqli).toBe(true);
      }),
    );
  });

  test.each([
    "'",
    "\\'",
    "\\",
    "''",
    "/*",
    "/**/",
    "--",
    "#",
    "1,",
    "1+",
    "(",
    "not ",
    "or.",
    "-",
    "`",
    "0b1",
    "a.",
    ";",
  ])("reads a long run of %j in one pass", (pump) => {
    // A quadratic pass over a megabyte would outlast the test's time limit many times over.
    expect(typeof detectSqli(pump.repeat(1_000_000 / pump.length)).isSqli).toBe("boolean");
  });
});
