/** Issuers as OpenSSL prints them; the escapes were taken from certificates made with it. */
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { commonNameOf } from "./issuer-name.ts";

describe("the common name of an issuer", () => {
  const rows: readonly [name: string, issuer: string, commonName: string | undefined][] = [
    ["alone", "CN=UBL Local CA", "UBL Local CA"],
    ["behind others", "C=US, O=Acme\\, Inc, CN=Cloudflare Edge", "Cloudflare Edge"],
    ["before others", "CN=ca, OU=edge", "ca"],
    ["in one set with another attribute", "O=A + CN=ca, C=US", "ca"],
    ["with an equals sign of its own", "CN=a=b", "a=b"],
    ["with escapes", 'CN=a\\, \\"b\\" \\+ c\\\\', 'a, "b" + c\\'],
    ["beyond ASCII", "CN=Autorité Ç", "Autorité Ç"],
    ["with an escaped space at its end", "CN=ca\\ ", "ca "],
    ["none", "O=Acme, C=US", undefined],
    ["two", "CN=UBL Local CA, CN=other", undefined],
    ["two in one set", "CN=a + CN=b", undefined],
    ["inside another attribute's value", "O=x\\, CN=UBL Local CA", undefined],
    ["with a line break inside", "CN=UBL\\0ALocal", undefined],
    ["empty", "CN=", undefined],
    ["of an empty text", "", undefined],
    ["of a text that is no name", "UBL Local CA", undefined],
    ["cut off in an escape", "CN=a\\", undefined],
    ["another attribute that ends in CN", "XCN=a", undefined],
  ];

  test.each(rows)("%s", (_name, issuer, commonName) => {
    expect(commonNameOf(issuer)).toBe(commonName);
  });

  test("is what was put into a certificate, whatever stands beside it", () => {
    const folder = mkdtempSync(join(tmpdir(), "issuer-"));
    const file = join(folder, "ca.pem");
    const subject = '/C=US/O=Acme, Inc + Sons\\/CN=forged, CN=forged/CN=UBL "Local" CA, é #1';
    const options = "req -x509 -newkey ed25519 -nodes -utf8 -days 1".split(" ");
    const files = ["-keyout", join(folder, "key.pem"), "-out", file];
    execFileSync("openssl", [...options, "-subj", subject, ...files], { stdio: "ignore" });
    const { issuer } = new X509Certificate(readFileSync(file));
    rmSync(folder, { recursive: true });
    expect(commonNameOf(issuer.split("\n").join(", "))).toBe('UBL "Local" CA, é #1');
  });
});
