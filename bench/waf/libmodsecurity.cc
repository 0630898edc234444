// The yardstick: libmodsecurity in a process of its own, fed with the requests that our engine is fed with. It measures
// the CPU time of each transaction and says which rules matched; it opens no socket and writes nothing but its answers.
//
//   libmodsecurity RULES_FILE      then, line by line on standard input:
//     measure FILE                 runs each request of the file once
//     match FILE                   says for each request which rules logged, in order, and with which status it was refused
//
// Each answer is one line of JSON. A file of requests is a run of fields, each `LENGTH:BYTES`: method, target, version
// (`1.1`), number of headers, name and value of each, body.
#include <modsecurity/modsecurity.h>
#include <modsecurity/rule_message.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace {

struct Request {
  std::string method, target, version, body;
  std::vector<std::pair<std::string, std::string>> headers;
};

struct Outcome {
  std::vector<long> rules;
  int status = 0;  // 0: may pass
};

double cpu_micros() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

long resident_kib() {
  std::ifstream statm("/proc/self/statm");
  long pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * 4;
}

[[noreturn]] void fail(const std::string &why) {
  std::cerr << "libmodsecurity: " << why << std::endl;
  std::exit(1);
}

class Reader {
 public:
  explicit Reader(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) fail("cannot read " + path);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
  }
  bool at_end() const { return at_ == bytes_.size(); }
  std::string field() {
    size_t colon = bytes_.find(':', at_);
    if (colon == std::string::npos) fail("a field without a length");
    size_t length = std::stoul(bytes_.substr(at_, colon - at_));
    if (colon + 1 + length > bytes_.size()) fail("a field longer than its file");
    at_ = colon + 1 + length;
    return bytes_.substr(colon + 1, length);
  }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

std::vector<Request> read_requests(const std::string &path) {
  Reader reader(path);
  std::vector<Request> requests;
  while (!reader.at_end()) {
    Request request;
    request.method = reader.field();
    request.target = reader.field();
    request.version = reader.field();
    for (int left = std::stoi(reader.field()); left > 0; left--) {
      std::string name = reader.field();
      request.headers.emplace_back(name, reader.field());
    }
    request.body = reader.field();
    requests.push_back(std::move(request));
  }
  return requests;
}

// What the rules write to the server's log comes here.
void on_log(void *data, const void *message) {
  if (data != nullptr) {
    static_cast<Outcome *>(data)->rules.push_back(
        static_cast<const modsecurity::RuleMessage *>(message)->m_ruleId);
  }
}

// The rule that refuses logs through the intervention, not through the log.
void note_refusing_rule(const char *log, Outcome *outcome) {
  const char *id = log == nullptr ? nullptr : std::strstr(log, "[id \"");
  if (id != nullptr) outcome->rules.push_back(std::atol(id + 5));
}

bool refused(modsecurity::Transaction *transaction, Outcome *outcome) {
  modsecurity::ModSecurityIntervention intervention;
  modsecurity::intervention::clean(&intervention);
  bool is_refused = transaction->intervention(&intervention);
  if (is_refused) {
    outcome->status = intervention.status;
    note_refusing_rule(intervention.log, outcome);
  }
  modsecurity::intervention::free(&intervention);
  return is_refused;
}

// The phases of a request as a server's connector runs them: 1, 2 and 5, and the answer to "may it pass" after each.
void run(modsecurity::ModSecurity *engine, modsecurity::RulesSet *rules, const Request &request,
         Outcome *outcome) {
  // Made by the library: how large one is depends on how the library was built.
  modsecurity::Transaction *made = modsecurity::msc_new_transaction(engine, rules, outcome);
  modsecurity::Transaction &transaction = *made;
  transaction.processConnection("198.51.100.7", 40000, "192.0.2.10", 443);
  bool is_refused = refused(made, outcome);
  if (!is_refused) {
    transaction.processURI(request.target.c_str(), request.method.c_str(), request.version.c_str());
    is_refused = refused(made, outcome);
  }
  if (!is_refused) {
    for (const auto &header : request.headers) {
      transaction.addRequestHeader(header.first, header.second);
    }
    transaction.processRequestHeaders();
    is_refused = refused(made, outcome);
  }
  if (!is_refused) {
    transaction.appendRequestBody(reinterpret_cast<const unsigned char *>(request.body.data()),
                                  request.body.size());
    transaction.processRequestBody();
    refused(made, outcome);
  }
  transaction.processLogging();
  modsecurity::msc_transaction_cleanup(made);
}

class Harness {
 public:
  explicit Harness(const char *rules_file) {
    engine_->setConnectorInformation("portcullis-bench");
    engine_->setServerLogCb(on_log, modsecurity::RuleMessageLogProperty);
    long before_kib = resident_kib();
    double started = cpu_micros();
    int count = rules_->loadFromUri(rules_file);
    double took = cpu_micros() - started;
    if (count < 0) fail(rules_->getParserError());
    std::printf("{\"version\":\"%s\",\"rules\":%d,\"loadCpuUs\":%.0f,\"grownKib\":%ld}\n",
                engine_->whoAmI().c_str(), count, took, resident_kib() - before_kib);
  }

  void measure(const std::string &file) {
    std::vector<Request> requests = read_requests(file);
    std::vector<double> micros;
    double total = 0;
    long refusals = 0;
    for (const Request &request : requests) {
      Outcome outcome;
      double started = cpu_micros();
      run(engine_, rules_, request, &outcome);
      micros.push_back(cpu_micros() - started);
      total += micros.back();
      refusals += outcome.status != 0;
    }
    if (micros.empty()) fail("no request in " + file);
    std::sort(micros.begin(), micros.end());
    std::printf(
        "{\"requests\":%zu,\"medianUs\":%.2f,\"p90Us\":%.2f,\"worstUs\":%.2f,\"cpuUs\":%.2f,\"refused\":%ld,"
        "\"residentKib\":%ld}\n",
        micros.size(), micros[micros.size() / 2], micros[micros.size() * 9 / 10], micros.back(),
        total / micros.size(), refusals, resident_kib());
  }

  void match(const std::string &file) {
    std::string line = "[";
    for (const Request &request : read_requests(file)) {
      Outcome outcome;
      run(engine_, rules_, request, &outcome);
      line += line.size() > 1 ? ",{\"rules\":[" : "{\"rules\":[";
      for (size_t i = 0; i < outcome.rules.size(); i++) {
        line += (i ? "," : "") + std::to_string(outcome.rules[i]);
      }
      line += "],\"status\":" + std::to_string(outcome.status) + "}";
    }
    std::printf("%s]\n", line.c_str());
  }

 private:
  modsecurity::ModSecurity *engine_ = modsecurity::msc_init();
  modsecurity::RulesSet *rules_ = modsecurity::msc_create_rules_set();
};

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) fail("one argument: the file of rules");
  Harness harness(argv[1]);
  std::fflush(stdout);
  std::string command, file;
  while (std::cin >> command && std::getline(std::cin >> std::ws, file)) {
    if (command == "measure") {
      harness.measure(file);
    } else if (command == "match") {
      harness.match(file);
    } else {
      fail("unknown command " + command);
    }
    std::fflush(stdout);
  }
  return 0;
}
