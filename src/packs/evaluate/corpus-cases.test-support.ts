/**
 * Requests to the real packs and what must come of them, worked out on paper from the packs' text. Each row is a base, what
 * is changed in it (`-name` takes a field away), and the outcome. Lines with # say why.
 */

export const BASES: Readonly<Record<string, string>> = {
  // Nothing but what the gateway always knows.
  stranger: "panic=false",
  citizen:
    "tls=1.3, verified=true, issuer=UBL Local CA, method=access-passkey, rp=app.ubl.agency, groups=staff, path=/core/x, rate=true, panic=false",
  operator:
    "tls=1.3, verified=true, issuer=UBL Local CA, method=access-passkey, rp=app.ubl.agency, groups=ubl-ops, path=/admin/ping, rate=true, panic=false",
  partner: "rate=true, webhook=true, path=/webhooks/x, panic=false",
};

/** Output, wire, and the failed bit with its value behind it where there is one. */
export const OUTCOMES: Readonly<Record<string, string>> = {
  ADMIN: "allow_admin_write 200 W_Admin_Path_And_Role",
  STANDARD: "allow_standard_access 200 W_ZeroTrust_Standard",
  WEBHOOK: "allow_webhook 204 W_Webhook_Trusted",
  WARMUP: "allow_public_warmup 200 W_Public_Warmup",
  DENY: "deny_invalid_access 403 W_ZeroTrust_Standard",
  RATE: "deny_rate_limit 429 P_Rate_Bucket_OK P_Rate_Bucket_OK",
};

