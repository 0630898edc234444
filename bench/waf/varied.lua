-- For wrk: posts the bodies of a file in turn, one a line, so that no request is like those before it. BODIES names the
-- file, HEADERS the other header fields ("name: value" lines). Ends with one line of JSON.
local bodies = {}
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
local at = math.random(#bodies)

local headers = {
  ["Content-Type"] = "application/json",
  ["Accept"] = "application/json",
  ["User-Agent"] = "retail-client/1.4.2",
}
for name, value in string.gmatch(os.getenv("HEADERS") or "", "([^\n:]+):%s*([^\n]+)") do
  headers[name] = value
end

function request()
  at = at % #bodies + 1
  headers["X-Request-Id"] = string.format("%08x-%08x", math.random(0, 2 ^ 31 - 1), math.random(0, 2 ^ 31 - 1))
  return wrk.format("POST", nil, headers, bodies[at])
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"p50Us":%d,"p99Us":%d,"bad":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    errors.status + errors.read + errors.write + errors.timeout + errors.connect))
end
