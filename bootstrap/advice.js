/** Problems the bootstrap can explain: what happened, and what to do about it. Never a stack trace. */

/** A failure with advice; run.js prints it and exits with 1. */
export class BootstrapProblem extends Error {
  constructor(message, advice, details = "") {
    super(message);
    this.name = "BootstrapProblem";
    this.advice = advice;
    this.details = details;
  }
}

const REGISTRY_UNREACHABLE =
  "The npm registry cannot be reached. Check the network, and `npm config get registry`, `proxy` and `https-proxy`; then run the same command again.";

/** npm's error codes and what helps; the first row that matches npm's output is shown. */
const NPM_ADVICE = [
  [/process terminated/, "It was interrupted; the next run does it again from the start."],
  [
    /\bEINTEGRITY\b/,
    "A package differs from what package-lock.json pins. Do not go on with it: run `npm cache verify`, try again, and if it stays, tell the maintainers and distrust the registry or proxy in between.",
  ],
  [
    /\b(ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED|FETCH_ERROR)\b/,
    REGISTRY_UNREACHABLE,
  ],
  [
    /\b(SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY_LEAF_SIGNATURE)\b/,
    "The registry's certificate is not trusted here. Behind an inspecting proxy set `npm config set cafile <its CA file>`; do not turn checking off.",
  ],
  [
    /\b(E404|ETARGET)\b/,
    "The registry does not have a package that the lock file pins. Check `npm config get registry`; a mirror may lag behind.",
  ],
  [/\b(E401|E403)\b/, "The registry refused access. Check the login in your .npmrc."],
  [/\bENOSPC\b/, "The disk is full. Make room (about 500 MB) and run the same command again."],
  [
    /\b(EACCES|EPERM|EROFS)\b/,
    "A folder cannot be written. The checkout must belong to you: look at the path above and its owner (files made with sudo are the usual cause).",
  ],
  [
    /\bEUSAGE\b/,
    "package.json and package-lock.json do not fit together. If you changed dependencies: run `npm install --ignore-scripts` with Node 24, then `node bootstrap/prune-lock.js`, and commit both.",
  ],
];

/** What to do when npm said nothing and yet left a package out: nearly always the network. */
export function adviceForMissing(output) {
  return findAdvice(output) ?? REGISTRY_UNREACHABLE;
}

/** What to do when npm failed with this output. */
export function adviceForNpm(output) {
  return findAdvice(output) ?? "Read npm's message above; then run the same command again.";
}

function findAdvice(output) {
  return NPM_ADVICE.find(([pattern]) => pattern.test(output))?.[1];
}