export const V1_CASES = `
citizen  |                                   | STANDARD
operator |                                   | ADMIN
# Nothing of the three bits is known; the first in order is named.
stranger |                                   | DENY P_Transport_Secure undefined
partner  |                                   | DENY P_Transport_Secure undefined

# P_Transport_Secure: tls_version >= 1.3
citizen  | tls=1.2                           | DENY P_Transport_Secure false
citizen  | tls=1.29                          | DENY P_Transport_Secure false
citizen  | tls=1.0                           | DENY P_Transport_Secure false
citizen  | tls=0                             | DENY P_Transport_Secure false
citizen  | tls=-1.3                          | DENY P_Transport_Secure false
citizen  | tls=1.31                          | STANDARD
citizen  | tls=1.4                           | STANDARD
citizen  | tls=2                             | STANDARD
citizen  | tls=13                            | STANDARD
citizen  | -tls                              | DENY P_Transport_Secure undefined
operator | tls=1.2                           | DENY P_Transport_Secure false
operator | -tls                              | DENY P_Transport_Secure undefined
operator | tls=2                             | ADMIN

# P_Device_Identity: verified AND (issuer is one of two)
citizen  | issuer=Cloudflare Edge            | STANDARD
operator | issuer=Cloudflare Edge            | ADMIN
citizen  | verified=false                    | DENY P_Device_Identity false
operator | verified=false                    | DENY P_Device_Identity false
citizen  | issuer=cloudflare edge            | DENY P_Device_Identity false
citizen  | issuer=UBL Local CA 2             | DENY P_Device_Identity false
citizen  | issuer=UBL                        | DENY P_Device_Identity false
citizen  | issuer=                           | DENY P_Device_Identity false
operator | issuer=Rogue CA                   | DENY P_Device_Identity false
# Not known whether verified, but by a good issuer: not known.
citizen  | -verified                         | DENY P_Device_Identity undefined
operator | -verified                         | DENY P_Device_Identity undefined
# Not known whether verified, and by a bad issuer: false whatever the other is.
citizen  | -verified, issuer=Rogue CA        | DENY P_Device_Identity false
# Verified by somebody: neither comparison of the issuer is known, so neither is their OR.
citizen  | -issuer                           | DENY P_Device_Identity undefined
operator | -issuer                           | DENY P_Device_Identity undefined
# Not verified, by whomever.
citizen  | verified=false, -issuer           | DENY P_Device_Identity false
citizen  | verified=false, issuer=Rogue CA   | DENY P_Device_Identity false
citizen  | -verified, -issuer                | DENY P_Device_Identity undefined

# P_User_Passkey: method is one of two AND rp_id
citizen  | method=webauthn                   | STANDARD
operator | method=webauthn                   | ADMIN
citizen  | method=jwt                        | DENY P_User_Passkey false
citizen  | method=api_key                    | DENY P_User_Passkey false
citizen  | method=mtls                       | DENY P_User_Passkey false
citizen  | method=anonymous                  | DENY P_User_Passkey false
citizen  | method=WebAuthn                   | DENY P_User_Passkey false
citizen  | method=passkey                    | DENY P_User_Passkey false
citizen  | method=                           | DENY P_User_Passkey false
operator | method=jwt                        | DENY P_User_Passkey false
citizen  | rp=ubl.agency                     | DENY P_User_Passkey false
citizen  | rp=app.ubl.agency.evil.example    | DENY P_User_Passkey false
citizen  | rp=APP.UBL.AGENCY                 | DENY P_User_Passkey false
citizen  | rp=                               | DENY P_User_Passkey false
operator | rp=app.ubl.agency.                | DENY P_User_Passkey false
citizen  | -method                           | DENY P_User_Passkey undefined
citizen  | -rp                               | DENY P_User_Passkey undefined
operator | -rp                               | DENY P_User_Passkey undefined
citizen  | -method, -rp                      | DENY P_User_Passkey undefined
# One side false decides, known or not what the other is.
citizen  | -method, rp=ubl.agency            | DENY P_User_Passkey false
citizen  | method=jwt, -rp                   | DENY P_User_Passkey false
citizen  | method=jwt, rp=ubl.agency         | DENY P_User_Passkey false

# Several bits fail: the first in the wire's order is named, even where a later one is what makes the wire false.
citizen  | tls=1.2, verified=false           | DENY P_Transport_Secure false
citizen  | tls=1.2, -verified                | DENY P_Transport_Secure false
citizen  | -tls, verified=false              | DENY P_Transport_Secure undefined
citizen  | -tls, method=jwt                  | DENY P_Transport_Secure undefined
citizen  | verified=false, method=jwt        | DENY P_Device_Identity false
citizen  | -verified, method=jwt             | DENY P_Device_Identity undefined
citizen  | -verified, -method                | DENY P_Device_Identity undefined
citizen  | verified=false, -method           | DENY P_Device_Identity false
citizen  | tls=1.2, verified=false, -rp      | DENY P_Transport_Secure false
operator | -tls, -verified, -method          | DENY P_Transport_Secure undefined

# P_Role_Admin: the group is in the list. Without it, or without a list, the path is walked as a citizen.
operator | groups=staff                      | STANDARD
operator | groups=                           | STANDARD
operator | -groups                           | STANDARD
operator | groups=UBL-OPS                    | STANDARD
operator | groups=ubl-ops-2                  | STANDARD
operator | groups=ubl                        | STANDARD
operator | groups=staff ubl-ops              | ADMIN
operator | groups=ubl-ops staff night        | ADMIN

# P_Is_Admin_Path: begins with /admin/
operator | path=/admin/                      | ADMIN
operator | path=/admin/a/b?c                 | ADMIN
operator | path=/admin//                     | ADMIN
operator | path=/admin                       | STANDARD
operator | path=/admins/ping                 | STANDARD
operator | path=/Admin/ping                  | STANDARD
operator | path=//admin/ping                 | STANDARD
operator | path=/core/admin/                 | STANDARD
operator | path=admin/ping                   | STANDARD
operator | path=/                            | STANDARD
operator | path=                             | STANDARD
operator | -path                             | STANDARD
operator | -path, -groups                    | STANDARD
citizen  | path=/admin/ping                  | STANDARD
citizen  | groups=ubl-ops                    | STANDARD
citizen  | groups=ubl-ops, path=/admin/x     | ADMIN

# This pack does not ask for the rate, a webhook or an old token.
citizen  | rate=false                        | STANDARD
citizen  | -rate                             | STANDARD
operator | rate=false                        | ADMIN
citizen  | webhook=true                      | STANDARD
partner  | tls=1.3                           | DENY P_Device_Identity undefined
stranger | legacy=true, legacy_until=9999999 | DENY P_Transport_Secure undefined

# W_Emergency_Override is no output's trigger: panic changes nothing.
stranger | panic=true                        | DENY P_Transport_Secure undefined
citizen  | panic=true                        | STANDARD
citizen  | panic=true, tls=1.2               | DENY P_Transport_Secure false
operator | panic=true                        | ADMIN
operator | -panic                            | ADMIN
citizen  | -panic                            | STANDARD

# A stranger who proves one thing after the other.
stranger | tls=1.3                           | DENY P_Device_Identity undefined
stranger | tls=1.3, verified=true            | DENY P_Device_Identity undefined
stranger | tls=1.3, issuer=UBL Local CA      | DENY P_Device_Identity undefined
stranger | tls=1.3, verified=true, issuer=UBL Local CA | DENY P_User_Passkey undefined
stranger | tls=1.3, verified=true, issuer=UBL Local CA, method=webauthn | DENY P_User_Passkey undefined
stranger | tls=1.3, verified=true, issuer=UBL Local CA, method=webauthn, rp=app.ubl.agency | STANDARD
stranger | groups=ubl-ops, path=/admin/ping  | DENY P_Transport_Secure undefined
`;

