import { afterEach, describe, expect, test } from "vitest";
import { classifyAddress } from "./address-class.ts";
import { fetchDocument, type FetchOptions, type ReachRules } from "./guarded-fetch.ts";
import { answering, cleanups, cleanUp, startKeyServer } from "./identity-harness.test-support.ts";

afterEach(cleanUp);

const CLOSED: ReachRules = { mayUsePrivate: false, mayUseLoopback: false, plainHttp: "never" };
const LOCAL: ReachRules = { mayUsePrivate: false, mayUseLoopback: true, plainHttp: "loopback" };
const optionsOf = (rules: Partial<ReachRules> = {}, rest: Partial<FetchOptions> = {}) => ({
  rules: { ...LOCAL, ...rules },
  timeoutMs: 300,
  limitBytes: 1_000,
  ca: undefined,
  ...rest,
});

async function start(...parameters: Parameters<typeof startKeyServer>) {
  const server = await startKeyServer(...parameters);
  cleanups.push(() => server.close());
  return server;
}

describe("what kind of place an address is", () => {
  test.each([
    ["93.184.216.34", "public"],
    ["2606:2800:220:1::1", "public"],
    ["127.0.0.1", "loopback"],
    ["127.255.0.1", "loopback"],
    ["::1", "loopback"],
    ["::ffff:127.0.0.1", "loopback"],
    ["10.0.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.168.1.1", "private"],
    ["100.64.0.1", "private"],
    ["::ffff:10.0.0.1", "private"],
    ["fd00::1", "private"],
    ["169.254.169.254", "never"],
    ["::ffff:169.254.169.254", "never"],
    ["fe80::1", "never"],
    ["0.0.0.0", "never"],
    ["::", "never"],
    ["::10.0.0.1", "never"],
    ["64:ff9b::a00:1", "never"],
    ["2002:a00:1::", "never"],
    ["2001:0:1::", "never"],
    ["224.0.0.1", "never"],
    ["255.255.255.255", "never"],
    ["ff02::1", "never"],
    ["localhost", "never"],
    ["", "never"],
  ])("%s is %s", (address, expected) => {
    expect(classifyAddress(address)).toBe(expected);
  });
});

describe("fetching a document", () => {
  test("a whole answer within its limits is had, by name and by address", async () => {
    const server = await start(answering("{}"));
    const byName = server.url.replace("127.0.0.1", "localhost");
    for (const url of [server.url, byName])
      // Long: nothing is said here about a time, and a busy machine may take its own.
      expect((await fetchDocument(url, optionsOf({}, { timeoutMs: 30_000 }))).toString()).toBe(
        "{}",
      );
  });

  test.each<[string, Parameters<typeof startKeyServer>[0], RegExp]>([
    [
      "a redirect",
      (_, response) => void response.writeHead(301, { location: "/b" }).end(),
      /status 301/,
    ],
    ["an error", answering("{}", 404), /status 404/],
    ["another success", answering("", 204), /status 204/],
    ["too many bytes", answering("x".repeat(1_001)), /larger than 1000/],
    [
      "endless bytes",
      (_, response) => {
        const timer = setInterval(() => response.write("x".repeat(100)), 1);
        response.on("close", () => clearInterval(timer));
      },
      /larger than 1000/,
    ],
    [
      "a compressed body",
      (_, response) => void response.writeHead(200, { "content-encoding": "gzip" }).end(),
      /encoded/,
    ],
    ["silence", () => undefined, /no answer in 300 ms/],
    ["a body that never ends", (_, response) => void response.write("{"), /no answer in 300 ms/],
    ["a connection cut off", (request) => void request.socket.destroy(), /hang up|reset/],
  ])("%s is a failure", async (_, answer, why) => {
    const server = await start(answer);
    await expect(fetchDocument(server.url, optionsOf())).rejects.toThrow(why);
    expect(server.asked.get("/")).toBe(1);
  });

  test.each<[string, string, Partial<ReachRules>]>([
    ["plain HTTP at all", "http://127.0.0.1:PORT/", { plainHttp: "never" }],
    ["loopback", "http://127.0.0.1:PORT/", { mayUseLoopback: false }],
    ["loopback by name", "http://localhost:PORT/", { mayUseLoopback: false }],
    ["loopback in another spelling", "http://0x7f.1:PORT/", { mayUseLoopback: false }],
    ["loopback mapped into IPv6", "http://[::ffff:127.0.0.1]:PORT/", { mayUseLoopback: false }],
    ["loopback over HTTPS", "https://127.0.0.1:PORT/", CLOSED],
    [
      "the unspecified address",
      "http://0.0.0.0:PORT/",
      { mayUsePrivate: true, plainHttp: "anywhere" },
    ],
    ["plain HTTP to a private address", "http://10.255.255.1:PORT/", { mayUsePrivate: true }],
    [
      "the metadata service",
      "http://169.254.169.254/",
      { mayUsePrivate: true, plainHttp: "anywhere" },
    ],
  ])("%s is out of reach unless allowed, and nothing is sent", async (_, address, rules) => {
    const server = await start(answering("{}"));
    const url = address.replace("PORT", new URL(server.url).port);
    await expect(fetchDocument(url, optionsOf(rules))).rejects.toThrow(/not allowed/);
    expect(server.asked.size).toBe(0);
  });

  test("a message names the place without query and credentials", async () => {
    const server = await start(answering("", 500));
    const failing = fetchDocument(`${server.url}/keys?token=secret`, optionsOf());
    await expect(failing).rejects.toThrow(`${server.url}/keys: status 500`);
    await expect(fetchDocument(`${server.url}/?token=secret`, optionsOf())).rejects.not.toThrow(
      "secret",
    );
  });
});
