/** Certificates for tests: the demo's own authority, made afresh in memory. */
export {
  createDevelopmentCa,
  type DevelopmentCa,
  type IssuedCertificate,
} from "../../src/cli/demo/development-ca.ts";