export const V3_CASES = `
citizen  |                                   | STANDARD
operator |                                   | ADMIN
partner  |                                   | WEBHOOK
# The first output asks for the rate, and denies unless it is known to be right.
stranger |                                   | RATE undefined
stranger | rate=false                        | RATE false
citizen  | rate=false                        | RATE false
citizen  | -rate                             | RATE undefined
operator | rate=false                        | RATE false
operator | -rate                             | RATE undefined
partner  | rate=false                        | RATE false
partner  | -rate                             | RATE undefined
# It stands before everything: nothing else matters then.
citizen  | rate=false, tls=1.2               | RATE false
citizen  | rate=false, -tls                  | RATE false
citizen  | -rate, verified=false             | RATE undefined
operator | rate=false, panic=true            | RATE false
operator | -rate, panic=true                 | RATE undefined
partner  | rate=false, panic=true            | RATE false
stranger | panic=true                        | RATE undefined
stranger | webhook=true                      | RATE undefined
stranger | legacy=true, legacy_until=9999999 | RATE undefined
stranger | groups=ubl-ops, path=/admin/ping  | RATE undefined

# The empty wire W_Public_Warmup is true of every request: whoever is within the rate comes in.
stranger | rate=true                         | WARMUP
stranger | rate=true, -panic                 | WARMUP
stranger | rate=true, panic=true             | WARMUP
stranger | rate=true, path=/admin/ping       | WARMUP
stranger | rate=true, path=/admin/ping, groups=ubl-ops | WARMUP

# P_Transport_Secure
citizen  | tls=1.2                           | WARMUP
citizen  | tls=1.29                          | WARMUP
citizen  | tls=0                             | WARMUP
citizen  | tls=-2                            | WARMUP
citizen  | -tls                              | WARMUP
citizen  | tls=1.31                          | STANDARD
citizen  | tls=2                             | STANDARD
operator | tls=1.2                           | WARMUP
operator | -tls                              | WARMUP
operator | tls=1.4                           | ADMIN

# P_Device_Identity
citizen  | issuer=Cloudflare Edge            | STANDARD
operator | issuer=Cloudflare Edge            | ADMIN
citizen  | issuer=Cloudflare Edge 2          | WARMUP
citizen  | issuer=ubl local ca               | WARMUP
citizen  | issuer=                           | WARMUP
citizen  | -issuer                           | WARMUP
citizen  | verified=false                    | WARMUP
citizen  | -verified                         | WARMUP
citizen  | -verified, -issuer                | WARMUP
citizen  | -verified, issuer=Rogue CA        | WARMUP
operator | verified=false                    | WARMUP
operator | -verified                         | WARMUP
operator | -issuer                           | WARMUP
operator | issuer=Rogue CA                   | WARMUP

# P_User_Passkey
citizen  | method=webauthn                   | STANDARD
operator | method=webauthn                   | ADMIN
citizen  | method=jwt                        | WARMUP
citizen  | method=api_key                    | WARMUP
citizen  | method=mtls                       | WARMUP
citizen  | method=anonymous                  | WARMUP
citizen  | method=Access-Passkey             | WARMUP
citizen  | -method                           | WARMUP
citizen  | rp=ubl.agency                     | WARMUP
citizen  | rp=app.ubl.agency.evil.example    | WARMUP
citizen  | -rp                               | WARMUP
citizen  | -method, -rp                      | WARMUP
citizen  | method=jwt, -rp                   | WARMUP
operator | method=jwt                        | WARMUP
operator | rp=evil.example                   | WARMUP
operator | -method                           | WARMUP

# P_Role_Admin and P_Is_Admin_Path
operator | groups=staff                      | STANDARD
operator | groups=                           | STANDARD
operator | -groups                           | STANDARD
operator | groups=UBL-OPS                    | STANDARD
operator | groups=ubl-ops2                   | STANDARD
operator | groups=a b ubl-ops                | ADMIN
operator | path=/admin/                      | ADMIN
operator | path=/admin/users/7               | ADMIN
operator | path=/admin                       | STANDARD
operator | path=/administration/             | STANDARD
operator | path=/ADMIN/ping                  | STANDARD
operator | path=/x/admin/ping                | STANDARD
operator | path=                             | STANDARD
operator | -path                             | STANDARD
citizen  | path=/admin/ping                  | STANDARD
citizen  | groups=ubl-ops                    | STANDARD
citizen  | groups=ubl-ops, path=/admin/ping  | ADMIN
citizen  | -groups, -path                    | STANDARD

# W_Webhook_Trusted stands behind the administrators and before everybody else.
partner  | webhook=false                     | WARMUP
partner  | -webhook                          | WARMUP
partner  | -path                             | WEBHOOK
partner  | path=/admin/ping                  | WEBHOOK
partner  | tls=1.2                           | WEBHOOK
partner  | verified=false                    | WEBHOOK
partner  | panic=true                        | WEBHOOK
citizen  | webhook=true                      | WEBHOOK
citizen  | webhook=false                     | STANDARD
citizen  | webhook=true, tls=1.2             | WEBHOOK
citizen  | webhook=true, -verified           | WEBHOOK
operator | webhook=true                      | ADMIN
operator | webhook=false                     | ADMIN
operator | webhook=true, tls=1.2             | WEBHOOK
operator | webhook=true, groups=staff        | WEBHOOK
operator | webhook=true, path=/core/x        | WEBHOOK
operator | webhook=true, rate=false          | RATE false

# P_Legacy_JWT and P_Circuit_Breaker are in no wire that an output asks for.
citizen  | legacy=true, legacy_until=9999999 | STANDARD
citizen  | legacy=false                      | STANDARD
citizen  | tls=1.2, legacy=true, legacy_until=9999999 | WARMUP
stranger | rate=true, legacy=true, legacy_until=1 | WARMUP
citizen  | panic=true                        | STANDARD
citizen  | panic=true, tls=1.2               | WARMUP
operator | panic=true                        | ADMIN
operator | -panic                            | ADMIN
citizen  | -panic                            | STANDARD

# A stranger within the rate who proves one thing after the other.
stranger | rate=true, tls=1.3                | WARMUP
stranger | rate=true, tls=1.3, verified=true, issuer=Cloudflare Edge | WARMUP
stranger | rate=true, tls=1.3, verified=true, issuer=Cloudflare Edge, method=webauthn | WARMUP
stranger | rate=true, tls=1.3, verified=true, issuer=Cloudflare Edge, method=webauthn, rp=app.ubl.agency | STANDARD
stranger | rate=true, tls=1.3, verified=true, issuer=Cloudflare Edge, method=webauthn, rp=app.ubl.agency, groups=ubl-ops | STANDARD
stranger | rate=true, tls=1.3, verified=true, issuer=Cloudflare Edge, method=webauthn, rp=app.ubl.agency, groups=ubl-ops, path=/admin/ | ADMIN

# Fields that this pack does not read.
citizen  | origin=https://evil.example       | STANDARD
citizen  | user=ubl-ops                      | STANDARD
citizen  | tenant=ubl-ops, scopes=ubl-ops    | STANDARD
`;

/** Short names of the fields in the rows. */
export const SHORT_NAMES = {
  tls: "context.transport.tls_version",
  verified: "context.mtls.verified",
  issuer: "context.mtls.issuer",
  method: "context.auth.method",
  rp: "context.auth.rp_id",
  user: "context.user.id",
  groups: "context.user.groups",
  path: "context.req.path",
  tenant: "context.tenant",
  scopes: "context.scopes",
  rate: "context.rate.ok",
  webhook: "context.webhook.verified",
  legacy: "context.legacy_jwt.valid",
  legacy_until: "context.legacy_jwt.expires_at",
  origin: "context.origin",
  panic: "system.panic_mode",
} as const;
