/** Bodies of up to 1 MB: many fields, one value, prose, repeated pieces, in each format. */
import { prose } from "./prose.ts";
import { randomFor } from "./requests.ts";

export interface LargeBody {
  readonly name: string;
  readonly type: string;
  readonly body: Uint8Array;
}

const MEGABYTE = 1_048_576;
/** As many as rules may have to look at. */
const FIELDS = 4_000;
/** As many as a body may have. */
const PARTS = 250;
/** As long as one value may be. */
const VALUE_BYTES = 250_000;
const PUMPS = ["a=", "<a href=", "\\u0041", "/**/", "' or 1=1 -- ", "%0"];

const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";

export function largeBodies(): LargeBody[] {
  const text = prose(MEGABYTE, randomFor(1)).replace(/[^ !#-[\]-~]/g, "");
  const of = (name: string, type: string, body: string): LargeBody => ({
    name,
    type,
    body: Buffer.from(body.slice(0, MEGABYTE), "latin1"),
  });
  const words = text.split(" ");
  const value = (i: number): string =>
    words
      .slice(i * 20, i * 20 + 30)
      .join(" ")
      .slice(0, 130);
  const many = (each: (i: number) => string, separator: string): string =>
    Array.from({ length: FIELDS }, (_, i) => each(i)).join(separator);
  const part = (i: number): string =>
    `--xyz\r\nContent-Disposition: form-data; name="f${i}"\r\n\r\n${value(i)}\r\n`;
  const long = text.slice(0, VALUE_BYTES);
  return [
    of("JSON, many fields", JSON_TYPE, `{${many((i) => `"f${i}":"${value(i)}"`, ",")}}`),
    of(
      "JSON, many attacks",
      JSON_TYPE,
      `{${many((i) => `"f${i}":"' or ${i}=${i} -- <script>"`, ",")}}`,
    ),
    of(
      "JSON, numbers",
      JSON_TYPE,
      `[${many((i) => `[${i},0.5,1e3,${i}.25]`, ",").slice(0, 9_000)}0]]`,
    ),
    of(
      "form, many fields",
      FORM_TYPE,
      many((i) => `f${i}=${encodeURIComponent(value(i))}`, "&"),
    ),
    of(
      "XML, many elements",
      "text/xml",
      `<r>${many((i) => `<e a="${i}">${value(i).replace(/[<&]/g, "").slice(0, 50)}</e>`, "")}</r>`,
    ),
    of(
      "multipart, many parts",
      "multipart/form-data; boundary=xyz",
      `${Array.from({ length: PARTS }, (_, i) => part(i)).join("")}--xyz--\r\n`,
    ),
    of("JSON, one value of prose", JSON_TYPE, JSON.stringify({ text: long })),
    of(
      "JSON, four values of prose",
      JSON_TYPE,
      JSON.stringify({ a: long, b: long, c: long, d: long }),
    ),
    of("form, one value of prose", FORM_TYPE, `a=${encodeURIComponent(text.slice(0, 200_000))}`),
    of("XML, one text", "text/xml", `<a>${long.replace(/[<&]/g, "")}</a>`),
    of("plain text", "text/plain", text),
    ...PUMPS.map((pump) =>
      of(
        `JSON, one value of ${JSON.stringify(pump)}`,
        JSON_TYPE,
        JSON.stringify({ text: pump.repeat(Math.floor(VALUE_BYTES / pump.length)) }),
      ),
    ),
  ];
}
